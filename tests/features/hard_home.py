"""A home with a hard history, on which carriers are compared: files, live events, late files.

One builder for every carrier: `build_home` fills any database and store, `pairs` draws the
(customer, as_of) to compare, `tests.features.hard_history.definitions` gives the features.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.compaction import compact
from features.definitions import FeatureDefinition
from features.events import Event
from features.history import read_customer
from features.importing.mapping import parse_mapping
from features.importing.run import import_source
from features.kernel import FeatureTable, compute
from features.live import append
from features.store import HistoryStore
from governance.instants import from_micros, to_micros
from governance.proof import Permit
from serving.database import Database
from tests.features.hard_history import AMSTERDAM, CLOCK_CHANGES, TEXTS, ZONES

BEGIN = datetime(2023, 11, 1, tzinfo=UTC)
DAYS = 400
FIRST_IMPORT = datetime(2025, 1, 1, tzinfo=UTC)
SECOND_IMPORT = datetime(2025, 2, 1, tzinfo=UTC)
ODD_IDS = ("10", "9", "a b", "Zoë", "ä", "客户")

MAPPING = """
[source]
timezone = "Europe/Amsterdam"
[customer]
id = "client"
[[event]]
kind = "order"
id = "bill"
occurred_at = "at"
known_at = "loaded"
value = "amount"
properties = { channel = "channel", qty = "qty", sku = "sku" }
where = "kind = 'order' AND retracts IS NULL"
corrects = "corrects"
[[event]]
kind = "order"
id = "bill"
occurred_at = "at"
known_at = "loaded"
where = "kind = 'order' AND retracts IS NOT NULL"
retracts = "retracts"
[[event]]
kind = "return"
occurred_at = "local"
known_at = "loaded"
value = "amount"
properties = { channel = "channel", sku = "sku" }
where = "kind = 'return'"
[[event]]
kind = "survey"
instrument = "csat"
occurred_at = "at"
known_at = "loaded"
value = "answer"
where = "kind = 'survey'"
[[event]]
kind = "chat_message"
occurred_at = "at"
known_at = "loaded"
text = "said"
where = "kind = 'chat_message'"
[[event]]
kind = "profile"
occurred_at = "at"
properties = { plan = "plan", age = "age" }
where = "kind = 'profile'"
"""
"""Orders have ids, several lines and corrections; returns are in the shop's local time."""

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("client", "kind", "bill", "at", "loaded")),
        ("local", pa.timestamp("us")),
        ("amount", pa.float64()),
        *((name, pa.string()) for name in ("channel", "sku", "said", "plan")),
        *((name, pa.int64()) for name in ("qty", "age", "answer")),
        *((name, pa.string()) for name in ("corrects", "retracts")),
    ]
)


class HardHome(NamedTuple):
    """A filled home: its customers, ascending, and instants (µs) to look at them from."""

    database: Database
    store: HistoryStore
    customers: tuple[str, ...]
    as_ofs: tuple[int, ...]


def build_home(
    database: Database, store: HistoryStore, folder: Path, *, customers: int, seed: int = 0
) -> HardHome:
    """Import a file, take events in live, import late rows of the same source, and more live ones.

    Files have rows known late; orders have several lines, corrections of corrections and
    retractions. The first live events are compacted into a segment, the last are not.
    """
    rng = np.random.default_rng(seed)
    width = len(str(customers))
    ids = sorted({*ODD_IDS, *(f"c{k:0{width}}" for k in range(customers - len(ODD_IDS)))})
    early = [row for customer in ids for row in _rows(rng, customer, first=0)]
    late = [row for customer in ids if rng.random() < 0.5 for row in _rows(rng, customer, first=90)]
    mapping = parse_mapping(MAPPING, name="shop")

    def take(name: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
        path = folder / name
        pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), path)
        result = import_source(mapping, path, database=database, store=store, now=now)
        assert result.events_written > 0
        assert not result.rejected, result.reasons

    take("shop.parquet", early, FIRST_IMPORT)
    _take_live(rng, database, ids, FIRST_IMPORT, "live")
    with database.write() as conn:
        compact(conn, store, now=FIRST_IMPORT + timedelta(days=25))
    take("shop_later.parquet", [*early[:50], *late], SECOND_IMPORT)
    _take_live(rng, database, ids, SECOND_IMPORT, "tail")
    return HardHome(database, store, tuple(ids), _as_ofs(rng, early))


def pairs(home: HardHome, count: int, *, seed: int = 0) -> list[tuple[str, int]]:
    """Draw different (customer, as_of) at random."""
    rng = np.random.default_rng(seed)
    size = len(home.customers) * len(home.as_ofs)
    places = rng.choice(size, count, replace=False).tolist()
    return [
        (home.customers[place // len(home.as_ofs)], home.as_ofs[place % len(home.as_ofs)])
        for place in places
    ]


def rows_of(table: FeatureTable) -> dict[tuple[str, int], bytes]:
    """Give the bits of every row of a table by (customer, as_of)."""
    places = zip(table.customers.tolist(), table.as_of.tolist(), strict=True)
    return {place: row.tobytes() for place, row in zip(places, table.values, strict=True)}


def online(
    home: HardHome,
    wanted: Sequence[tuple[str, int]],
    definitions: Sequence[FeatureDefinition],
    permits: Mapping[str, Permit],
) -> dict[tuple[str, int], bytes]:
    """Compute pairs one by one as a request does; without a usable event there is no row."""
    found: dict[tuple[str, int], bytes] = {}
    with home.database.read() as conn:
        for customer, as_of in wanted:
            own = read_customer(conn, permits["risk_scoring"], customer)
            found |= rows_of(compute(own, definitions, [as_of], permits=permits))
    return found


def _instant(rng: np.random.Generator, first: int) -> datetime:
    """Often the same, sometimes around a change of clocks, sometimes to the microsecond."""
    kind = rng.random()
    if kind < 0.2:
        change = CLOCK_CHANGES[rng.integers(len(CLOCK_CHANGES))]
        found = change + timedelta(minutes=int(rng.choice([-60, -30, 0, 15, 30, 60, 90])))
    elif kind < 0.7:
        found = BEGIN + timedelta(days=int(rng.integers(first, DAYS)), hours=12)
    else:
        span = int(rng.integers(first * 86_400_000_000, DAYS * 86_400_000_000))
        found = BEGIN + timedelta(microseconds=span)
    return max(found, BEGIN + timedelta(days=first))


def _rows(rng: np.random.Generator, customer: str, *, first: int) -> list[dict[str, Any]]:
    """Lines of a source file about one customer, from the day `first` on."""
    found: list[dict[str, Any]] = []
    bills: list[str] = []
    for k in range(int(rng.geometric(1 / 25))):
        kind = str(rng.choice(["order", "return", "survey", "chat_message", "profile"], p=_HOW))
        occurred = _instant(rng, first)
        late = float(rng.choice([0, 0, 0, 0, 0.25, 20]))
        at = occurred.astimezone(ZONES[rng.integers(len(ZONES))])
        row: dict[str, Any] = {
            "client": customer,
            "kind": kind,
            "at": at.isoformat(),
            "local": occurred.astimezone(AMSTERDAM).replace(tzinfo=None),
            "loaded": (occurred + timedelta(days=late)).isoformat() if late else None,
            "amount": _amount(rng),
            "channel": [None, "web", "shop"][rng.integers(3)],
            "sku": [None, "p", "q", "r"][rng.integers(4)],
            "qty": [None, 1, 2, 7][rng.integers(4)],
        }
        if kind == "order":
            row["bill"] = f"{first}-{k}"
            pointing = rng.random()
            if bills and pointing < 0.25:
                target = bills[rng.integers(len(bills))]
                row["corrects" if pointing < 0.18 else "retracts"] = target
                row["loaded"] = (max(occurred, FIRST_IMPORT - timedelta(days=9))).isoformat()
            else:
                for line in range(int(rng.integers(0, 3))):  # more lines of the same order
                    found.append({**row, "sku": "pqr"[line], "qty": line or None})
            bills.append(row["bill"])
        elif kind == "survey":
            row["answer"] = int(rng.integers(1, 6))
        elif kind == "chat_message":
            row["said"] = TEXTS[rng.integers(len(TEXTS))]
        elif kind == "profile":
            row["plan"] = [None, "a", "b", "unheard of"][rng.integers(4)]
            row["age"] = int(rng.integers(18, 90))
        found.append(row)
        if rng.random() < 0.05 and kind == "return":
            found.append(row)  # real files hold true duplicates
    return found


_HOW = (0.5, 0.15, 0.1, 0.15, 0.1)


def _amount(rng: np.random.Generator) -> float | None:
    kind = rng.random()
    if kind < 0.1:
        return None
    return float(rng.choice([0.1, 2.5, 19.99])) if kind < 0.5 else round(rng.normal(50, 400), 6)


def _take_live(
    rng: np.random.Generator,
    database: Database,
    ids: Sequence[str],
    since: datetime,
    prefix: str,
) -> None:
    """Take in events of some customers over the 20 days after an import, a day at a time."""
    taken: dict[str, list[str]] = {}
    for day in range(20):
        now = since + timedelta(days=day, hours=9)
        some = []
        for customer in rng.choice(ids, len(ids) // 10, replace=False).tolist():
            own = taken.setdefault(customer, [f"0-{k}" for k in range(3)])
            fields: dict[str, Any] = {}
            pointing = rng.random()
            if pointing < 0.3:
                fields["corrects" if pointing < 0.2 else "retracts"] = str(rng.choice(own))
            occurred = now - timedelta(days=float(rng.choice([0.1, 0.25, 1, 40])))
            own.append(f"{prefix}-{day}")
            some.append(
                Event(
                    customer_id=customer,
                    kind="order",
                    occurred_at=occurred.astimezone(ZONES[rng.integers(len(ZONES))]),
                    known_at=now,
                    event_id=own[-1],
                    value=_amount(rng),
                    properties={"channel": "web", "qty": [1, 2], "sku": ["p", "q", None]},
                    **fields,
                )
            )
        with database.write() as conn:
            assert set(append(conn, some)) == {"written"}


def _as_ofs(rng: np.random.Generator, rows: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Instants over the whole time: at imports, at changes of clocks, and where things happened."""
    found = {to_micros(instant) for instant in (FIRST_IMPORT, SECOND_IMPORT, *CLOCK_CHANGES)}
    found |= {to_micros(FIRST_IMPORT) + 1, to_micros(SECOND_IMPORT) + 1}
    found |= {to_micros(SECOND_IMPORT + timedelta(days=day, hours=9)) for day in (1, 30)}
    for row in rng.choice(np.array(rows, np.object_), 15, replace=False):
        instant = to_micros(datetime.fromisoformat(row["loaded"] or row["at"]))
        found |= {instant, instant + 1}
    found |= {to_micros(BEGIN + timedelta(days=day)) for day in (60, 150, 250, 350, 420)}
    assert all(from_micros(instant) > BEGIN for instant in found)
    return tuple(sorted(found))
