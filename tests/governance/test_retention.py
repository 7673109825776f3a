"""Old verdicts are retired, superseded words go, and the last word on everything stays."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from governance.consent.purposes import PurposeRules
from governance.consent.record import ConsentChange
from governance.consent.registry import ConsentRegistry
from governance.log.decision import Decision, check_commitments, load, new_decision_id, record
from governance.log.ledger import Ledger
from governance.retention import Retired, forget_superseded, retire_decisions
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LEDGER = Ledger(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
REGISTRY = ConsentRegistry(PurposeRules(), home_kind="production")


def decide(conn: Connection, at: datetime, *, of: int = 1) -> list[str]:
    made = [
        Decision(
            decision_id=new_decision_id(),
            kind="score",
            person_id="person_1",
            purpose="risk_scoring",
            outcome="scored",
            result={"probability": 0.5},
        )
        for _ in range(of)
    ]
    record(conn, LEDGER, made, now=at)
    return [each.decision_id for each in made]


def say(conn: Connection, state: str, at: datetime, purpose: str = "risk_scoring") -> None:
    change = ConsentChange(
        customer_id="anna",
        purpose=purpose,
        state=state,
        occurred_at=at,
        mechanism="button",
        evidence="form 1",
    )
    REGISTRY.record(conn, change, now=at)


def states(conn: Connection) -> list[str]:
    return [event.state for event in REGISTRY.history(conn, "anna")]


def test_only_what_is_older_is_retired_and_again_changes_nothing(database: Database) -> None:
    with database.write() as conn:
        [old], [new] = decide(conn, NOW - 10 * DAY), decide(conn, NOW)
        assert retire_decisions(conn, before=NOW - DAY, now=NOW) == Retired(1, 1)
        assert retire_decisions(conn, before=NOW - DAY, now=NOW) == Retired(0, 1)
        assert load(conn, old).person_id is None
        assert load(conn, new).person_id == "person_1"


def test_the_commitments_of_a_batch_outlive_its_retirement(database: Database) -> None:
    with database.write() as conn:
        decide(conn, NOW - 10 * DAY, of=3)
        retired = retire_decisions(conn, before=NOW, now=NOW)
        LEDGER.append(conn, "retention", {"decisions_through": retired.through}, now=NOW)
        assert check_commitments(conn) == (3, ())


def test_what_is_retired_beyond_what_was_logged_is_found(database: Database) -> None:
    with database.write() as conn:
        decide(conn, NOW - 10 * DAY)
        first = retire_decisions(conn, before=NOW - 5 * DAY, now=NOW)
        LEDGER.append(conn, "retention", {"decisions_through": first.through}, now=NOW)
        [later] = decide(conn, NOW - 2 * DAY)
        retire_decisions(conn, before=NOW, now=NOW)
        assert check_commitments(conn).bad == (later,)


def test_replaced_words_go_and_the_last_one_stays(database: Database) -> None:
    with database.write() as conn:
        say(conn, "given", NOW - 30 * DAY)
        say(conn, "withdrawn", NOW - 20 * DAY)
        assert forget_superseded(conn, before=NOW - 10 * DAY) == (1,)
        assert states(conn) == ["withdrawn"]


def test_a_recent_word_keeps_everything_before_it(database: Database) -> None:
    with database.write() as conn:
        say(conn, "given", NOW - 30 * DAY)
        say(conn, "withdrawn", NOW - 20 * DAY)
        say(conn, "given", NOW)
        assert forget_superseded(conn, before=NOW - 10 * DAY) == ()


def test_words_on_other_purposes_are_of_their_own(database: Database) -> None:
    with database.write() as conn:
        say(conn, "given", NOW - 30 * DAY)
        say(conn, "given", NOW - 20 * DAY, "model_training")
        assert forget_superseded(conn, before=NOW) == ()


@pytest.mark.parametrize("last", ["given", "withdrawn"])
def test_where_a_person_stands_is_the_same_before_and_after(database: Database, last: str) -> None:
    with database.write() as conn:
        for k, state in enumerate(["given", "withdrawn", last]):
            say(conn, state, NOW - (30 - k) * DAY)
        before = REGISTRY.state(conn, "anna", "risk_scoring", now=NOW)
        forget_superseded(conn, before=NOW)
        assert REGISTRY.state(conn, "anna", "risk_scoring", now=NOW) == before
