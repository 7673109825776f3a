"""Fits which category comes next, given that the event happens; the simplest rule ships.

Tried on held-out customers: everyone's shares, the person's own shares where features say them,
and small boosted trees. The simplest that is not worse by more than chance is kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from features.definitions import FeatureDefinition
from governance.errors import InsufficientData
from training.choose import folds_of, out_of_fold, smallest
from training.forecasts.category import OTHER, CategoryModel, OwnShares, tempered
from training.model import Matrix, Vector

MOST_CATEGORIES = 20
FEWEST_PEOPLE = 20
FEWEST_PEOPLE_EACH = 5
LARGEST_TUNING_ROWS = 6_000
LARGEST_ROWS = 30_000
WEIGHTS = (0.25, 0.5, 0.75, 0.9)
ROUNDS = (10, 20, 40)
_PARAMETERS: Mapping[str, Any] = {
    "objective": "multiclass",
    "num_leaves": 4,
    "learning_rate": 0.08,
    "feature_fraction": 0.4,
    "lambda_l2": 5.0,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_col_wise": True,
    "seed": 1,
    "verbosity": -1,
}

Ints = NDArray[np.int64]


def own_share_columns(
    definitions: Sequence[FeatureDefinition], event_kind: str, property_name: str
) -> Mapping[str, int]:
    """Which column says a person's own share of each category, over the window nearest to a year.

    Found by what a feature is (`share_where` the property has that value), never by its name.
    """
    found: dict[str, tuple[int, int]] = {}
    for place, each in enumerate(definitions):
        if each.kinds != (event_kind,) or each.aggregate != "share_where" or len(each.where) != 1:
            continue
        [(name, category)] = each.where
        if name == property_name:
            far = abs((each.window_days or 10_000) - 365)
            found[category] = min(found.get(category, (far, place)), (far, place))
    return {category: place for category, (_, place) in found.items()}


def fit_category(
    values: Matrix,
    category: NDArray[np.object_],
    groups: Ints,
    *,
    own: Mapping[str, int] | None = None,
    categorical: Sequence[int] = (),
    seed: int = 0,
    threads: int = 1,
) -> CategoryModel:
    """Fit on the rows with a `category` (n,), None elsewhere; same rows and seed, same bytes.

    The at most 20 most common categories of at least 5 customers each are told apart; all others
    are "other". `values` (n, k); `groups` (n,): rows of one customer are held out together. `own`:
    see `own_share_columns`. Raises `InsufficientData` for fewer than 20 customers with a category,
    or fewer than two categories.
    """
    which = np.flatnonzero([found is not None for found in category])
    people = np.unique(groups[which], return_inverse=True)[1].astype(np.int64)
    count = len(np.unique(people))
    if count < FEWEST_PEOPLE:
        raise InsufficientData(
            f"{count} customers with a category to learn from, at least {FEWEST_PEOPLE} are needed"
        )
    names = _names(category[which], people)
    if len(names) < 2:
        raise InsufficientData(
            f"{len(names)} category to tell apart, at least 2 are needed",
            hint="does the property that names the category vary between events?",
        )
    place = {name: j for j, name in enumerate(names)}
    codes = np.array([place.get(found, len(names) - 1) for found in category[which]], np.int64)
    places = tuple((own or {}).get(name, -1) for name in names)
    rows = _Rows(
        np.ascontiguousarray(values[which]), codes, people, len(names), places, tuple(categorical)
    )
    return _fit(rows, names, np.random.default_rng(seed), seed, threads)


def codes_of(model: CategoryModel, category: NDArray[np.object_]) -> Ints:
    """Position in the model's names of each category (n,); −1 for one it cannot name."""
    place = {name: j for j, name in enumerate(model.names)}
    spare = place.get(OTHER, -1)
    return np.array([place.get(found, spare) for found in category], np.int64)


class _Rows(NamedTuple):
    values: Matrix
    codes: Ints
    people: Ints
    classes: int
    own_places: tuple[int, ...]
    categorical: tuple[int, ...]

    def part(self, which: Ints) -> "_Rows":
        return self._replace(
            values=self.values[which], codes=self.codes[which], people=self.people[which]
        )

    def at_most(self, largest: int, random: np.random.Generator) -> "_Rows":
        """Whole customers at random, about `largest` rows of them."""
        if len(self.codes) <= largest:
            return self
        kept = random.random(int(self.people.max()) + 1) < largest / len(self.codes)
        return self.part(np.flatnonzero(kept[self.people]))

    def shares(self) -> Vector:
        """Everyone's shares (c,), each category with half a row more, so that none is 0."""
        seen = np.bincount(self.codes, minlength=self.classes) + 0.5
        return np.asarray(seen / seen.sum())


def _fit(
    rows: _Rows, names: tuple[str, ...], random: np.random.Generator, seed: int, threads: int
) -> CategoryModel:
    tuning = rows.at_most(LARGEST_TUNING_ROWS, random)
    chosen, temperature = _choose(tuning, seed, threads)
    shares = rows.shares()
    own, trees = None, None
    if 0 < chosen <= len(WEIGHTS):
        own = OwnShares(rows.own_places, WEIGHTS[chosen - 1])
    elif chosen > len(WEIGHTS):
        rounds = ROUNDS[chosen - len(WEIGHTS) - 1]
        grown = _grow(rows.at_most(LARGEST_ROWS, random), rounds, threads)
        trees = lightgbm.Booster(model_str=grown.model_to_string())
    return CategoryModel(rows.values.shape[1], names, shares, own, trees, temperature)


def _choose(rows: _Rows, seed: int, threads: int) -> tuple[int, float]:
    """Which candidate (0 everyone's shares, then own shares, then trees), and its temperature."""
    most = int(np.argmax(np.bincount(rows.codes)))
    folds = folds_of((rows.codes == most).astype(np.float64), rows.people, seed=seed % 2**31)
    if not folds:
        return 0, 1.0
    n, every = len(rows.codes), 1 + len(WEIGHTS) + len(ROUNDS)
    knows_own = max(rows.own_places) >= 0

    def candidates(train: Ints) -> Any:
        part = rows.part(train)
        shares, grown = part.shares(), _grow(part, ROUNDS[-1], threads)

        def predict(held_out: Ints) -> Matrix:
            values = rows.values[held_out]
            plain = np.repeat(np.log(shares)[None], len(values), axis=0)
            mixed = [
                np.log(OwnShares(rows.own_places, weight).probabilities(values, shares))
                if knows_own
                else plain
                for weight in WEIGHTS
            ]
            boosted = [
                np.asarray(
                    grown.predict(values, raw_score=True, num_iteration=k, num_threads=threads)
                )
                for k in ROUNDS
            ]
            return np.stack([plain, *mixed, *boosted]).transpose(0, 2, 1).reshape(-1, len(values))

        return predict

    scores = out_of_fold(candidates, folds, (every * rows.classes, n))
    scores = scores.reshape(every, rows.classes, n).transpose(0, 2, 1)
    shares = rows.shares()
    temperatures = [_temperature(each, rows.codes, shares) for each in scores]
    loss = np.stack(
        [
            -np.log(tempered(each, found, shares)[np.arange(n), rows.codes])
            for each, found in zip(scores, temperatures, strict=True)
        ]
    )
    sizes = [0.0, *(1.0 for _ in WEIGHTS), *(float(k * rows.classes) for k in ROUNDS)]
    if not knows_own:  # then they are everyone's shares once more
        sizes[1 : 1 + len(WEIGHTS)] = [np.inf] * len(WEIGHTS)
    chosen = smallest(loss, np.ones(n), rows.people, sizes)
    if 0 < chosen <= len(WEIGHTS):  # own shares are all of one size: the best of them
        chosen = 1 + int(np.argmin(loss[1 : 1 + len(WEIGHTS)].sum(axis=1)))
    return chosen, temperatures[chosen]


def _temperature(scores: Matrix, codes: Ints, shares: Vector) -> float:
    """The temperature of least log loss, between a third and 5 (Guo et al. 2017)."""

    def loss(log_temperature: float) -> float:
        found = tempered(scores, float(np.exp(log_temperature)), shares)
        return float(-np.mean(np.log(found[np.arange(len(codes)), codes])))

    best = minimize_scalar(loss, bounds=(-np.log(3.0), np.log(5.0)), method="bounded")
    return round(float(np.exp(best.x)), 6)


def _grow(rows: _Rows, rounds: int, threads: int) -> lightgbm.Booster:
    data = lightgbm.Dataset(
        rows.values,
        rows.codes,
        categorical_feature=list(rows.categorical),
        params={"feature_pre_filter": False, "verbosity": -1, "num_threads": threads},
    )
    parameters = {
        **_PARAMETERS,
        "num_class": rows.classes,
        "min_data_in_leaf": max(1, min(20, len(rows.codes) // 20)),
        "num_threads": threads,
    }
    return lightgbm.train(parameters, data, rounds)


def _names(category: NDArray[np.object_], people: Ints) -> tuple[str, ...]:
    """The categories told apart, most common first; "other" last where any is left over."""
    rows = Counter(category.tolist())
    having = Counter(name for name, _ in {*zip(category.tolist(), people.tolist(), strict=True)})
    common = sorted(
        (name for name in rows if having[name] >= FEWEST_PEOPLE_EACH and name != OTHER),
        key=lambda name: (-rows[name], name),
    )[:MOST_CATEGORIES]
    return (*common, OTHER) if len(common) < len(rows) else tuple(common)
