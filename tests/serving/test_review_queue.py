"""A contested decision waits for a person who had no hand in it; what rests on it waits with it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from governance.errors import InvalidInput, NotFound, PermissionRefused
from governance.log.ledger import entries
from serving.access.auth import Principal, ScopeMissing
from serving.bootstrap import open_home
from serving.interventions.choosing.run import run_interventions
from serving.interventions.deciding.oversight import approve, confirm
from serving.interventions.delivery.desk import desk_of
from serving.interventions.delivery.leases import Claim, Dropped
from serving.interventions.delivery.webhook import Delivery
from serving.interventions.policy.policy import Candidate
from serving.interventions.tables import interventions
from serving.links import merge_customers
from serving.permission.consents import withdraw
from serving.record.review_requests import ReviewRequest, contests_of, list_requests, show_request
from serving.rights.acts import erase, export, settle
from serving.rights.review_queue import appeal, decide, request_review, withdraw_request
from tests.serving.conftest import Shop
from tests.serving.interventions.conftest import NOTE
from tests.serving.unlocked import unlock_home


@dataclass
class Case:
    """Ann was scored and a contact that rests on the score waits to be sent."""

    shop: Shop
    decision_id: str

    def contests(self, reason: str = "this is not me", *, named: bool = True) -> ReviewRequest:
        return request_review(
            self.shop.keepwell,
            "ann",
            reason=reason,
            decision_id=self.decision_id if named else None,
            clock=self.shop.clock,
        )

    def decides(self, request: ReviewRequest, outcome: str, who: str = "Mo") -> ReviewRequest:
        return decide(
            self.shop.keepwell,
            request.request_id,
            outcome=outcome,
            reason="looked at every order",
            decider=manager(who),
            clock=self.shop.clock,
        )

    def appeals(self, request: ReviewRequest) -> ReviewRequest:
        return appeal(
            self.shop.keepwell, request.request_id, reason="still not me", clock=self.shop.clock
        )

    def runs(self, mode: str = "act") -> str:
        unlock_home(self.shop.keepwell)
        desk = desk_of(self.shop.keepwell, mode=mode)  # type: ignore[arg-type]
        chosen = Candidate(
            customer_id="ann", probability=0.6, target="churn", score_decision_id=self.decision_id
        )
        done = run_interventions(desk, NOTE, [chosen], outside_contacts={}, clock=self.shop.clock)
        return done.assigned[0].intervention_id if done.assigned else str(dict(done.refused))

    def status(self) -> tuple[str, str]:
        with self.shop.keepwell.database.read() as conn:
            row = conn.execute(select(interventions.c.status, interventions.c.reason)).one()
        return row.status, row.reason

    def claims(self) -> object:
        leases = desk_of(self.shop.keepwell).leases
        with self.shop.keepwell.database.write() as conn:
            return leases.claim(conn, now=self.shop.clock())


def manager(owner: str, *scopes: str) -> Principal:
    return Principal(f"key-{owner}".lower()[:16], owner, frozenset(scopes or ["rights:manage"]))


def case_of(regular: Shop) -> Case:
    regular.permit("ann", "outreach.email")
    score = regular.scorer.score(["ann"], targets=["churn"]).results[0]
    return Case(regular, score.decision_id)


@pytest.fixture
def case(regular: Shop) -> Case:
    return case_of(regular)


def test_a_contested_contact_is_not_sent(case: Case) -> None:
    case.runs()
    case.contests()
    assert case.claims() is None
    assert case.status() == ("contested", "contested")


def test_an_upheld_decision_lets_the_contact_go_on(case: Case) -> None:
    case.runs()
    case.decides(case.contests(), "upheld")
    assert case.status() == ("queued", "")
    assert isinstance(case.claims(), Claim)


def test_an_overturned_decision_stops_the_contact_for_good(case: Case) -> None:
    case.runs()
    case.decides(case.contests(), "overturned")
    assert case.status() == ("cancelled", "overturned")
    assert case.claims() is None


def test_a_proposal_waits_for_its_person_again_after_the_decision_was_upheld(case: Case) -> None:
    case.runs("advise")
    case.decides(case.contests(), "upheld")
    assert case.status() == ("proposed", "")


def test_a_sender_who_asks_is_told_no_while_the_decision_is_contested(case: Case) -> None:
    each = case.runs()
    case.contests()
    verdict = confirm(desk_of(case.shop.keepwell), each, now=case.shop.clock())
    assert (verdict.allowed, verdict.reason) == (False, "contested")


def test_a_leased_message_is_held_too(case: Case) -> None:
    case.runs()
    claim = case.claims()
    assert isinstance(claim, Claim)
    case.contests()
    leases = desk_of(case.shop.keepwell).leases
    with case.shop.keepwell.database.write() as conn:
        assert leases.put_on_wire(conn, claim, now=case.shop.clock()) is None


def sent_by_a_receiver(case: Case) -> str:
    each = case.runs()
    claim = case.claims()
    assert isinstance(claim, Claim)
    leases, now = desk_of(case.shop.keepwell).leases, case.shop.clock()
    with case.shop.keepwell.database.write() as conn:
        leases.put_on_wire(conn, claim, now=now)
        leases.finish(conn, claim, Delivery("delivered", 204), now=now, rng=Random(1))
    return each


def test_what_was_sent_stays_sent_and_its_sender_is_told_no(case: Case) -> None:
    each = sent_by_a_receiver(case)
    case.contests()
    assert case.status() == ("sent", "contested")
    verdict = confirm(desk_of(case.shop.keepwell), each, now=case.shop.clock())
    assert (verdict.allowed, verdict.reason) == (False, "contested")


def test_what_was_sent_is_as_before_once_the_decision_was_upheld(case: Case) -> None:
    sent_by_a_receiver(case)
    case.decides(case.contests(), "upheld")
    assert case.status() == ("sent", "")


def test_what_was_sent_is_cancelled_once_the_decision_was_overturned(case: Case) -> None:
    sent_by_a_receiver(case)
    case.decides(case.contests(), "overturned")
    assert case.status() == ("cancelled", "overturned")


def test_contesting_without_naming_a_decision_holds_what_rests_on_any_score(case: Case) -> None:
    case.runs()
    case.contests(named=False)
    assert case.status() == ("contested", "contested")


def test_no_new_contact_rests_on_a_contested_or_overturned_decision(case: Case) -> None:
    request = case.contests()
    assert case.runs() == "{'contested': 1}"
    case.decides(request, "overturned")
    assert case.runs() == "{'contested': 1}"


def test_a_withdrawal_cancels_a_contested_contact(case: Case) -> None:
    case.runs()
    case.contests()
    withdraw(case.shop.keepwell, "ann", "outreach.email", actor="customer", clock=case.shop.clock)
    assert case.status() == ("cancelled", "outreach.email: withdrawn")


def test_a_contact_whose_time_ran_out_meanwhile_is_not_sent(case: Case) -> None:
    case.runs()
    request = case.contests()
    case.shop.pass_days(30)
    case.decides(request, "upheld")
    assert isinstance(case.claims(), Dropped)
    assert case.status() == ("expired", "clearance_expired")


def test_whoever_approved_the_contact_cannot_decide(case: Case) -> None:
    each = case.runs("advise")
    desk = desk_of(case.shop.keepwell)
    approve(desk, each, approver="Mo", reason="it helps", now=case.shop.clock())
    request = case.contests()
    with pytest.raises(PermissionRefused, match="approved the contact"):
        case.decides(request, "upheld", "mo")
    assert case.decides(request, "upheld", "Kim").decided_by == "Kim"


def test_an_appeal_is_decided_by_someone_else(case: Case) -> None:
    second = case.appeals(case.decides(case.contests(), "upheld", "Mo"))
    with pytest.raises(PermissionRefused, match="decided on this case before"):
        case.decides(second, "overturned", "Mo")
    assert case.decides(second, "overturned", "Kim").status == "overturned"


def test_asking_anew_about_the_same_decision_is_no_way_around_that(case: Case) -> None:
    case.decides(case.contests(), "upheld", "Mo")
    again = case.contests()
    with pytest.raises(PermissionRefused, match="decided on this case before"):
        case.decides(again, "upheld", "Mo")


def test_an_appeal_needs_what_the_customer_says(case: Case) -> None:
    upheld = case.decides(case.contests(), "upheld", "Mo")
    with pytest.raises(InvalidInput, match="what the customer says"):
        appeal(case.shop.keepwell, upheld.request_id, reason=" ", clock=case.shop.clock)


def test_only_an_upheld_decision_can_be_appealed_and_once(case: Case) -> None:
    first = case.contests()
    with pytest.raises(InvalidInput, match="only a decision that was upheld"):
        case.appeals(first)
    case.decides(first, "upheld")
    case.appeals(first)
    with pytest.raises(InvalidInput, match="an appeal already"):
        case.appeals(first)


def test_a_key_without_the_scope_cannot_decide(case: Case) -> None:
    request = case.contests()
    with pytest.raises(ScopeMissing):
        decide(
            case.shop.keepwell,
            request.request_id,
            outcome="upheld",
            reason="because",
            decider=manager("Mo", "score:read"),
            clock=case.shop.clock,
        )


def test_a_request_is_decided_once(case: Case) -> None:
    request = case.contests()
    case.decides(request, "upheld")
    with pytest.raises(InvalidInput, match="is upheld, only an open one"):
        case.decides(request, "overturned")


def test_a_request_taken_back_lets_everything_go_on(case: Case) -> None:
    case.runs()
    request = case.contests()
    ended = withdraw_request(case.shop.keepwell, request.request_id, clock=case.shop.clock)
    assert ended.status == "withdrawn"
    assert case.status() == ("queued", "")


def test_a_decision_about_someone_else_cannot_be_contested(case: Case) -> None:
    case.shop.order("bob", 10)
    with pytest.raises(NotFound, match="no such decision about this customer"):
        request_review(
            case.shop.keepwell,
            "bob",
            reason="not me",
            decision_id=case.decision_id,
            clock=case.shop.clock,
        )


def test_the_words_are_shown_to_whoever_decides_and_nowhere_in_the_log(case: Case) -> None:
    request = case.contests("my very own words")
    case.decides(request, "upheld")
    shown = show_request(case.shop.keepwell, request.request_id)
    assert (shown.reason, shown.answer) == ("my very own words", "looked at every order")
    with case.shop.keepwell.database.read() as conn:
        assert "my very own words" not in str(entries(conn, limit=1_000))


def test_erasure_takes_the_words_and_closes_the_request(case: Case) -> None:
    request = case.contests()
    erase(case.shop.keepwell, "ann", now=case.shop.clock())
    shown = show_request(case.shop.keepwell, request.request_id)
    assert (shown.customer_id, shown.reason, shown.request.status) == (None, None, "withdrawn")
    with pytest.raises(NotFound, match="was erased"):
        case.decides(request, "upheld")


def test_a_request_is_overdue_after_the_days_of_the_settings(case: Case) -> None:
    request = case.contests()
    assert not request.overdue(case.shop.clock())
    case.shop.pass_days(30)
    assert request.overdue(case.shop.clock())


def test_the_decision_says_that_it_is_contested(case: Case) -> None:
    request = case.contests()
    case.decides(request, "overturned")
    with case.shop.keepwell.database.read() as conn:
        assert [each.status for each in list_requests(conn)] == ["overturned"]
        assert [each.status for each in contests_of(conn, case.decision_id)] == ["overturned"]


def test_an_export_holds_the_request_and_what_was_said(case: Case) -> None:
    case.contests("my own words")
    found = export(case.shop.keepwell, "ann", now=case.shop.clock())
    assert [each["status"] for each in found["review_requests"]] == ["open"]
    said = [each for each in found["events"] if each["kind"] == "rights_review_requested"]
    assert said[0]["properties"]["reason"] == "my own words"


@pytest.mark.parametrize(
    ("outcome", "status", "contact"),
    [
        (None, "open", "contested"),
        ("overturned", "overturned", "cancelled"),
        ("upheld", "open", "contested"),  # a journal only ever denies: someone looks once more
    ],
)
def test_a_restore_revives_nothing_that_was_contested_since(
    case: Case, tmp_path: Path, outcome: str | None, status: str, contact: str
) -> None:
    case.runs()
    keepwell, home = case.shop.keepwell, case.shop.keepwell.home
    keepwell.close()
    shutil.copyfile(home.database_file, tmp_path / "backup.db")
    request = case.contests()
    if outcome is not None:
        case.decides(request, outcome)
    keepwell.close()
    for file in home.var.glob("keepwell.db*"):
        file.unlink()
    shutil.copyfile(tmp_path / "backup.db", home.database_file)

    restored = Case(Shop(open_home(home.root), case.shop.clock), case.decision_id)
    settle(restored.shop.keepwell, now=case.shop.clock())
    assert restored.status()[0] == contact
    with restored.shop.keepwell.database.read() as conn:
        [found] = list_requests(conn)
    assert (found.request_id, found.status) == (request.request_id, status)
    restored.shop.keepwell.close()


def test_contesting_by_a_merged_id_holds_what_waits_under_the_other(case: Case) -> None:
    case.shop.order("ann@work", 7)
    merge_customers(case.shop.keepwell, "ann", "ann@work", clock=case.shop.clock)
    case.runs()
    request = request_review(
        case.shop.keepwell,
        "ann@work",
        reason="not me",
        decision_id=case.decision_id,
        clock=case.shop.clock,
    )
    assert case.status() == ("contested", "contested")
    case.decides(request, "overturned")
    assert case.status() == ("cancelled", "overturned")
