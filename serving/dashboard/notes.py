"""Notes beside the trends: what happened when, as somebody wrote it or as Keepwell itself knows."""

from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select

from features.events import EARLIEST
from governance.errors import InvalidInput, NotFound
from governance.instants import to_text
from governance.review.standing import list_reviews
from serving.access.auth import Principal
from serving.bootstrap import Keepwell
from serving.feedback.naming import naming_nobody
from serving.interventions.lots.experiments import TrialExperiment, list_experiments
from serving.interventions.policy.modes import Unlock, list_unlocks
from serving.tables import annotations

_ENDS = {"benefit": "was stopped because it helped", "harm": "was stopped because it harmed"}


class Note(NamedTuple):
    """What happened and when. `note_id` and `written_by` are empty where Keepwell itself knows."""

    happened_at: datetime
    text: str
    note_id: str = ""
    written_by: str = ""
    written_at: datetime | None = None


def add_note(
    keepwell: Keepwell, *, text: str, happened_at: datetime, by: str, now: datetime
) -> Note:
    """Write a note that names nobody; the log learns that there is one, not what it says.

    Raises `InvalidInput` for words that name someone and for an instant before 1900 or to come.
    """
    if not EARLIEST <= happened_at <= now:
        raise InvalidInput(
            "a note is about something that has happened", hint="name a day from 1900 to today"
        )
    made = Note(happened_at, text, str(uuid4()), by, now)
    with keepwell.database.write() as conn:
        made = made._replace(text=naming_nobody(keepwell, conn, text, what="note"))
        row = {("annotation_id" if k == "note_id" else k): v for k, v in made._asdict().items()}
        conn.execute(insert(annotations), row)
        body = {"note": made.note_id, "happened_at": to_text(happened_at)}
        keepwell.ledger.append(conn, "note_added", body, now=now)
    return made


def remove_note(keepwell: Keepwell, note_id: str, *, by: Principal, now: datetime) -> None:
    """Take away a note of one's own, or any as an administrator; the log keeps that it was.

    Raises `NotFound` where there is none, `ScopeMissing` for somebody else's.
    """
    mine = annotations.c.annotation_id == note_id
    with keepwell.database.write() as conn:
        writer = conn.execute(select(annotations.c.written_by).where(mine)).scalar()
        if writer is None:
            raise NotFound("there is no such note", hint="it may have been removed already")
        if writer != by.owner:
            by.require("admin")
        conn.execute(delete(annotations).where(mine))
        keepwell.ledger.append(conn, "note_removed", {"note": note_id}, now=now)


def written_notes(conn: Connection) -> tuple[Note, ...]:
    """Give the notes that people wrote, in the order of what happened."""
    order = annotations.c.happened_at, annotations.c.annotation_id
    return tuple(
        Note(row.happened_at, row.text, row.annotation_id, row.written_by, row.written_at)
        for row in conn.execute(select(annotations).order_by(*order))
    )


def own_notes(conn: Connection, *, now: datetime) -> tuple[Note, ...]:
    """Give what Keepwell itself did: models reviewed, experiments and modes begun and ended."""
    found = [_reviewed(each.signed_at, each.target, each.outcome) for each in list_reviews(conn)]
    for experiment in list_experiments(conn):
        found += _tried(experiment.at(now))
    for each in list_unlocks(conn):
        found += _unlocked(each)
    return tuple(sorted(found, key=lambda note: (note.happened_at, note.text)))


def all_notes(conn: Connection, *, now: datetime) -> tuple[Note, ...]:
    """Give every note, in the order of what happened."""
    together = (*written_notes(conn), *own_notes(conn, now=now))
    return tuple(sorted(together, key=lambda note: (note.happened_at, note.text)))


def _reviewed(at: datetime, target: str, outcome: str) -> Note:
    said = "approved" if outcome == "approve" else "rejected"
    return Note(at, f"A model for {target} was {said}")


def _tried(found: TrialExperiment) -> list[Note]:
    name = found.playbook.replace("_", " ")
    made = [Note(found.started_at, f"The experiment with “{name}” began")]
    if found.ended_at is not None and found.status != "running":
        how = _ENDS.get(found.stopped_for or "", "ended")
        made.append(Note(found.ended_at, f"The experiment with “{name}” {how}"))
    if found.resumed_at is not None:
        made.append(Note(found.resumed_at, f"“{name}” was let go on by a person"))
    return made


def _unlocked(found: Unlock) -> list[Note]:
    made = [Note(found.unlocked_at, f"Mode {found.mode} was unlocked")]
    if found.revoked_at is not None:
        made.append(Note(found.revoked_at, f"Mode {found.mode} was taken back"))
    return made
