"""Parts of the test customers: named, measured where there are enough people, hidden where few."""

import numpy as np

from features.definitions import FeatureDefinition
from governance.model.evaluation import Segment
from tests.training.tables import choice, dataset, number
from training.evaluation.segments import by_segment, cuts

TENURE = FeatureDefinition(
    name="days_since_first_order", kinds=("order",), aggregate="days_since_first"
)
VALUE = FeatureDefinition(
    name="order_value_sum_365d", kinds=("order",), aggregate="sum", column="value", window_days=365
)


def told(countries: str, *, seed: int = 0) -> dict[str, Segment]:
    """Segments of people who live in "n", "s" or "e"; a high score leaves more often."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=len(countries))
    y = rng.random(len(countries)) < p
    codes = ["nse".index(letter) for letter in countries]
    rows = dataset({choice("country", "north", "south", "east"): codes}, y)
    return {each.segment: each for each in by_segment(rows, p, "order")}


def test_a_segment_with_enough_people_has_every_figure() -> None:
    north = told("n" * 100 + "s" * 100)["north"]
    assert north.n == 100
    assert north.auc is not None
    assert north.auc.low > 0.5
    assert north.base_rate is not None
    assert north.ece is not None


def test_a_segment_of_few_people_is_not_estimable() -> None:
    south = told("n" * 100 + "s" * 20)["south"]
    assert south == ("country", "south", 20, None, None, None)


def test_a_segment_under_five_is_hidden_and_so_is_the_one_that_would_tell() -> None:
    found = told("n" * 100 + "s" * 40 + "eee")
    assert found["east"].n is None
    assert found["south"].n is None
    assert found["north"].n == 100


def test_no_part_of_one_attribute_gives_away_a_few_of_another() -> None:
    country = {choice("country", "north", "south"): [0] * 60 + [1] * 60}
    plan = {choice("plan", "basic", "pro"): [0] * 62 + [1] * 58}  # two of the south have basic
    found = by_segment(dataset(country | plan, [0, 1] * 60), np.linspace(0, 1, 120), "order")

    shown = {each.attribute for each in found if each.n is not None}
    assert len(found) == 4
    assert len(shown) == 1


def test_too_few_of_one_outcome_is_not_estimable() -> None:
    rows = dataset(
        {choice("plan", "a", "b"): [0] * 60 + [1] * 60}, [1] * 9 + [0] * 51 + [0, 1] * 30
    )
    found = {s.segment: s for s in by_segment(rows, np.linspace(0, 1, 120), "order")}
    assert found["a"].auc is None
    assert found["b"].auc is not None


def test_tenure_and_value_are_cut_into_thirds() -> None:
    rows = dataset({TENURE: range(300), VALUE: range(300)}, [0, 1] * 150)
    found = {cut.attribute: sorted(set(cut.parts.tolist())) for cut in cuts(rows, "order")}
    assert found["tenure"] == ["100 to 200 days", "200 days or more", "under 100 days"]
    assert found["value over 365 days"] == ["100 to 200", "200 or more", "under 100"]


def test_an_attribute_of_yes_and_no_is_told_in_words_and_who_has_none_is_named() -> None:
    rows = dataset({number("newsletter"): [0.0, 1.0, np.nan, 1.0]}, [0, 1, 0, 1])
    assert cuts(rows, "order")[0].parts.tolist() == ["no", "yes", "(none)", "yes"]


def test_rare_values_of_an_attribute_are_put_together() -> None:
    letters = [chr(97 + k) for k in range(12)]
    codes = np.repeat(np.arange(12), np.arange(12, 0, -1))
    rows = dataset({choice("country", *letters): codes}, codes % 2)
    parts = cuts(rows, "order")[0].parts.tolist()
    assert set(parts) == {*letters[:8], "all others"}


def test_an_attribute_that_everyone_shares_tells_nothing() -> None:
    assert cuts(dataset({choice("country", "north"): [0, 0, 0]}, [0, 1, 0]), "order") == []
