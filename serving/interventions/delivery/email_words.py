"""The words Keepwell puts around a message that it sends by e-mail itself, by language."""

from collections.abc import Mapping
from typing import NamedTuple


class EmailWords(NamedTuple):
    """What stands beside each link of an e-mail."""

    locale: str
    survey: str
    why: str
    stop: str


_WORDS: Mapping[str, EmailWords] = {
    "en": EmailWords(
        "en",
        "Your answer, in one click:",
        "Why you get this message, which data it rests on, and what you can do:",
        "No more messages like this, in one click:",
    ),
    "de": EmailWords(
        "de",
        "Ihre Antwort, mit einem Klick:",
        "Warum Sie diese Nachricht bekommen, auf welchen Daten sie beruht und was Sie tun können:",
        "Keine solchen Nachrichten mehr, mit einem Klick:",
    ),
}


def email_words(locale: str | None, *, otherwise: str = "en") -> EmailWords:
    """Give the words in the language of `locale` (`de-AT` is `de`), or those of `otherwise`."""
    language = (locale or "").split("-")[0].lower()
    return _WORDS.get(language) or _WORDS.get(otherwise) or _WORDS["en"]
