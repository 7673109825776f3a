"""A score that moved is told once, to a home's own receiver, and only while it may be."""

import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from governance.log.decision import Decision, forget_results, record
from governance.log.ledger import Ledger
from serving.bootstrap import open_home
from serving.database import Database
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery import score_news
from serving.interventions.delivery.dispatch import dispatch
from serving.interventions.delivery.score_news import VALID_FOR, begin_telling, tell_changes
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from serving.interventions.tables import outbox, told_scores
from serving.permission.consents import withdraw
from serving.rights.acts import erase, export
from serving.scoring.batch import VALID_FOR as IN_A_FILE
from serving.scoring.batch import score_everyone
from tests.serving.conftest import START, Shop
from tests.serving.holding import places_of
from tests.serving.lived import NOTE, awake_desk, candidate

HERE = "http://127.0.0.1:9/"
EVENTS = ["intervention.requested", "intervention.cancelled", "score.withdrawn", "score.changed"]


@pytest.fixture
def watched(regular: Shop) -> Shop:
    """Give a shop that tells of scores, whose first score of Ann was looked at."""
    switches_on(regular)
    looks(regular)
    score(regular)
    assert looks(regular) == 0
    return regular


def switches_on(shop: Shop) -> None:
    settings = shop.keepwell.home.settings_file
    settings.write_text(
        settings.read_text() + f'\n[webhook]\nurl = "{HERE}"\nevents = {json.dumps(EVENTS)}\n'
    )
    root = shop.keepwell.home.root
    shop.keepwell.close()
    shop.keepwell = open_home(root)


def looks(shop: Shop) -> int:
    return tell_changes(shop.keepwell, now=shop.clock())


def score(shop: Shop, *people: str) -> float:
    found = shop.scorer.score(people or ["ann"], targets=["churn"]).results[0]
    number = found.scores["churn"].probability
    assert number is not None
    return number


def moves(shop: Shop) -> float:
    """Ann is silent for longer, and is scored again."""
    shop.pass_days(30)
    return score(shop)


def waiting(shop: Shop) -> list[dict[str, Any]]:
    with shop.keepwell.database.read() as conn:
        query = select(outbox.c.body).where(outbox.c.type == "score.changed")
        return [json.loads(body) for body in conn.execute(query).scalars()]


def sent(shop: Shop) -> list[dict[str, Any]]:
    arrived: list[dict[str, Any]] = []

    def receive(request: httpx.Request) -> httpx.Response:
        arrived.append(json.loads(request.content))
        return httpx.Response(204)

    endpoint = Endpoint(HERE, shop.keepwell.keys.webhook, reach=Reach(private=True))
    with httpx.Client(transport=httpx.MockTransport(receive)) as client:
        desk = awake_desk(shop.keepwell)
        dispatch(desk, endpoint, client, clock=shop.clock, rng=Random(1))
    return arrived


def withdraws(shop: Shop) -> None:
    withdraw(shop.keepwell, "ann", "risk_scoring", actor="customer", clock=shop.clock)


def test_a_score_that_moved_is_told_with_both_numbers_and_an_end(watched: Shop) -> None:
    with watched.keepwell.database.read() as conn:
        query = select(told_scores.c.person_id, told_scores.c.target)
        before = score_news._told(conn, [tuple(row) for row in conn.execute(query)])
    now = moves(watched)
    assert looks(watched) == 1
    [message] = sent(watched)
    data = message["data"]
    assert (data["customer_id"], data["probability"]) == ("ann", now)
    assert data["previous_probability"] == score_news._probability(next(iter(before.values())))
    assert data["purposes"] == ["risk_scoring"]
    assert data["expires_at"] > data["as_of"]


def test_what_was_given_before_it_was_switched_on_counts_as_told(regular: Shop) -> None:
    before = score(regular)
    switches_on(regular)
    looks(regular)
    moves(regular)
    assert looks(regular) == 1
    assert waiting(regular)[0]["data"]["previous_probability"] == before


def test_of_what_was_given_before_the_newest_counts(regular: Shop) -> None:
    score(regular)
    moves(regular)
    switches_on(regular)
    looks(regular)
    score(regular)
    assert looks(regular) == 0


def test_a_score_of_the_past_given_before_is_not_what_counts(regular: Shop) -> None:
    score(regular)
    regular.pass_days(30)
    score(regular)
    past = regular.clock() - timedelta(days=29)
    regular.scorer.score(["ann"], targets=["churn"], as_of=past)
    switches_on(regular)
    looks(regular)
    score(regular)
    assert looks(regular) == 0


def test_a_batch_given_before_counts_as_told(regular: Shop, tmp_path: Path) -> None:
    target = regular.keepwell.target("churn")
    score_everyone(regular.keepwell, target, out=tmp_path / "s.parquet", clock=regular.clock)
    switches_on(regular)
    looks(regular)
    moves(regular)
    assert looks(regular) == 1


def test_two_scores_between_two_looks_are_compared(watched: Shop) -> None:
    watched.order("bob", 10)
    watched.permit("bob")
    first = score(watched, "bob")
    watched.pass_days(30)
    score(watched, "bob")
    assert looks(watched) == 1
    assert waiting(watched)[0]["data"]["previous_probability"] == first


def test_a_score_that_was_taken_back_before_counts_no_more(regular: Shop) -> None:
    score(regular)
    withdraws(regular)
    regular.permit("ann")
    switches_on(regular)
    looks(regular)
    moves(regular)
    assert looks(regular) == 0


def test_a_start_marks_where_telling_begins(regular: Shop) -> None:
    switches_on(regular)
    begin_telling(regular.keepwell)
    score(regular)
    moves(regular)
    assert looks(regular) == 1


def test_it_is_told_once(watched: Shop) -> None:
    moves(watched)
    assert [looks(watched), looks(watched)] == [1, 0]
    score(watched)
    assert looks(watched) == 0


def test_small_moves_add_up(watched: Shop) -> None:
    told = []
    for _ in range(6):
        watched.pass_days(4)
        score(watched)
        told.append(looks(watched))
    assert told[0] == 0
    assert sum(told) >= 1


def test_a_batch_is_looked_at_like_single_scores(watched: Shop, tmp_path: Path) -> None:
    watched.order("bob", 50)
    watched.permit("bob")
    watched.pass_days(30)
    target = watched.keepwell.target("churn")
    score_everyone(watched.keepwell, target, out=tmp_path / "scores.parquet", clock=watched.clock)
    assert looks(watched) == 1  # Bob's is the first that is seen of him


def test_slices_leave_nothing_out(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bob", "cleo"):
        watched.order(name, 50)
        watched.permit(name)
    score(watched, "bob", "cleo")
    looks(watched)
    monkeypatch.setattr(score_news, "_SLICE", 1)
    watched.pass_days(30)
    score(watched, "ann", "bob", "cleo")
    score(watched, "ann", "bob", "cleo")
    assert looks(watched) == 3


def test_a_score_of_the_past_is_no_news(watched: Shop) -> None:
    moves(watched)
    assert looks(watched) == 1
    then = watched.clock() - timedelta(days=29)
    watched.scorer.score(["ann"], targets=["churn"], as_of=then)
    assert looks(watched) == 0


def test_after_a_withdrawal_nothing_is_sent_and_the_number_is_nowhere(watched: Shop) -> None:
    number = moves(watched)
    looks(watched)
    withdraws(watched)
    with watched.keepwell.database.read() as conn:
        assert places_of(conn, str(number)) == []
    assert [each["type"] for each in sent(watched)] == ["score.withdrawn"]


def test_a_withdrawn_contact_takes_back_no_score(watched: Shop) -> None:
    watched.permit("ann", "outreach.email")
    desk = awake_desk(watched.keepwell)
    run_interventions(
        desk, NOTE, [candidate("ann", 0.6, None)], outside_contacts={}, clock=watched.clock
    )
    withdraw(watched.keepwell, "ann", "outreach.email", actor="customer", clock=watched.clock)
    assert [each["type"] for each in sent(watched)] == []
    withdraws(watched)
    assert [each["type"] for each in sent(watched)] == ["score.withdrawn"]


def test_a_new_yes_does_not_revive_what_waited(watched: Shop) -> None:
    moves(watched)
    looks(watched)
    withdraws(watched)
    watched.permit("ann")
    assert "score.changed" not in [each["type"] for each in sent(watched)]


def test_permission_is_looked_at_when_it_leaves(watched: Shop) -> None:
    """Even where nobody told the outbox, as when a consent lapses."""
    moves(watched)
    looks(watched)
    with watched.keepwell.database.write() as conn:
        watched.keepwell.registry.withdraw(conn, "ann", "risk_scoring", now=watched.clock())
    assert sent(watched) == []
    assert waiting(watched) == [{}]


def test_a_score_that_was_forgotten_is_not_sent_even_under_a_new_yes(watched: Shop) -> None:
    moves(watched)
    looks(watched)
    keepwell = watched.keepwell
    with keepwell.database.write() as conn:
        keepwell.registry.withdraw(conn, "ann", "risk_scoring", now=watched.clock())
        forget_results(conn, keepwell.persons.person_id(conn, "ann"), "risk_scoring")
    watched.permit("ann")
    assert sent(watched) == []


def test_a_score_past_its_end_is_not_sent(watched: Shop) -> None:
    moves(watched)
    looks(watched)
    watched.pass_days(31)
    assert sent(watched) == []


def test_without_the_setting_nothing_is_looked_at(regular: Shop) -> None:
    score(regular)
    assert looks(regular) == 0
    with regular.keepwell.database.read() as conn:
        assert conn.execute(select(told_scores)).all() == []


def test_an_erasure_forgets_what_was_told(watched: Shop) -> None:
    assert export(watched.keepwell, "ann", now=watched.clock())["told_scores"]
    erase(watched.keepwell, "ann", now=watched.clock())
    with watched.keepwell.database.read() as conn:
        assert conn.execute(select(told_scores)).all() == []


def test_the_order_of_the_log_is_followed_on_each_database(database: Database) -> None:
    ledger = Ledger(Ed25519PrivateKey.from_private_bytes(b"l" * 32))
    seen: list[str] = []
    with database.write() as conn:
        place = score_news._begin(conn)
        for names in ("a", "bc", "d"):
            made = [
                Decision(
                    decision_id=name, kind="score", person_id=None, purpose="p", outcome="scored"
                )
                for name in names
            ]
            record(conn, ledger, made, now=START)
        for _ in range(5):
            rows, place = score_news._next(conn, place)
            seen += [row.decision_id for row in rows]
    assert "".join(seen) == "abcd"


def test_what_was_given_up_to_a_place_is_found_on_each_database(database: Database) -> None:
    ledger = Ledger(Ed25519PrivateKey.from_private_bytes(b"l" * 32))
    with database.write() as conn:
        for number, name in enumerate("abc"):
            made = Decision(
                decision_id=name, kind="score", person_id="ann", purpose="p", outcome="scored",
                target="churn", as_of=START, result={"probability": number / 10},
            )  # fmt: skip
            record(conn, ledger, [made], now=START)
            if name == "b":
                place = score_news._begin(conn)
        found = score_news._given_before(conn, place, [("ann", "churn")])
    assert [row.decision_id for row in found.values()] == ["b"]


def test_a_score_may_be_used_as_long_as_one_in_a_file() -> None:
    assert VALID_FOR == IN_A_FILE
