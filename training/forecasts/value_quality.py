"""How good expected amounts are, beside what any business can reckon without a model.

Baselines: `own_past`, each customer's own last year brought to the horizon by one factor that makes
the training totals agree; `mean`, everyone's mean. An expected amount is a mean, so the squared
error is its proper measure: the absolute error favours naming 0 wherever most amounts are 0.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from governance.errors import InsufficientData
from governance.intervals import Interval, mean_interval, wilson
from governance.model.forecasts import ValueErrors, ValueResult
from training.forecasts.value import ValueEstimates
from training.forecasts.value_fit import past_year_column
from training.model import Matrix, Vector

TOP_SHARE = 0.1
_RESAMPLES = 500

AmountRule = Callable[[Matrix], Vector]
"""From feature rows (n, k) to expected amounts (n,)."""


def fit_amount_rules(
    values: Matrix, amount: Vector, definitions: Sequence[FeatureDefinition], event_kind: str
) -> Mapping[str, AmountRule]:
    """Fit the baselines that apply to training rows (n, k) with their amounts (n,), 0 included."""
    mean = float(np.mean(amount))
    rules: dict[str, AmountRule] = {"mean": lambda rows: np.full(len(rows), mean)}
    place = past_year_column(definitions, event_kind)
    past = 0.0 if place is None else float(np.nansum(values[:, place]))
    if place is not None and past > 0:
        factor = float(np.sum(amount)) / past
        rules["own_past"] = lambda rows: factor * np.nan_to_num(rows[:, place])
    return rules


def measure_value(
    amount: Vector,
    happened: NDArray[np.bool_],
    estimates: ValueEstimates,
    baselines: Mapping[str, Vector],
    *,
    method: str,
    rng: np.random.Generator,
    resamples: int = _RESAMPLES,
) -> ValueResult:
    """Hold expected amounts against what came, one row per customer, all (n,).

    `amount` is 0 where the event did not happen. `rng` draws whole customers anew for the 95 %
    intervals; the same draws for ours and every baseline, so differences are paired. Raises
    `InsufficientData` for fewer than two customers.
    """
    n = len(amount)
    covered = wilson(int(np.sum((estimates.low <= amount) & (amount <= estimates.high))), n)
    if n < 2 or covered is None:
        raise InsufficientData(f"{n} customers to measure amounts on, at least 2 are needed")
    forecasts = {"": estimates.expected, **baselines}
    ones = np.ones(n)
    curves = {name: _Curve(amount, found) for name, found in forecasts.items()}
    perfect = _Curve(amount, amount)
    whole = {name: _figures(curve, perfect, ones) for name, curve in curves.items()}
    drawn: dict[str, list[Vector]] = {name: [] for name in forecasts}
    for _ in range(resamples):
        counts = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
        for name, curve in curves.items():
            drawn[name].append(_figures(curve, perfect, counts))
    spread = {name: np.stack(found) for name, found in drawn.items()}

    def errors(name: str) -> ValueErrors:
        mae, rmse = (_interval(whole[name][j], spread[name][:, j]) for j in (0, 1))
        further = [_perhaps(whole[name][j], spread[name][:, j]) for j in (2, 3, 4)]
        return ValueErrors(mae, rmse, *further)

    def differences(column: int) -> dict[str, Interval]:
        return {
            name: _interval(
                whole[""][column] - whole[name][column],
                spread[""][:, column] - spread[name][:, column],
            )
            for name in baselines
        }

    return ValueResult(
        n=n,
        with_event=int(np.sum(happened)),
        mean=mean_interval(amount),
        method=method,
        ours=errors(""),
        coverage=covered,
        baselines={name: errors(name) for name in baselines},
        mae_differences=differences(0),
        rmse_differences=differences(1),
    )


class _Curve:
    """One forecast beside the amounts, with its customers in falling order of the forecast."""

    def __init__(self, amount: Vector, forecast: Vector) -> None:
        self.amount, self.forecast = amount, forecast
        self.off = np.abs(forecast - amount)
        self.squared = self.off**2
        order = np.argsort(-forecast, kind="stable")
        self.order = order
        falling = forecast[order]
        self.ends = np.append(np.flatnonzero(np.diff(falling)), len(order) - 1)

    def shares(self, counts: Vector) -> tuple[Vector, Vector]:
        """Share of people and of money down to each distinct forecast; equal ones go together."""
        people = np.cumsum(counts[self.order])[self.ends]
        money = np.cumsum((counts * self.amount)[self.order])[self.ends]
        return (
            np.concatenate([[0.0], people / people[-1]]),
            np.concatenate([[0.0], money / money[-1]]),
        )


def _figures(curve: _Curve, perfect: _Curve, counts: Vector) -> Vector:
    """MAE, RMSE, bias, lift of the top tenth, Gini (5,); NaN where there is no such figure."""
    n = counts.sum()
    total = float(counts @ curve.amount)
    mae, mse = counts @ curve.off / n, counts @ curve.squared / n
    if total <= 0:
        return np.array([mae, np.sqrt(mse), np.nan, np.nan, np.nan])
    people, money = curve.shares(counts)
    lift = float(np.interp(TOP_SHARE, people, money)) / TOP_SHARE
    best = _area(*perfect.shares(counts))
    gini = _area(people, money) / best if best > 0 else np.nan
    bias = float(counts @ curve.forecast) / total - 1
    return np.array([mae, np.sqrt(mse), bias, lift, gini])


def _area(people: Vector, money: Vector) -> float:
    """Area between the curve of money over people and the diagonal."""
    return float(np.trapezoid(money, people)) - 0.5


def _interval(value: float, drawn: Vector) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))


def _perhaps(value: float, drawn: Vector) -> Interval | None:
    known = drawn[~np.isnan(drawn)]
    return None if np.isnan(value) or not len(known) else _interval(value, known)
