"""Taking every figure of the dashboard at once, over every segment and period, and keeping them.

Pages, files and the API show what the last look found. All segments are taken together and through
the register of published figures, so that no choice of them tells more than what is shown at once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from governance.disclosure.published import Register
from governance.errors import KeepwellError, NotFound, PermissionRefused
from outcomes.journey.map import Journey
from serving.bootstrap import Keepwell
from serving.dashboard.desk import open_desk
from serving.dashboard.faring import faring
from serving.dashboard.figure import LAYERS, Cell, Figure
from serving.dashboard.handled import calendars_of, handled
from serving.dashboard.journey_look import keep_journeys
from serving.dashboard.judged import judged
from serving.dashboard.measured import attributes_of, measured
from serving.dashboard.permitted import NAME as COVERAGE
from serving.dashboard.permitted import permitted
from serving.dashboard.scored import scored
from serving.dashboard.shelf import keep, read_figure, read_layer
from serving.dashboard.tried import tried
from serving.dashboard.written import written
from serving.journey import journeys_of
from serving.permission.coverage import read_coverage
from serving.published import give

ORDER = (
    "retention_lift", "margin_preserved", "cost_saved", "net", "net_roi", "people_helped",
    "margin_at_risk", "retention", "churn", "active", "order_value", "churned_value", "nrr",
    "risk_distribution", "wellbeing_distribution", "wellbeing", "csat", "nps", "ces_effort_mean",
    "ces_ease_mean", "sentiment_delta", "escalation", "aht", "resolution_time", "unresolved",
    "queue", "approval_wait", "people_overridden", "refused_contacts", "refused_scores",
    "permission_coverage",
    "discrimination", "calibration", "calibration_error", "confidence", "drift", "survival",
    "themes", "theme_sentiment",
)  # fmt: skip
"""In which order the figures of the layers are told."""

Progress = Callable[[str], None]


class DashboardLook(NamedTuple):
    """A look that was taken: its figures, and the parts that could not be taken, each with why."""

    taken_at: datetime
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return sum(len(figure.cells) for figure in self.figures)

    @property
    def hidden(self) -> int:
        """How many of them are held back."""
        return sum(cell.hidden for figure in self.figures for cell in figure.cells)


def take_look(
    keepwell: Keepwell, *, clock: Callable[[], datetime], progress: Progress = lambda said: None
) -> DashboardLook:
    """Take every figure and put them in the place of those of the last look.

    A part that cannot be taken says why, and stays as the last look found it; where figures have no
    basis any more, nothing of it stays. Whoever withdrew before a part was read is not in it.
    """
    with keepwell.database.read() as conn:
        before = [figure for layer in LAYERS for figure in read_layer(conn, layer)]
    taking = _Taking(progress)
    taking.add("measures", lambda: measured(keepwell, now=clock(), progress=progress))
    attributes = attributes_of(taking.figures or before)
    taking.add("experiments", lambda: tried(keepwell, now=clock()))
    taking.add("well-being", lambda: (faring(keepwell, attributes, clock=clock),))
    taking.add("themes", lambda: written(keepwell, attributes, now=clock()))
    taking.add("scores", lambda: scored(keepwell, attributes, clock=clock))
    taking.add("decisions", lambda: _handled(keepwell, now=clock()))
    taking.add("permission", lambda: (_coverage(keepwell, now=clock()),))
    taking.add("models", lambda: _judged(keepwell, now=clock()))
    journeys: list[Journey] = []
    taking.note("journey", lambda: journeys.extend(journeys_of(keepwell, attributes, now=clock())))
    figures = taking.figures if taking.refused else [*taking.figures, *_left(before, taking)]
    ordered = tuple(sorted(figures, key=_place))
    taken = clock()
    made = DashboardLook(taken, ordered, tuple(taking.notes))
    body = {"figures": len(ordered), "cells": made.cells, "hidden": made.hidden}
    with keepwell.database.write() as conn:
        keep(conn, ordered, now=taken)
        keep_journeys(conn, journeys, now=taken)
        keepwell.ledger.append(conn, "dashboard_taken", body, now=taken)
    return made


class _Taking:
    """The figures taken so far, and what could not be taken."""

    def __init__(self, progress: Progress) -> None:
        self.figures: list[Figure] = []
        self.notes: list[str] = []
        self.refused = False
        self._progress = progress

    def add(self, part: str, take: Callable[[], Sequence[Figure]]) -> None:
        """Take one part; where there is nothing to take it from, note why."""
        self.note(part, lambda: self.figures.extend(take()))

    def note(self, part: str, take: Callable[[], None]) -> None:
        """Take something; where there is nothing to take it from, note why."""
        self._progress(part)
        try:
            take()
        except KeepwellError as error:
            self.notes.append(f"{part}: {error.message}")
            self.refused |= isinstance(error, PermissionRefused)


def _left(before: Sequence[Figure], taking: _Taking) -> list[Figure]:
    """Give the figures of the look before that this one could not take, saying so."""
    taken = {figure.name for figure in taking.figures}
    left = []
    for figure in before:
        if figure.name in ORDER and figure.name not in taken:
            said = f"as the look of {figure.taken_at:%Y-%m-%d} found it; it could not be taken anew"
            note = figure.note if figure.note.endswith(said) else f"{figure.note}; {said}"
            left.append(figure._replace(note=note.removeprefix("; ")))
    return left


def _handled(keepwell: Keepwell, *, now: datetime) -> tuple[Figure, ...]:
    def work_out() -> tuple[tuple[Figure, ...], Register]:
        desk = open_desk(keepwell, now=now)
        with keepwell.database.read() as conn:
            return handled(conn, calendars_of(keepwell, now=now), desk, now=now), desk.register

    return give(keepwell, work_out, now=now)


def _coverage(keepwell: Keepwell, *, now: datetime) -> Figure:
    before: tuple[Cell, ...] = ()
    with keepwell.database.read() as conn:
        try:
            before = read_figure(conn, COVERAGE).cells
        except NotFound:
            before = ()
    return permitted(keepwell, read_coverage(keepwell, now=now), before, now=now)


def _judged(keepwell: Keepwell, *, now: datetime) -> tuple[Figure, ...]:
    with keepwell.database.read() as conn:
        least = keepwell.registry.aggregate_permit(conn, "aggregate", now=now).min_people
        return judged(keepwell, conn, min_people=least, now=now)


def _place(figure: Figure) -> int:
    return ORDER.index(figure.name)
