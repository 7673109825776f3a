"""Intervals are held to the true chances of the made-up company, which no company knows."""

from benchmarks.intervals import Held, held


def test_intervals_hold_what_can_be_expected_from_all_that_is_seen() -> None:
    found: Held = held(1_400, 3, paths=60)
    assert found.expected >= 0.85
    assert found.expected_thinnest >= 0.85
    assert found.alike >= 0.75
    assert found.own < found.expected  # a hidden state that no record shows is not in them
