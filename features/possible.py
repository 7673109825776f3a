"""Which values of one customer's features can be true together, and what follows from a change.

Read off the definitions: windows nest, so 30 days hold no more orders than 90; a count and the days
since the last event speak of the same events. The rules are necessary, not sufficient: what they
refuse cannot be, what they let pass may still be odd.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions import DERIVED, FeatureDefinition, pretty
from features.derived import derive
from features.reason_groups import standing

WHOLE = frozenset({"count", "active_days", "active_months", "unanswered", "repeats"})
"""Aggregates whose values are whole numbers."""

_SHARES = frozenset({"share_where", "coverage", "mode_share"})
_CLOSE = 1e-9
_JUST = 1e-6  # days: how far beyond a window an event that is outside of it is put

Values = NDArray[np.float64]


class Rule(NamedTuple):
    """What two features, by their places, say of each other.

    `at_most`: `number` · one ≤ other. `seen`: one (events in a window of `number` days) is at least
    1 exactly when other (days since the last) lies in the window. `together`: both are 0 or none.
    """

    kind: str
    one: int
    other: int
    number: float = 1.0


class Completed(NamedTuple):
    """A customer's values (k,) after a change, and the places of what moved along.

    `contradictions` say in words what cannot be true together; then `values` mean nothing.
    """

    values: Values
    along: tuple[int, ...]
    contradictions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Possible:
    """The rules among some features; make it with `possible`.

    For each feature by its place (k,): `touching`, the rules that speak of it, and `sources`, the
    places of what it is worked out from where it is a ratio from events. `movable` are the places
    of features that can change by themselves; counts of the whole past only move along.
    """

    definitions: tuple[FeatureDefinition, ...]
    touching: tuple[tuple[Rule, ...], ...]
    sources: tuple[tuple[int, ...], ...]
    movable: frozenset[int]

    def why_not(self, place: int) -> str | None:
        """Say why nobody can ask about a feature; None where one can."""
        definition = self.definitions[place]
        if definition.aggregate in DERIVED:
            return f"is worked out from {' and '.join(definition.of)}: ask about those"
        if self.sources[place]:
            names = [self.definitions[each].name for each in self.sources[place]]
            return f"follows from {' and '.join(names)}: ask about that"
        if place in self.movable:
            if definition.window_days is None and definition.aggregate in WHOLE:
                return "counts the whole past, which nothing from now on undoes"
            return None
        is_ = standing(definition, {each.name: each for each in self.definitions})
        if is_ == "correctable":
            return "is a fact stated about the person, not something that happens from now on"
        if definition.aggregate == "function":
            return "is the company's own function: what would change with it cannot be told"
        if definition.aggregate == "days_since_first":
            return "is a fact of the past, which nothing from now on can change"
        return "is fixed: only how often and how recently things happen, and answers, can change"

    def limits(self, place: int) -> tuple[float, float]:
        """Say between which numbers a feature lies, whatever the others are."""
        definition = self.definitions[place]
        if definition.aggregate == "trend" or definition.column == "sentiment":
            return -1.0, 1.0
        if definition.aggregate in _SHARES or definition.column == "level":
            return 0.0, 1.0
        if definition.aggregate == "active_days" and definition.window_days is not None:
            return 0.0, definition.window_days + 1.0
        return 0.0, math.inf

    def bounds(
        self, place: int, values: Sequence[float], given: frozenset[int] | None = None
    ) -> tuple[float, float]:
        """Say between which numbers a feature must lie while the others are as in `values` (k,).

        With `given` only those others count. Low above high: nothing is possible.
        """
        low, high = self.limits(place)
        for rule in self.touching[place]:
            far = rule.other if rule.one == place else rule.one
            if given is not None and far not in given:
                continue
            least, most = _bound(rule, place, values[far])
            low, high = max(low, least), min(high, most)
        if self.definitions[place].aggregate in WHOLE:
            low = low if math.isinf(low) else float(math.ceil(low - _CLOSE))
            high = high if math.isinf(high) else float(math.floor(high + _CLOSE))
        return low, high

    def complete(self, values: Values, asked: Mapping[int, float]) -> Completed:
        """Set features of `values` (k,) by place, and move along, as little as can be, what must.

        Only features that can change move; those asked about stay as asked. Afterwards everything
        that is made of others is worked out again. What cannot be true together is told, not
        mended.
        """
        found = values.tolist()
        told: list[str] = []
        for place, value in asked.items():
            found[place] = value
            told += self._alone(place, value)
        settled = set(asked)
        moved = True
        while moved and not told:
            moved = False
            for place in sorted(self._next_to(settled)):
                low, high = self.bounds(place, found, frozenset(settled))
                value = found[place]
                days = self.definitions[place].aggregate == "days_since_last"
                there = math.inf if math.isnan(value) and days else value
                if low - _CLOSE <= there <= high + _CLOSE or math.isnan(there) or low > high:
                    continue
                found[place] = (math.nan if math.isinf(low) else low) if there < low else high
                settled.add(place)
                moved = True
        near = dict.fromkeys(rule for place in sorted(settled) for rule in self.touching[place])
        told += [self._contradiction(rule, found) for rule in near if not _holds(rule, found)]
        changed = np.array(found)
        if not told:
            self._follow(values, changed, frozenset(asked))
        along = [
            place
            for place in range(len(found))
            if place not in asked and not _same(values[place], changed[place])
        ]
        return Completed(changed, tuple(along), tuple(told))

    def _alone(self, place: int, value: float) -> list[str]:
        definition = self.definitions[place]
        low, high = self.limits(place)
        if definition.aggregate in WHOLE and value != math.floor(value):
            return [f"{definition.name} = {pretty(value)}, but it is a whole number"]
        if low <= value <= high:
            return []
        span = f"at least {pretty(low)}" if math.isinf(high) else f"{pretty(low)} to {pretty(high)}"
        return [f"{definition.name} = {pretty(value)}, but it is {span}"]

    def _next_to(self, settled: set[int]) -> set[int]:
        touched = {
            place
            for each in settled
            for rule in self.touching[each]
            for place in (rule.one, rule.other)
        }
        return (touched & self.movable) - settled

    def _contradiction(self, rule: Rule, values: Sequence[float]) -> str:
        one, other = self._told(rule.one, values), self._told(rule.other, values)
        if rule.kind == "seen":
            days = "ever" if math.isinf(rule.number) else f"in the last {rule.number:.0f} days"
            return f"{one} and {other} do not agree on whether there was any {days}"
        if rule.kind == "together":
            return f"{one} and {other} do not agree on whether there was any"
        if rule.number == 1.0:
            return f"{one} cannot be more than {other}"
        return f"{one} is too much for {other}"

    def _told(self, place: int, values: Sequence[float]) -> str:
        value = values[place]
        said = "missing" if math.isnan(value) else pretty(value)
        return f"{self.definitions[place].name} = {said}"

    def _follow(self, before: Values, after: Values, asked: frozenset[int]) -> None:
        """Work out again, in place, what counts and days determine, then what is made of others."""
        for place, definition in enumerate(self.definitions):
            places = self.sources[place]
            if place in asked or all(_same(before[each], after[each]) for each in places):
                continue
            was, now = before[list(places)].tolist(), after[list(places)].tolist()
            after[place] = _again(definition, float(before[place]), was, now)
        derive(self.definitions, after[np.newaxis])


@lru_cache(maxsize=32)
def possible(definitions: tuple[FeatureDefinition, ...]) -> Possible:
    """Find the rules among some features."""
    by_name = {each.name: each for each in definitions}
    movable = frozenset(
        place
        for place, each in enumerate(definitions)
        if each.aggregate not in DERIVED and standing(each, by_name) == "changeable"
    )
    touching: list[list[Rule]] = [[] for _ in definitions]
    for rule in _rules(definitions):
        touching[rule.one].append(rule)
        touching[rule.other].append(rule)
    sources = tuple(_sources(definitions, each) for each in definitions)
    return Possible(definitions, tuple(map(tuple, touching)), sources, movable)


class _Places(NamedTuple):
    """Where the features about the same events are: by window, or by half-life, or alone."""

    windows: Mapping[str, Mapping[float, int]]
    decayed: Sequence[tuple[float, int]]
    alone: Mapping[str, int]


def _rules(definitions: tuple[FeatureDefinition, ...]) -> Iterator[Rule]:
    same: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, each in enumerate(definitions):
        same[each.kinds, each.where].append(place)
    for places in same.values():
        yield from _about_same_events(_sorted_out(definitions, places))
        yield from _part_of_first_kind(definitions, places)


def _sorted_out(definitions: tuple[FeatureDefinition, ...], places: Sequence[int]) -> _Places:
    windows: dict[str, dict[float, int]] = defaultdict(dict)
    decayed, alone = [], {}
    for place in places:
        each = definitions[place]
        if each.aggregate in WHOLE:
            key = f"{each.aggregate} {each.parameter or ''}"
            windows[key][_window(each)] = place
        elif each.aggregate == "decayed_count" and each.parameter and each.window_days is None:
            decayed.append((each.parameter, place))
        elif each.aggregate in ("days_since_last", "days_since_first") and not each.window_days:
            alone[each.aggregate] = place
    return _Places(windows, decayed, alone)


def _about_same_events(found: _Places) -> Iterator[Rule]:
    for of_one in found.windows.values():
        for narrow, wide in pairwise(sorted(of_one)):
            yield Rule("at_most", of_one[narrow], of_one[wide])
    counts = found.windows.get("count ", {})
    for name in ("active_days ", "active_months "):
        for window, place in found.windows.get(name, {}).items():
            if window in counts:
                yield Rule("at_most", place, counts[window])
                yield Rule("together", place, counts[window])
    last, first = found.alone.get("days_since_last"), found.alone.get("days_since_first")
    if last is not None:
        for name in ("count ", "active_days ", "active_months "):
            for window, place in found.windows.get(name, {}).items():
                yield Rule("seen", place, last, window)
        if first is not None:
            yield Rule("at_most", last, first)
    for half_life, place in found.decayed:
        for window, count in counts.items():
            if math.isinf(window):
                yield Rule("at_most", place, count)
            else:
                yield Rule("at_most", count, place, 0.5 ** (window / half_life))


def _part_of_first_kind(
    definitions: tuple[FeatureDefinition, ...], places: Sequence[int]
) -> Iterator[Rule]:
    """Unanswered and repeated events are events of their first kind."""
    for place in places:
        each = definitions[place]
        if each.aggregate in ("unanswered", "repeats"):
            count = _count_of(definitions, each.kinds[:1], each.where, each.window_days)
            if count is not None:
                yield Rule("at_most", place, count)


def _count_of(
    definitions: tuple[FeatureDefinition, ...],
    kinds: tuple[str, ...],
    where: tuple[tuple[str, str], ...],
    window_days: int | None,
) -> int | None:
    wanted = ("count", kinds, where, window_days)
    return next(
        (
            place
            for place, each in enumerate(definitions)
            if (each.aggregate, each.kinds, each.where, each.window_days) == wanted
        ),
        None,
    )


def _sources(
    definitions: tuple[FeatureDefinition, ...], definition: FeatureDefinition
) -> tuple[int, ...]:
    """Find the places of what a ratio from events is worked out from; none where any is missing."""
    if definition.aggregate == "recency_over_gap":
        for place, each in enumerate(definitions):
            if (each.aggregate, each.kinds, each.where) == (
                "days_since_last",
                definition.kinds,
                definition.where,
            ):
                return (place,)
    elif definition.aggregate == "trend":
        place_ = _count_of(definitions, definition.kinds, definition.where, definition.window_days)
        return () if place_ is None else (place_,)
    elif definition.aggregate == "share":
        pair = [
            _count_of(definitions, (kind,), definition.where, definition.window_days)
            for kind in definition.kinds
        ]
        if None not in pair:
            return tuple(each for each in pair if each is not None)
    return ()


def _again(
    definition: FeatureDefinition, value: float, was: Sequence[float], now: Sequence[float]
) -> float:
    """Work out a ratio from events again; what cannot be known stays as it was.

    The usual gap stays, and so do the events of the window before the trend's.
    """
    if definition.aggregate == "recency_over_gap":
        return value * now[0] / was[0] if was[0] > 0 else value
    if definition.aggregate == "share":
        return now[0] / now[1] if now[1] > 0 else definition.empty
    if value == -1.0 or math.isnan(value):
        return value
    before = was[0] * (1 - value) / (1 + value)
    return (now[0] - before) / (now[0] + before) if now[0] + before > 0 else 0.0


def _bound(rule: Rule, place: int, far: float) -> tuple[float, float]:
    """Between which numbers one of a rule's two must lie, when the other is `far`."""
    if rule.kind == "seen" and rule.one == place:
        there = not math.isnan(far) and far <= rule.number
        return (1.0, math.inf) if there else (-math.inf, 0.0)
    if math.isnan(far):
        return -math.inf, math.inf
    if rule.kind == "seen":
        if far >= 1:
            return -math.inf, rule.number
        return (math.inf if math.isinf(rule.number) else rule.number + _JUST), math.inf
    if rule.kind == "together":
        return (1.0, math.inf) if far >= 1 else (-math.inf, 0.0)
    if rule.one == place:
        return -math.inf, far / rule.number
    return far * rule.number, math.inf


def _holds(rule: Rule, values: Sequence[float]) -> bool:
    one, other = values[rule.one], values[rule.other]
    if math.isnan(one):
        return True
    if rule.kind == "seen":
        return (one >= 1) == (not math.isnan(other) and other <= rule.number)
    if math.isnan(other):
        return True
    if rule.kind == "together":
        return (one >= 1) == (other >= 1)
    return rule.number * one <= other + _CLOSE * max(1.0, abs(other))


def _window(definition: FeatureDefinition) -> float:
    return math.inf if definition.window_days is None else float(definition.window_days)


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
