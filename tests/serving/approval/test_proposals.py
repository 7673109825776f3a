"""What a person sees of a proposed contact, and how several are decided on."""

from dataclasses import replace
from typing import Any

import pytest

from governance.errors import InvalidInput
from serving.approval.proposal import Proposal, open_proposal
from serving.approval.several import Decided, decide_each
from serving.interventions.choosing.run import run_interventions
from serving.interventions.deciding.oversight import Verdict, approve, reject
from serving.interventions.delivery.desk import desk_of
from serving.interventions.policy.policy import Candidate
from serving.permission.consents import withdraw
from tests.serving.conftest import Shop
from tests.serving.notice.conftest import NOTE, contacted, scored, tea_shop

__all__ = ["tea_shop"]
ASKS = replace(
    NOTE,
    needs_person=True,
    expected_effect=0.02,
    subject="Is there anything we can do better?",
    body="A person reads your answer.",
)


def proposed(shop: Shop, *customers: str) -> list[str]:
    """Have each customer proposed by a playbook that asks a person, resting on a score."""
    chosen = []
    for each in customers:
        person = contacted(shop, each)
        chosen.append(
            Candidate(
                customer_id=each,
                probability=0.6,
                target="churn",
                score_decision_id=scored(person),
            )
        )
    run = run_interventions(
        desk_of(shop.keepwell), ASKS, chosen, outside_contacts={}, clock=shop.clock
    )
    return [each.intervention_id for each in run.assigned]


def opened(shop: Shop, intervention_id: str, *, to_decide: bool = True) -> Proposal:
    return open_proposal(
        shop.keepwell,
        desk_of(shop.keepwell),
        intervention_id,
        to_decide=to_decide,
        now=shop.clock(),
    )


def decide(shop: Shop, ids: list[str], *, yes: bool = True) -> Decided:
    desk = desk_of(shop.keepwell)

    def act(each: str) -> Verdict:
        do: Any = approve if yes else reject
        verdict: Verdict = do(desk, each, approver="Kim", reason="read it", now=shop.clock())
        return verdict

    return decide_each(desk, ids, act)


def test_a_proposal_shows_why_to_whom_and_what_would_leave(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")

    found = opened(tea_shop, asked)

    assert found.estimate is not None
    assert "last order was 40 days ago" in [each.text for each in found.estimate.reasons]
    assert [(each.kind, each.events) for each in found.records or ()] == [("order", 3)]
    assert found.words.subject == ASKS.subject
    assert found.links["why"]["url"].startswith("http://testserver/notice?token=n~")
    assert found.links["stop"]["url"].startswith("http://testserver/stop?token=s~")
    assert (found.view.value, found.cost, found.expected_effect) == (NOTE.value, 1.0, 0.02)


def test_what_was_decided_before_is_shown(tea_shop: Shop) -> None:
    [first] = proposed(tea_shop, "ann")
    decide(tea_shop, [first], yes=False)
    tea_shop.pass_days(100)
    again = Candidate(customer_id="ann", probability=0.6, target="churn")
    [second] = run_interventions(
        desk_of(tea_shop.keepwell), ASKS, [again], outside_contacts={}, clock=tea_shop.clock
    ).assigned

    [before] = opened(tea_shop, second.intervention_id).earlier

    assert (before.status, before.decided_by, before.decided_reason) == (
        "rejected",
        "Kim",
        "read it",
    )


def test_an_estimate_goes_with_its_permission(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    withdraw(tea_shop.keepwell, "ann", "risk_scoring", actor="customer", clock=tea_shop.clock)

    found = opened(tea_shop, asked)

    assert (found.estimate, found.view.probability) == (None, None)


def test_whoever_may_see_less_is_told_less(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")

    told = opened(tea_shop, asked).to_json()

    hidden = ("probability", "reason", "estimate", "history", "decided_before")
    assert [told[name] for name in hidden] == [None] * len(hidden)
    assert told["message"]["subject"] == ASKS.subject


def test_looking_without_deciding_is_not_noted(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    assert opened(tea_shop, asked, to_decide=False).looked_at is None
    assert opened(tea_shop, asked).looked_at is not None


def test_several_are_decided_only_when_each_was_opened(tea_shop: Shop) -> None:
    first, second = proposed(tea_shop, "ann", "ben")
    opened(tea_shop, first)

    with pytest.raises(InvalidInput, match=f"1 of 2 were not opened by anybody: {second}"):
        decide(tea_shop, [first, second])

    assert opened(tea_shop, first).waits


def test_one_that_cannot_be_decided_does_not_hold_up_the_others(tea_shop: Shop) -> None:
    first, second = proposed(tea_shop, "ann", "ben")
    for each in (first, second):
        opened(tea_shop, each)
    decide(tea_shop, [first])

    done = decide(tea_shop, [first, second])

    assert [each.verdict is None for each in done.each] == [True, False]
    assert "is queued" in done.each[0].problem


def test_a_pile_waved_through_is_told_as_such(tea_shop: Shop) -> None:
    asked = proposed(tea_shop, "ann", "ben", "cem")
    for each in asked:
        opened(tea_shop, each)
    tea_shop.pass_days(1 / 24)

    done = decide(tea_shop, asked)

    assert (len(done.seconds), done.quick) == (3, 2)
