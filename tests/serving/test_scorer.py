"""Scores with reasons, for those who permit it and for no one else."""

import pytest
from sqlalchemy import select

from governance.errors import IntegrityBroken, InvalidInput
from governance.tables import decisions, ledger_entries
from serving.permission.consents import withdraw
from serving.scoring.answers import CustomerScore
from serving.scoring.scorer import Scorer
from tests.serving.conftest import Shop
from tests.serving.racing import withdraw_while_scoring


def ask(shop: Shop, customer_id: str, *, insider: bool = True) -> CustomerScore:
    answer = shop.scorer.score([customer_id], targets=["churn"], may_see_refusals=insider)
    return answer.results[0]


def test_permitted_customer_gets_probability_interval_and_reasons(regular: Shop) -> None:
    found = ask(regular, "ann")
    score = found.scores["churn"]
    assert found.status == "scored"
    assert None not in (score.low, score.probability, score.high)
    assert 0 < (score.low or 0) < (score.probability or 0) < (score.high or 0) < 1
    assert score.reasons[0].text == "last order was 40 days ago"


def test_fresh_order_lowers_the_risk_at_once(regular: Shop) -> None:
    before = ask(regular, "ann").scores["churn"].probability or 0.0
    regular.order("ann", 0.01)
    assert 0.0 < (ask(regular, "ann").scores["churn"].probability or 0.0) < before


def test_withdrawal_refuses_the_very_next_call(regular: Shop) -> None:
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    found = ask(regular, "ann")
    assert (found.status, found.reason, found.scores) == ("refused", "withdrawn", {})


def test_withdrawal_takes_stored_scores_with_it(regular: Shop) -> None:
    ask(regular, "ann")
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    with regular.keepwell.database.read() as conn:
        assert conn.execute(select(decisions.c.result)).scalars().all() == [None]


def test_refusal_and_unknown_customer_look_the_same_from_outside(regular: Shop) -> None:
    regular.order("bob", 10)
    refused = ask(regular, "bob", insider=False)
    unknown = ask(regular, "nobody", insider=False)
    assert refused._replace(customer_id="", decision_id="") == unknown._replace(
        customer_id="", decision_id=""
    )
    assert refused.status == "not_available"


def test_insider_sees_why_someone_is_refused(regular: Shop) -> None:
    regular.order("bob", 10)
    assert ask(regular, "bob").reason == "no_record"


def test_every_verdict_is_logged_in_the_same_transaction(regular: Shop) -> None:
    regular.order("bob", 10)
    answer = regular.scorer.score(["ann", "bob", "nobody"], targets=["churn"])
    with regular.keepwell.database.read() as conn:
        rows = conn.execute(select(decisions.c.decision_id, decisions.c.outcome)).all()
        entry = conn.execute(
            select(ledger_entries.c.kind).order_by(ledger_entries.c.seq.desc()).limit(1)
        ).scalar_one()
    outcomes = {row.decision_id: row.outcome for row in rows}
    told = [outcomes[each.decision_id] for each in answer.results]
    assert told == ["scored", "refused", "refused"]
    assert entry == "decisions"


def test_answers_come_in_the_order_asked_even_twice(regular: Shop) -> None:
    answer = regular.scorer.score(["nobody", "ann", "ann"], targets=["churn"])
    assert [each.customer_id for each in answer.results] == ["nobody", "ann", "ann"]


def test_lapsed_customer_has_insufficient_data(regular: Shop) -> None:
    regular.order("old", 900, 880)
    regular.permit("old")
    found = ask(regular, "old")
    assert (found.status, found.reason) == ("insufficient_data", "not_active")


def test_permission_without_history_has_insufficient_data(regular: Shop) -> None:
    regular.permit("new")
    assert ask(regular, "new").status == "insufficient_data"


def test_without_a_model_a_rule_answers_and_says_so(shop: Shop) -> None:
    shop.order("ann", 200, 180, 160)
    shop.permit("ann")
    found = ask(shop, "ann")
    score = found.scores["churn"]
    assert found.status == "insufficient_data"
    assert (score.method, score.probability) == ("rule", None)
    assert score.rule == (
        "rule, not model: last order was 160 days ago, that is more than twice the usual 20 days"
    )


def test_wellbeing_feature_stays_missing_without_its_own_permission(regular: Shop) -> None:
    survey = {
        "customer_id": "ann",
        "kind": "survey",
        "occurred_at": "2026-05-20T10:00:00Z",
        "value": 1,
        "properties": {"instrument": "csat"},
    }
    from serving.intake import take_events

    take_events(regular.keepwell, [survey], clock=regular.clock)
    without = {each.feature: each for each in ask(regular, "ann").scores["churn"].reasons}
    regular.permit("ann", "wellbeing_inference")
    having = {each.feature: each for each in ask(regular, "ann").scores["churn"].reasons}
    assert "survey_level_mean" not in without
    assert having["survey_level_mean"].value == 0.0


def test_unknown_target_names_those_there_are(shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="no such target"):
        shop.scorer.score(["ann"], targets=["weather"])


def test_a_damaged_model_never_serves(regular: Shop) -> None:
    [bundle] = regular.keepwell.home.bundles.iterdir()
    (bundle / "linear.json").write_text("{}")
    scorer = Scorer(regular.keepwell, clock=regular.clock)
    with pytest.raises(IntegrityBroken):
        scorer.score(["ann"], targets=["churn"])


def test_a_rejected_model_stops_serving_within_a_second(regular: Shop) -> None:
    assert ask(regular, "ann").status == "scored"
    regular.review("reject")
    regular.pass_days(1 / 86_400)
    assert ask(regular, "ann").status == "insufficient_data"


def test_a_broken_new_model_leaves_the_one_that_serves(regular: Shop) -> None:
    before = ask(regular, "ann").model_digest
    newer = regular.approve_model(intercept=0.25)
    (regular.keepwell.home.bundles / newer / "linear.json").write_text("{}")
    regular.pass_days(1 / 86_400)
    found = ask(regular, "ann")
    assert (found.status, found.model_digest) == ("scored", before)


def test_a_newly_approved_model_takes_over_within_a_second(regular: Shop) -> None:
    ask(regular, "ann")
    newer = regular.approve_model(intercept=0.25)
    regular.pass_days(1 / 86_400)
    assert ask(regular, "ann").model_digest == newer


def test_no_call_that_begins_after_a_withdrawal_is_scored(regular: Shop) -> None:
    race = withdraw_while_scoring(regular, "ann")
    assert "scored" in race.before
    assert set(race.after) == {"not_available"}
