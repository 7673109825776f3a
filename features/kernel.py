"""The one kernel: features of customers at instants, for a million customers or for one.

What may be used at as_of is exactly `occurred_at < as_of and known_at < as_of`, and of several
versions of an event the one known then. A customer's row does not depend on who else is computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

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
    cuts = sorted(set(as_ofs))
    size = len(histories.customers)
    allowed = _allowed(histories, definitions, permits)
    values = np.empty((len(definitions), size * len(cuts)))
    places = np.empty(size * len(cuts), np.int64)
    done = 0
    for first in range(0, size, BLOCK_CUSTOMERS):
        block = _Block(histories, first, min(first + BLOCK_CUSTOMERS, size), allowed)
        present, found = block.compute(definitions, cuts)
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
        self._refused: dict[tuple[str, ...], Bools | None] = {}

    def compute(
        self, definitions: Sequence[FeatureDefinition], cuts: Sequence[int]
    ) -> tuple[Bools, NDArray[np.float64]]:
        """Who has a usable event (m, t), and every feature (k, m, t)."""
        shape = (self.customers, len(cuts))
        present = np.zeros(shape, np.bool_)
        found = np.empty((len(definitions), *shape))
        for begin, end, keep in self._knowledge(cuts):
            view = _View(self, keep, cuts[begin:end], definitions)
            present[:, begin:end] = view.present()
            for k, definition in enumerate(definitions):
                view.feature(definition, out=found[k, :, begin:end])
        return present, found

    def events(self, source: Source) -> "_Events":
        """Events of these kinds with these property values."""
        if source not in self._events:
            self._events[source] = _Events(self, source)
        return self._events[source]

    def refused(self, purposes: tuple[str, ...]) -> Bools | None:
        """Who has not permitted all of these purposes (m,); None for nobody."""
        if purposes not in self._refused:
            permitted = np.logical_and.reduce([self.allowed[purpose] for purpose in purposes])
            nobody = None if permitted.all() else ~permitted
            self._refused[purposes] = nobody if permitted.any() else _EVERYONE
        return self._refused[purposes]

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
        self,
        block: _Block,
        keep: Bools | None,
        cuts: Sequence[int],
        definitions: Sequence[FeatureDefinition],
    ) -> None:
        self._block = block
        self._keep = keep
        self._cuts = cuts
        self._lookbacks: dict[Source, set[int]] = {}
        self._columns: dict[Source, dict[str, FeatureDefinition]] = {}
        for definition in definitions:
            for source in sources(definition):
                days = self._lookbacks.setdefault(source, set())
                if definition.window_days is not None:
                    days.add(definition.window_days)
                    if definition.aggregate == "trend":
                        days.add(2 * definition.window_days)
                if definition.column:
                    needed = self._columns.setdefault(source, {})
                    needed.setdefault(column_key(definition), definition)
        self._streams: dict[Source, Stream | None] = {}

    def present(self) -> Bools:
        """Whether each customer has a usable event at each cut-off (m, t)."""
        block = self._block
        counts = ~block.own_act if self._keep is None else self._keep & ~block.own_act
        never = np.full(block.customers, NEVER)
        occurred_at, customer = block.occurred_at[counts], block.customer[counts]
        never[customer[::-1]] = occurred_at[::-1]  # the earliest is written last
        return never[:, None] < np.array(self._cuts, np.int64)

    def feature(self, definition: FeatureDefinition, *, out: NDArray[np.float64]) -> None:
        """Put one feature's values into `out` (m, t), NaN for customers without permission."""
        refused = self._block.refused(definition.purposes)
        if refused is _EVERYONE:
            out[...] = np.nan
            return
        asked = sources(definition)
        if any(len(self._block.events(source).rows) for source in asked):
            out[...] = aggregate(definition, [self._stream(source) for source in asked])
        else:
            out[...] = _of_nothing(definition.aggregate)
        if definition.empty == definition.empty:  # not NaN
            out[np.isnan(out)] = definition.empty
        if refused is not None:
            out[refused] = np.nan

    def _stream(self, source: Source) -> Stream:
        found = self._streams.get(source)
        if found is None:
            block = self._block
            events = block.events(source)
            columns = {
                key: events.column(definition)
                for key, definition in self._columns.get(source, {}).items()
            }
            rows = events.rows
            if self._keep is not None:
                kept = self._keep[rows]
                rows = rows[kept]
                columns = {key: column[kept] for key, column in columns.items()}
            found = self._streams[source] = Stream(
                block.customer[rows],
                block.occurred_at[rows],
                columns,
                customers=block.customers,
                as_ofs=self._cuts,
                lookbacks=sorted(self._lookbacks[source]),
            )
        return found


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


@cache
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
