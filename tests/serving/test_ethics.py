"""What happened around the models, by month; nothing behind which only a few people stand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from features.tables import protected_attributes
from governance.audit.process_record import EthicsFigures, MonthlyCount, Requests
from governance.errors import InvalidInput
from governance.log.decision import Decision, new_decision_id, record
from serving.http.process_gauges import ProcessGauges
from serving.interventions.tables import interventions
from serving.permission.consents import withdraw
from serving.rights.complaints import add_complaint, close_complaint, complaints_of, note_harm
from serving.rights.ethics import ethics_figures, last_month
from serving.rights.review_queue import decide, request_review
from tests.serving.conftest import Shop
from tests.serving.test_review_queue import manager

JULY = datetime(2026, 7, 1, tzinfo=UTC)
PEOPLE = [f"c{k:02}" for k in range(60)]


def measured(shop: Shop, target: str | None = None) -> EthicsFigures:
    now = max(shop.clock(), JULY + timedelta(days=1))
    with shop.keepwell.database.read() as conn:
        return ethics_figures(shop.keepwell, conn, target=target, now=now)


def known(shop: Shop, *people: str) -> None:
    for who in people:
        shop.order(who, 5)


def test_withdrawals_are_counted_by_purpose_and_month(shop: Shop) -> None:
    for who in PEOPLE[:6]:
        shop.permit(who)
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
    assert measured(shop).withdrawals == (MonthlyCount("2026-06", "risk_scoring", 6),)


def test_what_fewer_than_five_people_did_is_not_told(shop: Shop) -> None:
    for who in PEOPLE[:4]:
        shop.permit(who)
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
    assert measured(shop).withdrawals == (MonthlyCount("2026-06", "risk_scoring", None),)


def test_one_person_refused_many_times_is_one_person(regular: Shop) -> None:
    regular.order("bob", 5)
    for _ in range(9):
        regular.scorer.score(["bob"], targets=["churn"])
    [found] = measured(regular).refusals or ()
    assert (found.name, found.n) == ("no_record", None)


def test_the_month_under_way_is_not_told(shop: Shop) -> None:
    for who in PEOPLE[:6]:
        shop.permit(who)
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
    with shop.keepwell.database.read() as conn:
        found = ethics_figures(shop.keepwell, conn, target=None, now=shop.clock())
    assert found.withdrawals == ()


def test_a_hidden_part_is_not_given_away_by_the_others(shop: Shop) -> None:
    known(shop, *PEOPLE[:20])
    for k, who in enumerate(PEOPLE[:20]):
        category = "contact" if k < 2 else "score" if k < 8 else "data"
        add_complaint(shop.keepwell, who, category=category, text="not good", clock=shop.clock)
    told = {each.name: each.n for each in measured(shop).complaints or ()}
    assert told == {"contact": None, "score": None, "data": 12}


def test_contested_decisions_are_told_with_what_became_of_them(shop: Shop) -> None:
    known(shop, *PEOPLE[:12])
    requests = [
        request_review(shop.keepwell, who, reason="not me", clock=shop.clock) for who in PEOPLE[:12]
    ]
    shop.pass_days(3)
    for k, each in enumerate(requests):
        decide(
            shop.keepwell,
            each.request_id,
            outcome="upheld" if k < 6 else "overturned",
            reason="looked at it",
            decider=manager("Mo"),
            clock=shop.clock,
        )
    assert measured(shop).requests == (Requests("2026-06", "review", 12, 0, 6, 6, 0, 0, 3.0),)


def test_overrides_and_waiting_times_are_told(shop: Shop) -> None:
    for k in range(20):
        contact(shop, f"c{k}", status="rejected" if k < 6 else "sent", decided=True)
    [found] = measured(shop).approvals or ()
    assert (found.approved, found.rejected, found.median_minutes) == (14, 6, 30.0)
    assert found.override_rate is not None
    assert found.override_rate.value == pytest.approx(0.3)


def test_changes_are_overrides_and_quick_decisions_are_told(shop: Shop) -> None:
    for k in range(30):
        contact(
            shop,
            f"c{k}",
            status="rejected" if k < 6 else "sent",
            decided=True,
            changed=6 <= k < 12,
            seconds=2.0 if k < 20 else 60.0,
        )
    [found] = measured(shop).approvals or ()
    assert (found.approved, found.changed, found.rejected) == (18, 6, 6)
    assert found.override_rate is not None
    assert found.quick_rate is not None
    assert found.override_rate.value == pytest.approx(0.4)
    assert found.quick_rate.value == pytest.approx(2 / 3)
    assert found.median_seconds == 2.0


def test_a_few_changes_are_not_told(shop: Shop) -> None:
    for k in range(20):
        contact(shop, f"c{k}", status="sent", decided=True, changed=k < 2)
    [found] = measured(shop).approvals or ()
    assert (found.changed, found.override_rate) == (None, None)


def test_a_harm_is_told_for_its_model_alone(shop: Shop) -> None:
    note_harm(shop.keepwell, "churn", text="Flagged people on leave", now=shop.clock())
    [found] = measured(shop, "churn").harms or ()
    assert found.text == "Flagged people on leave"


def test_a_harm_that_names_an_address_is_refused(shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="address or a telephone number"):
        note_harm(shop.keepwell, "churn", text="ask jo@shop.example", now=shop.clock())


def test_neither_a_complaint_nor_its_answer_is_without_words(shop: Shop) -> None:
    known(shop, "ann")
    with pytest.raises(InvalidInput, match="what the customer says"):
        add_complaint(shop.keepwell, "ann", category="score", text=" ", clock=shop.clock)
    made = add_complaint(shop.keepwell, "ann", category="score", text="wrong", clock=shop.clock)
    told = {"outcome": "resolved", "text": " "}
    with pytest.raises(InvalidInput, match="needs an answer"):
        close_complaint(
            shop.keepwell, made.complaint_id, **told, by=manager("Mo"), clock=shop.clock
        )


def test_a_complaint_is_closed_with_an_answer_in_the_history(shop: Shop) -> None:
    known(shop, "ann")
    made = add_complaint(shop.keepwell, "ann", category="score", text="wrong", clock=shop.clock)
    closed = close_complaint(
        shop.keepwell,
        made.complaint_id,
        outcome="resolved",
        text="you are right",
        by=manager("Mo"),
        clock=shop.clock,
    )
    with shop.keepwell.database.read() as conn:
        assert complaints_of(conn, made.person_id) == [closed]
    assert closed.status == "resolved"


def test_who_was_contacted_and_helped_is_told_by_group_of_those_who_permit(shop: Shop) -> None:
    groups(shop, permitting=PEOPLE[:50])
    found = {each.group: each for each in measured(shop, "churn").exposure or ()}
    assert (found["a"].n, found["a"].contacted) == (25, 15)
    assert (found["b"].n, found["b"].contacted) == (25, 15)
    assert found["a"].effect is None  # nobody's horizon is over yet


def test_a_small_group_is_hidden_and_one_more_with_it(shop: Shop) -> None:
    groups(shop, permitting=PEOPLE[:50], small=3)
    found = {each.group: each.n for each in measured(shop, "churn").exposure or ()}
    assert found["c"] is None
    assert None in (found["a"], found["b"])


def test_nobody_permitting_means_not_measured(shop: Shop) -> None:
    groups(shop, permitting=[])
    found = measured(shop, "churn")
    assert found.exposure is None
    assert found.exposure_reason == "nobody who was scored permits the fairness audit"


def test_an_effect_is_told_when_the_horizon_is_over(shop: Shop) -> None:
    groups(shop, permitting=PEOPLE[:50])
    for who in PEOPLE[:30]:
        shop.pass_days(0.001)
        order_later(shop, who, days=20)
    shop.pass_days(120)
    shop.order("later", 0.1)
    found = {each.group: each for each in measured(shop, "churn").exposure or ()}
    effect = found["a"].effect
    assert effect is not None
    assert effect.value > 0.5


def test_figures_are_read_back_from_their_json(shop: Shop) -> None:
    groups(shop, permitting=PEOPLE[:50])
    found = measured(shop, "churn")
    assert EthicsFigures.from_json(found.to_json()) == found


def test_metrics_tell_what_waits_and_no_one(shop: Shop) -> None:
    known(shop, *PEOPLE[:6])
    for who in PEOPLE[:6]:
        request_review(shop.keepwell, who, reason="my own words", clock=shop.clock)
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
    shop.pass_days(40)
    text = ProcessGauges(shop.keepwell).text(now=shop.clock())
    assert 'keepwell_waiting{kind="reviews_overdue"} 6\n' in text
    assert 'keepwell_last_month_count{kind="withdrawals"} 6\n' in text
    assert "words" not in text
    assert "c00" not in text


def test_last_month_leaves_out_what_too_few_stand_behind(shop: Shop) -> None:
    shop.permit("ann")
    withdraw(shop.keepwell, "ann", "risk_scoring", actor="customer", clock=shop.clock)
    with shop.keepwell.database.read() as conn:
        found = last_month(shop.keepwell, conn, now=JULY)
    assert found == {"complaints": 0, "objections": 0, "refusals": 0}


def test_a_demo_tells_of_the_month_under_way(shop: Shop) -> None:
    demo = Shop(replace(shop.keepwell, kind="demo"), shop.clock)
    for who in PEOPLE[:6]:
        demo.permit(who)
        withdraw(demo.keepwell, who, "risk_scoring", actor="customer", clock=demo.clock)
    with demo.keepwell.database.read() as conn:
        found = ethics_figures(demo.keepwell, conn, target=None, now=demo.clock())
    assert found.withdrawals == (MonthlyCount("2026-06", "risk_scoring", 6),)


def groups(shop: Shop, *, permitting: list[str], small: int = 0) -> None:
    """Score 50 people in two groups (and a small third); reach 15 of each, hold out 10."""
    known(shop, *PEOPLE[: 50 + small])
    for who in [*permitting, *(PEOPLE[50 : 50 + small] if permitting else [])]:
        shop.permit(who, "fairness_audit")
    with shop.keepwell.database.write() as conn:
        persons = shop.keepwell.persons.person_ids(conn, PEOPLE)
        for k, who in enumerate(PEOPLE[: 50 + small]):
            group = "c" if k >= 50 else "ab"[k % 2]
            row = {"customer_id": who, "name": "gender", "value": group}
            conn.execute(insert(protected_attributes), row)
            scored = Decision(
                decision_id=new_decision_id(),
                kind="score",
                person_id=persons[who],
                purpose="risk_scoring",
                outcome="scored",
                target="churn",
            )
            record(conn, shop.keepwell.ledger, [scored], now=shop.clock())
    for k, who in enumerate(PEOPLE[:50]):
        contact(shop, who, arm="treated" if k < 30 else "holdout", status="sent")


def contact(
    shop: Shop,
    who: str,
    *,
    arm: str = "treated",
    status: str,
    decided: bool = False,
    seconds: float | None = None,
    changed: bool = False,
) -> None:
    at = shop.clock()
    row = {
        "intervention_id": new_decision_id(),
        "customer_id": who,
        "playbook": "note",
        "playbook_class": "outreach",
        "channel": "email",
        "arm": arm,
        "status": status,
        "reason": "",
        "experiment": "note/1",
        "stratum": "high",
        "target": "churn",
        "decision_id": new_decision_id(),
        "permissions": "{}",
        "message": "{}",
        "cost": 0.0,
        "needs_person": decided,
        "created_at": at,
        "valid_until": at + timedelta(days=3),
        "sent_at": at if arm == "treated" and status == "sent" else None,
        "decided_at": at + timedelta(minutes=30) if decided else None,
        "decided_seconds": seconds,
        "message_before": "{}" if changed else None,
    }
    with shop.keepwell.database.write() as conn:
        conn.execute(insert(interventions), row)


def order_later(shop: Shop, who: str, *, days: float) -> None:
    """Let someone order so many days from now, by looking back from then."""
    later = Shop(shop.keepwell, type(shop.clock)(shop.clock.now + timedelta(days=days)))
    later.order(who, 0.5)
