"""The suggestions of the last look, kept with its time: looking takes seconds."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from governance.intervals import from_json
from serving.bootstrap import Keepwell
from serving.feedback.desk import WINDOW_DAYS
from serving.feedback.suggestions import Suggestion, suggestions
from serving.kept_results import keep_result, kept_result

_NAME = "feedback"


class SuggestionsLook(NamedTuple):
    """What could be looked into, as it was found over the `days` before `taken_at`."""

    taken_at: datetime
    days: int
    suggestions: tuple[Suggestion, ...]


def take_suggestions(
    keepwell: Keepwell, *, days: int = WINDOW_DAYS, now: datetime
) -> SuggestionsLook:
    """Look at stages, measures, themes and complaints, and keep what was found."""
    found = suggestions(keepwell, days=days, now=now)
    rows = [each._asdict() | {"value": each.value.to_json()} for each in found]
    with keepwell.database.write() as conn:
        keep_result(conn, "suggestions", _NAME, {"days": days, "found": rows}, now=now)
    return SuggestionsLook(now, days, found)


def last_suggestions(conn: Connection) -> SuggestionsLook | None:
    """Give what the last look found; None before the first."""
    kept = kept_result(conn, "suggestions", _NAME)
    if kept is None:
        return None
    found = tuple(
        Suggestion(**row | {"value": from_json(row["value"])}) for row in kept.document["found"]
    )
    return SuggestionsLook(kept.taken_at, kept.document["days"], found)
