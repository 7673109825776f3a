"""How a text sounds, offline and versioned: polarity from -1 to 1 and intensity from 0 to 1.

Words have a valence (`lexicon`), which negation turns, intensifiers and capitals bend, and `but`
weighs. Made for English; other languages are not measured (`language`).
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

from features.text.language import is_english
from features.text.lexicon import Lexicon, english, stems
from features.text.tokens import Token, clean, shortened, tokens

RULES = "2"
LANGUAGES = ("en",)
"""Languages the word lists know; any other is not measured."""

_NEGATED = -0.5
_BOOST = 0.293
_NEARBY = (1.0, 0.95, 0.9)
_SHOUTED = 0.733
_BEFORE_BUT, _AFTER_BUT = 0.5, 1.5
_EXCLAMATION, _MOST_EXCLAMATIONS = 0.292, 4
_SQUASH = 15.0
_FEW_WORDS = 4
_BUT = frozenset({"but", "however"})


class Tone(NamedTuple):
    """How a text sounds.

    `polarity` is -1 (very negative) to 1 (very positive); 0 is neutral, or no known word.
    `intensity` is 0 (matter-of-fact) to 1 (full of feeling), whichever way: a text of praise and
    blame has a polarity near 0 and a high intensity.
    """

    polarity: float
    intensity: float


class Weighed(NamedTuple):
    """One word or phrase that counted, and the valence it had in its place."""

    words: str
    valence: float


def scorer_version() -> str:
    """Name the rules and lists; recorded with every model whose features use sentiment."""
    return f"rules-{RULES}/{english().version}"


def sentiment(
    texts: Sequence[str | None], *, scorer: Callable[[Sequence[str]], Sequence[float]] | None = None
) -> list[float | None]:
    """Give the polarity of each text, -1 to 1 with four decimals; None where it is not measured.

    Not measured: no text, nothing to say (no word, emoji or emoticon), or not known to be English.
    `scorer` is a home's own model (`features.text.model`), if it has one. The caller must hold a
    permit for `wellbeing_inference` that covers the writers.
    """
    if scorer is None:
        return [None if tone is None else tone.polarity for tone in tones(texts)]
    found: list[float | None] = [None] * len(texts)
    measured = [
        (place, cleaned)
        for place, text in enumerate(texts)
        if (cleaned := measurable(text)) is not None
    ]
    for (place, _), value in zip(measured, scorer([each for _, each in measured]), strict=True):
        found[place] = round(float(value), 4)
    return found


def tones(texts: Sequence[str | None]) -> list[Tone | None]:
    """Give polarity and intensity of each text by rule; None where it is not measured."""
    lexicon = english()
    return [
        None
        if (cleaned := measurable(text)) is None
        else _tone([each.valence for each in weigh(cleaned, lexicon)], cleaned)
        for text in texts
    ]


def measurable(text: str | None) -> str | None:
    """Give of a text what can be measured, cleaned; None where there is nothing.

    All of it where it is English; of one to four words in another language, or in none that can
    be told, the emoji and emoticons, which say the same in any.
    """
    cleaned = clean(text) if text else ""
    if not cleaned or is_english(cleaned):
        return cleaned or None
    lexicon = english()
    found = tokens(cleaned, lexicon.emoticons)
    signs = [each.word for each in found if each.word in lexicon.valence and not _is_word(each)]
    words = sum(map(_is_word, found))
    return " ".join(signs) if signs and words <= _FEW_WORDS else None


def _is_word(token: Token) -> bool:
    return not token.pause and token.word[0].isalpha()


def weigh(cleaned: str, lexicon: Lexicon) -> list[Weighed]:
    """List the words and phrases that count in a cleaned text, each with its bent valence."""
    found = tokens(cleaned, lexicon.emoticons)
    mixed = any(each.shouted for each in found) and not all(
        each.shouted for each in found if each.word.isalpha()
    )
    weighed: list[Weighed] = []
    places: list[int] = []
    skip_until = 0
    for place, token in enumerate(found):
        if place < skip_until or token.pause:
            continue
        phrase = _phrase_at(found, place, lexicon)
        if phrase is not None:
            words, valence = phrase
            skip_until = place + len(words)
        else:
            words, valence = (token.word,), valence_of(token.word, lexicon)
            if valence and _only_bends(found, place, lexicon):
                continue
        if valence:
            bent = _bend(found, place, valence, lexicon, mixed=mixed)
            weighed.append(Weighed(" ".join(words), bent))
            places.append(place)
    return _around_but(found, places, weighed)


def valence_of(word: str, lexicon: Lexicon) -> float:
    """Look a word up, -4 to 4; as it stands, long-drawn, in its parts, or as a form of another."""
    valence = lexicon.valence.get(word)
    if valence is not None:
        return valence
    if word in lexicon.known:
        return 0.0
    for shorter in shortened(word) or ():
        if shorter in lexicon.known:
            return lexicon.valence.get(shorter, 0.0)
    if "-" in word:
        return max(
            (valence_of(part, lexicon) for part in word.split("-") if part), key=abs, default=0.0
        )
    for stem in stems(word):
        if stem in lexicon.known:
            return lexicon.valence.get(stem, 0.0)
    return 0.0


def is_negation(word: str, lexicon: Lexicon) -> bool:
    """Whether a word turns what follows: not, never, don't, cannot …."""
    return word.endswith("n't") or word.replace("'", "") in lexicon.negations


def _phrase_at(
    found: Sequence[Token], place: int, lexicon: Lexicon
) -> tuple[tuple[str, ...], float] | None:
    begun = lexicon.phrases.get(found[place].word)
    if begun is None:
        return None
    for words, valence in begun:
        end = place + len(words)
        if tuple(each.word for each in found[place:end]) == words:
            return words, valence
    return None


def _only_bends(found: Sequence[Token], place: int, lexicon: Lexicon) -> bool:
    """`really` in `really good`, `no` in `no good` and `kind` in `kind of` have no own valence."""
    word = found[place].word
    following = found[place + 1].word if place + 1 < len(found) else ""
    if word == "kind" and following == "of":
        return True
    bends = word in lexicon.boosters or word in lexicon.dampeners or is_negation(word, lexicon)
    return (bends or word == "pretty") and valence_of(following, lexicon) != 0


def _bend(
    found: Sequence[Token], place: int, valence: float, lexicon: Lexicon, *, mixed: bool
) -> float:
    sign = 1.0 if valence > 0 else -1.0
    if mixed and found[place].shouted:
        valence += sign * _SHOUTED
    before: list[Token] = []
    for token in reversed(found[max(0, place - 4) : place]):
        if token.pause and token.word[0] != ",":
            break
        if not token.pause:
            before.append(token)
    for nearness, token in zip(_NEARBY, before, strict=False):
        if token.word in lexicon.boosters:
            valence += sign * _BOOST * nearness
        elif token.word in lexicon.dampeners:
            valence -= sign * _BOOST * nearness
    following = ""
    for token in before[:3]:
        if is_negation(token.word, lexicon):
            if (token.word, following) not in _NO_TURN:
                valence *= _NEGATED
            break
        following = token.word
    return valence


_NO_TURN = frozenset(
    {("not", "only"), ("without", "doubt"), ("never", "so"), ("never", "this"), ("no", "wonder")}
)


def _around_but(
    found: Sequence[Token], places: Sequence[int], weighed: list[Weighed]
) -> list[Weighed]:
    """What comes before the last `but` weighs half, what comes after it half as much again."""
    turns = [place for place, token in enumerate(found) if token.word in _BUT]
    if not turns or not weighed:
        return weighed
    return [
        each._replace(valence=each.valence * (_BEFORE_BUT if place < turns[-1] else _AFTER_BUT))
        for place, each in zip(places, weighed, strict=True)
    ]


def _tone(valences: Sequence[float], cleaned: str) -> Tone:
    """Sum the valences over the root of their number, and squash: x ÷ √(x² + 15)."""
    if not valences:
        return Tone(0.0, 0.0)
    root = sqrt(len(valences))
    emphasis = _EXCLAMATION * min(cleaned.count("!"), _MOST_EXCLAMATIONS)
    total, strength = sum(valences), sum(map(abs, valences)) + emphasis
    if total:
        total += emphasis if total > 0 else -emphasis
    return Tone(_squash(total / root), _squash(strength / root))


def _squash(x: float) -> float:
    return round(x / sqrt(x * x + _SQUASH), 4)
