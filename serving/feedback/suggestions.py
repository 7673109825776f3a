"""What an item could be opened from: what people write, answer and complain about most."""

from datetime import datetime, timedelta
from typing import NamedTuple

from governance.errors import InvalidInput
from governance.intervals import Interval
from outcomes.themes import EMPATHY
from serving.bootstrap import Keepwell
from serving.feedback.desk import WINDOW_DAYS
from serving.feedback.figure import history_end, take_figure
from serving.figures import measure_home
from serving.journey import journey_of
from serving.rights.complaints import CATEGORIES
from serving.text import home_themes, rules_for

TROUBLES = ("escalation", "unresolved", "high_effort", "detractors", "negative_language")
_MOST_THEMES = 5
MOST_DAYS = 3_650


class Suggestion(NamedTuple):
    """A subject with its figure now, over so many people, and why it is on the list."""

    subject: str
    value: Interval
    people: int | None
    unit: str
    why: str


def suggestions(
    keepwell: Keepwell, *, days: int = WINDOW_DAYS, now: datetime
) -> tuple[Suggestion, ...]:
    """Give what could be looked into, from the last `days` days; only figures that may be shown."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(
            f"days == {days}, must be within 1-{MOST_DAYS:,}", hint=f"usual are {WINDOW_DAYS}"
        )
    end = history_end(keepwell, now=now)
    start = end - timedelta(days=days)
    return (
        *_stages(keepwell, start, end, now),
        *_measures(keepwell, start, end, now),
        *_themes(keepwell, start, end, now),
        *_complaints(keepwell, now - timedelta(days=days), now),
    )


def _stages(keepwell: Keepwell, start: datetime, end: datetime, now: datetime) -> list[Suggestion]:
    found = journey_of(keepwell, now=now, start=start, end=end)
    made = []
    for worst in found.worst:
        cell = None if worst.stage is None else found.cell(worst.stage)
        look = None if cell is None else cell.looks[worst.lens]
        if look is not None and look.value is not None:
            subject = f"stage:{worst.stage}:{worst.lens}"
            made.append(Suggestion(subject, look.value, look.people, worst.lens, worst.why))
    return made


def _measures(
    keepwell: Keepwell, start: datetime, end: datetime, now: datetime
) -> list[Suggestion]:
    found = measure_home(keepwell, start=start, end=end, now=now, names=TROUBLES).taken.measures
    return [
        Suggestion(f"measure:{m.name}", m.value, m.people, m.unit, m.definition)
        for m in found
        if m.value is not None
    ]


def _themes(keepwell: Keepwell, start: datetime, end: datetime, now: datetime) -> list[Suggestion]:
    rules = rules_for(keepwell.home.root)
    told = home_themes(keepwell, now=now, start=start, end=end, rules=rules).figures
    shown = [each for each in told if each.people and each.theme != EMPATHY]
    shown.sort(key=lambda each: 0.0 if each.sentiment is None else each.sentiment.value)
    made = []
    for each in shown[:_MOST_THEMES]:
        assert each.share is not None
        mood = "" if each.sentiment is None else f", it sounds {each.sentiment.value:+.2f}"
        why = f"people who wrote about it ÷ people who wrote{mood}"
        made.append(Suggestion(f"theme:{each.theme}", each.share, each.people, "share", why))
    return made


def _complaints(keepwell: Keepwell, start: datetime, now: datetime) -> list[Suggestion]:
    made = []
    for category in CATEGORIES:
        found = take_figure(keepwell, f"complaints:{category}", start=start, end=now, now=now)
        if found.value is not None:
            why = "complaints of this category that were received"
            made.append(Suggestion(found.subject, found.value, found.people, found.unit, why))
    return made
