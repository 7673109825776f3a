"""The feedback hub: an item is measured, acted upon, measured again, and only then closed."""

import json
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from governance.errors import InsufficientData, InvalidInput, NotFound
from governance.instants import to_text
from governance.intervals import Interval
from governance.log.ledger import entries
from serving.feedback.citations import releases_citing
from serving.feedback.desk import act, assign, close, open_item, remeasure
from serving.feedback.figure import Figure, difference
from serving.feedback.items import FeedbackItem, counts, list_items, load_item
from serving.feedback.suggestions import suggestions
from serving.intake import take_events
from serving.pages.staff.feedback import said_words
from serving.rights.complaints import add_complaint
from serving.tables import feedback_items
from tests.serving.conftest import START, Shop

TEN = tuple(f"c{k}" for k in range(10))


def tickets(
    shop: Shop, people: Sequence[str], *, escalated: int, text: str = "where is it"
) -> None:
    """Let each of these open a ticket yesterday, and the first `escalated` have it escalated."""
    at = shop.clock()
    events = [
        {
            "customer_id": who,
            "kind": "ticket_opened",
            "event_id": f"{who}-{to_text(at)}",
            "occurred_at": to_text(at.replace(hour=k)),
            "text": text,
            "properties": {"escalated": k < escalated},
        }
        for k, who in enumerate(people)
    ]
    done = take_events(shop.keepwell, events, clock=shop.clock)
    assert done.count("written") == len(people), done


def opened(shop: Shop, source: str = "measure:escalation") -> FeedbackItem:
    tickets(shop, TEN, escalated=8)
    shop.pass_days(1)
    return open_item(shop.keepwell, title=None, source=source, days=30, now=shop.clock())


def assigned(shop: Shop) -> FeedbackItem:
    found, now = opened(shop), shop.clock()
    due = START.replace(year=2027)
    return assign(shop.keepwell, found.item_id, owner="Help desk", due_at=due, now=now)


def acted(shop: Shop) -> FeedbackItem:
    found = assigned(shop)
    return act(shop.keepwell, found.item_id, action="More people answer", now=shop.clock())


def logged(shop: Shop) -> list[tuple[str, dict[str, object]]]:
    with shop.keepwell.database.read() as conn:
        return [
            (each.kind, json.loads(each.body))
            for each in entries(conn)
            if each.kind.startswith("feedback_")
        ]


def test_an_item_keeps_the_figure_it_was_opened_with(shop: Shop) -> None:
    before = opened(shop).before

    assert before is not None
    assert before.value is not None
    assert (before.value.value, before.people) == (0.8, 10)
    assert before.days == 30


def test_of_an_item_without_a_figure_nothing_is_said_to_be_kept(shop: Shop) -> None:
    by_hand = open_item(shop.keepwell, title="Letters are long", source=None, now=shop.clock())

    assert "No figure is kept" in said_words("opened", by_hand)
    assert "The figure of now is kept" in said_words("opened", opened(shop))
    assert said_words("assigned", by_hand) == "Assigned."


def test_measured_again_over_an_equal_window_it_says_the_change_and_that_it_is_no_effect(
    shop: Shop,
) -> None:
    found = acted(shop)
    shop.pass_days(29.9)
    tickets(shop, TEN, escalated=1)
    shop.pass_days(1)
    again = remeasure(shop.keepwell, found.item_id, now=shop.clock())

    assert again.after is not None
    assert again.after.days == 30
    assert again.change is not None
    assert again.change["difference"]["value"] == pytest.approx(-0.7)
    assert again.change["difference"]["high"] < 0
    assert again.change["verdict"] == "fell"
    assert "not an effect" in again.change["note"]
    assert close(shop.keepwell, found.item_id, reason=None, by="k", now=shop.clock()).closed_at


def test_it_cannot_be_measured_again_before_its_window_is_over(shop: Shop) -> None:
    found = acted(shop)
    shop.pass_days(29)

    with pytest.raises(InsufficientData, match="the window after the act ends on"):
        remeasure(shop.keepwell, found.item_id, now=shop.clock())


def test_nor_while_the_history_does_not_reach_the_windows_end(shop: Shop) -> None:
    found = acted(shop)
    shop.pass_days(60)

    with pytest.raises(InsufficientData, match="the history reaches to"):
        remeasure(shop.keepwell, found.item_id, now=shop.clock())


def test_too_few_people_afterwards_is_no_measurement_to_close_with(shop: Shop) -> None:
    found = acted(shop)
    shop.pass_days(29.5)
    tickets(shop, TEN[:3], escalated=0)
    shop.pass_days(1)
    again = remeasure(shop.keepwell, found.item_id, now=shop.clock())

    assert again.change is not None
    assert again.change["verdict"] == "cannot say: no figure"
    with pytest.raises(InvalidInput, match="not measured again"):
        close(shop.keepwell, found.item_id, reason=None, by="k", now=shop.clock())


@pytest.mark.parametrize("reason", [None, "", "  ", "x", "no reason"])
def test_without_measuring_again_it_closes_only_with_a_reason(
    shop: Shop, reason: str | None
) -> None:
    found = acted(shop)

    with pytest.raises(InvalidInput, match="not measured again"):
        close(shop.keepwell, found.item_id, reason=reason, by="k", now=shop.clock())
    closed = close(shop.keepwell, found.item_id, reason="the shop moved", by="k", now=shop.clock())
    assert (closed.status, closed.close_reason) == ("closed", "the shop moved")


def test_steps_come_in_their_order(shop: Shop) -> None:
    found, now = opened(shop), shop.clock()

    with pytest.raises(InvalidInput, match="only one that is assigned can be acted upon"):
        act(shop.keepwell, found.item_id, action="Something", now=now)
    with pytest.raises(InvalidInput, match="only one that is acted can be measured again"):
        remeasure(shop.keepwell, found.item_id, now=now)


def test_an_item_is_overdue_once_its_day_has_passed_and_nothing_was_done(shop: Shop) -> None:
    found = assigned(shop)

    assert not found.overdue(START)
    assert found.overdue(START.replace(year=2028))
    assert not acted(shop).overdue(START.replace(year=2028))
    with shop.keepwell.database.read() as conn:
        told = counts(conn, now=START.replace(year=2028))
    assert (told["assigned"], told["acted"], told["overdue"]) == (1, 1, 1)


@pytest.mark.parametrize(
    "title",
    [
        "Write to ann@example.com",
        "Call +44 20 7946 0958 back",
        "c3 waits too long",
        "mr Smith waits too long",
        "Order 4512345 is late",
        "",
        "x" * 401,
    ],
)
def test_words_that_may_name_somebody_are_refused_and_not_repeated(shop: Shop, title: str) -> None:
    shop.order("c3", 1)

    with pytest.raises(InvalidInput) as caught:
        open_item(shop.keepwell, title=title, source=None, now=shop.clock())
    assert title == "" or title not in str(caught.value)
    with shop.keepwell.database.read() as conn:
        assert conn.execute(select(feedback_items)).all() == []


def test_an_item_is_not_opened_from_what_too_few_people_say(shop: Shop) -> None:
    tickets(shop, TEN[:4], escalated=2)
    shop.pass_days(1)

    with pytest.raises(InsufficientData, match="no figure over enough people"):
        open_item(shop.keepwell, title=None, source="measure:escalation", days=30, now=shop.clock())


@pytest.mark.parametrize(
    ("source", "value"),
    [("theme:delivery", 1.0), ("keyword:parcel", 1.0), ("stage:support:drop_off", 1.0)],
)
def test_an_item_may_come_from_a_theme_a_word_or_a_stage(
    shop: Shop, source: str, value: float
) -> None:
    tickets(shop, TEN, escalated=0, text="where is my parcel")
    shop.pass_days(40)
    shop.order("someone", 0.1)
    found = open_item(shop.keepwell, title=None, source=source, days=60, now=shop.clock())

    assert found.before is not None
    assert found.before.value is not None
    assert found.before.value.value == value


@pytest.mark.parametrize(
    "source",
    ["escalation", "measure:", "theme:nothing", "complaints:nothing", "stage:support:mood"],
)
def test_a_subject_that_cannot_be_measured_is_refused(shop: Shop, source: str) -> None:
    with pytest.raises(InvalidInput):
        open_item(shop.keepwell, title=None, source=source, now=shop.clock())


def test_every_step_is_in_the_log_without_words_or_names(shop: Shop) -> None:
    found = acted(shop)
    close(shop.keepwell, found.item_id, reason="the shop moved", by="k", now=shop.clock())
    steps = logged(shop)

    assert [kind for kind, _ in steps] == [
        f"feedback_{step}" for step in ("opened", "assigned", "acted", "closed")
    ]
    told = json.dumps([body for _, body in steps])
    assert all(body["item"] == found.item_id for _, body in steps)
    assert not any(word in told for word in ("Help desk", "More people", "moved", "Look into"))


def test_what_could_be_looked_into_is_suggested_with_its_figure(shop: Shop) -> None:
    tickets(shop, TEN, escalated=8, text="where is my parcel")
    shop.pass_days(1)
    found = {each.subject: each for each in suggestions(shop.keepwell, days=30, now=shop.clock())}

    assert found["measure:escalation"].value.value == pytest.approx(0.8)
    assert found["theme:delivery"].people == 10
    assert "theme:price" not in found


def test_items_are_listed_the_newest_first_in_pages(shop: Shop) -> None:
    made = [
        open_item(shop.keepwell, title=f"Thing {word}", source=None, now=shop.clock())
        for word in ("one", "two", "three")
    ]
    with shop.keepwell.database.read() as conn:
        first = list_items(conn, limit=2)
        rest = list_items(conn, limit=2, after=first[-1].position.to_text())

    assert [each.item_id for each in (*first, *rest)] == [m.item_id for m in reversed(made)]


def test_the_beginning_of_an_id_is_enough_and_an_unknown_one_is_not_found(shop: Shop) -> None:
    made = open_item(shop.keepwell, title="A thing", source=None, now=shop.clock())
    with shop.keepwell.database.read() as conn:
        assert load_item(conn, made.item_id[:8]) == made
        for wrong in ("", "zz", "%"):
            with pytest.raises(NotFound):
                load_item(conn, wrong)


def test_a_release_may_cite_an_item(shop: Shop) -> None:
    made = open_item(shop.keepwell, title="A thing", source=None, now=shop.clock())
    release = {
        "customer_id": "the company",
        "subject": "company",
        "kind": "release",
        "event_id": "r1",
        "occurred_at": to_text(shop.clock()),
        "properties": {"feedback": [made.item_id]},
    }
    take_events(shop.keepwell, [release], clock=shop.clock)
    with shop.keepwell.database.read() as conn:
        assert releases_citing(shop.keepwell, conn, made.item_id, now=shop.clock()) == 1
        assert releases_citing(shop.keepwell, conn, "another", now=shop.clock()) == 0


def test_the_difference_of_two_figures_has_the_interval_of_both() -> None:
    """0.5 [0.4, 0.6] after 0.8 [0.7, 0.9]: −0.3 ± √(0.1² + 0.1²)."""

    def figure(value: float) -> Figure:
        return Figure("x", START, START, Interval(value, value - 0.1, value + 0.1), 9, "share", "")

    found = difference(figure(0.8), figure(0.5))
    assert found is not None
    assert found[:3] == pytest.approx((-0.3, -0.3 - 0.02**0.5, -0.3 + 0.02**0.5))


def complain(shop: Shop, people: Sequence[str]) -> None:
    for who in people:
        add_complaint(
            shop.keepwell, who, category="contact", text="too many letters", clock=shop.clock
        )
    shop.pass_days(0.01)


def test_one_more_complaint_cannot_be_told_from_two_figures(shop: Shop) -> None:
    tickets(shop, TEN, escalated=0)
    complain(shop, TEN[:6])

    def figure(days: int) -> Figure | None:
        return open_item(
            shop.keepwell, title=None, source="complaints:contact", days=days, now=shop.clock()
        ).before

    first = figure(30)
    complain(shop, TEN[6:7])
    again = figure(30)

    assert first is not None
    assert again is not None
    assert first.value is not None
    assert first.value.value == 6
    assert again.value == first.value
    assert "as given" in again.note
    with pytest.raises(InsufficientData, match="differ from an earlier figure"):
        figure(29)


def test_complaints_after_the_last_event_of_the_history_count(shop: Shop) -> None:
    tickets(shop, TEN, escalated=0)
    shop.pass_days(3)
    complain(shop, TEN[:6])

    subjects = [each.subject for each in suggestions(shop.keepwell, days=30, now=shop.clock())]
    assert "complaints:contact" in subjects


@pytest.mark.parametrize("days", [0, 2_000_000])
def test_a_window_no_history_fills_is_refused(shop: Shop, days: int) -> None:
    with pytest.raises(InvalidInput, match="must be within 1-3,650"):
        suggestions(shop.keepwell, days=days, now=shop.clock())
