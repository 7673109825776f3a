"""How good named categories are, beside everyone's shares and the person's own."""

import numpy as np
from numpy.typing import NDArray

from governance.errors import InsufficientData
from governance.intervals import Interval, mean_interval, wilson
from governance.model.forecasts import CategoryErrors, CategoryResult
from training.forecasts.category import CategoryModel, OwnShares
from training.forecasts.category_fit import codes_of
from training.model import Matrix, Vector

_OWN_WEIGHT = 0.75


def category_baselines(
    model: CategoryModel, values: Matrix, own_places: tuple[int, ...] = ()
) -> dict[str, Matrix]:
    """Probabilities (n, c) of the simple rules: `shares`, and `own_shares` where columns say them.

    `own_places` (c,): see `OwnShares`; own shares count three quarters there.
    """
    found = {"shares": np.repeat(model.shares[None], len(values), axis=0)}
    if own_places and max(own_places) >= 0:
        rule = OwnShares(own_places, _OWN_WEIGHT)
        found["own_shares"] = rule.probabilities(values, model.shares)
    return found


def measure_category(
    model: CategoryModel,
    category: NDArray[np.object_],
    probabilities: Matrix,
    baselines: dict[str, Matrix],
) -> CategoryResult:
    """Hold probabilities (n, c) against the category (n,) that came, one row per customer.

    Only rows with a category count (None: no event); one that training never saw where there is no
    "other" is a miss for everyone, so such rows are left out. Raises `InsufficientData` for fewer
    than two rows.
    """
    codes = codes_of(model, category)
    counted = np.array([found is not None for found in category], np.bool_) & (codes >= 0)
    if counted.sum() < 2:
        raise InsufficientData(f"{int(counted.sum())} customers with a category to measure on")
    truth = codes[counted]
    ours = probabilities[counted]
    simple = {name: found[counted] for name, found in baselines.items()}
    losses = {name: _losses(found, truth) for name, found in {"": ours, **simple}.items()}
    return CategoryResult(
        n=len(truth),
        categories=len(model.names),
        method=model.method,
        ours=_errors(ours, truth, losses[""]),
        baselines={name: _errors(found, truth, losses[name]) for name, found in simple.items()},
        differences={name: _mean(losses[""] - losses[name]) for name in simple},
    )


def _errors(probabilities: Matrix, truth: NDArray[np.int64], loss: Vector) -> CategoryErrors:
    order = np.argsort(-probabilities, axis=1, kind="stable")
    top = order[:, :3] == truth[:, None]
    return CategoryErrors(_share(top[:, 0]), _share(top.any(axis=1)), _mean(loss))


def _losses(probabilities: Matrix, truth: NDArray[np.int64]) -> Vector:
    return -np.log(probabilities[np.arange(len(truth)), truth])


def _share(hits: NDArray[np.bool_]) -> Interval:
    found = wilson(int(hits.sum()), len(hits))
    assert found is not None
    return found


def _mean(x: Vector) -> Interval:
    found = mean_interval(x)
    assert found is not None
    return found
