"""What acting brought in money: margin preserved, cost saved, and what it cost.

    net ROI = (margin preserved + cost saved − cost) ÷ cost

Everything is in one currency over one stated period, which is part of every figure's name; nothing
is stretched to a year or squeezed into a month. Margin is net of incentives: a discount given is
not also counted as a cost. The first two lines are differences between randomised arms, scaled to
the treated, so that what would have happened anyway is not claimed.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from governance.errors import InsufficientData, InvalidInput
from governance.intervals import Interval

MIN_UNITS = 30
Floats = NDArray[np.float64]


class Roi(NamedTuple):
    """The three lines and their sum; intervals are percentile bootstrap over people.

    `verdict`: "pays" when the net's interval lies above 0, "does not pay" below, else "cannot say".
    """

    treated: int
    held_out: int
    period_days: int
    currency: str
    margin_preserved: Interval
    cost_saved: Interval
    cost: float
    net: Interval
    net_roi: Interval
    verdict: Literal["pays", "does not pay", "cannot say"]

    @property
    def over(self) -> str:
        """Say over what time every figure is; never a month or a year that was not measured."""
        return f"over {self.period_days} days after each draw"

    def figures(self) -> dict[str, Interval | float]:
        """Give the figures under names that hold their period, so that none goes without it."""
        suffix = f"_over_{self.period_days}_days"
        return {
            f"margin_preserved{suffix}": self.margin_preserved,
            f"cost_saved{suffix}": self.cost_saved,
            f"pilot_cost{suffix}": self.cost,
            f"net{suffix}": self.net,
            f"net_roi{suffix}": self.net_roi,
        }

    def lines(self) -> tuple[str, str, str]:
        """Give the three lines for those who decide: gained, spent, and what it comes to."""
        gained = Interval(
            self.margin_preserved.value + self.cost_saved.value,
            self.net.low + self.cost,
            self.net.high + self.cost,
            self.net.level,
        )
        return (
            f"Margin preserved {_money(self.margin_preserved)} and cost saved "
            f"{_money(self.cost_saved)} {self.currency} {self.over}: together {_money(gained)}.",
            f"The pilot cost {self.cost:,.0f} {self.currency} for {self.treated:,} people, beside "
            f"{self.held_out:,} left alone.",
            f"Net ROI {self.over}: {self.net_roi.value:+.2f} "
            f"[{self.net_roi.low:+.2f}, {self.net_roi.high:+.2f}] per {self.currency} spent: "
            f"{self.verdict}.",
        )


def _money(found: Interval) -> str:
    return f"{found.value:+,.0f} [{found.low:+,.0f}, {found.high:+,.0f}]"


def roi(
    treated_margin: ArrayLike,
    control_margin: ArrayLike,
    *,
    treated_service_cost: ArrayLike,
    control_service_cost: ArrayLike,
    cost: float,
    period_days: int,
    currency: str,
    rng: np.random.Generator,
    draws: int = 2_000,
    level: float = 0.95,
) -> Roi:
    """Compute the return of one pilot from one value per person of each arm, as assigned.

    `*_margin` is each person's contribution margin net of incentives over the period, and
    `*_service_cost` what serving them cost, shapes `(treated,)` and `(control,)`. `cost` is the
    whole pilot's: wages, tools and messages. Raises `InvalidInput` for a cost that is not above 0
    and `InsufficientData` with fewer than `MIN_UNITS` people in an arm.
    """
    margin_t, cost_t = _columns(treated_margin, treated_service_cost, "treated")
    margin_c, cost_c = _columns(control_margin, control_service_cost, "control")
    if not cost > 0:
        raise InvalidInput(
            f"cost == {cost}, must be above 0", hint="count wages, tools and messages"
        )
    if period_days < 1:
        raise InvalidInput(f"period_days == {period_days}, must be at least 1")
    smallest = min(len(margin_t), len(margin_c))
    if smallest < MIN_UNITS:
        raise InsufficientData(
            f"an arm holds {smallest} people, a return needs at least {MIN_UNITS} in each",
            hint="let the pilot run on, or report counts alone",
        )
    n = len(margin_t)
    lines = np.array([_lines(margin_t, cost_t, margin_c, cost_c, n)])
    drawn = np.empty((draws, 2))
    for k in range(draws):
        t = rng.integers(0, n, n)
        c = rng.integers(0, len(margin_c), len(margin_c))
        drawn[k] = _lines(margin_t[t], cost_t[t], margin_c[c], cost_c[c], n)
    preserved = _interval(lines[0, 0], drawn[:, 0], level)
    saved = _interval(lines[0, 1], drawn[:, 1], level)
    net = _interval(lines.sum() - cost, drawn.sum(axis=1) - cost, level)
    ratio = Interval(net.value / cost, net.low / cost, net.high / cost, level)
    return Roi(
        treated=n,
        held_out=len(margin_c),
        period_days=period_days,
        currency=currency,
        margin_preserved=preserved,
        cost_saved=saved,
        cost=cost,
        net=net,
        net_roi=ratio,
        verdict="pays" if net.low > 0 else "does not pay" if net.high < 0 else "cannot say",
    )


def _lines(
    margin_t: Floats, cost_t: Floats, margin_c: Floats, cost_c: Floats, n: int
) -> tuple[float, float]:
    return (
        n * float(margin_t.mean() - margin_c.mean()),
        n * float(cost_c.mean() - cost_t.mean()),
    )


def _interval(value: float, drawn: Floats, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high), level)


def _columns(margin: ArrayLike, service: ArrayLike, arm: str) -> tuple[Floats, Floats]:
    a, b = np.asarray(margin, np.float64), np.asarray(service, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise InvalidInput(f"{arm}: margins {a.shape} and service costs {b.shape} differ in shape")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InvalidInput(f"{arm}: a margin or a service cost is missing")
    return a, b
