"""Fits the additive member: one smooth curve per feature, by penalised logistic regression.

Every feature is first laid on knots (its quantiles, or its levels when it has few); the regression
then works on a few shapes over those knots: rank, rank squared, the value, its logarithm. So money
and counts with long tails need no scaling, and each curve can be read and drawn. A curve goes on
for once the range that training saw (a longer history brings longer silences), then stays flat.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.model import AdditiveMember, Matrix, Vector

FEW_LEVELS = 8
KNOTS = 17
_STEPS = 60
_PERIOD_SCALE = 10.0


@dataclass(frozen=True)
class Shapes:
    """The columns one feature gives to the regression.

    `knots` (m,) rise; `basis` (m, b): the value of each column at each knot; `means` (b,): its
    mean over the training rows, taken off; `missing_share`: of the training rows.
    """

    knots: Vector
    basis: Matrix
    means: Vector
    missing_share: float


def shapes_of(values: Matrix, categorical: Collection[int] = ()) -> list[Shapes]:
    """Lay out each column of `values` (n, k); `categorical` columns get a level per code."""
    return [_shapes(values[:, j], levels=j in categorical) for j in range(values.shape[1])]


def design(values: Matrix, shapes: list[Shapes]) -> Matrix:
    """Regression columns, shape (n, Σ (b + 1 if the feature is ever missing)), mean 0."""
    width = sum(found.basis.shape[1] + (found.missing_share > 0) for found in shapes)
    out = np.zeros((len(values), width), order="F")
    column = 0
    for j, found in enumerate(shapes):
        x = values[:, j]
        missing = np.isnan(x)
        for b in range(found.basis.shape[1]):
            laid = np.interp(x, found.knots, found.basis[:, b]) - found.means[b]
            out[:, column] = np.where(missing, 0.0, laid)
            column += 1
        if found.missing_share > 0:
            out[:, column] = missing - found.missing_share
            column += 1
    return out


def member_of(shapes: list[Shapes], coefficients: Vector, intercept: float) -> AdditiveMember:
    """Turn regression coefficients back into one curve per feature."""
    knots, levels = [], []
    missing = np.zeros(len(shapes))
    column = 0
    for j, found in enumerate(shapes):
        b = found.basis.shape[1]
        curve = (found.basis - found.means) @ coefficients[column : column + b]
        column += b
        if found.missing_share > 0:
            curve = curve - coefficients[column] * found.missing_share
            missing[j] = coefficients[column] * (1 - found.missing_share)
            column += 1
        knots.append(found.knots)
        levels.append(curve)
    return AdditiveMember.from_curves(knots, levels, missing, intercept)


class CurvesFit(NamedTuple):
    """A fitted member without a level of its own, and the level (p,) of each period."""

    member: AdditiveMember
    levels: Vector


def fit_curves(
    values: Matrix,
    y: Vector,
    *,
    penalties: tuple[float, ...],
    weight: Vector | None = None,
    period: NDArray[np.int64] | None = None,
    categorical: Collection[int] = (),
) -> list[CurvesFit]:
    """One fit per inverse penalty (scikit-learn's `C`), from strict to free.

    `values` (n, k) with NaN for missing, `y` (n,) of 0 and 1, both of which must occur. `period`
    (n,) codes 0 … p − 1: rows of one period share a level that is hardly penalised, so the curves
    say what sets customers apart within a period, not what sets periods apart.
    """
    shapes = shapes_of(values, categorical)
    columns = design(values, shapes)
    periods = 1 if period is None else int(period.max()) + 1
    if period is not None and periods > 1:
        columns = np.hstack([columns, np.eye(periods)[period] * _PERIOD_SCALE])
    elif columns.shape[1] == 0:
        columns = np.zeros((len(values), 1))
    regression = LogisticRegression(solver="newton-cholesky", warm_start=True, max_iter=_STEPS)
    fits = []
    for strength in penalties:
        regression.set_params(C=strength).fit(columns, y, sample_weight=weight)
        found = regression.coef_[0].copy()
        levels = np.full(periods, float(regression.intercept_[0]))
        if periods > 1:
            levels += found[-periods:] * _PERIOD_SCALE
        fits.append(CurvesFit(member_of(shapes, found, 0.0), levels))
    return fits


def _shapes(x: Vector, *, levels: bool) -> Shapes:
    missing = np.isnan(x)
    seen = np.sort(x[~missing])
    share = float(missing.mean()) if len(x) else 0.0
    distinct = np.unique(seen)
    if len(distinct) == 0:
        return Shapes(np.zeros(1), np.zeros((1, 0)), np.zeros(0), 0.0)
    if len(distinct) == 1:
        return Shapes(distinct, np.zeros((1, 0)), np.zeros(0), share)
    if levels or len(distinct) <= FEW_LEVELS:
        counts = np.searchsorted(seen, distinct, "right") - np.searchsorted(seen, distinct)
        return Shapes(distinct, np.eye(len(distinct)), counts / len(seen), share)
    knots = np.unique(np.quantile(seen, np.linspace(0, 1, KNOTS), method="nearest"))
    if len(knots) < 3:
        knots = np.unique(np.append(knots, distinct[[0, 1, -1]]))
    reach = (knots[-1] - knots[0]) * np.array([0.5, 1.0])
    knots = np.concatenate([knots, knots[-1] + reach])
    rank = 2 * np.searchsorted(seen, knots, "right") / len(seen) - 1
    basis = np.column_stack(
        [
            1.7 * rank,
            1.7 * (rank**2 - 1 / 3),
            _scaled(knots, seen),
            _scaled(_signed_log(knots), _signed_log(seen)),
        ]
    )
    means = np.array([np.mean(np.interp(seen, knots, column)) for column in basis.T])
    return Shapes(knots, basis, means, share)


def _signed_log(x: Vector) -> Vector:
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)))


def _scaled(x: Vector, seen: Vector) -> Vector:
    return np.asarray((x - np.mean(seen)) / (np.std(seen) or 1.0))
