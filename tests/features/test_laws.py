"""Laws of the kernel: the future never changes a feature, and batch equals online bit for bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import catalogue
from features.events import Event
from features.history import Histories
from features.kernel import compute
from tests.features.sample import EVERYONE, event, histories, micros, permits

AS_OFS = [micros(day) for day in (20, 60, 100, 100.25)]
KINDS = ("order", "return", "session", "survey", "profile", "chat_message")
TEXTS = (None, "great, thank you", "this is terrible", "ok")


@st.composite
def some_events(draw: st.DrawFn, *, first: float = 0.0, last: float = 140.0) -> list[Event]:
    """Events of a few customers, some known late, some corrected or retracted."""
    days = st.integers(int(first * 8), int(last * 8)).map(lambda eighths: eighths / 8)
    found = []
    for k in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(KINDS))
        occurred = draw(days)
        late = draw(st.sampled_from([0.0, 0.0, 0.0, 0.25, 30.0]))
        pointing = draw(st.sampled_from([None, None, None, "corrects", "retracts"]))
        fields = {pointing: f"e{draw(st.integers(0, 25))}"} if pointing else {}
        found.append(
            event(
                occurred,
                kind,
                customer=draw(st.sampled_from(EVERYONE[:4])),
                known=occurred + late,
                event_id=f"e{k}" if not pointing else f"v{k}",
                value=draw(st.sampled_from([None, 1.0, 2.5, 3.0])),
                text=draw(st.sampled_from(TEXTS)) if kind == "chat_message" else None,
                properties={
                    "profile": {"plan": draw(st.sampled_from(["a", "b"])), "age": k},
                    "survey": {
                        "instrument": "csat",
                        "scale": [1, 5],
                        "polarity": "high_is_good",
                    },
                }.get(kind, {}),
                **fields,
            )
        )
    return found


def rows(found: Histories, as_ofs: list[int], definitions: object) -> dict[object, bytes]:
    table = compute(found, definitions, as_ofs, permits=permits())  # type: ignore[arg-type]
    return {
        (customer, as_of): np.ascontiguousarray(row).tobytes()
        for customer, as_of, row in zip(
            table.customers.tolist(), table.as_of.tolist(), table.values, strict=True
        )
    }


@given(some_events())
def test_batch_equals_online_bit_for_bit(events: list[Event]) -> None:
    whole = histories(*events)
    definitions = catalogue(whole)
    batch = rows(whole, AS_OFS, definitions)
    online: dict[object, bytes] = {}
    for customer in whole.customers:
        alone = histories(*(e for e in events if e.customer_id == customer))
        for as_of in AS_OFS:
            online |= rows(alone, [as_of], definitions)
    assert batch == online


@given(some_events(), some_events(first=60.0), st.sampled_from(["happens later", "known later"]))
def test_the_future_never_changes_a_feature(
    events: list[Event], more: list[Event], how: str
) -> None:
    """What happened or became known at or after as_of changes nothing before it."""
    as_ofs = [as_of for as_of in AS_OFS if as_of <= micros(60)]
    renamed = [
        event(
            (e.occurred_at - event(0).occurred_at).total_seconds() / 86_400
            - (0 if how == "happens later" else 50),
            e.kind,
            customer=e.customer_id,
            known=(e.known_at - event(0).occurred_at).total_seconds() / 86_400,
            event_id=f"later {e.event_id}",
            value=e.value,
            properties=e.properties,
            corrects=e.corrects,
            retracts=e.retracts,
        )
        for e in more
    ]
    both = histories(*events, *renamed)
    definitions = catalogue(both)
    before = rows(histories(*events), as_ofs, definitions)
    after = rows(both, as_ofs, definitions)
    assert {key: after[key] for key in before} == before
    assert set(after) == set(before)


@given(some_events(), st.randoms())
def test_the_order_of_arrival_in_a_file_does_not_matter(
    events: list[Event], random: object
) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    definitions = catalogue(histories(*events))
    assert rows(histories(*events), AS_OFS, definitions) == rows(
        histories(*shuffled), AS_OFS, definitions
    )


def test_floating_sums_do_not_depend_on_who_else_is_there() -> None:
    """Many events per customer, so that sums run through every path of pairwise addition."""
    rng = np.random.default_rng(0)
    events = [
        event(float(day), customer=customer, value=float(value))
        for customer, size in zip(EVERYONE, (1, 2, 7, 8, 9, 127, 129, 700), strict=True)
        for day, value in zip(
            np.sort(rng.uniform(0, 100, size)), rng.uniform(-1e6, 1e6, size).round(6), strict=True
        )
    ]
    whole = histories(*events)
    definitions = catalogue(whole)
    batch = rows(whole, AS_OFS, definitions)
    online: dict[object, bytes] = {}
    for customer in EVERYONE:
        online |= rows(
            histories(*(e for e in events if e.customer_id == customer)), AS_OFS, definitions
        )
    assert batch == online
