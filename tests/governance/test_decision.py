"""Decisions: recorded with a commitment, replayable, and forgettable without breaking the log."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from governance.errors import NotFound
from governance.log.decision import (
    Decision,
    check_commitments,
    forget_person,
    forget_results,
    load,
    new_decision_id,
    of_person,
    recent,
    record,
)
from governance.log.ledger import Ledger, entries, verify
from governance.tables import decisions as table
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LEDGER = Ledger(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))


def scored(person_id: str | None = "person_a", **fields: Any) -> Decision:
    stated: dict[str, Any] = {
        "decision_id": new_decision_id(),
        "kind": "score",
        "person_id": person_id,
        "purpose": "risk_scoring",
        "outcome": "scored",
        "as_of": NOW,
        "model_digest": "d" * 64,
        "target": "churn",
        "event_digest": "e" * 64,
        "feature_digest": "f" * 64,
        "result": {"probability": 0.31, "reasons": ["last order was 61 days ago"]},
    }
    return Decision(**stated | fields)


def test_a_decision_is_read_back_as_it_was_recorded(database: Database) -> None:
    decision = scored()
    with database.write() as conn:
        record(conn, LEDGER, [decision], now=NOW)
        found = load(conn, decision.decision_id)
    assert found.result == decision.result
    assert (found.as_of, found.recorded_at, found.ledger_seq) == (NOW, NOW, 1)


def test_an_unknown_decision_is_not_found(database: Database) -> None:
    with database.read() as conn, pytest.raises(NotFound):
        load(conn, "no such id")


def test_one_decision_is_one_entry_and_a_batch_is_one_entry(database: Database) -> None:
    with database.write() as conn:
        record(conn, LEDGER, [scored()], now=NOW)
        record(conn, LEDGER, [scored(), scored(), scored()], now=NOW)
        record(conn, LEDGER, [], now=NOW)
        kinds = [entry.kind for entry in entries(conn)]
    assert kinds == ["decision", "decisions"]


def test_the_log_holds_no_personal_data(database: Database) -> None:
    with database.write() as conn:
        record(conn, LEDGER, [scored(), scored("person_b", outcome="refused")], now=NOW)
        record(conn, LEDGER, [scored()], now=NOW)
        bodies = "".join(entry.body for entry in entries(conn))
    for private in ("person_a", "0.31", "last order", "risk_scoring"):
        assert private not in bodies


def test_equal_decisions_have_different_commitments(database: Database) -> None:
    same = scored()
    again = scored(decision_id="other")
    with database.write() as conn:
        record(conn, LEDGER, [same, again], now=NOW)
        leaves = {load(conn, each.decision_id).leaf for each in (same, again)}
    assert len(leaves) == 2


def test_a_withdrawal_takes_the_results_of_its_purpose_and_keeps_the_commitments(
    database: Database,
) -> None:
    kept, gone = scored(purpose="wellbeing_inference"), scored()
    with database.write() as conn:
        record(conn, LEDGER, [kept, gone, scored("person_b")], now=NOW)
        assert forget_results(conn, "person_a", "risk_scoring") == 1
        assert load(conn, gone.decision_id).result_forgotten
        assert not load(conn, kept.decision_id).result_forgotten
        assert check_commitments(conn).bad == ()
        assert verify(conn, LEDGER.public_key).outcome == "intact"


def test_a_result_that_used_another_purpose_goes_with_that_purpose(database: Database) -> None:
    used = scored(result={"probability": 0.3, "purposes": ["risk_scoring", "wellbeing_inference"]})
    quoted = scored(result={"text": 'they said "wellbeing_inference"', "purposes": []})
    with database.write() as conn:
        record(conn, LEDGER, [used, quoted, scored()], now=NOW)
        assert forget_results(conn, "person_a", "wellbeing_inference") == 1
        assert load(conn, used.decision_id).result_forgotten


def test_an_erasure_takes_every_result_of_the_person(database: Database) -> None:
    with database.write() as conn:
        record(conn, LEDGER, [scored(), scored(purpose="wellbeing_inference")], now=NOW)
        record(conn, LEDGER, [scored("person_b")], now=NOW)
        assert forget_person(conn, "person_a") == 2
        assert [each.result for each in of_person(conn, "person_a")] == [None, None]
        assert of_person(conn, "person_b")[0].result is not None


def test_the_newest_decisions_come_first(database: Database) -> None:
    batch = [scored(), scored()]
    with database.write() as conn:
        record(conn, LEDGER, [scored(kind="clearance")], now=NOW)
        record(conn, LEDGER, batch, now=NOW)
        ids = [each.decision_id for each in recent(conn, limit=2)]
        clearances = recent(conn, limit=9, kind="clearance")
    assert ids == [batch[1].decision_id, batch[0].decision_id]
    assert len(clearances) == 1


COMMITTED = [c.name for c in table.columns if c.name not in ("ledger_seq", "position")]


def _fill(conn: Connection) -> list[str]:
    batch = [scored(reason="r") for _ in range(3)]
    record(conn, LEDGER, batch, now=NOW)
    record(conn, LEDGER, [scored()], now=NOW)
    return [each.decision_id for each in batch]


@pytest.mark.parametrize("column", COMMITTED)
def test_any_edited_decision_is_found(sqlite_database: Database, column: str) -> None:
    with sqlite_database.write() as conn:
        ids = _fill(conn)
        instants = dict.fromkeys(("recorded_at", "as_of", "retired_at"), 1)
        new = {**instants, "result": '{"probability":0.9}'}.get(column, "edited")
        conn.execute(
            text(f"UPDATE decisions SET {column} = :new WHERE decision_id = :id"),
            {"new": new, "id": ids[1]},
        )
        bad = check_commitments(conn).bad
    assert bad == (("edited",) if column == "decision_id" else (ids[1],))


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("DELETE FROM decisions WHERE ledger_seq = 1 AND position = 1", 2),
        ("DELETE FROM decisions WHERE ledger_seq = 2", 1),
        ("UPDATE decisions SET ledger_seq = 2 WHERE ledger_seq = 1 AND position = 2", 4),
        ("UPDATE decisions SET position = 7 WHERE ledger_seq = 1 AND position = 0", 3),
    ],
)
def test_removed_or_moved_decisions_are_found(
    database: Database, tampering: str, found: int
) -> None:
    with database.write() as conn:
        _fill(conn)
        conn.execute(text(tampering))
        assert len(check_commitments(conn).bad) == found
