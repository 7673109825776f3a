"""A made-up company whose truth is known: what the demo runs on and what tests recover.

Each customer has a hidden engagement that wanders and a hidden frustration that tickets raise and
time heals. Both drive orders, sessions and the weekly hazard of leaving for good. One age band's
app sessions are recorded less often although its people leave no more often than others: a model
that trusts sessions flags them unfairly, and a fairness audit should see it. A randomised pilot
with a known effect runs through the middle, for measures of lift to find.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from features.simulate import exports
from features.simulate.life import PILOT_WEEK, PILOT_WEEKS, WEEKS, live, make_people
from features.simulate.permissions import permissions
from governance.errors import InvalidInput


@dataclass(frozen=True)
class Simulation:
    """Two years of one company, as the tables its shop, app and help desk would export.

    Every frame has a `customer_id`. `orders` holds naive local times (one row per order line,
    returns with a negative quantity); all other times are UTC. `truth` is what no company knows:
    who left when, each one's hazard per week at the end, and the pilot's effect on it. It is for
    tests alone.
    """

    end: datetime
    customers: pd.DataFrame
    orders: pd.DataFrame
    web: pd.DataFrame
    tickets: pd.DataFrame
    surveys: pd.DataFrame
    contacts: pd.DataFrame
    pilot: pd.DataFrame
    permissions: pd.DataFrame
    truth: pd.DataFrame

    @property
    def start(self) -> datetime:
        """The first midnight of the two years."""
        return self.end - timedelta(weeks=WEEKS)

    @property
    def pilot_period(self) -> tuple[datetime, datetime]:
        """When the randomised pilot began and ended (half-open)."""
        began = self.start + timedelta(weeks=PILOT_WEEK)
        return began, began + timedelta(weeks=PILOT_WEEKS)


@dataclass(frozen=True)
class CompanyFiles:
    """Where `write_company` put everything.

    `mappings` are to be imported in this order; `permissions` holds one JSON object per answer;
    `pilot` is a table for `experiment analyse` (arm `arm`, control `holdout`, outcomes `retained`
    and `spend`).
    """

    mappings: tuple[Path, ...]
    permissions: Path
    pilot: Path


def simulate(
    customers: int, seed: int, *, end: datetime, under_recorded_share: float = 0.5
) -> Simulation:
    """Make up a company with `customers` customers over the 104 weeks before the day of `end`.

    The same arguments give the same company. `under_recorded_share` (0-1) is the share of app
    sessions lost for one age band; 0 plants no bias. Raises `InvalidInput` for fewer than
    1 customer, a share outside 0-1 or a naive `end`.
    """
    if customers < 1 or not 0 <= under_recorded_share <= 1 or end.tzinfo is None:
        raise InvalidInput(
            f"customers == {customers}, under_recorded_share == {under_recorded_share}, "
            f"zone of end == {end.tzinfo}",
            hint="at least 1 customer, a share within 0-1 and an `end` with a time zone",
        )
    rng = np.random.default_rng(seed)
    last = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = last - timedelta(weeks=WEEKS)
    people = make_people(customers, rng)
    weeks = live(people, rng)
    orders = exports.orders(people, weeks, rng, start)
    return Simulation(
        end=last,
        customers=exports.customers(people, rng, start),
        orders=orders,
        web=exports.web(people, weeks, rng, start, lost_share=under_recorded_share),
        tickets=exports.tickets(people, weeks, rng, start),
        surveys=exports.surveys(people, weeks, rng, start),
        contacts=exports.contacts(people, weeks, start),
        pilot=exports.pilot(people, weeks, orders, start),
        permissions=permissions(people, rng, start),
        truth=exports.truth(people, weeks, start),
    )


def write_company(simulation: Simulation, directory: Path) -> CompanyFiles:
    """Write the company's files and their mappings into `directory`, as if it had exported them.

    CSV, Parquet and JSON lines, so that the real import is what reads them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    simulation.customers.to_csv(directory / "customers.csv", index=False)
    simulation.orders.to_csv(directory / "orders.csv", index=False)
    simulation.web.to_parquet(directory / "web.parquet", index=False)
    _write_lines(simulation.tickets, directory / "tickets.jsonl")
    simulation.surveys.to_csv(directory / "surveys.csv", index=False)
    simulation.contacts.to_csv(directory / "contacts.csv", index=False)
    simulation.pilot.to_csv(directory / "pilot.csv", index=False)
    _write_lines(simulation.permissions, directory / "permissions.jsonl")
    for name, text in _MAPPINGS.items():
        (directory / f"{name}.toml").write_text(text, encoding="utf-8")
    return CompanyFiles(
        mappings=tuple(directory / f"{name}.toml" for name in _MAPPINGS),
        permissions=directory / "permissions.jsonl",
        pilot=directory / "pilot.csv",
    )


def _write_lines(frame: pd.DataFrame, path: Path) -> None:
    """Write JSON lines; a missing or empty value leaves its key out."""
    columns = [frame[name].tolist() for name in frame.columns]
    with path.open("w", encoding="utf-8") as file:
        for row in zip(*columns, strict=True):
            kept = {
                name: value
                for name, value in zip(frame.columns, row, strict=True)
                if isinstance(value, bool | int) or (isinstance(value, str) and value)
            }
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")


_MAPPINGS = {
    "customers": """\
[source]
path = "customers.csv"

[customer]
id = "customer_id"
attributes = { plan = "plan", came_by = "came_by" }
protected = { age_band = "age_band", gender = "nullif(gender, 'not stated')" }

[[event]]
kind = "joined"
occurred_at = "joined_at"
""",
    "orders": """\
[source]
path = "orders.csv"
timezone = "Europe/Amsterdam"

[customer]
id = "customer_id"

[[event]]
kind = "order"
id = "order_id"
occurred_at = "ordered_at"
value = "quantity * unit_price"
currency = "EUR"
properties = { sku = "sku", quantity = "quantity" }
where = "quantity > 0"

[[event]]
kind = "return"
id = "order_id"
occurred_at = "ordered_at"
value = "-quantity * unit_price"
currency = "EUR"
properties = { sku = "sku", quantity = "-quantity" }
where = "quantity < 0"
""",
    "web": """\
[source]
path = "web.parquet"

[customer]
id = "customer_id"

[[event]]
kind = "session"
occurred_at = "seen_at"
properties = { device = "device" }
where = "action = 'session'"

[[event]]
kind = "page_view"
occurred_at = "seen_at"
properties = { page = "page" }
where = "action = 'page_view'"
""",
    "tickets": """\
[source]
path = "tickets.jsonl"

[customer]
id = "customer_id"

[[event]]
kind = "ticket_opened"
id = "ticket_id || '/opened'"
occurred_at = "changed_at"
text = "text"
properties = { ticket = "ticket_id", topic = "topic" }
where = "status = 'opened'"

[[event]]
kind = "ticket_escalated"
id = "ticket_id || '/escalated'"
occurred_at = "changed_at"
properties = { ticket = "ticket_id" }
where = "status = 'escalated'"

[[event]]
kind = "ticket_closed"
id = "ticket_id || '/closed'"
occurred_at = "changed_at"
properties = { ticket = "ticket_id" }
where = "status = 'closed'"
""",
    "surveys": """\
[source]
path = "surveys.csv"

[customer]
id = "customer_id"

[[event]]
kind = "survey"
instrument = "csat"
occurred_at = "answered_at"
value = "score"
where = "instrument = 'csat'"

[[event]]
kind = "survey"
instrument = "nps"
occurred_at = "answered_at"
value = "score"
where = "instrument = 'nps'"
""",
    "contacts": """\
[source]
path = "contacts.csv"

[customer]
id = "customer_id"

[[event]]
kind = "contact_outside"
occurred_at = "sent_at"
properties = { campaign = "campaign", channel = "'email'" }
""",
}
