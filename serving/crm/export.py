"""Upload files for a CRM from a file of scores: who may be told of now, and who is to be cleared.

A score leaves the house only while its person permits it. Whoever withdrew, objected, let a
permission end or was forgotten since the scores were made is left out and, since the CRM may hold
an earlier score, named in a second file that empties the fields.
"""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Select, select

from features.labels import Target
from governance.errors import InsufficientData
from governance.log.decision import was_given
from governance.pseudonym import slices
from governance.tables import decisions, persons
from serving.bootstrap import Keepwell
from serving.crm.cells import cell, in_words, is_safe_key
from serving.crm.fields import CUSTOMER, HOME, Field, System, contact_fields, score_fields
from serving.crm.score_rows import JUDGED, Reader, batches, target_of

_CLEARED_AT_ONCE = 100
_ASKED = 500
_TRIES = 5


class Exported(NamedTuple):
    """What came of it: `exported` rows, `cleared` people, and why the others were left out.

    `cleared` are the people left out and everyone else whose score was taken back before; each is
    there once, however often it is cleared.
    """

    exported: int
    cleared: int
    left_out: Mapping[str, int]
    out: Path
    clear: Path


class _Row(Protocol):
    def __call__(self, values: Mapping[str, Any]) -> None: ...


def export_scores(
    keepwell: Keepwell,
    scores: Path,
    out: Path,
    *,
    system: System,
    channels: Sequence[str],
    clock: Callable[[], datetime],
) -> Exported:
    """Write `out` and, beside it, the file that clears; both appear only when whole.

    Permission for the target's purpose is judged now, row by row, and again before the files appear
    under their names; where anyone's changed meanwhile, all of it is done anew. Memory does not
    grow with the number of rows. Raises `InvalidInput` for what is no file of scores.
    """
    target = target_of(keepwell, scores)
    clear = out.with_name(f"{out.stem}_clear{'.csv' if system == 'salesforce' else '.jsonl'}")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = [path.with_name(f".{path.name}.writing") for path in (out, clear)]
    for _ in range(_TRIES):
        work = _Work(keepwell, target, system, channels)
        judged = work.write(scores, aside[0], aside[1], clock)
        if work.still_so(scores, judged, clock):
            for written, path in zip(aside, (out, clear), strict=True):
                written.replace(path)
            _log(keepwell, work, now=clock())
            return Exported(work.exported, work.cleared, dict(work.left_out), out, clear)
    for written in aside:
        written.unlink(missing_ok=True)
    raise InsufficientData(
        f"permissions changed during each of {_TRIES} attempts", hint="try again in a moment"
    )


def _log(keepwell: Keepwell, work: "_Work", *, now: datetime) -> None:
    body = {
        "target": work.target.name,
        "system": work.system,
        "exported": work.exported,
        "cleared": work.cleared,
    }
    with keepwell.database.write() as conn:
        keepwell.ledger.append(conn, "scores_exported", body, now=now)


class _Work:
    """One attempt: counts what it wrote, and remembers little of whom."""

    def __init__(
        self, keepwell: Keepwell, target: Target, system: System, channels: Sequence[str]
    ) -> None:
        self.keepwell, self.target, self.system = keepwell, target, system
        self.channels = channels
        self.reader = Reader(keepwell, target)
        self.scores, self.contacts = score_fields(target), contact_fields(channels)
        self.exported = self.cleared = 0
        self.left_out: Counter[str] = Counter()

    def write(
        self, scores: Path, out: Path, clear: Path, clock: Callable[[], datetime]
    ) -> list[int]:
        """Write both files; gives a mark for each batch of whom it told."""
        marks = []
        taken_back = self._taken_back(clock)
        with ExitStack() as stack:
            tell, empty = self._openers(stack, out, clear)
            for batch in batches(scores):
                rows = batch.to_pylist()
                with self.keepwell.database.read() as conn:
                    verdicts = self._verdicts(conn, rows, now=clock())
                    may = self._contacts(conn, [row["customer_id"] for row in rows], now=clock())
                marks.append(_mark(verdicts))
                for row, why in zip(rows, verdicts, strict=True):
                    customer = row["customer_id"]
                    taken_back.discard(customer)
                    if why is None:
                        tell(self._told(row, may))
                        self.exported += 1
                        continue
                    self.left_out[why] += 1
                    if why != "unsafe_id":
                        empty(self._emptied(customer, may))
                        self.cleared += 1
            for some in slices(sorted(taken_back)):
                with self.keepwell.database.read() as conn:
                    may = self._contacts(conn, some, now=clock())
                for customer in some:
                    if is_safe_key(customer):
                        empty(self._emptied(customer, may))
                        self.cleared += 1
        return marks

    def still_so(self, scores: Path, marks: Sequence[int], clock: Callable[[], datetime]) -> bool:
        """Whether everyone who was told of still permits it."""
        for batch, mark in zip(batches(scores, JUDGED), marks, strict=True):
            with self.keepwell.database.read() as conn:
                if _mark(self._verdicts(conn, batch.to_pylist(), now=clock())) != mark:
                    return False
        return True

    def _verdicts(
        self, conn: Connection, rows: Sequence[Mapping[str, Any]], *, now: datetime
    ) -> list[str | None]:
        found = self.reader.judge(conn, rows, now=now)
        return [
            why if is_safe_key(row["customer_id"]) else "unsafe_id"
            for row, why in zip(rows, found, strict=True)
        ]

    def _contacts(
        self, conn: Connection, people: Sequence[str], *, now: datetime
    ) -> Mapping[str, frozenset[str]]:
        registry = self.keepwell.registry
        if self.keepwell.kind == "evaluation":  # contact is impossible there, whatever was said
            return {f"may:{channel}": frozenset() for channel in self.channels}
        return {
            f"may:{channel}": registry.permit_many(conn, f"outreach.{channel}", people, now=now)[
                0
            ].customers
            for channel in self.channels
        }

    def _taken_back(self, clock: Callable[[], datetime]) -> set[str]:
        """Whose score of this target the CRM may still hold and may not: forgotten or refused now.

        Everyone who was ever given one is looked at, some at a time; only those are kept in memory.
        """
        found: set[str] = set()
        after = ""
        while True:
            with self.keepwell.database.read() as conn:
                some = conn.execute(
                    _given(self.target.name).where(persons.c.customer_id > after).limit(_ASKED)
                ).all()
                names = [row.customer_id for row in some]
                _, refused = self.keepwell.registry.permit_many(
                    conn, self.target.purpose, names, now=clock()
                )
            found.update(row.customer_id for row in some if row.forgotten)
            found.update(refused)
            if len(some) < _ASKED:
                return found
            after = names[-1]

    def _told(self, row: Mapping[str, Any], may: Mapping[str, frozenset[str]]) -> dict[str, Any]:
        reasons = row["reasons"] or []
        reason = in_words(reasons[0]["text"]) if reasons else ""
        found = {**row, "method": "model", "reason": reason}
        return {
            **{field.source: found[field.source] for field in (CUSTOMER, *self.scores, HOME)},
            **{source: row["customer_id"] in people for source, people in may.items()},
        }

    def _emptied(self, customer_id: str, may: Mapping[str, frozenset[str]]) -> dict[str, Any]:
        return {
            CUSTOMER.source: customer_id,
            **{field.source: None for field in self.scores},
            **{source: customer_id in people for source, people in may.items()},
            HOME.source: self.keepwell.kind,
        }

    def _openers(self, stack: ExitStack, out: Path, clear: Path) -> tuple[_Row, _Row]:
        fields = (CUSTOMER, *self.scores, *self.contacts, HOME)
        tell = stack.enter_context(_CsvFile(out, fields, self.system))
        if self.system == "salesforce":
            return tell, stack.enter_context(_CsvFile(clear, fields, self.system))
        return tell, stack.enter_context(_JsonLines(clear, fields))


class _File:
    """A file only its owner may read, durable when closed."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "w", newline="", encoding="utf-8")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def finish(self) -> None:
        """Write what is still to be written."""


class _CsvFile(_File):
    def __init__(self, path: Path, fields: Sequence[Field], system: System) -> None:
        super().__init__(path)
        self._fields, self._system = fields, system
        self._csv = csv.writer(self._file, lineterminator="\n")
        self._csv.writerow([field.name(system) for field in fields])

    def __call__(self, values: Mapping[str, Any]) -> None:
        self._csv.writerow(
            [cell(field, values[field.source], self._system) for field in self._fields]
        )


class _JsonLines(_File):
    """Bodies for HubSpot's batch update, one a line: its importer skips empty cells."""

    def __init__(self, path: Path, fields: Sequence[Field]) -> None:
        super().__init__(path)
        self._fields = [field for field in fields if field is not CUSTOMER]
        self._waiting: list[dict[str, Any]] = []

    def __call__(self, values: Mapping[str, Any]) -> None:
        told = {
            field.hubspot(): cell(field, values[field.source], "hubspot") for field in self._fields
        }
        key = values[CUSTOMER.source]
        self._waiting.append({"idProperty": CUSTOMER.hubspot(), "id": key, "properties": told})
        if len(self._waiting) == _CLEARED_AT_ONCE:
            self.finish()

    def finish(self) -> None:
        if self._waiting:
            self._file.write(json.dumps({"inputs": self._waiting}, ensure_ascii=False) + "\n")
            self._waiting = []


def _given(target: str) -> Select[Any]:
    """Select who was ever given a score of the target, and whether one was forgotten since."""
    theirs = select(decisions.c.decision_id).where(
        decisions.c.person_id == persons.c.person_id,
        decisions.c.kind == "score",
        decisions.c.target == target,
        decisions.c.outcome == "scored",
        was_given(),
    )
    forgotten = theirs.where(decisions.c.result.is_(None)).exists().label("forgotten")
    named = select(persons.c.customer_id, forgotten)
    return named.where(theirs.exists()).order_by(persons.c.customer_id)


def _mark(verdicts: Sequence[str | None]) -> int:
    return hash(tuple(verdicts))
