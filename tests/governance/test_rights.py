"""Export, erasure, and what is asked again after a restore."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from governance.consent.purposes import PurposeRules
from governance.consent.record import ConsentChange
from governance.consent.registry import ConsentRegistry, Refusal
from governance.log import decision
from governance.log.decision import Decision, new_decision_id
from governance.log.journal import Journal
from governance.log.ledger import Ledger, verify
from governance.proof import Permit
from governance.pseudonym import PersonIds, Suppression
from governance.rights import erase_customer, export_customer, replay_journal
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = b"k" * 32
LEDGER = Ledger(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
SUPPRESSION = Suppression(KEY)
PERSONS = PersonIds()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal", KEY)


@pytest.fixture
def registry(journal: Journal) -> ConsentRegistry:
    return ConsentRegistry(
        PurposeRules(), home_kind="production", suppression=SUPPRESSION, journal=journal
    )


def say_yes(conn: Connection, registry: ConsentRegistry, who: str, at: datetime = NOW) -> None:
    change = ConsentChange(
        customer_id=who,
        purpose="risk_scoring",
        state="given",
        occurred_at=at,
        mechanism="button",
        evidence="form 1",
    )
    registry.record(conn, change, now=at)


def score(conn: Connection, who: str) -> str:
    person = PERSONS.person_id(conn, who)
    made = Decision(
        decision_id=new_decision_id(),
        kind="score",
        person_id=person,
        purpose="risk_scoring",
        outcome="scored",
        result={"probability": 0.5},
    )
    decision.record(conn, LEDGER, [made], now=NOW)
    return made.decision_id


def erase(conn: Connection, who: str, journal: Journal, at: datetime = NOW) -> Any:
    return erase_customer(
        conn, who, now=at, persons=PERSONS, suppression=SUPPRESSION, journal=journal
    )


def export(conn: Connection, registry: ConsentRegistry, who: str) -> dict[str, Any]:
    return export_customer(
        conn, who, now=NOW, registry=registry, persons=PERSONS, suppression=SUPPRESSION
    )


def test_an_export_holds_what_erasure_deletes(
    database: Database, registry: ConsentRegistry, journal: Journal
) -> None:
    with database.write() as conn:
        say_yes(conn, registry, "anna")
        registry.describe_subject(conn, "anna", now=NOW, adult_from=NOW - HOUR)
        score(conn, "anna")
        before = export(conn, registry, "anna")
        erased = erase(conn, "anna", journal)
        after = export(conn, registry, "anna")
    assert (len(before["consents"]), len(before["decisions"])) == (1, 1)
    assert before["about"]["relation"] == "customer"
    assert (erased.consent_events, erased.results) == (1, 1)
    assert after == {
        "consents": [],
        "about": None,
        "person_id": None,
        "decisions": [],
        "trained_into": [],
        "suppression": {
            "since": "2026-03-01T00:00:00.000000Z",
            "until": "2029-02-28T00:00:00.000000Z",
        },
    }


def test_after_an_erasure_nothing_names_the_person_and_every_read_is_refused(
    database: Database, registry: ConsentRegistry, journal: Journal
) -> None:
    with database.write() as conn:
        say_yes(conn, registry, "anna")
        made = score(conn, "anna")
        erase(conn, "anna", journal)
        assert registry.permit(conn, "anna", "operations", now=NOW) == Refusal(
            "operations", "suppressed"
        )
        assert decision.load(conn, made).result_forgotten
        assert verify(conn, LEDGER.public_key).outcome == "intact"
        for table in ("consent_events", "consent_subjects", "persons", "suppressions"):
            rows = conn.execute(text(f"SELECT * FROM {table}")).all()
            assert "anna" not in str(rows)


def test_erasing_spares_others(
    database: Database, registry: ConsentRegistry, journal: Journal
) -> None:
    with database.write() as conn:
        say_yes(conn, registry, "anna")
        say_yes(conn, registry, "bert")
        made = score(conn, "bert")
        erase(conn, "anna", journal)
        assert isinstance(registry.permit(conn, "bert", "risk_scoring", now=NOW), Permit)
        assert not decision.load(conn, made).result_forgotten


def test_a_batch_under_way_notices_an_erasure(
    database: Database, registry: ConsentRegistry, journal: Journal
) -> None:
    with database.write() as conn:
        say_yes(conn, registry, "anna")
        permit, _ = registry.permit_many(conn, "risk_scoring", ["anna"], now=NOW)
        erase(conn, "anna", journal)
        assert registry.changed_since(conn, permit) == {"anna"}


def test_a_restore_brings_back_every_no(
    database: Database, registry: ConsentRegistry, journal: Journal
) -> None:
    """The backup was taken before three people asked to be left alone."""
    people = ["anna", "bert", "cleo", "dora"]
    later = NOW + HOUR
    with database.write() as conn:  # the database as it was when it was backed up
        for who in people:
            say_yes(conn, registry, who)
        made = score(conn, "anna")
    with pytest.raises(RuntimeError), database.write() as conn:
        _ask_to_be_left_alone(conn, registry, journal, later)  # all of it lost with the disk
    journal.append("key_revoked", now=later, detail="key7")
    with database.write() as conn:
        done = replay_journal(conn, registry, journal, people, now=later + HOUR, since=NOW)
        verdicts = {
            who: registry.permit(conn, who, "risk_scoring", now=later + HOUR) for who in people
        }
        told = decision.load(conn, made)
    assert told.result is not None  # forgotten by the floor that tells receivers of it
    assert ([word.state for word in done.words], done.unknown) == (["withdrawn", "objected"], 0)
    assert (done.erasures, done.revoked_keys) == (("cleo",), ("key7",))
    assert verdicts["anna"] == Refusal("risk_scoring", "withdrawn")
    assert verdicts["bert"] == Refusal("risk_scoring", "objected")
    assert isinstance(verdicts["dora"], Permit)


def _ask_to_be_left_alone(
    conn: Connection, registry: ConsentRegistry, journal: Journal, at: datetime
) -> None:
    registry.withdraw(conn, "anna", "risk_scoring", now=at)
    registry.object(conn, "bert", now=at)
    erase(conn, "cleo", journal, at)
    raise RuntimeError


def test_replaying_again_changes_nothing(
    database: Database, registry: ConsentRegistry, journal: Journal
) -> None:
    with database.write() as conn:
        say_yes(conn, registry, "anna")
        registry.withdraw(conn, "anna", "risk_scoring", now=NOW + HOUR)
        registry.object(conn, "anna", now=NOW + HOUR)
        lines = journal.path.read_bytes()
        done = replay_journal(conn, registry, journal, ["anna"], now=NOW + 2 * HOUR)
        words = len(registry.history(conn, "anna"))
    assert (done.words, words) == ((), 3)
    assert journal.path.read_bytes() == lines


def test_a_replayed_no_does_not_undo_a_newer_yes(
    database: Database, registry: ConsentRegistry, journal: Journal
) -> None:
    journal.append("withdrawal", now=NOW, customer_id="anna", detail="risk_scoring")
    with database.write() as conn:
        say_yes(conn, registry, "anna", NOW + HOUR)
        replay_journal(conn, registry, journal, ["anna"], now=NOW + 2 * HOUR)
        verdict = registry.permit(conn, "anna", "risk_scoring", now=NOW + 2 * HOUR)
    assert isinstance(verdict, Permit)


def test_an_old_answer_brings_nobody_back_after_an_erasure(
    database: Database, registry: ConsentRegistry, journal: Journal
) -> None:
    old = [
        ConsentChange(
            customer_id="anna",
            purpose=purpose,
            state=state,
            occurred_at=NOW - HOUR,
            mechanism="button",
            evidence="form 1",
        )
        for purpose, state in (("risk_scoring", "given"), ("model_training", "refused"))
    ]
    with database.write() as conn:
        registry.record_many(conn, old, now=NOW)
        erase(conn, "anna", journal)
        again = registry.record_many(conn, old, now=NOW + HOUR)
        assert [each.reason for each in again.refused] == [
            "this person was erased; an import does not bring them back"
        ] * 2
        assert registry.history(conn, "anna") == ()
        assert SUPPRESSION.is_suppressed(conn, "anna", now=NOW + HOUR)
        say_yes(conn, registry, "anna", at=NOW + HOUR)
        assert isinstance(registry.permit(conn, "anna", "risk_scoring", now=NOW + HOUR), Permit)
