"""A history cut into ranges of customers, so that any size is read in bounded memory.

A plan is made with the database at hand: consecutive ranges of customers, each with the files it
needs and with the rows that no file holds yet. Afterwards a range is read without any database.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, select

from features.accounts import SUBJECT as ACCOUNT
from features.buckets import (
    Span,
    customer_starts,
    group_bounds,
    open_bucket,
    read_buckets,
    rows_of_table,
    sort_rows,
)
from features.counting import Counted, Linked, weave
from features.linking import count_linked, plan_accounts, plan_linked
from features.live import live_table
from features.rows import (
    Rows,
    has_digests,
    in_order,
    name_kinds,
    no_rows,
    only,
    put_in_order,
    without,
)
from features.store import Bucket, HistoryStore, buckets
from features.tables import customers
from features.versions import settled

EVENTS_PER_RANGE = 250_000
_LEEWAY = 1.25
"""How much larger than asked a range may be, so that a day's rows do not break it in two."""


@dataclass(frozen=True, eq=False)
class CustomerRange:
    """Some consecutive customers of a history and what must be read for them; can be pickled.

    `span` says whose rows these are; `files` name the buckets, grouped by segment. `events` is
    about how many rows there are. `versions` tells whether anything may be corrected or retracted.
    `tail` holds the rows that are in no file yet, `linked` what was recorded under several ids for
    one customer: treat a range like the history itself.
    """

    subject: str
    span: Span
    files: tuple[tuple[str, ...], ...]
    events: int
    versions: bool
    tail: pa.Table | None
    linked: Linked | None = None


class _Piece(NamedTuple):
    """Rows of known number between two customers; None: not known where."""

    first: str | None
    last: str | None
    rows: int


def plan_ranges(
    conn: Connection,
    store: HistoryStore,
    *,
    subject: str = "customer",
    events_per_range: int = EVENTS_PER_RANGE,
) -> tuple[CustomerRange, ...]:
    """Cut everyone's history into consecutive ranges of about `events_per_range` events.

    The ranges cover all customers, in ascending order, none twice; a range is larger than asked
    (by more than a quarter) only where one customer or one indivisible part of a file is. Nobody's
    permission is looked at here: `read_range` and `read_ranges` leave out whom they are told.
    Files may be gone when an erasure came in between; reading then raises `IntegrityBroken`, and
    a new plan will do. With `subject` "account" the ranges are of accounts (`account_ranges`).
    """
    if subject == ACCOUNT:
        return tuple(account_ranges(conn, events_per_range=events_per_range))
    found = buckets(conn, subject)
    tail = sort_rows(live_table(conn, subject))
    starts = customer_starts(tail)
    in_tail = tail["customer_id"].take(pa.array(starts)).to_pylist()
    ranges = []
    spans = list(spans_of(store, found, subject, events_per_range, tail))
    linked = plan_linked(conn, subject, [span for span, _ in spans])
    for (span, events), apart in zip(spans, linked, strict=True):
        wanted = [b for b in found if span.holds(b.first_customer, b.last_customer)]
        by_segment = groupby(wanted, key=lambda bucket: (bucket.segment_id, bucket.subject))
        rows = _tail_of(tail, starts, in_tail, span)
        pointing = rows is not None and (
            rows["corrects"].null_count < len(rows) or rows["retracts"].null_count < len(rows)
        )
        ranges.append(
            CustomerRange(
                subject=subject,
                span=span,
                files=tuple(tuple(bucket.path for bucket in own) for _, own in by_segment),
                events=events,
                versions=pointing or any(bucket.versions for bucket in wanted),
                tail=rows,
                linked=apart,
            )
        )
    return tuple(ranges)


def customers_in(conn: Connection, span: Span, *, subject: str = "customer") -> list[str]:
    """List everyone with any history in a span of customers, in ascending order."""
    name: ColumnElement[str] = customers.c.customer_id
    if conn.dialect.name == "postgresql":
        name = name.collate("C")  # spans are in the order of code points
    query = select(customers.c.customer_id).where(customers.c.subject == subject)
    if span.after is not None:
        query = query.where(name > span.after)
    if span.until is not None:
        query = query.where(name <= span.until)
    return sorted(conn.execute(query).scalars())


def account_ranges(
    conn: Connection, *, events_per_range: int = EVENTS_PER_RANGE
) -> Iterator[CustomerRange]:
    """Cut the accounts into ranges, one after another; `conn` is used until the last.

    A range holds the rows of its accounts' members itself, and needs no file.
    """
    for span, linked in plan_accounts(conn, events_per_range):
        yield CustomerRange(ACCOUNT, span, (), len(linked.rows.columns), False, None, linked)


def spans_of(
    store: HistoryStore,
    found: Sequence[Bucket],
    subject: str,
    events_per_range: int,
    tail: pa.Table | None = None,
) -> Iterable[tuple[Span, int]]:
    """Cut the customers of some files, and of sorted rows beside them, into consecutive spans.

    Each comes with about how many rows it has.
    """
    pieces = [piece for each in found for piece in _pieces(store, each, subject, events_per_range)]
    if tail is not None:
        pieces += _pieces_of_table(tail, max(events_per_range // 4, 1))
    return _spans(pieces, events_per_range)


def read_rows(
    store: HistoryStore,
    range_: CustomerRange,
    allowed: frozenset[str] | None = None,
    *,
    digests: bool = False,
) -> Rows:
    """Bring in a range's rows in order: every segment's and the tail's, merged.

    Those whose events are put together from several ids are left out: `count_range` adds them.
    `allowed` names the customers wanted, None all of them. Digests are read where they are asked
    for, and where only they can tell the order or the names of versions. Rows found out of order
    are sorted; files out of the order of their customers raise `IntegrityBroken`.
    """
    with_digests = digests or range_.versions
    rows = _read(store, range_, digests=with_digests)
    if rows is None:
        rows = _read(store, range_, digests=True)
        assert rows is not None
    if allowed is not None:
        rows = only(rows, allowed)
    if range_.linked is not None:
        rows = without(rows, range_.linked.owners)
    return rows._replace(columns=name_kinds(rows.columns))


def count_range(
    store: HistoryStore,
    range_: CustomerRange,
    allowed: frozenset[str] | None = None,
    *,
    digests: bool = False,
) -> Counted:
    """Bring in everyone's rows of a range, with the instant each version is superseded at.

    Of those merged or above others only the events of ids in `allowed` (None: of all) count.
    """
    return with_linked(read_rows(store, range_, allowed, digests=digests), [range_], allowed)


def with_linked(
    rows: Rows, ranges: Sequence[CustomerRange], allowed: frozenset[str] | None
) -> Counted:
    """Add what `read_rows` left out of these ranges to their rows."""
    apart = [count_linked(each.linked, allowed) for each in ranges if each.linked is not None]
    counted = Counted(rows, settled(rows), None)
    return weave(counted, reduce(weave, apart)) if apart else counted


def _read(store: HistoryStore, range_: CustomerRange, *, digests: bool) -> Rows | None:
    """Read and merge; None where that cannot be done without digests."""
    parts = [
        read_buckets(
            store, names, range_.subject, range_.span, digests=digests, versions=range_.versions
        )
        for names in range_.files
    ]
    if range_.tail is not None:
        parts.append(rows_of_table(range_.tail))
    parts = [part for part in parts if len(part.customers)]
    for k, part in enumerate(parts):
        if not in_order(part):
            if not has_digests(part.columns):
                return None
            parts[k] = put_in_order(part)
    if not parts:
        return no_rows()
    if len(parts) == 1:
        return parts[0]
    from features.merging import Tied, merge  # compiled code, slow to load

    parts.sort(key=lambda part: len(part.columns))
    try:
        while len(parts) > 1:  # the smallest first, so that the largest is copied once
            one, other, *others = parts
            parts = sorted([merge(one, other), *others], key=lambda part: len(part.columns))
    except Tied:
        return None
    return parts[0]


def _pieces(
    store: HistoryStore, bucket: Bucket, subject: str, events_per_range: int
) -> Iterable[_Piece]:
    """A bucket as it stands, or its row groups where it is too large to plan with."""
    known = bucket.first_customer is not None
    if known and bucket.rows <= events_per_range:
        yield _Piece(bucket.first_customer, bucket.last_customer, bucket.rows)
        return
    file = open_bucket(store, bucket.path)
    for k in range(file.num_row_groups):
        first, last = group_bounds(file, k, "subject")
        if first is not None and not first <= subject <= last:
            continue
        rows = file.metadata.row_group(k).num_rows
        if first is not None and first == last:
            first, last = group_bounds(file, k, "customer_id")
            yield _Piece(first, last, rows)
        else:
            yield _Piece(None, None, rows)


def _pieces_of_table(table: pa.Table, size: int) -> Iterable[_Piece]:
    ids = table["customer_id"]
    for start in range(0, len(table), size):
        rows = min(size, len(table) - start)
        yield _Piece(ids[start].as_py(), ids[start + rows - 1].as_py(), rows)


def _spans(pieces: list[_Piece], events_per_range: int) -> Iterable[tuple[Span, int]]:
    """Cut between customers at the ends of pieces, their rows taken as evenly spread."""
    if not pieces:
        return
    cuts = sorted({piece.last for piece in pieces if piece.last is not None})
    if not cuts:
        yield Span(None, None), sum(piece.rows for piece in pieces)
        return
    change = np.zeros(len(cuts) + 1)
    for first, last, rows in pieces:
        begin = 0 if first is None else bisect_left(cuts, first)
        end = len(cuts) if last is None else bisect_left(cuts, last) + 1
        change[begin] += rows / (end - begin)
        change[end] -= rows / (end - begin)
    most = events_per_range * _LEEWAY
    after, held = None, 0.0
    for k, rows in enumerate(np.cumsum(change[:-1]).tolist()):
        if held and held + rows > most:
            yield Span(after, cuts[k - 1]), round(held)
            after, held = cuts[k - 1], 0.0
        held += rows
    yield Span(after, None), round(held)


def _tail_of(
    tail: pa.Table, starts: np.ndarray, customers: list[str], span: Span
) -> pa.Table | None:
    first = 0 if span.after is None else bisect_right(customers, span.after)
    last = len(customers) if span.until is None else bisect_right(customers, span.until)
    if first == last:
        return None
    stop = len(tail) if last == len(starts) else int(starts[last])
    return tail.take(pa.array(np.arange(int(starts[first]), stop)))
