"""What each aggregate computes over the windows of some customers: the arithmetic of features.

Everything is exact integer arithmetic, or floating sums taken per window in event order, so that a
customer's figures do not depend on who else is in the batch. Transcendental functions are avoided
for the same reason. `m` customers, `t` cut-offs, `n` events; results are (m, t).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.events import MICROS, MISSING
from features.windows import Bools, Column, Floats, Ints, Stream, Window, running_count
from governance.instants import DAY_US

_MOST_MICROS = 9e18
_TABLE_DAYS = 80_000  # 219 years; what is older has decayed to nothing


def count(stream: Stream, window: Window) -> Floats:
    """Events in the window."""
    return window.count.astype(np.float64)


def total(column: Column, window: Window) -> Floats:
    """Sum of a column; NaN where the exact sum would not fit (beyond 9e12)."""
    sums = (column.running[window.end] - column.running[window.begin]) / MICROS
    if column.largest * max(int(window.count.max(initial=0)), 1) >= _MOST_MICROS:
        sizes = np.append(np.abs(column.filled.astype(np.float64)), 0.0)
        for k in range(sums.shape[1]):
            too_big = window.any[:, k] & (window.reduce(np.add, sizes, k) >= _MOST_MICROS)
            sums[too_big, k] = np.nan
    return sums


def known(column: Column, window: Window) -> Ints:
    """Events in the window that have a number."""
    if column.complete:
        return window.count
    return column.known[window.end] - column.known[window.begin]


def mean(column: Column, window: Window) -> Floats:
    """Mean over the events with a number; NaN without any."""
    return _divide(total(column, window), known(column, window))


def extreme(column: Column, window: Window, function: np.ufunc) -> Floats:
    """Largest or smallest number; NaN without any."""
    neutral = MISSING if function is np.maximum else -(MISSING + 1)
    filled = column.micros if column.complete else np.where(column.valid, column.micros, neutral)
    padded = np.append(filled, neutral)
    found = np.stack(
        [window.reduce(function, padded, k) for k in range(window.count.shape[1])], axis=1
    )
    return np.where(known(column, window) > 0, found / MICROS, np.nan)


def deviation(stream: Stream, column: Column, window: Window) -> Floats:
    """Sample standard deviation, from squared distances to the window's own mean."""
    numbers = known(column, window)
    middle = mean(column, window)
    values = column.filled / MICROS
    padded = np.zeros(stream.size + 1)
    found = np.empty_like(middle)
    for k in range(len(stream.as_ofs)):
        distance = values - middle[stream.customer, k]
        np.multiply(distance, distance, out=padded[:-1])
        padded[:-1][~column.valid | np.isnan(distance)] = 0.0
        found[:, k] = window.reduce(np.add, padded, k)
    some = numbers > 1
    return _root(found, numbers - 1, some)


def last(column: Column, window: Window) -> Floats:
    """Latest number in the window; NaN without any."""
    end = window.end if column.complete else column.known[window.end]
    there = known(column, window) > 0
    found = np.full(there.shape, np.nan)
    found[there] = column.present[end[there] - 1] / MICROS
    return found


def days_since_last(stream: Stream, window: Window) -> Floats:
    """Days from the latest event to as_of; NaN without any."""
    return _days_since(stream, window.end - 1, window.any)


def days_since_first(stream: Stream, window: Window) -> Floats:
    """Days from the first event to as_of; NaN without any."""
    return _days_since(stream, window.begin, window.any)


def distinct(before: Ints, window: Window) -> Floats:
    """Distinct days or months in the window, from running counts of each one's first event."""
    begin = before[np.minimum(window.begin + 1, len(before) - 1)] - 1
    return np.where(window.any, before[window.end] - begin, 0).astype(np.float64)


def gap_mean(stream: Stream, window: Window, *, prior_days: float = 0.0) -> Floats:
    """Mean days between active days; with `prior_days`, as if one more gap of that size."""
    span, gaps = _span(stream, window)
    extra = 1 if prior_days else 0
    return np.where(window.any, _divide(span + prior_days, gaps + extra), np.nan)


def gap_deviation(stream: Stream, window: Window) -> Floats:
    """Sample standard deviation of the days between active days, from exact integer sums."""
    span, gaps = _span(stream, window)
    begin, end = stream.active_days(window)
    gap = np.diff(stream.active_day, prepend=0)
    squares = running_count(gap * gap)
    sums = squares[end] - squares[np.minimum(begin + 1, len(gap))]
    scatter, pairs = gaps * sums - span * span, gaps * (gaps - 1)
    return _root(scatter, pairs, gaps > 1)


def gap_median(stream: Stream, window: Window) -> Floats:
    """Lower median of the whole days between active days; NaN below two active days."""
    begin, end = stream.active_days(window)
    owner = stream.customer[stream.new_day]
    gap = np.diff(stream.active_day, prepend=0)
    order = np.lexsort((gap, owner))  # by customer, then size; ties keep their time order
    edge = np.searchsorted(owner, np.arange(len(begin) + 1))
    found = np.full(begin.shape, np.nan)
    for k in range(begin.shape[1]):
        inside = (order > begin[owner, k]) & (order < end[owner, k])
        before = running_count(inside)
        gaps = before[edge[1:]] - before[edge[:-1]]
        some = gaps > 0
        middle = before[edge[:-1]][some] + (gaps[some] - 1) // 2
        found[some, k] = gap[order[np.flatnonzero(inside)[middle]]]
    return found


def trend(stream: Stream, days: int) -> Floats:
    """(Events in the window − in the one before) ÷ their sum; 0 without any."""
    now, earlier = stream.window(days).count, stream.window(days, skip=days).count
    both = now + earlier
    return np.where(both > 0, _divide(now - earlier, both), 0.0)


def decayed_count(stream: Stream, window: Window, half_life_days: float) -> Floats:
    """Events, each counting half as much every `half_life_days` whole days before as_of."""
    weights = _decay(half_life_days)
    padded = np.zeros(stream.size + 1)
    found = np.zeros(window.count.shape)
    for k, as_of in enumerate(stream.as_ofs):
        age = int(as_of) // DAY_US - stream.day
        np.take(weights, age, out=padded[:-1], mode="clip")  # later events lie in no window
        found[:, k] = np.where(window.any[:, k], window.reduce(np.add, padded, k), 0.0)
    return found


def ratio(above: Floats, below: Floats) -> Floats:
    """One figure ÷ another; NaN where the lower one is 0 or missing."""
    return _divide(above, below)


Aggregate = Callable[[Stream, Window, Column | None, float], Floats]


def _with(function: Callable[[Column, Window], Floats]) -> Aggregate:
    def run(stream: Stream, window: Window, column: Column | None, parameter: float) -> Floats:
        assert column is not None
        return function(column, window)

    return run


def _std(stream: Stream, window: Window, column: Column | None, parameter: float) -> Floats:
    assert column is not None
    return deviation(stream, column, window)


AGGREGATE_FUNCTIONS: Mapping[str, Aggregate] = {
    "count": lambda stream, window, column, parameter: count(stream, window),
    "sum": _with(total),
    "mean": _with(mean),
    "max": _with(lambda column, window: extreme(column, window, np.maximum)),
    "min": _with(lambda column, window: extreme(column, window, np.minimum)),
    "std": _std,
    "last": _with(last),
    "category": _with(last),
    "days_since_last": lambda stream, window, column, parameter: days_since_last(stream, window),
    "days_since_first": lambda stream, window, column, parameter: days_since_first(stream, window),
    "active_days": lambda stream, window, column, parameter: distinct(stream.days_before, window),
    "active_months": lambda stream, window, column, parameter: distinct(
        stream.months_before, window
    ),
    "gap_mean_days": lambda stream, window, column, parameter: gap_mean(stream, window),
    "gap_median_days": lambda stream, window, column, parameter: gap_median(stream, window),
    "gap_std_days": lambda stream, window, column, parameter: gap_deviation(stream, window),
    "gap_shrunk_days": lambda stream, window, column, parameter: gap_mean(
        stream, window, prior_days=parameter
    ),
    "recency_over_gap": lambda stream, window, column, parameter: ratio(
        days_since_last(stream, window), gap_mean(stream, window, prior_days=parameter)
    ),
    "decayed_count": lambda stream, window, column, parameter: decayed_count(
        stream, window, parameter
    ),
}
"""What each aggregate of `features.definitions` computes; `trend` and `share` need more."""


def _divide(above: NDArray[Any], below: NDArray[Any]) -> Floats:
    found = np.full(above.shape, np.nan)
    np.divide(above, below, out=found, where=below != 0)
    return found


def _root(squares: NDArray[Any], number: Ints, where: Bools) -> Floats:
    found = np.full(squares.shape, np.nan)
    np.divide(squares, number, out=found, where=where)
    np.sqrt(found, out=found)
    return found


def _days_since(stream: Stream, places: Ints, there: Bools) -> Floats:
    found = np.full(places.shape, np.nan)
    elapsed = np.broadcast_to(stream.as_ofs, places.shape)[there]
    found[there] = (elapsed - stream.occurred_at[places[there]]) / DAY_US
    return found


def _span(stream: Stream, window: Window) -> tuple[Ints, Ints]:
    """Days from the first to the last active day, and how many gaps lie between."""
    begin, end = stream.active_days(window)
    span = np.zeros(begin.shape, np.int64)
    there = window.any
    span[there] = stream.active_day[end[there] - 1] - stream.active_day[begin[there]]
    return span, np.where(there, end - begin - 1, 0)


@lru_cache(maxsize=16)
def _decay(half_life_days: float) -> Floats:
    return np.array([0.5 ** (age / half_life_days) for age in range(_TABLE_DAYS)])
