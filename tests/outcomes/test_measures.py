"""How every measure is taken: permission, clocks, versions, periods, groups and what is hidden."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.events import Event
from features.history import Histories, from_events
from governance.disclosure.breakdown import hidden_cells
from governance.errors import InvalidInput, PermissionRefused
from governance.intervals import Interval, wilson
from governance.proof import AggregatePermit
from outcomes.measures.catalogue import FAMILIES, definitions
from outcomes.measures.definition import ALL, Period, Terms
from outcomes.measures.estimate import Tally, estimate, kaplan_meier, total, weighted
from outcomes.measures.events import EventTable
from outcomes.measures.periods import label, months_before, split
from tests.outcomes import (
    test_measures_channels,
    test_measures_company,
    test_measures_customers,
    test_measures_voice,
)
from tests.outcomes.conftest import NOW, event, on
from tests.outcomes.measuring import FIVE, PERIOD, SHORT, TEN, each, figure, permits, take

Build = Callable[[Sequence[Event]], Histories]

ELSEWHERE = {  # worked by hand in tests of their own, in `test_measures_voice`
    "positive_language",
    "negative_language",
    "sentiment_delta",
    "incident_sentiment",
    "customer_happiness_index",
    "empathy_deficit_index",
    "survival_365d",
    "survival_730d",
}


def test_every_measure_there_is_has_been_worked_by_hand() -> None:
    worked = {
        *test_measures_customers.EXAMPLES,
        *test_measures_customers.SURVIVAL,
        *test_measures_voice.EXAMPLES,
        *test_measures_channels.EXAMPLES,
        *test_measures_company.EXAMPLES,
        *ELSEWHERE,
    }

    assert {d.name for d in definitions(Terms())} == worked


def test_every_definition_says_what_is_divided_by_what() -> None:
    names = [d.name for d in definitions(Terms())]

    assert len(names) == len(set(names))
    assert {d.family for d in definitions(Terms())} == set(FAMILIES) - {"own"}


def test_an_empty_home_measures_nothing_and_says_what_it_would_need() -> None:
    found = take([]).measures

    assert not any(m.shown or m.hidden for m in found)
    assert all("needs" in m.note or "not stated" in m.note for m in found), found
    by_name = {m.name: m.note for m in found}
    assert by_name["escalation"] == "not measured: needs ticket_opened events"
    assert by_name["meaning"] == "not measured: needs survey events"


# --- permission


def test_no_figures_without_a_genuine_permit() -> None:
    forged = object.__new__(AggregatePermit)

    with pytest.raises(PermissionRefused):
        EventTable(forged, SHORT)


def test_fewer_than_five_people_are_no_figure() -> None:
    found = figure(each(FIVE[:4], "order", 95, 1.0), "retention")

    assert found.hidden
    assert (found.value, found.numerator, found.denominator, found.people) == (None,) * 4


def test_no_id_and_no_text_is_kept() -> None:
    people, _ = permits()
    with EventTable(people, SHORT) as book:
        book.add(from_events([event("someone", "ticket_opened", 1, text="a secret")]))

        assert "someone" not in str(book.rows("FROM events"))
        assert "secret" not in str(book.rows("FROM events"))


# --- clocks and versions


def test_what_became_known_later_than_the_permit_does_not_count() -> None:
    late = [Event(c, "order", on(150), NOW.replace(day=2)) for c in FIVE]

    assert figure([*late, event("c", "order", 150)], "order_value").hidden is False
    assert "nobody" in figure([*late, event("c", "order", 50)], "order_value").note


def test_what_was_known_at_an_earlier_instant_can_be_asked() -> None:
    events = each(FIVE, "order", 150, 1.0) + [
        Event(c, "order", on(151), on(250), value=9.0) for c in FIVE
    ]

    assert figure(events, "order_value").numerator == 50
    assert figure(events, "order_value", as_of=on(240)).numerator == 5


def test_a_correction_replaces_and_a_retraction_removes() -> None:
    events = [event(c, "order", 150, 10.0, event_id=f"{c}-1") for c in TEN[:6]]
    events.append(event("c0", "order", 150, 4.0, event_id="c0-2", corrects="c0-1"))
    events.append(event("c5", "order", 150, event_id="c5-2", retracts="c5-1"))

    assert figure(events, "order_value").numerator == 44


def test_the_live_tail_of_a_home_is_measured(histories: Build) -> None:
    people, employees = permits()
    from outcomes.measures.catalogue import measure

    with EventTable(people, SHORT) as book:
        book.add(histories(each(FIVE, "order", 150, 2.0)))
        (found,) = measure(book, [PERIOD], employees=employees, names=["order_value"]).measures

    assert found.numerator == 10


def test_histories_may_come_in_parts() -> None:
    people, employees = permits()
    from outcomes.measures.catalogue import measure

    with EventTable(people, SHORT) as book:
        for part in (FIVE, TEN[5:]):
            book.add(from_events(each(part, "order", 150, 1.0)))
        (found,) = measure(book, [PERIOD], employees=employees, names=["order_value"]).measures

    assert found.people == 10


# --- groups


def in_groups(**sizes: int) -> list[Event]:
    """People active at the start, with a `plan` in their profile."""
    found = []
    for plan, size in sizes.items():
        for k in range(size):
            who = f"{plan}{k}"
            found.append(event(who, "profile", 50, properties={"plan": plan}))
            found.append(event(who, "order", 95, 1.0))
            found.append(event(who, "order", 190, 1.0) if k % 2 else event(who, "session", 190))
    return found


def test_groups_stand_beside_the_whole() -> None:
    found = take(in_groups(gold=10, tin=20), "retention", by="plan").measures

    assert {m.segment: (m.numerator, m.denominator) for m in found} == {
        ALL: (15, 30),
        "gold": (5, 10),
        "tin": (10, 20),
    }


def test_a_group_is_that_of_the_periods_start() -> None:
    events = in_groups(gold=10, tin=20)
    events += [event(f"tin{k}", "profile", 120, properties={"plan": "gold"}) for k in range(20)]
    events += [event(f"tin{k}", "plan_changed", 60, 1.0, properties={"plan": "iron"})
               for k in range(5)]  # fmt: skip

    sizes = {m.segment: m.people for m in take(events, "retention", by="plan").measures}

    assert sizes == {ALL: 30, "gold": 10, "iron": 5, "tin": 15}


def test_who_came_later_is_in_the_group_they_came_with() -> None:
    events = each(FIVE, "profile", 120, plan="gold") + each(FIVE, "order", 150, 1.0)

    assert [m.segment for m in take(events, "order_value", by="plan").measures] == [ALL, "gold"]


def test_who_says_nothing_is_a_group_too() -> None:
    events = in_groups(gold=10) + each(FIVE, "order", 95, 1.0)

    assert {m.segment for m in take(events, "retention", by="plan").measures} == {
        ALL,
        "gold",
        "(none)",
    }


def test_groups_may_be_by_what_happened_in_the_year_before() -> None:
    events = each(TEN, "order", 95, 1.0) + each(FIVE, "ticket_opened", 50)
    found = take(events, "retention", by="kind:ticket_opened").measures

    assert {m.segment: m.people for m in found} == {
        ALL: 10,
        "no ticket_opened": 5,
        "ticket_opened": 5,
    }


@pytest.mark.parametrize("by", ["plam", "kind:tickets", 'a"b'])
def test_groups_there_are_not_are_said(by: str) -> None:
    with pytest.raises(InvalidInput, match="there are no groups by") as caught:
        take(in_groups(gold=5), "retention", by=by)

    assert caught.value.hint in ("there are: plan", "there are: kind:order, kind:profile, "
                                 "kind:session")  # fmt: skip


def test_a_small_group_is_hidden_and_so_is_one_more() -> None:
    found = take(in_groups(north=20, south=9, west=2), "retention", by="plan").measures

    assert {m.segment: m.hidden for m in found} == {
        ALL: False,
        "north": False,
        "south": True,  # with it shown, west would be the whole less the rest
        "west": True,
    }


def test_a_small_month_is_hidden_and_so_is_one_more() -> None:
    # 3 order in the first month, 6 in the second, 9 in the third; a year's figure would tell
    months = [Period(on(30 * k), on(30 * k + 30), str(k)) for k in range(3)]
    events = [e for k, n in enumerate((3, 6, 9)) for e in each(TEN[:n], "order", 30 * k + 5, 1.0)]
    found = take(events, "order_value", periods=months).measures

    assert [m.hidden for m in found] == [True, True, False]


def test_hidden_cells_when_the_only_group_is_the_whole() -> None:
    # group a is everyone in period 1; hiding its figure there means hiding the whole's
    sizes = {(ALL, 0): 20, ("a", 0): 2, ("b", 0): 18, (ALL, 1): 30, ("a", 1): 30}

    assert {(ALL, 1), ("a", 1)} <= hidden_cells(sizes, 5)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), st.integers(0, 30), min_size=1
    )
)
def test_no_hidden_cell_follows_from_what_is_shown(parts: dict[tuple[str, int], int]) -> None:
    """Every sum with a hidden term has another, and what it hides together is not small."""
    sizes = dict(parts)
    for k in range(4):
        sizes[ALL, k] = sum(n for (_, period), n in parts.items() if period == k)
    hidden = hidden_cells(sizes, 5)
    shown = {cell for cell, n in sizes.items() if n > 0} - hidden

    assert all(sizes[cell] >= 5 for cell in shown)
    for k in range(4):
        column = [cell for cell in parts if cell[1] == k and parts[cell] > 0]
        covered = [cell for cell in column if cell in hidden]
        if (ALL, k) in shown and covered:
            assert len(covered) > 1
            assert sum(parts[cell] for cell in covered) >= 5
        if (ALL, k) in hidden:
            assert covered
    for group in (*"abcd", ALL):
        row = [cell for cell in sizes if cell[0] == group and sizes[cell] > 0]
        covered = [cell for cell in row if cell in hidden]
        if covered and len(covered) < len(row):
            assert len(covered) > 1
            assert sum(sizes[cell] for cell in covered) >= 5


# --- periods


AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def test_months_are_whole_and_of_the_homes_time_zone() -> None:
    start = datetime(2026, 1, 10, tzinfo=UTC)
    found = split(start, datetime(2026, 4, 30, tzinfo=UTC), "month", AMSTERDAM)

    assert [p.label for p in found] == ["2026-02", "2026-03"]
    assert found[1].end.astimezone(UTC) == datetime(2026, 3, 31, 22, tzinfo=UTC)  # summer time


def test_labels_are_what_people_say() -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)

    assert [label(day, each) for each in ("year", "quarter", "month", "week")] == [
        "2026",
        "2026-Q1",
        "2026-01",
        "2026-W01",
    ]


def test_months_before_keep_the_day_where_there_is_one() -> None:
    found = months_before(datetime(2026, 3, 31, tzinfo=UTC), 2)

    assert [p.start.day for p in found] == [31, 28]


def test_a_period_must_have_a_length() -> None:
    with pytest.raises(InvalidInput):
        take(each(FIVE, "order", 1, 1.0), "retention", periods=[Period(on(5), on(5))])


def test_terms_that_cannot_be_are_listed_at_once() -> None:
    with pytest.raises(InvalidInput, match=r"days == 0, must be >= 1; margin_share == 2"):
        Terms(active_window_days=0, margin_share=2.0).check()


def test_a_name_there_is_not_is_said() -> None:
    with pytest.raises(InvalidInput, match="there is no measure happyness"):
        take([], "happyness")


def test_a_family_may_be_asked_for() -> None:
    assert {m.family for m in take([], "e-mail").measures} == {"e-mail"}


# --- intervals


def tally(pairs: Sequence[tuple[float, float]], *, plain: bool = False) -> Tally:
    x, y = (np.array(column, np.float64) for column in zip(*pairs, strict=True))
    return Tally(len(pairs), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum(), plain)


def test_a_share_of_people_has_wilsons_interval() -> None:
    assert estimate(tally([(1, 1)] * 3 + [(0, 1)] * 7, plain=True), "share") == wilson(3, 10)


def test_a_share_of_events_counts_people_and_not_events() -> None:
    # two people with 50 tickets each, all or none escalated, say less than 100 people with one
    clustered = estimate(tally([(50, 50), (0, 50)] * 3), "share")
    apart = estimate(tally([(1, 1), (0, 1)] * 150), "share")

    assert clustered is not None
    assert apart is not None
    assert clustered.value == apart.value == 0.5
    assert clustered.high - clustered.low > 3 * (apart.high - apart.low)


def test_a_share_without_any_case_still_has_an_upper_bound_by_people() -> None:
    # nothing in 5 people with 20 tickets each: as of 5, not of 100
    found = estimate(tally([(0, 20)] * 5), "share")

    assert found is not None
    assert found.high == pytest.approx(wilson(0, 5).high)  # type: ignore[union-attr]


def test_a_mean_has_students_interval() -> None:
    # 1, 2, 3, 4, 5: mean 3, sd 1.5811, half 2.7764 · 1.5811 / √5 = 1.9632
    found = estimate(tally([(x, 1) for x in range(1, 6)]), "mean")

    assert found is not None
    assert (found.low, found.high) == pytest.approx((3 - 1.9632, 3 + 1.9632), abs=1e-4)


def test_a_count_has_the_exact_interval_of_poisson() -> None:
    # Garwood's for 10: 4.795 to 18.390; for none: 0 to 3.689
    assert total(10, 10)[1:3] == pytest.approx((4.795, 18.390), abs=1e-3)
    assert total(0, 0)[1:3] == pytest.approx((0, 3.689), abs=1e-3)


def test_a_sum_of_large_single_amounts_is_less_certain() -> None:
    assert total(100, 10 * 10**2).high > total(100, 100).high


def test_kaplan_meier_by_hand() -> None:
    # one of four leaves after 1; one is followed to 2; one of the two left leaves after 3
    durations = np.array([1.0, 2.0, 3.0, 4.0])
    found = kaplan_meier(durations, np.array([True, False, True, False]), 3.5)

    assert found is not None
    assert found[0].value == pytest.approx(3 / 4 * 1 / 2)
    assert found[1:] == (2, 1)


def test_nobody_followed_that_long_is_no_survival() -> None:
    assert kaplan_meier(np.array([1.0, 2.0]), np.array([True, False]), 5.0) is None


def test_an_index_of_one_part_has_that_parts_interval() -> None:
    assert weighted({"only": (3.0, Interval(0.5, 0.4, 0.7))})[:3] == pytest.approx((50, 40, 70))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30))
def test_a_share_lies_within_its_interval_and_that_within_0_and_1(
    counted: list[tuple[int, int]],
) -> None:
    found = estimate(tally([(min(x, y), y) for x, y in counted]), "share")

    assert found is None or 0 <= found.low <= found.value <= found.high <= 1
