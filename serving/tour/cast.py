"""Whom a visitor of the demo may follow: made-up customers, picked by what they did.

They are picked when the demo is made and kept out of its own run of playbooks, so that what is
decided about them is decided in front of a visitor. Their first names stand on pages alone.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow.parquet as pq
from pydantic import TypeAdapter
from sqlalchemy import func, select

from features.history import Histories, read_customers
from governance.instants import from_micros
from governance.tables import decisions
from serving.bootstrap import Keepwell

FILE_NAME = "cast.json"
MOST_ACTS = 1_500
"""So many verdicts are given about the whole cast; then the demo is to be made anew."""
_EACH = 4
_LOOKED_AT = 80
_LATELY_DAYS = 180
_LEAST = 0.5

Role = Literal["drifting", "regular", "new"]
ROLES: tuple[Role, ...] = ("drifting", "regular", "new")
_NAMES: Mapping[Role, Sequence[str]] = {
    "drifting": ("Maria", "Noor", "Elif", "Jana"),
    "regular": ("Tom", "Ada", "Milan", "Sofie"),
    "new": ("Kim", "Robin", "Lou", "Sam"),
}


class Player(NamedTuple):
    """One customer of the tour: `name` is made up for the page, `story` is what the events say."""

    customer_id: str
    role: Role
    name: str
    story: str


class Seen(NamedTuple):
    """One player, and how many verdicts were given about them so far."""

    player: Player
    verdicts: int


_SHAPE = TypeAdapter(tuple[Player, ...])


def choose_cast(keepwell: Keepwell, scores: Path, *, now: datetime) -> tuple[Player, ...]:
    """Pick up to four customers for each role, out of those who permit what the tour does.

    Drifting: a high score and e-mail permitted, first those who lately wrote about a delivery, then
    by score. Regular: the lowest scores. New: no score, never ordered, first those who joined last.
    """
    rows = pq.read_table(scores).to_pylist()
    scored = sorted(
        (row for row in rows if row["status"] == "scored"), key=lambda row: -row["probability"]
    )
    high = [row["customer_id"] for row in scored if row["probability"] >= _LEAST]
    low = [row["customer_id"] for row in reversed(scored) if row["probability"] < _LEAST]
    unsaid = [row["customer_id"] for row in rows if row["status"] == "insufficient_data"]
    lives = _lives(keepwell, [*high[:_LOOKED_AT], *low[:_EACH], *unsaid], now=now)
    reachable = _reachable(keepwell, high, now=now)
    drifting = sorted(
        (lives[each] for each in high if each in lives and each in reachable),
        key=lambda life: not life.asked_about_delivery(now),
    )
    regular = [lives[each] for each in low if each in lives]
    new = sorted(
        (lives[each] for each in unsaid if each in lives and not lives[each].orders),
        key=lambda life: life.began,
        reverse=True,
    )
    picked = zip(ROLES, (drifting, regular, new), strict=True)
    return tuple(
        Player(life.customer_id, role, name, life.told(now))
        for role, found in picked
        for name, life in zip(_NAMES[role], found, strict=False)
    )


def write_cast(cast: Sequence[Player], reports: Path) -> None:
    """Keep the cast among the home's reports."""
    (reports / FILE_NAME).write_bytes(_SHAPE.dump_json(tuple(cast), indent=1))


def read_cast(reports: Path) -> tuple[Player, ...]:
    """Read what `write_cast` kept; nobody where nothing was."""
    path = reports / FILE_NAME
    return _SHAPE.validate_json(path.read_bytes()) if path.exists() else ()


def without_cast(scores: Path, cast: Collection[Player], out: Path) -> Path:
    """Write the scores of everybody else, for a run that leaves the cast to visitors."""
    ours = {each.customer_id for each in cast}
    table = pq.read_table(scores)
    keep = [each not in ours for each in table["customer_id"].to_pylist()]
    pq.write_table(table.filter(keep), out)
    return out


def seen_cast(keepwell: Keepwell) -> tuple[Seen, ...]:
    """Give the cast, each with how often they were followed: the least first within a role."""
    cast = read_cast(keepwell.home.reports)
    with keepwell.database.read() as conn:
        persons = keepwell.persons.find_many(conn, {each.customer_id for each in cast})
        query = (
            select(decisions.c.person_id, func.count())
            .where(decisions.c.person_id.in_(sorted(persons.values())))
            .group_by(decisions.c.person_id)
        )
        counted = {str(person): int(n) for person, n in conn.execute(query)}
    found = [Seen(each, counted.get(persons.get(each.customer_id, ""), 0)) for each in cast]
    return tuple(sorted(found, key=lambda seen: (ROLES.index(seen.player.role), seen.verdicts)))


def three_of(seen: Sequence[Seen]) -> tuple[Player, ...]:
    """Give one player for each role, whom the fewest have followed."""
    first: dict[Role, Player] = {}
    for each in seen:
        first.setdefault(each.player.role, each.player)
    return tuple(first.values())


class _Life(NamedTuple):
    """What the events of one customer come to."""

    customer_id: str
    began: datetime
    orders: int
    last_order: datetime | None
    delivery_ticket: datetime | None

    def asked_about_delivery(self, now: datetime) -> bool:
        asked = self.delivery_ticket
        return asked is not None and (now - asked).days < _LATELY_DAYS

    def told(self, now: datetime) -> str:
        """Say it in a sentence or two."""
        if self.last_order is None:
            return f"Joined on {_day(self.began)} and has not ordered yet."
        times = "once" if self.orders == 1 else f"{self.orders} times"
        told = f"Ordered {times}, last on {_day(self.last_order)}."
        if self.asked_about_delivery(now) and self.delivery_ticket is not None:
            told += f" Wrote about a delivery on {_day(self.delivery_ticket)}."
        return told


def _lives(keepwell: Keepwell, customers: Sequence[str], *, now: datetime) -> dict[str, _Life]:
    with keepwell.database.read() as conn:
        permit, _ = keepwell.registry.permit_many(conn, "operations", customers, now=now)
        histories = read_customers(conn, permit, permit.customers)
    return {
        str(customer): _life(histories, place) for place, customer in enumerate(histories.customers)
    }


def _life(histories: Histories, place: int) -> _Life:
    events: list[dict[str, Any]] = histories.events(place)
    ordered = sorted({each["occurred_at"] for each in events if each["kind"] == "order"})
    about = [
        each["occurred_at"]
        for each in events
        if each["kind"] == "ticket_opened" and "delivery" in str(each.get("properties") or "")
    ]
    first = int(histories.occurred_at[histories.events_of(place)].min())
    return _Life(
        str(histories.customers[place]),
        from_micros(first),
        len(ordered),
        _instant(ordered[-1]) if ordered else None,
        _instant(max(about)) if about else None,
    )


def _reachable(keepwell: Keepwell, customers: Sequence[str], *, now: datetime) -> frozenset[str]:
    with keepwell.database.read() as conn:
        permit, _ = keepwell.registry.permit_many(conn, "outreach.email", customers, now=now)
    return frozenset(permit.customers)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
