"""Some customers' events of one kind seen from several cut-offs: where each window begins and ends.

`m` customers, `t` cut-offs, `n` events; windows are pairs of places (m, t) among the events.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.events import MISSING
from governance.instants import DAY_US

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


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
        return running_count(self.valid)

    @cached_property
    def filled(self) -> Ints:
        """The numbers with 0 where there is none (n,)."""
        return self.micros if self.complete else np.where(self.valid, self.micros, 0)

    @cached_property
    def running(self) -> Ints:
        """Sum before each place (n + 1,), modulo 2^64: differences stay exact."""
        return running_count(self.filled)

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
        return running_count(self.new_day)

    @cached_property
    def months_before(self) -> Ints:
        """How many first-of-month events lie before each place (n + 1,)."""
        months = self.occurred_at.view("datetime64[us]").astype("datetime64[M]").astype(np.int64)
        return running_count(_changes(self.customer, months))

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
        places = [self._place[as_of - back] for as_of in self._as_ofs]
        if len(places) == 1:
            return self._before[:, places[0] : places[0] + 1]  # a view costs a tenth of a copy
        return self._before[:, places]


def running_count(numbers: NDArray[Any]) -> Ints:
    """Sum of whole numbers or flags before each place (n + 1,), modulo 2^64."""
    found = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum(numbers, out=found[1:])
    return found


def _changes(customer: NDArray[np.int32], unit: Ints) -> Bools:
    found = np.ones(len(unit), np.bool_)
    found[1:] = (customer[1:] != customer[:-1]) | (unit[1:] != unit[:-1])
    return found
