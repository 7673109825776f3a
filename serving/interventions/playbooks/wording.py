"""What a message to a customer may look like, whoever wrote it: a playbook or whoever approves it.

Messages become e-mails, letters and pages: a subject is one line, and neither part holds anything
that could become a header, a control sequence or markup somewhere on its way, or hides a letter.
Where its links lead can be asked.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from features.storable import text_problem

LONGEST_SUBJECT = 150
LONGEST_BODY = 5_000
_ALLOWED_CONTROLS = frozenset("\n\t")


class Words(NamedTuple):
    """The two parts of a message."""

    subject: str
    body: str


def wording_problems(words: Words) -> list[str]:
    """Say everything that is wrong with a message; empty when it may go out."""
    found = []
    for name, text, longest in (
        ("subject", words.subject, LONGEST_SUBJECT),
        ("body", words.body, LONGEST_BODY),
    ):
        if not text.strip():
            found.append(f"the {name} is empty")
        if len(text) > longest:
            found.append(f"the {name} has {len(text):,} characters, at most {longest:,} fit")
        if problem := text_problem(text):
            found.append(f"the {name} {problem}")
        allowed = _ALLOWED_CONTROLS if name == "body" else frozenset[str]()
        if any(_is_control(each) and each not in allowed for each in text):
            found.append(f"the {name} holds a control character or a line break it may not have")
        if _hides(text):
            found.append(f"the {name} holds a letter nobody sees; take zero-width letters out")
        if _MARKUP.search(text):
            found.append(f"the {name} holds markup such as <a href>; write plain text")
    return found


def links_elsewhere(texts: Iterable[str], hosts: Collection[str]) -> tuple[str, ...]:
    """Give the hosts that texts lead to beside `hosts` and what lies below them, each once."""
    found = [_host(match.group()) for text in texts for match in _LINK.finditer(text)]
    own = tuple(each.casefold() for each in hosts)
    return tuple(
        dict.fromkeys(
            host
            for host in found
            if not any(host == each or host.endswith(f".{each}") for each in own)
        )
    )


def hosts_in(texts: Iterable[str]) -> frozenset[str]:
    """Give every host that texts lead to."""
    return frozenset(links_elsewhere(texts, ()))


def _host(link: str) -> str:
    """Give where a link leads, as a browser reads it; a host without a scheme counts as one."""
    plain = link.replace("\\", "/")
    if not re.match(r"(?:[a-z][a-z0-9+.-]*:)?//", plain, re.IGNORECASE):
        plain = f"//{plain}"
    try:
        return (urlsplit(plain).hostname or plain).casefold()
    except ValueError:
        return plain.casefold()


_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}[^\s<>\"']+"  # https://…, //…
    r"|(?<![\w@.-])(?:www\.[^\s<>\"']+|(?:[a-z0-9-]{2,}\.)+"
    r"(?:(?:com|net|org|info|biz|shop|app|io|eu|de|at|ch|uk|fr|ru|cn|top|xyz|link|example)"
    r"(?![\w-])(?:[/\\?#:][^\s<>\"']*)?|[a-z]{2,}/[^\s<>\"']*))",
    re.IGNORECASE,
)
"""What a mail program would make a link of: with a scheme, with www, or a bare host."""

_MARKUP = re.compile(r"<\s*[/!?]?[a-z][^<>]*>?|&(?:#\d+|#x[0-9a-f]+|lt|gt);", re.IGNORECASE)
_JOINERS = "\u200c\u200d"
"""They join and part letters of many scripts and signs, and only hide within ASCII."""


def _hides(text: str) -> bool:
    """Whether a letter is there that nobody sees: zero-width, directional or a tag."""
    return any(
        unicodedata.category(letter) == "Cf"
        and letter not in _HIDING
        and not (letter in _JOINERS and place > 0 and not text[place - 1].isascii())
        for place, letter in enumerate(text)
    )


def _is_control(letter: str) -> bool:
    """Whether it is a control, or a mark that reorders or hides what follows it."""
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp") or letter in _HIDING


_HIDING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
