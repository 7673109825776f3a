"""The journey map as it is kept and shown, and whose words may be read at a stage."""

from datetime import timedelta

import pytest

from governance.consent.record import ConsentChange
from governance.errors import InvalidInput, NotFound, PermissionRefused
from governance.instants import to_text
from outcomes.journey.map import Journey, Told
from outcomes.measures.definition import ALL
from serving.dashboard.journey_look import YEAR, drawn_journeys, keep_journeys, read_journey
from serving.intake import take_events
from serving.journey import journey_of, journeys_of
from serving.journey_words import words_at
from serving.pages.staff.journey import MapView, lines_of, map_of
from serving.permission.consents import record_all
from tests.serving.conftest import Shop

PEOPLE = ("ann", "ben", "cat", "dan", "eve", "flo")


def happens(shop: Shop, customer: str, kind: str, days: float, **more: object) -> None:
    sent = {
        "customer_id": customer,
        "kind": kind,
        "event_id": f"{customer}-{kind}-{days}",
        "occurred_at": to_text(shop.clock() - timedelta(days=days)),
        **more,
    }
    assert take_events(shop.keepwell, [sent], clock=shop.clock).count("written") == 1


@pytest.fixture
def travelled(shop: Shop) -> Shop:
    """Give a shop where six people ordered, and six asked for help and said how hard it was."""
    for each in PEOPLE:
        happens(shop, each, "profile", 200, properties={"plan": "basic"})
        happens(shop, each, "order", 150, value=20.0)
        happens(shop, each, "ticket_opened", 100, text="My invoice is wrong")
        happens(
            shop, each, "survey", 99, value=5.0,
            properties={"instrument": "ces_effort", "scale": [1, 5], "polarity": "low_is_good"},
        )  # fmt: skip
    return shop


def drawn(shop: Shop, *by: str) -> tuple[Journey, ...]:
    found = journeys_of(shop.keepwell, by, now=shop.clock())
    with shop.keepwell.database.write() as conn:
        keep_journeys(conn, found, now=shop.clock())
    return found


def test_a_map_is_read_as_it_was_drawn(travelled: Shop) -> None:
    first, *_ = drawn(travelled)
    with travelled.keepwell.database.read() as conn:
        kept = read_journey(conn, YEAR)
    assert kept.cells == first.cells
    assert (kept.stages, kept.people) == (first.stages, 6)


def test_many_maps_at_once_are_those_drawn_one_by_one(travelled: Shop) -> None:
    alone = journey_of(travelled.keepwell, now=travelled.clock())
    assert drawn(travelled)[0].cells == alone.cells


def test_a_group_nobody_could_be_in_is_left_out(travelled: Shop) -> None:
    drawn(travelled, "plan", "shoe_size")
    with travelled.keepwell.database.read() as conn:
        found = drawn_journeys(conn)
        assert found.segments == ("plan=basic",)
        with pytest.raises(NotFound):
            read_journey(conn, YEAR, "shoe_size")


def test_before_the_first_look_there_is_no_map(shop: Shop) -> None:
    with shop.keepwell.database.read() as conn, pytest.raises(NotFound, match="journey map"):
        drawn_journeys(conn)


def test_a_figure_is_a_shape_a_word_and_a_number(travelled: Shop) -> None:
    first, *_ = drawn(travelled)
    filled = map_of(first, MapView(), with_words=False)
    assert filled.stages == ("purchase", "support")
    [effort] = [each for each in filled.whole.boxes[1].marks if each.lens == "effort"]  # type: ignore[union-attr]
    assert (effort.text, effort.step, effort.says) == ("100", 0, "very hard")
    assert filled.mend[1] == "/staff/feedback/new?from=stage:support:effort"


def test_words_lead_to_texts_only_for_whoever_may_read_them(travelled: Shop) -> None:
    first, *_ = drawn(travelled)
    told = Told("billing", 6, 6, first.cells[0].share)  # type: ignore[arg-type]
    cells = tuple(
        each._replace(thinking=(told,)) if each.touchpoint == ALL else each for each in first.cells
    )
    for with_words in (True, False):
        filled = map_of(first._replace(cells=cells), MapView(), with_words=with_words)
        [thinking] = [lane for lane in filled.lanes if lane.title == "Thinking"]
        assert bool(thinking.stages[0][0].href) == with_words


def test_a_way_to_words_keeps_the_view_it_was_taken_from(travelled: Shop) -> None:
    first, *_ = drawn(travelled)
    told = Told("billing", 6, 6, first.cells[0].share)  # type: ignore[arg-type]
    cells = tuple(
        each._replace(thinking=(told,), segment="basic") if each.touchpoint == ALL else each
        for each in first.cells
    )
    view = MapView("2026-05", "plan=basic")
    filled = map_of(first._replace(cells=cells), view, with_words=True)
    [thinking] = [lane for lane in filled.lanes if lane.title == "Thinking"]
    said = "stage=purchase&about=billing&period=2026-05&segment=plan%3Dbasic"
    assert thinking.stages[0][0].href == f"/staff/journey/words?{said}"


def test_the_table_says_why_a_figure_is_missing(travelled: Shop) -> None:
    first, *_ = drawn(travelled)
    lines = lines_of(first, MapView())
    assert all(bool(line.absent) == (line.value is None) for line in lines)


def test_words_at_a_stage_are_only_of_those_who_permit_it(travelled: Shop) -> None:
    travelled.permit("ann", "research_text")
    found = words_at(travelled.keepwell, "support", "billing", now=travelled.clock())
    assert [each.text for each in found] == ["My invoice is wrong"]
    assert words_at(travelled.keepwell, "purchase", "billing", now=travelled.clock()) == ()


def test_after_a_withdrawal_no_words_are_shown(travelled: Shop) -> None:
    travelled.permit("ann", "research_text")
    change = ConsentChange(customer_id="ann", purpose="research_text", state="withdrawn")
    record_all(travelled.keepwell, [change], clock=travelled.clock)
    with pytest.raises(PermissionRefused):
        words_at(travelled.keepwell, "support", "billing", now=travelled.clock())


def test_a_feeling_is_read_only_where_that_is_permitted_too(travelled: Shop) -> None:
    happens(travelled, "ann", "chat_message", 90, text="I am so frustrated")
    travelled.permit("ann", "research_text")
    with pytest.raises(PermissionRefused):
        words_at(travelled.keepwell, "support", "frustrated", now=travelled.clock())
    travelled.permit("ann", "wellbeing_inference")
    found = words_at(travelled.keepwell, "support", "frustrated", now=travelled.clock())
    assert [each.text for each in found] == ["I am so frustrated"]


def test_a_stage_there_is_not_has_no_words(travelled: Shop) -> None:
    with pytest.raises(InvalidInput):
        words_at(travelled.keepwell, "nowhere", "billing", now=travelled.clock())
