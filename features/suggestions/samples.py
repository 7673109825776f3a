"""What some events look like, from evenly spread samples: enough to see what could be asked."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.events import MISSING
from features.history import Histories
from governance.instants import DAY_US

Rows = NDArray[Any]

_SAMPLE = 5_000


def sample(rows: Rows) -> Rows:
    """Take at most about 5,000 rows, evenly spread."""
    return rows[:: max(1, len(rows) // _SAMPLE)]


def property_sets(histories: Histories, rows: Rows) -> Iterator[Mapping[str, Any]]:
    """Give every different set of properties once, in a fixed order."""
    for written in sorted(_different(histories, "properties", rows)):
        yield json.loads(written)


def property_values(histories: Histories, rows: Rows) -> dict[str, list[Any]]:
    """Collect the values of each property over different sets, lists taken apart, by name."""
    found: dict[str, list[Any]] = {}
    for own in property_sets(histories, rows):
        for name, value in own.items():
            each = value if isinstance(value, list) else [value]
            found.setdefault(name, []).extend(x for x in each if x is not None)
    return {name: found[name] for name in sorted(found)}


def numeric(values: list[Any]) -> bool:
    """Whether all values are numbers (or yes and no)."""
    return all(isinstance(value, bool | int | float) for value in values)


def common_values(
    histories: Histories, rows: Rows, *, most_different: int, fewest_customers: int
) -> dict[str, list[str]]:
    """Name the frequent values of properties that have few, most frequent first.

    Only one word per event (no lists), only properties with 2 to `most_different` values, and only
    values that at least `fewest_customers` customers have: none of them points at anyone.
    """
    read: dict[str, Mapping[str, Any]] = {}
    events: dict[str, dict[str, int]] = {}
    people: dict[str, dict[str, set[int]]] = {}
    customers = histories.customer_of_event[rows].tolist()
    for customer, text in zip(customers, histories.pick("properties", rows), strict=True):
        if text is None:
            continue
        if text not in read:
            read[text] = json.loads(text)
        for name, value in read[text].items():
            if not isinstance(value, str | bool):
                continue
            seen = events.setdefault(name, {})
            seen[str(value)] = seen.get(str(value), 0) + 1
            people.setdefault(name, {}).setdefault(str(value), set()).add(customer)
    return {
        name: [
            value
            for value in sorted(seen, key=lambda each: (-seen[each], each))
            if len(people[name][value]) >= fewest_customers
        ]
        for name, seen in sorted(events.items())
        if 2 <= len(seen) <= most_different
    }


def valued(histories: Histories, rows: Rows) -> bool:
    """Whether any of these events carries an amount."""
    return bool((histories.value_micros[rows] != MISSING).any())


def has_text(histories: Histories, rows: Rows) -> bool:
    """Whether any of these events carries a text."""
    return bool(_different(histories, "text", rows))


def clocked(histories: Histories, rows: Rows) -> bool:
    """Whether these events tell the time of day, and not only the date."""
    return len(np.unique(histories.occurred_at[sample(rows)] % DAY_US)) > _MIDNIGHTS


def once(histories: Histories, rows: Rows) -> bool:
    """Whether no customer has more than one of these events."""
    return len(np.unique(histories.customer_of_event[rows])) == len(rows)


def _different(histories: Histories, name: str, rows: Rows) -> set[str]:
    """Every different string of a column, without making one object per event."""
    column = histories.strings.get(name)
    if column is None or isinstance(column, list):
        found = histories.pick(name, rows)
    else:
        found = column.take(rows).unique().to_pylist()
    return {text for text in found if text}


_MIDNIGHTS = 2  # of a zone with summer time, seen from UTC
