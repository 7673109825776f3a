"""The registry's SQL: reading the newest word on a purpose, numbering, and who waits for whom.

On SQLite one writer at a time holds the whole database, so nothing needs locking. On PostgreSQL a
judgement takes a shared lock on its person until the transaction ends and a change takes an
exclusive one: a withdrawal waits for a score that is being written, and the next score sees it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite

from governance.consent.judgement import RawRecord
from governance.consent.purposes import OBJECTION
from governance.consent.record import EVENT_COLUMNS, PERMITTING, ConsentEvent, Subject
from governance.instants import UtcInstant
from governance.pseudonym import slices
from governance.tables import (
    consent_events,
    consent_head,
    consent_subjects,
    notice_purposes,
    suppressions,
)

_FEW = 400
_EVERYONE, _ONE = 27511, 27512  # classes of PostgreSQL's advisory locks

INSERT_EVENTS = consent_events.insert()

e = consent_events.c


def _is_yes(state: ColumnElement[str]) -> ColumnElement[int]:
    return case((state.in_(sorted(PERMITTING)), 1), else_=0)


_NEWEST_FIRST = (e.occurred_at.desc(), _is_yes(e.state).asc(), e.seq.desc())
_RECORD = (
    e.event_id,
    e.state,
    type_coerce(e.occurred_at, BigInteger).label("occurred_at"),
    type_coerce(e.expires_at, BigInteger).label("expires_at"),
    e.evidence,
    type_coerce(e.explicit, Integer).label("explicit"),
    e.notice_id,
    e.notice_version,
    e.guardian_evidence,
)


def _question_of_one() -> Any:
    customer, purpose = bindparam("customer", type_=Text), bindparam("purpose", type_=Text)
    token, now = bindparam("token", type_=Text), bindparam("now", type_=UtcInstant)
    own = consent_events.alias("own")
    newest = (
        select(own.c.seq)
        .where(own.c.customer_id == customer, own.c.purpose == purpose)
        .order_by(own.c.occurred_at.desc(), _is_yes(own.c.state).asc(), own.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    objections = consent_events.alias("objections")
    objected = (
        select(func.max(type_coerce(objections.c.occurred_at, BigInteger)))
        .where(objections.c.customer_id == customer, objections.c.purpose == OBJECTION)
        .scalar_subquery()
    )
    n, m = notice_purposes.alias("n"), notice_purposes.alias("m")
    current = (
        select(n.c.notice_id)
        .where(n.c.purpose == purpose, n.c.published_at <= now)
        .order_by(n.c.published_at.desc(), n.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    material = (
        select(func.max(m.c.version))
        .where(m.c.purpose == purpose, m.c.notice_id == e.notice_id)
        .where(m.c.material, m.c.published_at <= now)
        .correlate(consent_events)
        .scalar_subquery()
    )
    erased = exists().where(suppressions.c.token == token, suppressions.c.expires_at > now)
    one = select(literal(1).label("one")).subquery("one")
    subject = consent_subjects.c
    return select(
        *_RECORD,
        objected.label("objected_at"),
        type_coerce(subject.adult_from, BigInteger).label("adult_from"),
        subject.relation,
        erased.label("suppressed"),
        current.label("current_notice"),
        material.label("last_material_version"),
        select(consent_head.c.seq).scalar_subquery().label("sequence"),
    ).select_from(
        one.outerjoin(consent_events, e.seq == newest).outerjoin(
            consent_subjects, subject.customer_id == customer
        )
    )


class Spoken(NamedTuple):
    """Everyone who ever said a word, and every purpose anyone ever spoke about."""

    customers: frozenset[str]
    purposes: frozenset[str]


_QUESTION_OF_ONE = _question_of_one()
_LOCK_HEAD = select(consent_head.c.seq).where(consent_head.c.id == 1).with_for_update()
_HOLD = text(
    "SELECT pg_advisory_xact_lock_shared(:everyone, 0), "
    "pg_advisory_xact_lock_shared(:one, hashtext(:customer))"
)
_HOLD_MANY = text(
    "SELECT pg_advisory_xact_lock_shared(:one, h) FROM (SELECT DISTINCT hashtext(c) AS h "
    "FROM unnest(CAST(:customers AS text[])) AS c ORDER BY h) AS hashes"
)
_CLAIM = text(
    "SELECT pg_advisory_xact_lock_shared(:everyone, 0), "
    "pg_advisory_xact_lock(:one, hashtext(:customer))"
)
_CLAIM_EVERYONE = text("SELECT pg_advisory_xact_lock(:everyone, 0)")
_SHARE_EVERYONE = text("SELECT pg_advisory_xact_lock_shared(:everyone, 0)")


def newest_record(
    conn: Connection, customer_id: str, purpose: str, token: str, now: datetime
) -> Any:
    """Read in one query all that a verdict on one person needs; holds the person's record."""
    if conn.dialect.name == "postgresql":
        conn.execute(_HOLD, {"everyone": _EVERYONE, "one": _ONE, "customer": customer_id})
    bound = {"customer": customer_id, "purpose": purpose, "token": token, "now": now}
    return conn.execute(_QUESTION_OF_ONE, bound).one()


def newest_records(
    conn: Connection, purpose: str, people: frozenset[str]
) -> Mapping[str, RawRecord]:
    """Read the newest word of each person on `purpose`."""
    found: dict[str, RawRecord] = {}
    for way, bound in _ways(conn, people):
        for row in conn.execute(_newest_of_many(way), {"purpose": purpose, **bound}):
            found[row.customer_id] = RawRecord(*row[: len(RawRecord._fields)])
    return found


@lru_cache
def _newest_of_many(way: "_Way") -> Any:
    rank = func.row_number().over(partition_by=e.customer_id, order_by=_NEWEST_FIRST).label("rank")
    ranked = select(*_RECORD, e.customer_id, rank).where(
        e.purpose == bindparam("purpose"), _among(e.customer_id, way)
    )
    inner = ranked.subquery("ranked")
    return select(inner).where(inner.c.rank == 1)


def objections(conn: Connection, people: frozenset[str]) -> Mapping[str, Any]:
    """Read when each person last objected, in microseconds."""
    found: dict[str, Any] = {}
    for way, bound in _ways(conn, people):
        found.update((who, at) for who, at in conn.execute(_objections_of_many(way), bound))
    return found


@lru_cache
def _objections_of_many(way: "_Way") -> Any:
    latest = func.max(type_coerce(e.occurred_at, BigInteger))
    query = select(e.customer_id, latest).where(e.purpose == OBJECTION, _among(e.customer_id, way))
    return query.group_by(e.customer_id)


def subjects(conn: Connection, people: frozenset[str]) -> Mapping[str, tuple[Any, Any]]:
    """Read each person's coming of age, in microseconds, and relation."""
    found: dict[str, tuple[Any, Any]] = {}
    for way, bound in _ways(conn, people):
        rows = conn.execute(_subjects_of_many(way), bound)
        found.update({who: (adult, relation) for who, adult, relation in rows})
    return found


@lru_cache
def _subjects_of_many(way: "_Way") -> Any:
    s = consent_subjects.c
    columns = s.customer_id, type_coerce(s.adult_from, BigInteger), s.relation
    return select(*columns).where(_among(s.customer_id, way))


def subject(conn: Connection, customer_id: str) -> Subject:
    """Read what is known of a person besides consent."""
    s = consent_subjects.c
    query = select(s.adult_from, s.relation).where(s.customer_id == customer_id)
    row = conn.execute(query).one_or_none()
    return Subject() if row is None else Subject(*row)


def notice_rules(
    conn: Connection, purpose: str, now: datetime
) -> tuple[str | None, Mapping[str | None, int]]:
    """Read the notice family in force for `purpose`, and each family's last material version."""
    rows = conn.execute(_NOTICES, {"purpose": purpose, "now": now}).all()
    material: dict[str | None, int] = {}
    for notice_id, version, is_material in rows:
        if is_material:
            material[notice_id] = max(version, material.get(notice_id, 0))
    return (rows[-1].notice_id if rows else None), material


_NOTICES = (
    select(notice_purposes.c.notice_id, notice_purposes.c.version, notice_purposes.c.material)
    .where(
        notice_purposes.c.purpose == bindparam("purpose"),
        notice_purposes.c.published_at <= bindparam("now"),
    )
    .order_by(notice_purposes.c.published_at, notice_purposes.c.version)
)


def notice_changed_since(conn: Connection, purpose: str, instant: datetime) -> bool:
    """Whether a notice for `purpose` was published after `instant` that may stop its use."""
    n = notice_purposes.c
    query = select(exists().where(n.purpose == purpose, n.published_at > instant))
    return bool(conn.execute(query).scalar_one())


def changed_people(conn: Connection, purpose: str, sequence: int) -> set[str]:
    """Give everyone whose record on `purpose` changed after `sequence`."""
    words = select(e.customer_id).where(e.seq > sequence, e.purpose.in_((purpose, OBJECTION)))
    s = consent_subjects.c
    described = select(s.customer_id).where(s.seq > sequence)
    return set(conn.execute(words).scalars()) | set(conn.execute(described).scalars())


def newest_instant(conn: Connection, customer_id: str, purpose: str) -> datetime | None:
    """Give the instant of the newest word of a person on `purpose`."""
    query = select(func.max(e.occurred_at)).where(
        e.customer_id == customer_id, e.purpose == purpose
    )
    return conn.execute(query).scalar_one_or_none()


def history(conn: Connection, customer_id: str) -> tuple[ConsentEvent, ...]:
    """Read every word of a person, in the order of recording."""
    query = select(consent_events).where(e.customer_id == customer_id).order_by(e.seq)
    rows = conn.execute(query).mappings()
    return tuple(
        ConsentEvent(sequence=row["seq"], **{name: row[name] for name in EVENT_COLUMNS})
        for row in rows
    )


def spoken_of(conn: Connection) -> Spoken:
    """Read who ever spoke, and about which purposes; an objection is about none."""
    customers = conn.execute(select(e.customer_id).distinct()).scalars()
    purposes = conn.execute(select(e.purpose).where(e.purpose != OBJECTION).distinct()).scalars()
    return Spoken(frozenset(customers), frozenset(purposes))


def current_sequence(conn: Connection) -> int:
    """Give the last number given out."""
    return conn.execute(select(consent_head.c.seq)).scalar_one_or_none() or 0


def next_sequence(conn: Connection, count: int) -> int:
    """Take `count` numbers; they follow the order of commits. Gives the first."""
    last = conn.execute(_LOCK_HEAD).scalar_one_or_none()
    if last is None:
        insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert
        conn.execute(insert(consent_head).values(id=1, seq=0).on_conflict_do_nothing())
        last = conn.execute(_LOCK_HEAD).scalar_one()
    conn.execute(consent_head.update().where(consent_head.c.id == 1).values(seq=last + count))
    return int(last) + 1


def claim_numbers(conn: Connection) -> None:
    """Keep others from taking numbers until this transaction ends; before the log, as everyone."""
    conn.execute(_LOCK_HEAD)


def claim_person(conn: Connection, customer_id: str) -> None:
    """Wait for everyone who is using this person's permission, and keep others waiting."""
    if conn.dialect.name == "postgresql":
        conn.execute(_CLAIM, {"everyone": _EVERYONE, "one": _ONE, "customer": str(customer_id)})


def claim_everyone(conn: Connection) -> None:
    """Wait for everyone who is using anyone's permission; for imports."""
    if conn.dialect.name == "postgresql":
        conn.execute(_CLAIM_EVERYONE, {"everyone": _EVERYONE})


def hold_people(conn: Connection, people: Collection[str]) -> None:
    """Keep changes to these people's records waiting until this transaction ends."""
    if conn.dialect.name == "postgresql":
        conn.execute(_SHARE_EVERYONE, {"everyone": _EVERYONE})
        conn.execute(_HOLD_MANY, {"one": _ONE, "customers": sorted(people)})


_Way = Literal["named", "between", "between by code points"]


def _ways(conn: Connection, people: frozenset[str]) -> list[tuple[_Way, dict[str, Any]]]:
    """Say how to reach everyone asked for: by name, or of many all who lie between them."""
    if len(people) <= _FEW:
        return [("named", {"some": some}) for some in slices(sorted(people))]
    by_points = conn.dialect.name == "postgresql"  # whose own order depends on the locale
    way: _Way = "between by code points" if by_points else "between"
    return [(way, {"least": min(people), "most": max(people)})]


def _among(column: Any, way: _Way) -> ColumnElement[bool]:
    if way == "named":
        named: ColumnElement[bool] = column.in_(bindparam("some", expanding=True))
        return named
    exact = column if way == "between" else column.collate("C")
    return and_(exact >= bindparam("least"), exact <= bindparam("most"))
