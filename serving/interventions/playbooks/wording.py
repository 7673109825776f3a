"""What a message to a customer may look like, whoever wrote it: a playbook or whoever approves it.

Messages become e-mails, letters and pages: a subject is one line, and neither part holds anything
that could become a header, a control sequence or markup somewhere on its way.
"""

import unicodedata
from typing import NamedTuple

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
    return found


def _is_control(letter: str) -> bool:
    """Whether it is a control, or a mark that reorders or hides what follows it."""
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp") or letter in _HIDING


_HIDING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
