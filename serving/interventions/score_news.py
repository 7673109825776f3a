"""Tells the receiver of scores that moved since they were last told: `score.changed`.

Nothing of this is done while someone waits for a score. The keeper reads the decisions that were
recorded since its last look, one slice after another, and compares each person's newest score with
the one that counts as told. The first one that is seen is only noted: what a CRM holds to begin
with comes from an upload. Small moves add up until they are told.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, tuple_, update

from governance.instants import to_text
from governance.pseudonym import slices
from governance.tables import decision_batches, decisions
from serving.bootstrap import Keepwell
from serving.interventions.messages import SCORE_CHANGED
from serving.interventions.outbox import enqueue
from serving.interventions.tables import score_news, told_scores
from serving.locks import lock_customers

VALID_FOR = timedelta(days=30)
"""How long a score that was told may be used; a withdrawal ends that at once."""
_SLICE = 1_000
_SLICES_AT_ONCE = 2_000
_PRESENT = timedelta(hours=6)
"""A score as of longer before it was made is about the past, and no news."""


class _Place(NamedTuple):
    ledger_seq: int
    position: int


def tell_changes(keepwell: Keepwell, *, now: datetime) -> int:
    """Queue `score.changed` for whoever's score moved by `score_change`; gives their number.

    Does nothing but in a production home that sends these messages. Several workers may call it:
    one transaction holds a slice, and where the next begins.
    """
    webhook = keepwell.settings.webhook
    if keepwell.kind != "production" or not webhook.sends(SCORE_CHANGED):
        return 0
    told = 0
    for _ in range(_SLICES_AT_ONCE):
        with keepwell.database.write() as conn:
            place = _begin(conn)
            rows, after = _next(conn, place)
            told += _tell(keepwell, conn, rows, webhook.score_change, now)
            if after != place:
                conn.execute(update(score_news).values(**after._asdict()))
        if after == place:
            break
    return told


def _begin(conn: Connection) -> _Place:
    """Give the last decision looked at, and hold it; the first look begins with what comes next."""
    query = select(score_news.c.ledger_seq, score_news.c.position).with_for_update()
    row = conn.execute(query).first()
    if row is not None:
        return _Place(*row)
    direct = conn.execute(select(func.max(decisions.c.ledger_seq))).scalar() or 0
    batch = conn.execute(select(func.max(decision_batches.c.ledger_seq))).scalar() or 0
    place = _Place(max(direct, batch, 0), 2**31 - 1)
    conn.execute(insert(score_news).values(id=1, **place._asdict()))
    return place


def _next(conn: Connection, place: _Place) -> tuple[list[Row[Any]], _Place]:
    """Read some decisions after a place, in the order of the log, and where they end.

    The verdicts of a batch lie under its own number, below 0, until its entry says where they are.
    """
    here = decision_batches.c.ledger_seq == place.ledger_seq
    within = conn.execute(select(decision_batches.c.batch).where(here)).scalar()
    if within is not None:
        rows = _rows(conn, decisions.c.ledger_seq == within, decisions.c.position > place.position)
        if rows:
            return rows, _Place(place.ledger_seq, rows[-1].position)
    later = decision_batches.c.ledger_seq > place.ledger_seq
    batch = conn.execute(
        select(decision_batches).where(later).order_by(decision_batches.c.ledger_seq).limit(1)
    ).first()
    end = 2**62 if batch is None else batch.ledger_seq
    single = tuple_(decisions.c.ledger_seq, decisions.c.position) > tuple_(*place)
    rows = _rows(conn, single, decisions.c.ledger_seq < end)
    if rows:
        return rows, _Place(rows[-1].ledger_seq, rows[-1].position)
    if batch is None:
        return [], place
    rows = _rows(conn, decisions.c.ledger_seq == batch.batch)
    return rows, _Place(batch.ledger_seq, rows[-1].position if rows else 2**31 - 1)


def _rows(conn: Connection, *conditions: Any) -> list[Row[Any]]:
    query = select(decisions).where(*conditions)
    ordered = query.order_by(decisions.c.ledger_seq, decisions.c.position)
    return list(conn.execute(ordered.limit(_SLICE)))


def _tell(
    keepwell: Keepwell, conn: Connection, rows: list[Row[Any]], least: float, now: datetime
) -> int:
    newest = {(row.person_id, row.target): row for row in rows if _is_news(row)}
    before = _told_before(conn, [person for person, _ in newest])
    moved: list[tuple[Row[Any], float]] = []
    for key, row in newest.items():
        previous = before.get(key)
        if previous is not None and abs(_read(row.result)["probability"] - previous) < least:
            continue
        if previous is not None:
            moved.append((row, previous))
        else:
            _note(conn, row, now)
    customers = keepwell.persons.customers_of(conn, [row.person_id for row, _ in moved])
    lock_customers(conn, list(customers.values()))
    kept = _still_kept(conn, [row.decision_id for row, _ in moved])
    told = 0
    for row, previous in moved:
        if row.person_id in customers and row.decision_id in kept:
            _enqueue(conn, row, customers[row.person_id], previous, now)
            _note(conn, row, now)
            told += 1
    return told


def _is_news(row: Row[Any]) -> bool:
    return bool(
        row.kind == "score"
        and row.outcome == "scored"
        and row.result is not None
        and row.person_id is not None
        and row.recorded_at - row.as_of < _PRESENT
    )


def _read(result: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result)
    return found


def _told_before(conn: Connection, persons: list[str]) -> Mapping[tuple[str, str], float]:
    """Give the probabilities that count as told; what was taken back since counts no more."""
    found: dict[tuple[str, str], float] = {}
    joined = told_scores.join(decisions, decisions.c.decision_id == told_scores.c.decision_id)
    for some in slices(sorted(set(persons))):
        query = (
            select(told_scores.c.person_id, told_scores.c.target, decisions.c.result)
            .select_from(joined)
            .where(told_scores.c.person_id.in_(some), decisions.c.result.is_not(None))
        )
        for row in conn.execute(query):
            found[row.person_id, row.target] = _read(row.result)["probability"]
    return found


def _still_kept(conn: Connection, decision_ids: list[str]) -> frozenset[str]:
    found: set[str] = set()
    for some in slices(sorted(decision_ids)):
        mine = and_(decisions.c.decision_id.in_(some), decisions.c.result.is_not(None))
        found.update(conn.execute(select(decisions.c.decision_id).where(mine)).scalars())
    return frozenset(found)


def _note(conn: Connection, row: Row[Any], now: datetime) -> None:
    mine = and_(told_scores.c.person_id == row.person_id, told_scores.c.target == row.target)
    values = {"decision_id": row.decision_id, "told_at": now}
    if not conn.execute(update(told_scores).where(mine).values(**values)).rowcount:
        key = {"person_id": row.person_id, "target": row.target}
        conn.execute(insert(told_scores).values(**key, **values))


def _enqueue(
    conn: Connection, row: Row[Any], customer_id: str, previous: float, now: datetime
) -> None:
    result = _read(row.result)
    data = {
        "customer_id": customer_id,
        "target": row.target,
        **{name: result[name] for name in ("probability", "low", "high", "horizon_days")},
        "previous_probability": previous,
        "purposes": sorted({row.purpose, *result.get("purposes", ())}),
        "decision_id": row.decision_id,
        "model_digest": row.model_digest,
        "as_of": to_text(row.as_of),
        "expires_at": to_text(row.recorded_at + VALID_FOR),
    }
    enqueue(
        conn,
        SCORE_CHANGED,
        data,
        customer_id=customer_id,
        intervention_id=None,
        due_at=now,
        now=now,
    )


def told_to(conn: Connection, person_id: str) -> list[dict[str, Any]]:
    """Give which decision of each target counts as told about one person, as plain JSON."""
    query = (
        select(told_scores)
        .where(told_scores.c.person_id == person_id)
        .order_by(told_scores.c.target)
    )
    return [
        {"target": row.target, "decision_id": row.decision_id, "told_at": to_text(row.told_at)}
        for row in conn.execute(query)
    ]


def forget_told(conn: Connection, person_id: str) -> int:
    """Forget what was told about one person, as an erasure asks; gives how much that was."""
    return conn.execute(delete(told_scores).where(told_scores.c.person_id == person_id)).rowcount


def forget_retired(conn: Connection) -> int:
    """Forget which person a decision past its retention was about; gives how many there were."""
    retired = select(decisions.c.decision_id).where(decisions.c.retired_at.is_not(None))
    return conn.execute(delete(told_scores).where(told_scores.c.decision_id.in_(retired))).rowcount
