"""Whether a text is English, offline: a trained identifier, and common words for short texts.

The identifier (py3langid, BSD; byte n-grams and naive Bayes) is good on sentences and weak on two
or three words; there, words that only English has decide. What nobody can tell is undetermined.
"""

import threading
import unicodedata
from functools import cache
from math import sqrt
from typing import Any

from features.text.lexicon import english
from features.text.tokens import shortened, tokens

CONSIDERED = (
    *("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "sk", "hu"),
    *("ro", "hr", "sl", "tr", "ru", "uk", "bg", "el", "ar", "he", "fa", "hi", "bn", "th", "vi"),
    *("id", "ms", "sw", "ja", "zh", "ko", "ca", "et", "lv", "lt", "eu", "sq"),
)
"""Languages a text is told apart by; a text in any other is called by its nearest."""

_SHORT = 4
_CLEAR, _STRONG = 0.6, 1.2
"""Leads of the identifier's first choice, per root of the text's bytes."""
_LOADING = threading.Lock()


def language_of(text: str) -> str | None:
    """Give the ISO 639-1 code of a text's language; None where it cannot be told.

    "en" is given for what is English, whatever its length: a sentence, `love it`, `refund please`.
    Undetermined are texts without letters, and one to three words that no list knows.
    """
    words = [each.word for each in tokens(text) if not each.pause and each.word[0].isalpha()]
    if not words or not _is_latin(text):
        return _other(text) if any(c.isalpha() for c in text) else None
    telling = [word for word in words if word not in english().shared]
    plain = sum(word in english().common for word in telling)
    if plain * 3 >= len(words):
        return "en"
    known = sum(word in english().common or _is_listed(word) for word in telling)
    if telling and known == len(telling) and len(words) <= _SHORT:
        return "en"
    guess, margin = _guess(text)
    if guess == "en":
        return "en" if known or margin > _CLEAR else None
    if margin < _STRONG:
        short = known * 2 >= len(telling) and known and len(words) <= _SHORT
        if short or (plain >= 2 and plain * 4 >= len(words)):
            return "en"
    return guess if len(words) >= _SHORT or margin > _CLEAR else None


def is_english(text: str) -> bool:
    """Whether a text is known to be English."""
    return language_of(text) == "en"


def _is_latin(text: str) -> bool:
    if text.isascii():
        return True
    letters = [c for c in text if c.isalpha()]
    latin = sum(c.isascii() or unicodedata.name(c, "").startswith("LATIN") for c in letters)
    return latin * 2 >= len(letters)


def _is_listed(word: str) -> bool:
    known = english().known
    return word.isascii() and (
        word in known or any(shorter in known for shorter in shortened(word) or ())
    )


def _other(text: str) -> str | None:
    guess, _ = _guess(text)
    return None if guess == "en" else guess


def _guess(text: str) -> tuple[str, float]:
    """The identifier's first choice, and how far it leads: over English, or English over others."""
    ranked = _identifier().rank(text.lower())
    first, best = ranked[0]
    rival = ranked[1][1] if first == "en" else dict(ranked)["en"]
    return first, float(best - rival) / sqrt(len(text.encode("utf-8", "replace")))


def prepare() -> None:
    """Bring the identifier in now: the first text that needs it would wait a second or two."""
    _identifier()


def _identifier() -> Any:
    with _LOADING:  # whoever comes meanwhile waits for the one that is being brought in
        return _load()


@cache
def _load() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    made = LanguageIdentifier.from_model_file(MODEL_FILE)
    made.set_languages(CONSIDERED)
    return made
