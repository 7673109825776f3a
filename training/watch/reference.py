"""What a model was trained on, kept beside it: how its numbers were spread, and in which season.

Plain counts of people, no rows: every bin holds at least `LEAST_IN_BIN` of them, edges lie between
values, and a rate is kept only where both outcomes are common enough. `training.watch.drift`
compares the present with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from features.dataset import Dataset
from governance.instants import from_micros, to_text
from governance.intervals import Interval

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

REFERENCE = "reference"
"""Under which name a bundle's facts hold it."""
BINS = 10
LEAST_IN_BIN = 30
LEAST_OF_EACH_OUTCOME = 5
LEAST_PER_MONTH = 100
_LEAST_OUTCOMES_PER_MONTH = 30
_NORMAL_975 = 1.959963984540054
_CODED = frozenset({"category", "mode"})


@dataclass(frozen=True)
class Distribution:
    """How one number is spread over `people`.

    `missing`: share without a value. `edges` (b − 1,), rising, cut the others into b bins: bin i
    holds edges[i − 1] < x ≤ edges[i]. `shares` (b,) add up to 1; empty where nobody has a value.
    `commonest`: share of people who have the one most frequent value. `mean` and `spread` (sample
    standard deviation) are over those with a value.
    """

    people: int
    missing: float
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    commonest: float
    mean: float
    spread: float

    def counts(self, x: Vector) -> Vector:
        """How many of `x` (n,) fall into each bin, shape (b,); missing ones into none."""
        seen = x[~np.isnan(x)]
        place = np.searchsorted(self.edges, seen, side="left")
        return np.bincount(place, minlength=max(len(self.shares), 1)).astype(np.float64)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives an equal record back."""
        plain: dict[str, Any] = dict(vars(self))
        return plain | {"edges": list(self.edges), "shares": list(self.shares)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Distribution":
        """Read what `to_json` wrote."""
        lists = {name: tuple(map(float, found[name])) for name in ("edges", "shares")}
        return cls(**{**found, **lists})


class CutoffLevel(NamedTuple):
    """One training instant: of `people`, the share with the outcome and the mean score.

    `rate` is None where one of the outcomes was too rare to be told.
    """

    as_of: str
    people: int
    rate: float | None
    mean_score: float


class MonthFit(NamedTuple):
    """How scores fitted outcomes at training instants in one calendar month (1 to 12).

    `shift`: what would have to be added to the scores' log-odds for their sum to meet the number of
    outcomes, with its 95 % interval; above 0 the month had more outcomes than the scores said.
    """

    month: int
    people: int
    rate: float
    shift: Interval


@dataclass(frozen=True)
class Reference:
    """What a model saw: its features and scores at the latest training instant, and the seasons.

    `names` and `features` (k,) in the order of the model's columns. `seasonal` is false for a
    snapshot, which has no calendar.
    """

    horizon_days: int
    seasonal: bool
    names: tuple[str, ...]
    features: tuple[Distribution, ...]
    scores: Distribution
    cutoffs: tuple[CutoffLevel, ...]
    months: tuple[MonthFit, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives an equal record back."""
        return {
            "horizon_days": self.horizon_days,
            "seasonal": self.seasonal,
            "names": list(self.names),
            "features": [each.to_json() for each in self.features],
            "scores": self.scores.to_json(),
            "cutoffs": [each._asdict() for each in self.cutoffs],
            "months": [each._asdict() | {"shift": each.shift.to_json()} for each in self.months],
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Reference":
        """Read what `to_json` wrote."""
        return cls(
            horizon_days=int(found["horizon_days"]),
            seasonal=bool(found["seasonal"]),
            names=tuple(found["names"]),
            features=tuple(Distribution.from_json(each) for each in found["features"]),
            scores=Distribution.from_json(found["scores"]),
            cutoffs=tuple(CutoffLevel(**each) for each in found["cutoffs"]),
            months=tuple(
                MonthFit(**{**each, "shift": Interval(**each["shift"])}) for each in found["months"]
            ),
        )


def reference_of(rows: Dataset, probability: Vector) -> Reference:
    """Describe training rows and the model's own `probability` of them (n,)."""
    latest = rows.as_of == rows.as_of.max()
    return Reference(
        horizon_days=rows.target.horizon_days,
        seasonal=rows.target.kind != "given",
        names=rows.names,
        features=tuple(
            distribution_of(rows.values[latest, j], coded=each.aggregate in _CODED)
            for j, each in enumerate(rows.definitions)
        ),
        scores=distribution_of(probability[latest]),
        cutoffs=tuple(
            _level(int(t), rows.y[rows.as_of == t], probability[rows.as_of == t])
            for t in np.unique(rows.as_of)
        ),
        months=_months(rows, probability),
    )


def distribution_of(x: Vector, *, coded: bool = False) -> Distribution:
    """Describe `x` (n,), one value per person, NaN where missing.

    Bins are quantiles, or one per value where there are few values or `coded` ones; neighbours
    are joined until each bin holds `LEAST_IN_BIN` people. Without so many there is one bin.
    """
    seen = np.sort(x[~np.isnan(x)])
    people = len(x)
    if not len(seen):
        return Distribution(people, 1.0 if people else 0.0, (), (), 0.0, 0.0, 0.0)
    values, counts = np.unique(seen, return_counts=True)
    edges = _edges(values, counts, coded=coded)
    inside = np.bincount(np.searchsorted(edges, seen, side="left"), minlength=len(edges) + 1)
    edges, inside = _joined(edges, inside)
    return Distribution(
        people=people,
        missing=_short(1 - len(seen) / people),
        edges=tuple(edges.tolist()),
        shares=tuple(_short(share) for share in inside / len(seen)),
        commonest=_short(counts.max() / people),
        mean=_short(seen.mean()),
        spread=_short(seen.std(ddof=1)) if len(seen) > 1 else 0.0,
    )


def _edges(values: Vector, counts: NDArray[np.int64], *, coded: bool) -> Vector:
    """Cuts halfway between neighbouring values, so that none is anyone's own."""
    after = np.arange(len(values) - 1)
    if not coded and len(values) > BINS:
        upto = np.cumsum(counts)
        wanted = upto[-1] * np.arange(1, BINS) / BINS
        after = np.unique(np.minimum(np.searchsorted(upto, wanted), len(values) - 2))
    middle = values[after] / 2 + values[after + 1] / 2
    return np.unique(np.array([_short(edge) for edge in middle], np.float64))


def _joined(edges: Vector, inside: NDArray[np.int64]) -> tuple[Vector, NDArray[np.int64]]:
    """Join neighbouring bins from the left until every one holds enough people."""
    kept: list[float] = []
    sizes: list[int] = []
    held = 0
    for k, size in enumerate(inside.tolist()):
        held += size
        if held >= LEAST_IN_BIN and k < len(edges):
            kept.append(float(edges[k]))
            sizes.append(held)
            held = 0
    if held < LEAST_IN_BIN and sizes:
        held += sizes.pop()
        kept.pop()
    return np.array(kept), np.array([*sizes, held])


def _level(as_of: int, y: Vector, probability: Vector) -> CutoffLevel:
    rare = min(y.sum(), len(y) - y.sum()) < LEAST_OF_EACH_OUTCOME
    rate = None if rare else _short(y.mean())
    return CutoffLevel(to_text(from_micros(as_of)), len(y), rate, _short(probability.mean()))


def _months(rows: Dataset, probability: Vector) -> tuple[MonthFit, ...]:
    if rows.target.kind == "given":
        return ()
    instants, place = np.unique(rows.as_of, return_inverse=True)
    month = np.array([from_micros(int(t)).month for t in instants])[place]
    found = []
    for each in np.unique(month).tolist():
        chosen = month == each
        y = rows.y[chosen]
        people = len(np.unique(rows.customer_index[chosen]))
        rare = min(y.sum(), len(y) - y.sum()) < _LEAST_OUTCOMES_PER_MONTH
        if people < LEAST_PER_MONTH or rare:
            continue
        shift = log_odds_shift(y, probability[chosen])
        short = Interval(*(_short(bound) for bound in shift[:3]))
        found.append(MonthFit(each, people, _short(y.mean()), short))
    return tuple(found)


def log_odds_shift(y: Vector, probability: Vector) -> Interval:
    """Calibration in the large: δ with Σ σ(logit p + δ) = Σ y, and its 95 % interval.

    0 means the scores add up to the number of outcomes. One Newton search; the standard error is
    1 ÷ √Σ p(1 − p) at the solution (Cox 1958). `y` and `probability` (n,), both outcomes present.
    """
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    log_odds = np.log(p) - np.log1p(-p)
    shift = 0.0
    for _ in range(50):
        now = special.expit(log_odds + shift)
        step = float(np.sum(y - now) / max(np.sum(now * (1 - now)), 1e-12))
        shift += float(np.clip(step, -2.0, 2.0))
        if abs(step) < 1e-10:
            break
    now = special.expit(log_odds + shift)
    half = _NORMAL_975 / float(np.sqrt(max(np.sum(now * (1 - now)), 1e-12)))
    return Interval(shift, shift - half, shift + half)


def _short(number: float) -> float:
    """Six significant digits: plenty for a comparison, and a manifest people can read."""
    return float(f"{number:.6g}")
