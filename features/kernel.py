"""The one kernel: features of customers at instants, for a million customers or for one.

What may be used at as_of is exactly `occurred_at < as_of and known_at < as_of`, and of several
versions of an event the one known then. A customer's row does not depend on who else is computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.aggregates import AGGREGATE_FUNCTIONS, count, ratio, trend
from features.columns import (
    Properties,
    category_column,
    distinct_column,
    level_column,
    matches,
    properties_of,
    property_column,
    sentiment_column,
)
from features.definitions import FeatureDefinition
from features.history import Histories
from features.versions import NEVER
from features.windows import Stream
from governance.errors import InvalidInput
from governance.proof import Permit

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Source = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]  # kinds and property filter

BLOCK_CUSTOMERS = 2_000
"""How many customers are computed at a time: bounds memory, and changes no figure."""

_EVERYONE = np.ones(0, np.bool_)  # stands for "nobody has permitted it"
_CARRIED_BY = {"risk_scoring": ("risk_scoring", "model_training")}


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Feature values (n, k), one row per customer per as_of, sorted by customer, then as_of.

    Only customers with at least one usable event have a row. `customer_index` (n,) is the place
    in `Histories.customers`, `as_of` (n,) in µs. A value is NaN where there is nothing to say or
    no permission to say it.
    """

    names: tuple[str, ...]
    customers: NDArray[np.object_]
    customer_index: Ints
    as_of: Ints
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.as_of)


def compute(
    histories: Histories,
    definitions: Sequence[FeatureDefinition],
    as_ofs: Sequence[int],
    *,
    permits: Mapping[str, Permit],
) -> FeatureTable:
    """Compute every feature of every customer at every instant of `as_ofs` (µs, duplicates once).

    `permits` maps a purpose to the permit for it. A feature is NaN for customers whom the permits
    of its purposes do not all cover; in place of `risk_scoring` a `model_training` permit will do,
    for the model that scores. Batch and single rows agree bit for bit.
    """
    cuts, plan = sorted(set(as_ofs)), _plan_of(tuple(definitions))
    size = len(histories.customers)
    allowed = _allowed(histories, definitions, permits)
    values = np.empty((len(definitions), size * len(cuts)))
    places = np.empty(size * len(cuts), np.int64)
    done = 0
    for first in range(0, size, BLOCK_CUSTOMERS):
        block = _Block(histories, first, min(first + BLOCK_CUSTOMERS, size), allowed)
        present, found = block.compute(plan, cuts)
        rows = np.flatnonzero(present.ravel())
        flat = found.reshape(len(definitions), present.size)
        np.take(flat, rows, 1, out=values[:, done : done + len(rows)])
        places[done : done + len(rows)] = rows + first * len(cuts)
        done += len(rows)
    places = places[:done]
    index = places // max(len(cuts), 1)
    return FeatureTable(
        names=tuple(definition.name for definition in definitions),
        customers=histories.customers[index],
        customer_index=index,
        as_of=np.array(cuts, np.int64)[places - index * len(cuts)],
        values=values[:, :done].T,
    )


class _Block:
    """Some neighbouring customers' events, with the numbers read from them once."""

    def __init__(
        self, histories: Histories, first: int, stop: int, allowed: Mapping[str, Bools]
    ) -> None:
        rows = slice(int(histories.offsets[first]), int(histories.offsets[stop]))
        self.histories = histories
        self.first_row = rows.start
        self.customers = stop - first
        self.customer = histories.customer_of_event[rows] - np.int32(first)
        self.occurred_at = histories.occurred_at[rows]
        self.known_at = histories.known_at[rows]
        self.superseded_at = histories.superseded_at[rows]
        self.kind = histories.kind[rows]
        self.own_act = histories.is_own_act[rows]
        self.allowed = {purpose: mask[first:stop] for purpose, mask in allowed.items()}
        self._events: dict[Source, _Events] = {}

    def compute(self, plan: "_Plan", cuts: Sequence[int]) -> tuple[Bools, NDArray[np.float64]]:
        """Who has a usable event (m, t), and every feature (k, m, t)."""
        shape = (self.customers, len(cuts))
        present = np.zeros(shape, np.bool_)
        found = np.empty((len(plan.definitions), *shape))
        found[...] = plan.nothing[:, None, None]
        refused = {purposes: self._refused(purposes) for purposes in plan.members}
        for begin, end, keep in self._knowledge(cuts):
            view = _View(self, keep, cuts[begin:end], plan)
            present[:, begin:end] = view.present()
            for k, reads in enumerate(plan.reads):
                definition = plan.definitions[k]
                if view.has_events(reads) and refused[definition.purposes] is not _EVERYONE:
                    view.feature(definition, reads, out=found[k, :, begin:end])
        for purposes, members in plan.members.items():
            who = refused[purposes]
            if who is _EVERYONE:
                found[members] = np.nan
            elif who is not None:
                found[members[:, None], np.flatnonzero(who)] = np.nan
        return present, found

    def events(self, source: Source) -> "_Events":
        """Events of these kinds with these property values."""
        if source not in self._events:
            self._events[source] = _Events(self, source)
        return self._events[source]

    def _refused(self, purposes: tuple[str, ...]) -> Bools | None:
        """Who has not permitted all of these purposes (m,); None for nobody."""
        permitted = np.logical_and.reduce([self.allowed[purpose] for purpose in purposes])
        nobody = None if permitted.all() else ~permitted
        return nobody if permitted.any() else _EVERYONE

    def _knowledge(self, cuts: Sequence[int]) -> Iterator[tuple[int, int, Bools | None]]:
        """Runs of cut-offs between which nothing late became known and no version was replaced.

        Within a run, what counts at a cut-off is what occurred before it among the events kept.
        """
        late = self.known_at > self.occurred_at
        replaced = self.superseded_at != NEVER
        if not late.any() and not replaced.any():
            yield 0, len(cuts), None
            return
        moments = np.unique(np.concatenate([self.known_at[late], self.superseded_at[replaced]]))
        group = np.searchsorted(moments, np.array(cuts, np.int64), side="left")
        begin = 0
        while begin < len(cuts):
            end = int(np.searchsorted(group, group[begin], side="right"))
            as_of = cuts[begin]
            keep = (~late | (self.known_at < as_of)) & (self.superseded_at >= as_of)
            yield begin, end, None if keep.all() else keep
            begin = end


class _Events:
    """The events of one source within a block, and the columns read from them."""

    def __init__(self, block: _Block, source: Source) -> None:
        kinds, where = source
        codes = [k for k, kind in enumerate(block.histories.kinds) if kind in kinds]
        rows = np.flatnonzero(
            block.kind == codes[0] if len(codes) == 1 else np.isin(block.kind, codes)
        )
        self._block = block
        self._properties: Properties | None = None
        self.rows = rows
        if where:
            every = self.properties()
            kept = np.flatnonzero(matches(every, where))
            self.rows = rows[kept]
            self._properties = [every[k] for k in kept.tolist()]
        self._columns: dict[str, Ints] = {}

    def properties(self) -> Properties:
        """Properties of each event, read once."""
        if self._properties is None:
            self._properties = properties_of(
                self._block.histories, self.rows + self._block.first_row
            )
        return self._properties

    def column(self, definition: FeatureDefinition) -> Ints:
        """Millionths beside each event for a definition's column."""
        key = column_key(definition)
        if key not in self._columns:
            self._columns[key] = self._read(definition)
        return self._columns[key]

    def _read(self, definition: FeatureDefinition) -> Ints:
        rows = self.rows + self._block.first_row
        name = definition.column
        if name == "value":
            return self._block.histories.value_micros[rows]
        if name == "level":
            return level_column(self.properties(), self._block.histories.value_micros[rows])
        if name == "sentiment":
            allowed = self._block.allowed["wellbeing_inference"]
            return sentiment_column(
                self._block.histories, rows, allowed[self._block.customer[self.rows]]
            )
        if name.startswith("property:"):
            wanted = name.removeprefix("property:")
            if definition.aggregate == "category":
                return category_column(self.properties(), wanted, definition.categories)
            return property_column(self.properties(), wanted)
        if name.startswith("distinct:"):
            return distinct_column(self.properties(), name.removeprefix("distinct:"))
        raise InvalidInput(
            f"feature {definition.name} asks for the column {name!r}",
            hint="a column is value, level, sentiment, property:<name> or distinct:<name>",
        )


class _View:
    """A block seen from cut-offs that share one state of knowledge."""

    def __init__(
        self, block: _Block, keep: Bools | None, cuts: Sequence[int], plan: "_Plan"
    ) -> None:
        self._block = block
        self._keep = keep
        self._cuts = cuts
        self._plan = plan
        self._sizes = [len(block.events(source).rows) for source in plan.sources]
        self._streams: dict[int, Stream] = {}

    def present(self) -> Bools:
        """Whether each customer has a usable event at each cut-off (m, t)."""
        block = self._block
        counts = ~block.own_act if self._keep is None else self._keep & ~block.own_act
        never = np.full(block.customers, NEVER)
        occurred_at, customer = block.occurred_at[counts], block.customer[counts]
        never[customer[::-1]] = occurred_at[::-1]  # the earliest is written last
        return never[:, None] < np.array(self._cuts, np.int64)

    def has_events(self, reads: tuple[int, ...]) -> bool:
        """Whether there is any event in one of these sources."""
        return any(self._sizes[place] for place in reads)

    def feature(
        self, definition: FeatureDefinition, reads: tuple[int, ...], *, out: NDArray[np.float64]
    ) -> None:
        """Put one feature's values into `out` (m, t); `reads` are places in the plan's sources."""
        out[...] = aggregate(definition, [self._stream(place) for place in reads])
        if definition.empty == definition.empty:  # not NaN
            out[np.isnan(out)] = definition.empty

    def _stream(self, place: int) -> Stream:
        found = self._streams.get(place)
        if found is None:
            block = self._block
            events = block.events(self._plan.sources[place])
            columns = {
                key: events.column(definition)
                for key, definition in self._plan.columns[place].items()
            }
            rows = events.rows
            if self._keep is not None:
                kept = self._keep[rows]
                rows = rows[kept]
                columns = {key: column[kept] for key, column in columns.items()}
            found = self._streams[place] = Stream(
                block.customer[rows],
                block.occurred_at[rows],
                columns,
                customers=block.customers,
                as_ofs=self._cuts,
                lookbacks=self._plan.lookbacks[place],
            )
        return found


class _Plan(NamedTuple):
    """What a list of definitions reads, worked out once.

    `reads` (k,) are each feature's places in `sources`; `lookbacks` and `columns` belong to the
    sources. `nothing` (k,) is what each feature is without events; `members` are the places of the
    features that need the same purposes.
    """

    definitions: tuple[FeatureDefinition, ...]
    reads: tuple[tuple[int, ...], ...]
    sources: tuple[Source, ...]
    lookbacks: tuple[tuple[int, ...], ...]
    columns: tuple[Mapping[str, FeatureDefinition], ...]
    nothing: NDArray[np.float64]
    members: Mapping[tuple[str, ...], Ints]


@lru_cache(maxsize=32)
def _plan_of(definitions: tuple[FeatureDefinition, ...]) -> _Plan:
    places: dict[Source, int] = {}
    lookbacks: list[set[int]] = []
    columns: list[dict[str, FeatureDefinition]] = []
    reads: list[tuple[int, ...]] = []
    members: dict[tuple[str, ...], list[int]] = {}
    for k, definition in enumerate(definitions):
        members.setdefault(definition.purposes, []).append(k)
        for source in sources(definition):
            if source not in places:
                places[source] = len(places)
                lookbacks.append(set())
                columns.append({})
            place = places[source]
            if definition.window_days is not None:
                lookbacks[place].add(definition.window_days)
                if definition.aggregate == "trend":
                    lookbacks[place].add(2 * definition.window_days)
            if definition.column:
                columns[place].setdefault(column_key(definition), definition)
        reads.append(tuple(places[source] for source in sources(definition)))
    return _Plan(
        definitions,
        tuple(reads),
        tuple(places),
        tuple(tuple(sorted(days)) for days in lookbacks),
        tuple(columns),
        np.array([_without_events(definition) for definition in definitions], np.float64),
        {purposes: np.array(found, np.int64) for purposes, found in members.items()},
    )


def _without_events(definition: FeatureDefinition) -> float:
    found = _of_nothing(definition.aggregate)
    return definition.empty if np.isnan(found) else found


def aggregate(definition: FeatureDefinition, streams: Sequence[Stream]) -> NDArray[np.float64]:
    """Compute one feature (m, t) over its stream of events; a share has two."""
    first, days = streams[0], definition.window_days
    if definition.aggregate == "share":
        below = streams[1]
        return ratio(count(first, first.window(days)), count(below, below.window(days)))
    if definition.aggregate == "trend":
        assert days is not None
        return trend(first, days)
    column = first.column(column_key(definition)) if definition.column else None
    function = AGGREGATE_FUNCTIONS[definition.aggregate]
    return function(first, first.window(days), column, definition.parameter or 0.0)


@lru_cache(maxsize=64)
def _of_nothing(name: str) -> float:
    """What an aggregate gives where there are no events at all: 0 or NaN, whoever is asked for."""
    asked = FeatureDefinition(
        name=name,
        kinds=("order", "return") if name == "share" else ("order",),
        aggregate=name,
        window_days=1,
        column="value",
        categories=("none",),
        parameter=1.0,
    )
    nothing = np.zeros(0, np.int64)
    empty = Stream(
        nothing.astype(np.int32),
        nothing,
        {column_key(asked): nothing},
        customers=1,
        as_ofs=[0],
        lookbacks=[1, 2],
    )
    return float(aggregate(asked, [empty, empty])[0, 0])


def sources(definition: FeatureDefinition) -> list[Source]:
    """Which events a definition reads: one stream, or two for a share."""
    if definition.aggregate == "share":
        return [((kind,), definition.where) for kind in definition.kinds]
    return [(definition.kinds, definition.where)]


def column_key(definition: FeatureDefinition) -> str:
    """Name a definition's column; categories number the same property differently."""
    if definition.aggregate == "category":
        return "\x1f".join(("category", definition.column, *definition.categories))
    return definition.column


def _allowed(
    histories: Histories,
    definitions: Sequence[FeatureDefinition],
    permits: Mapping[str, Permit],
) -> dict[str, Bools]:
    """Who each purpose is permitted for (m,); nobody where there is no permit."""
    found = {}
    for purpose in {purpose for d in definitions for purpose in d.purposes}:
        carried_by = _CARRIED_BY.get(purpose, (purpose,))
        given = next((permits[name] for name in carried_by if name in permits), None)
        if given is None:
            found[purpose] = np.zeros(len(histories), np.bool_)
            continue
        if given.purpose not in carried_by:
            given.require(purpose)
        customers = given.customers
        found[purpose] = np.array([c in customers for c in histories.customers], np.bool_)
    return found
