"""Signing: who may let a model serve, and what undoes it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from governance.errors import GateRefused, InvalidInput, NotFound, PermissionRefused
from governance.log.ledger import Ledger, entries
from governance.model.gate import GateVerdict
from governance.review.candidates import check_models
from governance.review.reviews import (
    Candidate,
    Review,
    approval,
    champion,
    check_reviews,
    enrol,
    find_model,
    list_models,
    reviews_of,
    revoke,
    self_sign,
    sign,
    signature_fits,
    signing_key_from_secret,
    submit,
)
from governance.signing.keys import create_enrolment_key, find_key, is_vouched, public_text
from serving.database import Database
from tests.governance.sample import NOW, facts

HOME_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
LEDGER = Ledger(HOME_KEY)
SECRET = "a secret of thirty-two characters"
DIGEST = "ab" * 32
DAY = timedelta(days=1)
GATES = {
    "approved": GateVerdict("approved", ()),
    "refused": GateVerdict("refused", ("a gap in group b",)),
    "insufficient_evidence": GateVerdict("insufficient_evidence", ("12 people",)),
}


def put(conn: Connection, gate: str = "approved", **changed: Any) -> str:
    made = facts(**changed)
    submit(conn, LEDGER, Candidate(made, "bundles/x", GATES[gate], submitted_by="ada"), now=NOW)
    return made.model_digest


def enrolled(
    conn: Connection,
    owner: str = "Grace",
    key_id: str = "k1",
    *,
    enrolment_secret: str | None = None,
    vouched: bool = True,
    expires_at: datetime | None = None,
) -> None:
    if vouched and enrolment_secret is None:
        enrolment_secret = create_enrolment_key(conn, LEDGER, now=NOW)
    public_key = public_text(signing_key_from_secret(SECRET).public_key())
    enrol(
        conn, LEDGER, key_id, owner, public_key,
        now=NOW, enrolled_by="ada", enrolment_secret=enrolment_secret, expires_at=expires_at,
    )  # fmt: skip


def review(conn: Connection, **changed: Any) -> Review:
    stated: dict[str, Any] = {
        "secret": SECRET,
        "key_id": "k1",
        "home_kind": "production",
        "outcome": "approve",
        "reason": "read it",
        "now": NOW,
    }
    return sign(conn, LEDGER, DIGEST, **stated | changed)


def test_nothing_serves_without_a_signature(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        assert approval(conn, DIGEST, now=NOW) is None
        assert champion(conn, "churn", now=NOW) is None


def test_an_approval_by_someone_else_lets_the_model_serve(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn)
        found = champion(conn, "churn", now=NOW)
        status = find_model(conn, "churn").status
    assert found is not None
    assert (found.model_digest, found.reviewer, found.self_signed) == (DIGEST, "Grace", False)
    assert status == "approved"
    found.require(DIGEST, now=NOW)
    with pytest.raises(PermissionRefused):
        found.require("other", now=NOW)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"key_id": "nobody"}, "unknown_key"),
        ({"secret": "another secret, long enough"}, "unknown_key"),
    ],
)
def test_a_key_that_is_not_enrolled_signs_nothing(
    database: Database, changed: dict[str, Any], reason: str
) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        with pytest.raises(PermissionRefused) as raised:
            review(conn, **changed)
    assert raised.value.reason == reason


def test_the_author_does_not_sign_their_own_model(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn, owner=" ada ")
        with pytest.raises(PermissionRefused, match="author"):
            review(conn)


def test_a_name_nobody_vouches_for_signs_nothing_in_production(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn, "Grace", vouched=False)
        with pytest.raises(PermissionRefused) as raised:
            review(conn)
        assert champion(conn, "churn", now=NOW) is None
    assert raised.value.reason == "not_vouched"


def test_a_model_of_another_kind_of_home_is_not_approved_here(database: Database) -> None:
    with database.write() as conn:
        put(conn, home_kind="demo")
        enrolled(conn, vouched=False)
        with pytest.raises(PermissionRefused) as raised:
            review(conn)
    assert raised.value.reason == "another_home"


def test_a_key_past_its_end_signs_no_more_and_what_it_signed_stays(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn, expires_at=NOW + DAY)
        review(conn)
        with pytest.raises(PermissionRefused) as raised:
            review(conn, now=NOW + DAY)
        assert champion(conn, "churn", now=NOW + 2 * DAY) is not None
    assert raised.value.reason == "unknown_key"


def test_stating_another_author_does_not_free_the_one_who_trained_it(database: Database) -> None:
    with database.write() as conn:
        put(conn, author="Somebody Else")
        enrolled(conn, "Ada")
        with pytest.raises(PermissionRefused, match="author"):
            review(conn)


def test_the_holder_of_the_enrolment_key_vouches_for_a_reviewer(database: Database) -> None:
    with database.write() as conn:
        secret = create_enrolment_key(conn, LEDGER, now=NOW)
        put(conn)
        enrolled(conn, "Grace", enrolment_secret=secret)
        review(conn)
        assert champion(conn, "churn", now=NOW) is not None


def test_the_enrolment_key_is_made_once_and_no_other_vouches(database: Database) -> None:
    with database.write() as conn:
        assert create_enrolment_key(conn, LEDGER, now=NOW) is not None
        assert create_enrolment_key(conn, LEDGER, now=NOW) is None
        with pytest.raises(PermissionRefused, match="enrolment key"):
            enrolled(conn, enrolment_secret="kwe_a guess that is long enough")


@pytest.mark.parametrize("column", ["owner", "enrolled_by", "public_key"])
def test_a_voucher_is_for_the_key_as_it_was_enrolled(database: Database, column: str) -> None:
    with database.write() as conn:
        secret = create_enrolment_key(conn, LEDGER, now=NOW)
        enrolled(conn, "Grace", enrolment_secret=secret)
        conn.execute(text(f"UPDATE signing_keys SET {column} = 'x' WHERE key_id = 'k1'"))
        changed = find_key(conn, "k1")
        assert changed is not None
        assert not is_vouched(conn, changed)


def test_conditions_and_expiry_are_part_of_what_is_signed(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn, conditions=["look again in March"], valid_for=30 * DAY)
        [found] = reviews_of(conn, DIGEST)
        key = find_key(conn, "k1")
    assert found.conditions == ("look again in March",)
    assert found.expires_at == NOW + 30 * DAY
    assert key is not None
    assert signature_fits(found, key.public_key)
    assert not signature_fits(found._replace(conditions=()), key.public_key)
    assert not signature_fits(found._replace(expires_at=NOW + 31 * DAY), key.public_key)


@pytest.mark.parametrize(
    "changed",
    [
        {"conditions": [" "]},
        {"conditions": ["x"], "outcome": "reject"},
        {"valid_for": timedelta(0)},
        {"valid_for": 731 * DAY},
    ],
)
def test_a_review_that_is_not_sound_is_refused(database: Database, changed: dict[str, Any]) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        with pytest.raises(InvalidInput):
            review(conn, **changed)


def test_what_was_signed_stays_when_the_same_bytes_come_again(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn)
        put(conn, "refused", rows=1)
        found = find_model(conn, DIGEST)
    assert (found.status, found.verdict.outcome) == ("approved", "approved")


def test_an_untouched_register_of_keys_and_reviews_fits_the_log(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn)
        assert check_reviews(conn) == ()
        assert check_models(conn) == ()


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("UPDATE signing_keys SET owner = 'Eve' WHERE key_id = 'k1'", "signing key k1"),
        ("UPDATE reviews SET reason = 'fine'", "review "),
        ("DELETE FROM reviews", "review "),
        ("UPDATE signing_keys SET revoked_at = 1 WHERE key_id = 'k1'", "signing key k1"),
        ("UPDATE signing_keys SET expires_at = 1 WHERE key_id = 'k1'", "signing key k1"),
        (
            "INSERT INTO signing_keys (key_id, owner, public_key, enrolled_at)"
            " VALUES ('k9', 'Eve', 'ab', 0)",
            "signing key k9",
        ),
    ],
)
def test_a_key_or_review_behind_the_logs_back_is_found(
    sqlite_database: Database, tampering: str, named: str
) -> None:
    with sqlite_database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn)
        conn.execute(text(tampering))
        [found] = check_reviews(conn)
    assert found.startswith(named)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE models SET facts = '{}'",
        "UPDATE models SET author = 'Eve'",
        "UPDATE models SET submitted_by = ''",
        "UPDATE models SET home_kind = 'demo'",
        "UPDATE models SET report_json = '{}'",
        "DELETE FROM models",
    ],
)
def test_a_model_that_was_changed_behind_the_logs_back_is_found(
    sqlite_database: Database, tampering: str
) -> None:
    with sqlite_database.write() as conn:
        put(conn)
        conn.execute(text(tampering))
        assert check_models(conn) == (f"model {DIGEST}",)


def test_a_review_needs_its_reason(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        with pytest.raises(InvalidInput, match="reason"):
            review(conn, reason="  ")
        with pytest.raises(InvalidInput):
            review(conn, outcome="maybe")


def test_what_the_gate_refused_cannot_be_approved_but_rejected(database: Database) -> None:
    with database.write() as conn:
        put(conn, "refused")
        enrolled(conn)
        with pytest.raises(GateRefused) as raised:
            review(conn)
        review(conn, outcome="reject")
    assert raised.value.reasons == ("a gap in group b",)


def test_a_reviewer_may_take_thin_evidence_upon_themselves(database: Database) -> None:
    with database.write() as conn:
        put(conn, "insufficient_evidence")
        enrolled(conn)
        review(conn, reason="small shop, watched weekly")
        assert champion(conn, "churn", now=NOW) is not None


def test_an_approval_expires(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn, valid_for=DAY)
        assert champion(conn, "churn", now=NOW + DAY - timedelta(microseconds=1)) is not None
        assert champion(conn, "churn", now=NOW + DAY) is None


def test_a_later_rejection_withdraws_an_approval(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn)
        review(conn, outcome="reject", now=NOW + DAY)
        assert champion(conn, "churn", now=NOW + DAY) is None
        assert [each.outcome for each in reviews_of(conn, DIGEST)] == ["reject", "approve"]


def test_the_newest_valid_approval_is_champion(database: Database) -> None:
    newer = "cd" * 32
    with database.write() as conn:
        put(conn)
        put(conn, model_digest=newer, created_at=NOW + DAY)
        enrolled(conn)
        review(conn)
        sign(
            conn, LEDGER, newer, secret=SECRET, key_id="k1", home_kind="production",
            outcome="approve", reason="better", now=NOW + DAY,
        )  # fmt: skip
        first = champion(conn, "churn", now=NOW)
        second = champion(conn, "churn", now=NOW + DAY)
    assert first is not None
    assert second is not None
    assert (first.model_digest, second.model_digest) == (DIGEST, newer)


def test_a_revoked_key_signs_no_more_and_what_it_signed_stays(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn)
        revoke(conn, "k1", now=NOW + DAY)
        with pytest.raises(PermissionRefused):
            review(conn, now=NOW + 2 * DAY)
        assert champion(conn, "churn", now=NOW + 2 * DAY) is not None


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE reviews SET outcome = 'approve'",
        "UPDATE reviews SET expires_at = expires_at + 1",
        "UPDATE reviews SET signed_at = signed_at - 1",
        "UPDATE reviews SET reviewer = 'Someone'",
        "UPDATE reviews SET reason = 'fine'",
        "UPDATE reviews SET review_id = 'r'",
        "UPDATE reviews SET key_id = 'k2'",
        "UPDATE reviews SET self_signed = NOT self_signed",
        "UPDATE reviews SET signature = 'abcd'",
        "UPDATE signing_keys SET public_key = '00'",
        "DELETE FROM signing_keys",
        "UPDATE models SET target = 'other'",
        "DELETE FROM models",
    ],
)
def test_a_changed_row_lets_nothing_serve(database: Database, tampering: str) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        rejected = tampering.endswith("'approve'")
        review(conn, outcome="reject" if rejected else "approve")
        conn.execute(text(tampering))
        assert champion(conn, "churn", now=NOW + DAY) is None


@pytest.mark.parametrize("kind", ["demo", "evaluation"])
def test_a_demo_signs_itself_and_says_so(database: Database, kind: str) -> None:
    with database.write() as conn:
        put(conn, home_kind=kind)
        self_sign(conn, LEDGER, DIGEST, home_kind=kind, private_key=HOME_KEY, now=NOW)
        found = champion(conn, "churn", now=NOW)
    assert found is not None
    assert found.self_signed


def test_a_production_home_does_not_sign_itself(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        with pytest.raises(PermissionRefused):
            self_sign(conn, LEDGER, DIGEST, home_kind="production", private_key=HOME_KEY, now=NOW)
        with pytest.raises(PermissionRefused):
            self_sign(conn, LEDGER, DIGEST, home_kind="demo", private_key=HOME_KEY, now=NOW)


def test_what_a_demo_signed_does_not_serve_in_production(database: Database) -> None:
    with database.write() as conn:
        put(conn, home_kind="demo")
        self_sign(conn, LEDGER, DIGEST, home_kind="demo", private_key=HOME_KEY, now=NOW)
        conn.execute(text("UPDATE models SET home_kind = 'production'"))
        assert champion(conn, "churn", now=NOW) is None


def test_a_demo_shows_what_the_gate_refused_only_when_told_to(database: Database) -> None:
    with database.write() as conn:
        put(conn, "refused", home_kind="demo")
        with pytest.raises(GateRefused):
            self_sign(conn, LEDGER, DIGEST, home_kind="demo", private_key=HOME_KEY, now=NOW)
        signed = self_sign(
            conn, LEDGER, DIGEST, home_kind="demo", private_key=HOME_KEY, now=NOW,
            allow_refused_gate=True,
        )  # fmt: skip
    assert "gate refused" in signed.reason


def test_a_signature_verifies_without_a_database(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        signed = review(conn)
    public = public_text(signing_key_from_secret(SECRET).public_key())
    assert signature_fits(signed, public)
    assert not signature_fits(signed._replace(outcome="reject"), public)


def test_submissions_and_reviews_are_in_the_log_without_names(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        enrolled(conn)
        review(conn)
        logged = entries(conn)
    assert [entry.kind for entry in logged] == [
        "model_submitted", "signing_key", "signing_key", "review",
    ]  # fmt: skip
    assert "Grace" not in "".join(entry.body for entry in logged)


def test_a_model_is_found_by_target_digest_or_its_beginning(database: Database) -> None:
    with database.write() as conn:
        put(conn)
        put(conn, model_digest="ab" * 31 + "cd", created_at=NOW + DAY)
        assert find_model(conn, "churn").model_digest.endswith("cd")
        assert find_model(conn, DIGEST).facts == facts()
        assert len(list_models(conn, target="churn")) == 2
        for ref in ("abab", "ababab", "ffffff", "other"):
            with pytest.raises(NotFound):
                find_model(conn, ref)
