"""Figures are written alike on every staff page."""

import pytest

from governance.intervals import Interval
from serving.pages.staff import approvals, experiments, feedback, in_words
from serving.pages.staff.frame import between


@pytest.mark.parametrize(
    ("ends", "written"),
    [
        ((0.12, 0.1, 0.14), "12\u202f% (10 to 14)"),
        ((0.002, 0.0, 0.03), "<\u202f1\u202f% (0 to 3)"),
        ((0.999, 0.97, 0.9999), ">\u202f99\u202f% (97 to >\u202f99)"),
    ],
)
def test_a_share_is_never_rounded_to_a_certainty(
    ends: tuple[float, float, float], written: str
) -> None:
    assert in_words.share(ends) == written


def test_a_number_has_narrow_spaces_a_true_minus_and_no_minus_zero() -> None:
    assert in_words.number(-1234.56) == "−1\u202f234.6"
    assert in_words.number(-0.04) == "0.0"
    assert in_words.count(1_234_567) == "1\u202f234\u202f567"


def test_pages_write_an_interval_alike() -> None:
    found = Interval(0.12, 0.1, 0.14)
    ends = {"value": 0.12, "low": 0.1, "high": 0.14}
    assert approvals.share_words(found).startswith("12\u202f% (10 to 14)")
    assert experiments.share_words(ends) == "12\u202f% (10 to 14)"
    assert feedback.value_words(found, "share") == "12.0\u202f% (10.0 to 14.0)"
    assert between(Interval(-0.1, -0.2, 0.1), scale=100) == "−20.0 to 10.0"
    assert approvals.effect_words(-0.021) == "−2.1 points"
