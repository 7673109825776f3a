"""What the reviewers' pages rest on: where models stand, signing in person, the whole log."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from governance.audit.process_record import GapAt, MonthlyCount
from governance.errors import IntegrityBroken, InvalidInput, NotFound, PermissionRefused
from governance.intervals import Interval
from governance.log.ledger import entries, head
from governance.review.last_signed import sign_offs
from governance.review.standing import find_review, list_reviews, standing_of, standings
from serving.access.auth import Principal, authenticate, create_key
from serving.pages.pictures.gaps import gaps_picture
from serving.pages.staff.months import gap_view, gap_words, month_table
from serving.pages.staff.review import report_in_session
from serving.record.verification import check_log, read_head
from serving.rights.acts import erase
from serving.rights.complaints import add_complaint, close_complaint, show_complaint
from serving.rights.review_queue import appeal, decide, had_a_hand, request_review
from serving.signing_desk import review_in_person
from tests.serving.conftest import Shop, register_model, save_bundle


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect which reviews MLflow would be told of, in a process of its own."""
    found: list[str] = []

    def note(_: object, review: Any) -> None:
        found.append(review.review_id)

    monkeypatch.setattr("serving.signing_desk._mirror_apart", note)
    return found


def waiting(shop: Shop, *, intercept: float = 0.0) -> str:
    digest = save_bundle(shop.keepwell, intercept=intercept)
    with shop.keepwell.database.write() as conn:
        register_model(conn, shop.keepwell, digest, now=shop.clock())
    return digest


def signer(shop: Shop, owner: str) -> tuple[str, Principal]:
    secret = shop.enrolment_secret
    with shop.keepwell.database.write() as conn:
        key = create_key(
            conn, shop.keepwell.ledger, ["audit:sign"],
            owner=owner, now=shop.clock(), enrolment_secret=secret,
        ).key  # fmt: skip
        return key, authenticate(conn, key, now=shop.clock())[0]


def sign(shop: Shop, digest: str, key: str, caller: Principal, outcome: Any = "approve") -> None:
    review_in_person(
        shop.keepwell, digest,
        outcome=outcome, caller=caller, key=key, reason="read it", now=shop.clock(),
    )  # fmt: skip


def states(shop: Shop) -> dict[str, str]:
    with shop.keepwell.database.read() as conn:
        found = standings(conn, now=shop.clock())
        assert [standing_of(conn, each.record, now=shop.clock()) for each in found] == list(found)
    return {each.record.model_digest: each.state for each in found}


def test_a_model_waits_serves_makes_way_is_rejected_and_runs_out(
    shop: Shop, told: list[str]
) -> None:
    key, grace = signer(shop, "Grace")
    first = waiting(shop)
    assert states(shop) == {first: "waits"}
    sign(shop, first, key, grace)
    assert states(shop) == {first: "serves"}
    second = waiting(shop, intercept=0.5)
    sign(shop, second, key, grace)
    assert states(shop) == {first: "approved", second: "serves"}
    with shop.keepwell.database.read() as conn:
        few = standings(conn, now=shop.clock(), earlier=0)
    assert [each.record.model_digest for each in few] == [second]
    sign(shop, second, key, grace, "reject")
    assert states(shop) == {first: "serves", second: "rejected"}
    shop.pass_days(400)
    assert states(shop) == {first: "ended", second: "rejected"}
    assert len(told) == 3


def test_a_good_key_of_somebody_else_signs_nothing_and_the_attempt_is_logged(
    shop: Shop, told: list[str]
) -> None:
    digest = waiting(shop)
    _, grace = signer(shop, "Grace")
    stranger, _ = signer(shop, "Mary")
    with pytest.raises(PermissionRefused) as raised:
        sign(shop, digest, stranger, grace)
    assert raised.value.reason == "another_person"
    with shop.keepwell.database.read() as conn:
        last = entries(conn, limit=1_000)[-1]
    assert json.loads(last.body) == {"model_digest": digest, "reason": "another_person"}
    assert states(shop) == {digest: "waits"}
    assert told == []


def test_the_same_person_may_read_with_one_key_and_sign_with_another(
    shop: Shop, told: list[str]
) -> None:
    digest = waiting(shop)
    key, _ = signer(shop, "Grace")
    sign(shop, digest, key, Principal("another", "GRACE", frozenset({"admin"})))
    assert states(shop) == {digest: "serves"}


@pytest.mark.parametrize("kind", ["nothing", "no key", "reading key", "wrong secret"])
def test_what_is_no_signing_key_signs_nothing(shop: Shop, kind: str) -> None:
    digest = waiting(shop)
    key, grace = signer(shop, "Grace")
    typed = {
        "nothing": " ",
        "no key": "a name",
        "reading key": shop.key("admin"),
        "wrong secret": key[:-4] + "AAAA",
    }[kind]
    crm = Principal(grace.key_id, "crm", grace.scopes)
    with pytest.raises((InvalidInput, PermissionRefused)):
        sign(shop, digest, typed, crm if kind == "reading key" else grace)
    assert states(shop) == {digest: "waits"}


def test_reviews_are_found_newest_first_with_what_verifies_them(
    shop: Shop, told: list[str]
) -> None:
    key, grace = signer(shop, "Grace")
    digest = waiting(shop)
    sign(shop, digest, key, grace)
    sign(shop, digest, key, grace, "reject")
    with shop.keepwell.database.read() as conn:
        found = list_reviews(conn)
        checked = sign_offs(conn, found)
        assert [find_review(conn, each.review_id) for each in found] == found
        with pytest.raises(NotFound):
            find_review(conn, "none")
    assert [each.outcome for each in found] == ["reject", "approve"]
    assert all(each.fits for each in checked)
    assert "vouched for" in checked[0].enrolled


def test_the_whole_log_is_intact_until_something_it_speaks_of_is_changed(regular: Shop) -> None:
    keepwell = regular.keepwell
    regular.scorer.score(["ann"], targets=("churn",))
    assert (check_log(keepwell).outcome, check_log(keepwell).first_bad) == ("intact", None)
    with keepwell.database.write() as conn:
        conn.execute(text("update reviews set reason = 'nobody read it'"))
    found = check_log(keepwell)
    assert (found.outcome, found.first_bad) == ("broken", None)
    assert found.changed_signatures[0].startswith("review ")
    assert found.decisions is not None


def test_a_changed_entry_is_located_and_nothing_else_is_held_against_the_log(shop: Shop) -> None:
    with shop.keepwell.database.write() as conn:
        conn.execute(text("update ledger_entries set body = '{}' where seq = 1"))
    found = check_log(shop.keepwell)
    assert (found.outcome, found.first_bad, found.decisions) == ("broken", 1, None)


def test_a_log_that_was_cut_is_found_against_a_head_and_only_against_a_genuine_one(
    shop: Shop,
) -> None:
    keepwell = shop.keepwell
    with keepwell.database.read() as conn:
        kept = json.dumps(head(conn, keepwell.keys.ledger).to_json())
    assert check_log(keepwell, head=read_head(kept)).outcome == "intact"
    later = json.dumps(json.loads(kept) | {"seq": 99})
    with pytest.raises(IntegrityBroken):
        check_log(keepwell, head=read_head(later))
    for other in ("", "[]", "{}", "no json"):
        with pytest.raises(InvalidInput):
            read_head(other)


def test_a_complaint_is_shown_with_its_words_until_the_customer_is_erased(regular: Shop) -> None:
    keepwell, clock = regular.keepwell, regular.clock
    made = add_complaint(keepwell, "ann", category="contact", text="too often", clock=clock)
    close_complaint(
        keepwell, made.complaint_id,
        outcome="resolved", text="fewer from now on",
        by=Principal("k", "Mo", frozenset({"rights:manage"})), clock=clock,
    )  # fmt: skip
    found = show_complaint(keepwell, made.complaint_id)
    assert (found.customer_id, found.text, found.answer) == (
        "ann",
        "too often",
        "fewer from now on",
    )
    erase(keepwell, "ann", now=clock())
    assert show_complaint(keepwell, made.complaint_id)[1:] == (None, None, None)
    with pytest.raises(NotFound):
        show_complaint(keepwell, "none")


def test_whoever_answered_has_a_hand_in_the_appeal_and_nobody_else(regular: Shop) -> None:
    keepwell, clock = regular.keepwell, regular.clock
    made = request_review(keepwell, "ann", reason="not me", clock=clock)
    assert not had_a_hand(keepwell, made.request_id, "Mo")
    decide(
        keepwell, made.request_id,
        outcome="upheld", reason="it is",
        decider=Principal("k", "Mo", frozenset({"rights:manage"})), clock=clock,
    )  # fmt: skip
    again = appeal(keepwell, made.request_id, reason="still not", clock=clock)
    assert had_a_hand(keepwell, again.request_id, "mo")
    assert not had_a_hand(keepwell, again.request_id, "Ada")


def test_months_stand_side_by_side_and_what_is_hidden_stays_so() -> None:
    table = month_table(
        "refusals",
        [
            MonthlyCount("2026-04", "no record", 7),
            MonthlyCount("2026-05", "no record", None),
            MonthlyCount("2026-05", "expired", 9),
        ],
    )
    assert table.months == ("2026-05", "2026-04")
    assert table.rows == (("expired", (9, 0)), ("no record", (None, 7)))


def gap(digest: str, group: str, measure: str, value: float, verdict: str = "pass") -> GapAt:
    at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(days=int(digest))
    between = Interval(value, value - 0.02, value + 0.02)
    return GapAt(digest, at, "age_band", group, measure, between, verdict)


def test_one_comparison_is_looked_at_over_all_audits() -> None:
    found = [
        gap("0", "65+", "tpr", 0.02),
        gap("0", "65+", "calibration", 0.01),
        gap("9", "65+", "calibration", 0.09, "fail"),
        gap("9", "18-34", "calibration", -0.01),
    ]
    view = gap_view(found, attribute="", measure="")
    assert (view.attribute, view.measure) == ("age_band", "calibration")
    assert view.audits == ("2026-05-01", "2026-05-10")
    assert [(p.audit, p.gap.label, p.gap.value) for p in view.points] == [
        (0, "65+", 1.0),
        (1, "65+", 9.0),
        (1, "18-34", -1.0),
    ]
    assert "1 lies wholly beyond the limit of 5 points" in gap_words(view, 0.05)
    assert gap_view(found, attribute="age_band", measure="tpr").audits == ("2026-05-01",)
    assert gap_view([], attribute="", measure="").points == ()


def test_the_picture_of_gaps_follows_light_and_dark_and_names_groups() -> None:
    view = gap_view([gap("0", "65+", "tpr", 0.02)], attribute="", measure="")
    drawn = gaps_picture(view.audits, view.points, limit=0.1).decode()
    assert "prefers-color-scheme:dark" in drawn
    assert ">65+<" in drawn


def test_a_mark_is_hollow_where_there_could_be_no_difference() -> None:
    alike, apart = (
        gap_view([gap("0", "65+", "tpr", value)], attribute="", measure="") for value in (0.0, 0.2)
    )
    hollow = "fill: var(--card)"
    assert hollow in gaps_picture(alike.audits, alike.points, limit=0.1).decode()
    assert hollow not in gaps_picture(apart.audits, apart.points, limit=0.1).decode()


def test_without_an_audit_there_is_an_empty_picture() -> None:
    assert gaps_picture((), (), limit=0.1).startswith(b"<svg")


def test_a_report_in_a_session_takes_its_style_from_an_address_and_leads_back() -> None:
    html = "<style>\nmain{}\n</style></head><body><main>\n<h1>Churn</h1>"
    shown = report_in_session(html, here="/staff/review/models/ab")
    assert "<style>" not in shown
    assert '<link rel="stylesheet" href="/staff/review/models/ab/report.css">' in shown
    assert shown.index('href="/staff/review/models/ab"') < shown.index("<h1>")
