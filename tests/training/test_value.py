"""Amounts given an event, and what to expect of a person: planted truths and laws."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from governance.errors import InsufficientData, InvalidInput
from training.forecasts.value import (
    VALUE,
    VALUE_TREES,
    OwnRule,
    Residuals,
    ValueModel,
    combine,
    expand,
    squash,
)
from training.forecasts.value_fit import fit_value, own_columns, past_year_column
from training.model import Matrix, Vector


class Shop(NamedTuple):
    """Customers with a past, a chance to buy, and what they then paid."""

    values: Matrix
    amount: Vector
    happened: NDArray[np.bool_]
    groups: NDArray[np.int64]
    chance: Vector
    usual: Vector


def shop(customers: int = 2000, *, noise: float = 0.7, unseen: float = 0.0, seed: int = 0) -> Shop:
    """Amounts are log-normal around the person's usual; column 0 tells the usual, column 2 a step.

    `unseen`: by how much amounts jump where column 2 is above 0, in log.
    """
    rng = np.random.default_rng(seed)
    usual = np.exp(rng.normal(3, 0.8, customers))
    told = usual * np.exp(rng.normal(0, 0.1, customers))
    further = rng.normal(size=customers)
    chance = rng.uniform(0.1, 0.9, customers)
    happened = rng.random(customers) < chance
    log_amount = np.log(usual) + unseen * (further > 0) + rng.normal(0, noise, customers)
    amount = np.where(happened, np.exp(log_amount), 0.0)
    values = np.column_stack([told, rng.normal(size=customers), further])
    return Shop(values, amount, happened, np.arange(customers), chance, usual)


def fitted(found: Shop, **how: object) -> ValueModel:
    """Fit with column 0 as the person's own past."""
    return fit_value(found.values, found.amount, found.happened, found.groups, own=(0,), **how)  # type: ignore[arg-type]


def flat(*levels: float, score: float = 0.0, features: int = 1) -> ValueModel:
    """Give every row the same hundred amounts, `levels` each equally often, on scale 1."""
    residuals = np.sort(squash(np.repeat(levels, 100 // len(levels)), 1.0))[None]
    return ValueModel(
        features, 1.0, OwnRule(score), None, (-9.0, 9.0),
        Residuals(np.zeros(1), residuals, np.ones(1)),
    )  # fmt: skip


def test_squashed_amounts_come_back_with_their_sign() -> None:
    amounts = np.array([-500.0, -1.0, 0.0, 0.5, 30_000.0])
    assert expand(squash(amounts, 20.0), 20.0) == pytest.approx(amounts)


def test_expected_is_chance_times_amount() -> None:
    found = combine(np.array([0.25]), flat(10.0, 30.0), np.zeros((1, 1)))
    assert found.expected == pytest.approx([0.25 * 20.0])


def test_interval_of_someone_who_hardly_comes_is_nothing() -> None:
    found = combine(np.array([0.04]), flat(10.0, 30.0), np.zeros((1, 1)))
    assert (found.low[0], found.high[0]) == (0.0, 0.0)


def test_upper_end_is_the_quantile_of_the_mixture() -> None:
    # 0 with chance .5, else 10 or 30: the 95 % point lies among the 30s, the 5 % point is 0
    found = combine(np.array([0.5]), flat(10.0, 30.0), np.zeros((1, 1)))
    assert (found.low[0], found.high[0]) == (0.0, pytest.approx(30.0))


def test_lower_end_is_below_nothing_where_returns_are_likely() -> None:
    # −8 with chance .1, 0 with .8, 40 with .1
    found = combine(np.array([0.2]), flat(-8.0, 40.0), np.zeros((1, 1)))
    assert (found.low[0], found.high[0]) == (pytest.approx(-8.0), pytest.approx(40.0))


def test_expected_amounts_have_no_bias_from_the_logarithm() -> None:
    found = shop(4000)
    expected = fitted(found).predict(found.values)
    truth = found.usual * np.exp(0.7**2 / 2)  # mean of a log-normal, not its median
    assert expected.sum() / truth.sum() == pytest.approx(1.0, abs=0.06)


def test_interval_holds_nine_of_ten_new_customers() -> None:
    model, new = fitted(shop(4000)), shop(4000, seed=1)
    told = combine(new.chance, model, new.values)
    covered = np.mean((told.low <= new.amount) & (new.amount <= told.high))
    assert 0.87 < covered < 0.95


def test_the_own_past_alone_ships_where_trees_find_nothing_more() -> None:
    assert fitted(shop(1200)).method == "own_rule"


def test_trees_ship_where_they_see_what_the_own_past_cannot() -> None:
    assert fitted(shop(1500, unseen=2.0)).method == "trees"


def test_everyone_gets_the_mean_where_nothing_tells_customers_apart() -> None:
    found = shop(600)
    model = fit_value(found.values[:, [1]], found.amount, found.happened, found.groups)
    assert model.method == "mean"


def test_a_model_that_expects_returns_says_so() -> None:
    found = shop(400, noise=0.2)
    back = found._replace(amount=-found.amount)
    assert np.all(fitted(back).predict(found.values) < 0)


def test_files_bring_back_the_same_bits() -> None:
    found = shop(1500, unseen=2.0)
    model = fitted(found)
    again = ValueModel.from_files(model.to_files())
    assert set(model.to_files()) == {VALUE, VALUE_TREES}
    assert again.predict(found.values).tobytes() == model.predict(found.values).tobytes()


def test_equal_rows_and_seed_give_equal_bytes() -> None:
    assert fitted(shop(800, unseen=2.0)).to_files() == fitted(shop(800, unseen=2.0)).to_files()


def test_one_row_gets_the_same_bits_as_among_many() -> None:
    found = shop(1500, unseen=2.0)
    model = fitted(found)
    many = combine(found.chance, model, found.values)
    alone = [combine(found.chance[[i]], model, found.values[[i]]) for i in range(0, 1500, 50)]
    for part in range(3):
        assert np.concatenate([each[part] for each in alone]).tobytes() == (
            many[part][::50].tobytes()
        )


def test_too_few_amounts_are_insufficient_data() -> None:
    found = shop(20)
    with pytest.raises(InsufficientData, match="customers with an amount"):
        fitted(found)


def test_another_number_of_features_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"\(n, 1\) is needed"):
        flat(1.0).predict(np.zeros((1, 2)))


def definition(name: str, aggregate: str, days: int | None, column: str = "") -> FeatureDefinition:
    """A feature of orders."""
    return FeatureDefinition(name, ("order",), aggregate, days, column)


def test_own_past_is_found_by_what_features_are() -> None:
    definitions = [
        definition("a", "days_since_last", None),
        definition("b", "sum", 90, "value"),
        definition("c", "sum", 365, "value"),
        definition("d", "count", None),
        definition("e", "sum", 365, "property:cds"),
    ]
    assert own_columns(definitions, "order") == (1, 2, 3)
    assert past_year_column(definitions, "order") == 2
    assert past_year_column(definitions, "visit") is None
