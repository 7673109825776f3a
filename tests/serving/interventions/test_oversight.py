"""A person's yes or no, and a sender's last question."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from governance.errors import InvalidInput, NotFound
from serving.interventions.deciding.attention import Oversight, note_look, oversight
from serving.interventions.deciding.oversight import (
    AS_PROPOSED,
    Change,
    Verdict,
    approve,
    confirm,
    reject,
)
from serving.interventions.deciding.views import (
    find_intervention,
    interventions_of,
    list_interventions,
)
from serving.interventions.policy.policy import Candidate
from tests.serving.interventions.conftest import NOON, NOTE, Company

CALL = replace(NOTE, name="goodwill_call", needs_person=True)


def proposed(company: Company, *customers: str) -> list[str]:
    company.agrees(*customers)
    run = company.runs(*customers, playbook=CALL)
    return [each.intervention_id for each in run.assigned]


def says_yes(company: Company, intervention_id: str, *, change: Change = AS_PROPOSED) -> Verdict:
    return approve(
        company.desk,
        intervention_id,
        approver="Kim",
        reason="sensible",
        now=company.now,
        change=change,
    )


def looks_at(company: Company, intervention_id: str) -> None:
    with company.desk.database.write() as conn:
        note_look(conn, intervention_id, now=company.now)


def decided(company: Company) -> Oversight:
    with company.desk.database.read() as conn:
        return oversight(conn, now=company.now)


def test_nothing_significant_leaves_without_a_person(company: Company) -> None:
    (asked,) = proposed(company, "ana")

    assert company.status("ana")[0] == "proposed"
    assert company.claims() is None
    assert says_yes(company, asked).allowed
    assert company.sends() == "delivered"


def test_a_yes_after_a_withdrawal_is_no_yes(company: Company) -> None:
    (asked,) = proposed(company, "ana")
    company.passes(minutes=1)
    company.silently_withdraws("ana")

    verdict = says_yes(company, asked)

    assert (verdict.allowed, verdict.status) == (False, "cancelled")
    assert verdict.reason == "outreach.email: withdrawn"
    assert company.messages() == {}


def test_a_withdrawal_cancels_what_waits_for_a_person(company: Company) -> None:
    proposed(company, "ana")
    company.withdraws("ana")

    assert company.status("ana")[0] == "cancelled"


def test_a_yes_or_no_needs_a_reason_and_a_no_sends_nothing(small_company: Company) -> None:
    (asked,) = proposed(small_company, "ana")
    for act in (approve, reject):
        with pytest.raises(InvalidInput, match="no reason"):
            act(small_company.desk, asked, approver="Kim", reason=" ", now=small_company.now)

    reject(small_company.desk, asked, approver="Kim", reason="just called", now=small_company.now)

    assert small_company.status("ana")[0] == "rejected"
    assert small_company.messages() == {}


def test_what_was_decided_cannot_be_decided_again(small_company: Company) -> None:
    (asked,) = proposed(small_company, "ana")
    says_yes(small_company, asked)

    with pytest.raises(InvalidInput, match="is queued"):
        says_yes(small_company, asked)


def test_an_unknown_intervention_is_not_found(small_company: Company) -> None:
    with pytest.raises(NotFound):
        says_yes(small_company, "nope")


def test_a_sender_is_told_yes_until_permission_goes(company: Company) -> None:
    company.agrees("ana")
    (each,) = company.runs("ana").assigned
    company.sends()

    before = confirm(company.desk, each.intervention_id, now=company.now)
    company.passes(minutes=1)
    company.silently_withdraws("ana", "risk_scoring")
    after = confirm(company.desk, each.intervention_id, now=company.now)

    assert (before.allowed, before.reason) == (True, "")
    assert (after.allowed, after.reason) == (False, "risk_scoring: withdrawn")


def test_a_sender_is_told_no_when_the_clearance_ran_out(small_company: Company) -> None:
    small_company.agrees("ana")
    (each,) = small_company.runs("ana").assigned
    small_company.sends()
    small_company.passes(hours=72)

    verdict = confirm(small_company.desk, each.intervention_id, now=small_company.now)

    assert (verdict.allowed, verdict.reason) == (False, "clearance_expired")


def test_a_sender_is_told_to_wait_for_the_end_of_the_quiet_hours(small_company: Company) -> None:
    small_company.agrees("ana")
    (each,) = small_company.runs("ana").assigned
    small_company.sends()
    small_company.passes(hours=9)

    verdict = confirm(small_company.desk, each.intervention_id, now=small_company.now)

    assert (verdict.allowed, verdict.reason) == (False, "quiet_hours")
    assert verdict.not_before == NOON + timedelta(hours=20)
    assert verdict.to_json()["reason"] == "quiet_hours"
    small_company.passes(hours=11)
    assert confirm(small_company.desk, each.intervention_id, now=small_company.now).allowed


def test_quiet_hours_tell_nothing_of_someone_who_withdrew(small_company: Company) -> None:
    small_company.agrees("ana")
    (each,) = small_company.runs("ana").assigned
    small_company.sends()
    small_company.passes(hours=9)
    small_company.silently_withdraws("ana")

    verdict = confirm(small_company.desk, each.intervention_id, now=small_company.now)

    assert (verdict.reason, verdict.not_before) == ("outreach.email: withdrawn", None)


def test_the_held_out_are_never_confirmed(small_company: Company) -> None:
    small_company.agrees("ana")
    (each,) = small_company.runs("ana", playbook=replace(NOTE, holdout_share=1.0)).assigned

    assert not confirm(small_company.desk, each.intervention_id, now=small_company.now).allowed


def test_the_list_pages_from_the_newest(company: Company) -> None:
    company.agrees("ana", "ben", "cem")
    for customer in ("ana", "ben", "cem"):
        company.runs(customer)
        company.passes(minutes=1)
    with company.desk.database.read() as conn:
        first = list_interventions(conn, limit=2)
        rest = list_interventions(conn, limit=2, after=first[-1].intervention_id)

    assert [each.customer_id for each in first + rest] == ["cem", "ben", "ana"]
    assert first[0].to_json()["status"] == "queued"


def test_the_list_can_show_one_status_or_one_customer(small_company: Company) -> None:
    proposed(small_company, "ana")
    small_company.agrees("ben")
    small_company.runs("ben")
    with small_company.desk.database.read() as conn:
        waiting = list_interventions(conn, status="proposed")
        bens = interventions_of(conn, "ben")

    assert [each.customer_id for each in waiting] == ["ana"]
    assert [each.status for each in bens] == ["queued"]


def test_overrides_count_noes_and_changes(small_company: Company) -> None:
    first, second, third, _ = proposed(small_company, "ana", "ben", "cem", "dia")
    small_company.passes(minutes=10)
    says_yes(small_company, first)
    reject(small_company.desk, second, approver="Kim", reason="no", now=small_company.now)
    says_yes(small_company, third, change=Change(subject="How are you?"))

    found = decided(small_company)

    assert (found.waiting, found.approved, found.changed, found.rejected) == (1, 1, 1, 1)
    assert found.override_rate is not None
    assert found.override_rate.value == pytest.approx(2 / 3)
    assert found.median_minutes == pytest.approx(10)


def test_a_rubber_stamp_shows_however_early_all_were_opened(small_company: Company) -> None:
    asked = proposed(small_company, "ana", "ben", "cem")
    for each in asked:
        looks_at(small_company, each)
    small_company.passes(minutes=5)
    for each in asked:
        says_yes(small_company, each)
        small_company.passes(seconds=2)

    found = decided(small_company)

    assert found.quick_rate is not None
    assert found.quick_rate.value == pytest.approx(2 / 3)
    assert (found.timed, found.median_seconds) == (3, 2.0)


def test_what_nobody_opened_counts_as_decided_in_no_time(small_company: Company) -> None:
    (asked,) = proposed(small_company, "ana")
    small_company.passes(hours=1)
    says_yes(small_company, asked)

    assert decided(small_company).median_seconds == 0


def test_changed_words_are_sent_and_those_before_are_kept(company: Company) -> None:
    (asked,) = proposed(company, "ana")
    says_yes(company, asked, change=Change(body="Your tea was late. We are sorry."))

    sent = json.loads(company.must_claim().message.body)["data"]["message"]
    with company.desk.database.read() as conn:
        row = find_intervention(conn, asked)

    assert sent == {"subject": CALL.subject, "body": "Your tea was late. We are sorry."}
    assert json.loads(row.message_before)["body"] == CALL.body


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (Change(subject=" "), "subject is empty"),
        (Change(body="x" * 5_001), "at most 5,000"),
        (Change(subject="Hello\nBcc: all@tea.example"), "line break"),
        (Change(body="see \u202etxt.exe"), "control character"),
    ],
)
def test_changed_words_are_checked_before_anything_is_decided(
    small_company: Company, change: Change, problem: str
) -> None:
    (asked,) = proposed(small_company, "ana")

    with pytest.raises(InvalidInput, match=problem):
        says_yes(small_company, asked, change=change)

    assert small_company.status("ana")[0] == "proposed"


def test_the_words_of_a_duty_cannot_be_changed(small_company: Company) -> None:
    duty = replace(NOTE, name="outage", kind="service", target=None, needs_person=True)
    run = small_company.runs_for([Candidate(customer_id="ana")], playbook=duty)

    with pytest.raises(InvalidInput, match="are fixed"):
        says_yes(small_company, run.assigned[0].intervention_id, change=Change(body="Buy more"))


def test_what_the_customer_gets_from_it_is_kept_with_the_contact(small_company: Company) -> None:
    small_company.agrees("ana")
    worth = replace(CALL, action="support_call", value="Somebody listens.")
    (each,) = small_company.runs("ana", playbook=worth).assigned

    with small_company.desk.database.read() as conn:
        row = find_intervention(conn, each.intervention_id)

    assert (row.action, row.value) == ("support_call", "Somebody listens.")


def test_why_permission_went_is_for_those_who_may_know_it(small_company: Company) -> None:
    small_company.agrees("ana")
    (each,) = small_company.runs("ana").assigned
    small_company.silently_withdraws("ana")
    verdict = confirm(small_company.desk, each.intervention_id, now=small_company.now)

    assert verdict.to_json()["reason"] is None
    assert verdict.to_json(may_see_refusals=True)["reason"] == "outreach.email: withdrawn"


def test_changed_words_lead_to_no_pages_but_the_companys_own(small_company: Company) -> None:
    (asked,) = proposed(small_company, "ana")

    with pytest.raises(InvalidInput, match=r"lead to evil\.example"):
        says_yes(small_company, asked, change=Change(body="See https://evil.example/pay"))

    says_yes(small_company, asked, change=Change(body="See https://privacy.tea.example/help"))
    assert small_company.status("ana")[0] == "queued"
