"""The one kernel: features of customers at instants, for a million customers or for one.

What may be used at as_of is exactly `occurred_at < as_of and known_at < as_of`, and of several
versions of an event the one known then. A customer's row does not depend on who else is computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features.accounts import SUBJECT as ACCOUNT
from features.columns import Properties, lines_of, matches, properties_of, read_column
from features.compiled import deal, fill, sift
from features.definitions import FeatureDefinition
from features.derived import fill as fill_derived
from features.history import Histories
from features.own_functions import OwnFunction, function_values
from features.permitted import fill_permitted, of_accounts
from features.plan import Plan, Source, plan_of
from governance.proof import Permit

Ints = NDArray[np.int64]
Flags = NDArray[np.uint8]

BLOCK_EVENTS = 200_000
"""How many events are computed at a time, at least a customer's: bounds memory, changes nothing."""

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
    definitions: Sequence[FeatureDefinition] | Plan,
    as_ofs: Sequence[int],
    *,
    permits: Mapping[str, Permit],
    functions: Mapping[str, OwnFunction] | None = None,
) -> FeatureTable:
    """Compute every feature of every customer at every instant of `as_ofs` (µs, duplicates once).

    `permits` maps a purpose to the permit for it. A feature is NaN for customers whom the permits
    of its purposes do not all cover; in place of `risk_scoring` a `model_training` permit will do,
    for the model that scores. `functions` are the company's own (`own_functions.load_functions`),
    if any feature is one. Who computes often makes the plan of the definitions once. Batch and
    single rows agree bit for bit.
    """
    plan = definitions if isinstance(definitions, Plan) else plan_of(tuple(definitions))
    allowed = allowed_by(histories, plan, permits)
    return compute_allowed(histories, plan, as_ofs, allowed, functions or {})


def compute_allowed(
    histories: Histories,
    plan: Plan,
    as_ofs: Sequence[int],
    allowed: Flags,
    functions: Mapping[str, OwnFunction],
) -> FeatureTable:
    """Compute a plan's features where `allowed` (groups, m) is 1: the part that needs no permit.

    For carriers that checked the permits of `plan.groups` somewhere else (see `allowed_by`). Where
    histories hold events of other ids, `allowed` goes on with theirs, as `Histories.ids` does.
    """
    cuts = np.array(sorted(set(as_ofs)), np.int64)
    index, as_of, values = fill_permitted(
        histories, plan, allowed, lambda some, flags: _fill(some, plan, cuts, flags, functions)
    )
    return FeatureTable(
        names=plan.names,
        customers=histories.customers[index],
        customer_index=index,
        as_of=as_of,
        values=values,
    )


def _fill(
    histories: Histories,
    plan: Plan,
    cuts: Ints,
    allowed: Flags,
    functions: Mapping[str, OwnFunction],
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    most = len(histories) * len(cuts)
    values = np.empty((most, len(plan.names)))
    index, as_of = np.empty(most, np.int64), np.empty(most, np.int64)
    done = 0
    for first, stop in _blocks(histories.offsets):
        block = _Block(histories, plan, first, stop, allowed[:, first:stop])
        found = block.fill(cuts, values[done:], index[done:], as_of[done:])
        index[done : done + found] += first
        done += found
    rows = index[:done], as_of[:done], values[:done]
    _fill_others(histories, plan, cuts, allowed, functions, rows)
    return rows


def allowed_by(histories: Histories, plan: Plan, permits: Mapping[str, Permit]) -> Flags:
    """Whom each group of purposes of a plan is permitted for (groups, m): 1, or 0 without permit.

    Of histories with events of other ids (groups, m + c), as `Histories.ids`. Raises
    `PermissionRefused` for a permit that is not for the purpose it is given for.
    """
    found = allowed_among(histories.ids.tolist(), plan, permits)
    return of_accounts(found, histories, plan) if histories.subject == ACCOUNT else found


def allowed_among(customers: Sequence[str], plan: Plan, permits: Mapping[str, Permit]) -> Flags:
    """Like `allowed_by`, for these customers (m,)."""
    permitted = {
        purpose: _permitted(customers, purpose, permits)
        for group in plan.groups
        for purpose in group
    }
    found = np.ones((len(plan.groups), len(customers)), np.uint8)
    for g, group in enumerate(plan.groups):
        for purpose in group:
            found[g] &= permitted[purpose]
    return found


def _permitted(customers: Sequence[str], purpose: str, permits: Mapping[str, Permit]) -> Flags:
    carried_by = _CARRIED_BY.get(purpose, (purpose,))
    given = next((permits[name] for name in carried_by if name in permits), None)
    if given is None:
        return np.zeros(len(customers), np.uint8)
    if given.purpose not in carried_by:
        given.require(purpose)
    covered = given.customers
    return np.array([customer in covered for customer in customers], np.uint8)


def _blocks(offsets: Ints) -> list[tuple[int, int]]:
    """Runs of neighbouring customers with about `BLOCK_EVENTS` events each."""
    size, found, first = len(offsets) - 1, [], 0
    while first < size:
        stop = int(np.searchsorted(offsets, offsets[first] + BLOCK_EVENTS, side="right")) - 1
        stop = min(max(stop, first + 1), size)
        found.append((first, stop))
        first = stop
    return found


def _fill_others(
    histories: Histories,
    plan: Plan,
    cuts: Ints,
    allowed: Flags,
    functions: Mapping[str, OwnFunction],
    rows: tuple[Ints, Ints, NDArray[np.float64]],
) -> None:
    """Fill in the company's own functions, then what is made of other features."""
    index, as_of, values = rows
    group = plan.feature_table[:, 7]
    for k in plan.own_functions:
        definition, everyone = plan.definitions[k], range(len(histories))
        may = allowed[group[k]].astype(np.bool_)
        found = function_values(definition, functions, histories, everyone, cuts.tolist(), may)
        values[:, k] = found[index, np.searchsorted(cuts, as_of)]
    if not plan.derived:
        return
    fill_derived(plan.derivation, values)
    for k in plan.derived:  # one may need more than its parts do
        may = allowed[group[k]]
        if not may.all():
            values[may[index] == 0, k] = np.nan


class _Block:
    """Some neighbouring customers' events, dealt out to the sources of a plan."""

    def __init__(
        self, histories: Histories, plan: Plan, first: int, stop: int, allowed: Flags
    ) -> None:
        rows = slice(int(histories.offsets[first]), int(histories.offsets[stop]))
        self._histories = histories
        self._plan = plan
        self._events = rows
        self._offsets = histories.offsets[first : stop + 1] - rows.start
        self._allowed = np.ascontiguousarray(allowed)
        self._starts = np.empty((len(plan.sources), stop - first + 1), np.int64)
        readers_at, readers, most = _readers(plan.sources, histories.kinds)
        self._rows = np.empty((rows.stop - rows.start) * most, np.int32)
        deal(histories.kind[rows], self._offsets, readers_at, readers, self._starts, self._rows)
        self._properties: Properties | None = None
        self._codes: dict[int, Ints] = {}
        self._choose()
        self._repeat()

    def fill(self, cuts: Ints, out: NDArray[np.float64], customer: Ints, as_of: Ints) -> int:
        """Put the rows of these customers at the head of `out` and its places; gives how many."""
        plan, histories, events = self._plan, self._histories, self._events
        numbers, number_at = self._numbers()
        found: int = fill(
            self._offsets,
            histories.is_own_act[events].view(np.uint8),
            histories.occurred_at[events],
            histories.known_at[events],
            histories.superseded_at[events],
            histories.value_micros[events],
            self._starts,
            self._rows,
            numbers,
            number_at,
            plan.source_needs,
            plan.column_table,
            plan.window_table,
            plan.feature_table,
            plan.feature_numbers,
            plan.decays,
            cuts,
            self._allowed,
            out,
            customer,
            as_of,
        )
        return found

    def _choose(self) -> None:
        """Leave in each source the events that its properties choose."""
        if not any(source.where for source in self._plan.sources):
            return
        keep = np.ones(self._starts[-1, -1], np.uint8)
        for s, source in enumerate(self._plan.sources):
            first, last = self._starts[s, 0], self._starts[s, -1]
            if source.where and last > first:
                keep[first:last] = matches(self._properties_of(s), source.where)
        sift(keep, self._starts, self._rows)

    def _repeat(self) -> None:
        """Repeat the events of a source whose property lines are told apart, once per line."""
        lines = [s for s, source in enumerate(self._plan.sources) if source.lines]
        if not lines:
            return
        parts = [self._rows[starts[0] : starts[-1]] for starts in self._starts]
        total = 0
        for s, part in enumerate(parts):
            starts = self._starts[s] - self._starts[s, 0]
            if s in lines and len(part):
                named = self._plan.sources[s].lines
                repeated, self._codes[s] = lines_of(self._properties_of(s), named)
                starts = np.searchsorted(repeated, starts)
                parts[s] = part[repeated]
            self._starts[s] = starts + total
            total += len(parts[s])
        self._rows = np.concatenate(parts)

    def _numbers(self) -> tuple[Ints, Ints]:
        """The columns of the plan one after the other, and where each begins."""
        plan = self._plan
        parts: list[Ints] = []
        begins = np.zeros(len(plan.columns), np.int64)
        place = 0
        for j, column in enumerate(plan.columns):
            begins[j] = place
            if column.key == "value":
                continue
            rows = self._absolute(column.source)
            if not len(rows):
                continue
            if column.key == "lines":
                parts.append(self._codes[column.source])
            else:
                parts.append(
                    read_column(
                        column.definition,
                        self._histories,
                        rows,
                        lambda s=column.source: self._properties_of(s),  # type: ignore[misc]
                        lambda j=j, rows=rows: self._text_allowed(j, rows),  # type: ignore[misc]
                    )
                )
            place += len(parts[-1])
        return (np.concatenate(parts) if parts else np.zeros(0, np.int64)), begins

    def _absolute(self, source: int) -> Ints:
        """Rows of the histories that a source reads."""
        starts = self._starts[source]
        return self._rows[starts[0] : starts[-1]] + np.int64(self._events.start)

    def _properties_of(self, source: int) -> Properties:
        if self._properties is None:
            self._properties = properties_of(self._histories, self._events)
        starts = self._starts[source]
        return self._properties.take(self._rows[starts[0] : starts[-1]])

    def _text_allowed(self, column: int, rows: Ints) -> NDArray[np.bool_]:
        """Whose text may be read for a column: where any feature on it is permitted (n,)."""
        features = self._plan.feature_table
        groups = np.unique(features[features[:, 5] == column, 7])
        people: NDArray[np.bool_] = self._allowed[groups].any(axis=0)
        customer = np.searchsorted(self._offsets, rows - self._events.start, side="right") - 1
        return people[customer]


@lru_cache(maxsize=64)
def _readers(sources: tuple[Source, ...], kinds: tuple[str, ...]) -> tuple[Ints, Ints, int]:
    """Which sources read each kind, one list after the other; and the longest list's length."""
    lists = [[s for s, source in enumerate(sources) if kind in source.kinds] for kind in kinds]
    sizes = [len(each) for each in lists]
    readers_at = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    readers = np.array([s for each in lists for s in each], np.int64)
    return readers_at, readers, max(sizes, default=0)
