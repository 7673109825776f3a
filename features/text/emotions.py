"""Named emotions in a text, by Keepwell's own phrases: frustration, confusion, anxiety and others.

What is read is what someone wrote on one occasion, never what kind of person they are.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.text.phrases import Phrases, as_words
from features.text.sentiment import measurable

EMOTIONS = ("frustration", "confusion", "anxiety", "disappointment", "delight", "gratitude")
"""Columns of `emotions`, in this order."""

PRESENT = 0.5
"""From this strength on an emotion is said to be in a text."""

_LISTS = Path(__file__).with_name("emotions.toml")


class Evidence(NamedTuple):
    """A phrase that speaks of an emotion, how plainly (0 to 1), and whether it is negated."""

    emotion: str
    words: str
    weight: float
    negated: bool


def emotions(texts: Sequence[str | None]) -> NDArray[np.float64]:
    """Give the strength of each emotion (n, 6) in the order of `EMOTIONS`, 0 to 1.

    1 − Π(1 − wᵢ) over the phrases found, each weighing wᵢ by how plainly it speaks (more after
    `really`, less after `slightly`); negated ones do not count. 0 is no sign of it, NaN not
    measured: nothing to say, or not known to be English. The caller must hold a permit for
    `wellbeing_inference` that covers the writers.
    """
    found = np.full((len(texts), len(EMOTIONS)), np.nan)
    for row, text in enumerate(texts):
        cleaned = measurable(text)
        if cleaned is not None:
            found[row] = strengths(evidence(cleaned))
    return found


def evidence(cleaned: str) -> list[Evidence]:
    """List every phrase of a cleaned text that speaks of an emotion, negated ones too."""
    words = as_words(cleaned)
    return [
        Evidence(emotion, each.words, round(min(weight * each.emphasis, 0.95), 4), each.negated)
        for emotion, levels in _lists().items()
        for weight, phrases in levels
        for each in phrases.find(words)
    ]


def strengths(found: Sequence[Evidence]) -> list[float]:
    """Give what these phrases add up to for each emotion, in the order of `EMOTIONS`."""
    return [
        round(
            1
            - prod(1 - each.weight for each in found if each.emotion == name and not each.negated),
            4,
        )
        for name in EMOTIONS
    ]


@cache
def emotions_version() -> str:
    """Name the lists; recorded with every model whose features use emotions."""
    return f"emotions-{hashlib.sha256(_LISTS.read_bytes()).hexdigest()[:8]}"


@cache
def _lists() -> Mapping[str, tuple[tuple[float, Phrases], ...]]:
    read = tomllib.loads(_LISTS.read_text(encoding="utf-8"))
    return {
        name: tuple(
            (float(level), Phrases(phrases.split("|"))) for level, phrases in read[name].items()
        )
        for name in EMOTIONS
    }
