"""A made-up company of any size, written to Parquet block by block in bounded memory."""

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.simulate.block import Block, make_block
from features.simulate.world import World
from governance.errors import InvalidInput

BLOCK_CUSTOMERS = 2_000


@dataclass(frozen=True)
class StreamedCompany:
    """Where `write_stream` put everything, and how much there is.

    `mappings` are to be imported in this order. `truth` holds what no company knows, by name:
    `people` (area, arm, when they left), `weeks` (hazard and the five states), `texts` (how each
    was meant) and `faults` (rows that are wrong); for tests alone.
    """

    mappings: tuple[Path, ...]
    events_file: Path
    permissions: Path
    truth: Mapping[str, Path]
    customers: int
    events: int
    world: World


def write_stream(
    customers: int,
    seed: int,
    directory: Path,
    *,
    end: datetime,
    world: World | None = None,
    block_customers: int = BLOCK_CUSTOMERS,
    truth_every_weeks: int = 4,
    progress: Callable[[str], None] = lambda _: None,
) -> StreamedCompany:
    """Write two years of a company with `customers` customers that end on the day of `end` (UTC).

    Each block of customers has its own child of `seed` and becomes one row group: a customer's
    rows are the same whatever the total, and memory is that of one block (some 150 events a
    customer). `world` states every planted effect. Raises `InvalidInput` for fewer than 1
    customer, a block of none, or a naive `end`.
    """
    if customers < 1 or block_customers < 1 or truth_every_weeks < 1 or end.tzinfo is None:
        raise InvalidInput(
            f"customers == {customers}, block_customers == {block_customers}, "
            f"truth_every_weeks == {truth_every_weeks}, zone of end == {end.tzinfo}",
            hint="at least 1 of each and an `end` with a time zone",
        )
    planted = world or World()
    last = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    truth = {name: directory / "truth" / f"{name}.parquet" for name in _TRUTHS}
    (directory / "truth").mkdir(parents=True, exist_ok=True)
    tables = {"events": directory / "events.parquet", "customers": directory / "customers.parquet"}
    permissions = directory / "permissions.jsonl"
    events = 0
    with ExitStack() as stack, permissions.open("w", encoding="utf-8") as answers:
        writers: dict[Path, pq.ParquetWriter] = {}
        for number in range(-(-customers // block_customers)):
            done = number * block_customers
            block = make_block(
                number,
                seed,
                size=block_customers,
                keep=min(block_customers, customers - done),
                end=last,
                world=planted,
                truth_every_weeks=truth_every_weeks,
            )
            for path, table in _parts(block, tables | truth):
                if path not in writers:
                    writers[path] = stack.enter_context(
                        pq.ParquetWriter(path, table.schema, compression="zstd")
                    )
                writers[path].write_table(table, row_group_size=max(len(table), 1))
            for row in block.permissions.to_dict("records"):
                kept = {name: each for name, each in row.items() if each != ""}
                answers.write(json.dumps(kept, ensure_ascii=False) + "\n")
            events += len(block.events)
            progress(f"{min(done + block_customers, customers):,} customers, {events:,} events")
    for name, text in _MAPPINGS.items():
        (directory / f"{name}.toml").write_text(text, encoding="utf-8")
    return StreamedCompany(
        mappings=tuple(directory / f"{name}.toml" for name in _MAPPINGS),
        events_file=tables["events"],
        permissions=permissions,
        truth=truth,
        customers=customers,
        events=events,
        world=planted,
    )


_TRUTHS = ("people", "weeks", "texts", "faults")


def _parts(block: Block, paths: Mapping[str, Path]) -> list[tuple[Path, Any]]:
    return [
        (paths["events"], block.events),
        (paths["customers"], block.customers),
        *((paths[name], getattr(block, f"truth_{name}")) for name in _TRUTHS),
    ]


_CUSTOMERS = """\
[source]
path = "customers.parquet"

[customer]
id = "customer_id"
attributes = { plan = "plan", area = "area" }
protected = { age_band = "age_band" }

[[event]]
kind = "joined"
occurred_at = "joined_at"
"""

_HEAD = """\
[source]
path = "events.parquet"

[customer]
id = "customer_id"
"""

_BARE = """
[[event]]
kind = "{kind}"
id = "event_id"
occurred_at = "occurred_at"
known_at = "known_at"
where = "kind = '{kind}'{more}"
"""


def _event(kind: str, *lines: str, more: str = "") -> str:
    return _BARE.format(kind=kind, more=more) + "".join(f"{line}\n" for line in lines)


def _survey(instrument: str) -> str:
    return _event(
        "survey",
        f'instrument = "{instrument}"',
        'value = "value"',
        'corrects = "corrects"',
        more=f" AND instrument = '{instrument}'",
    )


_INSTRUMENTS = (
    *("csat", "nps", "who5", "pulse_emotional", "pulse_financial", "pulse_social"),
    *("pulse_physical", "pulse_purposeful"),
)
_MONEY = ('value = "value"', 'currency = "EUR"')
_EVENTS = "".join(
    [
        _HEAD,
        _event("order", *_MONEY, 'corrects = "corrects"', more=" AND retracts IS NULL"),
        _event("order", 'retracts = "retracts"', more=" AND retracts IS NOT NULL"),
        _event("return", *_MONEY),
        _event("savings", *_MONEY),
        *map(_event, ("session", "page_view", "ticket_escalated", "ticket_closed")),
        *map(_event, ("payment_failed", "goal_reached")),
        _event("ticket_opened", 'text = "text"'),
        _event("community_post", 'text = "text"'),
        _event("wearable", 'value = "value"', 'properties = { metric = "metric" }'),
        *map(_survey, _INSTRUMENTS),
    ]
)
_MAPPINGS = {"customers": _CUSTOMERS, "events": _EVENTS}
