"""Brings a report together: every part from the function that other commands use for it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from features.history import observed_until
from governance.errors import InsufficientData
from outcomes.measures.definition import ALL, Measure, Period, Terms
from outcomes.measures.periods import Every, floor, step
from serving.bootstrap import Keepwell
from serving.feedback.items import counts, list_items
from serving.figures import measure_home
from serving.journey import journey_of
from serving.reporting.executive import at_risk, trials
from serving.reporting.operational import approvals, contacts
from serving.reporting.periods import (
    BEFORE,
    Kind,
    begin_of,
    journey_period,
    known_until,
    report_period,
)
from serving.reporting.record import Line, Report
from serving.reporting.research import models, texts

LAYERS = {
    "indices": ("customer_happiness_index", "empathy_deficit_index"),
    "executive": ("retention", "churn", "active", "order_value", "churned_value", "nrr"),
    "operational": (
        "escalation", "aht", "resolution_time", "unresolved", "bot_handover", "sentiment_delta",
        "csat", "nps", "ces_effort_mean", "ces_ease_mean", "high_effort", "innovation_rate",
    ),
}  # fmt: skip
COHORTS = ("survival_30d", "survival_90d", "survival_365d")
_MOST_ITEMS = 200


def make_report(
    keepwell: Keepwell,
    kind: Kind,
    *,
    end: datetime | None,
    samples: int,
    now: datetime,
    progress: Callable[[str], None] = lambda said: None,
) -> Report:
    """Report on the last whole week or quarter that was over by `end`, or by now.

    Of a history that ends earlier, the last whole one it reaches. `samples` texts per theme are
    shown of those who permit `research_text`. Raises `InsufficientData` where nothing was imported.
    """
    zone = keepwell.settings.zone
    with keepwell.database.read() as conn:
        last = observed_until(conn)
    if last is None:
        raise InsufficientData("there is no history", hint="import data first")
    period = report_period(kind, min(end or known_until(last, now), now), zone)
    progress("measures")
    lines = _lines(keepwell, kind, period, now)
    progress("cohorts")
    cohorts = _cohorts(keepwell, period, now)
    progress("experiments")
    tried = trials(keepwell, now=now)
    stake, why_none = at_risk(keepwell, now=now)
    progress("the journey")
    journey = journey_of(keepwell, now=now, period=journey_period(kind, period))
    progress("texts")
    told, why_no_samples = texts(keepwell, journey.period, samples=samples, now=now)
    with keepwell.database.read() as conn:
        limit = keepwell.registry.aggregate_permit(conn, "aggregate", now=now).min_people
        items = list_items(conn, limit=_MOST_ITEMS)
        return Report(
            kind=kind,
            home=keepwell.kind,
            period=period,
            made_at=now,
            currency=keepwell.settings.currency,
            lines=lines,
            cohorts=cohorts,
            trials=tried,
            at_risk=stake,
            contacts=contacts(conn, period, min_people=limit),
            approvals=approvals(conn, period, min_people=limit, now=now),
            feedback=counts(conn, now=now),
            overdue=tuple(each for each in items if each.overdue(now)),
            measured_again=tuple(each for each in items if each.after is not None),
            themes=tuple(each for each in told.figures if each.segment == ALL),
            keywords=told.keywords,
            samples={
                theme: tuple(each.text for each in found)
                for theme, found in told.samples.items()
                if found
            },
            models=models(keepwell, conn, now=now),
            journey=journey,
            notes={"at_risk": why_none, "samples": why_no_samples},
        )


def _lines(keepwell: Keepwell, kind: Kind, period: Period, now: datetime) -> tuple[Line, ...]:
    layer_of = {name: layer for layer, names in LAYERS.items() for name in names}
    every: Every = kind
    found = measure_home(
        keepwell,
        start=begin_of(kind, period),
        end=period.end,
        now=now,
        every=every,
        names=tuple(layer_of),
        terms=Terms(),
    ).taken.measures
    order = list(layer_of)
    by_name: dict[str, list[Measure]] = {}
    for each in found:
        if each.segment == ALL and each.name in layer_of:
            by_name.setdefault(each.name, []).append(each)
    currency = keepwell.settings.currency
    made = [Line(layer_of[name], _sorted(own, currency)) for name, own in by_name.items()]
    return tuple(sorted(made, key=lambda line: order.index(line.now.name)))


def _cohorts(keepwell: Keepwell, period: Period, now: datetime) -> tuple[Measure, ...]:
    """Say how long the people of each quarter stayed; the quarters that are over by the end."""
    until = floor(period.end, "quarter", keepwell.settings.zone)
    found = measure_home(
        keepwell,
        start=step(until, "quarter", -BEFORE["quarter"]),
        end=until,
        now=now,
        every="quarter",
        names=COHORTS,
        terms=Terms(),
    ).taken.measures
    return tuple(each for each in found if each.segment == ALL)


def _sorted(measures: Sequence[Measure], currency: str) -> tuple[Measure, ...]:
    """Put periods in their order; money that states no currency is in the home's."""
    own = (each._replace(unit=currency) if each.unit == "money" else each for each in measures)
    return tuple(sorted(own, key=lambda each: each.period.start))
