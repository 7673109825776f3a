"""How a text sounds, from -1 (very negative) to 1 (very positive), offline and versioned.

The word list and rules are VADER's (Hutto & Gilbert, ICWSM 2014), made for short English texts.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

VERSION = f"vader-{version('vaderSentiment')}"
"""Recorded with every model whose features use sentiment."""

LANGUAGES = ("en",)
"""Languages the word list knows; any other reads as near 0 and is not measured."""

MAX_CHARACTERS = 2_000
"""Longer texts are judged by their beginning."""


def sentiment(texts: Sequence[str | None]) -> list[float | None]:
    """Give the compound score of each text, -1 to 1 with four decimals; None where there is none.

    Zero means neutral or no word of the list. The caller must hold a permit for
    `wellbeing_inference` that covers the writers.
    """
    analyser = _analyser()
    return [
        float(analyser.polarity_scores(text[:MAX_CHARACTERS])["compound"])
        if text and not text.isspace()
        else None
        for text in texts
    ]


@cache
def _analyser() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
