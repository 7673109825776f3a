"""What customers wrote, as they wrote it: searched and sampled only with `research_text`.

Nothing of a text is kept beside the history: the search index lives in memory for one search, so
that a withdrawal or an erasure reaches everything. What comes out is redacted.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.counting import OWN
from features.history import Histories
from features.text.tokens import clean
from governance.errors import InvalidInput
from governance.instants import from_micros, to_micros
from governance.proof import Permit

PURPOSE = "research_text"
KINDS = ("narrative", "diary", "transcript")
"""Kinds made for long texts; any other event may carry a text too."""

_LONGEST_SHOWN = 400
_MOST_WORDS = 20
_WORD = re.compile(r"\w+")
_SECRETS = (
    (re.compile(r"\S+@\S+\.\S+"), "[e-mail]"),
    (re.compile(r"(?:https?://|www\.)\S+"), "[address]"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?\b"), "[account]"),
    (re.compile(r"(?<!\w)\+?\d[\d \-/().]{6,}\d(?!\w)"), "[number]"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{6,}\b"), "[number]"),
    (re.compile(r"\d{5,}"), "[number]"),
    (re.compile(r"(?<!\w)@\w+"), "[name]"),
    (
        re.compile(
            r"\b(?P<lead>my name is|i am called|regards,?|sincerely,?|yours,?|(?:mr|mrs|ms|dr)\.?)"
            r"\s+[A-Z][\w'-]+(?:\s+[A-Z][\w'-]+)?"
        ),
        r"\g<lead> [name]",
    ),
)


class Excerpt(NamedTuple):
    """A redacted piece of what someone wrote: of which kind of event, and when; not by whom."""

    kind: str
    occurred_at: datetime
    text: str


class Matches(NamedTuple):
    """What a search found: texts in all, people who wrote them, and the best excerpts."""

    texts: int
    people: int
    excerpts: tuple[Excerpt, ...]


def redact(text: str, names: Sequence[str] = ()) -> str:
    """Give a cleaned text without e-mail addresses, numbers, ids, links and stated names.

    `names` are strings known to identify (the writer's customer id); they go too. Careful, not
    perfect: a person can be described without being named, so excerpts stay under permission.
    """
    found = text
    for name in sorted(names, key=len, reverse=True):
        if len(name) > 1:
            found = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "[id]", found, flags=re.IGNORECASE)
    for pattern, put in _SECRETS:
        found = pattern.sub(put, found)
    return clean(found)


def search_texts(
    histories: Histories, permit: Permit, words: str, *, as_of: datetime, limit: int = 20
) -> Matches:
    """Find texts that hold all of `words` (their forms too), the best matches first.

    Only of customers `permit` covers, which must be for `research_text`, and only what was known
    at `as_of`. `word*` stands for any ending. Raises `InvalidInput` without a word to look for.
    """
    permit.require(PURPOSE)
    asked = [f'"{each}"' + ("*" if starred else "") for each, starred in _asked(words)]
    if not asked:
        raise InvalidInput("there is no word to look for", hint="give a word or two")
    rows = list(_readable(histories, permit, as_of))
    with closing(sqlite3.connect(":memory:")) as index:
        index.execute("CREATE VIRTUAL TABLE found USING fts5(said, tokenize='porter unicode61')")
        index.executemany(
            "INSERT INTO found (rowid, said) VALUES (?, ?)", ((row, text) for row, text in rows)
        )
        hits = index.execute(
            "SELECT rowid, snippet(found, 0, '', '', '…', 40) FROM found WHERE found MATCH ? "
            "ORDER BY rank, rowid",
            (" ".join(asked),),
        ).fetchall()
    people = {int(histories.customer_of_event[row]) for row, _ in hits}
    excerpts = tuple(_excerpt(histories, row, said) for row, said in hits[: max(limit, 0)])
    return Matches(len(hits), len(people), excerpts)


def sample_texts(
    histories: Histories,
    permit: Permit,
    rng: np.random.Generator,
    *,
    as_of: datetime,
    size: int = 10,
    kinds: Sequence[str] = (),
    where: Callable[[str], bool] = lambda text: True,
) -> tuple[Excerpt, ...]:
    """Draw texts for a report, at most one per person, each person as likely as any other.

    Only of customers `permit` covers, which must be for `research_text`, and only what was known
    at `as_of`; of these event `kinds`, if any are named, and only texts for which `where` says yes.
    """
    permit.require(PURPOSE)
    texts: dict[int, list[tuple[int, str]]] = {}
    for row, text in _readable(histories, permit, as_of):
        if (not kinds or histories.kinds[histories.kind[row]] in kinds) and where(text):
            texts.setdefault(int(histories.customer_of_event[row]), []).append((row, text))
    people = sorted(texts)
    chosen = rng.permutation(len(people))[: max(size, 0)]
    drawn = []
    for place in chosen:
        own = texts[people[place]]
        row, text = own[int(rng.integers(len(own)))]
        drawn.append(_excerpt(histories, row, text))
    return tuple(drawn)


def text_rows(histories: Histories, as_of: datetime) -> list[tuple[int, str]]:
    """List (row, text) of every event with a text that may be used at `as_of`; not our own acts."""
    column = histories.strings.get("text")
    if column is None:
        return []
    usable = np.flatnonzero(histories.visible(to_micros(as_of)) & ~histories.is_own_act)
    return [
        (int(row), text)
        for row, text in zip(usable, histories.pick("text", usable), strict=True)
        if text
    ]


def permitted_events(histories: Histories, permit: Permit) -> NDArray[np.bool_]:
    """Whether `permit` lets each event (n,) be read: its person, and the id it was recorded under.

    Where ids were merged into one person each must permit by itself.
    """
    people = np.array([permit.covers(str(each)) for each in histories.customers], np.bool_)
    found: NDArray[np.bool_] = people[histories.customer_of_event]
    origins = histories.origins
    if origins is None or not len(origins.contributors):
        return found
    others = np.array([permit.covers(str(each)) for each in origins.contributors], np.bool_)
    found &= (origins.of_event == OWN) | others[origins.of_event]
    return found


def _readable(histories: Histories, permit: Permit, as_of: datetime) -> Iterator[tuple[int, str]]:
    allowed = permitted_events(histories, permit)
    for row, text in text_rows(histories, as_of):
        if allowed[row]:
            cleaned = redact(text, _ids(histories, row))
            if cleaned:
                yield row, cleaned


def _ids(histories: Histories, row: int) -> list[str]:
    """The ids a text's writer is known by here."""
    found = [str(histories.customers[histories.customer_of_event[row]])]
    origins = histories.origins
    if origins is not None and origins.of_event[row] != OWN:
        found.append(str(origins.contributors[origins.of_event[row]]))
    return found


def _excerpt(histories: Histories, row: int, text: str) -> Excerpt:
    short = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
    kind = histories.kinds[histories.kind[row]]
    return Excerpt(kind, from_micros(int(histories.occurred_at[row])), short)


def _asked(words: str) -> list[tuple[str, bool]]:
    found = [(m.group(), words[m.end() : m.end() + 1] == "*") for m in _WORD.finditer(words)]
    return found[:_MOST_WORDS]
