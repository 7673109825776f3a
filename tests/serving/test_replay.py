"""A decision computed again, and the page about it."""

import json

from sqlalchemy import update

from features.tables import live_events
from serving.consents import withdraw
from serving.dossier import make_dossier, write_dossier
from serving.replay import Replay, replay
from serving.rights import erase
from tests.serving.conftest import Shop


def decide(shop: Shop, customer_id: str = "ann") -> str:
    return shop.scorer.score([customer_id], targets=["churn"]).results[0].decision_id


def again(shop: Shop, decision_id: str) -> Replay:
    return replay(shop.keepwell, decision_id, now=shop.clock())


def test_a_score_replays_bit_for_bit(regular: Shop) -> None:
    assert again(regular, decide(regular)).outcome == "same"


def test_it_does_so_after_later_events_and_a_correction(regular: Shop) -> None:
    decision = decide(regular)
    regular.order("ann", 30, 0.5)
    regular.pass_days(40)
    assert again(regular, decision).outcome == "same"


def test_an_edited_event_is_found(regular: Shop) -> None:
    decision = decide(regular)
    with regular.keepwell.database.write() as conn:
        conn.execute(update(live_events).values(occurred_at=live_events.c.occurred_at - 10**12))
    assert "features" in again(regular, decision).differences


def test_after_a_withdrawal_it_cannot_say(regular: Shop) -> None:
    decision = decide(regular)
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    found = again(regular, decision)
    assert found.outcome == "cannot_say"
    assert "withdrawn" in found.differences[0]


def test_after_an_erasure_it_cannot_say(regular: Shop) -> None:
    decision = decide(regular)
    erase(regular.keepwell, "ann", now=regular.clock())
    assert again(regular, decision) == Replay(decision, "cannot_say", ("erased",))


def test_a_refusal_replays_too(regular: Shop) -> None:
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    decision = decide(regular)
    assert again(regular, decision).outcome == "same"


def test_the_dossier_tells_the_whole_decision(regular: Shop) -> None:
    found = make_dossier(regular.keepwell, decide(regular), now=regular.clock())
    assert found.permission["word"]["evidence"] == "form ann"
    assert found.data["kinds"][0] == {
        "kind": "order",
        "events": 3,
        "first": "2026-03-13",
        "last": "2026-04-22",
    }
    assert found.approval is not None
    assert found.approval["reviewer"] == "Grace"
    assert found.replay["outcome"] == "same"


def test_the_dossier_is_one_page_with_a_twin(regular: Shop) -> None:
    html, twin = write_dossier(regular.keepwell, decide(regular), now=regular.clock())
    page = html.read_text()
    assert "last order was 40 days ago" in page
    assert "http" not in page.replace("http-equiv", "")
    assert json.loads(twin.read_text())["result"]["method"] == "model"


def test_the_dossier_forgets_with_the_permission(regular: Shop) -> None:
    decision = decide(regular)
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    html, _ = write_dossier(regular.keepwell, decision, now=regular.clock())
    page = html.read_text()
    assert "forgotten when permission was taken back" in page
    assert "last order" not in page
