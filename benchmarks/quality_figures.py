"""Figures of several scores on the very same rows, each with an interval, and what they say.

Intervals are percentiles of 400 resamples (200 from 30,000 rows on) of whole people: every row of a
person is drawn or left out together, in every score at once, so differences are paired. A figure
over several test sets is the mean of the sets' figures; a person in two of them is drawn for both,
which is how sets that overlap are respected.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval
from training.evaluation.calibration_error import calibration_error
from training.evaluation.evaluate import log_losses
from training.evaluation.resample import Resamples, percentile, resamples_of

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]
Statistic = Callable[[Vector, Vector, Matrix], Vector]
"""From truth (n,), score (n,) and weights (b, n) to a figure of each draw (b,)."""

SEED = 20_261_128
SMALLER_IS_BETTER = {"log_loss", "brier", "ece", "rmse", "mae"}


@dataclass(frozen=True)
class Line:
    """One score: its figures, and ours minus its where both were made on the same rows.

    `source` says where a figure that was not computed here comes from.
    """

    name: str
    figures: Mapping[str, Interval | float]
    ours_minus: Mapping[str, Interval] = field(default_factory=dict)
    verdict: str = ""
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "figures": {name: _plain(found) for name, found in self.figures.items()},
            "ours_minus_this": {name: _plain(found) for name, found in self.ours_minus.items()},
            "verdict": self.verdict,
            "source": self.source or "computed here, on the same rows",
        }


@dataclass(frozen=True)
class Table:
    """One task on one data set; the first line is ours."""

    data: str
    task: str
    protocol: str
    rows: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "data": self.data,
            "task": self.task,
            "protocol": self.protocol,
            "rows": self.rows,
            "lines": [each.to_json() for each in self.lines],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
        }


def compare_probabilities(
    y: Vector,
    scores: Mapping[str, Vector],
    groups: Ints,
    sets: Sequence[Ints],
    *,
    returners: bool = False,
) -> tuple[Line, ...]:
    """Compare probabilities of y (n,) of 0 and 1; the first of `scores` is ours.

    `sets` are the rows of each test set. `returners`: also the average precision of finding those
    for whom it does not come true, where they are the few.
    """
    measures: dict[str, Statistic] = {"auc": _areas, "average_precision": _precisions}
    if returners:
        measures["returners_ap"] = lambda truth, p, w: _precisions(1 - truth, 1 - p, w)
    measures["log_loss"] = lambda truth, p, w: _means(log_losses(truth, p), w)
    measures["brier"] = lambda truth, p, w: _means((truth - p) ** 2, w)
    gaps = {name: calibration_error(y, each, groups, seed=SEED) for name, each in scores.items()}
    return compare(y, scores, groups, sets, measures, also={"ece": gaps})


def compare_expectations(
    truth: Vector, scores: Mapping[str, Vector], groups: Ints
) -> tuple[Line, ...]:
    """Compare expected values of `truth` (n,) by root mean squared and mean absolute error."""
    measures: dict[str, Statistic] = {
        "rmse": lambda y, x, w: np.asarray(np.sqrt(_means((y - x) ** 2, w))),
        "mae": lambda y, x, w: _means(np.abs(y - x), w),
    }
    return compare(truth, scores, groups, [np.arange(len(truth))], measures)


def compare(
    y: Vector,
    scores: Mapping[str, Vector],
    groups: Ints,
    sets: Sequence[Ints],
    measures: Mapping[str, Statistic],
    *,
    also: Mapping[str, Mapping[str, Interval]] | None = None,
) -> tuple[Line, ...]:
    """Lay the first of `scores` beside each of the others, by each of `measures`.

    `also`: further figures by measure and score, told without a difference.
    """
    drawn = resamples_of(groups, seed=SEED)
    tables = {
        name: {key: _drawn(y, score, sets, each, drawn) for key, each in measures.items()}
        for name, score in scores.items()
    }
    first = next(iter(scores))
    lines = []
    for name, table in tables.items():
        figures: dict[str, Interval | float] = {
            key: percentile(float(found[0]), found[1:]) for key, found in table.items()
        }
        figures |= {key: found[name] for key, found in (also or {}).items()}
        difference: dict[str, Interval] = {}
        if name != first:
            difference = {
                key: percentile(
                    float(tables[first][key][0] - found[0]), tables[first][key][1:] - found[1:]
                )
                for key, found in table.items()
            }
        lines.append(Line(name, figures, difference, verdict_of(name, difference)))
    return tuple(lines)


def verdict_of(name: str, difference: Mapping[str, Interval]) -> str:
    """Say in words, figure by figure, whether ours is better, worse or not distinguishable."""
    said: dict[str, list[str]] = {"better than": [], "worse than": [], "even with": []}
    for key, found in difference.items():
        gain = -found.value if key in SMALLER_IS_BETTER else found.value
        word = (
            "even with" if not found.excludes_zero else "better than" if gain > 0 else "worse than"
        )
        said[word].append(key.replace("_", " "))
    named = {"even with": "not distinguishable from"}
    parts = [(named.get(word, word), ", ".join(keys)) for word, keys in said.items() if keys]
    if len(parts) == 1 and len(difference) > 1:
        return f"{parts[0][0]} {name} in everything"
    whose = [name, "it", "it"]
    return "; ".join(
        f"{word} {who} in {keys}" for (word, keys), who in zip(parts, whose, strict=False)
    )


def beside_published(name: str, measure: str, value: float, ours: Line, source: str) -> Line:
    """Lay a figure that others published beside ours: only our interval can be asked."""
    found = ours.figures[measure]
    assert isinstance(found, Interval)
    if found.low <= value <= found.high:
        word = "not distinguishable from"
    else:
        above = value < found.low
        word = "worse than" if above == (measure in SMALLER_IS_BETTER) else "better than"
    return Line(name, {measure: value}, {}, f"{word} {name}, by our interval alone", source)


def _drawn(
    y: Vector, score: Vector, sets: Sequence[Ints], measure: Statistic, drawn: Resamples
) -> Vector:
    """Give the figure itself, then that of each draw, (1 + b,): the mean over the test sets."""

    def of(weights: Matrix) -> Matrix:
        parts = [measure(y[rows], score[rows], weights[:, rows]) for rows in sets]
        return np.asarray(np.mean(parts, axis=0)[:, None])

    return np.concatenate([of(np.ones((1, len(y)))), drawn.of(of)])[:, 0]


def _means(rows: Vector, weights: Matrix) -> Vector:
    return np.asarray(weights @ rows / weights.sum(axis=1))


def _areas(y: Vector, score: Vector, weights: Matrix) -> Vector:
    """AUC of each draw: positives above negatives, equal scores counting half."""
    hits, others = _by_score(y, score, weights)
    pairs = hits.sum(axis=1) * others.sum(axis=1)
    beaten = others.sum(axis=1, keepdims=True) - np.cumsum(others, axis=1) + others / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sum(hits * beaten, axis=1) / pairs)


def _precisions(y: Vector, score: Vector, weights: Matrix) -> Vector:
    """Average precision of each draw, equal scores taken together."""
    gained, others = _by_score(y, score, weights)
    hits = np.cumsum(gained, axis=1)
    seen = hits + np.cumsum(others, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sum(gained * hits / np.maximum(seen, 1.0), axis=1) / hits[:, -1])


def _by_score(y: Vector, score: Vector, weights: Matrix) -> tuple[Matrix, Matrix]:
    """Weights of positives and of negatives at each different score, from high to low, (b, m)."""
    order = np.argsort(-score, kind="stable")
    begins = np.flatnonzero(np.diff(score[order], prepend=np.inf))
    sorted_weights = weights[:, order]
    hits = np.add.reduceat(sorted_weights * y[order], begins, axis=1)
    return hits, np.add.reduceat(sorted_weights, begins, axis=1) - hits


def _plain(found: Interval | float) -> dict[str, float] | float:
    return found.to_json() if isinstance(found, Interval) else found
