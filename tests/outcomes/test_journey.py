"""The journey map on a handful of events, worked out by hand."""

from collections.abc import Sequence
from typing import Any

import pytest

from features.events import Event
from features.history import from_events
from features.text.tagging_file import parse_rules
from governance.disclosure.published import Register
from governance.errors import ConfigurationError, InvalidInput
from outcomes.journey.map import Journey, JourneyCell, journey_map
from outcomes.journey.stages import STAGES, stages_of
from outcomes.journey.table import JourneyTable
from outcomes.measures.definition import ALL
from tests.features.sample import permit as permit_of
from tests.outcomes.conftest import answer, event
from tests.outcomes.measuring import PERIOD, each, permits

RULES = parse_rules(
    '[[theme]]\nname = "waiting"\nany = ["wait*"]\n'
    '[[rule]]\nlayer = "emotion"\ntag = "frustrated"\nany = ["frustrated"]\n',
    source="own",
)
SIX = tuple(f"c{k}" for k in range(6))
TWELVE = tuple(f"c{k}" for k in range(12))


def drawn(
    events: Sequence[Event],
    *,
    by: str | None = None,
    judged: Sequence[str] = (),
    register: Register | None = None,
    **stages: Any,
) -> Journey:
    people, _ = permits()
    wellbeing = permit_of("wellbeing_inference", judged) if judged else None
    with JourneyTable(people, RULES, stages_of(stages), wellbeing=wellbeing) as table:
        table.add(from_events(events))
        return journey_map(table, PERIOD, by=by, register=register)


def cell(found: Journey, stage: str, touchpoint: str = ALL, segment: str = ALL) -> JourneyCell:
    made = found.cell(stage, touchpoint, segment)
    assert made is not None
    return made


def test_people_and_contacts_are_counted_where_they_happened() -> None:
    found = drawn([*each(SIX, "order", 110, 5.0), *each(TWELVE, "session", 109)])
    bought = cell(found, "purchase")

    assert (bought.people, bought.contacts) == (6, 6)
    assert bought.share is not None
    assert bought.share.value == 0.5


def test_a_channel_that_is_stated_is_the_touchpoint() -> None:
    found = drawn(each(SIX, "order", 110, 5.0, channel=" Shop "))

    assert cell(found, "purchase", "shop").people == 6


def test_an_answer_belongs_where_its_writer_was_before_and_a_visit_does_not_count() -> None:
    asked = [answer(who, "csat", 113, 4) for who in SIX]
    found = drawn([*each(SIX, "ticket_opened", 111), *each(SIX, "session", 112), *asked])
    look = cell(found, "support").looks["satisfaction"]

    assert look.value is not None
    assert look.value.value == 75.0


def test_an_answer_may_state_its_stage() -> None:
    asked = [answer(who, "csat", 113, 4, stage="leaving") for who in SIX]
    found = drawn([*each(SIX, "ticket_opened", 111), *asked])

    assert cell(found, "leaving").people == 6


def test_an_answer_long_after_belongs_nowhere() -> None:
    found = drawn([*each(SIX, "order", 105, 5.0), *(answer(who, "csat", 140, 4) for who in SIX)])

    assert cell(found, "purchase").contacts == 6


def test_effort_is_high_where_either_instrument_says_so() -> None:
    answers = [
        *(answer(who, "ces_effort", 120, 5) for who in SIX[:3]),
        *(answer(who, "ces_ease", 120, 1) for who in SIX[3:]),
    ]
    found = drawn([*each(SIX, "ticket_opened", 119), *answers])
    look = cell(found, "support").looks["effort"]

    assert look.value is not None
    assert look.value.value == 100.0


def test_whoever_neither_goes_on_nor_comes_back_dropped_off() -> None:
    stayed = [event(who, "order", 112, 5.0) for who in TWELVE[:9]]
    end = [event("z", "order", 190, 5.0)]
    found = drawn(
        [*each(TWELVE, "session", 110), *each(TWELVE, "page_view", 110.01), *stayed, *end]
    )
    look = cell(found, "visit").looks["drop_off"]

    assert look.people == 12
    assert look.value is not None
    assert look.value.value == 0.25


def test_sentiment_and_pains_are_of_those_alone_who_permit_it() -> None:
    texts = [
        event(who, "ticket_opened", 110, text="I am so frustrated, the wait is terrible")
        for who in TWELVE
    ]
    without, permitted = drawn(texts), drawn(texts, judged=SIX)
    told = {each.name: (each.people, each.out_of) for each in cell(permitted, "support").pains}

    assert cell(without, "support").looks["sentiment"].value is None
    assert cell(without, "support").pains == ()
    assert cell(permitted, "support").looks["sentiment"].people == 6
    assert told == {"frustrated": (6, 6), "waiting": (6, 6)}
    assert [(t.name, t.people) for t in cell(permitted, "support").thinking] == [("waiting", 12)]


def test_a_pain_that_everyone_has_because_nothing_else_happens_there_is_not_told() -> None:
    alone = drawn([*each(TWELVE, "order", 108, 5.0), *each(TWELVE, "return", 109)])
    among = drawn([*each(TWELVE, "delivered", 108), *each(SIX, "return", 109)])

    assert cell(alone, "delivery").pains == ()
    assert [(told.name, told.people) for told in cell(among, "delivery").pains] == [("return", 6)]


def test_a_stage_of_fewer_than_five_people_is_hidden() -> None:
    found = drawn([*each(TWELVE, "session", 109), *each(SIX[:4], "order", 110, 5.0)])

    assert cell(found, "purchase").hidden
    assert cell(found, "purchase").people is None


def test_no_small_group_follows_from_the_others() -> None:
    areas = [
        event(who, "profile", 1, properties={"area": "north" if k < 3 else "south"})
        for k, who in enumerate(TWELVE)
    ]
    found = drawn([*areas, *each(TWELVE, "order", 110, 5.0)], by="area")

    assert cell(found, "purchase").people == 12
    assert cell(found, "purchase", ALL, "north").hidden
    assert cell(found, "purchase", ALL, "south").hidden


def test_one_more_person_changes_nothing_that_was_given() -> None:
    register = Register(min_people=5)
    first = drawn(each(TWELVE, "order", 110, 5.0), register=register)
    again = drawn(each((*TWELVE, "c12"), "order", 110, 5.0), register=register)

    assert cell(first, "purchase").people == cell(again, "purchase").people == 12
    assert cell(again, "purchase").note == "as given"


def test_what_is_not_in_the_period_is_not_on_the_map() -> None:
    assert drawn(each(SIX, "order", 50, 5.0)).cells == ()


def test_groups_that_nobody_is_in_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no groups by 'region'"):
        drawn(each(SIX, "order", 110, 5.0), by="region")


def test_a_company_may_state_its_own_stages() -> None:
    found = drawn(
        [*each(SIX, "trial_started", 110), *each(SIX, "order", 120, 5.0)],
        trying=("trial_started",),
        paying=("order",),
    )

    assert found.stages == ("trying", "paying")
    assert cell(found, "trying", "trial started").people == 6


def test_mistakes_in_stated_stages_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        stages_of({"a": ("order",), "b": ("order",), "c": ()})

    assert list(caught.value.problems) == [
        "c: names no kind of event",
        "order is in a and in b, must be in one",
    ]


def test_without_stated_stages_the_usual_ones_hold() -> None:
    assert stages_of({}) is STAGES
