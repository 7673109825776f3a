"""A decision computed again, and the page about it."""

import json

from sqlalchemy import update

from features.tables import live_events
from governance.log.decision import load
from serving.access.auth import Principal
from serving.intake import take_events
from serving.permission.consents import withdraw
from serving.record.dossier import make_dossier, write_dossier
from serving.record.replay import Replay, replay
from serving.rights.acts import erase
from serving.rights.retention import apply_retention
from serving.rights.review_queue import decide as answer
from serving.rights.review_queue import request_review
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


def test_what_was_too_little_replays_with_the_purposes_of_then(regular: Shop) -> None:
    regular.order("cleo", 800)
    regular.permit("cleo", "risk_scoring", "wellbeing_inference")
    survey = {
        "customer_id": "cleo",
        "kind": "survey",
        "occurred_at": "2026-05-20T10:00:00Z",
        "value": 1,
        "properties": {"instrument": "csat"},
    }
    take_events(regular.keepwell, [survey], clock=regular.clock)
    found = regular.scorer.score(["cleo"], targets=["churn"], may_see_refusals=True).results[0]
    assert (found.status, found.reason) == ("insufficient_data", "not_active")
    assert again(regular, found.decision_id).outcome == "same"


def test_withdrawing_wellbeing_takes_the_scores_that_used_it(regular: Shop) -> None:
    regular.permit("ann", "wellbeing_inference")
    decision = decide(regular)
    withdraw(regular.keepwell, "ann", "wellbeing_inference", actor="customer", clock=regular.clock)
    with regular.keepwell.database.read() as conn:
        assert load(conn, decision).result_forgotten
    found = again(regular, decision)
    assert (found.outcome, "result" in found.differences[0]) == ("cannot_say", True)
    assert again(regular, decide(regular)).outcome == "same"


def test_of_nobody_it_cannot_say_and_does_not_call_them_erased(regular: Shop) -> None:
    found = again(regular, decide(regular, "nobody"))
    assert found.outcome == "cannot_say"
    assert "nobody was known" in found.differences[0]


def test_after_an_erasure_it_cannot_say(regular: Shop) -> None:
    decision = decide(regular)
    erase(regular.keepwell, "ann", now=regular.clock())
    assert again(regular, decision) == Replay(decision, "cannot_say", ("erased",))


def test_written_dossiers_go_with_the_permission_and_with_the_person(regular: Shop) -> None:
    regular.order("bob", 80, 60, 40)
    regular.permit("bob")
    now = regular.clock()
    anns = write_dossier(regular.keepwell, decide(regular), now=now)
    bobs = write_dossier(regular.keepwell, decide(regular, "bob"), now=now)
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    assert [path.exists() for path in (*anns, *bobs)] == [False, False, True, True]
    erase(regular.keepwell, "bob", now=regular.clock())
    assert not any(path.exists() for path in bobs)


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


def test_too_little_data_has_a_page_too(regular: Shop) -> None:
    regular.order("cleo", 800)
    regular.permit("cleo")
    html, _ = write_dossier(regular.keepwell, decide(regular, "cleo"), now=regular.clock())
    assert "insufficient data (not active)" in html.read_text()


def test_the_dossier_forgets_with_the_permission(regular: Shop) -> None:
    decision = decide(regular)
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    html, _ = write_dossier(regular.keepwell, decision, now=regular.clock())
    page = html.read_text()
    assert "forgotten when permission was taken back" in page
    assert "last order" not in page


def test_the_dossier_says_that_a_decision_is_contested_and_what_came_of_it(regular: Shop) -> None:
    decision = decide(regular)
    asked = request_review(
        regular.keepwell, "ann", reason="not me", decision_id=decision, clock=regular.clock
    )
    html, _ = write_dossier(regular.keepwell, decision, now=regular.clock())
    assert "waits for a person until 2026-07-01" in html.read_text()
    answer(
        regular.keepwell,
        asked.request_id,
        outcome="overturned",
        reason="they are right",
        decider=Principal("k", "Mo", frozenset({"rights:manage"})),
        clock=regular.clock,
    )
    html, _ = write_dossier(regular.keepwell, decision, now=regular.clock())
    page = html.read_text()
    assert "the decision was overturned</b>, decided by Mo" in page
    assert "not me" not in page  # what was said stays in the customer's own history


def test_the_dossier_of_a_decision_past_its_retention_speaks_of_nobody(regular: Shop) -> None:
    decision = decide(regular)
    regular.pass_days(1_200)
    apply_retention(regular.keepwell, now=regular.clock())
    html, twin = write_dossier(regular.keepwell, decision, now=regular.clock())
    assert "kept as long as this company keeps such things" in html.read_text()
    assert json.loads(twin.read_text())["customer_id"] is None


def test_the_dossier_of_someone_erased_says_so_and_tells_nothing(regular: Shop) -> None:
    decision = decide(regular)
    erase(regular.keepwell, "ann", now=regular.clock())
    html, _ = write_dossier(regular.keepwell, decision, now=regular.clock())
    page = html.read_text()
    assert "Cannot be said: erased" in page
    assert "form ann" not in page
    assert "not known, or erased" in page
