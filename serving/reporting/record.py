"""What a report holds, in three layers, before it becomes a page or JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from governance.intervals import Interval
from outcomes.journey.map import Journey
from outcomes.keywords import Keyword
from outcomes.measures.definition import Measure, Period
from outcomes.themes import ThemeFigure
from serving.feedback.items import FeedbackItem
from serving.reporting.periods import Kind


class Line(NamedTuple):
    """One measure over the periods side by side, oldest first, the report's own last."""

    layer: str
    measures: tuple[Measure, ...]

    @property
    def now(self) -> Measure:
        """The figure of the report's own period."""
        return self.measures[-1]

    @property
    def before(self) -> Measure | None:
        """The figure of the period before, where there is one."""
        return self.measures[-2] if len(self.measures) > 1 else None


class Trial(NamedTuple):
    """What a playbook's newest experiment shows and returns, as plain JSON; else why it does not.

    `lift` and `roi` are the documents of `outcomes lift` and `outcomes roi`.
    """

    playbook: str
    lift: Mapping[str, Any] | None
    roi: Mapping[str, Any] | None
    why_no_lift: str
    why_no_roi: str


class AtRisk(NamedTuple):
    """The margin at stake among customers who permit scoring, by the last file of scores."""

    customers: int
    value: float
    low: float
    high: float
    contactable: float
    currency: str
    assumption: str
    as_of: str


class Count(NamedTuple):
    """How many contacts ended in one way; None for few people."""

    what: str
    reason: str
    people: int | None


class Approvals(NamedTuple):
    """How people decided on what was proposed in the period, as it stands now.

    None stands for what few customers are behind, and for what would tell how those few fared.
    """

    waiting: int | None
    decided: int | None
    approved: int | None
    changed: int | None
    rejected: int | None
    override_rate: Interval | None
    median_minutes: float | None
    median_seconds: float | None
    quick_rate: Interval | None


class ModelLine(NamedTuple):
    """How good the model of a target is, and what watching it found."""

    target: str
    model_digest: str
    tested_at: datetime
    people: int
    auc: Interval
    ece: Interval
    status: str
    watched_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything a report says of one week or quarter.

    `samples` are redacted texts by theme, of people who permit `research_text`; empty unless they
    were asked for. `notes` say why a part is missing.
    """

    kind: Kind
    home: str
    period: Period
    made_at: datetime
    currency: str
    lines: tuple[Line, ...]
    cohorts: tuple[Measure, ...]
    trials: tuple[Trial, ...]
    at_risk: AtRisk | None
    contacts: tuple[Count, ...]
    approvals: Approvals
    feedback: Mapping[str, int]
    overdue: tuple[FeedbackItem, ...]
    measured_again: tuple[FeedbackItem, ...]
    themes: tuple[ThemeFigure, ...]
    keywords: tuple[Keyword, ...]
    samples: Mapping[str, tuple[str, ...]]
    models: tuple[ModelLine, ...]
    journey: Journey
    notes: Mapping[str, str]

    def layer(self, name: str) -> tuple[Line, ...]:
        """Give the lines of one layer that have a figure in some period."""
        return tuple(
            line
            for line in self.lines
            if line.layer == name and any(m.shown for m in line.measures)
        )

    def missing(self, name: str) -> tuple[Line, ...]:
        """Give the lines of one layer without any figure; each says why."""
        shown = set(self.layer(name))
        return tuple(line for line in self.lines if line.layer == name and line not in shown)

    def line(self, name: str) -> Line | None:
        """Find the line of one measure."""
        return next((line for line in self.lines if line.now.name == name), None)
