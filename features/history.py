"""Histories: every event version of some customers, as arrays sorted by customer and time.

The same record comes from Parquet for all customers and from one indexed read for one customer;
the arrays of a customer are identical either way, and the kernel cannot tell which it was given.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, not_, select

from features.accounts import SUBJECT as ACCOUNT
from features.counting import OWN, Counted, Origins, named
from features.events import (
    MICROS,
    MISSING,
    Event,
    event_name,
    is_reserved,
)
from features.linking import linked_account, linked_customer
from features.live import OWN_ACT, as_rows, to_columns
from features.ranges import (
    EVENTS_PER_RANGE,
    CustomerRange,
    account_ranges,
    count_range,
    plan_ranges,
    read_rows,
    with_linked,
)
from features.rows import Rows, end_to_end
from features.store import HistoryStore
from features.stored import customer_rows, ordered, rows_and_links, rows_of_customers
from features.tables import customers as customers_table
from features.tables import history_buckets, live_events
from features.versions import NEVER, settled
from governance.errors import InvalidInput
from governance.instants import from_micros, to_text
from governance.proof import AggregatePermit, Permit

Ints = NDArray[np.int64]

SAMPLE_EVENTS = 500_000
_SAMPLE_RANGES = 16


@dataclass(frozen=True, eq=False)
class Histories:
    """Event versions of m customers, n in all, sorted by customer, then `occurred_at`, `known_at`.

    `customers` (m,) are ids in ascending order; the events of customer i are rows
    `offsets[i]:offsets[i + 1]`. Instants (n,) are µs since 1970 UTC. `kind` (n,) indexes `kinds`.
    `value_micros` (n,) is in millionths, `MISSING` where there is none. A version counts at as_of
    exactly if `occurred_at < as_of and known_at < as_of <= superseded_at`. `digests` (n, 2) are
    the content digests. `origins` says what was recorded under other ids, where anything was: an
    event may then stand here twice, known at different times. Columns in `strings` hold one string
    or None per event (a sequence, or an Arrow array); an absent column has none.
    """

    customers: NDArray[np.object_]
    offsets: Ints
    occurred_at: Ints
    known_at: Ints
    superseded_at: Ints
    kind: NDArray[np.int16]
    kinds: tuple[str, ...]
    value_micros: Ints
    digests: NDArray[np.uint64]
    occurrence: NDArray[np.int32]
    strings: dict[str, Any] = field(default_factory=dict)
    subject: str = "customer"
    origins: Origins | None = None

    def __len__(self) -> int:
        return len(self.customers)

    @property
    def value(self) -> NDArray[np.float64]:
        """Values (n,) as numbers, NaN where there is none."""
        found = self.value_micros / MICROS
        found[self.value_micros == MISSING] = np.nan
        return found

    @cached_property
    def customer_of_event(self) -> NDArray[np.int32]:
        """Place in `customers` (n,) of each event's customer."""
        sizes = np.diff(self.offsets)
        return np.repeat(np.arange(len(self.customers), dtype=np.int32), sizes)

    @cached_property
    def is_own_act(self) -> NDArray[np.bool_]:
        """Whether each event (n,) was written by Keepwell about its own act."""
        if not self.kinds:
            return np.zeros(len(self.kind), np.bool_)
        return np.array([is_reserved(kind) for kind in self.kinds], np.bool_)[self.kind]

    @property
    def ids(self) -> NDArray[np.object_]:
        """Whose permission these histories need: the customers (m,), then other ids (c,)."""
        if self.origins is None:
            return self.customers
        return np.concatenate([self.customers, self.origins.contributors])

    def is_away(self, as_of: int) -> NDArray[np.bool_]:
        """Whether each customer (m,) counts for another one at `as_of` (µs), merged into them."""
        found = np.zeros(len(self.customers), np.bool_)
        for index, spans in (self.origins.away if self.origins is not None else {}).items():
            found[index] = any(since < as_of <= until for since, until in spans)
        return found

    def carriers(self, ids: Collection[str]) -> frozenset[str]:
        """Customers whose history holds events that were recorded under these other ids."""
        if self.origins is None:
            return frozenset()
        places = np.unique(self.customer_of_event[named(self.origins, ids)])
        return frozenset(self.customers[places].tolist())

    def events_of(self, index: int) -> slice:
        """Rows of the customer at `index`."""
        return slice(int(self.offsets[index]), int(self.offsets[index + 1]))

    def kind_mask(self, *kinds: str) -> NDArray[np.bool_]:
        """Whether each event (n,) is of one of these kinds."""
        if not self.kinds:
            return np.zeros(len(self.kind), np.bool_)
        return np.array([kind in kinds for kind in self.kinds], np.bool_)[self.kind]

    def visible(self, as_of: int) -> NDArray[np.bool_]:
        """Whether each event (n,) may be used at `as_of` (µs)."""
        return (self.occurred_at < as_of) & (self.known_at < as_of) & (self.superseded_at >= as_of)

    def pick(self, column: str, rows: Ints) -> list[str | None]:
        """Strings of one column at these rows, None where there is none."""
        found = self.strings.get(column)
        if found is None:
            return [None] * len(rows)
        if isinstance(found, list):
            return [found[row] for row in rows]
        picked: list[str | None] = found.take(rows).to_pylist()
        return picked

    def properties_at(self, row: int) -> dict[str, Any]:
        """Properties of one event; empty when it has none."""
        found = self.pick("properties", np.array([row]))[0]
        read: dict[str, Any] = {} if found is None else json.loads(found)
        return read

    def digest(self, index: int, as_of: int) -> str:
        """Digest of the event versions of one customer that count at `as_of` (µs), as 64 hex.

        Keepwell's own acts are left out: they are never used. Equal digests mean equal versions.
        Raises `InvalidInput` for histories that were read without digests.
        """
        if len(self.digests) != len(self.occurred_at):
            raise InvalidInput("these histories were read without digests")
        rows = self.events_of(index)
        used = (
            (self.occurred_at[rows] < as_of)
            & (self.known_at[rows] < as_of)
            & (self.superseded_at[rows] >= as_of)
            & ~self.is_own_act[rows]
        )
        state = hashlib.sha256(b"keepwell history 1")
        state.update(self.digests[rows][used].astype(">u8").tobytes())
        state.update(self.known_at[rows][used].astype(">i8").tobytes())
        return state.hexdigest()

    def take(self, keep: NDArray[np.bool_]) -> "Histories":
        """Only the events where `keep` (n,) is true; every customer stays."""
        counts = np.bincount(self.customer_of_event[keep], minlength=len(self.customers))
        rows = np.flatnonzero(keep)
        return Histories(
            customers=self.customers,
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            occurred_at=self.occurred_at[keep],
            known_at=self.known_at[keep],
            superseded_at=self.superseded_at[keep],
            kind=self.kind[keep],
            kinds=self.kinds,
            value_micros=self.value_micros[keep],
            digests=self.digests[keep] if len(self.digests) else self.digests,
            occurrence=self.occurrence[keep],
            strings={
                name: self.pick(name, rows) if isinstance(column, list) else column.take(rows)
                for name, column in self.strings.items()
            },
            subject=self.subject,
            origins=None
            if self.origins is None
            else replace(self.origins, of_event=self.origins.of_event[keep]),
        )

    def events(self, index: int) -> list[dict[str, Any]]:
        """Every version of one customer's events as plain records, for export and display.

        One that was recorded under another id names it as `customer_id`.
        """
        rows = self.events_of(index)
        places = np.arange(rows.start, rows.stop)
        texts = {name: self.pick(name, places) for name in self.strings}
        others = np.full(len(places), OWN) if self.origins is None else self.origins.of_event[rows]
        records = []
        for k, row in enumerate(places):
            digest = self.digests[row].astype(">u8").tobytes()
            own = {name: column[k] for name, column in texts.items()}
            properties = own.pop("properties", None)
            event_id = own.pop("event_id", None)
            value, superseded = int(self.value_micros[row]), int(self.superseded_at[row])
            other = {}
            if self.origins is not None and others[k] != OWN:
                other = {"customer_id": self.origins.contributors[others[k]]}
            records.append(
                {
                    **other,
                    "event_id": event_name(event_id, digest, int(self.occurrence[row])),
                    "kind": self.kinds[self.kind[row]],
                    "occurred_at": to_text(from_micros(int(self.occurred_at[row]))),
                    "known_at": to_text(from_micros(int(self.known_at[row]))),
                    "superseded_at": None
                    if superseded == NEVER
                    else to_text(from_micros(superseded)),
                    "value": None if value == MISSING else value / MICROS,
                    **own,
                    "properties": {} if properties is None else json.loads(properties),
                }
            )
        return records


def read_customer(
    conn: Connection,
    permit: Permit,
    customer_id: str,
    *,
    subject: str = "customer",
    own_acts: bool = True,
) -> Histories:
    """Bring in one customer's history: one indexed read of chunks, one of live events.

    Never touches Parquet. Empty (no customers) when nothing is known. Raises `PermissionRefused`
    unless `permit` is genuine and covers the customer. Of someone merged the events of those ids
    come along that it covers, too. Without `own_acts` what Keepwell did may be left out, which no
    feature and no digest counts anyway. With `subject` "account" the history of an account: what
    happened to those of its members whom the permit covers.
    """
    if subject == ACCOUNT:
        permit.require(permit.purpose)
        return _assemble(linked_account(conn, customer_id, permit.customers), subject)
    permit.require_customer(permit.purpose, customer_id)
    if subject != "customer":
        return _assemble(_settled(customer_rows(conn, customer_id, subject)), subject)
    rows, linked = rows_and_links(conn, customer_id, own_acts=own_acts)
    if linked:
        return _assemble(linked_customer(conn, customer_id, permit.customers, rows), subject)
    return _assemble(_settled(rows), subject)


def read_customers(conn: Connection, permit: Permit, customer_ids: Collection[str]) -> Histories:
    """Bring in the histories of several customers, none of whom was ever linked, in two reads.

    For each the arrays that `read_customer` gives; customers without events are left out. Whoever
    is or was linked to another id needs `read_customer`. Raises `PermissionRefused` unless
    `permit` is genuine and covers them all.
    """
    for each in customer_ids:
        permit.require_customer(permit.purpose, each)
    return _assemble(_settled(rows_of_customers(conn, customer_ids)), "customer")


def read_everything_of(conn: Connection, customer_id: str) -> list[dict[str, Any]]:
    """Give every event version of one person, as customer or visitor, for their own export.

    The caller answers for who asks: this is the person's right of access, not a use of the data.
    """
    found = []
    for subject in ("customer", "visitor"):
        histories = _assemble(_settled(customer_rows(conn, customer_id, subject)), subject)
        if len(histories):
            found += [{"subject": subject, **record} for record in histories.events(0)]
    return found


def read_all(
    conn: Connection,
    store: HistoryStore,
    permit: Permit | AggregatePermit,
    *,
    subject: str = "customer",
    digests: bool = True,
) -> Histories:
    """Bring in the histories of everyone `permit` covers, from Parquet and the live tail.

    An `AggregatePermit` covers everyone, for figures over groups only. Arrays of a customer equal
    those of `read_customer`. Without `digests`, which only decisions need, half the bytes are
    read, and `Histories.digest` cannot be asked. `read_ranges` does the same in bounded memory.
    """
    permit.require(permit.purpose)
    plan = plan_ranges(conn, store, subject=subject)
    return _together(store, plan, _covered(permit), subject, digests=digests)


def read_ranges(
    conn: Connection,
    store: HistoryStore,
    permit: Permit | AggregatePermit,
    *,
    subject: str = "customer",
    digests: bool = False,
    events_per_range: int = EVENTS_PER_RANGE,
) -> Iterator[Histories]:
    """Bring in the same histories one range of customers after another, in ascending order.

    Put together they are what `read_all` gives, but only about `events_per_range` events are in
    memory at a time. Each range names the kinds that occur in it. What counts is settled when the
    first range is asked for; `conn` is not used after that, but for accounts. A range of no one
    permitted is left out. Raises `IntegrityBroken` where an erasure meanwhile replaced a file:
    begin again.
    """
    permit.require(permit.purpose)
    allowed = _covered(permit)
    if subject == ACCOUNT:
        for some in account_ranges(conn, events_per_range=events_per_range):
            yield read_range(store, some, allowed, digests=digests)
        return
    known = None if allowed is None else sorted(allowed)
    for each in plan_ranges(conn, store, subject=subject, events_per_range=events_per_range):
        if known is not None and not each.span.any_of(known):
            continue
        histories = read_range(store, each, allowed, digests=digests)
        if len(histories):
            yield histories


def read_sample(
    conn: Connection,
    store: HistoryStore,
    permit: Permit,
    *,
    subject: str = "customer",
    events: int = SAMPLE_EVENTS,
) -> Histories:
    """Bring in everyone's histories, or of a large store about `events` events of some customers.

    For looking at what a history is like: its kinds, properties and their values. The same store
    and permit give the same sample: whole ranges of customers at even distances.
    """
    permit.require(permit.purpose)
    size = max(events // _SAMPLE_RANGES, 1)
    plan = plan_ranges(conn, store, subject=subject, events_per_range=size)
    step = max(-(-sum(each.events for each in plan) // events), 1)
    return _together(store, plan[::step], permit.customers, subject, digests=False)


def read_range(
    store: HistoryStore,
    range_: CustomerRange,
    allowed: frozenset[str] | None,
    *,
    digests: bool = False,
) -> Histories:
    """Bring in the histories of one range of `plan_ranges`, without a database.

    For workers that are handed a plan (Spark): whoever made it holds the permit, states in
    `allowed` the customers it covers (None: everyone, under an `AggregatePermit`) and checks the
    permission again before anything is published. All other code reads through `read_ranges` or
    `read_all`, which ask for the permit themselves.
    """
    return _assemble(count_range(store, range_, allowed, digests=digests), range_.subject)


def from_events(events: Sequence[Event], *, subject: str = "customer") -> Histories:
    """Build histories of events at hand, as reading them back from a home would give them.

    For what-if questions and tests. Two events with one identity are the caller's mistake.
    """
    rows = [SimpleNamespace(**row) for row in as_rows(events) if row["subject"] == subject]
    rows.sort(key=lambda row: row.customer_id)
    sizes = Counter(row.customer_id for row in rows)
    offsets = np.concatenate([[0], np.cumsum(list(sizes.values()))]).astype(np.int64)
    known = np.array(list(sizes), np.object_)
    return _assemble(_settled(ordered(Rows(known, offsets, to_columns(rows)))), subject)


def read_company(conn: Connection, store: HistoryStore) -> Histories:
    """Bring in what happened to the company itself (spend, releases, incidents): no one's data."""
    plan = plan_ranges(conn, store, subject="company")
    return _together(store, plan, None, "company", digests=True)


def observed_until(conn: Connection) -> datetime | None:
    """Give the latest instant at which anything of the world is recorded; None for no history."""
    imported = conn.execute(select(func.max(history_buckets.c.last_occurred_at))).scalar()
    live = conn.execute(select(func.max(live_events.c.occurred_at)).where(not_(OWN_ACT))).scalar()
    found = [] if live is None else [from_micros(live)]
    return max(found + ([] if imported is None else [imported]), default=None)


def customer_ids(
    conn: Connection, *, after: str = "", limit: int | None = None, prefix: str = ""
) -> list[str]:
    """List customers with any history in ascending order, those after `after` only.

    With a `prefix` those whose id begins with it, however it is written.
    """
    known = customers_table.c
    query = (
        select(known.customer_id)
        .where(known.subject == "customer", known.customer_id > after)
        .order_by(known.customer_id)
        .limit(limit)
    )
    if prefix:
        query = query.where(known.customer_id.istartswith(prefix, autoescape=True))
    return list(conn.execute(query).scalars())


def _covered(permit: Permit | AggregatePermit) -> frozenset[str] | None:
    return None if isinstance(permit, AggregatePermit) else permit.customers


def _together(
    store: HistoryStore,
    plan: Sequence[CustomerRange],
    allowed: frozenset[str] | None,
    subject: str,
    *,
    digests: bool,
) -> Histories:
    """Read a whole plan. Where one range needs digests to be told apart, all have them."""
    digests = digests or any(each.versions for each in plan)
    parts = [read_rows(store, each, allowed, digests=digests) for each in plan]
    lacking = [len(part.columns.digests) == 0 for part in parts if len(part.customers)]
    if any(lacking) and not all(lacking):
        parts = [read_rows(store, each, allowed, digests=True) for each in plan]
    return _assemble(with_linked(end_to_end(parts), plan, allowed), subject)


def _assemble(counted: Counted, subject: str) -> Histories:
    rows, columns = counted.rows, counted.rows.columns
    return Histories(
        customers=rows.customers,
        offsets=rows.offsets,
        occurred_at=columns.occurred_at,
        known_at=columns.known_at,
        superseded_at=counted.superseded_at,
        kind=columns.kind,
        kinds=columns.kinds,
        value_micros=columns.value_micros,
        digests=columns.digests,
        occurrence=np.ascontiguousarray(columns.occurrence),
        strings=columns.strings,
        subject=subject,
        origins=counted.origins,
    )


def _settled(rows: Rows) -> Counted:
    return Counted(rows, settled(rows), None)
