"""Readings of well-being in the histories: who, when, and how many points from 0 to 100."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from features.surveys import complete_survey
from features.text.sentiment import sentiment
from features.wellbeing.scheme import PURPOSE, Dimension, Scheme, Signal
from governance.instants import DAY_US
from governance.proof import Permit

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WEEK_US = 7 * DAY_US
COUNT_WEEKS = 4
LOOKBACK_WEEKS = 104
"""How far back from an as_of readings are used."""


class Readings(NamedTuple):
    """Readings of one signal: the event `row` (k,) of the histories and its `points` (k,).

    For a `count` signal `points` is empty: `row` are the events to be counted, and `low` and
    `high` what counts as 0 and 100 points per 28 days.
    """

    name: str
    row: Ints
    points: Floats
    weight: float
    counted: bool = False
    low: float = 0.0
    high: float = 100.0


class Seen(NamedTuple):
    """Readings that may be used at an as_of, newest last: `customer` (k,), `week` (k,), `points`.

    `week` counts whole weeks back from the as_of, 0 being the one just before it.
    """

    customer: NDArray[np.int32]
    week: Ints
    points: Floats


class Signals(NamedTuple):
    """Every reading of some histories, by dimension, of the customers who permit it.

    `present` (n,) marks events that show a customer was there at all; `permitted` (m,) who may be
    looked at.
    """

    histories: Histories
    readings: Mapping[str, tuple[Readings, ...]]
    present: Bools
    permitted: Bools


def read_signals(histories: Histories, scheme: Scheme, permit: Permit) -> Signals:
    """Find the readings of a scheme, every version of them.

    `permit` must be for `wellbeing_inference`; whoever it does not cover has no readings. Answers
    outside their own scale are no readings, and Keepwell's own acts never are.
    """
    permit.require(PURPOSE)
    allowed = permit.customers
    permitted = np.array([c in allowed for c in histories.customers], np.bool_)
    usable = permitted[histories.customer_of_event] & ~histories.is_own_act
    reader = _Reader(histories, usable)
    return Signals(
        histories,
        {dimension.name: tuple(reader.dimension(dimension)) for dimension in scheme.dimensions},
        usable & ~histories.kind_mask("profile"),
        permitted,
    )


def visible(signals: Signals, as_of: int) -> Bools:
    """Whether each event (n,) may be used at `as_of` (µs) and lies within the look-back."""
    histories = signals.histories
    recent = histories.occurred_at >= as_of - LOOKBACK_WEEKS * WEEK_US
    return histories.visible(as_of) & recent


def see(signals: Signals, readings: Readings, as_of: int, seen: Bools, present: Ints) -> Seen:
    """Give the readings of one signal at `as_of`; `seen` as `visible` gives it.

    A count has one reading per 28 days in which the customer was `present`: (m · 26,) events per
    customer and 28 days back from `as_of`, as `presence` gives it.
    """
    histories = signals.histories
    rows = seen[readings.row]
    row = readings.row[rows]
    week = (as_of - histories.occurred_at[row]) // WEEK_US
    customer = histories.customer_of_event[row]
    if not readings.counted:
        return Seen(customer, week, readings.points[rows])
    months = LOOKBACK_WEEKS // COUNT_WEEKS
    cell = customer.astype(np.int64) * months + week // COUNT_WEEKS
    counts = np.bincount(cell, minlength=len(present))
    there = np.flatnonzero(present)[::-1]  # oldest first within a customer
    there = there[np.argsort(there // months, kind="stable")]
    points = stretch(counts[there].astype(np.float64), readings.low, readings.high)
    middle = (there % months) * COUNT_WEEKS + COUNT_WEEKS // 2
    return Seen((there // months).astype(np.int32), middle, points)


def presence(signals: Signals, as_of: int, seen: Bools) -> Ints:
    """Count each customer's own events (m · 26,) per 28 days back from `as_of`."""
    histories = signals.histories
    rows = np.flatnonzero(seen & signals.present)
    months = LOOKBACK_WEEKS // COUNT_WEEKS
    month = (as_of - histories.occurred_at[rows]) // (COUNT_WEEKS * WEEK_US)
    cell = histories.customer_of_event[rows].astype(np.int64) * months + month
    return np.bincount(cell, minlength=len(histories) * months)


def stretch(values: Floats, low: float, high: float) -> Floats:
    """Stretch values so that `low` is 0 points and `high` 100; beyond them it stays there."""
    return np.clip((values - low) / (high - low), 0.0, 1.0) * 100.0


class _Reader:
    def __init__(self, histories: Histories, usable: Bools) -> None:
        self.histories = histories
        self.usable = usable
        self.surveys = _survey_points(histories, usable)
        self.words: dict[tuple[str, ...], tuple[Ints, Floats]] = {}

    def dimension(self, dimension: Dimension) -> list[Readings]:
        found: list[Readings] = []
        for signal in dimension.signals:
            if signal.source == "survey":
                taken = {each.name for each in found}
                found += [
                    each for each in self.survey(signal, dimension.name) if each.name not in taken
                ]
            elif signal.source == "sentiment":
                row, points = self.sentiment(signal.kinds)
                keep = self.where(row, signal)
                found.append(Readings(signal.name, row[keep], points[keep], signal.weight))
            else:
                found.append(self.valued(signal))
        return found

    def survey(self, signal: Signal, dimension: str) -> list[Readings]:
        chosen = signal.instruments or sorted(
            {instrument for instrument, stated in self.surveys if stated == dimension}
        )
        found = []
        for instrument in chosen:
            parts = [pair for (name, _), pair in self.surveys.items() if name == instrument]
            if not parts:
                continue
            row = np.concatenate([row for row, _ in parts])
            points = np.concatenate([points for _, points in parts])
            order = np.argsort(row, kind="stable")
            keep = self.where(row[order], signal)
            found.append(Readings(instrument, row[order][keep], points[order][keep], signal.weight))
        return found

    def sentiment(self, kinds: tuple[str, ...]) -> tuple[Ints, Floats]:
        if kinds not in self.words:
            wanted = self.usable & self.histories.kind_mask(*kinds) if kinds else self.usable
            rows = np.flatnonzero(wanted)
            texts = self.histories.pick("text", rows)
            held = np.array([text is not None for text in texts], np.bool_)
            found = sentiment([text for text in texts if text is not None])
            points = np.array([np.nan if s is None else 50 + 50 * s for s in found], np.float64)
            known = np.isfinite(points)
            self.words[kinds] = (rows[held][known], points[known])
        return self.words[kinds]

    def valued(self, signal: Signal) -> Readings:
        wanted = self.usable & self.histories.kind_mask(*signal.kinds)
        rows = np.flatnonzero(wanted)
        rows = rows[self.where(rows, signal)]
        if signal.source == "count":
            none = np.zeros(0, np.float64)
            return Readings(signal.name, rows, none, signal.weight, True, signal.low, signal.high)
        values = self.histories.value[rows]
        known = np.isfinite(values)
        points = stretch(values[known], signal.low, signal.high)
        return Readings(signal.name, rows[known], points, signal.weight)

    def where(self, rows: Ints, signal: Signal) -> Bools:
        if not signal.where:
            return np.ones(len(rows), np.bool_)
        wanted: dict[str | None, bool] = {None: False}
        keep = np.zeros(len(rows), np.bool_)
        for k, text in enumerate(self.histories.pick("properties", rows)):
            if text not in wanted:
                stated = json.loads(text or "{}")
                wanted[text] = all(str(stated.get(name)) == value for name, value in signal.where)
            keep[k] = wanted[text]
        return keep


def _survey_points(
    histories: Histories, usable: Bools
) -> dict[tuple[str, str], tuple[Ints, Floats]]:
    """Points of every answer by instrument and the dimension it states."""
    rows = np.flatnonzero(usable & histories.kind_mask("survey") & np.isfinite(histories.value))
    codes: dict[str, int] = {}
    code = np.array(
        [codes.setdefault(text or "{}", len(codes)) for text in histories.pick("properties", rows)],
        np.int64,
    )
    values = histories.value[rows]
    found: dict[tuple[str, str], list[tuple[Ints, Floats]]] = {}
    for text, k in codes.items():
        stated = complete_survey(json.loads(text))
        low, high, turned = _scale(stated)
        if not low < high:
            continue
        mine = (code == k) & (values >= low) & (values <= high)
        ends = (high, low) if turned else (low, high)
        key = str(stated.get("instrument")), str(stated.get("dimension"))
        found.setdefault(key, []).append((rows[mine], stretch(values[mine], *ends)))
    return {
        key: (np.concatenate([row for row, _ in parts]), np.concatenate([p for _, p in parts]))
        for key, parts in found.items()
    }


def _scale(stated: Mapping[str, Any]) -> tuple[float, float, bool]:
    scale = stated.get("scale")
    if not isinstance(scale, list | tuple) or len(scale) != 2:
        return 0.0, 0.0, False
    return float(scale[0]), float(scale[1]), stated.get("polarity") == "low_is_good"
