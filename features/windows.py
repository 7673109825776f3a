"""Some customers' events of one kind seen from several cut-offs: the arithmetic of features.

Everything is exact integer arithmetic, or floating sums taken per window in event order, so that a
customer's figures do not depend on who else is in the batch. Transcendental functions are avoided
for the same reason. `m` customers, `t` cut-offs, `n` events; results are (m, t).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.events import MICROS, MISSING
from governance.instants import DAY_US

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_MOST_MICROS = 9e18
_TABLE_DAYS = 80_000  # 219 years; what is older has decayed to nothing


class Window:
    """Where a window [as_of − days, as_of) begins and ends among the events of each customer."""

    def __init__(self, begin: Ints, end: Ints) -> None:
        self.begin = begin
        self.end = end
        self.count = end - begin

    @cached_property
    def any(self) -> Bools:
        """Whether there is an event in the window (m, t)."""
        return self.count > 0

    @cached_property
    def edges(self) -> list[Ints]:
        """Begin and end per customer, interleaved (2m,), one array per cut-off."""
        return [
            np.stack([self.begin[:, k], self.end[:, k]], axis=1).ravel()
            for k in range(self.begin.shape[1])
        ]

    def reduce(self, function: np.ufunc, padded: NDArray[Any], column: int) -> NDArray[Any]:
        """Reduce each customer's part of `padded` (n + 1,) at one cut-off (m,).

        Meaningless where the window is empty.
        """
        found: NDArray[Any] = function.reduceat(padded, self.edges[column])[::2]
        return found


class Column:
    """Numbers beside events (n,), in millionths, with the running sums that windows need."""

    def __init__(self, micros: Ints) -> None:
        self.micros = micros
        self.valid = micros != MISSING
        self.complete = bool(self.valid.all())

    @cached_property
    def known(self) -> Ints:
        """How many events before each place (n + 1,) have a number."""
        return _running(self.valid)

    @cached_property
    def filled(self) -> Ints:
        """The numbers with 0 where there is none (n,)."""
        return self.micros if self.complete else np.where(self.valid, self.micros, 0)

    @cached_property
    def running(self) -> Ints:
        """Sum before each place (n + 1,), modulo 2^64: differences stay exact."""
        return _running(self.filled)

    @cached_property
    def present(self) -> Ints:
        """The numbers of those events that have one."""
        return self.micros if self.complete else self.micros[self.valid]

    @cached_property
    def largest(self) -> float:
        """Largest absolute number."""
        return float(np.abs(self.filled.astype(np.float64)).max(initial=0.0))


class Stream:
    """Events of one kind, sorted by customer and time, seen from `as_ofs` (t,).

    `customer` (n,) and `occurred_at` (n,) hold only events that may be used; `lookbacks` are the
    window lengths in days that will be asked for.
    """

    def __init__(
        self,
        customer: NDArray[np.int32],
        occurred_at: Ints,
        columns: Mapping[str, Ints],
        *,
        customers: int,
        as_ofs: Sequence[int],
        lookbacks: Sequence[int],
    ) -> None:
        self.customer = customer
        self.occurred_at = occurred_at
        self.as_ofs = np.array(as_ofs, np.int64)
        self._as_ofs = tuple(as_ofs)
        self._columns = columns
        self._made: dict[str, Column] = {}
        self._windows: dict[tuple[int | None, int], Window] = {}
        cuts = sorted({t - days * DAY_US for t in as_ofs for days in (0, *lookbacks)})
        self._place = {cut: k for k, cut in enumerate(cuts)}
        # An event lies before cut k exactly if its bin is <= k.
        bins = np.searchsorted(np.array(cuts, np.int64), occurred_at, side="right")
        width = len(cuts) + 1
        cells = np.bincount(customer * np.int64(width) + bins, minlength=customers * width)
        before = np.cumsum(cells.reshape(customers, width), axis=1)
        first = np.zeros((customers, 1), np.int64)
        np.cumsum(before[:-1, -1], out=first[1:, 0])
        self._first = first
        self._before = before + first

    @property
    def size(self) -> int:
        """How many events there are in all (n)."""
        return len(self.occurred_at)

    def window(self, days: int | None, *, skip: int = 0) -> Window:
        """Window of `days` days (None: all before) that ends `skip` days before each as_of."""
        found = self._windows.get((days, skip))
        if found is None:
            end = self._at(skip) if skip or days is None else self.window(None).end
            begin = (
                np.broadcast_to(self._first, end.shape) if days is None else self._at(days + skip)
            )
            found = self._windows[(days, skip)] = Window(begin, end)
        return found

    def column(self, name: str) -> Column:
        """Numbers of one column."""
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = Column(self._columns[name])
        return found

    @cached_property
    def day(self) -> Ints:
        """Calendar day (UTC, days since 1970) of each event (n,)."""
        return self.occurred_at // DAY_US

    @cached_property
    def new_day(self) -> Bools:
        """Whether each event (n,) is its customer's first on its day."""
        return _changes(self.customer, self.day)

    @cached_property
    def days_before(self) -> Ints:
        """How many first-of-day events lie before each place (n + 1,)."""
        return _running(self.new_day)

    @cached_property
    def months_before(self) -> Ints:
        """How many first-of-month events lie before each place (n + 1,)."""
        months = self.occurred_at.view("datetime64[us]").astype("datetime64[M]").astype(np.int64)
        return _running(_changes(self.customer, months))

    @cached_property
    def active_day(self) -> Ints:
        """The day of each first-of-day event (d,)."""
        return self.day[self.new_day]

    def active_days(self, window: Window) -> tuple[Ints, Ints]:
        """Begin and end (m, t) of a window among first-of-day events."""
        end = self.days_before[window.end]
        begin = self.days_before[np.minimum(window.begin + 1, self.size)] - 1
        return np.where(window.any, begin, end), end

    def _at(self, days: int) -> Ints:
        back = days * DAY_US
        return self._before[:, [self._place[as_of - back] for as_of in self._as_ofs]]


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
    squares = _running(gap * gap)
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
        before = _running(inside)
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


def _running(numbers: NDArray[Any]) -> Ints:
    found = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum(numbers, out=found[1:])
    return found


def _changes(customer: NDArray[np.int32], unit: Ints) -> Bools:
    found = np.ones(len(unit), np.bool_)
    found[1:] = (customer[1:] != customer[:-1]) | (unit[1:] != unit[:-1])
    return found


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
