"""Reasons: the largest first, missing said as missing, global shares find what matters."""

import numpy as np

from tests.training.examples import fitted, rows
from training.explain import global_shares, top_reasons

NAMES = ("orders_30d", "days_since_last_order", "plan")


def test_the_largest_movements_come_first_whichever_way_they_point() -> None:
    found = top_reasons(NAMES, np.array([1.0, 61.0, 2.0]), np.array([0.1, -0.9, 0.4]), 2)
    assert [(reason.feature, reason.contribution) for reason in found] == [
        ("days_since_last_order", -0.9),
        ("plan", 0.4),
    ]


def test_a_missing_value_is_said_to_be_unknown() -> None:
    (reason,) = top_reasons(NAMES, np.array([np.nan, 0, 0]), np.array([0.3, 0.0, 0.0]), 3)
    assert reason.value is None
    assert reason.text == "orders 30d is not known"


def test_a_feature_that_moved_nothing_is_no_reason() -> None:
    assert top_reasons(NAMES, np.zeros(3), np.zeros(3), 3) == ()


def test_global_shares_put_what_matters_first() -> None:
    shares = global_shares(fitted(), list("abcdef"), rows(800))
    assert [found.feature for found in shares[:2]] == ["a", "b"]
    assert shares[0].mean_abs > shares[-1].mean_abs >= 0
