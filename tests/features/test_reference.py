"""The kernel gives what the definitions say: compared with a slow and plain reading of them."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from unittest.mock import patch
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features import kernel
from features.columns import clock_column
from features.definitions import AGGREGATES, FeatureDefinition
from features.events import MICROS, Event
from features.kernel import compute
from governance.instants import from_micros, to_micros
from tests.features import reference
from tests.features.hard_history import definitions, some_events
from tests.features.sample import at, event, histories, permit, permits

DEFINITIONS = definitions()
NEARLY = frozenset(
    {
        *("mean", "std", "gap_std_days", "gap_shrunk_days", "recency_over_gap", "decayed_count"),
        *("decayed_sum", "slope", "delta", "ratio", "difference", "total"),
    }
)
"""Aggregates that round on the way; all others are exact."""


def disagreements(
    events: Sequence[Event], as_ofs: Sequence[datetime], some: Sequence[FeatureDefinition]
) -> list[str]:
    """Say where the kernel's table differs from the reference's: rows, then values."""
    instants = [to_micros(as_of) for as_of in as_ofs]
    table = compute(histories(*events), some, instants, permits=permits())
    found = {
        (customer, as_of): dict(zip(table.names, row.tolist(), strict=True))
        for customer, as_of, row in zip(
            table.customers.tolist(), table.as_of.tolist(), table.values, strict=True
        )
    }
    wanted = {
        (customer, to_micros(as_of)): row
        for (customer, as_of), row in reference.table(events, some, as_ofs).items()
    }
    if found.keys() != wanted.keys():
        return [f"rows: {sorted(found.keys() ^ wanted.keys())}"]
    return [
        f"{definition.name} of {customer} at {as_of}: {found[customer, as_of][definition.name]} "
        f"instead of {row[definition.name]}"
        for (customer, as_of), row in wanted.items()
        for definition in some
        if not agree(
            found[customer, as_of][definition.name], row, definition, events, (customer, as_of)
        )
    ]


def agree(
    found: float,
    row: reference.Row,
    definition: FeatureDefinition,
    events: Sequence[Event],
    key: tuple[str, int],
) -> bool:
    wanted = row[definition.name]
    if found == wanted or (math.isnan(found) and math.isnan(wanted)):
        return True
    if definition.aggregate not in NEARLY or math.isnan(found) or math.isnan(wanted):
        return False
    if math.isclose(found, wanted, rel_tol=1e-9):
        return True
    customer, instant = key
    as_of = from_micros(instant)
    own = reference.versions_of([e for e in events if e.customer_id == customer])
    usable = reference.usable_at(own, as_of)
    return abs(found - wanted) <= 1e-9 * reference.magnitude(definition, usable, as_of, row)


@st.composite
def as_ofs_for(draw: st.DrawFn, events: Sequence[Event]) -> list[datetime]:
    """Some fixed instants, and some at which or just after which something happened or came in."""
    edges = [instant for e in events for instant in (e.occurred_at, e.known_at)]
    days = draw(st.lists(st.sampled_from([20, 60, 90.5, 100.125, 150, 400]), max_size=3))
    near = draw(st.lists(st.sampled_from(edges or [at(0)]), max_size=4))
    some = [(at(day), 0) for day in days]
    some += [(edge, draw(st.sampled_from([0, 1, 30 * 86_400 * MICROS]))) for edge in near]
    found = [instant.astimezone(UTC) + timedelta(microseconds=later) for instant, later in some]
    return found or [at(100)]


@given(st.data())
def test_the_kernel_gives_what_the_definitions_say(data: st.DataObject) -> None:
    events = data.draw(some_events())
    as_ofs = data.draw(as_ofs_for(events))
    assert disagreements(events, as_ofs, DEFINITIONS) == []


@given(st.data())
def test_a_crowded_history_is_read_like_any_other(data: st.DataObject) -> None:
    """One customer, many events of few kinds within days, long waits and short windows."""
    events = data.draw(some_events(customers=("c0",), first=84.0, last=96.0, most=60))
    as_ofs = data.draw(as_ofs_for(events))
    assert disagreements(events, as_ofs, DEFINITIONS) == []


def test_every_aggregate_is_compared() -> None:
    assert {definition.aggregate for definition in DEFINITIONS} == set(AGGREGATES) - {"function"}


def test_what_is_compared_has_a_value_somewhere() -> None:
    """No definition is compared by being missing everywhere: here is a history that has them all.

    Of the kind that never happens there is nothing.
    """
    rich = [
        event(
            day,
            kind,
            value=3.0 + day % 2,
            text="great, thank you",
            properties={
                "channel": "web",
                "qty": [1, 2],
                "sku": "p",
                "plan": "a",
                "age": 30,
                "scale": [1, 5],
            },
        )
        for day in (9.3, 55.2, 70.1, 98.2, 99.3, 99.4, 99.8)
        for kind in ("order", "return", "survey", "chat_message", "profile")
        if (day, kind) != (55.2, "return")
    ]
    row = reference.table(rich, DEFINITIONS, [at(100)])["c0", at(100)]
    missing = [d for d in DEFINITIONS if math.isnan(row[d.name]) and "absent" not in d.kinds]
    # one active day in the last one has no gaps, and the day before it is empty
    assert {d.aggregate for d in missing if d.window_days != 1} == set()
    assert {d.aggregate for d in missing} <= {
        *("gap_mean_days", "gap_median_days", "gap_std_days", "delta")
    }


# -- what rows do not depend on ---------------------------------------------------------------


def values(events: Sequence[Event], as_ofs: Sequence[datetime]) -> dict[tuple[str, int], bytes]:
    instants = [to_micros(as_of) for as_of in as_ofs]
    table = compute(histories(*events), DEFINITIONS, instants, permits=permits())
    return {
        (customer, as_of): row.tobytes()
        for customer, as_of, row in zip(
            table.customers.tolist(), table.as_of.tolist(), table.values, strict=True
        )
    }


@given(st.data())
def test_rows_do_not_depend_on_other_as_ofs_customers_or_blocks(data: st.DataObject) -> None:
    events = data.draw(some_events())
    as_ofs = data.draw(as_ofs_for(events))
    whole = values(events, as_ofs)
    with patch.object(kernel, "BLOCK_EVENTS", data.draw(st.integers(1, 9))):
        assert values(events, [*reversed(as_ofs), *as_ofs]) == whole
    alone: dict[tuple[str, int], bytes] = {}
    for customer in {e.customer_id for e in events}:
        for as_of in as_ofs:
            alone |= values([e for e in events if e.customer_id == customer], [as_of])
    assert alone == whole


@given(some_events(), st.lists(st.sampled_from(DEFINITIONS), max_size=8))
def test_a_feature_does_not_depend_on_the_other_features(
    events: list[Event], some: list[FeatureDefinition]
) -> None:
    chosen = [d for d in dict.fromkeys(some) if not d.of]
    as_ofs = [to_micros(at(day)) for day in (60, 150)]
    found = histories(*events)
    whole = compute(found, DEFINITIONS, as_ofs, permits=permits())
    part = compute(found, chosen, as_ofs, permits=permits())
    columns = [whole.names.index(name) for name in part.names]
    assert np.array_equal(part.values, whole.values[:, columns], equal_nan=True)


@given(some_events())
def test_without_permission_a_feature_is_missing_and_all_others_stay(events: list[Event]) -> None:
    as_ofs = [to_micros(at(day)) for day in (60, 150)]
    found = histories(*events)
    everyone = compute(found, DEFINITIONS, as_ofs, permits=permits())
    some = {
        "risk_scoring": permit("risk_scoring"),
        "wellbeing_inference": permit("wellbeing_inference", ["c1"]),
    }
    allowed = compute(found, DEFINITIONS, as_ofs, permits=some)
    needs = np.array(["wellbeing_inference" in d.purposes for d in DEFINITIONS])
    refused = (everyone.customers != "c1")[:, None] & needs
    expected = np.where(refused, np.nan, everyone.values)
    assert np.array_equal(allowed.values, expected, equal_nan=True)


# -- clocks -----------------------------------------------------------------------------------


FIRST, LAST = (to_micros(datetime(year, 1, 1, tzinfo=UTC)) for year in (1900, 2100))


@cache
def zones() -> list[str]:
    return sorted(available_timezones())


@given(
    st.deferred(lambda: st.sampled_from(zones())),
    st.lists(st.integers(FIRST, LAST), min_size=1),
)
def test_clocks_show_what_zoneinfo_says(zone: str, occurred_at: list[int]) -> None:
    local = [from_micros(instant).astimezone(ZoneInfo(zone)) for instant in occurred_at]
    for name, wanted in (
        ("hour", [each.hour for each in local]),
        ("weekday", [each.weekday() for each in local]),
        ("weekend", [int(each.weekday() >= 5) for each in local]),
    ):
        found = clock_column(f"{name}:{zone}", np.array(occurred_at))
        assert found.tolist() == [MICROS * number for number in wanted]


# -- the reference itself ---------------------------------------------------------------------


def known(*events: Event, day: float) -> list[float | None]:
    return [e.value for e in reference.usable_at(reference.versions_of(events), at(day))]


def test_the_reference_reads_versions_as_they_were_known() -> None:
    events = (
        event(1, event_id="a", value=1.0),
        event(1, known=5, event_id="b", corrects="a", value=2.0),
        event(1, known=7, corrects="b", value=3.0),
        event(1, known=9, retracts="a"),
        event(1, "payment", event_id="a", value=9.0),
    )
    found = [known(*events, day=day) for day in (1, 5, 5.1, 7.1, 9.1)]
    assert found == [[], [9.0, 1.0], [9.0, 2.0], [9.0, 3.0], [9.0]]


def test_the_reference_never_looks_ahead() -> None:
    """That the second corrects the first is not known before the third is."""
    events = (
        event(1, event_id="a", value=1.0),
        event(2, known=5, corrects="b", value=3.0),
        event(3, known=8, event_id="b", corrects="a", value=2.0),
    )
    found = [known(*events, day=day) for day in (4, 7, 9)]
    assert found == [[1.0], [1.0, 3.0], [2.0]]


def test_every_definition_has_a_name_of_its_own() -> None:
    assert len({definition.name for definition in DEFINITIONS}) == len(DEFINITIONS)
