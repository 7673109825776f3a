"""Features made of features: ratios, differences and totals, filled in after their parts.

Pure and element by element, so that a customer's row is the same bits alone and among millions.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions import DERIVED, FeatureDefinition
from governance.errors import ConfigurationError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_FEATURE = ", which is no feature"
"""How the message about parts that are not there ends."""

_ROWS = 1_000  # at a time, so that they stay in the cache


class Step(NamedTuple):
    """Derived features of one aggregate whose parts are there: columns `out` (d,) of `parts`.

    `parts` has one array (d,) per part, in order; `empty` (d,) is what a ratio by 0 becomes.
    """

    aggregate: str
    out: Ints
    parts: tuple[Ints, ...]
    empty: Floats


class DerivedPlan(NamedTuple):
    """What to fill in, parts before wholes: many features at a time, and one by one.

    `single` holds (aggregate, column, columns of the parts, `empty`).
    """

    steps: tuple[Step, ...]
    single: tuple[tuple[str, int, tuple[int, ...], float], ...]


@lru_cache(maxsize=32)
def plan_derived(definitions: tuple[FeatureDefinition, ...]) -> DerivedPlan:
    """Work out the order in which `fill` goes through some definitions, once.

    Raises `ConfigurationError` for parts that are not among them, circles, and a derived feature
    that does not name every purpose of its parts.
    """
    problems = [f"{name}: {problem}" for name, problem in derivation_problems(definitions)]
    if problems:
        raise ConfigurationError(problems, source="the derived features")
    place = {each.name: k for k, each in enumerate(definitions)}
    depths = _depths(definitions)
    groups: dict[tuple[int, str, int], list[FeatureDefinition]] = {}
    for each in definitions:
        if each.aggregate in DERIVED:
            key = (depths[each.name], each.aggregate, len(each.of))
            groups.setdefault(key, []).append(each)
    return DerivedPlan(
        tuple(_step(groups[key], place) for key in sorted(groups)),
        tuple(
            (each.aggregate, place[each.name], tuple(place[part] for part in each.of), each.empty)
            for key in sorted(groups)
            for each in groups[key]
        ),
    )


def fill(plan: DerivedPlan, values: Floats) -> None:
    """Fill the derived columns of `values` (n, k), in place, from their parts.

    Every kind is NaN where a part is, so what someone may not see stays unseen. A ratio whose
    second part is 0 is the definition's `empty`: NaN, unless it declares a number. What is too
    large for a number is NaN.
    """
    if len(values) == 1:
        _fill_one(plan, values[0])
        return
    if plan.steps:
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, len(values), _ROWS):
                _fill_many(plan, values[first : first + _ROWS])


def _fill_many(plan: DerivedPlan, values: Floats) -> None:
    for aggregate, out, parts, empty in plan.steps:
        found = values[:, parts[0]]
        if aggregate == "ratio":
            below = values[:, parts[1]]
            nothing = below == 0.0
            below[nothing] = np.nan
            unknown = np.isnan(found)
            found /= below
            found = np.where(nothing & ~unknown, empty, found)
        elif aggregate == "difference":
            found -= values[:, parts[1]]
        else:
            for part in parts[1:]:
                found += values[:, part]
        found[~np.isfinite(found)] = np.nan  # one NaN, whatever the bits of those it came from
        values[:, out] = found


def _fill_one(plan: DerivedPlan, row: Floats) -> None:
    """Fill one row (k,): the same arithmetic without the cost of arrays."""
    known = row.tolist()
    for aggregate, out, parts, empty in plan.single:
        found = known[parts[0]]
        if aggregate == "ratio":
            below = known[parts[1]]
            found = found / below if below != 0.0 else empty if found == found else math.nan
        elif aggregate == "difference":
            found -= known[parts[1]]
        else:
            for part in parts[1:]:
                found += known[part]
        known[out] = row[out] = found if math.isfinite(found) else math.nan


def derive(definitions: Sequence[FeatureDefinition], values: Floats) -> None:
    """Fill the derived columns of `values` (n, k), whose columns are `definitions`, in place."""
    fill(plan_derived(tuple(definitions)), values)


def with_parts_purposes(
    definitions: Iterable[FeatureDefinition],
) -> tuple[FeatureDefinition, ...]:
    """Let every derived feature need what its parts need, beside what it states itself.

    Unknown parts and circles are left for `derivation_problems` to name.
    """
    found = {each.name: each for each in definitions}
    depths = _depths(tuple(found.values()))
    for name in sorted(depths, key=depths.__getitem__):
        each = found[name]
        parts = [purpose for part in each.of if part in found for purpose in found[part].purposes]
        wanted = tuple(dict.fromkeys((*each.purposes, *parts)))
        if each.aggregate in DERIVED and wanted != each.purposes:
            found[name] = replace(each, purposes=wanted)
    return tuple(found.values())


def needed(definitions: Sequence[FeatureDefinition], names: Iterable[str]) -> frozenset[str]:
    """Name some features and everything they are made of, however deep."""
    parts = {each.name: each.of for each in definitions}
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += parts.get(name, ())
    return frozenset(found)


def made_of(definitions: Sequence[FeatureDefinition], names: Iterable[str]) -> frozenset[str]:
    """Name some features and everything that is made of them, however indirectly."""
    found = set(names)
    size = -1
    while len(found) > size:
        size = len(found)
        found |= {each.name for each in definitions if found.intersection(each.of)}
    return frozenset(found)


def derivation_problems(definitions: Sequence[FeatureDefinition]) -> list[tuple[str, str]]:
    """List (feature, problem): parts that are not there, circles, purposes left out."""
    by_name = {each.name: each for each in definitions}
    problems = []
    for each in definitions:
        unknown = [part for part in each.of if part not in by_name]
        if unknown:
            problems.append((each.name, f"is made of {', '.join(unknown)}{NO_FEATURE}"))
        lacking = sorted(
            {purpose for part in each.of if part in by_name for purpose in by_name[part].purposes}
            - set(each.purposes)
        )
        if lacking:
            problems.append((each.name, f"its parts need {', '.join(lacking)}, too"))
    for circle in _circles(by_name):
        problems.append((circle[0], f"goes in a circle: {' → '.join((*circle, circle[0]))}"))
    return problems


def _depths(definitions: Sequence[FeatureDefinition]) -> dict[str, int]:
    """How many steps each feature is away from events; those in or above a circle are left out."""
    parts = {each.name: each.of for each in definitions}
    waiting = {name: {part for part in of if part in parts} for name, of in parts.items()}
    wholes: dict[str, list[str]] = {}
    for name, of in waiting.items():
        for part in of:
            wholes.setdefault(part, []).append(name)
    depth = {name: 0 for name, of in waiting.items() if not of}
    ready = list(depth)
    for part in ready:  # grows while it is gone through
        for name in wholes.get(part, ()):
            waiting[name].discard(part)
            if not waiting[name]:
                depth[name] = depth[part] + 1
                ready.append(name)
    return depth


def _circles(by_name: Mapping[str, FeatureDefinition]) -> list[tuple[str, ...]]:
    """Each circle once: from a feature that has no depth, its parts lead into one."""
    depth = _depths(tuple(by_name.values()))
    seen: set[str] = set()
    found = []
    for start in by_name:
        path: dict[str, int] = {}
        name = start
        while name not in depth and name not in seen:
            seen.add(name)
            path[name] = len(path)
            name = next(part for part in by_name[name].of if part in by_name and part not in depth)
        if name in path:
            found.append(tuple(path)[path[name] :])
    return found


def _step(members: Sequence[FeatureDefinition], place: Mapping[str, int]) -> Step:
    return Step(
        members[0].aggregate,
        np.array([place[each.name] for each in members], np.int64),
        tuple(
            np.array([place[each.of[k]] for each in members], np.int64)
            for k in range(len(members[0].of))
        ),
        np.array([each.empty for each in members]),
    )
