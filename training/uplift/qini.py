"""How well a score ranks people by what a treatment does to them: Qini, AUUC, uplift at the top.

`y` (n,) is the outcome, `treated` (n,) 1 or 0, a score (n,) is higher for whom to treat first.
Definitions are those of scikit-uplift 0.5 (`qini_auc_score`, `uplift_auc_score` and `uplift_at_k`
with the strategy "overall"), where a line is drawn over people with equal scores:

- Qini curve after the first i people: Y_t − Y_c · N_t ÷ N_c, with outcomes Y and people N of both
  arms so far (Y_t alone while N_c is 0). The Qini coefficient is the area between the curve and the
  straight line to its end, over the same area of the perfect curve, which puts treated responders
  first and untreated responders last. 1 is perfect, 0 no ranking at all, negative worse than none.
- AUUC is the same of the curve (Y_t ÷ N_t − Y_c ÷ N_c) · i.
- Uplift at 30 %: mean outcome of the treated − mean outcome of the others, in the top 30 %. Where
  the cut falls among equal scores, they count as in the average over all orders.

An outcome that is a number counts from its least value, so that adding a constant changes nothing;
the perfect curve then puts the largest treated outcomes first and the largest untreated last, and
AUUC, which is defined for yes and no only, is NaN.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval

Vector = NDArray[np.float64]
Codes = NDArray[np.int64]
Name = TypeVar("Name")

TOP_SHARE = 0.3


class Ranking(NamedTuple):
    """What a score achieves, each figure with its 95 % interval; None where it is not defined."""

    qini: Interval
    auuc: Interval | None
    uplift_at_30: Interval | None


class Figures(NamedTuple):
    """Qini, AUUC and uplift at 30 % of one score; NaN where not defined."""

    qini: float
    auuc: float
    uplift_at_30: float


@dataclass(frozen=True)
class Trial:
    """Everyone in the two arms of an experiment: outcomes, arms and randomised units, each (n,).

    `units` are codes 0 … u − 1; all rows of a unit sit in one arm.
    """

    y: Vector
    treated: Vector
    units: Codes

    @property
    def is_binary(self) -> bool:
        """Whether the outcome is 0 or 1 throughout."""
        return bool(np.isin(self.y, (0.0, 1.0)).all())

    def rows(self, which: Codes) -> "Trial":
        """Only these rows, units numbered anew."""
        units = np.unique(self.units[which], return_inverse=True)[1].astype(np.int64)
        return Trial(self.y[which], self.treated[which], units)

    def unit_arms(self) -> Vector:
        """The arm of each unit (u,): 1 treated, 0 not."""
        arms = np.zeros(int(self.units.max()) + 1)
        arms[self.units] = self.treated
        return arms


class _Areas(NamedTuple):
    qini: float
    uplift: float
    qini_end: float
    uplift_end: float
    top: float
    people: float


class _Order:
    """Rows sorted by a score, best first, with what its curves add up over people."""

    def __init__(self, y: Vector, treated: Vector, score: Vector) -> None:
        self._order = np.argsort(-score, kind="stable")
        ranked = score[self._order]
        self._starts = np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1])
        self._treated = treated[self._order]
        y_ranked = y[self._order]
        self._y_treated = y_ranked * self._treated
        self._y_control = y_ranked - self._y_treated

    def areas(self, weight: Vector) -> _Areas:
        """Measure everything with `weight` (n,) copies of each row."""
        w = weight[self._order]
        n = _running(w, self._starts)
        n_treated = _running(w * self._treated, self._starts)
        y_treated = _running(w * self._y_treated, self._starts)
        y_control = _running(w * self._y_control, self._starts)
        n_control = n - n_treated
        control_mean = y_control / np.maximum(n_control, 1.0)
        qini = y_treated - control_mean * n_treated
        uplift = (y_treated / np.maximum(n_treated, 1.0) - control_mean) * n
        steps = np.diff(n) / 2
        cut = TOP_SHARE * n[-1]
        top_treated, top_y_treated = np.interp(cut, n, n_treated), np.interp(cut, n, y_treated)
        top_control, top_y_control = np.interp(cut, n, n_control), np.interp(cut, n, y_control)
        both = top_treated > 0 and top_control > 0
        return _Areas(
            qini=float(np.sum((qini[1:] + qini[:-1]) * steps)),
            uplift=float(np.sum((uplift[1:] + uplift[:-1]) * steps)),
            qini_end=float(qini[-1]),
            uplift_end=float(uplift[-1]),
            top=float(top_y_treated / top_treated - top_y_control / top_control)
            if both
            else float("nan"),
            people=float(n[-1]),
        )


class Measurer:
    """Measures rankings of one experiment, on everybody or on a resample of them.

    Sums up to a point are of whole people, so that a mean over nobody is 0 ÷ 1.
    """

    def __init__(self, trial: Trial) -> None:
        self._y = trial.y if trial.is_binary else trial.y - trial.y.min()
        self._trial = trial
        y, t = self._y, trial.treated
        self._perfect_qini = _Order(y, t, y * t - y * (1 - t))
        self._perfect_uplift: _Order | None = None
        if trial.is_binary:
            more = np.sum((y == 1) & (t == 0)) > np.sum((y == 0) & (t == 1))
            self._perfect_uplift = _Order(y, t, 2.0 * (y == t) + (y if more else t))
        self._once = np.ones(len(y))
        self._best, self._best_uplift = self._perfect(self._once)

    def _perfect(self, weight: Vector) -> tuple[_Areas, _Areas | None]:
        uplift = self._perfect_uplift
        return self._perfect_qini.areas(weight), None if uplift is None else uplift.areas(weight)

    def order(self, score: Vector) -> _Order:
        """Sort everybody by `score` (n,), once for any number of measurements."""
        return _Order(self._y, self._trial.treated, score)

    def figures(
        self, orders: Mapping[Name, _Order], weight: Vector | None = None
    ) -> dict[Name, Figures]:
        """Measure each ranking, with `weight` (n,) copies of each person (one each by default)."""
        if weight is None:
            weight, best, best_uplift = self._once, self._best, self._best_uplift
        else:
            best, best_uplift = self._perfect(weight)
        qini_line = best.people * best.qini_end / 2
        found = {}
        for name, order in orders.items():
            areas = order.areas(weight)
            auuc = float("nan")
            if best_uplift is not None:
                line = best_uplift.people * best_uplift.uplift_end / 2
                auuc = _share(areas.uplift - line, best_uplift.uplift - line)
            qini = _share(areas.qini - qini_line, best.qini - qini_line)
            found[name] = Figures(qini, auuc, areas.top)
        return found


def qini_coefficient(y: Vector, treated: Vector, score: Vector) -> float:
    """Give the Qini coefficient of `score`, ≤ 1; 0 is no ranking at all."""
    return figures_of(y, treated, score).qini


def figures_of(y: Vector, treated: Vector, score: Vector) -> Figures:
    """Measure one score on everybody."""
    trial = Trial(y, treated, np.arange(len(y), dtype=np.int64))
    measurer = Measurer(trial)
    return measurer.figures({"": measurer.order(score)})[""]


def resample(trial: Trial, draws: int, rng: np.random.Generator) -> Iterator[Vector]:
    """How often each row (n,) occurs when units are drawn with replacement within their arm."""
    arms = trial.unit_arms()
    sides = [np.flatnonzero(arms == arm) for arm in (0.0, 1.0)]
    for _ in range(draws):
        times = np.zeros(len(arms))
        for side in sides:
            picked = rng.integers(0, len(side), len(side))
            times[side] = np.bincount(picked, minlength=len(side))
        yield times[trial.units]


@dataclass(frozen=True)
class Measured:
    """Rankings measured on the same people and the same resamples of them.

    `drawn[name]` (draws, 3): figures of every resample, so that differences are paired.
    """

    found: Mapping[str, Figures]
    drawn: Mapping[str, NDArray[np.float64]]

    def ranking(self, name: str) -> Ranking:
        """Give the figures of one score with their intervals."""
        qini, auuc, top = (
            _interval(value, self.drawn[name][:, place])
            for place, value in enumerate(self.found[name])
        )
        if qini is None:
            raise ValueError(f"the Qini coefficient of {name} is not defined")
        return Ranking(qini, auuc, top)

    def difference(self, name: str, other: str) -> Interval:
        """Qini of one score minus that of another, from paired resamples."""
        value = self.found[name].qini - self.found[other].qini
        found = _interval(value, self.drawn[name][:, 0] - self.drawn[other][:, 0])
        if found is None:
            raise ValueError(f"the Qini coefficients of {name} and {other} are not defined")
        return found


def measure(
    trial: Trial, scores: Mapping[str, Vector], *, draws: int, rng: np.random.Generator
) -> Measured:
    """Measure every score on everybody and on `draws` bootstrap resamples of units within arms."""
    measurer = Measurer(trial)
    orders = {name: measurer.order(score) for name, score in scores.items()}
    drawn = np.array(
        [list(measurer.figures(orders, weight).values()) for weight in resample(trial, draws, rng)]
    ).reshape(draws, len(orders), 3)
    return Measured(
        found=measurer.figures(orders),
        drawn={name: drawn[:, place] for place, name in enumerate(orders)},
    )


def null_band(trial: Trial, *, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Where 95 % of the Qini coefficients lie when there is no ranking at all.

    Arms and outcomes stay, the order of units is random each time.
    """
    measurer = Measurer(trial)
    units = int(trial.units.max()) + 1
    found = []
    for _ in range(draws):
        score = rng.permutation(units)[trial.units].astype(np.float64)
        found.append(measurer.figures({"": measurer.order(score)})[""].qini)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _interval(value: float, drawn: Vector) -> Interval | None:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(known):
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def _running(added: Vector, starts: Codes) -> Vector:
    """Sums up to the end of each group of equal scores, from 0."""
    grouped = added if len(starts) == len(added) else np.add.reduceat(added, starts)
    found = np.zeros(len(grouped) + 1)
    np.cumsum(grouped, out=found[1:])
    return found


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
