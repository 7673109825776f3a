"""Permission is judged at the wall clock by every way to a score, whatever day is asked about."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from governance.consent.record import ConsentChange
from serving.permission.consents import change_consent, describe_subject, withdraw
from serving.permission.notices import publish
from tests.serving.conftest import Shop


def verdict(shop: Shop, *, days_ago: float | None = None) -> str:
    """Score Ann, alone and by what-if, and give what both say: "scored", or why not."""
    as_of = None if days_ago is None else shop.clock() - timedelta(days=days_ago)
    [single] = shop.scorer.score(
        ["ann"], targets=["churn"], as_of=as_of, may_see_refusals=True
    ).results
    asked = shop.scorer.what_if("ann", {}, target="churn", as_of=as_of, may_see_refusals=True)
    alone = "scored" if single.status == "scored" else str(single.reason)
    supposed = "scored" if asked.status == "answered" else str(asked.reason)
    assert alone == supposed
    return alone


def agree(shop: Shop, **fields: Any) -> None:
    stated: dict[str, Any] = {
        "customer_id": "ann",
        "purpose": "risk_scoring",
        "state": "given",
        "mechanism": "button",
        "evidence": "form 2",
    }
    change_consent(shop.keepwell, ConsentChange(**stated | fields), clock=shop.clock)


def test_a_day_when_it_was_allowed_helps_nobody_after_a_withdrawal(regular: Shop) -> None:
    regular.pass_days(10)
    assert verdict(regular, days_ago=5) == "scored"
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    assert verdict(regular, days_ago=5) == "withdrawn"
    assert verdict(regular) == "withdrawn"


def test_a_day_before_it_was_allowed_is_answered_by_what_was_known_then(regular: Shop) -> None:
    """Nothing was, for the orders came in today; but nobody is refused for what came later."""
    assert verdict(regular, days_ago=20) == "no_history"


def test_a_permission_ends_by_itself_at_its_instant(regular: Shop) -> None:
    ends = regular.clock() + timedelta(days=3)
    agree(regular, expires_at=ends)
    regular.clock.now = ends - timedelta(seconds=1)
    assert verdict(regular) == "scored"
    regular.clock.now = ends - timedelta(milliseconds=1)  # looking at the clock takes one
    assert verdict(regular) == "expired"
    assert verdict(regular, days_ago=2) == "expired"


def test_changed_words_stop_scores_until_they_are_agreed_to(regular: Shop) -> None:
    publish(
        regular.keepwell,
        notice_id="scoring",
        version=1,
        content="We look at your orders.",
        purposes=["risk_scoring"],
        material=True,
        locale="en",
        valid_for_days=None,
        clock=regular.clock,
    )
    assert verdict(regular) == "notice_changed"
    agree(regular, state="renewed", notice_id="scoring", notice_version=1)
    assert verdict(regular) == "scored"


@pytest.mark.parametrize(
    ("subject", "reason"), [({"relation": "employee"}, "employee"), ({"years": 5}, "minor")]
)
def test_staff_and_minors_are_not_scored(
    regular: Shop, subject: dict[str, Any], reason: str
) -> None:
    grown = regular.clock() + timedelta(days=365 * subject.get("years", 0))
    describe_subject(
        regular.keepwell,
        "ann",
        adult_from=grown if "years" in subject else None,
        relation=subject.get("relation"),
        clock=regular.clock,
    )
    assert verdict(regular) == reason


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE consent_events SET state = 'perhaps'", "malformed"),
        ("UPDATE consent_events SET evidence = ''", "malformed"),
        ("DELETE FROM consent_events", "no_record"),
    ],
)
def test_a_record_that_cannot_be_believed_scores_nobody(
    regular: Shop, damage: str, reason: str
) -> None:
    with regular.keepwell.database.write() as conn:
        conn.execute(text(damage))
    assert verdict(regular) == reason
