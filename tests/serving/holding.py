"""What must hold in a home at any moment, whatever happened to it; asked by many tests.

It reads the tables themselves and judges by rules of its own, so that it is a second opinion and
not an echo of the code that wrote them. Homes here rest on consent, the default.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from features.history import read_everything_of
from governance.consent.record import OBJECTED, STOPPING
from governance.consent.sealed import check_consents
from governance.instants import to_text
from governance.log.decision import check_commitments, standing
from governance.log.ledger import verify
from governance.tables import consent_events, decisions, ledger_entries, persons
from serving.bootstrap import Keepwell
from serving.interventions.tables import interventions, outbox
from serving.rights.acts import export
from tests.conftest import all_metadata

YES = ("given", "renewed")
REQUEST = "intervention.requested"
_TOLD_TO_ANYONE = {"customer_id", "home", "exported_at", "about_processing", "suppression"}
"""Parts of an export that hold nothing about the person, but that they were erased."""


class Word(NamedTuple):
    """What a person said on a purpose, and which entry of the log says so."""

    event_id: str
    customer_id: str
    purpose: str
    state: str
    occurred_at: datetime
    sequence: int
    logged: int

    @property
    def rank(self) -> tuple[datetime, bool, int]:
        """The highest counts: the latest, at the same instant a no, then the last recorded."""
        return self.occurred_at, self.state not in YES, self.sequence


def check_home(keepwell: Keepwell, *, now: datetime, customers: Collection[str] = ()) -> None:
    """Assert everything at once; of `customers`, those erased must have left nothing."""
    with keepwell.database.read() as conn:
        _the_log_is_whole(keepwell, conn)
        words = words_of(conn)
        _every_word_is_remembered(keepwell, conn, words)
        _verdicts_follow_permission_in_the_order_of_commits(conn, words)
        _no_result_outlives_a_no(conn, words)
        _no_contact_keeps_a_score_after_a_no(conn, words)
        _nothing_waits_without_permission(conn, words)
        _each_intervention_leaves_once(conn)
        erased = [
            each
            for each in customers
            if keepwell.suppression.is_suppressed(conn, each, now=now)
            and not any(word.customer_id == each for word in words)
        ]
        for customer_id in erased:
            assert places_of(conn, customer_id) == [], "an erased person is still there"
    for customer_id in erased:
        held = export(keepwell, customer_id, now=now)
        assert not any(found for part, found in held.items() if part not in _TOLD_TO_ANYONE)


def words_of(conn: Connection) -> list[Word]:
    """Read every word that is kept, with the entry of the log that tells of it.

    Of words recorded together the entry is found by when they became known.
    """
    rows = conn.execute(select(consent_events).order_by(consent_events.c.seq)).all()
    alone: dict[int, int] = {}
    together: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for entry in _entries(conn, "consent", "consents"):
        body = json.loads(entry.body)
        if entry.kind == "consent":
            alone[body["seq"]] = entry.seq
        else:
            together[to_text(entry.recorded_at)].append((entry.seq, body["leaves"]))
    known_at = {
        event["event_id"]: event["known_at"]
        for customer_id in {row.customer_id for row in rows}
        for event in read_everything_of(conn, customer_id)
    }
    found = []
    for row in rows:
        logged = alone.get(row.seq)
        if logged is None:
            batches = together[known_at.get(row.event_id, "")]
            assert batches, f"neither history nor log tells of a word: {row.state}"
            logged, leaves = batches.pop(0)
            if leaves > 1:
                batches.insert(0, (logged, leaves - 1))
        found.append(
            Word(
                row.event_id,
                row.customer_id,
                row.purpose,
                row.state,
                row.occurred_at,
                row.seq,
                logged,
            )
        )
    return found


def places_of(conn: Connection, needle: str) -> list[str]:
    """Name every column of every table in which `needle` occurs."""
    return sorted({place for place, value in _cells(conn) if needle in value})


def _cells(conn: Connection) -> Iterator[tuple[str, str]]:
    for metadata in all_metadata():
        for table in metadata.sorted_tables:
            for row in conn.execute(select(table)).mappings():
                for column, value in row.items():
                    if isinstance(value, bytes):
                        yield f"{table.name}.{column}", value.decode("utf-8", "replace")
                    elif value is not None:
                        yield f"{table.name}.{column}", str(value)


def _the_log_is_whole(keepwell: Keepwell, conn: Connection) -> None:
    found = verify(conn, keepwell.keys.ledger_public)
    assert found.outcome == "intact", found
    assert check_commitments(conn).bad == ()
    assert check_consents(conn).bad == ()


def _every_word_is_remembered(keepwell: Keepwell, conn: Connection, words: list[Word]) -> None:
    """In the person's history, and if it is a no in the journal, too."""
    journalled = {(e.token, e.kind, e.detail, e.at) for e in keepwell.journal.entries()}
    remembered = {
        event["event_id"]
        for customer_id in {word.customer_id for word in words}
        for event in read_everything_of(conn, customer_id)
    }
    for word in words:
        assert word.event_id in remembered, "a word is not in the person's history"
        token = keepwell.journal.token(word.customer_id)
        if word.state in STOPPING:
            assert (token, "withdrawal", word.purpose, word.occurred_at) in journalled
        elif word.state == OBJECTED:
            assert (token, "objection", "", word.occurred_at) in journalled


def _verdicts_follow_permission_in_the_order_of_commits(
    conn: Connection, words: list[Word]
) -> None:
    """At the place of each score and clearance in the log, the newest word logged was a yes."""
    people = _customers(conn)
    spoken: dict[tuple[str, str], list[Word]] = defaultdict(list)
    for word in words:
        spoken[word.customer_id, word.purpose].append(word)
    given = standing().where(
        decisions.c.outcome.in_(("scored", "answered", "impossible", "cleared", "proposed"))
    )
    for row in conn.execute(given):
        customer_id = people.get(row.person_id)
        if customer_id is None:
            continue  # erased since: nothing is kept to compare with
        before = [w for w in spoken[customer_id, row.purpose] if w.logged < row.ledger_seq]
        newest = max(before, key=lambda word: word.rank, default=None)
        assert newest is not None, f"a {row.kind} was given without a word"
        assert newest.state in YES, f"a {row.kind} was given after a {newest.state}"
    gone = {json.loads(entry.body)["person"]: entry.seq for entry in _entries(conn, "erasure")}
    for row in conn.execute(standing().where(decisions.c.person_id.in_(list(gone)))):
        assert row.ledger_seq < gone[row.person_id], "something was decided after an erasure"


def _no_result_outlives_a_no(conn: Connection, words: list[Word]) -> None:
    people = _customers(conn)
    stops = [word for word in words if word.state in STOPPING]
    for row in conn.execute(standing().where(decisions.c.result.is_not(None))):
        customer_id = people.get(row.person_id)
        assert customer_id is not None, "a result outlived its person"
        for word in stops:
            concerned = word.purpose == row.purpose or f'"{word.purpose}"' in row.result
            if word.customer_id == customer_id and concerned:
                assert word.logged < row.ledger_seq, f"a result outlived a {word.state}"


def _no_contact_keeps_a_score_after_a_no(conn: Connection, words: list[Word]) -> None:
    kept = interventions.c.probability.is_not(None)
    for each in conn.execute(select(interventions).where(kept)):
        relied = json.loads(each.permissions)
        for word in words:
            if word.customer_id == each.customer_id and word.purpose in relied:
                later = word.occurred_at >= each.created_at
                assert not (later and word.state in STOPPING), "a contact kept its score"


def _nothing_waits_without_permission(conn: Connection, words: list[Word]) -> None:
    """What waits rests on the very words that still count, and on no word given since."""
    by_id = {word.event_id: word for word in words}
    for each in _waiting(conn):
        for purpose, event_id in json.loads(each.permissions).items():
            if event_id is None:
                continue
            assert event_id in by_id, "something waits on a word that is gone"
            relied = by_id[event_id]
            later_no = [
                word
                for word in words
                if word.customer_id == each.customer_id
                and word.purpose in (purpose, "objection")
                and word.state in (*STOPPING, OBJECTED)
                and word.logged > relied.logged
                and word.rank > relied.rank
            ]
            assert not later_no, f"something waits after a {later_no[-1].state}"


def _waiting(conn: Connection) -> list[Row[Any]]:
    open_messages = select(outbox.c.intervention_id).where(
        outbox.c.type == REQUEST, outbox.c.status.in_(("pending", "leased"))
    )
    return list(
        conn.execute(
            select(interventions).where(
                interventions.c.status.in_(("proposed", "queued"))
                | interventions.c.intervention_id.in_(open_messages)
            )
        )
    )


def _each_intervention_leaves_once(conn: Connection) -> None:
    requests = defaultdict(list)
    for row in conn.execute(select(outbox).where(outbox.c.type == REQUEST)):
        requests[row.intervention_id].append(row.status)
    for each in conn.execute(select(interventions)):
        made = requests.pop(each.intervention_id, [])
        assert len(made) <= 1, "an intervention has two messages"
        sent = [
            event
            for event in read_everything_of(conn, each.customer_id)
            if event["kind"] == "intervention_sent" and event["event_id"] == each.intervention_id
        ]
        assert len(sent) == (made == ["delivered"]), "history and outbox tell different stories"
        if each.status in ("queued", "sent"):
            assert len(made) == 1
        if each.status == "sent":
            assert made == ["delivered"]
        if each.arm == "holdout":
            assert made == []
    assert not requests, "a message has no intervention"


def _customers(conn: Connection) -> dict[str, str]:
    """Give whom each random person id stands for."""
    return {row.person_id: row.customer_id for row in conn.execute(select(persons))}


def _entries(conn: Connection, *kinds: str) -> Iterator[Row[Any]]:
    query = select(ledger_entries).where(ledger_entries.c.kind.in_(kinds))
    yield from conn.execute(query.order_by(ledger_entries.c.seq))
