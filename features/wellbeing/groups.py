"""How groups are faring over time, and the gaps between them.

A group's figure rests on what its people said, wrote or measured within the period (not on
behaviour counted by machines, which may be recorded less for some), never on persons' estimates:
those are drawn towards the company's mean and would make groups look more alike than they are.
Each person counts once, with weight 1 ÷ (differences between people + own noise).
"""

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
from governance.disclosure.breakdown import ALL, Cell, Part, Verdict, decide
from governance.disclosure.published import PLACES, Register, Trace, cell_of, person_keys, trace_of
from governance.disclosure.published import Figure as Published
from governance.errors import InvalidInput
from governance.intervals import Interval
from governance.proof import AggregatePermit, Permit

Floats = NDArray[np.float64]

EVERYONE = ALL
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
    dimension is not measurable; `note` says where it is the figure that was given before.
    """

    dimension: str
    group: str
    span: Span
    value: Interval | None
    people: int | None
    hidden: bool
    note: str = ""


class Gap(NamedTuple):
    """Equity: how many points a group lies below (−) the best-off group over a period."""

    dimension: str
    group: str
    best: str
    gap: Interval


@dataclass(frozen=True, eq=False)
class GroupSums:
    """What figures need of any number of customers, so that blocks of them can be added up.

    `sums` (g, t, d, 6) hold n, Σw, Σwz, Σw², Σw²z, Σw²z² over the people heard; `traces`
    (g, t, d, 128) tell later whether it is the same people with the same readings.
    """

    groups: tuple[str, ...]
    spans: tuple[Span, ...]
    sums: Floats
    traces: Trace

    def __add__(self, other: "GroupSums") -> "GroupSums":
        if other.spans != self.spans:
            raise InvalidInput("sums over different periods cannot be added")
        groups = tuple(sorted({*self.groups, *other.groups}))
        sums = np.zeros((len(groups), *self.sums.shape[1:]))
        traces = np.zeros((len(groups), *self.traces.shape[1:]), np.uint32)
        for part in (self, other):
            for k, name in enumerate(part.groups):
                sums[groups.index(name)] += part.sums[k]
                traces[groups.index(name)] ^= part.traces[k]
        return GroupSums(groups, self.spans, sums, traces)


def group_sums(
    histories: Histories,
    scheme: Scheme,
    noise: Noise,
    spans: Sequence[Span],
    *,
    permit: Permit,
    known_until: int,
    groups: Mapping[str, str] | None = None,
    key: bytes = b"",
) -> GroupSums:
    """Add up the readings of those `permit` covers (`wellbeing_inference`) over each period.

    `groups` maps a customer to a group (None: everyone is one group). Uses what was known at
    `known_until` (µs). `key` makes the hashes of people that `traces` are made of.
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
    traces = np.zeros((*sums.shape[:3], PLACES), np.uint32)
    keys = person_keys([str(each) for each in histories.customers], key)
    known = histories.visible(known_until)
    for t, span in enumerate(spans):
        inside = known & (histories.occurred_at >= span.start) & (histories.occurred_at < span.end)
        for d, name in enumerate(scheme.names):
            heard = heard_within(signals, noise.of(name), inside)
            if heard is None:
                continue
            there = heard.there & kept
            for k, column in enumerate(_terms(heard)):
                sums[:, t, d, k] = np.bincount(owner[there], column[there], len(names))
            for k in range(len(names)):
                own = there & (owner == k)
                traces[k, t, d] = trace_of(keys[own], heard.readings[own], heard.total[own])
    return GroupSums(names, tuple(spans), sums, traces)


def group_figures(
    sums: GroupSums,
    scheme: Scheme,
    noise: Noise,
    *,
    aggregate: AggregatePermit,
    by: str | None = None,
    register: Register | None = None,
    series: str = "",
    rows: Sequence[Collection[int]] | None = None,
) -> tuple[Figure, ...]:
    """Give each dimension's and the index's mean per group and period, small cells hidden.

    Where there are several groups, the whole company comes first as `all`. What the `register`
    holds against a figure hides it, or has it given as it was given before; what is given is noted
    there. `by` says what the groups are, `series` what a span that moves on is called, `rows` which
    periods make up a longer one.
    """
    aggregate.require(AGGREGATE)
    register = register or Register(min_people=aggregate.min_people)
    whole = len(sums.groups) > 1
    groups = (EVERYONE, *sums.groups) if whole else sums.groups
    found = []
    for d, name in enumerate(scheme.names):
        terms: dict[Cell, Floats] = {}
        parts: dict[Cell, Part] = {}
        for t, span in enumerate(sums.spans):
            rows_of = {g: (sums.sums[k, t, d], sums.traces[k, t, d])
                       for k, g in enumerate(sums.groups)}  # fmt: skip
            if whole:
                together = np.bitwise_xor.reduce(sums.traces[:, t, d], axis=0)
                rows_of[EVERYONE] = sums.sums[:, t, d].sum(0), together
            for group, (numbers, trace) in rows_of.items():
                n = int(numbers[0])
                which = cell_of(series or span, by, group, name, scheme.dimensions[d])
                published = Published(f"wellbeing {name}", which, *span, n, trace)
                terms[group, t], parts[group, t] = numbers, Part(n, published)
        verdicts = decide(parts, register, aggregate.min_people, rows=rows)
        for cell, numbers in terms.items():
            made = _figure(name, cell[0], sums.spans[cell[1]], numbers)
            found.append(_given(made, verdicts.get(cell), parts[cell], register))
    order = {group: k for k, group in enumerate(groups)}
    place = {name: k for k, name in enumerate(scheme.names)}
    found.sort(key=lambda each: (each.span, place[each.dimension], order[each.group]))
    return (*found, *_indices(found, scheme, noise))


def _given(made: Figure, verdict: Verdict | None, part: Part, register: Register) -> Figure:
    """Give a figure, or the one given before in its place, or say that it is hidden."""
    if verdict is None:
        return made
    if verdict.before is not None:
        body = verdict.before.body
        note = "" if verdict.shown else verdict.before.said()
        return made._replace(value=Interval(*body["value"]), people=body["people"], note=note)
    if not verdict.shown or made.value is None:
        return made._replace(value=None, people=None, hidden=True)
    register.give(part.figure, {"value": made.value, "people": made.people})
    return made


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


def _figure(name: str, group: str, span: Span, terms: Floats) -> Figure:
    n = int(terms[0])
    if n < 2:
        return Figure(name, group, span, None, n, hidden=False)
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
        note = next((part.note for part in parts if part.note), "")
        value = Interval(mean, mean - half, mean + half)
        made.append(Figure(INDEX, group, span, value, people, False, note))
    return made


def _half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2
