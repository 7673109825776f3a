"""Which category comes next: planted truths and laws."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from governance.errors import InsufficientData, InvalidInput
from governance.model.forecasts import CategoryResult
from training.forecasts.category import CATEGORY, CATEGORY_TREES, CategoryModel, OwnShares, tempered
from training.forecasts.category_fit import codes_of, fit_category, own_share_columns
from training.forecasts.category_quality import category_baselines, measure_category
from training.model import Matrix

NAMES = ("tea", "cake", "books")


class Shelf(NamedTuple):
    """Customers, what they take next, and the chances that made it so."""

    values: Matrix
    category: NDArray[np.object_]
    groups: NDArray[np.int64]
    chances: Matrix


def shelf(kind: str, customers: int = 1500, *, seed: int = 0) -> Shelf:
    """Columns 0 to 2: the person's own shares of the past; column 3: a number.

    `kind` "own": the next one follows the shares; "crossed": it follows the number's thirds;
    "chance": nothing tells.
    """
    rng = np.random.default_rng(seed)
    own = rng.dirichlet((0.6, 0.6, 0.6), customers)
    number = rng.normal(size=customers)
    third = np.searchsorted([-0.43, 0.43], number)
    chances = {
        "own": own,
        "crossed": 0.7 * np.eye(3)[third] + 0.1,
        "chance": np.tile([0.5, 0.3, 0.2], (customers, 1)),
    }[kind]
    drawn = (rng.random(customers)[:, None] > np.cumsum(chances, axis=1)).sum(axis=1)
    category = np.array([NAMES[min(j, 2)] for j in drawn], np.object_)
    return Shelf(np.column_stack([own, number]), category, np.arange(customers), chances)


OWN = {"tea": 0, "cake": 1, "books": 2}


def fitted(found: Shelf) -> CategoryModel:
    """Fit with columns 0 to 2 as own shares."""
    return fit_category(found.values, found.category, found.groups, own=OWN)


def test_everyones_shares_ship_where_nothing_tells() -> None:
    model = fitted(shelf("chance"))
    assert model.method == "shares"
    assert model.names[0] == "tea"


def test_own_shares_ship_where_people_keep_to_their_habits() -> None:
    assert fitted(shelf("own")).method == "own_shares"


def test_trees_ship_where_something_else_tells() -> None:
    assert fitted(shelf("crossed")).method == "trees"


@pytest.mark.parametrize("kind", ["own", "crossed", "chance"])
def test_probabilities_are_those_that_made_it_so(kind: str) -> None:
    model, new = fitted(shelf(kind)), shelf(kind, seed=1)
    told = model.predict(new.values)[:, [model.names.index(name) for name in NAMES]]
    assert told.sum(axis=1) == pytest.approx(np.ones(len(told)))
    assert np.mean(np.abs(told - new.chances)) < 0.1
    assert told.mean(axis=0) == pytest.approx(new.chances.mean(axis=0), abs=0.03)


def test_rare_categories_go_together_as_other() -> None:
    found = shelf("chance", 400)
    found.category[:4] = ["a one", "a two", "a three", "a four"]
    model = fitted(found)
    assert model.names[-1] == "other"
    assert codes_of(model, np.array(["a one", "tea", "new"], np.object_)).tolist() == [
        len(model.names) - 1,
        model.names.index("tea"),
        len(model.names) - 1,
    ]


def test_at_most_twenty_categories_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    category = np.array([f"c{k}" for k in rng.integers(0, 40, 1200)], np.object_)
    model = fit_category(rng.normal(size=(1200, 2)), category, np.arange(1200))
    assert (len(model.names), model.names[-1]) == (21, "other")


def test_rows_without_the_event_teach_nothing() -> None:
    found = shelf("chance", 600)
    gaps = found.category.copy()
    gaps[::2] = None
    model = fit_category(found.values, gaps, found.groups, own=OWN)
    kept = fit_category(found.values[1::2], found.category[1::2], found.groups[1::2], own=OWN)
    assert model.to_files() == kept.to_files()


def test_own_shares_leave_the_rest_to_categories_without_a_column() -> None:
    rule = OwnShares((0, -1, -1), 0.5)
    shares = np.array([0.5, 0.3, 0.2])
    told = rule.probabilities(np.array([[0.6], [np.nan]]), shares)
    assert told[0] == pytest.approx([0.55, 0.5 * 0.24 + 0.15, 0.5 * 0.16 + 0.1])
    assert told[1] == pytest.approx(shares)


def test_a_hot_temperature_brings_probabilities_together() -> None:
    scores, shares = np.log(np.array([[0.9, 0.1]])), np.array([0.5, 0.5])
    told = tempered(scores, 2.0, shares)
    assert told[0, 0] == pytest.approx(0.99 * 0.75 + 0.005)  # √.9 : √.1 is 3 : 1


@pytest.mark.parametrize("kind", ["own", "crossed", "chance"])
def test_files_bring_back_the_same_bits(kind: str) -> None:
    found = shelf(kind, 800)
    model = fitted(found)
    files = model.to_files()
    assert set(files) <= {CATEGORY, CATEGORY_TREES}
    assert CategoryModel.from_files(files).predict(found.values).tobytes() == (
        model.predict(found.values).tobytes()
    )


@pytest.mark.parametrize("kind", ["own", "crossed"])
def test_one_row_gets_the_same_bits_as_among_many(kind: str) -> None:
    found = shelf(kind, 800)
    model = fitted(found)
    alone = np.concatenate([model.predict(found.values[[i]]) for i in range(0, 800, 40)])
    assert alone.tobytes() == model.predict(found.values)[::40].tobytes()


def test_equal_rows_and_seed_give_equal_bytes() -> None:
    assert fitted(shelf("crossed", 600)).to_files() == fitted(shelf("crossed", 600)).to_files()


def test_the_likeliest_come_first() -> None:
    model = fitted(shelf("chance", 600))
    told = model.likeliest(model.predict(np.zeros((1, 4)))[0], most=2)
    assert [each.category for each in told] == ["tea", "cake"]


def test_one_category_is_insufficient_data() -> None:
    with pytest.raises(InsufficientData, match="1 category"):
        fit_category(np.zeros((50, 1)), np.array(["tea"] * 50, np.object_), np.arange(50))


def test_too_few_people_are_insufficient_data() -> None:
    with pytest.raises(InsufficientData, match="1 customers"):
        fit_category(
            np.zeros((50, 1)), np.array(["tea", "cake"] * 25, np.object_), np.zeros(50, int)
        )


def test_another_number_of_features_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"\(n, 4\) is needed"):
        fitted(shelf("chance", 300)).predict(np.zeros((1, 3)))


def test_own_shares_are_found_by_what_features_are() -> None:
    def share(
        name: str, days: int, *where: tuple[str, str], kind: str = "order"
    ) -> FeatureDefinition:
        return FeatureDefinition(name, (kind,), "share_where", days, where=where)

    definitions = [
        share("a", 90, ("shelf", "tea")),
        share("b", 365, ("shelf", "tea")),
        share("c", 365, ("shelf", "cake"), ("size", "big")),
        share("d", 365, ("size", "big")),
        share("e", 365, ("shelf", "books"), kind="cart"),
    ]
    assert own_share_columns(definitions, "order", "shelf") == {"tea": 1}


def measured(kind: str) -> CategoryResult:
    """Fit on one set of customers, measure on another."""
    model, new = fitted(shelf(kind)), shelf(kind, seed=1)
    baselines = category_baselines(model, new.values)
    return measure_category(model, new.category, model.predict(new.values), baselines)


def test_figures_are_those_worked_by_hand() -> None:
    model = CategoryModel(1, ("a", "b"), np.array([0.5, 0.5]), None, None, 1.0)
    told = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.5, 0.5]])
    category = np.array(["a", "a", "b", None], np.object_)
    found = measure_category(model, category, told, {"shares": np.full((4, 2), 0.5)})
    assert (found.n, found.ours.top_1.value, found.ours.top_3.value) == (3, 2 / 3, 1.0)
    assert found.ours.log_loss.value == pytest.approx(-np.log(0.8 * 0.4 * 0.7) / 3)
    assert found.differences["shares"].value == pytest.approx(
        -np.log(0.8 * 0.4 * 0.7) / 3 - np.log(2)
    )


def test_what_tells_is_better_than_everyones_shares_beyond_chance() -> None:
    assert measured("crossed").differences["shares"].high < 0


def test_nothing_is_claimed_where_nothing_tells() -> None:
    found = measured("chance").differences["shares"]
    assert found.low <= 0 <= found.high


def test_a_result_reads_back_from_its_json() -> None:
    found = measured("own")
    assert CategoryResult.from_json(found.to_json()) == found


def test_nobody_with_a_category_is_insufficient() -> None:
    model = CategoryModel(1, ("a", "b"), np.array([0.5, 0.5]), None, None, 1.0)
    with pytest.raises(InsufficientData, match="0 customers"):
        measure_category(model, np.array([None], np.object_), np.full((1, 2), 0.5), {})
