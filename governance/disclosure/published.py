"""What figures over groups have been given so far, so that no two of them differ in a few people.

Two figures of one kind (retention of all, retention in Malta, retention as it was known yesterday)
differ in the people who add something else to one than to the other, or nothing at all. Subtracted
from each other they tell of exactly those. A *trace* lets that number be told later without keeping
who was in a figure: people fall into 128 places by a keyed hash, and a place holds the sum, bit by
bit, of hashes of what each of its people adds. In as many places as two traces differ, at least so
many people differ; nobody does where no place does.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, text

from governance.tables import published_figures

PLACES = 128
_EVER = 2**62
KEPT = timedelta(days=3 * 365)
"""How long a figure that was given is remembered."""

Trace = NDArray[np.uint32]
"""(128,): what the people of one figure add, mixed by place. Those of disjoint groups are joined
with ^, and a group is taken out of a larger one in the same way."""

Standing = Literal["new", "near", "known"]


class Figure(NamedTuple):
    """One figure that could be given.

    Figures with the same `name` can be subtracted from each other; `cell` says which of them it is.
    It tells of what happened in [`since`, `until`), in µs.
    """

    name: str
    cell: str
    since: int
    until: int
    people: int
    trace: Trace

    def apart(self, other: "Figure") -> int:
        """At least so many people differ; 0 where nobody does."""
        places = int((self.trace != other.trace).sum())
        return max(places, abs(self.people - other.people)) if places else 0


class Given(NamedTuple):
    """A figure as it was given: `body` is what was shown, nothing where it only followed."""

    figure: Figure
    body: Mapping[str, Any]
    given_at: datetime | None

    def said(self) -> str:
        """Say that it is given again, and since when it stands."""
        return "as given" + ("" if self.given_at is None else f" on {self.given_at:%Y-%m-%d}")


def person_keys(ids: Sequence[str], key: bytes) -> NDArray[np.uint64]:
    """Give a keyed 64-bit hash of each person, (n,)."""
    found = b"".join(hashlib.blake2b(i.encode(), digest_size=8, key=key).digest() for i in ids)
    return np.frombuffer(found, np.uint64)


def trace_of(keys: NDArray[np.uint64], *added: ArrayLike) -> Trace:
    """Give the trace of people (n,) and of one or more numbers that each of them adds, (n,)."""
    return traces_of(np.zeros(len(keys), np.int64), 1, keys, *added).reshape(PLACES)


def traces_of(
    cell: NDArray[np.int64], cells: int, keys: NDArray[np.uint64], *added: ArrayLike
) -> NDArray[np.uint32]:
    """Give the traces (cells, 128) of many: `cell` (n,) says which of them each row adds to."""
    traces = np.zeros((cells, PLACES), np.uint32)
    mark = keys.copy()
    for numbers in added:
        mark = _mix(mark ^ (np.asarray(numbers, np.float64) + 0.0).view(np.uint64))
    place = (keys % np.uint64(PLACES)).astype(np.int64)
    np.bitwise_xor.at(traces.reshape(-1), cell * PLACES + place, mark.astype(np.uint32))
    return traces


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit over all of them (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def cell_of(*parts: object) -> str:
    """Give a short name of a cell from everything that says which one it is."""
    said = json.dumps(parts, default=str, ensure_ascii=False)
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


class Register:
    """The figures given so far, and those about to be; `save` writes these down."""

    def __init__(
        self, given: Iterable[Given] = (), *, min_people: int = 5, newest: int = 0
    ) -> None:
        self._given: dict[str, list[Given]] = defaultdict(list)
        self._table: dict[str, tuple[NDArray[np.int64], NDArray[np.uint32]]] = {}
        self._new: list[Given] = []
        self.min_people, self._newest = min_people, newest
        for each in given:
            self._given[each.figure.name].append(each)

    def standing(self, figure: Figure) -> Standing:
        """Say whether a figure is `known` (one that nobody differs in was given), `near` or `new`.

        Near is one that differs in the data of fewer people than may be told of from one that was
        given over some of the same time.
        """
        given = self._given.get(figure.name)
        if not given:
            return "new"
        numbers, traces = self._columns(figure.name, given)
        there = (numbers[:, 0] < figure.until) & (figure.since < numbers[:, 1])
        places = (traces[there] != figure.trace).sum(axis=1)
        if (places == 0).any():
            return "known"
        apart = np.maximum(places, abs(numbers[there, 2] - figure.people))
        return "near" if (apart < self.min_people).any() else "new"

    def before(self, figure: Figure) -> Given | None:
        """Give the same cell as it was last given; None where it never was."""
        given = self._given.get(figure.name, ())
        return next((g for g in reversed(given) if g.figure.cell == figure.cell and g.body), None)

    def too_near(self, a: Figure, b: Figure) -> bool:
        """Whether two figures differ, and in fewer people than may be told of."""
        return 0 < a.apart(b) < self.min_people

    def give(self, figure: Figure, body: Mapping[str, Any] | None = None) -> None:
        """Note that a figure is given; without a `body`, that it follows from others."""
        last = self.before(figure)
        if last is not None and (last.figure.trace == figure.trace).all():
            return
        if body is None and self.standing(figure) == "known":
            return
        given = Given(figure, body or {}, None)
        self._given[figure.name].append(given)
        self._new.append(given)

    @property
    def changed(self) -> bool:
        """Whether there is something to write down."""
        return bool(self._new)

    def save(self, conn: Connection, *, now: datetime) -> bool:
        """Write down what is given; False, and nothing, where others gave figures meanwhile."""
        if not self._new:
            return True
        if conn.dialect.name == "postgresql":
            conn.execute(text("LOCK TABLE published_figures IN EXCLUSIVE MODE"))
        if conn.execute(_NEWEST).scalar_one() != self._newest:
            return False
        conn.execute(_FORGET, {"before": now - KEPT})
        conn.execute(insert(published_figures), [_row(given, now) for given in self._new])
        self._newest = conn.execute(_NEWEST).scalar_one()
        self._new.clear()
        return True

    def _columns(
        self, name: str, given: Sequence[Given]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        found = self._table.get(name)
        if found is None or len(found[0]) != len(given):
            numbers = [(g.figure.since, g.figure.until, g.figure.people) for g in given]
            traces = np.stack([g.figure.trace for g in given])
            found = self._table[name] = np.array(numbers, np.int64), traces
        return found


def load_register(
    conn: Connection,
    *,
    min_people: int,
    since: int = 0,
    until: int = _EVER,
    only: str = "",
    but: str = "",
) -> Register:
    """Read every figure that is remembered and tells of some of [since, until), in µs.

    Of names that begin with `only`, or of all `but` those: figures of other names are never
    compared with them, and there may be many.
    """
    newest = conn.execute(_NEWEST).scalar_one()  # first: what comes in between is then noticed
    query, name = _OVERLAPPING, published_figures.c.name
    if only:
        query = query.where(name.startswith(only, autoescape=True))
    if but:
        query = query.where(name.not_like(f"{but}%"))
    rows = conn.execute(query, {"from_": since, "to": until}).all()
    return Register(map(_given, rows), min_people=min_people, newest=newest)


def _given(row: Row[Any]) -> Given:
    trace = np.frombuffer(row.trace, "<u4").astype(np.uint32)
    figure = Figure(row.name, row.cell, row.since, row.until, row.people, trace)
    return Given(figure, json.loads(row.body), row.given_at)


def _row(given: Given, now: datetime) -> dict[str, Any]:
    figure = given.figure
    return {
        "name": figure.name,
        "cell": figure.cell,
        "since": figure.since,
        "until": figure.until,
        "people": figure.people,
        "trace": figure.trace.astype("<u4").tobytes(),
        "body": json.dumps(given.body),
        "given_at": now,
    }


_OVERLAPPING = (
    select(published_figures)
    .where(published_figures.c.until > bindparam("from_"))
    .where(published_figures.c.since < bindparam("to"))
    .order_by(published_figures.c.id)
)
_NEWEST = select(func.coalesce(func.max(published_figures.c.id), 0))
_FORGET = delete(published_figures).where(published_figures.c.given_at < bindparam("before"))
