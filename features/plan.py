"""What a list of definitions asks of the events, worked out once and written down as numbers.

The compiled kernel knows nothing of names: it is given sources (which events), columns (which
numbers beside them), windows and features as small integer tables, one row each.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compiled import OPERATIONS
from features.definitions import DERIVED, FeatureDefinition
from features.derived import DerivedPlan, plan_derived
from governance.instants import DAY_US

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_DAYS = frozenset(
    {"active_days", "gap_mean_days", "gap_median_days", "gap_std_days", "gap_shrunk_days"}
) | {"recency_over_gap"}
_SUMS = frozenset({"sum", "mean", "std", "last", "category", "delta", "max", "min"})
_BEFORE_TOO = frozenset({"trend", "delta"})
_WAITS = frozenset({"streak", "repeats", "unanswered"})
_TABLE_DAYS = 80_000  # 219 years; what is older has decayed to nothing
_LONGEST_DAYS = 10_000_000  # longer windows and waits are no different, but do not fit 64 bits


class Source(NamedTuple):
    """Which events: of these kinds, with these property values; `lines` repeats them per line."""

    kinds: tuple[str, ...]
    where: tuple[tuple[str, str], ...] = ()
    lines: str = ""


class ColumnOf(NamedTuple):
    """Numbers beside the events of one source; `key` tells equal names apart."""

    source: int
    key: str
    definition: FeatureDefinition


class Plan(NamedTuple):
    """The tables of the compiled kernel.

    `source_needs` (s, 3) flags sources whose calendar days, months or repetitions are asked for;
    `column_table` (c, 3) holds source, whether running sums are needed, and whether it is the
    value; `window_table` (w, 2) source and length in µs (-1: all); `feature_table` (k, 8)
    operation, source, second source, window, second window, column, decay table, permission group;
    `feature_numbers` (k, 2) parameter and what an empty result becomes. `decays` (d, days) are
    weights by whole days of age. `groups` are the sets of purposes; `own_functions` and `derived`
    are the places of features that are filled in afterwards.
    """

    definitions: tuple[FeatureDefinition, ...]
    names: tuple[str, ...]
    sources: tuple[Source, ...]
    columns: tuple[ColumnOf, ...]
    groups: tuple[tuple[str, ...], ...]
    source_needs: NDArray[np.uint8]
    column_table: Ints
    window_table: Ints
    feature_table: Ints
    feature_numbers: Floats
    decays: Floats
    own_functions: tuple[int, ...]
    derived: tuple[int, ...]
    derivation: DerivedPlan


@lru_cache(maxsize=32)
def plan_of(definitions: tuple[FeatureDefinition, ...]) -> Plan:
    """Work out the tables for some definitions; equal definitions are planned once."""
    making = _Making()
    rows = [making.feature(definition) for definition in definitions]
    return Plan(
        definitions=definitions,
        names=tuple(definition.name for definition in definitions),
        sources=tuple(making.sources),
        columns=tuple(making.columns),
        groups=tuple(making.groups),
        source_needs=np.array(making.needs, np.uint8).reshape(-1, 3),
        column_table=np.array(
            [
                (column.source, making.sums[k], column.key == "value")
                for k, column in enumerate(making.columns)
            ],
            np.int64,
        ).reshape(-1, 3),
        window_table=np.array(list(making.windows), np.int64).reshape(-1, 2),
        feature_table=np.array(rows, np.int64).reshape(-1, 8),
        feature_numbers=np.array(
            [(_parameter(definition), definition.empty) for definition in definitions],
            np.float64,
        ).reshape(-1, 2),
        decays=np.array([_decay(half_life) for half_life in making.half_lives] or [(1.0,)]),
        own_functions=tuple(
            k for k, definition in enumerate(definitions) if definition.aggregate == "function"
        ),
        derived=tuple(
            k for k, definition in enumerate(definitions) if definition.aggregate in DERIVED
        ),
        derivation=plan_derived(definitions),
    )


class _Making:
    """The tables while they grow."""

    def __init__(self) -> None:
        self.sources: dict[Source, int] = {}
        self.needs: list[list[int]] = []
        self.columns: list[ColumnOf] = []
        self.sums: list[bool] = []
        self.places: dict[tuple[int, str], int] = {}
        self.windows: dict[tuple[int, int], int] = {}
        self.groups: dict[tuple[str, ...], int] = {}
        self.half_lives: dict[float, int] = {}

    def feature(self, definition: FeatureDefinition) -> tuple[int, ...]:
        """Give one row of the feature table."""
        group = self.groups.setdefault(definition.purposes, len(self.groups))
        name = definition.aggregate
        if name in DERIVED or name == "function":
            return (0, 0, 0, 0, 0, 0, 0, group)
        first, second = self._two_sources(definition)
        window = self._window(first, definition.window_days)
        beside = window
        if name in _BEFORE_TOO:
            assert definition.window_days is not None
            beside = self._window(first, 2 * definition.window_days)
        elif second != first:
            beside = self._window(second, definition.window_days)
        column = self._column(first, definition) if definition.column else -1
        decay = -1
        if name.startswith("decayed"):
            decay = self.half_lives.setdefault(definition.parameter or 1.0, len(self.half_lives))
        if name in _DAYS:
            self.needs[first][0] = 1
        if name == "active_months":
            self.needs[first][1] = 1
        if name == "distinct":
            self.needs[first][2] = 1
        operation = OPERATIONS.index(name)
        return operation, first, second, window, beside, column, decay, group

    def _two_sources(self, definition: FeatureDefinition) -> tuple[int, int]:
        where = definition.where
        if definition.aggregate in ("share", "unanswered"):
            one, other = (self._source(Source((kind,), where)) for kind in definition.kinds)
            return one, other
        if definition.aggregate == "share_where":
            every = self._source(Source(definition.kinds))
            return self._source(Source(definition.kinds, where)), every
        lines = definition.column if definition.aggregate == "distinct" else ""
        found = self._source(Source(definition.kinds, where, lines.removeprefix("property:")))
        return found, found

    def _source(self, source: Source) -> int:
        if source not in self.sources:
            self.sources[source] = len(self.sources)
            self.needs.append([0, 0, 0])
        return self.sources[source]

    def _window(self, source: int, days: int | None) -> int:
        length = -1 if days is None else min(days, _LONGEST_DAYS) * DAY_US
        return self.windows.setdefault((source, length), len(self.windows))

    def _column(self, source: int, definition: FeatureDefinition) -> int:
        key = definition.column
        if definition.aggregate == "category":
            key = "\x1f".join(("category", key, *definition.categories))
        elif definition.aggregate == "distinct":
            key = "lines"
        place = self.places.setdefault((source, key), len(self.columns))
        if place == len(self.columns):
            self.columns.append(ColumnOf(source, key, definition))
            self.sums.append(False)
        self.sums[place] = self.sums[place] or definition.aggregate in _SUMS
        return place


def _parameter(definition: FeatureDefinition) -> float:
    parameter = definition.parameter or 0.0
    return min(parameter, _LONGEST_DAYS) if definition.aggregate in _WAITS else parameter


@lru_cache(maxsize=16)
def _decay(half_life_days: float) -> tuple[float, ...]:
    return tuple(0.5 ** (age / half_life_days) for age in range(_TABLE_DAYS))
