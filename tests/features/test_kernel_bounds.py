"""Histories out of all proportion: right figures in bounded memory, checked against plain numpy."""

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from features.events import MICROS
from features.history import Histories
from features.kernel import compute
from features.versions import NEVER
from governance.instants import DAY_US
from tests.features.hard_history import define
from tests.features.sample import event, histories, micros, permits

Ints = NDArray[np.int64]
MILLION = 1_000_000
AS_OFS = [micros(day) for day in (100, 200.5, 366)]


def one_customer(
    occurred_at: Ints,
    value_micros: Ints,
    *,
    known_at: Ints | None = None,
    properties: Sequence[str] | None = None,
) -> Histories:
    """Give one customer's orders as histories, straight from arrays in order of time."""
    size = len(occurred_at)
    return Histories(
        customers=np.array(["c0"], np.object_),
        offsets=np.array([0, size]),
        occurred_at=occurred_at,
        known_at=occurred_at if known_at is None else known_at,
        superseded_at=np.full(size, NEVER),
        kind=np.zeros(size, np.int16),
        kinds=("order",),
        value_micros=value_micros,
        digests=np.zeros((0, 2), np.uint64),
        occurrence=np.ones(size, np.int32),
        strings={} if properties is None else {"properties": pa.array(properties)},
    )


def features(found: Histories, definitions: Sequence[FeatureDefinition]) -> list[dict[str, float]]:
    """Give the features of the one customer by name, one row per as_of."""
    table = compute(found, definitions, AS_OFS, permits=permits())
    assert table.as_of.tolist() == AS_OFS
    return [dict(zip(table.names, row, strict=True)) for row in table.values.tolist()]


@pytest.mark.parametrize("late_share", [0.0, 0.1])
def test_a_million_events_of_one_customer(late_share: float) -> None:
    rng = np.random.default_rng(0)
    occurred_at = np.sort(rng.integers(micros(0), micros(366), MILLION))
    value = rng.integers(-(10**9), 10**9, MILLION)
    value[::7] = 20 * MICROS
    late = rng.random(MILLION) < late_share
    known_at = occurred_at + np.where(late, 20 * DAY_US, 0)
    names = ("count", "active_days", "days_since_last", "gap_mean_days", "gap_median_days")
    of_values = ("sum", "mean", "std", "max", "min", "last", "mode", "slope")
    definitions = [define(name, ("order",), days) for name in names for days in (None, 30)]
    definitions += [
        define(name, ("order",), days, column="value", name=f"{name} {days}")
        for name in of_values
        for days in (None, 30)
    ]
    definitions += [
        define("decayed_count", ("order",), name="decayed", parameter=30),
        define("repeats", ("order",), name="repeats", parameter=1e-4),
        define("delta", ("order",), 30, name="delta", column="value"),
    ]
    found = features(one_customer(occurred_at, value, known_at=known_at), definitions)
    for row, as_of in zip(found, AS_OFS, strict=True):
        usable = (occurred_at < as_of) & (known_at < as_of)
        times, values = occurred_at[usable], value[usable]
        for days in (None, 30):
            own = times >= (0 if days is None else as_of - days * DAY_US)
            when, numbers = times[own], values[own]
            dates = np.unique(when // DAY_US)
            expected = {
                f"count order  {days} None None": len(when),
                f"active_days order  {days} None None": len(dates),
                f"days_since_last order  {days} None None": (as_of - when[-1]) / DAY_US,
                f"gap_mean_days order  {days} None None": np.diff(dates).mean(),
                f"gap_median_days order  {days} None None": np.sort(np.diff(dates))[
                    (len(dates) - 2) // 2
                ],
                f"sum {days}": int(numbers.sum()) / MICROS,
                f"mean {days}": numbers.mean() / MICROS,
                f"std {days}": numbers.std(ddof=1) / MICROS,
                f"max {days}": numbers.max() / MICROS,
                f"min {days}": numbers.min() / MICROS,
                f"last {days}": numbers[-1] / MICROS,
                f"mode {days}": 20,
                f"slope {days}": 30 * np.polyfit((when - as_of) / DAY_US, numbers / MICROS, 1)[0],
            }
            assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-6)
        ages = as_of // DAY_US - times // DAY_US
        assert row["decayed"] == pytest.approx(np.sum(0.5 ** (ages / 30)), rel=1e-9)
        assert row["repeats"] == np.sum(np.diff(times) <= int(1e-4 * DAY_US))
        recent, before = times >= as_of - 30 * DAY_US, times >= as_of - 60 * DAY_US
        change = values[recent].mean() - values[before & ~recent].mean()
        assert row["delta"] == pytest.approx(change / MICROS, rel=1e-6)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_million_events_of_one_customer_fit_into_half_a_gigabyte() -> None:
    """Looked at from twelve instants with a tenth known late, in a process of its own."""
    script = dedent("""
        from pathlib import Path
        import numpy as np
        from features.kernel import compute
        from governance.instants import DAY_US
        from tests.features.hard_history import define
        from tests.features.sample import micros, permits
        from tests.features.test_kernel_bounds import one_customer
        def gib(name):
            lines = Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024**2
        rng = np.random.default_rng(0)
        occurred_at = np.sort(rng.integers(micros(0), micros(366), 1_000_000))
        known_at = occurred_at + np.where(rng.random(1_000_000) < 0.1, 20 * DAY_US, 0)
        found = one_customer(occurred_at, rng.integers(0, 10**9, 1_000_000), known_at=known_at)
        definitions = [
            define(name, ("order",), days, column="value", parameter=30)
            for name in ("count", "sum", "std", "slope", "decayed_sum", "streak")
            for days in (7, 30, 90, 365)
        ]
        as_ofs = [micros(30 * k + 30) for k in range(12)]
        before = gib("VmRSS")
        assert len(compute(found, definitions, as_ofs, permits=permits())) == 12
        print(gib("VmHWM") - before)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.5  # GiB


def test_many_events_at_one_instant() -> None:
    size = 100_000
    occurred_at = np.full(size, micros(50))
    value = np.arange(size) * MICROS
    waits = {"streak": 10, "repeats": 1}
    names = ("count", "active_days", "gap_mean_days", "streak", "repeats")
    of_values = ("sum", "std", "max", "last", "slope", "mode", "mode_share", "coverage")
    found = features(
        one_customer(occurred_at, value),
        [
            *(define(n, ("order",), 50, name=n, parameter=waits.get(n)) for n in names),
            *(define(n, ("order",), 50, name=n, column="value") for n in of_values),
        ],
    )[0]
    assert found == pytest.approx(
        {
            "count": size,  # day 50 is just within the 50 days before day 100
            "active_days": 1,
            "gap_mean_days": math.nan,
            "streak": 0,
            "repeats": size - 1,
            "sum": size * (size - 1) / 2,
            "std": np.arange(size).std(ddof=1),
            "max": size - 1,
            "last": size - 1,
            "slope": math.nan,
            "mode": 0,
            "mode_share": 1 / size,
            "coverage": 0,  # the one whole period is day 70 to 100
        },
        nan_ok=True,
    )


def test_a_property_with_a_hundred_thousand_values() -> None:
    rng = np.random.default_rng(1)
    size = 150_000
    occurred_at = np.sort(rng.integers(micros(0), micros(366), size))
    codes = rng.permutation(np.arange(size) % 100_000)
    texts = [f'{{"sku":"p{code}","n":{code}}}' for code in codes.tolist()]
    found = features(
        one_customer(occurred_at, np.full(size, MICROS), properties=texts),
        [
            define("distinct", ("order",), name="all", column="property:sku"),
            define("distinct", ("order",), 30, name="recent", column="property:sku"),
            define("share_where", ("order",), name="p7", where=(("sku", "p7"),)),
            define("sum", ("order",), 30, name="n", column="property:n"),
            define("category", ("order",), column="property:sku", name="c", categories=("p1",)),
            define("mode_share", ("order",), name="m", column="property:n"),
        ],
    )
    for row, as_of in zip(found, AS_OFS, strict=True):
        known = codes[occurred_at < as_of]
        recent = codes[(occurred_at < as_of) & (occurred_at >= as_of - 30 * DAY_US)]
        assert row == pytest.approx(
            {
                "all": len(np.unique(known)),
                "recent": len(np.unique(recent)),
                "p7": np.mean(known == 7),
                "n": recent.sum(),
                "c": 0 if known[-1] == 1 else math.nan,
                "m": np.bincount(known).max() / len(known),
            },
            nan_ok=True,
        )


def test_who_has_no_event_has_no_row_and_costs_nothing_to_the_others() -> None:
    found = histories(event(1, customer="c0"), event(200, customer="c1"), event(1, customer="c2"))
    table = compute(found, [define("count", ("order",))], AS_OFS[:1], permits=permits())
    assert table.customers.tolist() == ["c0", "c2"]
    nobody = compute(histories(), [define("count", ("order",))], AS_OFS, permits=permits())
    assert nobody.values.shape == (0, 1)


def test_who_never_did_what_a_feature_counts_has_a_row_of_nothing() -> None:
    definitions = [
        define("count", ("order",)),
        define("sum", ("order",), column="value"),
        define("mean", ("order",), column="value"),
        define("mean", ("order",), 30, column="value", empty=0.0),
    ]
    table = compute(histories(event(1, "session")), definitions, AS_OFS[:1], permits=permits())
    assert table.values[0].tolist() == pytest.approx([0, 0, math.nan, 0], nan_ok=True)
