"""What happened meanwhile: notes numbered as in the pictures, and who may take one away."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from zoneinfo import ZoneInfo

from serving.dashboard.notes import Note
from serving.pages.staff.figure_view import Spell, View

MOST_NOTES = 30


class Mark(NamedTuple):
    """Where a picture shows a note: the day it happened, ISO 8601, and its number."""

    day: str
    number: int


class NoteLine(NamedTuple):
    """A note as it is listed; `note_id` is empty where whoever looks may not take it away."""

    number: int
    day: str
    text: str
    by: str
    note_id: str


class Noted(NamedTuple):
    """The notes of the time that is shown, the newest first; `older` are left out of the list.

    `may_write` says whether whoever looks may add one; `today` is the last day one can be about.
    """

    lines: tuple[NoteLine, ...]
    older: int
    may_write: bool
    today: str


class Draft(NamedTuple):
    """What somebody typed as a note, and what was wrong with it."""

    text: str = ""
    day: str = ""
    wrong: str = ""


def marks_of(notes: Sequence[Note], zone: ZoneInfo) -> tuple[Mark, ...]:
    """Number notes in the order of what happened, from 1."""
    return tuple(Mark(_day(note, zone), number) for number, note in enumerate(notes, 1))


def version_of(marks: Sequence[Mark]) -> str:
    """Give a word that changes whenever a mark does, for the addresses of pictures."""
    return sha256(repr(marks).encode()).hexdigest()[:8]


def noted(
    notes: Sequence[Note],
    view: View,
    spells: Sequence[Spell],
    *,
    zone: ZoneInfo,
    now: datetime,
    writer: str,
    may_write: bool,
    may_remove_all: bool,
) -> Noted:
    """List the notes of the time that is shown: from its first period on, to its end if chosen."""
    first = view.first or min((spell.start for spell in spells), default="")
    lines = [
        NoteLine(
            number,
            _day(note, zone),
            note.text,
            note.written_by or "Keepwell",
            note.note_id if may_remove_all or (may_write and note.written_by == writer) else "",
        )
        for number, note in enumerate(notes, 1)
        if first <= _day(note, zone) and (not view.last or _day(note, zone) < view.last)
    ]
    newest = tuple(lines[::-1][:MOST_NOTES])
    today = f"{now.astimezone(zone):%Y-%m-%d}"
    return Noted(newest, len(lines) - len(newest), may_write, today)


def _day(note: Note, zone: ZoneInfo) -> str:
    return f"{note.happened_at.astimezone(zone):%Y-%m-%d}"
