"""How groups are faring over time, and the gaps between them.

A group's figure rests on what its people said, wrote or measured within the period (not on
behaviour counted by machines, which may be recorded less for some), never on persons' estimates:
those are drawn towards the company's mean and would make groups look more alike than they are.
Each person counts once, with weight 1 ÷ (differences between people + own noise).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from features.history import Histories
from features.wellbeing.heard import AGGREGATE, Heard, heard_within
from features.wellbeing.noise import Noise
from features.wellbeing.scheme import Scheme
from features.wellbeing.signals import read_signals
from governance.errors import InvalidInput
from governance.intervals import Interval
from governance.proof import AggregatePermit, Permit
from governance.small_cells import hidden_cells

Floats = NDArray[np.float64]

EVERYONE = "all"
INDEX = "index"
UNKNOWN_GROUP = "(not stated)"
_LEVEL = 0.95


class Span(NamedTuple):
    """A period [start, end) in µs."""

    start: int
    end: int


class Figure(NamedTuple):
    """One group's mean in one dimension (or `index`) over one period, in points.

    `people` were heard in the period. `value` has a 95 % interval; it is None where the cell is
    `hidden` (fewer people than may be shown, or a cell that would give such a one away) or the
    dimension is not measurable.
    """

    dimension: str
    group: str
    span: Span
    value: Interval | None
    people: int | None
    hidden: bool


class Gap(NamedTuple):
    """Equity: how many points a group lies below (−) the best-off group over a period."""

    dimension: str
    group: str
    best: str
    gap: Interval


@dataclass(frozen=True, eq=False)
class GroupSums:
    """What figures need of any number of customers, so that blocks of them can be added up.

    `sums` (g, t, d, 6) hold n, Σw, Σwz, Σw², Σw²z, Σw²z² over the people heard.
    """

    groups: tuple[str, ...]
    spans: tuple[Span, ...]
    sums: Floats

    def __add__(self, other: "GroupSums") -> "GroupSums":
        if other.spans != self.spans:
            raise InvalidInput("sums over different periods cannot be added")
        groups = tuple(sorted({*self.groups, *other.groups}))
        sums = np.zeros((len(groups), *self.sums.shape[1:]))
        for part in (self, other):
            for k, name in enumerate(part.groups):
                sums[groups.index(name)] += part.sums[k]
        return GroupSums(groups, self.spans, sums)


def stated_groups(histories: Histories, attribute: str, as_of: int) -> dict[str, str]:
    """Give each customer's newest `attribute` of their profile as known at `as_of` (µs)."""
    rows = np.flatnonzero(histories.kind_mask("profile") & histories.visible(as_of))
    found: dict[str, str] = {}
    owners = histories.customer_of_event[rows]
    for owner, text in zip(owners, histories.pick("properties", rows), strict=True):
        value = json.loads(text or "{}").get(attribute)
        if value is not None:
            found[str(histories.customers[owner])] = str(value)
    return found


def group_sums(
    histories: Histories,
    scheme: Scheme,
    noise: Noise,
    spans: Sequence[Span],
    *,
    permit: Permit,
    known_until: int,
    groups: Mapping[str, str] | None = None,
) -> GroupSums:
    """Add up the readings of those `permit` covers (`wellbeing_inference`) over each period.

    `groups` maps a customer to a group (None: everyone is one group). Uses what was known at
    `known_until` (µs).
    """
    signals = read_signals(histories, scheme, permit)
    kept = signals.permitted
    labels = [
        EVERYONE if groups is None else groups.get(str(c), UNKNOWN_GROUP)
        for c in histories.customers
    ]
    names = tuple(sorted({label for label, keep in zip(labels, kept, strict=True) if keep}))
    place = {name: k for k, name in enumerate(names)}
    owner = np.array([place.get(label, -1) for label in labels], np.int64)
    sums = np.zeros((len(names), len(spans), len(scheme.dimensions), 6))
    known = histories.visible(known_until)
    for t, span in enumerate(spans):
        inside = known & (histories.occurred_at >= span.start) & (histories.occurred_at < span.end)
        for d, name in enumerate(scheme.names):
            heard = heard_within(signals, noise.of(name), inside)
            if heard is None:
                continue
            for k, column in enumerate(_terms(heard)):
                there = heard.there & kept
                sums[:, t, d, k] = np.bincount(owner[there], column[there], len(names))
    return GroupSums(names, tuple(spans), sums)


def group_figures(
    sums: GroupSums, scheme: Scheme, noise: Noise, *, aggregate: AggregatePermit
) -> tuple[Figure, ...]:
    """Give each dimension's and the index's mean per group and period, small cells hidden.

    Where there are several groups, the whole company comes first as `all`.
    """
    aggregate.require(AGGREGATE)
    found = []
    for t, span in enumerate(sums.spans):
        for d, name in enumerate(scheme.names):
            cells = {g: int(sums.sums[k, t, d, 0]) for k, g in enumerate(sums.groups)}
            hidden = hidden_cells(cells, aggregate.min_people)
            if len(sums.groups) > 1:
                found.append(_figure(name, EVERYONE, span, sums.sums[:, t, d].sum(0), aggregate))
            found += [
                _figure(name, group, span, sums.sums[k, t, d], aggregate, group in hidden)
                for k, group in enumerate(sums.groups)
            ]
    return (*found, *_indices(found, scheme, noise))


def equity(figures: Collection[Figure]) -> tuple[Gap, ...]:
    """Compare every shown group with the best-off one, per dimension, over the newest period.

    Nothing for a dimension with fewer than two shown groups. The interval (95 %) takes the groups'
    people as different people; it is not adjusted for picking the best of several.
    """
    newest = max((figure.span for figure in figures), default=None)
    shown: dict[str, list[Figure]] = {}
    for figure in figures:
        named = figure.group not in (EVERYONE, UNKNOWN_GROUP)
        if figure.span == newest and figure.value is not None and named:
            shown.setdefault(figure.dimension, []).append(figure)
    gaps = []
    for dimension, cells in shown.items():
        best = max(cells, key=lambda figure: figure.value.value if figure.value else 0.0)
        for cell in cells:
            if cell is best or cell.value is None or best.value is None:
                continue
            gap = cell.value.value - best.value.value
            half = float(np.hypot(_half(cell.value), _half(best.value)))
            gaps.append(
                Gap(dimension, cell.group, best.group, Interval(gap, gap - half, gap + half))
            )
    return tuple(gaps)


def _terms(heard: Heard) -> tuple[Floats, ...]:
    w, z = heard.weight, heard.points
    return np.ones_like(w), w, w * z, w * w, w * w * z, w * w * z * z


def _figure(
    name: str,
    group: str,
    span: Span,
    terms: Floats,
    aggregate: AggregatePermit,
    hidden: bool = False,
) -> Figure:
    n = int(terms[0])
    if n == 0:
        return Figure(name, group, span, None, 0, hidden=False)
    if hidden or not aggregate.allows(n):
        return Figure(name, group, span, None, None, hidden=True)
    _, w, wz, ww, wwz, wwzz = (float(x) for x in terms)
    mean = wz / w
    squares = max(wwzz - 2 * mean * wwz + mean * mean * ww, 0.0) * n / (n - 1)
    half = float(special.stdtrit(n - 1, (1 + _LEVEL) / 2)) * np.sqrt(squares) / w
    return Figure(name, group, span, Interval(mean, mean - half, mean + half), n, hidden=False)


def _indices(found: Sequence[Figure], scheme: Scheme, noise: Noise) -> list[Figure]:
    """The index per group and period, over the dimensions with a value there.

    The errors of two dimensions go together at most as far as the states do.
    """
    cells: dict[tuple[Span, str], list[Figure]] = {}
    for figure in found:
        cells.setdefault((figure.span, figure.group), []).append(figure)
    correlation = np.maximum(np.array(noise.correlation), 0.0)
    made = []
    for (span, group), parts in cells.items():
        share = np.array([scheme.shares[part.dimension] if part.value else 0.0 for part in parts])
        hidden = any(part.hidden for part in parts)
        if not share.sum():
            made.append(Figure(INDEX, group, span, None, None if hidden else 0, hidden))
            continue
        share /= share.sum()
        values = np.array([part.value.value if part.value else 0.0 for part in parts])
        halves = share * np.array([_half(part.value) if part.value else 0.0 for part in parts])
        mean, half = float(share @ values), float(np.sqrt(halves @ correlation @ halves))
        people = min(part.people or 0 for part in parts if part.value)
        made.append(
            Figure(INDEX, group, span, Interval(mean, mean - half, mean + half), people, False)
        )
    return made


def _half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2
