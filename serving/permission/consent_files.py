"""A file of people's own answers, one per line: CSV or JSON lines, each with its own evidence."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple

from governance.consent.record import PERMITTING, STOPPING, ConsentChange
from governance.errors import InvalidInput, KeepwellError
from governance.instants import parse_instant

REQUIRED = ("customer_id", "purpose", "state", "occurred_at", "mechanism", "evidence")
OPTIONAL = (
    "actor", "explicit", "expires_at", "notice_id", "notice_version", "notice_hash",
    "notice_locale", "guardian_evidence",
)  # fmt: skip
_NOT_ITS_OWN = "its evidence is that of several people, and not its own"
_YES = frozenset({"true", "1", "yes"})


class ConsentFile(NamedTuple):
    """The answers that could be read, and how often a line could not be and why."""

    changes: tuple[ConsentChange, ...]
    unreadable: Mapping[str, int]


def read_consents(path: Path, *, zone: tzinfo, rename: Callable[[str], str]) -> ConsentFile:
    """Read the answers in `path`; `rename` turns a customer's id into the id this home knows.

    Bare dates and naive times are taken in `zone`. Raises `InvalidInput` for a file that lacks a
    needed column; a line that cannot be read is counted and does not hold up the others. So is an
    imported yes whose evidence stands beside other people's, too: it is not its own.
    """
    changes, unreadable = [], Counter[str]()
    for line in _lines(path):
        try:
            changes.append(_change(line, zone, rename))
        except (KeepwellError, ValueError) as problem:
            unreadable[getattr(problem, "message", "a value cannot be read")] += 1
    shared = _shared_evidence(changes)
    kept = [each for each in changes if not (_is_imported_yes(each) and each.evidence in shared)]
    if len(kept) < len(changes):
        unreadable[_NOT_ITS_OWN] += len(changes) - len(kept)
    return ConsentFile(tuple(kept), dict(unreadable))


def _is_imported_yes(change: ConsentChange) -> bool:
    return change.state in PERMITTING and change.mechanism.strip().lower() == "imported"


def _shared_evidence(changes: Sequence[ConsentChange]) -> set[str]:
    """Give the evidence that imported yeses of several people name alike."""
    people: dict[str, set[str]] = {}
    for each in changes:
        if _is_imported_yes(each):
            people.setdefault(each.evidence, set()).add(each.customer_id)
    return {evidence for evidence, who in people.items() if evidence.strip() and len(who) > 1}


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix == ".jsonl":
            for number, text in enumerate(file, 1):
                if not text.strip():
                    continue
                try:
                    line = json.loads(text)
                except json.JSONDecodeError:
                    line = None
                if not isinstance(line, dict):
                    raise InvalidInput(
                        f"line {number} of {path.name} is not a JSON object",
                        hint="write one JSON object per line, or a CSV file with a header",
                    )
                if number == 1:
                    _require(list(line), path)
                yield line
            return
        reader = csv.DictReader(file)
        _require(reader.fieldnames or (), path)
        yield from reader


def _require(columns: Sequence[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise InvalidInput(
            f"{path.name} lacks {', '.join(missing)}",
            hint=f"needed: {', '.join(REQUIRED)}; optional: {', '.join(OPTIONAL)}",
        )


def _change(line: Mapping[str, Any], zone: tzinfo, rename: Callable[[str], str]) -> ConsentChange:
    said = {name: str(value).strip() for name, value in line.items() if value not in (None, "")}
    customer = said.get("customer_id")
    if customer is None:
        raise InvalidInput("a line without a customer")
    if said.get("state") in STOPPING:
        return _no(customer, said, zone, rename)
    version = said.get("notice_version")
    return ConsentChange(
        customer_id=rename(customer),
        purpose=said.get("purpose", ""),
        state=said.get("state", ""),
        occurred_at=_instant(said, "occurred_at", zone),
        actor=said.get("actor", "customer"),
        mechanism=said.get("mechanism", ""),
        evidence=said.get("evidence", ""),
        explicit=said.get("explicit", "").lower() in _YES,
        expires_at=_instant(said, "expires_at", zone),
        notice_id=said.get("notice_id"),
        notice_version=int(version) if version is not None else None,
        notice_hash=said.get("notice_hash"),
        notice_locale=said.get("notice_locale"),
        guardian_evidence=said.get("guardian_evidence"),
    )


def _no(
    customer: str, said: Mapping[str, str], zone: tzinfo, rename: Callable[[str], str]
) -> ConsentChange:
    """Read a no, which counts whatever is wrong beside who and what; an unreadable time is now."""
    at = None
    with suppress(KeepwellError):
        at = _instant(said, "occurred_at", zone)
    return ConsentChange(
        customer_id=rename(customer),
        purpose=said.get("purpose", ""),
        state=said["state"],
        occurred_at=at,
        actor=said.get("actor", "customer"),
        mechanism=said.get("mechanism", ""),
        evidence=said.get("evidence", ""),
    )


def _instant(said: Mapping[str, str], name: str, zone: tzinfo) -> datetime | None:
    if name not in said:
        return None
    try:
        return parse_instant(said[name], zone)
    except InvalidInput:  # which would quote it
        raise InvalidInput(f"{name} is not a date or time") from None
