"""What a text is tagged with, in three layers, by rules a person wrote down in a file.

interaction (what is it about), emotion (how does it sound), outcome (how did it end). Some rules
raise the empathy counter: a complaint is a signal for us to do better, never a mark against the
person, and no tag is ever a feature of a score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from features.text.emotions import EMOTIONS, Evidence, evidence, strengths
from features.text.phrases import Phrases, as_words
from features.text.sentiment import Tone, measurable, tones
from features.text.tokens import clean

LAYERS = ("interaction", "emotion", "outcome")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way to a tag; every condition it states must hold.

    `anyone` asks for one of its phrases, `every` for each, `unless` for none; a negated phrase
    counts only with `even_negated`. `emotion` asks for a strength of `at_least`, `below` and
    `above` for a polarity. `kinds` limits it to texts of these event kinds. `empathy` is what it
    adds to the empathy counter. `line` is where its file has it.
    """

    layer: str
    tag: str
    anyone: Phrases | None = None
    every: tuple[Phrases, ...] = ()
    unless: Phrases | None = None
    emotion: str | None = None
    at_least: float = 0.5
    below: float | None = None
    above: float | None = None
    kinds: frozenset[str] = frozenset()
    even_negated: bool = False
    empathy: int = 0
    line: int = 0


@dataclass(frozen=True)
class Theme:
    """Something people write about, known by its phrases, negated or not."""

    name: str
    phrases: Phrases


@dataclass(frozen=True)
class Rules:
    """All rules and themes of one file, and the first 8 hex of its sha256."""

    rules: tuple[Rule, ...]
    themes: tuple[Theme, ...]
    version: str


class Fired(NamedTuple):
    """One rule that applies to a text, and what in the text made it."""

    layer: str
    tag: str
    line: int
    why: tuple[str, ...]
    empathy: int


class Tagging(NamedTuple):
    """Everything read from one text.

    `tone` and `emotions` are None where they are not measured (another language, nothing to say);
    rules that ask for phrases alone apply all the same.
    """

    fired: tuple[Fired, ...]
    themes: tuple[str, ...]
    tone: Tone | None
    emotions: tuple[float, ...] | None
    evidence: tuple[Evidence, ...]

    @property
    def empathy(self) -> int:
        """How much this text raises the empathy counter; each tag counts once."""
        most: dict[tuple[str, str], int] = {}
        for each in self.fired:
            key = (each.layer, each.tag)
            most[key] = max(most.get(key, 0), each.empathy)
        return sum(most.values())

    def tags(self, layer: str) -> tuple[str, ...]:
        """The tags of one layer, in the order of the rules."""
        return tuple(dict.fromkeys(each.tag for each in self.fired if each.layer == layer))


def tag(text: str | None, rules: Rules, *, kind: str | None = None) -> Tagging:
    """Say which rules and themes apply to a text of an event of this kind, and why.

    The caller must hold a permit for `wellbeing_inference` that covers the writer.
    """
    measured = measurable(text)
    words = as_words(clean(text or ""))
    tone = tones([text])[0]
    found = () if measured is None else tuple(evidence(measured))
    strength = None if measured is None else tuple(strengths(found))
    fired = []
    for rule in rules.rules:
        if rule.kinds and kind not in rule.kinds:
            continue
        why = _why(rule, words, tone, strength, found)
        if why:
            fired.append(Fired(rule.layer, rule.tag, rule.line, tuple(why), rule.empathy))
    themes = tuple(theme.name for theme in rules.themes if theme.phrases.find(words))
    return Tagging(tuple(fired), themes, tone, strength, found)


def themes_of(text: str | None, rules: Rules) -> tuple[str, ...]:
    """Give the themes of a text alone: no mood is read."""
    words = as_words(clean(text or ""))
    return tuple(theme.name for theme in rules.themes if theme.phrases.find(words))


def _why(
    rule: Rule,
    words: str,
    tone: Tone | None,
    strength: Sequence[float] | None,
    found: Sequence[Evidence],
) -> list[str]:
    """Give the reasons for which a rule applies; empty when one of its conditions does not hold."""
    if rule.unless is not None and rule.unless.find(words):
        return []
    why: list[str] = []
    for phrases in ((rule.anyone,) if rule.anyone is not None else ()) + rule.every:
        hits = [each.words for each in phrases.find(words) if rule.even_negated or not each.negated]
        if not hits:
            return []
        why += [f"“{hit}”" for hit in dict.fromkeys(hits)]
    if rule.emotion is not None:
        felt = 0.0 if strength is None else strength[EMOTIONS.index(rule.emotion)]
        if felt < rule.at_least:
            return []
        said = [e.words for e in found if e.emotion == rule.emotion and not e.negated]
        why.append(f"{rule.emotion} {felt:.2f}: " + ", ".join(dict.fromkeys(said)))
    if rule.below is not None or rule.above is not None:
        if tone is None:
            return []
        if rule.below is not None and not tone.polarity < rule.below:
            return []
        if rule.above is not None and not tone.polarity > rule.above:
            return []
        why.append(f"polarity {tone.polarity:+.2f}")
    return why
