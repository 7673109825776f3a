"""The queue of what waits for a person: its order, the next one, and what was decided."""

from datetime import timedelta

from serving.approval.queue import (
    Place,
    count_waiting,
    decided,
    held,
    next_waiting,
    place_of,
    waiting,
)
from serving.interventions.deciding.attention import oversight
from serving.interventions.deciding.oversight import AS_PROPOSED, Change, approve, reject
from serving.interventions.deciding.views import list_interventions
from serving.interventions.delivery.desk import desk_of
from serving.permission.consents import withdraw
from serving.rights.review_queue import request_review
from tests.serving.approval.test_proposals import opened, proposed, tea_shop
from tests.serving.conftest import Shop

__all__ = ["tea_shop"]


def queued(shop: Shop, after: str | None = None) -> list[str]:
    with shop.keepwell.database.read() as conn:
        found = waiting(shop.keepwell, conn, limit=10, after=after, now=shop.clock())
    return [each.view.intervention_id for each in found]


def following(shop: Shop, after: str | None = None) -> str | None:
    with shop.keepwell.database.read() as conn:
        return next_waiting(conn, after=after, now=shop.clock())


def says_yes(shop: Shop, intervention_id: str, change: Change = AS_PROPOSED) -> None:
    approve(
        desk_of(shop.keepwell),
        intervention_id,
        approver="Kim",
        reason="she wrote",
        now=shop.clock(),
        change=change,
    )


def test_what_runs_out_first_stands_at_the_top(tea_shop: Shop) -> None:
    [first] = proposed(tea_shop, "ann")
    tea_shop.pass_days(1)
    [second] = proposed(tea_shop, "ben")

    assert queued(tea_shop) == [first, second]
    assert queued(tea_shop, after=first) == [second]
    assert following(tea_shop) == first


def test_after_the_last_one_the_first_comes_again(tea_shop: Shop) -> None:
    first, second = sorted(proposed(tea_shop, "ann", "ben"))

    assert following(tea_shop, after=first) == second
    assert following(tea_shop, after=second) == first
    says_yes(tea_shop, second)
    assert following(tea_shop, after=first) is None


def test_a_place_is_among_those_that_still_wait(tea_shop: Shop) -> None:
    first, second = sorted(proposed(tea_shop, "ann", "ben"))

    with tea_shop.keepwell.database.read() as conn:
        assert place_of(conn, second, now=tea_shop.clock()) == Place(2, 2, first)


def test_what_ran_out_waits_no_more(tea_shop: Shop) -> None:
    proposed(tea_shop, "ann")
    tea_shop.clock.now += timedelta(days=4)

    with tea_shop.keepwell.database.read() as conn:
        now = tea_shop.clock()
        assert count_waiting(conn, now=now) == 0
        assert oversight(conn, now=now).waiting == 0
        assert list_interventions(conn, waiting_at=now) == []
        assert [each.status for each in list_interventions(conn)] == ["proposed"]
    assert queued(tea_shop) == []


def test_the_queue_tells_what_somebody_has_read(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    opened(tea_shop, asked)
    with tea_shop.keepwell.database.read() as conn:
        [found] = waiting(tea_shop.keepwell, conn, limit=10, now=tea_shop.clock())

    assert found.looked_at is not None
    assert not found.asks_again


def test_what_is_contested_is_held_beside_the_queue(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    request_review(tea_shop.keepwell, "ann", reason="not true", clock=tea_shop.clock)
    with tea_shop.keepwell.database.read() as conn:
        [found] = held(tea_shop.keepwell, conn, limit=10, now=tea_shop.clock())

    assert (found.view.intervention_id, found.asks_again) == (asked, True)
    assert queued(tea_shop) == []


def test_no_probability_is_listed_once_scoring_is_refused(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    reject(desk_of(tea_shop.keepwell), asked, approver="Kim", reason="no", now=tea_shop.clock())
    withdraw(tea_shop.keepwell, "ann", "risk_scoring", actor="customer", clock=tea_shop.clock)
    with tea_shop.keepwell.database.read() as conn:
        [told] = decided(tea_shop.keepwell, conn, limit=10, now=tea_shop.clock())

    assert told.view.probability is None


def test_what_was_decided_is_listed_with_its_reason_and_what_came_of_it(tea_shop: Shop) -> None:
    first, second = proposed(tea_shop, "ann", "ben")
    says_yes(tea_shop, first, Change(body="Other words."))
    tea_shop.clock.now += timedelta(minutes=1)
    reject(
        desk_of(tea_shop.keepwell), second, approver="Kim", reason="called", now=tea_shop.clock()
    )

    with tea_shop.keepwell.database.read() as conn:
        found = decided(tea_shop.keepwell, conn, limit=10, now=tea_shop.clock())
        after = found[0].position.to_text()
        older = decided(tea_shop.keepwell, conn, limit=10, after=after, now=tea_shop.clock())

    assert [(each.view.status, each.decided_reason, each.changed) for each in found] == [
        ("rejected", "called", False),
        ("queued", "she wrote", True),
    ]
    assert older == found[1:]


def test_a_line_break_at_the_end_is_no_change_of_words(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    words = opened(tea_shop, asked).words
    says_yes(tea_shop, asked, Change(f" {words.subject}", f"{words.body}\n"))

    assert opened(tea_shop, asked).words_before is None


def test_a_proposal_says_when_it_would_leave(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    night = tea_shop.clock.now.replace(hour=23)
    tea_shop.clock.now = night

    assert opened(tea_shop, asked).leaves_at > night
