"""The feature table in DuckDB SQL, staged as one would by hand.

1. Customers get small integers, so that no 34-byte text is hashed twice; each event gets the first
   cut-off at which it is usable, `first` (after `occurred_at` and `known_at`), and the first whose
   window it has left, `past`.
2. Per stream of kinds, events are repeated for cut-offs `first … past` (an UNNEST, no inequality
   join) and aggregated by customer and cut-off with one FILTER per window. Streams apart, a row
   pays for its own features only: three times as fast as one wide GROUP BY over all kinds.
3. What looks at active days aggregates a stream's distinct days; gaps come from `lag`.
4. What looks at all of the past is aggregated by `first` before it is repeated.
5. Left joins by (customer, cut-off) make the table.

Decay is one weight per event, scaled at the cut-off. Standard deviations come from exact sums of
squared cents.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from benchmarks.peers import Timing
from features.definitions import FeatureDefinition
from governance.instants import DAY_US

_EPOCH_DAY = 20_000  # decay is counted from here; any day near the data will do


KNOWN_AT = "coalesce(known_at, occurred_at)"
"""When an event was known: the files leave out what equals `occurred_at`."""


class Queries:
    """Statements that build the table `result` for definitions at cut-offs (µs)."""

    def __init__(self, definitions: Sequence[FeatureDefinition], cuts: Sequence[int]) -> None:
        self.cuts = cuts
        self.definitions = definitions
        self._numbers: dict[str, dict[str, str]] = defaultdict(dict)  # stream: expression: name
        self._day_numbers: dict[str, dict[str, str]] = defaultdict(dict)
        self._ever: dict[str, set[str]] = defaultdict(set)
        self._kinds: dict[str, tuple[str, ...]] = {}
        self._reach: dict[str, int] = defaultdict(int)  # longest look back of a stream, in days
        self.columns = [f"({self._final(d)})::DOUBLE AS {d.name}" for d in definitions]

    def prepare(self, source: str) -> Iterable[str]:
        """Customers as integers, and the events with the cut-offs at which they count."""
        days = [cut // DAY_US for cut in self.cuts]
        day = f"(occurred_at // {DAY_US})::INTEGER"
        known = f"({KNOWN_AT})"
        first = "+".join(f"(greatest(occurred_at, {known}) >= {c})::TINYINT" for c in self.cuts)
        past = ", ".join(
            "(" + "+".join(f"({day} >= {d - reach})::TINYINT" for d in days) + f") AS past_{reach}"
            for reach in sorted(set(self._reach.values()))
        )
        listed = ", ".join(f"({k}::TINYINT, {d}::INTEGER)" for k, d in enumerate(days))
        yield f"CREATE OR REPLACE TEMP TABLE cuts AS FROM (VALUES {listed}) AS t(k, cut_day)"
        yield (
            "CREATE OR REPLACE TEMP TABLE people AS SELECT customer_id, "
            "(row_number() OVER ())::INTEGER AS c FROM "
            f"(SELECT DISTINCT customer_id FROM {source})"
        )
        yield (
            f"CREATE OR REPLACE TEMP TABLE events AS SELECT c, kind, {day} AS d, "
            f"({first})::TINYINT AS first, {past}, occurred_at AS t, "
            f"value_micros // 10000 AS v FROM {source} JOIN people USING (customer_id)"
        )

    def aggregate(self) -> Iterable[str]:
        """One table per stream: events, active days, and the whole past."""
        for stream, numbers in self._numbers.items():
            chosen = ", ".join(f"{e} AS {name}" for e, name in numbers.items())
            yield (
                f"CREATE OR REPLACE TEMP TABLE e_{stream} AS SELECT c, k, {chosen} FROM "
                "(SELECT c, k, v, t, cut_day - d AS age, d FROM (SELECT *, "
                f"{self._repeat(stream)} FROM events WHERE {self._where(stream)}) "
                "JOIN cuts USING (k)) GROUP BY c, k"
            )
        for stream, numbers in self._day_numbers.items():
            chosen = ", ".join(f"{e} AS {name}" for e, name in numbers.items())
            before = any("gap" in expression for expression in numbers)
            gap = ", d - lag(d) OVER (PARTITION BY c, k ORDER BY d) AS gap" if before else ""
            past = self._past(stream)
            yield (
                f"CREATE OR REPLACE TEMP TABLE d_{stream} AS SELECT c, k, {chosen} FROM "
                f"(SELECT c, k, cut_day - d AS age, d{gap} FROM "
                f"(SELECT *, {self._repeat(stream)} FROM "
                f"(SELECT c, d, min(first) AS first, any_value({past}) AS {past} FROM events "
                f"WHERE {self._where(stream)} GROUP BY c, d)) JOIN cuts USING (k)) GROUP BY c, k"
            )
        upto = f"unnest(range(first, {len(self.cuts)}))::TINYINT AS k"
        for stream, asked in self._ever.items():
            inner, outer = (
                ("arg_max(v, t) AS v", "arg_max(v, t) AS v_ever")
                if "value" in asked
                else ("0 AS v", "0 AS x")
            )
            yield (
                f"CREATE OR REPLACE TEMP TABLE a_{stream} AS SELECT c, k, max(t) AS t_ever, "
                f"{outer} FROM (SELECT c, t, v, {upto} FROM (SELECT c, first, max(t) AS t, {inner} "
                f"FROM events WHERE {self._where(stream)} GROUP BY c, first)) GROUP BY c, k"
            )

    def table(self) -> str:
        """One row per customer and cut-off at which anything of theirs is usable."""
        joined = " ".join(
            f"LEFT JOIN {prefix}_{stream} USING (c, k)"
            for prefix, streams in (
                ("e", self._numbers),
                ("d", self._day_numbers),
                ("a", self._ever),
            )
            for stream in streams
        )
        upto = f"unnest(range(min(first), {len(self.cuts)}))::TINYINT AS k"
        names = ", ".join(self.columns)
        return (
            f"SELECT customer_id, [{', '.join(map(str, self.cuts))}][k + 1] AS as_of, {names} "
            f"FROM (SELECT c, {upto} FROM events GROUP BY c) JOIN people USING (c) "
            f"JOIN cuts USING (k) {joined}"
        )

    def _past(self, stream: str) -> str:
        return f"past_{self._reach[stream]}"

    def _repeat(self, stream: str) -> str:
        return f"unnest(range(first, {self._past(stream)}))::TINYINT AS k"

    def _where(self, stream: str) -> str:
        return "kind IN (" + ", ".join(f"'{kind}'" for kind in self._kinds[stream]) + ")"

    def _stream(self, kinds: tuple[str, ...]) -> str:
        stream = "_".join(kinds)
        self._kinds[stream] = kinds
        return stream

    def _events(self, stream: str, expression: str, days: int) -> str:
        """Name a number aggregated over the events of a stream within so many days."""
        numbers = self._numbers[stream]
        self._reach[stream] = max(days, self._reach[stream])
        named = numbers.setdefault(
            f"{expression} FILTER (age <= {days})", f"n{len(numbers)}_{stream}"
        )
        return f"e_{stream}.{named}"

    def _days(self, stream: str, expression: str, days: int, where: str = "") -> str:
        """Name a number aggregated over the active days of a stream within so many days."""
        numbers = self._day_numbers[stream]
        self._reach[stream] = max(days, self._reach[stream])
        where = f"age <= {days}{where}"
        named = numbers.setdefault(f"{expression} FILTER ({where})", f"n{len(numbers)}_{stream}")
        return f"d_{stream}.{named}"

    def _count(self, kinds: tuple[str, ...], days: int) -> str:
        return f"coalesce({self._events(self._stream(kinds), 'count(*)', days)}, 0)"

    def _final(self, d: FeatureDefinition) -> str:
        """The expression of one feature over the joined tables."""
        stream, days = (
            self._stream(d.kinds if d.aggregate != "share" else d.kinds[:1]),
            d.window_days,
        )
        if days is None:
            self._ever[stream].add("value" if d.column else "time")
            if d.aggregate == "last":
                return f"a_{stream}.v_ever / 100"
            return f"(as_of - a_{stream}.t_ever) / {DAY_US}"
        if d.aggregate == "count":
            return self._count(d.kinds, days)
        if d.aggregate == "share":
            below = self._count(d.kinds[1:], days)
            return f"{self._count(d.kinds[:1], days)} / nullif({below}, 0)"
        if d.aggregate == "trend":
            now, both = self._count(d.kinds, days), self._count(d.kinds, 2 * days)
            return f"coalesce((2 * {now} - {both}) / nullif({both}, 0), 0)"
        if d.aggregate == "sum":
            return f"coalesce({self._events(stream, 'sum(v)', days)}, 0) / 100"
        if d.aggregate == "mean":
            total, number = self._events(stream, "sum(v)", days), self._count(d.kinds, days)
            return f"{total} / {number} / 100"
        if d.aggregate in ("min", "max"):
            return f"{self._events(stream, f'{d.aggregate}(v)', days)} / 100"
        if d.aggregate == "std":
            n, s = self._count(d.kinds, days), self._events(stream, "sum(v)", days)
            q = self._events(stream, "sum(v * v)", days)
            variance = f"({n} * {q} - {s} * {s}) / ({n} * ({n} - 1))"
            return f"CASE WHEN {n} > 1 THEN sqrt({variance}) END / 100"
        if d.aggregate == "decayed_count":
            weight = f"sum(pow(2.0, (d - {_EPOCH_DAY}) / {d.parameter}))"
            total = self._events(stream, weight, days)
            return f"coalesce({total}, 0) * pow(2.0, ({_EPOCH_DAY} - cut_day) / {d.parameter})"
        active = self._days(stream, "count(*)", days)
        if d.aggregate == "active_days":
            return f"coalesce({active}, 0)"
        if d.aggregate == "gap_median_days":
            inside = f" AND age + gap <= {days}"
            return self._days(stream, "quantile_disc(gap, 0.5)", days, inside)
        ends = [self._days(stream, f"{end}(d)", days) for end in ("max", "min")]
        span = f"({ends[0]} - {ends[1]})"
        if d.aggregate == "gap_mean_days":
            return f"{span} / nullif({active} - 1, 0)"
        assert d.aggregate == "recency_over_gap"
        since = f"(as_of - {self._events(stream, 'max(t)', days)}) / {DAY_US}"
        return f"{since} / (({span} + {d.parameter}) / {active})"


def build(
    files: Sequence[str],
    definitions: Sequence[FeatureDefinition],
    cuts: Sequence[int],
    out: Path,
    *,
    threads: int,
) -> Timing:
    """Compute the table within DuckDB, then write it to `out`."""
    queries = Queries(definitions, cuts)
    names = ", ".join(f"'{name}'" for name in files)
    begun = time.perf_counter()
    with duckdb.connect(config={"threads": threads}) as connection:
        for statement in (*queries.prepare(f"read_parquet([{names}])"), *queries.aggregate()):
            connection.execute(statement)
        connection.execute(f"CREATE TEMP TABLE result AS {queries.table()}")
        computed = time.perf_counter()
        connection.execute(f"COPY result TO '{out}' (FORMAT parquet, COMPRESSION lz4_raw)")
    return Timing(computed - begun, time.perf_counter() - computed)
