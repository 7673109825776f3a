"""Splits: one horizon between training and test, a customer on one side, checked from outside."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InsufficientData, InvalidInput
from governance.instants import DAY_US
from training.split import overlap_problems, split_at_random, split_by_file, split_by_time


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


@given(horizon=st.integers(1, 120), test_day=st.integers(0, 400), length=st.integers(1, 600))
def test_no_temporal_split_ever_overlaps(horizon: int, test_day: int, length: int) -> None:
    try:
        split = split_by_time(
            test_day * DAY_US, horizon, first_event=0, observed_until=length * DAY_US
        )
    except (InvalidInput, InsufficientData):
        return
    assert not overlap_problems(
        train_customers=["a"],
        train_as_ofs=np.array(split.training),
        test_customers=["a"],
        test_as_ofs=np.array([split.test]),
        horizon_days=horizon,
        snapshot=False,
    )


def test_a_training_label_that_reaches_into_the_test_period_is_found() -> None:
    (problem,) = overlap_problems(
        train_customers=["a"],
        train_as_ofs=np.array([30 * DAY_US]),
        test_customers=["b"],
        test_as_ofs=np.array([100 * DAY_US]),
        horizon_days=90,
        snapshot=False,
    )
    assert "20.0 days into the test" in problem


def test_a_customer_on_both_sides_of_a_snapshot_is_found() -> None:
    (problem,) = overlap_problems(
        train_customers=["a", "b"],
        train_as_ofs=np.zeros(2, np.int64),
        test_customers=["b"],
        test_as_ofs=np.zeros(1, np.int64),
        horizon_days=30,
        snapshot=True,
    )
    assert problem.startswith("1 customers")
