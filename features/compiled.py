"""The arithmetic of windowed features, compiled: one pass over each customer's events.

Sums are exact integer arithmetic or taken per window in event order; nothing a customer's figures
are made of depends on who else, or which other as_of, is computed with them. Scratch memory is as
large as the longest history. All instants are µs since 1970 UTC; column numbers are millionths.
"""

from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from features.events import MISSING
from governance.instants import DAY_US

_I8 = types.Array(types.int64, 1, "C", readonly=True)
_I8_2 = types.Array(types.int64, 2, "C", readonly=True)
_I4 = types.Array(types.int32, 1, "C", readonly=True)
_I2 = types.Array(types.int16, 1, "C", readonly=True)
_U1 = types.Array(types.uint8, 1, "C", readonly=True)
_U1_2 = types.Array(types.uint8, 2, "C", readonly=True)
_F8_2 = types.Array(types.float64, 2, "C", readonly=True)
_OUT_I8 = types.int64[::1]
_OUT_I8_2 = types.int64[:, ::1]
_OUT_I4 = types.int32[::1]
_OUT_F8_2 = types.float64[:, ::1]

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_NOTHING = MISSING
_DAY = DAY_US
_MOST = 9e18
_MILLION = 1e6
_FEW = 32
_NEAR = 8
_SCRATCH = 4_000_000  # events of late views held at a time, at least one view's
_SLOPE_DAYS = 30.0

OPERATIONS = (
    *("none", "count", "sum", "mean", "max", "min", "std", "last", "category"),
    *("days_since_last", "days_since_first", "active_days", "active_months"),
    *("gap_mean_days", "gap_median_days", "gap_std_days", "gap_shrunk_days", "recency_over_gap"),
    *("trend", "decayed_count", "decayed_sum", "share", "share_where", "distinct", "slope"),
    *("delta", "streak", "mode", "mode_share", "coverage", "repeats", "unanswered"),
)
"""Aggregates that are computed here; a feature's operation is its place.

They are named in this file, and not beside the plan, because what is compiled is kept until this
file changes: an order changed elsewhere would be read by code that knows the former one.
"""

_COUNT = OPERATIONS.index("count")
_SUM = OPERATIONS.index("sum")
_MEAN = OPERATIONS.index("mean")
_MAX = OPERATIONS.index("max")
_MIN = OPERATIONS.index("min")
_STD = OPERATIONS.index("std")
_LAST = OPERATIONS.index("last")
_CATEGORY = OPERATIONS.index("category")
_SINCE_LAST = OPERATIONS.index("days_since_last")
_SINCE_FIRST = OPERATIONS.index("days_since_first")
_ACTIVE_DAYS = OPERATIONS.index("active_days")
_ACTIVE_MONTHS = OPERATIONS.index("active_months")
_GAP_MEAN = OPERATIONS.index("gap_mean_days")
_GAP_MEDIAN = OPERATIONS.index("gap_median_days")
_GAP_STD = OPERATIONS.index("gap_std_days")
_GAP_SHRUNK = OPERATIONS.index("gap_shrunk_days")
_RECENCY = OPERATIONS.index("recency_over_gap")
_TREND = OPERATIONS.index("trend")
_DECAYED_COUNT = OPERATIONS.index("decayed_count")
_DECAYED_SUM = OPERATIONS.index("decayed_sum")
_SHARE = OPERATIONS.index("share")
_SHARE_WHERE = OPERATIONS.index("share_where")
_DISTINCT = OPERATIONS.index("distinct")
_SLOPE = OPERATIONS.index("slope")
_DELTA = OPERATIONS.index("delta")
_STREAK = OPERATIONS.index("streak")
_MODE = OPERATIONS.index("mode")
_MODE_SHARE = OPERATIONS.index("mode_share")
_COVERAGE = OPERATIONS.index("coverage")
_REPEATS = OPERATIONS.index("repeats")
_UNANSWERED = OPERATIONS.index("unanswered")


@numba.njit(types.void(_I2, _I8, _I8, _I8, _OUT_I8_2, _OUT_I4), **_OPTIONS)
def deal(
    kind: NDArray[np.int16],
    offsets: NDArray[np.int64],
    readers_at: NDArray[np.int64],
    readers: NDArray[np.int64],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
) -> None:
    """Deal events out to the sources that read their kind.

    Events of kind code q, an entry of `kind` (n,), go to the sources
    `readers[readers_at[q]:readers_at[q + 1]]`; `offsets` (m + 1,) are each customer's events.
    Fills `rows` with event places, source by source and customer by customer: those of source s
    and customer c are `rows[starts[s, c]:starts[s, c + 1]]`. `rows` must hold every place taken.
    """
    sources, customers = starts.shape[0], len(offsets) - 1
    starts[:, :] = 0
    for c in range(customers):
        for i in range(offsets[c], offsets[c + 1]):
            for r in range(readers_at[kind[i]], readers_at[kind[i] + 1]):
                starts[readers[r], c + 1] += 1
    total = 0
    for s in range(sources):
        starts[s, 0] = total
        for c in range(1, customers + 1):
            total += starts[s, c]
            starts[s, c] = total
    place = np.empty(sources, np.int64)
    for s in range(sources):
        place[s] = starts[s, 0]
    for c in range(customers):
        for i in range(offsets[c], offsets[c + 1]):
            for r in range(readers_at[kind[i]], readers_at[kind[i] + 1]):
                s = readers[r]
                rows[place[s]] = i
                place[s] += 1


@numba.njit(types.void(_U1, _OUT_I8_2, _OUT_I4), **_OPTIONS)
def sift(
    keep: NDArray[np.uint8],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
) -> None:
    """Leave only the dealt places (see `deal`) where `keep`, one entry per place, is 1."""
    place = 0
    for s in range(starts.shape[0]):
        first = starts[s, 0]
        for c in range(starts.shape[1] - 1):
            end = starts[s, c + 1]
            starts[s, c] = place
            for i in range(first, end):
                if keep[i]:
                    rows[place] = rows[i]
                    place += 1
            first = end
        starts[s, starts.shape[1] - 1] = place


@numba.njit(**_OPTIONS)
def _lower(times: Any, low: int, high: int, instant: int) -> int:
    """First place in [low, high) whose time is not before `instant`."""
    while low < high:
        middle = (low + high) // 2
        if times[middle] < instant:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(**_OPTIONS)
def _advance(times: Any, low: int, high: int, instant: int) -> int:
    """Like `_lower`, quickest where the place is near `low`."""
    near = min(low + _NEAR, high)
    while low < near:
        if times[low] >= instant:
            return low
        low += 1
    place: int = _lower(times, low, high, instant)
    return place


@numba.njit(**_OPTIONS)
def _month(day: int) -> int:
    """Calendar month of a day since 1970, counted on; Hinnant, chrono-compatible date algorithms.

    https://howardhinnant.github.io/date_algorithms.html
    """
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153  # 0 is March
    return (year + era * 400) * 12 + month


@numba.njit(**_OPTIONS)
def _sorted(scratch: Any, size: int) -> None:
    """Sort the first `size` numbers in place: by insertion where they are few, else in a heap.

    numpy's sort would do, but takes a third of the time that compiling this module takes.
    """
    if size <= _FEW:
        for i in range(1, size):
            number, k = scratch[i], i
            while k > 0 and scratch[k - 1] > number:
                scratch[k] = scratch[k - 1]
                k -= 1
            scratch[k] = number
        return
    for first in range(size // 2 - 1, -1, -1):
        _sink(scratch, first, size)
    for last in range(size - 1, 0, -1):
        scratch[0], scratch[last] = scratch[last], scratch[0]
        _sink(scratch, 0, last)


@numba.njit(**_OPTIONS)
def _sink(heap: Any, place: int, size: int) -> None:
    """Let a number sink in a heap of the first `size` numbers until none below is larger."""
    number = heap[place]
    while 2 * place + 1 < size:
        below = 2 * place + 1
        if below + 1 < size and heap[below + 1] > heap[below]:
            below += 1
        if heap[below] <= number:
            break
        heap[place] = heap[below]
        place = below
    heap[place] = number


@numba.njit(**_OPTIONS)
def _calendar(needs: Any, times: Any, at: int, size: int, s: int, work: Any) -> None:
    """Fill the running counts of days, months and gaps of one view (see `_Work`)."""
    days, active, squares, months, _ = work
    base = at + s  # running counts have one place more than events
    if needs[s, 0]:
        found, before = 0, 0
        days[base], squares[base] = 0, 0
        for i in range(size):
            day = times[at + i] // _DAY
            if found == 0 or day != before:
                if found > 0:
                    gap = day - before
                    squares[base + found] = squares[base + found - 1] + gap * gap
                active[at + found] = day
                found += 1
                before = day
            days[base + i + 1] = found
    if needs[s, 1]:
        found, before = 0, 0
        months[base] = 0
        for i in range(size):
            month = _month(times[at + i] // _DAY)
            if found == 0 or month != before:
                found += 1
                before = month
            months[base + i + 1] = found


@numba.njit(**_OPTIONS)
def _repeated(codes: Any, at: int, size: int, previous: Any, into: int, scratch: Any) -> None:
    """Fill, for each line, the place of the line before it with the same code; -1 for none.

    Codes are small numbers, counted from 0 within a block of customers.
    """
    for i in range(size):
        previous[into + i] = -1
        scratch[i] = codes[at + i] * size + i
    _sorted(scratch, size)
    for i in range(1, size):
        if scratch[i] // size == scratch[i - 1] // size:
            previous[into + scratch[i] % size] = scratch[i - 1] % size


@numba.njit(**_OPTIONS)
def _run(numbers: Any, at: int, size: int, sums: Any, known: Any, base: int) -> None:
    """Fill running sums (modulo 2^64: differences stay exact) and counts of known numbers."""
    sums[base], known[base] = 0, 0
    for i in range(size):
        number = numbers[at + i]
        there = number != _NOTHING
        sums[base + i + 1] = sums[base + i] + (number if there else 0)
        known[base + i + 1] = known[base + i] + (1 if there else 0)


@numba.njit(**_OPTIONS)
def _fits(numbers: Any, at: int, begin: int, end: int, most: float) -> bool:
    """Whether the exact sum of a window fits into 64 bits (up to 9e12)."""
    if most * (end - begin) < _MOST:
        return True
    size = 0.0
    for i in range(begin, end):
        if numbers[at + i] != _NOTHING:
            size += abs(float(numbers[at + i]))
    return size < _MOST


@numba.njit(**_OPTIONS)
def _mean(
    numbers: Any, at: int, sums: Any, known: Any, base: int, begin: int, end: int, most: float
) -> float:
    """Mean of a window, rounded once: that of equal numbers is the number."""
    count = known[base + end] - known[base + begin]
    if count == 0 or not _fits(numbers, at, begin, end, most):
        return np.nan
    return float(sums[base + end] - sums[base + begin]) / (float(count) * _MILLION)


@numba.njit(**_OPTIONS)
def _delta(
    numbers: Any, at: int, sums: Any, known: Any, base: int, window: Any, most: float
) -> float:
    """Mean from begin to end − mean from earlier to begin, in whole millionths and rests of them.

    So that nothing is lost between two large means, and equal ones differ by nothing.
    """
    earlier, begin, end = window
    then, now = known[base + begin] - known[base + earlier], known[base + end] - known[base + begin]
    if then == 0 or now == 0:
        return np.nan
    if not (_fits(numbers, at, earlier, begin, most) and _fits(numbers, at, begin, end, most)):
        return np.nan
    before, after = sums[base + begin] - sums[base + earlier], sums[base + end] - sums[base + begin]
    whole = after // now - before // then
    rest = (after % now) * then - (before % then) * now
    return (float(whole) + float(rest) / (float(now) * float(then))) / _MILLION


@numba.njit(**_OPTIONS)
def _extreme(numbers: Any, at: int, begin: int, end: int, largest: bool) -> float:
    found, some = 0, False
    for i in range(at + begin, at + end):
        number = numbers[i]
        if number == _NOTHING:
            continue
        if not some or (number > found if largest else number < found):
            found, some = number, True
    return float(found) / _MILLION if some else np.nan


@numba.njit(**_OPTIONS)
def _deviation(numbers: Any, at: int, begin: int, end: int, count: int, mean: float) -> float:
    """Sample standard deviation, of distances from a whole number near the mean."""
    if count < 2 or mean != mean:
        return np.nan
    near = np.int64(np.rint(mean * _MILLION))
    total, squares = 0.0, 0.0
    for i in range(at + begin, at + end):
        if numbers[i] != _NOTHING:
            distance = float(numbers[i] - near)
            total += distance
            squares += distance * distance
    variance = max(squares - total * total / count, 0.0) / (count - 1)
    root: float = np.sqrt(variance) / _MILLION
    return root


@numba.njit(**_OPTIONS)
def _slope(numbers: Any, at: int, times: Any, start: int, begin: int, end: int) -> float:
    """Least squares, of distances from the first value and its instant: whole numbers, exact."""
    while begin < end and numbers[at + begin] == _NOTHING:
        begin += 1
    if end - begin < 2:
        return np.nan
    first, origin = numbers[at + begin], times[start + begin]
    count, instant, level = 0, 0.0, 0.0
    for i in range(begin, end):
        if numbers[at + i] != _NOTHING:
            count += 1
            instant += float(times[start + i] - origin)
            level += float(numbers[at + i] - first)
    instant, level = instant / count, level / count
    above, below = 0.0, 0.0
    for i in range(begin, end):
        if numbers[at + i] != _NOTHING:
            later = float(times[start + i] - origin) - instant
            above += later * (float(numbers[at + i] - first) - level)
            below += later * later
    return _SLOPE_DAYS * _DAY / _MILLION * (above / below) if below > 0.0 else np.nan


@numba.njit(**_OPTIONS)
def _mode(numbers: Any, at: int, begin: int, end: int, scratch: Any, share: bool) -> float:
    size = 0
    for i in range(at + begin, at + end):
        if numbers[i] != _NOTHING:
            scratch[size] = numbers[i]
            size += 1
    if size == 0:
        return np.nan
    _sorted(scratch, size)
    best, most, run = scratch[0], 0, 0
    for i in range(size):
        run = run + 1 if i > 0 and scratch[i] == scratch[i - 1] else 1
        if run > most:
            best, most = scratch[i], run
    return most / size if share else float(best) / _MILLION


@numba.njit(**_OPTIONS)
def _coverage(
    numbers: Any, at: int, times: Any, start: int, begin: int, end: int, as_of: int, length: int
) -> float:
    periods = max(length // (30 * _DAY), 1)
    found, i = 0, end - 1
    for period in range(periods):
        edge, some = as_of - (period + 1) * 30 * _DAY, False
        while i >= begin and times[start + i] >= edge:
            some = some or numbers[at + i] != _NOTHING
            i -= 1
        found += some
    return found / periods


@numba.njit(**_OPTIONS)
def _streak(times: Any, at: int, begin: int, end: int, as_of: int, period: int) -> float:
    found, i = 0, end - 1
    while i >= begin and times[at + i] >= as_of - (found + 1) * period:
        found += 1
        edge = as_of - found * period
        while i >= begin and times[at + i] >= edge:
            i -= 1
    return float(found)


@numba.njit(**_OPTIONS)
def _repeats(times: Any, at: int, begin: int, end: int, near: int) -> float:
    found = 0
    for i in range(max(begin, 1), end):
        if times[at + i] - times[at + i - 1] <= near:
            found += 1
    return float(found)


@numba.njit(**_OPTIONS)
def _decayed(
    numbers: Any,
    at: int,
    times: Any,
    start: int,
    begin: int,
    end: int,
    as_of: int,
    weights: Any,
) -> float:
    today, found = as_of // _DAY, 0.0
    for i in range(begin, end):
        if numbers[at + i] != _NOTHING:
            age = min(today - times[start + i] // _DAY, len(weights) - 1)
            found += weights[age] * (float(numbers[at + i]) / _MILLION)
    return found


@numba.njit(**_OPTIONS)
def _gap_median(active: Any, at: int, first: int, last: int, scratch: Any) -> float:
    gaps = last - first - 1
    if gaps < 1:
        return np.nan
    for i in range(gaps):
        scratch[i] = active[at + first + i + 1] - active[at + first + i]
    _sorted(scratch, gaps)
    return float(scratch[(gaps - 1) // 2])


@numba.njit(**_OPTIONS)
def _unanswered(
    times: Any, at: int, begin: int, end: int, other: int, other_end: int, as_of: int, wait: int
) -> float:
    found = 0
    for i in range(begin, end):
        asked = times[at + i]
        if asked + wait >= as_of:
            break
        answer = _lower(times, other, other + other_end, asked)
        if answer == other + other_end or times[answer] > asked + wait:
            found += 1
    return float(found)


@numba.njit(
    types.int64(
        *(_I8, _U1, _I8, _I8, _I8, _I8),  # a block's events
        *(_I8_2, _I4, _I8, _I8),  # what the sources read
        *(_U1_2, _I8_2, _I8_2, _I8_2, _F8_2, _F8_2),  # the plan
        *(_I8, _U1_2),  # cut-offs and permissions
        *(_OUT_F8_2, _OUT_I8, _OUT_I8),
    ),
    **_OPTIONS,
)
def fill(
    offsets: NDArray[np.int64],
    own_act: NDArray[np.uint8],
    occurred_at: NDArray[np.int64],
    known_at: NDArray[np.int64],
    superseded_at: NDArray[np.int64],
    value: NDArray[np.int64],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    numbers: NDArray[np.int64],
    number_at: NDArray[np.int64],
    source_needs: NDArray[np.uint8],
    column_table: NDArray[np.int64],
    window_table: NDArray[np.int64],
    feature_table: NDArray[np.int64],
    feature_numbers: NDArray[np.float64],
    decays: NDArray[np.float64],
    as_ofs: NDArray[np.int64],
    allowed: NDArray[np.uint8],
    out: NDArray[np.float64],
    out_customer: NDArray[np.int64],
    out_as_of: NDArray[np.int64],
) -> int:
    """Compute the features of a block of customers at `as_ofs` (t,), ascending; gives the rows.

    `offsets` (m + 1,) are each customer's events, of which `own_act` (n,) flags Keepwell's own
    acts; `starts` and `rows` come from `deal`. `numbers` holds the columns read beside the events
    of their source one after the other, column j from `number_at[j]` on. The tables are a `Plan`'s.
    `allowed` (groups, m) is 1 where a customer permits a group of purposes. Fills `out` (m·t, k)
    with one row per customer per as_of with a usable event, NaN where there is nothing to say or
    no permission, and `out_customer`, `out_as_of` with the row's places.
    """
    customers, cuts = len(offsets) - 1, len(as_ofs)
    sources, columns = source_needs.shape[0], column_table.shape[0]
    windows, features = window_table.shape[0], feature_table.shape[0]
    # Scratch memory for the longest history. Slot 0 of each array holds all events of a customer;
    # slot a + 1 those visible at the a-th of some as_ofs, where late ones leave gaps.
    longest, widest = 1, 1
    for c in range(customers):
        size = 0
        for s in range(sources):
            size += starts[s, c + 1] - starts[s, c]
        longest = max(longest, size)
        size = 0
        for j in range(columns):
            s = column_table[j, 0]
            size += starts[s, c + 1] - starts[s, c]
        widest = max(widest, size)
    far, further = longest + sources, widest + columns
    together = max(1, min(cuts, _SCRATCH // max(far, further)))  # as_ofs looked at in one go
    times = np.empty((together + 1) * far, np.int64)
    newest_known = np.empty(longest, np.int64)
    next_replaced = np.empty(longest, np.int64)
    days = np.empty((together + 1) * far, np.int64)
    squares = np.empty((together + 1) * far, np.int64)
    months = np.empty((together + 1) * far, np.int64)
    active = np.empty((together + 1) * far, np.int64)
    previous = np.empty((together + 1) * far, np.int64)
    work = (days, active, squares, months, previous)
    cells = np.empty((together + 1) * further, np.int64)
    sums = np.empty((together + 1) * further, np.int64)
    known = np.empty((together + 1) * further, np.int64)
    scratch = np.empty(longest, np.int64)
    source_at = np.empty(sources + 1, np.int64)
    column_at = np.empty(columns + 1, np.int64)
    late = np.empty(sources, np.uint8)
    most = np.empty(columns, np.float64)
    instants = np.empty(together, np.int64)
    slots = np.empty((sources, together), np.int64)
    ends = np.empty((sources, together), np.int64)
    begins = np.empty((windows, together), np.int64)
    row = 0
    for c in range(customers):
        any_late = False
        for e in range(offsets[c], offsets[c + 1]):
            any_late |= (known_at[e] > occurred_at[e]) | (superseded_at[e] != 2**63 - 1)
        # gather the events of each source
        place = 0
        for s in range(sources):
            source_at[s] = place
            first, size = starts[s, c], starts[s, c + 1] - starts[s, c]
            for i in range(size):
                times[place + i] = occurred_at[rows[first + i]]
            late[s] = 0
            known_so_far, replaced_so_far = np.int64(-(2**63)), np.int64(2**63 - 1)
            for i in range(size if any_late else 0):
                e = rows[first + i]
                known_so_far = max(known_so_far, known_at[e])
                replaced_so_far = min(replaced_so_far, superseded_at[e])
                newest_known[place + i] = known_so_far
                next_replaced[place + i] = replaced_so_far
                if known_at[e] > occurred_at[e] or superseded_at[e] != 2**63 - 1:
                    late[s] = 1
            _calendar(source_needs, times, place, size, s, work)
            place += size
        source_at[sources] = place
        place = 0
        for j in range(columns):
            column_at[j] = place
            s = column_table[j, 0]
            first, size = starts[s, c], starts[s, c + 1] - starts[s, c]
            if column_table[j, 2]:
                for i in range(size):
                    cells[place + i] = value[rows[first + i]]
            else:
                shift = number_at[j] - starts[s, 0]
                for i in range(size):
                    cells[place + i] = numbers[shift + first + i]
            biggest = 0.0
            if column_table[j, 1]:
                for i in range(size):
                    if cells[place + i] != _NOTHING:
                        biggest = max(biggest, abs(float(cells[place + i])))
                _run(cells, place, size, sums, known, place + j)
            elif source_needs[s, 2]:
                _repeated(cells, place, size, previous, source_at[s], scratch)
            most[j] = biggest
            place += size
        column_at[columns] = place

        cut = 0
        while cut < cuts:
            # the next few as_ofs at which anything at all is known
            looked = 0
            while cut < cuts and looked < together:
                as_of = as_ofs[cut]
                cut += 1
                for e in range(offsets[c], offsets[c + 1]):
                    if occurred_at[e] >= as_of:
                        break
                    if known_at[e] < as_of and superseded_at[e] >= as_of and own_act[e] == 0:
                        out_customer[row + looked], out_as_of[row + looked] = c, as_of
                        instants[looked] = as_of
                        looked += 1
                        break
            # what of each source may be used at each of them
            for s in range(sources):
                at, size = source_at[s], source_at[s + 1] - source_at[s]
                end = 0
                for a in range(looked):
                    as_of = instants[a]
                    end = _advance(times, at + end, at + size, as_of) - at
                    slots[s, a], ends[s, a] = 0, end
                    if not late[s] or end == 0:
                        continue
                    if newest_known[at + end - 1] < as_of and next_replaced[at + end - 1] >= as_of:
                        continue
                    first, kept = starts[s, c], 0
                    seen = (a + 1) * far + at
                    for i in range(end):
                        e = rows[first + i]
                        if known_at[e] < as_of and superseded_at[e] >= as_of:
                            times[seen + kept] = times[at + i]
                            kept += 1
                    slots[s, a], ends[s, a] = a + 1, kept
                    _calendar(source_needs, times, seen, kept, s, work)
                    for j in range(columns):
                        if column_table[j, 0] != s:
                            continue
                        base, kept = (a + 1) * further + column_at[j], 0
                        for i in range(end):
                            e = rows[first + i]
                            if known_at[e] < as_of and superseded_at[e] >= as_of:
                                cells[base + kept] = cells[column_at[j] + i]
                                kept += 1
                        if column_table[j, 1]:
                            _run(cells, base, kept, sums, known, base + j)
                        elif source_needs[s, 2]:
                            _repeated(cells, base, kept, previous, seen, scratch)
            for w in range(windows):
                s, length = window_table[w, 0], window_table[w, 1]
                begin, slot = 0, 0
                for a in range(looked):
                    if length < 0:
                        begins[w, a] = 0
                        continue
                    if slots[s, a] != slot:
                        begin, slot = 0, slots[s, a]
                    at = slot * far + source_at[s]
                    begin = _advance(times, at + begin, at + ends[s, a], instants[a] - length) - at
                    begins[w, a] = begin

            for f in range(features):
                operation, s, w = feature_table[f, 0], feature_table[f, 1], feature_table[f, 3]
                parameter, empty = feature_numbers[f, 0], feature_numbers[f, 1]
                j = feature_table[f, 5]
                if allowed[feature_table[f, 7], c] == 0:
                    for a in range(looked):
                        out[row + a, f] = np.nan
                    continue
                if operation == _COUNT:
                    begin_row, end_row = begins[w], ends[s]
                    for a in range(looked):
                        out[row + a, f] = float(end_row[a] - begin_row[a])
                elif operation == _TREND:
                    w2 = feature_table[f, 4]
                    for a in range(looked):
                        count, earlier = ends[s, a] - begins[w, a], begins[w, a] - begins[w2, a]
                        both = count + earlier
                        out[row + a, f] = float(count - earlier) / both if both > 0 else 0.0
                elif operation in (_SHARE, _SHARE_WHERE):
                    other, w2 = feature_table[f, 2], feature_table[f, 4]
                    for a in range(looked):
                        above, below = ends[s, a] - begins[w, a], ends[other, a] - begins[w2, a]
                        out[row + a, f] = float(above) / below if below > 0 else np.nan
                elif operation == _SINCE_LAST:
                    slot_row, begin_row, end_row, base = slots[s], begins[w], ends[s], source_at[s]
                    for a in range(looked):
                        at, end = slot_row[a] * far + base, end_row[a]
                        found = np.nan
                        if end > begin_row[a]:
                            found = float(instants[a] - times[at + end - 1]) / _DAY
                        out[row + a, f] = found
                elif operation == _SINCE_FIRST:
                    for a in range(looked):
                        at, begin = slots[s, a] * far + source_at[s], begins[w, a]
                        found = np.nan
                        if ends[s, a] > begin:
                            found = float(instants[a] - times[at + begin]) / _DAY
                        out[row + a, f] = found
                elif operation in (_ACTIVE_DAYS, _ACTIVE_MONTHS):
                    units = days if operation == _ACTIVE_DAYS else months
                    slot_row, begin_row, end_row = slots[s], begins[w], ends[s]
                    for a in range(looked):
                        base = slot_row[a] * far + source_at[s] + s
                        begin, end = begin_row[a], end_row[a]
                        found = 0.0
                        if end > begin:
                            found = float(units[base + end] - units[base + begin + 1] + 1)
                        out[row + a, f] = found
                elif _GAP_MEAN <= operation <= _RECENCY:
                    for a in range(looked):
                        at, begin, end = slots[s, a] * far + source_at[s], begins[w, a], ends[s, a]
                        base, found = at + s, np.nan
                        if end > begin:
                            first, last = days[base + begin + 1] - 1, days[base + end]
                            gaps = last - first - 1
                            span = active[at + last - 1] - active[at + first]
                            if operation == _GAP_MEDIAN:
                                found = _gap_median(active, at, first, last, scratch)
                            elif operation == _GAP_STD:
                                if gaps > 1:
                                    total = squares[base + last - 1] - squares[base + first]
                                    scatter = float(gaps * total - span * span)
                                    found = np.sqrt(scatter / float(gaps * (gaps - 1)))
                            elif operation == _GAP_MEAN:
                                if gaps > 0:
                                    found = float(span) / gaps
                            else:
                                found = (span + parameter) / (gaps + 1)
                                if operation == _RECENCY:
                                    found = float(instants[a] - times[at + end - 1]) / _DAY / found
                        out[row + a, f] = found
                elif operation in (_STREAK, _REPEATS):
                    near = np.int64(parameter * _DAY)
                    for a in range(looked):
                        at, begin, end = slots[s, a] * far + source_at[s], begins[w, a], ends[s, a]
                        if operation == _STREAK:
                            out[row + a, f] = _streak(times, at, begin, end, instants[a], near)
                        else:
                            out[row + a, f] = _repeats(times, at, begin, end, near)
                elif operation == _UNANSWERED:
                    other, wait = feature_table[f, 2], np.int64(parameter * _DAY)
                    for a in range(looked):
                        at = slots[s, a] * far + source_at[s]
                        at_other = slots[other, a] * far + source_at[other]
                        out[row + a, f] = _unanswered(
                            *(times, at, begins[w, a], ends[s, a]),
                            *(at_other, ends[other, a], instants[a], wait),
                        )
                elif operation == _DECAYED_COUNT:
                    weights = decays[feature_table[f, 6]]
                    for a in range(looked):
                        at, today, found = (
                            slots[s, a] * far + source_at[s],
                            instants[a] // _DAY,
                            0.0,
                        )
                        for i in range(begins[w, a], ends[s, a]):
                            found += weights[min(today - times[at + i] // _DAY, len(weights) - 1)]
                        out[row + a, f] = found
                elif operation in (_SUM, _MEAN):
                    slot_row, begin_row, end_row = slots[s], begins[w], ends[s]
                    base, biggest = column_at[j], most[j]
                    for a in range(looked):
                        begin, end = begin_row[a], end_row[a]
                        cell = slot_row[a] * further + base
                        running = cell + j
                        count = known[running + end] - known[running + begin]
                        found = np.nan
                        if count == 0:
                            found = 0.0 if operation == _SUM else np.nan
                        elif biggest * count < _MOST or _fits(cells, cell, begin, end, biggest):
                            found = float(sums[running + end] - sums[running + begin])
                            found /= _MILLION if operation == _SUM else float(count) * _MILLION
                        out[row + a, f] = found
                elif operation > 0:  # others that read a column
                    w2 = feature_table[f, 4]
                    for a in range(looked):
                        slot, begin, end = slots[s, a], begins[w, a], ends[s, a]
                        at, cell = slot * far + source_at[s], slot * further + column_at[j]
                        running, as_of = cell + j, instants[a]
                        found = np.nan
                        if operation in (_MAX, _MIN):
                            found = _extreme(cells, cell, begin, end, operation == _MAX)
                        elif operation == _STD:
                            number = known[running + end] - known[running + begin]
                            mean = _mean(cells, cell, sums, known, running, begin, end, most[j])
                            found = _deviation(cells, cell, begin, end, number, mean)
                        elif operation in (_LAST, _CATEGORY):
                            if known[running + end] > known[running + begin]:
                                i = end - 1
                                while cells[cell + i] == _NOTHING:
                                    i -= 1
                                found = float(cells[cell + i]) / _MILLION
                                if operation == _CATEGORY and found < 0.0:
                                    found = np.nan  # not among the categories
                        elif operation == _DECAYED_SUM:
                            weights = decays[feature_table[f, 6]]
                            found = _decayed(cells, cell, times, at, begin, end, as_of, weights)
                        elif operation == _DISTINCT:
                            number = 0
                            for i in range(begin, end):
                                if cells[cell + i] != _NOTHING and previous[at + i] < begin:
                                    number += 1
                            found = float(number)
                        elif operation == _SLOPE:
                            found = _slope(cells, cell, times, at, begin, end)
                        elif operation == _DELTA:
                            parts = (begins[w2, a], begin, end)
                            found = _delta(cells, cell, sums, known, running, parts, most[j])
                        elif operation in (_MODE, _MODE_SHARE):
                            share = operation == _MODE_SHARE
                            found = _mode(cells, cell, begin, end, scratch, share)
                        elif operation == _COVERAGE:
                            length = window_table[w, 1]
                            found = _coverage(cells, cell, times, at, begin, end, as_of, length)
                        out[row + a, f] = found
                else:
                    for a in range(looked):
                        out[row + a, f] = np.nan
                if empty == empty:  # a declared value instead of a missing one
                    for a in range(looked):
                        if out[row + a, f] != out[row + a, f]:
                            out[row + a, f] = empty
            row += looked
    return row
