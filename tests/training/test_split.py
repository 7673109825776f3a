"""Splits: one horizon between training and test, a customer on one side, checked from outside."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InsufficientData, InvalidInput
from governance.instants import DAY_US
from training.split import split_at_random, split_by_file, split_by_time


def test_cutoffs_lie_every_30_days_up_to_one_horizon_before_the_test() -> None:
    split = split_by_time(283 * DAY_US, 90, first_event=0, observed_until=373 * DAY_US)
    assert [found // DAY_US for found in split.training] == [43, 73, 103, 133, 163, 193]
    assert split.test == 283 * DAY_US


def test_a_test_horizon_that_is_not_over_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not over"):
        split_by_time(300 * DAY_US, 90, first_event=0, observed_until=373 * DAY_US)


def test_too_little_history_is_said_with_what_is_needed() -> None:
    with pytest.raises(InsufficientData, match="120"):
        split_by_time(100 * DAY_US, 90, first_event=0, observed_until=400 * DAY_US)


def test_a_customer_keeps_their_side_when_others_arrive() -> None:
    few, many = [f"c{i}" for i in range(50)], [f"c{i}" for i in range(500)]
    assert np.array_equal(split_at_random(few, seed=3), split_at_random(many, seed=3)[:50])
    assert split_at_random(many, seed=3).mean() == pytest.approx(0.25, abs=0.06)


def test_a_split_file_is_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("customer_id,split\n007,test\nb,train\n")
    assert split_by_file(path, ["b", "007"]).tolist() == [False, True]


def test_a_split_file_names_people_as_the_company_does(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("customer_id,split\na,test\nb,train\n")
    pseudonyms = {"a": "p_1", "b": "p_2"}
    found = split_by_file(path, ["p_2", "p_1"], inside_id=pseudonyms.__getitem__)
    assert found.tolist() == [False, True]


def test_every_problem_of_a_split_file_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("customer_id,split\na,test\na,train\nb,valid\n")
    with pytest.raises(InvalidInput, match=r"more than once.*neither train nor test.*not in"):
        split_by_file(path, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("test_day", "said"),
    [(-5, "before the data begins"), (500, "after the data ends"), (300, "not over")],
)
def test_a_test_date_outside_the_data_is_refused_with_what_it_covers(
    test_day: int, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        split_by_time(test_day * DAY_US, 90, first_event=0, observed_until=373 * DAY_US)


def test_a_horizon_longer_than_the_history_is_said_with_both() -> None:
    with pytest.raises(InsufficientData, match="horizon of 400 days is longer than the 373 days"):
        split_by_time(0, 400, first_event=0, observed_until=373 * DAY_US)


@given(horizon=st.integers(1, 120), test_day=st.integers(0, 400), length=st.integers(1, 600))
def test_no_training_answer_reaches_into_the_test_period(
    horizon: int, test_day: int, length: int
) -> None:
    try:
        split = split_by_time(
            test_day * DAY_US, horizon, first_event=0, observed_until=length * DAY_US
        )
    except (InvalidInput, InsufficientData):
        return
    assert split.training[-1] + horizon * DAY_US <= split.test
    assert split.test + horizon * DAY_US <= length * DAY_US
