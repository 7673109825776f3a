"""The feature table in pandas, with NumPy where pandas has no fast path of its own.

The plan is that of the other peers. Repeating events is `numpy.repeat`, counting is `bincount`,
sums and extremes are compiled group-bys over one integer place per customer and cut-off, and
medians are picked from sorted gaps. Everything is in memory, several times over, on one core: meant
for a million events, not for more.
"""

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.peers import Timing
from features.definitions import FeatureDefinition
from governance.instants import DAY_US

Numbers = NDArray[Any]


class Frames:
    """The events with the cut-offs at which they count; every answer has one cell per grid place.

    The grid holds every customer at every cut-off, place = customer · cut-offs + cut-off.
    """

    def __init__(self, events: pd.DataFrame, cuts: Sequence[int]) -> None:
        codes, self.people = pd.factorize(events["customer_id"])
        self.cuts = np.array(cuts)
        self.size = len(self.people) * len(cuts)
        occurred_at = events["occurred_at"].to_numpy()
        known_at = events["known_at"].fillna(events["occurred_at"]).to_numpy(np.int64)
        usable = np.maximum(occurred_at, known_at)
        first = np.searchsorted(self.cuts, usable, side="right")  # the first cut-off above it
        day = occurred_at // DAY_US
        value = events["value_micros"].fillna(0).to_numpy(np.int64) // 10_000
        self.events = pd.DataFrame(
            {"c": codes, "kind": events["kind"].astype("category"), "t": occurred_at, "v": value}
        ).assign(d=day, first=first)
        self.earliest = np.full(len(self.people), len(cuts))
        np.minimum.at(self.earliest, codes, first)
        self.repeated = cache(self._repeated)
        self.daily = cache(self._daily)
        self.ever = cache(self._ever)
        self.number = cache(self._number)

    def _own(self, kinds: tuple[str, ...]) -> pd.DataFrame:
        return self.events[self.events["kind"].isin(kinds)]

    def _expand(self, frame: pd.DataFrame, days: int | None) -> pd.DataFrame:
        first = frame["first"].to_numpy()
        if days is None:
            past = np.full(len(frame), len(self.cuts))
        else:
            past = np.searchsorted(self.cuts // DAY_US - days, frame["d"].to_numpy(), side="right")
        times = np.maximum(past - first, 0)
        rows = np.repeat(np.arange(len(frame)), times)
        start = np.cumsum(times) - times
        cut = first[rows] + np.arange(len(rows)) - start[rows]
        found = pd.DataFrame({name: frame[name].to_numpy()[rows] for name in ("d", "t", "v")})
        found["place"] = frame["c"].to_numpy()[rows] * len(self.cuts) + cut
        found["age"] = (self.cuts // DAY_US)[cut] - found["d"]
        return found

    def _repeated(self, kinds: tuple[str, ...], days: int) -> pd.DataFrame:
        """Events of these kinds at every cut-off whose window of so many days holds them."""
        return self._expand(self._own(kinds), days)

    def _daily(self, kinds: tuple[str, ...], days: int) -> pd.DataFrame:
        """Active days of these kinds at every cut-off, with the gap to the day before."""
        own = self._own(kinds).groupby(["c", "d"], as_index=False)["first"].min()
        found = self._expand(own.assign(t=0, v=0), days).sort_values(["place", "d"])
        place, day = found["place"].to_numpy(), found["d"].to_numpy()
        gap = np.zeros(len(found), np.int64)
        gap[1:] = np.where(place[1:] == place[:-1], day[1:] - day[:-1], 0)
        return found.assign(gap=gap)

    def _ever(self, kinds: tuple[str, ...]) -> tuple[Numbers, Numbers]:
        """Instant and value of the latest event, whatever its age."""
        own = self._own(kinds).sort_values(["c", "first", "t"])
        newest = own.drop_duplicates(["c", "first"], keep="last")
        found = self._expand(newest, None).sort_values(["place", "t"])
        found = found.drop_duplicates("place", keep="last")
        return self.spread(found, "t"), self.spread(found, "v")

    def spread(self, frame: pd.DataFrame, column: str) -> Numbers:
        """Put one number per place onto the grid, NaN elsewhere."""
        found = np.full(self.size, np.nan)
        found[frame["place"].to_numpy()] = frame[column].to_numpy()
        return found

    def _number(self, kinds: tuple[str, ...], days: int, reach: int, what: str) -> Numbers:
        frame = self.repeated(kinds, reach)
        inside = frame["age"].to_numpy() <= days
        place = frame["place"].to_numpy()
        if what in ("min", "max", "t"):
            column, how = ("t", "max") if what == "t" else ("v", what)
            extremes = frame.loc[inside].groupby("place")[column].agg(how).reset_index()
            return self.spread(extremes, column)
        value = frame["v"].to_numpy()
        if what == "n":
            return np.bincount(place[inside], minlength=self.size)
        if what == "q":
            value = value * value
        weighted = np.where(inside, value, 0)
        summed = pd.Series(weighted).groupby(place).sum()
        found = np.zeros(self.size, np.int64)
        found[summed.index.to_numpy()] = summed.to_numpy()
        return found


def compute(
    frames: Frames, definitions: Sequence[FeatureDefinition], reach: dict[tuple[str, ...], int]
) -> dict[str, Numbers]:
    """Compute every feature (m · t,) by name."""
    cuts = len(frames.cuts)
    as_of = np.tile(frames.cuts, len(frames.people))

    def number(kinds: tuple[str, ...], days: int, what: str) -> Numbers:
        return frames.number(kinds, days, reach[kinds], what)

    def divide(above: Any, below: Any) -> Numbers:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(below != 0, above / below, np.nan)

    found: dict[str, Numbers] = {}
    for d in definitions:
        kinds, days = d.kinds if d.aggregate != "share" else d.kinds[:1], d.window_days
        if days is None:
            at, value = frames.ever(kinds)
            found[d.name] = value / 100 if d.aggregate == "last" else (as_of - at) / DAY_US
            continue
        if d.aggregate in ("count", "share", "trend", "sum", "mean", "std"):
            n = number(kinds, days, "n")
        if d.aggregate == "count":
            found[d.name] = n
        elif d.aggregate == "share":
            found[d.name] = divide(n, number(d.kinds[1:], days, "n"))
        elif d.aggregate == "trend":
            both = number(kinds, 2 * days, "n")
            found[d.name] = np.nan_to_num(divide(2 * n - both, both))
        elif d.aggregate == "sum":
            found[d.name] = number(kinds, days, "s") / 100
        elif d.aggregate == "mean":
            found[d.name] = divide(number(kinds, days, "s"), n) / 100
        elif d.aggregate in ("min", "max"):
            found[d.name] = number(kinds, days, d.aggregate) / 100
        elif d.aggregate == "std":
            s = number(kinds, days, "s")
            scatter = n * number(kinds, days, "q") - s * s
            found[d.name] = np.sqrt(divide(scatter, n * (n - 1))) / 100
        elif d.aggregate == "decayed_count":
            frame = frames.repeated(kinds, reach[kinds])
            age = frame["age"].to_numpy()
            weight = np.where(age <= days, 0.5 ** (age / d.parameter), 0.0)
            found[d.name] = np.bincount(frame["place"], weight, minlength=frames.size)
        else:
            found[d.name] = _rhythm(frames, d, reach[kinds], as_of, number)
    usable = np.arange(cuts)[None, :] >= frames.earliest[:, None]
    rows = np.flatnonzero(usable.ravel())
    keys = {"customer_id": np.asarray(frames.people)[rows // cuts], "as_of": as_of[rows]}
    return keys | {name: values[rows].astype(float) for name, values in found.items()}


def _rhythm(
    frames: Frames, d: FeatureDefinition, reach: int, as_of: Numbers, number: Any
) -> Numbers:
    assert d.window_days is not None
    frame = frames.daily(d.kinds, reach)
    frame = frame[frame["age"] <= d.window_days]
    place = frame["place"].to_numpy()
    active = np.bincount(place, minlength=frames.size)
    if d.aggregate == "active_days":
        return active
    if d.aggregate == "gap_median_days":
        inside = (frame["gap"] > 0) & (frame["age"] + frame["gap"] <= d.window_days)
        gaps = frame[inside].sort_values(["place", "gap"])
        sizes = np.bincount(gaps["place"], minlength=frames.size)
        start = np.cumsum(sizes) - sizes
        some = np.flatnonzero(sizes)
        found = np.full(frames.size, np.nan)
        found[some] = gaps["gap"].to_numpy()[start[some] + (sizes[some] - 1) // 2]
        return found
    newest = frame.drop_duplicates("place", keep="last")
    oldest = frame.drop_duplicates("place", keep="first")
    span = frames.spread(newest, "d") - frames.spread(oldest, "d")
    with np.errstate(invalid="ignore", divide="ignore"):
        if d.aggregate == "gap_mean_days":
            return np.where(active > 1, span / (active - 1), np.nan)
        assert d.aggregate == "recency_over_gap"
        since = (as_of - number(d.kinds, d.window_days, "t")) / DAY_US
        return np.where(active > 0, since / ((span + d.parameter) / active), np.nan)


def build(
    files: Sequence[str],
    definitions: Sequence[FeatureDefinition],
    cuts: Sequence[int],
    out: Path,
    *,
    threads: int,
) -> Timing:
    """Compute the table on one thread, which is all that pandas uses, then write it to `out`."""
    begun = time.perf_counter()
    columns = ["customer_id", "kind", "occurred_at", "known_at", "value_micros"]
    events = pd.concat([pd.read_parquet(file, columns=columns) for file in files])
    reach: dict[tuple[str, ...], int] = {}
    for d in definitions:
        for kinds in [(kind,) for kind in d.kinds] if d.aggregate == "share" else [d.kinds]:
            days = (d.window_days or 0) * (2 if d.aggregate == "trend" else 1)
            reach[kinds] = max(days, reach.get(kinds, 0))
    found = pd.DataFrame(compute(Frames(events.reset_index(), cuts), definitions, reach))
    computed = time.perf_counter()
    found.to_parquet(out, compression="lz4", index=False)
    return Timing(computed - begun, time.perf_counter() - computed)
