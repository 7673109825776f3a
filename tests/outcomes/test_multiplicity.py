"""P-values that know how many others were looked at, worked by hand."""

import pytest

from outcomes.randomised.multiplicity import benjamini_hochberg, holm


def test_holm_makes_many_looks_pay() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "c": 0.06, "b": 0.06}
    )


def test_benjamini_hochberg_lets_many_small_ones_stand_together() -> None:
    assert benjamini_hochberg({"a": 0.01, "b": 0.02, "c": 0.03, "d": 0.5}) == pytest.approx(
        {"a": 0.04, "b": 0.04, "c": 0.04, "d": 0.5}
    )


def test_one_look_costs_nothing() -> None:
    assert holm({"only": 0.03}) == benjamini_hochberg({"only": 0.03}) == {"only": 0.03}
