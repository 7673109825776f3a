"""Numbers read from events beside their value: properties, survey levels, sentiment and the clock.

All are whole millionths (n,), `MISSING` where there is none. Properties are parsed once per
different text, however many events share it.
"""

import json
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from features.events import LARGEST_VALUE, MICROS, MISSING, to_value_micros
from features.history import Histories
from features.text.sentiment import sentiment
from governance.errors import InvalidInput
from governance.instants import DAY_US

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Own = Mapping[str, Any]

_HOUR_US = DAY_US // 24
_THURSDAY = 3  # 1 January 1970
_MICROS = np.zeros(0, np.int64)
_FLAGS = np.zeros(0, np.bool_)
_FLOATS = np.zeros(0, np.float64)
_OBJECTS = np.zeros(0, np.object_)
_CLOCKS = ("hour:", "weekday:", "weekend:")


class Properties:
    """The properties of some events: `codes` (n,) are places among the `different` ones."""

    def __init__(self, codes: Ints, different: "Different") -> None:
        self.codes = codes
        self._different = different

    def each(self, what: Hashable, found: NDArray[Any], read: Callable[[Own], Any]) -> NDArray[Any]:
        """Read something from every event's properties (n,), into the type of `found` (0,).

        `what` names it: what was read for one source of a block is not read again for another.
        """
        return self._different.column(what, self.codes, found.dtype, read)

    def micros(self, what: Hashable, read: Callable[[Own], float | None]) -> Ints:
        """Millionths (n,) of a number read from every event's properties."""

        def whole(own: Own) -> int:
            number = read(own)
            return MISSING if number is None else to_value_micros(number)

        return self.each(what, _MICROS, whole)

    def take(self, rows: NDArray[Any]) -> "Properties":
        """Those of some of the events."""
        return Properties(self.codes[rows], self._different)


class Different:
    """The different properties of some events, parsed together: far cheaper than one by one."""

    def __init__(self, texts: Sequence[str | None]) -> None:
        self._read: list[Own] = json.loads(f"[{','.join(text or '{}' for text in texts)}]")
        self._columns: dict[Hashable, tuple[NDArray[Any], Bools]] = {}

    def column(
        self, what: Hashable, codes: Ints, kind: np.dtype[Any], read: Callable[[Own], Any]
    ) -> NDArray[Any]:
        """Read something from those at `codes` (n,), each of them once for all who ask."""
        found, missing = self._columns.get(what) or (
            np.empty(len(self._read), kind),
            np.ones(len(self._read), np.bool_),
        )
        wanted = np.zeros(len(self._read), np.bool_)
        wanted[codes] = missing[codes]
        places = np.flatnonzero(wanted)
        own = [self._read[place] for place in places.tolist()]
        found[places] = np.fromiter(map(read, own), kind, len(own))
        missing[places] = False
        self._columns[what] = found, missing
        picked: NDArray[Any] = found[codes]
        return picked


def properties_of(histories: Histories, rows: slice) -> Properties:
    """Give the properties of these events; empty ones where there are none."""
    column = histories.strings.get("properties")
    if column is None:
        return Properties(np.zeros(rows.stop - rows.start, np.int64), Different([None]))
    if isinstance(column, list):
        texts = column[rows]
        place = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        codes = np.fromiter(map(place.__getitem__, texts), np.int64, len(texts))
        return Properties(codes, Different(list(place)))
    encoded = column.slice(rows.start, rows.stop - rows.start).dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    return Properties(codes, Different([None, *encoded.dictionary.to_pylist()]))


def matches(properties: Properties, where: Sequence[tuple[str, str]]) -> Bools:
    """Whether each event (n,) has every one of these property values."""
    return properties.each(
        ("where", *where),
        _FLAGS,
        lambda own: all(
            own.get(key) is not None and str(own[key]) == wanted for key, wanted in where
        ),
    )


def read_column(
    definition: FeatureDefinition,
    histories: Histories,
    rows: Ints,
    properties: Callable[[], Properties],
    text_allowed: Callable[[], Bools],
) -> Ints:
    """Give a definition's column for the events at `rows` (n,); -1 is none of the categories.

    `properties()` are those of these events; `text_allowed()` (n,) says whose text may be read.
    Raises `InvalidInput` for a column that does not exist.
    """
    name = definition.column
    if name == "level":
        return level_column(properties(), histories.value_micros[rows])
    if name == "sentiment":
        return sentiment_column(histories, rows, text_allowed())
    if name.startswith("property:"):
        wanted = name.removeprefix("property:")
        if definition.aggregate == "category":
            place = {text: float(k) for k, text in enumerate(definition.categories)}
            return properties().micros(
                ("category", wanted, definition.categories),
                lambda own: None if own.get(wanted) is None else place.get(str(own[wanted]), -1.0),
            )
        return properties().micros(("number", wanted), lambda own: _number(own.get(wanted)))
    if name.startswith("distinct:"):
        wanted = name.removeprefix("distinct:")
        return properties().micros(("distinct", wanted), lambda own: _distinct(own.get(wanted)))
    if name.startswith(_CLOCKS):
        return clock_column(name, histories.occurred_at[rows])
    raise InvalidInput(
        f"feature {definition.name} asks for the column {name!r}",
        hint="a column is value, level, sentiment, property:<name>, distinct:<name>, hour:<zone>, "
        "weekday:<zone> or weekend:<zone>",
    )


def lines_of(properties: Properties, name: str) -> tuple[Ints, Ints]:
    """Repeat each event once per value of a property, for counting different ones.

    Gives the places of the events (l,) and a number per line that is equal where values are.
    """
    texts = properties.each(("texts", name), _OBJECTS, lambda own: tuple(_values(own.get(name))))
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    lines = list(chain.from_iterable(texts))
    number = {text: code for code, text in enumerate(dict.fromkeys(lines))}
    found = np.fromiter(map(number.__getitem__, lines), np.int64, len(lines))
    return np.repeat(np.arange(len(sizes)), sizes), found


def level_column(properties: Properties, value_micros: Ints) -> Ints:
    """Survey answers scaled to 0-1 in millionths, 1 being good whatever the polarity."""
    low, width, turned = (
        properties.each(("scale", k), _FLOATS, lambda own, k=k: _scale(own)[k])  # type: ignore[misc]
        for k in range(3)
    )
    share = (value_micros / MICROS - low) / width
    share = np.where(turned > 0, 1.0 - share, share)
    there = (value_micros != MISSING) & np.isfinite(share)
    found = np.full(len(share), MISSING, np.int64)
    found[there] = np.rint(share[there] * MICROS).astype(np.int64)
    return found


def sentiment_column(histories: Histories, rows: Ints, allowed: Bools) -> Ints:
    """Sentiment in millionths of the texts at `rows` (n,); only those `allowed` (n,) are read."""
    found = np.full(len(rows), MISSING, np.int64)
    places = np.flatnonzero(allowed)
    if len(places) and "text" in histories.strings:
        read = sentiment(histories.pick("text", rows[places]))
        found[places] = [MISSING if one is None else to_value_micros(one) for one in read]
    return found


def clock_column(name: str, occurred_at: Ints) -> Ints:
    """Hour (0-23), weekday (0 is Monday) or weekend (1 or 0) on the clocks of a time zone."""
    what, _, zone = name.partition(":")
    instants, offsets = clock_changes(zone)
    local = occurred_at + offsets[np.searchsorted(instants, occurred_at, side="right")]
    if what == "hour":
        return (local // _HOUR_US) % 24 * MICROS
    weekday = (local // DAY_US + _THURSDAY) % 7
    return (weekday if what == "weekday" else (weekday >= 5).astype(np.int64)) * MICROS


@lru_cache(maxsize=32)
def clock_changes(zone: str) -> tuple[Ints, Ints]:
    """When a zone's clocks change (c,), in µs, and its offsets from UTC before and after (c + 1,).

    From 1900 to 2100; raises `InvalidInput` for a zone that does not exist.
    """
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"there is no time zone {zone!r}", hint="name one of the IANA list: Europe/London"
        ) from None
    start = datetime(1900, 1, 1, tzinfo=UTC)

    def offset(second: int) -> int:
        found = (start + timedelta(seconds=second)).astimezone(clock).utcoffset()
        assert found is not None
        return found // timedelta(microseconds=1)

    began = int(start.timestamp())
    step, last = 7 * 86_400, 200 * 366 * 86_400
    changes, offsets = [], [offset(0)]
    for second in range(step, last, step):
        low = second - step
        while offset(second) != offsets[-1]:
            high = second  # the next change within this week lies in (low, high]
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
            changes.append((began + high) * MICROS)
            offsets.append(offset(high))
            low = high
    return np.array(changes, np.int64), np.array(offsets, np.int64)


def _number(found: object) -> float | None:
    kind = type(found)
    if kind is float or kind is int or kind is bool:
        return float(found) if abs(found) <= LARGEST_VALUE else None  # type: ignore[arg-type]
    if kind is not list or not found:
        return None
    numbers = []
    for each in found:  # type: ignore[attr-defined]
        number = _number(each)
        if number is None:
            return None
        numbers.append(number)
    return _number(math.fsum(numbers))


def _values(found: object) -> list[str]:
    if found is None:
        return []
    return (
        [str(each) for each in found if each is not None]
        if isinstance(found, list)
        else [str(found)]
    )


def _distinct(found: object) -> float | None:
    return None if found is None else float(len(set(_values(found))))


def _scale(own: Own) -> tuple[float, float, float]:
    """Lowest answer, width and whether low is good; NaN where no scale is stated."""
    scale = own.get("scale")
    ends = [_number(end) for end in scale] if isinstance(scale, list) else []
    if len(ends) != 2 or ends[0] is None or ends[1] is None or not ends[0] < ends[1]:
        return math.nan, math.nan, 0.0
    return ends[0], ends[1] - ends[0], float(own.get("polarity") == "low_is_good")
