"""How a person's own page says an estimate: never that all do, or none."""

import pytest

from serving.notice.own_data import Estimate
from serving.pages.notice_words import all_notice_words
from serving.pages.own_page import _estimate
from serving.scoring.chance import band_of, percent

WORDS = all_notice_words()


def estimate(chance: float, low: float, high: float) -> Estimate:
    return Estimate("stops ordering", "inactivity", "order", 90, 0, chance, low, high, ())


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (estimate(0.998, 0.98, 0.9996), "High: more than 99 in 100 people"),
        (estimate(0.002, 0.0004, 0.02), "Low: fewer than 1 in 100 people"),
        (estimate(0.3, 0.2, 0.4), "Medium: about 30 in 100 people"),
    ],
)
def test_an_estimate_is_no_certainty(found: Estimate, said: str) -> None:
    assert _estimate(WORDS["en"], found).band.startswith(said)


def test_the_bounds_of_an_estimate_are_no_certainty_either() -> None:
    told = _estimate(WORDS["en"], estimate(0.6, 0.001, 0.999)).band
    assert "it could be fewer than 1 to more than 99" in told
    assert "weniger als 1" in _estimate(WORDS["de"], estimate(0.6, 0.001, 0.999)).band


def test_a_chance_has_one_band_and_one_way_to_be_written() -> None:
    assert [band_of(each) for each in (0.19, 0.2, 0.49, 0.5)] == ["low", "middle", "middle", "high"]
    assert [percent(each, space=" ") for each in (0.0, 0.001, 0.125, 0.999, 1.0)] == [
        "0 %", "< 1 %", "12 %", "> 99 %", "100 %",
    ]  # fmt: skip
