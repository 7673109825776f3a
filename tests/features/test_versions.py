"""Corrections and retractions: the version known at as_of counts."""

from features.catalogue import catalogue
from features.kernel import compute
from tests.features.sample import event, histories, micros, permits

ORDER = event(1, event_id="a", value=10.0)
CORRECTION = event(1, known=5, corrects="a", value=12.0)
SECOND = event(1, known=8, corrects="a", value=20.0)
RETRACTION = event(1, known=9, retracts="a")


def spent(*events: object, day: float) -> float:
    found = histories(*events)  # type: ignore[arg-type]
    definitions = [d for d in catalogue(found) if d.name == "order_value_sum_all"]
    table = compute(found, definitions, [micros(day)], permits=permits())
    return float(table.values[0, 0]) if len(table) else 0.0


def test_before_the_correction_is_known_the_original_counts() -> None:
    assert spent(ORDER, CORRECTION, day=5) == 10.0


def test_after_the_correction_is_known_it_alone_counts() -> None:
    assert spent(ORDER, CORRECTION, day=5.1) == 12.0


def test_the_latest_of_several_corrections_counts() -> None:
    assert [spent(ORDER, CORRECTION, SECOND, day=d) for d in (4, 7, 9)] == [10.0, 12.0, 20.0]


def test_a_retracted_event_is_gone_once_that_is_known() -> None:
    events = (ORDER, CORRECTION, SECOND, RETRACTION)
    assert [spent(*events, day=d) for d in (9, 9.1)] == [20.0, 0.0]


def test_a_correction_of_a_correction_belongs_to_the_same_chain() -> None:
    named = event(1, known=5, event_id="b", corrects="a", value=12.0)
    again = event(1, known=8, corrects="b", value=15.0)
    assert [spent(ORDER, named, again, day=d) for d in (4, 7, 9)] == [10.0, 12.0, 15.0]


def test_an_original_that_arrives_after_its_correction_never_counts() -> None:
    late_original = event(1, known=7, event_id="a", value=10.0)
    assert [spent(late_original, CORRECTION, day=d) for d in (6, 8)] == [12.0, 12.0]


def test_a_correction_touches_only_its_own_kind() -> None:
    other = event(1, "payment", event_id="a", value=10.0)
    assert spent(ORDER, other, event(1, "payment", known=5, retracts="a"), day=6) == 10.0


def test_corrections_that_point_in_a_circle_end() -> None:
    first = event(1, known=2, event_id="a", corrects="b", value=1.0)
    second = event(1, known=3, event_id="b", corrects="a", value=2.0)
    assert spent(first, second, day=9) == 2.0
