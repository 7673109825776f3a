"""A feature that knows the outcome stops training, by name."""

import numpy as np
import pytest

from governance.errors import InvalidInput
from tests.training.examples import outcome, rows
from training.leak import stop_on_leak, suspects

NAMES = ["a", "b", "c", "d", "e", "f"]


def test_honest_features_pass() -> None:
    table = rows(2000)
    stop_on_leak(table, outcome(table), NAMES)


def test_a_planted_leak_is_named() -> None:
    table = rows(2000)
    y = outcome(table)
    table[:, 4] = -y + np.random.default_rng(0).normal(size=2000) * 0.1
    with pytest.raises(InvalidInput, match=r"read off e \(AUC 1\.000 by its value\)"):
        stop_on_leak(table, y, NAMES)


def test_a_feature_that_is_there_only_for_those_who_left_is_found() -> None:
    table = rows(2000)
    y = outcome(table)
    table[:, 5] = np.where(y > 0, 7.0, np.nan)
    assert [(found.feature, found.where) for found in suspects(table, y, NAMES)] == [
        ("f", "presence")
    ]


def test_a_handful_of_rows_is_not_judged() -> None:
    table = rows(20)
    y = outcome(table)
    table[:, 0] = y
    assert suspects(table, y, NAMES) == ()
