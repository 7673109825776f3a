"""The feature table in Polars, lazily, on the streaming engine.

The plan is that of the SQL peer: integers for customers, each event repeated only for the cut-offs
at which it counts, one group-by per stream of kinds, and left joins at the end. What Polars likes
differently: a window's number is an expression over all rows that is null or 0 outside the window,
because filters inside aggregations leave its fast path; the latest amount is taken by `arg_max`.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from benchmarks.peers import Timing
from features.definitions import FeatureDefinition
from governance.instants import DAY_US

_EPOCH_DAY = 20_000  # decay is counted from here; any day near the data will do
_KEYS = ("c", "k")
_CENTS, _DAY = pl.col("cents"), pl.col("day_us")
"""Columns that hold a constant: by a literal Polars multiplies with its inverse, one bit off."""

Final = Callable[[], pl.Expr]


class Streams:
    """Which numbers each stream of kinds must give, and how features are made of them."""

    def __init__(self, definitions: Sequence[FeatureDefinition]) -> None:
        self.kinds: dict[str, tuple[str, ...]] = {}
        self.events: dict[str, dict[str, pl.Expr]] = defaultdict(dict)
        self.days: dict[str, dict[str, pl.Expr]] = defaultdict(dict)
        self.ever: dict[str, bool] = defaultdict(bool)  # whether the latest amount is asked for
        self.reach: dict[str, int] = defaultdict(int)
        self.finals = [
            self._final(d).cast(pl.Float64).fill_nan(None).alias(d.name) for d in definitions
        ]

    def _name(self, kinds: tuple[str, ...]) -> str:
        stream = "+".join(kinds)
        self.kinds[stream] = kinds
        return stream

    def _number(
        self,
        where: dict[str, dict[str, pl.Expr]],
        stream: str,
        name: str,
        days: int,
        made: Callable[[pl.Expr], pl.Expr],
    ) -> pl.Expr:
        self.reach[stream] = max(days, self.reach[stream])
        full = f"{stream} {name} {days}{' days' if where is self.days else ''}"
        where[stream].setdefault(full, made(pl.col("age") <= days).alias(full))
        return pl.col(full)

    def _count(self, kinds: tuple[str, ...], days: int) -> pl.Expr:
        found = self._number(self.events, self._name(kinds), "n", days, lambda w: w.sum())
        return found.fill_null(0).cast(pl.Int64)

    def _value(self, stream: str, name: str, days: int) -> pl.Expr:
        v = pl.col("v")
        made: dict[str, Callable[[pl.Expr], pl.Expr]] = {
            "sum": lambda w: pl.when(w).then(v).otherwise(0).sum(),
            "squares": lambda w: pl.when(w).then(v * v).otherwise(0).sum(),
            "min": lambda w: pl.when(w).then(v).min(),
            "max": lambda w: pl.when(w).then(v).max(),
            "latest": lambda w: pl.when(w).then(pl.col("t")).max(),
        }
        return self._number(self.events, stream, name, days, made[name])

    def _final(self, d: FeatureDefinition) -> pl.Expr:
        kinds, days = d.kinds if d.aggregate != "share" else d.kinds[:1], d.window_days
        stream = self._name(kinds)
        as_of = pl.col("as_of")
        if days is None:
            self.ever[stream] |= bool(d.column)
            if d.aggregate == "last":
                return pl.col(f"{stream} latest") / _CENTS
            return (as_of - pl.col(f"{stream} latest at")) / _DAY
        if d.aggregate == "count":
            return self._count(kinds, days)
        if d.aggregate == "share":
            below = self._count(d.kinds[1:], days)
            return pl.when(below > 0).then(self._count(kinds, days) / below)
        if d.aggregate == "trend":
            now, both = self._count(kinds, days), self._count(kinds, 2 * days)
            return pl.when(both > 0).then((2 * now - both) / both).otherwise(0.0)
        if d.aggregate == "sum":
            return self._value(stream, "sum", days).fill_null(0) / _CENTS
        if d.aggregate == "mean":
            return self._value(stream, "sum", days) / self._count(kinds, days) / _CENTS
        if d.aggregate in ("min", "max"):
            return self._value(stream, d.aggregate, days) / _CENTS
        if d.aggregate == "std":
            n, s = self._count(kinds, days), self._value(stream, "sum", days)
            scatter = n * self._value(stream, "squares", days) - s * s
            return pl.when(n > 1).then((scatter / (n * (n - 1))).sqrt() / _CENTS)
        if d.aggregate == "decayed_count":
            assert d.parameter is not None
            per_day = 2.0 ** (1.0 / d.parameter)
            weight = pl.lit(per_day).pow(pl.col("d") - _EPOCH_DAY)
            total = self._number(
                self.events,
                stream,
                f"decayed {d.parameter}",
                days,
                lambda w: pl.when(w).then(weight).otherwise(0.0).sum(),
            )
            return total.fill_null(0.0) * pl.lit(per_day).pow(_EPOCH_DAY - pl.col("cut_day"))
        return self._rhythm(d, stream, days)

    def _rhythm(self, d: FeatureDefinition, stream: str, days: int) -> pl.Expr:
        def number(name: str, made: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
            return self._number(self.days, stream, name, days, made)

        active = number("n", lambda w: w.sum()).cast(pl.Int64)
        if d.aggregate == "active_days":
            return active.fill_null(0)
        day, gap = pl.col("d"), pl.col("gap")
        if d.aggregate == "gap_median_days":
            inside = (pl.col("age") + gap) <= days
            return number(
                "gap",
                lambda w: pl.when(inside).then(gap).quantile(0.5, interpolation="lower"),
            )
        newest = number("newest", lambda w: pl.when(w).then(day).max())
        oldest = number("oldest", lambda w: pl.when(w).then(day).min())
        span = newest - oldest
        if d.aggregate == "gap_mean_days":
            return pl.when(active > 1).then(span / (active - 1))
        assert d.aggregate == "recency_over_gap"
        since = (pl.col("as_of") - self._value(stream, "latest", days)) / _DAY
        return since / ((span + d.parameter) / active)


def plan(
    files: Sequence[str], definitions: Sequence[FeatureDefinition], cuts: Sequence[int]
) -> pl.LazyFrame:
    """The computation, run as far as the events as they are used and not beyond."""
    streams = Streams(definitions)
    cut_days = [cut // DAY_US for cut in cuts]
    moments = pl.LazyFrame(
        {"k": range(len(cuts)), "cut_day": cut_days, "as_of": cuts},
        schema={"k": pl.Int8, "cut_day": pl.Int32, "as_of": pl.Int64},
    ).with_columns(cents=pl.lit(100.0), day_us=pl.lit(float(DAY_US)))
    read = pl.scan_parquet(list(files)).select(
        "customer_id", "kind", "occurred_at", "known_at", "value_micros"
    )
    people = read.select(pl.col("customer_id").unique()).collect().with_row_index("c").lazy()
    day = (pl.col("occurred_at") // DAY_US).cast(pl.Int32)
    usable = pl.max_horizontal("occurred_at", "known_at")
    events = read.join(people, on="customer_id", how="left").select(
        "c",
        "kind",
        pl.col("occurred_at").alias("t"),
        (pl.col("value_micros") // 10_000).alias("v"),
        day.alias("d"),
        _how_many(usable, cuts).alias("first"),
        *(
            _how_many(day, [d - reach for d in cut_days]).alias(f"past {reach}")
            for reach in sorted(set(streams.reach.values()))
        ),
    )
    events = events.collect(engine="streaming").lazy()  # once, not once per stream
    found = (
        events.group_by("c")
        .agg(pl.col("first").min())
        .with_columns(pl.int_ranges("first", len(cuts), dtype=pl.Int8).alias("k"))
        .explode("k")
        .drop_nulls("k")
        .join(people, on="c")
        .join(moments, on="k")
    )

    def repeated(frame: pl.LazyFrame, until: str | int) -> pl.LazyFrame:
        return (
            frame.filter(pl.col("first") < (pl.col(until) if isinstance(until, str) else until))
            .with_columns(pl.int_ranges("first", until, dtype=pl.Int8).alias("k"))
            .explode("k")
        )

    for stream, kinds in streams.kinds.items():
        own = events.filter(pl.col("kind").is_in(kinds))
        past = f"past {streams.reach.get(stream, 0)}"
        aged = (pl.col("cut_day") - pl.col("d")).alias("age")
        if stream in streams.events:
            counted = repeated(own, past).join(moments, on="k").with_columns(aged)
            parts = counted.group_by(_KEYS).agg(streams.events[stream].values())
            found = found.join(parts, on=_KEYS, how="left")
        if stream in streams.days:
            daily = own.group_by("c", "d").agg(pl.col("first").min(), pl.col(past).first())
            counted = repeated(daily, past).join(moments, on="k").with_columns(aged)
            if any("gap" in name for name in streams.days[stream]):
                counted = counted.sort("c", "k", "d").with_columns(
                    pl.when(
                        (pl.col("c") == pl.col("c").shift()) & (pl.col("k") == pl.col("k").shift())
                    )
                    .then(pl.col("d") - pl.col("d").shift())
                    .alias("gap")
                )
            parts = counted.group_by(_KEYS).agg(streams.days[stream].values())
            found = found.join(parts, on=_KEYS, how="left")
        if stream in streams.ever:
            latest = [pl.col("t").max().alias("latest at")]
            if streams.ever[stream]:
                latest.append(pl.col("v").get(pl.col("t").arg_max()).alias("latest"))
            whole = own.group_by("c", "first").agg(latest)
            again = [pl.col("latest at").max().alias(f"{stream} latest at")]
            if streams.ever[stream]:
                newest = pl.col("latest").get(pl.col("latest at").arg_max())
                again.append(newest.alias(f"{stream} latest"))
            parts = repeated(whole, len(cuts)).group_by(_KEYS).agg(again)
            found = found.join(parts, on=_KEYS, how="left")
    return found.select("customer_id", "as_of", *streams.finals)


def _how_many(instants: pl.Expr, bounds: Sequence[int]) -> pl.Expr:
    """How many of `bounds` lie at or before each instant."""
    return pl.sum_horizontal((instants >= bound).cast(pl.Int8) for bound in bounds).cast(pl.Int8)


def build(
    files: Sequence[str],
    definitions: Sequence[FeatureDefinition],
    cuts: Sequence[int],
    out: Path,
    *,
    threads: int,
) -> Timing:
    """Compute the table in memory, then write it to `out`.

    Polars takes its number of threads from the environment when it is first imported, so `threads`
    must be what the process was started with.
    """
    assert pl.thread_pool_size() == threads, (pl.thread_pool_size(), threads)
    begun = time.perf_counter()
    found = plan(files, definitions, cuts).collect(engine="streaming")
    computed = time.perf_counter()
    found.write_parquet(out, compression="lz4")
    return Timing(computed - begun, time.perf_counter() - computed)
