"""Every feature worked out again from its definition: slow, plain and exact, to compare with.

Nothing here knows the kernel. A customer's events are looked at one by one as they were known at
as_of; numbers are fractions and become floats at the very end.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from features.definitions import FeatureDefinition
from features.events import Event, content_digest, event_name, is_reserved
from features.text.sentiment import sentiment

DAY = timedelta(days=1)
MILLION = 1_000_000
LARGEST_SUM = 9_000_000_000_000
"""A window whose amounts add up to more has a sum that 64 bits cannot hold: it is missing."""


class Version(NamedTuple):
    """One version of an event, its times in UTC; its name and its place among all versions."""

    event: Event
    name: str
    order: tuple[datetime, datetime, bytes, int]


Row = Mapping[str, float]


def table(
    events: Sequence[Event], definitions: Sequence[FeatureDefinition], as_ofs: Iterable[datetime]
) -> dict[tuple[str, datetime], Row]:
    """Give every feature by name, for each customer and as_of with a usable event."""
    by_customer: dict[str, list[Event]] = {}
    for event in events:
        if event.subject == "customer":
            by_customer.setdefault(event.customer_id, []).append(event)
    found = {}
    for customer, own in by_customer.items():
        versions = versions_of(own)
        for as_of in as_ofs:
            row = features_of(versions, definitions, as_of)
            if row is not None:
                found[customer, as_of] = row
    return found


def features_of(
    versions: Sequence[Version], definitions: Sequence[FeatureDefinition], as_of: datetime
) -> Row | None:
    """Give one customer's features at one instant; None where nothing is known of them."""
    usable = usable_at(versions, as_of)
    if not usable:
        return None
    row: dict[str, float] = {}
    waiting = list(definitions)
    while waiting:
        definition = waiting.pop(0)
        if any(part not in row for part in definition.of):
            waiting.append(definition)
            continue
        value = feature(definition, usable, as_of, row)
        missing = value is None and not any(math.isnan(row[part]) for part in definition.of)
        row[definition.name] = definition.empty if missing else math.nan if value is None else value
    return row


def versions_of(events: Sequence[Event]) -> list[Version]:
    """Name one customer's events; without an id, by content and how often it came before."""
    seen: Counter[bytes] = Counter()
    found = []
    for event in events:
        digest, occurrence = content_digest(event), 1
        if event.event_id is None:
            seen[digest] += 1
            occurrence = seen[digest]
        occurred_at, known_at = event.occurred_at.astimezone(UTC), event.known_at.astimezone(UTC)
        in_utc = replace(event, occurred_at=occurred_at, known_at=known_at)
        name = event_name(event.event_id, digest, occurrence)
        found.append(Version(in_utc, name, (occurred_at, known_at, digest, occurrence)))
    return sorted(found, key=lambda each: each.order)


def usable_at(versions: Sequence[Version], as_of: datetime) -> list[Event]:
    """Give what may be used at as_of, in order of time.

    Of the versions known before as_of, those that point at one another (within a kind) are one
    event: an original and its corrections. The one known last counts, the original first of all; a
    retraction known last means that there is no such event. Keepwell's own acts are not used.
    """
    known = [each for each in versions if each.event.known_at < as_of]
    chains: list[tuple[set[tuple[str, str]], list[Version]]] = []
    for each in known:
        pointed = each.event.corrects or each.event.retracts
        names = {(each.event.kind, name) for name in (each.name, pointed) if name is not None}
        members = [each]
        apart = []
        for chain in chains:
            if chain[0] & names:
                names |= chain[0]
                members += chain[1]
            else:
                apart.append(chain)
        chains = [*apart, (names, members)]
    found = []
    for _, members in chains:
        newest = max(members, key=_age_of_knowledge)
        if newest.event.retracts is None and not is_reserved(newest.event.kind):
            found.append(newest)
    found = [each for each in found if each.event.occurred_at < as_of]
    return [each.event for each in sorted(found, key=lambda each: each.order)]


def _age_of_knowledge(version: Version) -> tuple[bool, datetime, tuple[object, ...]]:
    points = version.event.corrects is not None or version.event.retracts is not None
    return points, version.event.known_at, version.order


# -- one feature ------------------------------------------------------------------------------


def feature(
    definition: FeatureDefinition, usable: Sequence[Event], as_of: datetime, row: Row
) -> float | None:
    """Work out one feature of one customer; None where there is nothing to work on."""
    name = definition.aggregate
    if name in ("ratio", "difference", "total"):
        return _derived(name, [row[part] for part in definition.of])
    if name in ("share", "share_where", "unanswered"):
        return _of_two_groups(definition, usable, as_of)
    chosen = [e for e in usable if e.kind in definition.kinds and _matches(e, definition.where)]
    inside = _window(chosen, as_of, definition.window_days)
    if name in OF_EVENTS:
        return OF_EVENTS[name](inside, as_of, definition)
    if name == "trend":
        before = _before(chosen, as_of, definition.window_days)
        both = len(inside) + len(before)
        return float(Fraction(len(inside) - len(before), both)) if both else 0.0
    if name == "repeats":
        return _repeats(chosen, inside, definition)
    if name == "category":
        return _category(inside, definition)
    if name == "distinct":
        lines = [line for e in inside for line in _lines(e, definition.column)]
        return float(len(set(lines)))
    read = [(e, number(e, definition.column)) for e in inside]
    there = [(e, x) for e, x in read if x is not None]
    if name == "delta":
        before = _before(chosen, as_of, definition.window_days)
        now, then = _mean([x for _, x in there]), _mean(_numbers(before, definition.column))
        return None if now is None or then is None else float(now - then)
    if name == "slope":
        return _slope(there)
    if name == "coverage":
        return _coverage([e for e, _ in there], as_of, definition)
    if name == "decayed_sum":
        assert definition.parameter is not None
        return math.fsum(float(x) * _weight(e, as_of, definition.parameter) for e, x in there)
    return OF_NUMBERS[name]([x for _, x in there])


def _derived(name: str, parts: Sequence[float]) -> float | None:
    if any(math.isnan(part) for part in parts):
        return None
    if name == "ratio":
        return None if parts[1] == 0 else parts[0] / parts[1]
    return parts[0] - parts[1] if name == "difference" else float(sum(parts))


def _window(events: Sequence[Event], as_of: datetime, days: int | None) -> list[Event]:
    """Those of [as_of − days, as_of)."""
    return [e for e in events if days is None or as_of - e.occurred_at <= days * DAY]


def _before(events: Sequence[Event], as_of: datetime, days: int | None) -> list[Event]:
    """Those of the window of the same length just before."""
    assert days is not None
    return [e for e in events if days * DAY < as_of - e.occurred_at <= 2 * days * DAY]


def _matches(event: Event, where: Sequence[tuple[str, str]]) -> bool:
    return all(
        event.properties.get(key) is not None and str(event.properties[key]) == wanted
        for key, wanted in where
    )


# -- numbers read from an event ---------------------------------------------------------------


def number(event: Event, column: str) -> Fraction | None:
    """Read a column of one event, in whole millionths; None where there is none."""
    kind, _, rest = column.partition(":")
    if kind == "value":
        return None if event.value is None else _millionths(event.value)
    if kind == "level":
        return _level(event)
    if kind == "sentiment":
        polarity = sentiment([event.text])[0]
        return None if polarity is None else _millionths(polarity)
    if kind == "property":
        return _property(event.properties.get(rest))
    if kind == "distinct":
        found = event.properties.get(rest)
        return None if found is None else Fraction(len(set(_lines(event, f"property:{rest}"))))
    local = event.occurred_at.astimezone(ZoneInfo(rest))
    if kind == "hour":
        return Fraction(local.hour)
    assert kind in ("weekday", "weekend")
    return Fraction(local.weekday() if kind == "weekday" else local.weekday() >= 5)


def _millionths(found: float) -> Fraction:
    return Fraction(round(found * MILLION), MILLION)


def _level(event: Event) -> Fraction | None:
    """(answer − worst) ÷ (best − worst)."""
    scale = event.properties.get("scale")
    if event.value is None or not isinstance(scale, list | tuple) or len(scale) != 2:
        return None
    low, high = (Fraction(each) for each in scale)
    level = (_millionths(event.value) - low) / (high - low)
    if event.properties.get("polarity") == "low_is_good":
        level = 1 - level
    return Fraction(round(level * MILLION), MILLION)


def _property(found: object) -> Fraction | None:
    """A number, or the sum over lines that all are numbers; beyond 1e12 it is none."""
    lines = found if isinstance(found, list | tuple) else [found]
    numbers = [float(each) for each in lines if isinstance(each, bool | int | float)]
    if not numbers or len(numbers) < len(lines):
        return None
    total = math.fsum(numbers)
    return None if max(map(abs, (total, *numbers))) > 1e12 else _millionths(total)


def _lines(event: Event, column: str) -> list[str]:
    found = event.properties.get(column.removeprefix("property:"))
    lines = found if isinstance(found, list | tuple) else [found]
    return [str(line) for line in lines if line is not None]


def _numbers(events: Sequence[Event], column: str) -> list[Fraction]:
    return [x for x in (number(e, column) for e in events) if x is not None]


# -- aggregates of numbers --------------------------------------------------------------------


def _sum(numbers: Sequence[Fraction]) -> float | None:
    if sum(map(abs, numbers)) >= LARGEST_SUM:
        return None
    return float(sum(numbers))


def _mean(numbers: Sequence[Fraction]) -> Fraction | None:
    if not numbers or sum(map(abs, numbers)) >= LARGEST_SUM:
        return None
    return Fraction(sum(numbers)) / len(numbers)


def _mean_number(numbers: Sequence[Fraction]) -> float | None:
    mean = _mean(numbers)
    return None if mean is None else float(mean)


def _std(numbers: Sequence[Fraction]) -> float | None:
    mean = _mean(numbers)
    if mean is None or len(numbers) < 2:
        return None
    return math.sqrt(Fraction(sum((x - mean) ** 2 for x in numbers)) / (len(numbers) - 1))


def _mode(numbers: Sequence[Fraction]) -> float | None:
    if not numbers:
        return None
    often = Counter(numbers)
    return float(min(x for x in often if often[x] == max(often.values())))


def _mode_share(numbers: Sequence[Fraction]) -> float | None:
    if not numbers:
        return None
    return float(Fraction(max(Counter(numbers).values()), len(numbers)))


OF_NUMBERS: Mapping[str, Callable[[Sequence[Fraction]], float | None]] = {
    "sum": _sum,
    "mean": _mean_number,
    "max": lambda numbers: float(max(numbers)) if numbers else None,
    "min": lambda numbers: float(min(numbers)) if numbers else None,
    "std": _std,
    "last": lambda numbers: float(numbers[-1]) if numbers else None,
    "mode": _mode,
    "mode_share": _mode_share,
}


def _slope(there: Sequence[tuple[Event, Fraction]]) -> float | None:
    """Least squares: Σ (t − t̄)(x − x̄) ÷ Σ (t − t̄)², t in periods of 30 days."""
    if len({e.occurred_at for e, _ in there}) < 2:
        return None
    first = there[0][0].occurred_at
    times = [_days(e.occurred_at - first) / 30 for e, _ in there]
    numbers = [x for _, x in there]
    middle, level = Fraction(sum(times)) / len(times), Fraction(sum(numbers)) / len(numbers)
    above = sum((t - middle) * (x - level) for t, x in zip(times, numbers, strict=True))
    return float(above / sum((t - middle) ** 2 for t in times))


def _coverage(with_value: Sequence[Event], as_of: datetime, definition: FeatureDefinition) -> float:
    """Periods of 30 days counted back from as_of, only whole ones."""
    assert definition.window_days is not None
    periods = definition.window_days // 30
    covered = [
        any(k * 30 * DAY < as_of - e.occurred_at <= (k + 1) * 30 * DAY for e in with_value)
        for k in range(periods)
    ]
    return float(Fraction(sum(covered), periods))


def _category(inside: Sequence[Event], definition: FeatureDefinition) -> float | None:
    name = definition.column.removeprefix("property:")
    stated = [e.properties[name] for e in inside if e.properties.get(name) is not None]
    if not stated or str(stated[-1]) not in definition.categories:
        return None
    return float(definition.categories.index(str(stated[-1])))


# -- aggregates of events ---------------------------------------------------------------------


def _dates(events: Sequence[Event]) -> list[date]:
    return sorted({e.occurred_at.astimezone(UTC).date() for e in events})


def _gaps(events: Sequence[Event]) -> list[int]:
    """Whole days between the days, one after the other, on which something happened."""
    dates = _dates(events)
    return [(later - earlier).days for earlier, later in pairwise(dates)]


def _days(span: timedelta) -> Fraction:
    return Fraction(span // timedelta(microseconds=1), DAY // timedelta(microseconds=1))


def _gap_mean(inside: Sequence[Event], as_of: datetime, _: FeatureDefinition) -> float | None:
    gaps = _gaps(inside)
    return float(Fraction(sum(gaps), len(gaps))) if gaps else None


def _gap_median(inside: Sequence[Event], as_of: datetime, _: FeatureDefinition) -> float | None:
    gaps = sorted(_gaps(inside))
    return float(gaps[(len(gaps) - 1) // 2]) if gaps else None


def _gap_std(inside: Sequence[Event], as_of: datetime, _: FeatureDefinition) -> float | None:
    gaps = [Fraction(gap) for gap in _gaps(inside)]
    return _std(gaps)


def _gap_shrunk(
    inside: Sequence[Event], as_of: datetime, definition: FeatureDefinition
) -> float | None:
    if not inside:
        return None
    gaps = [*(Fraction(gap) for gap in _gaps(inside)), Fraction(definition.parameter or 0.0)]
    return float(sum(gaps) / len(gaps))


def _since_last(inside: Sequence[Event], as_of: datetime, _: FeatureDefinition) -> float | None:
    return float(_days(as_of - inside[-1].occurred_at)) if inside else None


def _recency(
    inside: Sequence[Event], as_of: datetime, definition: FeatureDefinition
) -> float | None:
    since, gap = _since_last(inside, as_of, definition), _gap_shrunk(inside, as_of, definition)
    return None if since is None or gap is None else since / gap


def _since_first(inside: Sequence[Event], as_of: datetime, _: FeatureDefinition) -> float | None:
    return float(_days(as_of - inside[0].occurred_at)) if inside else None


def _weight(event: Event, as_of: datetime, half_life_days: float) -> float:
    """Half as much every so many days; ages are whole days between dates in UTC."""
    age = as_of.astimezone(UTC).date() - event.occurred_at.astimezone(UTC).date()
    return math.pow(0.5, age.days / half_life_days)


def _decayed_count(
    inside: Sequence[Event], as_of: datetime, definition: FeatureDefinition
) -> float:
    assert definition.parameter is not None
    return math.fsum(_weight(e, as_of, definition.parameter) for e in inside)


def _streak(inside: Sequence[Event], as_of: datetime, definition: FeatureDefinition) -> float:
    assert definition.parameter is not None
    period = definition.parameter * DAY
    found = 0
    while any(found * period < as_of - e.occurred_at <= (found + 1) * period for e in inside):
        found += 1
    return float(found)


def _repeats(
    chosen: Sequence[Event], inside: Sequence[Event], definition: FeatureDefinition
) -> float:
    """Those of the window whose predecessor, inside it or not, was near."""
    assert definition.parameter is not None
    skipped = len(chosen) - len(inside)
    found = 0
    for k in range(max(skipped, 1), len(chosen)):
        found += chosen[k].occurred_at - chosen[k - 1].occurred_at <= definition.parameter * DAY
    return float(found)


OF_EVENTS: Mapping[str, Callable[[Sequence[Event], datetime, FeatureDefinition], float | None]] = {
    "count": lambda inside, _, __: float(len(inside)),
    "days_since_last": _since_last,
    "days_since_first": _since_first,
    "active_days": lambda inside, _, __: float(len(_dates(inside))),
    "active_months": lambda inside, _, __: float(
        len({(day.year, day.month) for day in _dates(inside)})
    ),
    "gap_mean_days": _gap_mean,
    "gap_median_days": _gap_median,
    "gap_std_days": _gap_std,
    "gap_shrunk_days": _gap_shrunk,
    "recency_over_gap": _recency,
    "decayed_count": _decayed_count,
    "streak": _streak,
}


def _of_two_groups(
    definition: FeatureDefinition, usable: Sequence[Event], as_of: datetime
) -> float | None:
    if definition.aggregate == "share_where":
        every = _window(
            [e for e in usable if e.kind in definition.kinds], as_of, definition.window_days
        )
        matching = [e for e in every if _matches(e, definition.where)]
        return float(Fraction(len(matching), len(every))) if every else None
    first, second = (
        [e for e in usable if e.kind == kind and _matches(e, definition.where)]
        for kind in definition.kinds
    )
    inside = _window(first, as_of, definition.window_days)
    if definition.aggregate == "share":
        below = len(_window(second, as_of, definition.window_days))
        return float(Fraction(len(inside), below)) if below else None
    assert definition.parameter is not None
    wait, found = definition.parameter * DAY, 0
    for asked in inside:
        over = asked.occurred_at + wait < as_of
        answered = any(timedelta() <= e.occurred_at - asked.occurred_at <= wait for e in second)
        found += over and not answered
    return float(found)


def magnitude(
    definition: FeatureDefinition, usable: Sequence[Event], as_of: datetime, row: Row
) -> float:
    """Give the size of the numbers that a feature is made of, to judge its rounding by.

    Sums whose parts cancel, and slopes of what goes up and down, are small beside their parts.
    """
    if definition.of:
        return max(abs(row[part]) for part in definition.of)
    if definition.aggregate not in ("decayed_sum", "slope"):
        return abs(row[definition.name])
    chosen = [e for e in usable if e.kind in definition.kinds and _matches(e, definition.where)]
    inside = _window(chosen, as_of, definition.window_days)
    numbers = _numbers(inside, definition.column)
    if definition.aggregate == "decayed_sum":
        return float(sum(map(abs, numbers)))
    times = [e.occurred_at for e in inside if number(e, definition.column) is not None]
    return float((max(numbers) - min(numbers)) / (_days(max(times) - min(times)) / 30))
