"""A file of people's own answers, one per line: CSV or JSON lines, each with its own evidence."""

import csv
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from sqlalchemy import Connection, func, or_, select

from features.storable import text_problem
from governance.consent.purposes import family_of
from governance.consent.record import PERMITTING, STATES, ConsentChange, same_evidence
from governance.errors import InvalidInput, KeepwellError
from governance.instants import parse_instant
from governance.tables import consent_events

REQUIRED = ("customer_id", "purpose", "state", "occurred_at", "mechanism", "evidence")
OPTIONAL = (
    "actor", "explicit", "expires_at", "notice_id", "notice_version", "notice_hash",
    "notice_locale", "guardian_evidence",
)  # fmt: skip
UNREADABLE_STATE = "unreadable state"
_NOT_ITS_OWN = "its evidence is that of several people, and not its own"
_IN_USE = "its evidence is already that of another person's yes, and not its own"
_STOPPED = "what it says (state) cannot be read; it counts as a withdrawal"
_YES = frozenset({"true", "1", "yes"})
_NO = frozenset(
    {
        "0", "cancelled", "declined", "denied", "disagree", "disagreed", "false", "n", "nein", "no",
        "not_given", "objected", "off", "opt_out", "opted_out", "optedout", "optout", "reject",
        "rejected", "revoke", "stop", "stopped", "unsubscribe", "unsubscribed", "withdraw",
        "withdrew",
    }
)  # fmt: skip
_LONGEST = dict.fromkeys((*REQUIRED, *OPTIONAL), 200) | {
    "evidence": 2_000,
    "guardian_evidence": 2_000,
}
_LONGEST_LINE = 1_000_000
_FEW = 400
_MOST_LINES = 100
"""Over so many lines a quoted text of a CSV file may run; a quote left open is one lost line."""


class ConsentFile(NamedTuple):
    """The answers that could be read, and how often a line could not be and why.

    `unclear` counts those among the answers that had to be taken as a withdrawal.
    """

    changes: tuple[ConsentChange, ...]
    unreadable: Mapping[str, int]
    unclear: Mapping[str, int] = {}


def read_consents(path: Path, *, zone: tzinfo, rename: Callable[[str], str]) -> ConsentFile:
    """Read the answers in `path`; `rename` turns a customer's id into the id this home knows.

    Bare dates and naive times are taken in `zone`. Raises `InvalidInput` for a file that lacks a
    needed column; a line that cannot be read is counted and does not hold up the others. So is a
    yes whose evidence stands beside other people's, too: it is not its own. A line that says
    something unknown of a known purpose stops.
    """
    changes, unreadable = [], Counter[str]()
    for line in _lines(path):
        try:
            if isinstance(line, str):
                raise InvalidInput(line)
            changes.append(_change(line, zone, rename))
        except (KeepwellError, ValueError) as problem:
            unreadable[getattr(problem, "message", "a value cannot be read")] += 1
    shared = _shared_evidence(changes)
    kept = [
        each
        for each in changes
        if each.state not in PERMITTING or same_evidence(each.evidence) not in shared
    ]
    if len(kept) < len(changes):
        unreadable[_NOT_ITS_OWN] += len(changes) - len(kept)
    unclear = sum(each.mechanism == UNREADABLE_STATE for each in kept)
    return ConsentFile(tuple(kept), dict(unreadable), {_STOPPED: unclear} if unclear else {})


def with_own_evidence(conn: Connection, read: ConsentFile) -> ConsentFile:
    """Leave out every yes whose evidence is already recorded as that of another person's yes."""
    e = consent_events.c
    holders: dict[str, set[str]] = {}
    stated = {each.evidence for each in read.changes if each.state in PERMITTING}
    named = stated | {same_evidence(each) for each in stated}
    recorded = select(e.evidence, e.customer_id).where(e.state.in_(sorted(PERMITTING)))
    if len(named) <= _FEW:  # beyond, it is quicker to look at everything once
        some = sorted(named)
        recorded = recorded.where(
            or_(e.evidence.in_(some), func.lower(func.trim(e.evidence)).in_(some))
        )
    for evidence, customer in conn.execute(recorded.distinct()):
        same = same_evidence(evidence)
        if same in named:
            holders.setdefault(same, set()).add(customer)
    kept = [
        each
        for each in read.changes
        if each.state not in PERMITTING
        or not holders.get(same_evidence(each.evidence), set()) - {each.customer_id}
    ]
    gone = len(read.changes) - len(kept)
    more = {_IN_USE: gone} if gone else {}
    return read._replace(changes=tuple(kept), unreadable={**read.unreadable, **more})


def _shared_evidence(changes: Sequence[ConsentChange]) -> set[str]:
    """Give the evidence that yeses of several people name alike."""
    people: dict[str, set[str]] = {}
    for each in changes:
        if each.state in PERMITTING:
            people.setdefault(same_evidence(each.evidence), set()).add(each.customer_id)
    return {evidence for evidence, who in people.items() if evidence and len(who) > 1}


def _lines(path: Path) -> Iterator[Mapping[str, Any] | str]:
    """Give each line as its fields, or why it cannot be read; bytes that are no text stay apart."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        yield from _json_lines(file, path) if path.suffix == ".jsonl" else _csv_lines(file, path)


def _json_lines(file: TextIO, path: Path) -> Iterator[Mapping[str, Any] | str]:
    names: dict[str, None] = {}
    found = False
    for text in file:
        if not text.strip():
            continue
        line = None
        if len(text) <= _LONGEST_LINE:
            with suppress(ValueError, RecursionError):
                line = json.loads(text)
        if isinstance(line, dict):
            found = True
            names.update(dict.fromkeys(line))
            yield line
        else:
            yield "a line is not a JSON object that can be read"
    if found:
        _require(list(names), path)


def _csv_lines(file: TextIO, path: Path) -> Iterator[Mapping[str, Any] | str]:
    lines = _Rows(file)
    header = next(lines, None)
    names = [each.strip() for each in header] if isinstance(header, list) else []
    _require(names, path)
    for row in lines:
        if isinstance(row, str):
            yield row
        elif row:
            yield dict(zip(names, row, strict=False))


class _Rows:
    """The rows of a CSV file; one that cannot be read is given as the reason, and is one line."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.waiting: list[str] = []

    def __iter__(self) -> Iterator[list[str] | str]:
        return self

    def __next__(self) -> list[str] | str:
        first = self._next_line()
        if first is None:
            raise StopIteration
        if len(first) > _LONGEST_LINE:
            return "a line is longer than any answer"
        text, more = first, list[str]()
        while (fault := _fault(text)) == _OPEN:
            line = self._next_line() if len(more) < _MOST_LINES else None
            if line is None or len(text) + len(line) > _LONGEST_LINE:
                more += [] if line is None else [line]
                break
            more.append(line)
            text += line
        if more and fault:  # a quote that nothing closes, or that another line's quote would close
            self.waiting = more + self.waiting
            return "a line opens a quote that nothing closes"
        try:
            return next(csv.reader([text]), [])
        except csv.Error:
            return "a field is longer than any answer"

    def _next_line(self) -> str | None:
        return self.waiting.pop(0) if self.waiting else next(self.file, None)


_OPEN = "unexpected end of data"


def _fault(text: str) -> str:
    """Say what is wrong with the quotes of a row, in the words of Python's CSV reader."""
    if '"' not in text:
        return ""
    try:
        for _ in csv.reader([text], strict=True):
            pass
    except csv.Error as problem:
        return str(problem)
    return ""


def _require(columns: Sequence[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise InvalidInput(
            f"{path.name} lacks {', '.join(missing)}",
            hint=f"needed: {', '.join(REQUIRED)}; optional: {', '.join(OPTIONAL)}",
        )


def _change(line: Mapping[str, Any], zone: tzinfo, rename: Callable[[str], str]) -> ConsentChange:
    said, broken = _fields(line)
    customer = said.get("customer_id")
    if "customer_id" in broken:
        raise InvalidInput(broken["customer_id"])
    if customer is None:
        raise InvalidInput("a line without a customer")
    if "purpose" in broken:
        raise InvalidInput(broken["purpose"])
    purpose = _word(said.get("purpose", ""))
    if "state" not in said and "state" not in broken:
        raise InvalidInput("a line that does not say what was answered (state)")
    state = _state(said.get("state", ""))
    if state is None:
        family_of(purpose)
    if state not in PERMITTING:
        return _no(rename(customer), purpose, state, said, zone)
    if broken:
        raise InvalidInput(next(iter(broken.values())))
    return ConsentChange(
        customer_id=rename(customer),
        purpose=purpose,
        state=state,
        occurred_at=_instant(said, "occurred_at", zone),
        actor=said.get("actor", "customer"),
        mechanism=said.get("mechanism", ""),
        evidence=said.get("evidence", ""),
        explicit=said.get("explicit", "").lower() in _YES,
        expires_at=_instant(said, "expires_at", zone),
        notice_id=said.get("notice_id"),
        notice_version=_version(said),
        notice_hash=said.get("notice_hash"),
        notice_locale=said.get("notice_locale"),
        guardian_evidence=said.get("guardian_evidence"),
    )


def _fields(line: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Give the fields that can be read, and of the others why not."""
    said, broken = {}, {}
    for name, most in _LONGEST.items():
        value = line.get(name)
        if isinstance(value, dict | list):
            broken[name] = f"{name} is not text"
            continue
        text = "" if value is None else str(value).strip()
        if text_problem(text) is not None:
            broken[name] = f"{name} holds what is no text in UTF-8"
        elif len(text) > most:
            broken[name] = f"{name} is longer than {most:,} characters"
        elif text:
            said[name] = text
    return said, broken


def _word(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _state(text: str) -> str | None:
    """Read what was said: a yes by its own word alone, a no however spelt; None when unknown."""
    word = "_".join(_word(text).replace("-", " ").replace("_", " ").split())
    return "withdrawn" if word in _NO else word if word in STATES else None


def _no(
    customer: str, purpose: str, state: str | None, said: Mapping[str, str], zone: tzinfo
) -> ConsentChange:
    """Read a no, which counts whatever is wrong beside who and what; an unreadable time is now."""
    at = None
    with suppress(KeepwellError):
        at = _instant(said, "occurred_at", zone)
    return ConsentChange(
        customer_id=customer,
        purpose=purpose,
        state=state or "withdrawn",
        occurred_at=at,
        actor=said.get("actor", "customer"),
        mechanism=UNREADABLE_STATE if state is None else said.get("mechanism", ""),
        evidence=said.get("evidence", ""),
    )


def _version(said: Mapping[str, str]) -> int | None:
    text = said.get("notice_version")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31):
        raise InvalidInput("notice_version cannot be read: it is not a number such as 1")
    return int(text)


def _instant(said: Mapping[str, str], name: str, zone: tzinfo) -> datetime | None:
    if name not in said:
        return None
    try:
        return parse_instant(said[name], zone)
    except InvalidInput:  # which would quote it
        raise InvalidInput(f"{name} is not a date or time") from None
