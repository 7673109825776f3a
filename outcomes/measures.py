"""What the company sees of its customers as a whole: retention, satisfaction, effort, service.

Every figure states its numerator, denominator and window, has an interval, and is computed over at
least as many people as the `AggregatePermit` asks for; smaller cells are not shown, and where
hiding one cell of a breakdown would let it be worked out from the others, another is hidden too.
No rows come out. Each person counts once: of several answers to a survey the newest counts.
"""

from collections.abc import Mapping
from datetime import datetime
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from features.history import Histories
from governance.errors import InvalidInput
from governance.instants import DAY_US, to_micros
from governance.intervals import Interval, mean_interval, wilson
from governance.proof import AggregatePermit
from outcomes.surveys import Answers, newest_answers

PURPOSE = "aggregate"
CSAT_THRESHOLD = 4

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Measure(NamedTuple):
    """One figure.

    `value` is None when it is `hidden` (too few people) or nobody is in the denominator. `unit` is
    share, mean, points (−100 to 100), hours or money; `definition` says what was divided by what.
    """

    name: str
    segment: str
    value: Interval | None
    people: int | None
    unit: str
    definition: str
    hidden: bool = False

    @property
    def shown(self) -> bool:
        """Whether there is a figure to show."""
        return self.value is not None


class Period(NamedTuple):
    """What is measured: [start, end), and how long ago someone may have ordered to be active."""

    start: datetime
    end: datetime
    active_window_days: int = 365


def active_at(
    histories: Histories, at: datetime, *, window_days: int, known_until: datetime
) -> Flags:
    """Whether each customer (m,) is active: at least one order in (at − window, at]."""
    moment = to_micros(at)
    counted = (
        histories.kind_mask("order")
        & histories.visible(to_micros(known_until))
        & (histories.occurred_at > moment - window_days * DAY_US)
        & (histories.occurred_at <= moment)
    )
    return np.bincount(histories.customer_of_event[counted], minlength=len(histories)) > 0


def retention(
    histories: Histories,
    permit: AggregatePermit,
    period: Period,
    *,
    segments: Mapping[str, str] | None = None,
) -> tuple[Measure, ...]:
    """Give the share of those active at the start who are still active at the end.

    `segments` maps a customer to a group; then there is one figure per group after the whole.
    """
    stayed, base = _stayed(histories, permit, period)
    said = (
        f"active at start and end ÷ active at start; active: an order within "
        f"{period.active_window_days} days"
    )
    return _shares("retention", stayed, base, histories, permit, said, segments)


def churn(
    histories: Histories,
    permit: AggregatePermit,
    period: Period,
    *,
    segments: Mapping[str, str] | None = None,
) -> tuple[Measure, ...]:
    """Give 1 − retention: the share of those active at the start who are not at the end."""
    stayed, base = _stayed(histories, permit, period)
    said = (
        f"active at start, not at end ÷ active at start; active: an order within "
        f"{period.active_window_days} days"
    )
    return _shares("churn", ~stayed & base, base, histories, permit, said, segments)


def csat(histories: Histories, permit: AggregatePermit, period: Period) -> Measure:
    """Give the share of satisfied answers: 4 or 5 of 1–5; other scales state a `threshold`."""
    answers = _answers(histories, permit, period, "csat")
    limit = np.where(
        np.isfinite(answers.threshold),
        answers.threshold,
        np.where((answers.low == 1) & (answers.high == 5), CSAT_THRESHOLD, np.nan),
    )
    usable = np.isfinite(limit)
    satisfied = int((answers.score[usable] >= limit[usable]).sum())
    said = "people whose newest answer is 4 or 5 on 1–5 (or at their scale's threshold) ÷ answered"
    return _share("csat", "all", satisfied, int(usable.sum()), permit, said)


def nps(histories: Histories, permit: AggregatePermit, period: Period) -> Measure:
    """Give promoters (9–10) minus detractors (0–6) of 0–10 answers, in points from −100 to 100.

    Variance (p + d − (p − d)²) ÷ n.
    """
    answers = _answers(histories, permit, period, "nps")
    fitting = (answers.low == 0) & (answers.high == 10)
    score = answers.score[fitting]
    said = "share of 9–10 − share of 0–6, each person's newest answer"
    n = len(score)
    if not permit.allows(n):
        return Measure("nps", "all", None, None, "points", said, hidden=True)
    p, d = float((score >= 9).mean()), float((score <= 6).mean())
    half = float(stats.norm.ppf(0.975)) * sqrt(max(p + d - (p - d) ** 2, 0.0) / n)
    value = 100 * (p - d)
    low, high = max(value - 100 * half, -100.0), min(value + 100 * half, 100.0)
    return Measure("nps", "all", Interval(value, low, high), n, "points", said)


def survey_mean(
    histories: Histories, permit: AggregatePermit, period: Period, instrument: str
) -> Measure:
    """Give the mean answer to an instrument on its own scale, with its polarity in words.

    A bare `ces` is refused: it is two instruments whose good ends lie opposite.
    """
    if instrument == "ces":
        raise InvalidInput(
            "`ces` is two instruments",
            hint="say ces_effort (low is good) or ces_ease (high is good)",
        )
    answers = _answers(histories, permit, period, instrument)
    scales = {(float(a), float(b)) for a, b in zip(answers.low, answers.high, strict=True)}
    said = f"mean of each person's newest answer; {_in_words(answers)}"
    if len(scales) > 1:
        said = f"answers lie on {len(scales)} different scales and cannot be averaged"
        return Measure(f"{instrument}_mean", "all", None, None, "mean", said)
    return _mean(f"{instrument}_mean", answers.score, permit, "mean", said)


def escalation(histories: Histories, permit: AggregatePermit, period: Period) -> Measure:
    """Give the share of people with a ticket in the period who had one escalated in it."""
    _check(permit, period)
    opened = _had(histories, "ticket_opened", permit, period)
    raised = _had(histories, "ticket_escalated", permit, period)
    said = "people with an escalated ticket ÷ people who opened a ticket, both in the period"
    return _share(
        "escalation", "all", int((opened & raised).sum()), int(opened.sum()), permit, said
    )


def order_value(histories: Histories, permit: AggregatePermit, period: Period) -> Measure:
    """Give orders minus returns per customer who ordered in the period, in the data's currency."""
    _check(permit, period)
    inside = _inside(histories, permit, period)
    orders, returns = histories.kind_mask("order"), histories.kind_mask("return")
    sign = np.where(orders, 1.0, -1.0)
    counted = inside & (orders | returns) & np.isfinite(histories.value)
    totals = np.bincount(
        histories.customer_of_event[counted],
        weights=(sign * histories.value)[counted],
        minlength=len(histories),
    )
    bought = _had(histories, "order", permit, period)
    said = "value of orders − value of returns, per customer with an order in the period"
    return _mean("order_value", totals[bought].astype(np.float64), permit, "money", said)


def measure_all(
    histories: Histories, permit: AggregatePermit, period: Period
) -> tuple[Measure, ...]:
    """Give every measure that the histories can answer, over everyone."""
    return (
        *retention(histories, permit, period),
        *churn(histories, permit, period),
        csat(histories, permit, period),
        survey_mean(histories, permit, period, "csat"),
        nps(histories, permit, period),
        survey_mean(histories, permit, period, "ces_effort"),
        survey_mean(histories, permit, period, "ces_ease"),
        escalation(histories, permit, period),
        order_value(histories, permit, period),
    )


def _check(permit: AggregatePermit, period: Period) -> None:
    permit.require(PURPOSE)
    if not period.start < period.end:
        raise InvalidInput("the period ends before it starts", hint="give start < end")


def _inside(histories: Histories, permit: AggregatePermit, period: Period) -> Flags:
    known = histories.visible(to_micros(permit.judged_at))
    start, end = to_micros(period.start), to_micros(period.end)
    return known & (histories.occurred_at >= start) & (histories.occurred_at < end)


def _had(histories: Histories, kind: str, permit: AggregatePermit, period: Period) -> Flags:
    counted = _inside(histories, permit, period) & histories.kind_mask(kind)
    return np.bincount(histories.customer_of_event[counted], minlength=len(histories)) > 0


def _stayed(histories: Histories, permit: AggregatePermit, period: Period) -> tuple[Flags, Flags]:
    _check(permit, period)
    at_start, at_end = (
        active_at(
            histories,
            at,
            window_days=period.active_window_days,
            known_until=permit.judged_at,
        )
        for at in (period.start, period.end)
    )
    return at_start & at_end, at_start


def _answers(
    histories: Histories, permit: AggregatePermit, period: Period, instrument: str
) -> Answers:
    _check(permit, period)
    return newest_answers(histories, instrument, _inside(histories, permit, period))


def _share(
    name: str, segment: str, part: int, whole: int, permit: AggregatePermit, said: str
) -> Measure:
    if not permit.allows(whole):
        return Measure(name, segment, None, None, "share", said, hidden=True)
    return Measure(name, segment, wilson(part, whole), whole, "share", said)


def _mean(name: str, values: Floats, permit: AggregatePermit, unit: str, said: str) -> Measure:
    if not permit.allows(len(values)):
        return Measure(name, "all", None, None, unit, said, hidden=True)
    return Measure(name, "all", mean_interval(values), len(values), unit, said)


def _shares(
    name: str,
    part: Flags,
    base: Flags,
    histories: Histories,
    permit: AggregatePermit,
    said: str,
    segments: Mapping[str, str] | None,
) -> tuple[Measure, ...]:
    whole = _share(name, "all", int((part & base).sum()), int(base.sum()), permit, said)
    if segments is None:
        return (whole,)
    labels = np.array([segments.get(str(c), "(none)") for c in histories.customers], np.str_)
    sizes = {str(label): int((base & (labels == label)).sum()) for label in np.unique(labels)}
    hidden = _hidden(sizes, permit)
    cells = []
    for label in sizes:
        here = base & (labels == label)
        if label in hidden:
            cells.append(Measure(name, label, None, None, "share", said, hidden=True))
        else:
            cells.append(_share(name, label, int((part & here).sum()), sizes[label], permit, said))
    return (whole, *cells)


def _hidden(sizes: Mapping[str, int], permit: AggregatePermit) -> set[str]:
    """Cells too small to show, and one more when the whole minus the rest would give it away."""
    hidden = {label for label, size in sizes.items() if not permit.allows(size)}
    rest = sorted(((size, label) for label, size in sizes.items() if label not in hidden))
    while hidden and rest and not permit.allows(sum(sizes[label] for label in hidden)):
        hidden.add(rest.pop(0)[1])
    return hidden


def _in_words(answers: Answers) -> str:
    if not len(answers.score):
        return "nobody answered"
    return f"{answers.low[0]:g}–{answers.high[0]:g}, {answers.polarity.replace('_', ' ')}"
