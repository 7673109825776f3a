"""Intervals for an experiment that is looked at while it runs, however often.

A usual 95 % interval misses the truth once in twenty looks; who looks every day and stops at the
first clear difference is misled far more often. An always-valid interval covers the truth at all
looks together with the stated chance, so looking costs nothing and stopping is free. It is wider:
by about half at the planned size.
"""

from collections.abc import Mapping
from math import exp, lgamma, log, sqrt

from numpy.typing import ArrayLike

from governance.errors import InvalidInput
from governance.intervals import Interval
from outcomes.randomised.lift import (
    SAMPLE_RATIO_ALARM,
    Difference,
    SampleRatio,
    difference,
    direction_of,
    intended_shares,
)

PLANNED_UNITS = 10_000
MIN_RUNNING_UNITS = 50
MIN_RUNNING_EVENTS = 10
_CONCENTRATION = 1_000.0  # shares off by a few points are what the alarm is soonest for


def always_valid(
    value: float,
    error: float,
    units: int,
    *,
    planned_units: int = PLANNED_UNITS,
    level: float = 0.95,
) -> Interval:
    """Give the interval of a running estimate that holds at every look at once.

    `value` is any estimate that averages over `units` people so far, `error` its standard error
    now. `planned_units` is where it is made tightest; it is chosen before the start and must not
    follow the data. The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas (2024), Annals of Statistics 52; the normal mixture of Robbins (1970), as in Howard,
    Ramdas, McAuliffe and Sekhon (2021), Annals of Statistics 49.
    """
    mixed = 1 + units * _mixing(planned_units, level)
    half = error * sqrt(mixed / (mixed - 1) * (log(mixed) - 2 * log(1 - level)))
    return Interval(value, value - half, value + half, level)


def always_valid_p(
    value: float,
    error: float,
    units: int,
    *,
    planned_units: int = PLANNED_UNITS,
    level: float = 0.95,
) -> float:
    """Give the p-value that may be looked at at any time: the smallest 1 − level that excludes 0.

    The mixture is that of `level`, so that p ≤ 1 − level exactly where its interval excludes zero.
    """
    if error == 0:
        return 1.0 if value == 0 else 0.0
    mixed = 1 + units * _mixing(planned_units, level)
    exponent = (value / error) ** 2 * (mixed - 1) / mixed / 2
    return min(1.0, exp(min(0.0, log(mixed) / 2 - exponent)))


def running(
    found: Difference,
    *,
    planned_units: int = PLANNED_UNITS,
    events: float | None = None,
) -> Difference:
    """Turn a difference with its fixed interval into one that may be looked at at any time.

    Nothing is said (None, "cannot say") while an arm has fewer than `MIN_RUNNING_UNITS` units or,
    for a share, fewer than `MIN_RUNNING_EVENTS` ones or zeros (`events`, the fewest of any): the
    guarantee is for averages, and there is no average of so few.
    """
    too_few = min(found.treated_units, found.control_units) < MIN_RUNNING_UNITS
    if events is not None and events < MIN_RUNNING_EVENTS:
        too_few = True
    if too_few or found.difference is None or not found.error:
        return found._replace(
            difference=None, low=None, high=None, p_value=None, relative=None,
            method="always valid", verdict="cannot say",
        )  # fmt: skip
    units = found.treated_units + found.control_units
    interval = always_valid(
        found.difference, found.error, units, planned_units=planned_units, level=found.level
    )
    p_value = always_valid_p(
        found.difference, found.error, units, planned_units=planned_units, level=found.level
    )
    return found._replace(
        low=interval.low,
        high=interval.high,
        p_value=p_value,
        method="always valid",
        verdict=direction_of(interval.low, interval.high),
    )


def running_difference(
    treated: ArrayLike,
    control: ArrayLike,
    *,
    treated_rows: ArrayLike | None = None,
    control_rows: ArrayLike | None = None,
    planned_units: int = PLANNED_UNITS,
    level: float = 0.95,
) -> Difference:
    """Give the difference of two arms so far with its always-valid interval and p-value.

    Shares and means alike; arguments as of `outcomes.randomised.lift.difference`. Hand over
    whoever's outcome is complete, and at each look those of the looks before too.
    """
    found = difference(
        treated, control, treated_rows=treated_rows, control_rows=control_rows, level=level,
        resample=False,
    )  # fmt: skip
    return running(found, planned_units=planned_units, events=found.fewest_events)


def running_sample_ratio(
    counts: Mapping[str, int], expected: Mapping[str, float] | None = None
) -> SampleRatio:
    """Compare arm sizes with the intended shares, as often as one likes.

    The p-value is 1 ÷ the Bayes factor of a Dirichlet mixture around the intended shares against
    the shares themselves, which is at most p with chance p over all looks together (Lindon and
    Malek 2022, NeurIPS). Below `SAMPLE_RATIO_ALARM` the outcome is "mismatch".
    """
    shares = intended_shares(counts, expected)
    total = sum(counts.values())
    evidence = lgamma(_CONCENTRATION) - lgamma(_CONCENTRATION + total)
    for arm, share in shares.items():
        prior = _CONCENTRATION * share
        evidence += lgamma(prior + counts[arm]) - lgamma(prior) - counts[arm] * log(share)
    p_value = exp(min(0.0, -evidence))
    return SampleRatio(
        outcome="mismatch" if p_value < SAMPLE_RATIO_ALARM else "as expected",
        p_value=p_value,
        counts={arm: counts[arm] for arm in shares},
        expected=shares,
    )


def _mixing(planned_units: int, level: float) -> float:
    """ρ² that makes the interval tightest at `planned_units` (their appendix on tuning)."""
    if planned_units < 1:
        raise InvalidInput(
            f"planned_units == {planned_units}, must be at least 1",
            hint="say how many people the experiment is to have in all",
        )
    odds = -2 * log(1 - level)
    return (odds + log(odds) + 1) / planned_units
