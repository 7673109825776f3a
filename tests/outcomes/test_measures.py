"""Measures by hand-worked numbers, and cells too small to show."""

from collections.abc import Callable, Sequence

import pytest

from features.events import Event
from features.history import Histories
from governance.errors import InvalidInput, PermissionRefused
from governance.proof import AggregatePermit
from outcomes.measures import (
    Period,
    active_at,
    churn,
    csat,
    escalation,
    measure_all,
    nps,
    order_value,
    retention,
    survey_mean,
)
from tests.outcomes.conftest import NOW, answer, event, on

Build = Callable[[Sequence[Event]], Histories]
YEAR = Period(on(0), on(200), active_window_days=30)


def people(n: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}{k}" for k in range(n)]


def test_active_means_an_order_within_the_window_up_to_and_including_now(
    histories: Build,
) -> None:
    found = histories(
        [
            event("at_the_edge", "order", 70),
            event("just_inside", "order", 70.001),
            event("this_instant", "order", 100),
            event("later", "order", 100.001),
        ]
    )

    active = active_at(found, on(100), window_days=30, known_until=NOW)

    assert dict(zip(found.customers, active.tolist(), strict=True)) == {
        "at_the_edge": False,
        "just_inside": True,
        "this_instant": True,
        "later": False,
    }


def test_retention_and_churn_add_to_one_over_those_active_at_the_start(
    histories: Build, permit: AggregatePermit
) -> None:
    events = [event(c, "order", -5) for c in people(10)]
    events += [event(c, "order", 190) for c in people(7)]
    events += [event("newcomer", "order", 190)]
    found = histories(events)

    (kept,), (lost,) = retention(found, permit, YEAR), churn(found, permit, YEAR)

    assert kept.value is not None
    assert lost.value is not None
    assert kept.value.value == pytest.approx(0.7)
    assert lost.value.value == pytest.approx(0.3)
    assert kept.people == 10
    assert "÷ active at start" in kept.definition


def test_a_small_cell_is_hidden_and_so_is_one_more(
    histories: Build, permit: AggregatePermit
) -> None:
    groups = dict.fromkeys(people(20, "n"), "north") | dict.fromkeys(people(9, "s"), "south")
    groups |= dict.fromkeys(people(2, "w"), "west")
    found = histories([event(c, "order", -5) for c in groups])

    _, *cells = retention(found, permit, YEAR, segments=groups)

    assert {cell.segment: cell.hidden for cell in cells} == {
        "north": False,
        "south": True,  # with it shown, west would be the whole less the rest
        "west": True,
    }
    assert all(cell.people is None for cell in cells if cell.hidden)


def test_fewer_than_five_people_are_no_figure(histories: Build, permit: AggregatePermit) -> None:
    (found,) = retention(histories([event(c, "order", -5) for c in people(4)]), permit, YEAR)

    assert found.hidden
    assert not found.shown


def test_csat_counts_fours_and_fives_of_each_persons_newest_answer(
    histories: Build, permit: AggregatePermit
) -> None:
    scores = [5, 4, 4, 3, 1]
    events = [answer(c, "csat", 50, s) for c, s in zip(people(5), scores, strict=True)]
    events.append(answer("c4", "csat", 60, 5))  # changed their mind
    events.append(answer("c0", "csat", 300, 1))  # after the period
    found = csat(histories(events), permit, YEAR)

    assert found.value is not None
    assert found.value.value == 0.8


def test_csat_on_another_scale_needs_its_threshold(
    histories: Build, permit: AggregatePermit
) -> None:
    scale = {"scale": [1, 7], "polarity": "high_is_good", "dimension": "emotional"}
    events = [answer(c, "csat", 50, 6, **scale) for c in people(5)]
    events += [answer(c, "csat", 50, 6, threshold=5, **scale) for c in people(6, "t")]

    assert csat(histories(events), permit, YEAR).people == 6


def test_nps_is_promoters_less_detractors(histories: Build, permit: AggregatePermit) -> None:
    # p = 3/6, d = 2/6: 16.67; variance (p + d − (p − d)²) / n = 0.13426, half 1.96 · 0.36642
    scores = [10, 9, 9, 8, 6, 0]
    events = [answer(c, "nps", 50, s) for c, s in zip(people(6), scores, strict=True)]
    found = nps(histories(events), permit, YEAR)

    assert found.value is not None
    assert found.value.value == pytest.approx(16.667, abs=1e-3)
    assert found.value.low == pytest.approx(16.667 - 71.817, abs=1e-2)
    assert found.value.high == pytest.approx(16.667 + 71.817, abs=1e-2)


def test_effort_and_ease_say_which_end_is_good(histories: Build, permit: AggregatePermit) -> None:
    found = histories([answer(c, "ces_effort", 50, 2) for c in people(5)])

    measure = survey_mean(found, permit, YEAR, "ces_effort")

    assert measure.value is not None
    assert measure.value.value == 2
    assert "low is good" in measure.definition


def test_a_bare_ces_is_refused(histories: Build, permit: AggregatePermit) -> None:
    with pytest.raises(InvalidInput, match="two instruments"):
        survey_mean(histories([event("c", "order", 1)]), permit, YEAR, "ces")


def test_answers_on_two_scales_are_not_averaged(histories: Build, permit: AggregatePermit) -> None:
    own = {"polarity": "high_is_good", "dimension": "social"}
    events = [answer(c, "trust", 50, 2, scale=[1, 5], **own) for c in people(5)]
    events += [answer(c, "trust", 50, 20, scale=[0, 100], **own) for c in people(5, "d")]

    found = survey_mean(histories(events), permit, YEAR, "trust")

    assert not found.shown
    assert "2 different scales" in found.definition


def test_escalation_is_over_those_who_opened_a_ticket(
    histories: Build, permit: AggregatePermit
) -> None:
    events = [event(c, "ticket_opened", 50) for c in people(8)]
    events += [event(c, "ticket_escalated", 51) for c in people(2)]
    events += [event("other", "ticket_escalated", 51)]
    found = escalation(histories(events), permit, YEAR)

    assert found.value is not None
    assert (found.value.value, found.people) == (0.25, 8)


def test_order_value_is_net_of_returns(histories: Build, permit: AggregatePermit) -> None:
    events = [event(c, "order", 50, 10.0) for c in people(5)]
    events += [event("c0", "return", 60, 5.0)]
    found = order_value(histories(events), permit, YEAR)

    assert found.value is not None
    assert found.value.value == pytest.approx(9.0)


def test_what_became_known_later_than_the_permit_does_not_count(
    histories: Build, permit: AggregatePermit
) -> None:
    late = [Event(c, "order", on(-5), permit.judged_at.replace(day=2)) for c in people(9)]

    (found,) = retention(histories(late), permit, YEAR)

    assert found.hidden


def test_no_figures_without_a_genuine_permit(histories: Build) -> None:
    forged = object.__new__(AggregatePermit)

    with pytest.raises(PermissionRefused):
        measure_all(histories([event("c", "order", 1)]), forged, YEAR)


def test_a_period_must_have_a_length(histories: Build, permit: AggregatePermit) -> None:
    with pytest.raises(InvalidInput):
        csat(histories([event("c", "order", 1)]), permit, Period(on(5), on(5)))


def test_everything_at_once_on_a_quiet_company(histories: Build, permit: AggregatePermit) -> None:
    found = measure_all(histories([event("c", "order", 1)]), permit, YEAR)

    assert [m.name for m in found][:2] == ["retention", "churn"]
    assert not any(m.shown for m in found)
