"""Numbers read from events beside their value: properties, survey levels and sentiment."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.events import LARGEST_VALUE, MISSING, to_value_micros
from features.history import Histories
from features.sentiment import sentiment

Ints = NDArray[np.int64]
Properties = Sequence[Mapping[str, Any]]


def properties_of(histories: Histories, rows: Ints) -> Properties:
    """Read the properties of these events; empty ones where there are none."""
    read: dict[str | None, Mapping[str, Any]] = {None: {}}
    found = []
    for written in histories.pick("properties", rows):
        if written not in read:
            assert written is not None
            read[written] = json.loads(written)
        found.append(read[written])
    return found


def matches(properties: Properties, where: Sequence[tuple[str, str]]) -> NDArray[np.bool_]:
    """Whether each event (n,) has every one of these property values."""
    return np.array(
        [all(str(own.get(key)) == wanted for key, wanted in where) for own in properties], np.bool_
    )


def property_column(properties: Properties, name: str) -> Ints:
    """Millionths (n,) of a numeric property; true counts 1, text or nothing is `MISSING`.

    Of an event made of several lines, the sum over its lines.
    """
    return _micros([_number(own.get(name)) for own in properties])


def distinct_column(properties: Properties, name: str) -> Ints:
    """How many different values (in millionths) a property has over the lines of each event."""
    return _micros([_distinct(own.get(name)) for own in properties])


def category_column(properties: Properties, name: str, categories: Sequence[str]) -> Ints:
    """Place in `categories` (in millionths, as all columns) of a property; else `MISSING`."""
    place = {category: float(k) for k, category in enumerate(categories)}
    return _micros([place.get(str(own.get(name))) for own in properties])


def level_column(properties: Properties, value_micros: Ints) -> Ints:
    """Survey answers scaled to 0-1 in millionths, 1 being good whatever the polarity."""
    found: list[float | None] = []
    for own, micros in zip(properties, value_micros.tolist(), strict=True):
        scale = own.get("scale")
        if micros == MISSING or not isinstance(scale, list) or len(scale) != 2:
            found.append(None)
            continue
        share = (micros / 1e6 - scale[0]) / (scale[1] - scale[0])
        found.append(1.0 - share if own.get("polarity") == "low_is_good" else share)
    return _micros(found)


def sentiment_column(histories: Histories, rows: Ints, allowed: NDArray[np.bool_]) -> Ints:
    """Sentiment in millionths of the texts at `rows` (n,); only those `allowed` (n,) are read."""
    found = np.full(len(rows), MISSING, np.int64)
    places = np.flatnonzero(allowed)
    if len(places) and "text" in histories.strings:
        found[places] = _micros(sentiment(histories.pick("text", rows[places])))
    return found


def _number(found: object) -> float | None:
    if isinstance(found, list):
        numbers = [_number(each) for each in found]
        return None if not numbers or None in numbers else _number(math.fsum(numbers))  # type: ignore[arg-type]
    if isinstance(found, bool | int | float) and math.isfinite(found):
        return float(found) if abs(found) <= LARGEST_VALUE else None
    return None


def _distinct(found: object) -> float | None:
    if found is None:
        return None
    return float(len(set(map(str, found)))) if isinstance(found, list) else 1.0


def _micros(numbers: Sequence[float | None]) -> Ints:
    return np.array(
        [MISSING if number is None else to_value_micros(number) for number in numbers], np.int64
    )
