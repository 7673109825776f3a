"""Tells the receiver of scores that moved since they were last told: `score.changed`.

Nothing of this is done while someone waits for a score. The keeper reads the decisions that were
recorded since its last look, one slice after another, and compares each person's newest score with
the one that counts as told: to begin with, the newest that was given before, or else the first that
is seen, since that is what a CRM can hold from an answer or an upload. Small moves add up until
they are told.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    select,
    tuple_,
    type_coerce,
    update,
)

from governance.instants import to_text
from governance.pseudonym import slices
from governance.tables import decision_batches, decisions
from serving.bootstrap import Keepwell
from serving.interventions.delivery.messages import SCORE_CHANGED
from serving.interventions.delivery.outbox import enqueue
from serving.interventions.tables import score_news, told_scores
from serving.locks import lock_customers

VALID_FOR = timedelta(days=30)
"""How long a score that was told may be used; a withdrawal ends that at once."""
_SLICE = 1_000
_SLICES_AT_ONCE = 2_000
_PRESENT = timedelta(hours=6)
"""A score as of longer before it was made is about the past, and no news."""


_Key = tuple[str, str]


class _Place(NamedTuple):
    ledger_seq: int
    position: int


def tell_changes(keepwell: Keepwell, *, now: datetime) -> int:
    """Queue `score.changed` for whoever's score moved by `score_change`; gives their number.

    Does nothing but in a production home that sends these messages. Several workers may call it:
    one transaction holds a slice, and where the next begins.
    """
    if not _tells(keepwell):
        return 0
    least = keepwell.settings.webhook.score_change
    told = 0
    for _ in range(_SLICES_AT_ONCE):
        with keepwell.database.write() as conn:
            place = _begin(conn)
            rows, after = _next(conn, place)
            told += _tell(keepwell, conn, place, rows, least, now)
            if after != place:
                conn.execute(update(score_news).values(**after._asdict()))
        if after == place:
            break
    return told


def begin_telling(keepwell: Keepwell) -> None:
    """Mark where telling begins, if it has not: every score given from here on is compared."""
    if _tells(keepwell):
        with keepwell.database.write() as conn:
            _begin(conn)


def _tells(keepwell: Keepwell) -> bool:
    return keepwell.kind == "production" and keepwell.settings.webhook.sends(SCORE_CHANGED)


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
    keepwell: Keepwell,
    conn: Connection,
    place: _Place,
    rows: list[Row[Any]],
    least: float,
    now: datetime,
) -> int:
    seen = [row for row in rows if _is_news(row)]
    newest = {_key(row): row for row in seen}
    counts = {_key(row): row for row in reversed(seen)}  # the first seen of each
    told = _told(conn, newest)
    counts |= _given_before(conn, place, newest.keys() - told.keys()) | told
    moved: list[tuple[Row[Any], float]] = []
    for key, row in newest.items():
        previous = _probability(counts[key])
        if abs(_probability(row) - previous) >= least:
            moved.append((row, previous))
        elif key not in told:
            _note(conn, counts[key], now)
    customers = keepwell.persons.customers_of(conn, [row.person_id for row, _ in moved])
    lock_customers(conn, list(customers.values()))
    kept = _still_kept(conn, [row.decision_id for row, _ in moved])
    queued = 0
    for row, previous in moved:
        if row.person_id in customers and row.decision_id in kept:
            _enqueue(conn, row, customers[row.person_id], previous, now)
            _note(conn, row, now)
            queued += 1
    return queued


def _key(row: Row[Any]) -> _Key:
    return row.person_id, row.target


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


def _probability(row: Row[Any]) -> float:
    return float(_read(row.result)["probability"])


def _told(conn: Connection, keys: Iterable[_Key]) -> dict[_Key, Row[Any]]:
    """Give the decisions that count as told; what was taken back since counts no more."""
    found: dict[_Key, Row[Any]] = {}
    joined = told_scores.join(decisions, decisions.c.decision_id == told_scores.c.decision_id)
    for some in slices(sorted({person for person, _ in keys})):
        query = (
            select(decisions)
            .select_from(joined)
            .where(told_scores.c.person_id.in_(some), decisions.c.result.is_not(None))
        )
        found.update((_key(row), row) for row in conn.execute(query))
    return found


def _given_before(conn: Connection, place: _Place, keys: Iterable[_Key]) -> dict[_Key, Row[Any]]:
    """Give the newest score of each person and target asked for that was given up to a place."""
    wanted, found = frozenset(keys), dict[_Key, Row[Any]]()
    entry = func.coalesce(decision_batches.c.ledger_seq, decisions.c.ledger_seq)
    order = (entry.desc(), decisions.c.position.desc())
    ranked = select(
        decisions.c.decision_id,
        func.row_number()
        .over(partition_by=(decisions.c.person_id, decisions.c.target), order_by=order)
        .label("rank"),
    ).select_from(
        decisions.outerjoin(decision_batches, decision_batches.c.batch == decisions.c.ledger_seq)
    )
    made, of = (type_coerce(decisions.c[name], BigInteger) for name in ("recorded_at", "as_of"))
    for some in slices(sorted({person for person, _ in wanted})):
        of_them = ranked.where(
            decisions.c.person_id.in_(some),
            decisions.c.kind == "score",
            decisions.c.outcome == "scored",
            decisions.c.result.is_not(None),
            made - of < _PRESENT // timedelta(microseconds=1),
            entry > 0,
            tuple_(entry, decisions.c.position) <= tuple_(*place),
        ).subquery()
        query = select(decisions).join(of_them, of_them.c.decision_id == decisions.c.decision_id)
        rows = conn.execute(query.where(of_them.c.rank == 1))
        found.update((_key(row), row) for row in rows if _key(row) in wanted)
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
