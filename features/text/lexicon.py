"""What English words tell of a mood: two licensed lists as one, with the words that bend them.

VADER's list holds the mean of ten people's ratings per word (Hutto & Gilbert, ICWSM 2014; MIT),
`english.toml` Keepwell's own for companies, products, works and public matters. A word that both
know has the mean of the two; a zero in our own list takes a word out (`like` is mostly no praise).
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any, NamedTuple

_OWN = Path(__file__).with_name("english.toml")
_SUFFIXES = (
    ("ily", ("y",)),
    ("ly", ("", "le")),
    ("ness", ("", "y")),
    ("ing", ("", "e")),
    ("ed", ("", "e")),
    ("es", ("", "e")),
    ("s", ("",)),
    ("er", ("", "e")),
    ("est", ("", "e")),
)
_LAST = frozenset(suffix[-1] for suffix, _ in _SUFFIXES)
_SHORTEST_STEM = 4
_WORDLIKE = re.compile(r"[^\W\d_]")


class Lexicon(NamedTuple):
    """Valence of words, emoji and emoticons, -4 (very bad) to 4 (very good), and what bends it.

    `phrases` maps a first word to its phrases, longest first, each with its valence. `known` are
    all words the lists speak of, those with valence 0 too; `common` are everyday words that only
    English has, `topics` those of them that say what a text is about, `shared` words that prove no
    language.
    """

    valence: Mapping[str, float]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], float], ...]]
    emoticons: frozenset[str]
    negations: frozenset[str]
    boosters: frozenset[str]
    dampeners: frozenset[str]
    known: frozenset[str]
    common: frozenset[str]
    topics: frozenset[str]
    shared: frozenset[str]
    version: str


@cache
def english() -> Lexicon:
    """Read both lists, once per process."""
    written = _OWN.read_bytes()
    own = tomllib.loads(written.decode())
    said = _levels(own["words"]) | _levels(own["emoji"])
    rated = _vader()
    valence = {
        word: (rated[word] + said[word]) / 2
        if word in rated and word in said
        else rated.get(word, said.get(word, 0.0))
        for word in rated.keys() | said.keys()
        if said.get(word) != 0 and " " not in word
    }
    known = frozenset(word for word in rated.keys() | said.keys() if _WORDLIKE.search(word))
    return Lexicon(
        valence=valence,
        phrases=_phrases(own["phrases"]),
        emoticons=frozenset(word for word in valence if not word.isalnum() and len(word) < 8),
        negations=frozenset(own["negations"].split()),
        boosters=frozenset(own["boosters"].split()),
        dampeners=frozenset(own["dampeners"].split()),
        known=known,
        common=frozenset(own["common"].split() + own["topics"].split()),
        topics=frozenset(own["topics"].split()),
        shared=frozenset(own["shared"].split()),
        version=f"english-{hashlib.sha256(written).hexdigest()[:8]}+vader-{version('vaderSentiment')}",
    )


def stems(word: str) -> list[str]:
    """Give what an unknown word may be a form of: `predictably` of `predictable`."""
    if len(word) <= _SHORTEST_STEM or word[-1] not in _LAST:
        return []
    return [
        word[: -len(suffix)] + ending
        for suffix, endings in _SUFFIXES
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM
        for ending in endings
    ]


def _levels(table: Mapping[str, str]) -> dict[str, float]:
    return {word: float(level) for level, words in table.items() for word in words.split()}


def _phrases(
    table: Mapping[str, str],
) -> Mapping[str, tuple[tuple[tuple[str, ...], float], ...]]:
    found: dict[str, list[tuple[tuple[str, ...], float]]] = {}
    for level, phrases in table.items():
        for phrase in phrases.split("|"):
            words = tuple(phrase.split())
            found.setdefault(words[0], []).append((words, float(level)))
    return {
        first: tuple(sorted(some, key=lambda each: -len(each[0]))) for first, some in found.items()
    }


def _vader() -> dict[str, float]:
    path: Any = distribution("vaderSentiment").locate_file("vaderSentiment/vader_lexicon.txt")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    parts = (line.split("\t") for line in lines if line.strip())
    return {word: float(mean) for word, mean, *_ in parts}
