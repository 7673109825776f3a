"""Arms that were drawn by lot do not differ in what was known before."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from outcomes.experiment.balance import Balance, check_balance
from outcomes.experiment.table import Covariates

RNG = np.random.default_rng(1)
AGE, SPEND = RNG.normal(40, 10, 1_000), RNG.lognormal(3, 1, 1_000)


def checked(arms: NDArray[Any], *, units: NDArray[np.int64] | None = None) -> Balance:
    return check_balance(
        Covariates(np.column_stack([AGE, SPEND]), ("age", "spend")),
        arms.astype(np.int64),
        np.arange(1_000) if units is None else units,
    )


def test_a_draw_by_lot_is_as_expected() -> None:
    found = checked(RNG.permutation(np.repeat([0, 1], 500)))

    assert found.outcome == "as expected"
    assert found.differing == {}


def test_choosing_the_older_is_found_and_named() -> None:
    found = checked(AGE + RNG.normal(0, 10, 1_000) > 40)

    assert list(found.differing) == ["age"]


def test_choosing_both_ends_is_found_though_the_means_agree() -> None:
    assert "age" in checked(np.abs(AGE - AGE.mean()) > 7).differing


def test_a_rule_of_two_columns_is_found_together() -> None:
    found = checked((np.median(AGE) < AGE) ^ (np.median(SPEND) < SPEND))

    assert found.differing == {}
    assert found.outcome == "mismatch"
    assert found.auc == pytest.approx(1.0, abs=0.03)


def test_rows_of_one_unit_are_no_evidence_of_their_own() -> None:
    house = np.repeat(np.arange(10), 100)

    assert checked(np.repeat([0, 1], 500), units=house).outcome == "as expected"


def test_three_arms_are_looked_at_together() -> None:
    assert checked(RNG.permutation(np.arange(1_000) % 3)).outcome == "as expected"
    assert checked(np.digitize(AGE, [35, 45])).outcome == "mismatch"
