"""What an experiment's figures consist of: outcomes, differences, what else reached people."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval
from outcomes.randomised.lift import Difference, SampleRatio
from outcomes.randomised.verdict import Direction, Word

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEVEL = 0.95
LOOK_LEVEL, FINAL_LEVEL = 0.99, 0.96
"""Looks while an experiment runs and the one at its end share the 5 % of wrong claims: 1 % goes to
all looks together, whenever they are, and 4 % to the end."""

LASTING_DAYS = (30, 180)
"""When it is asked whether an effect lasts: who was active in the 30 days before that day."""

PLANNED_UNITS = 1_000
"""Where running intervals are tightest unless a plan says otherwise; never chosen from the data."""


class Terms(NamedTuple):
    """What amounts of money mean here, as the company stated it.

    `margin_rate` (0-1) is the contribution margin per unit of net sales; None: sales are shown, and
    called sales. `incentive` is what an incentive costs per person it was sent to.
    """

    currency: str = "EUR"
    margin_rate: float | None = None
    incentive: float = 0.0


class Outcome(NamedTuple):
    """One outcome, its unit ("share", "points" or a currency) and what it counts."""

    name: str
    unit: str
    good_is: Direction
    says: str


class OutcomeLift(NamedTuple):
    """One outcome, treated less held out, over `horizon_days` after each person's draw.

    `raw` is the plain difference, `adjusted` the one that takes the time before the draw into
    account (None where that is not possible), `variance_reduction` what adjusting was worth. The
    verdict rests on `raw`. `worthwhile` is whether the effect is at least the smallest worthwhile
    one of the plan.
    """

    outcome: str
    unit: str
    says: str
    segment: str
    horizon_days: int
    good_is: Direction
    raw: Difference
    adjusted: Difference | None
    variance_reduction: float | None
    verdict: Word
    reason: str
    worthwhile: Literal["yes", "no", "cannot say"] | None = None
    note: str = ""


class Exposure(NamedTuple):
    """The share of each arm that something else reached within the horizon, with its interval."""

    what: str
    treated: Interval | None
    held_out: Interval | None
    difference: Difference
    note: str = ""


class TrialLift(NamedTuple):
    """Everything an experiment says so far; `waiting` people's horizon is not over yet.

    `looked` says whether the intervals may be looked at at any time ("always valid", the experiment
    runs or was stopped) or belong to its end ("fixed").
    """

    playbook: str
    experiment: str
    horizon_days: int
    looked: Literal["always valid", "fixed"]
    level: float
    treated: int
    held_out: int
    waiting: int
    sample_ratio: SampleRatio | None
    outcomes: tuple[OutcomeLift, ...]
    lasting: tuple[OutcomeLift, ...]
    segments: tuple[OutcomeLift, ...]
    exposure: tuple[Exposure, ...]
    verdict: Word
    reason: str
    notes: tuple[str, ...]

    def outcome(self, name: str) -> OutcomeLift | None:
        """Give one outcome over the whole horizon."""
        return next((each for each in self.outcomes if each.outcome == name), None)


class Sample(NamedTuple):
    """The people of one comparison: values (n,), covariates (n, k) from before the draw, arms."""

    values: Floats
    before: Floats
    treated: Flags
    people: NDArray[np.int64]


Shield = Callable[[OutcomeLift, Sample], OutcomeLift]
"""Takes a figure that is about to be given and says what may be given instead."""

HARMS = ("unsubscribed", "complained", "stopped")


def catalogue(terms: Terms) -> tuple[Outcome, ...]:
    """Name every outcome; it is about the first one, unless a plan says otherwise."""
    money = (
        Outcome(
            "margin",
            terms.currency,
            "higher",
            f"net sales × {terms.margin_rate:g} less incentives, per person",
        )
        if terms.margin_rate is not None
        else Outcome(
            "net_sales", terms.currency, "higher", "orders less returns, per person: not margin"
        )
    )
    return (
        Outcome("retained", "share", "higher", "ordered again, or has a contract in force"),
        money,
        Outcome(
            "sentiment",
            "points",
            "higher",
            "texts after less before, −1 to 1, of who wrote in both",
        ),
        Outcome(
            "wellbeing", "points", "higher", "answers after less before, 0 to 100, of who gave both"
        ),
        Outcome("unsubscribed", "share", "lower", "unsubscribed at least once"),
        Outcome("complained", "share", "lower", "complained, or called a message spam"),
        Outcome("stopped", "share", "lower", "withdrew or refused a permission, or objected"),
    )
