"""A text as words, emoji and pauses: cleaned of markup and cut to a bounded length first."""

import html
import re
import unicodedata
from typing import NamedTuple

MAX_CHARACTERS = 2_000
"""Longer texts are judged by their beginning; cleaning looks at twice as much."""

_MARKUP = re.compile(
    r"<!--.*?-->|<(?:script|style)\b.*?</(?:script|style)\s*>|</?[a-zA-Z][^<>]*>", re.S
)
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\S+|@\w+")
_PIECE = re.compile(
    r"[^\W_]+(?:['’*-][^\W_]+)*['’]?"  # a word, with apostrophes and hyphens inside
    r"|[.!?;:,…]+"  # a pause
    r"|[\U0001F000-\U0001FAFF☀-➿⭐❤](?:\uFE0F|\u200D[\U0001F000-\U0001FAFF☀-➿]\uFE0F?)*"
)
_LONG_DRAWN = re.compile(r"(.)\1{2,}")


class Token(NamedTuple):
    """One piece of a text: `word` in lower case, whether it is SHOUTED, and whether it is a pause.

    Words, emoji and emoticons are words; of punctuation only what ends a thought is kept.
    """

    word: str
    shouted: bool = False
    pause: bool = False


def clean(text: str) -> str:
    """Give a text without markup, addresses, @names and control characters, at most 2,000 long.

    Character references (`&amp;`) become characters, twice over as real exports need it. Never
    fails, and bounded in time for any input.
    """
    found = text[: 2 * MAX_CHARACTERS]
    if "&" in found:
        found = html.unescape(html.unescape(found))
    if "<" in found:
        found = _MARKUP.sub(" ", found)
    if "@" in found or "http" in found or "www." in found:
        found = _ADDRESS.sub(" ", found)
    if not found.isprintable():
        found = "".join(
            c if c == "\u200d" or unicodedata.category(c)[0] != "C" else " " for c in found
        )
    return found[:MAX_CHARACTERS].strip()


def tokens(text: str, emoticons: frozenset[str] = frozenset()) -> list[Token]:
    """Take a cleaned text apart; chunks between spaces that are `emoticons` stay whole."""
    found: list[Token] = []
    for chunk in text.split():
        if chunk in emoticons:
            found.append(Token(chunk))
            continue
        for piece in _PIECE.findall(chunk):
            if piece[0] in ".!?;:,…":
                found.append(Token(piece, pause=True))
            else:
                shouted = len(piece) > 1 and piece.isupper()
                found.append(Token(piece.lower().replace("’", "'").rstrip("'"), shouted))
    return found


def shortened(word: str) -> tuple[str, str] | None:
    """Give what a long-drawn word may stand for: `soooo` is `soo` or `so`; None for others."""
    if _LONG_DRAWN.search(word) is None:
        return None
    return _LONG_DRAWN.sub(r"\1\1", word), _LONG_DRAWN.sub(r"\1", word)
