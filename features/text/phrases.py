"""Finding phrases in a text, word by word, and telling whether they are negated there."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from features.text.lexicon import Lexicon, english
from features.text.sentiment import is_negation
from features.text.tokens import tokens

_WORD = r"[^\W_]+(?:['-][^\W_]+)*\*?"
_PHRASE = re.compile(rf"{_WORD}(?: {_WORD})*|[^\w\s*]{{1,8}}")
_FILLER = r"(?: (?:a|an|the|my|our|your|this|that|any|some|full|very|so|really))?"
_REACH = 3


class Found(NamedTuple):
    """One phrase in a text: its words as they stand there, and how they are bent.

    `emphasis` is 1, more after an intensifier (`really`), less after a dampener (`slightly`).
    """

    words: str
    negated: bool
    emphasis: float = 1.0


class Phrases:
    """Some phrases as one search.

    A phrase is one or more words; `*` at the end of a word stands for any ending (`refund*`), and
    one article or little word may stand between two words (`need refund` finds `need a refund`).
    The longest phrase at a place counts, and no word counts twice.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        longest_first = sorted((plain(each) for each in phrases), key=len, reverse=True)
        written = "|".join(_as_pattern(each) for each in dict.fromkeys(longest_first))
        self._pattern = re.compile(rf"(?<!\S)(?:{written})(?!\S)")

    def find(self, words: str) -> list[Found]:
        """List the phrases in a text that `as_words` has prepared."""
        lexicon = english()
        return [
            _found(match.group(), words[: match.start()], lexicon)
            for match in self._pattern.finditer(words)
        ]


def as_words(cleaned: str) -> str:
    """Give a cleaned text as lower-case words, one space between; pauses as `.` or `,`."""
    found = tokens(cleaned, english().emoticons)
    return " ".join(
        ("," if each.word[0] == "," else ".") if each.pause else each.word for each in found
    )


def plain(phrase: str) -> str:
    """Give a phrase as it is looked for: lower case, straight apostrophes, single spaces."""
    return " ".join(phrase.lower().replace("’", "'").split())


def phrase_problem(phrase: str) -> str | None:
    """Say why a phrase could never be found; None when it can."""
    if not phrase.strip():
        return "is empty"
    if len(phrase) > 200:
        return "is longer than 200 characters"
    if not _PHRASE.fullmatch(plain(phrase)):
        return "must be words with single spaces, with * only at the end of a word"
    return None


def _as_pattern(phrase: str) -> str:
    words = [re.escape(word).replace(r"\*", r"\S*") for word in phrase.split()]
    return (_FILLER + " ").join(words)


def _found(words: str, before: str, lexicon: Lexicon) -> Found:
    nearby: list[str] = []
    for word in reversed(before.split()[-_REACH:]):
        if word == ".":
            break
        nearby.append(word)
    negated = any(is_negation(word, lexicon) for word in nearby)
    last = nearby[0] if nearby else ""
    emphasis = 1.25 if last in lexicon.boosters else 0.75 if last in lexicon.dampeners else 1.0
    return Found(words, negated, emphasis)
