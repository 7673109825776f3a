"""Names that are not names: random ids for the log, keyed pseudonyms, tokens of erased people.

Three different things with three different keys. A person id is random, and erasure destroys the
only row that leads to it. A pseudonym lets an evaluation home join files without knowing who. A
suppression token outlives an erasure for a limited time, so that a re-import does not revive the
person.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from governance.errors import ConfigurationError
from governance.tables import persons, suppressions

PERSON_PREFIX = "person_"
_PSEUDONYM = re.compile(r"p_[0-9a-f]{32}")
_SLICE = 500
_MANY = 2_000
_SHORTEST_KEY = 16


def keyed_token(key: bytes, use: str, text: str) -> str:
    """Give HMAC-SHA256 in hex of `text`, kept apart by `use` so that no two uses share tokens."""
    return hmac.new(key, f"keepwell {use}\n{text}".encode(), hashlib.sha256).hexdigest()


def is_pseudonym(text: str) -> bool:
    """Whether `text` has the form of a pseudonym."""
    return _PSEUDONYM.fullmatch(text) is not None


class PersonIds:
    """Customer to random person id; the row is the only way from one to the other."""

    def person_id(self, conn: Connection, customer_id: str) -> str:
        """Give the customer's person id and make one the first time."""
        found = self.find(conn, customer_id)
        return found if found is not None else self.person_ids(conn, [customer_id])[customer_id]

    def person_ids(self, conn: Connection, customer_ids: Collection[str]) -> Mapping[str, str]:
        """Give the person id of every customer, making those that are missing."""
        found = self.find_many(conn, customer_ids)
        new = sorted(set(customer_ids) - found.keys())
        if new:
            insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert
            rows = [{"customer_id": c, "person_id": _random_person_id()} for c in new]
            conn.execute(insert(persons).on_conflict_do_nothing(), rows)
            found |= self.find_many(conn, new)
        return found

    def find(self, conn: Connection, customer_id: str) -> str | None:
        """Give the person id if the customer has one."""
        return conn.execute(_FIND_PERSON, {"customer": customer_id}).scalar_one_or_none()

    def customer_of(self, conn: Connection, person_id: str) -> str | None:
        """Give the customer behind a person id, or None after erasure."""
        return conn.execute(_FIND_CUSTOMER, {"person": person_id}).scalar_one_or_none()

    def customers_of(self, conn: Connection, person_ids: Collection[str]) -> Mapping[str, str]:
        """Give the customers behind person ids; the erased are missing."""
        found: dict[str, str] = {}
        for some in slices(sorted(set(person_ids))):
            rows = conn.execute(_FIND_CUSTOMERS, {"persons": some})
            found.update({row.person_id: row.customer_id for row in rows})
        return found

    def destroy(self, conn: Connection, customer_id: str) -> str | None:
        """Forget the way to the customer's person id; gives that id if there was one."""
        person = self.find(conn, customer_id)
        conn.execute(delete(persons).where(persons.c.customer_id == customer_id))
        return person

    def find_many(self, conn: Connection, customer_ids: Collection[str]) -> dict[str, str]:
        """Give the person ids of those customers that have one."""
        if len(customer_ids) == 1:  # the most frequent question, by the plainest statement
            [customer_id] = customer_ids
            person = self.find(conn, customer_id)
            return {} if person is None else {customer_id: person}
        if len(customer_ids) > _MANY:
            return _persons_between(conn, frozenset(customer_ids))
        found: dict[str, str] = {}
        for some in slices(sorted(set(customer_ids))):
            rows = conn.execute(_FIND_PERSONS, {"customers": some})
            found.update({row.customer_id: row.person_id for row in rows})
        return found


class Pseudonymiser:
    """The same customer always gets the same pseudonym under one key: `p_` and 32 hex digits."""

    def __init__(self, key: bytes) -> None:
        self._key = _long_enough(key, "the pseudonym key")

    def of(self, customer_id: str) -> str:
        """Give the customer's pseudonym; a pseudonym stays what it is."""
        if is_pseudonym(customer_id):
            return customer_id
        return "p_" + keyed_token(self._key, "pseudonym", customer_id)[:32]

    def of_many(self, customer_ids: Sequence[str]) -> list[str]:
        """Give the pseudonym of each, in order."""
        return [self.of(customer_id) for customer_id in customer_ids]

    @staticmethod
    def is_pseudonym(text: str) -> bool:
        """Whether `text` has the form of a pseudonym."""
        return is_pseudonym(text)


class Suppression:
    """Tokens of erased people, under a key of their own, each for a limited time."""

    def __init__(self, key: bytes, *, keep: timedelta = timedelta(days=3 * 365)) -> None:
        self._key = _long_enough(key, "the suppression key")
        self._keep = keep

    def token(self, customer_id: str) -> str:
        """Give the token that stands for the customer; it does not lead back."""
        return keyed_token(self._key, "suppression", customer_id)

    def suppress(
        self, conn: Connection, customer_id: str, *, now: datetime, sequence: int
    ) -> datetime:
        """Refuse this customer from now on; gives the instant the token lapses.

        `sequence` is the consent number of this act, so that a running batch notices it.
        """
        self.lift(conn, customer_id)
        expires_at = now + self._keep
        row = {
            "token": self.token(customer_id),
            "suppressed_at": now,
            "expires_at": expires_at,
            "sequence": sequence,
        }
        conn.execute(suppressions.insert(), row)
        return expires_at

    def is_suppressed(self, conn: Connection, customer_id: str, *, now: datetime) -> bool:
        """Whether the customer was erased and the token has not lapsed."""
        found = conn.execute(
            select(func.count())
            .select_from(suppressions)
            .where(suppressions.c.token == self.token(customer_id))
            .where(suppressions.c.expires_at > now)
        )
        return bool(found.scalar_one())

    def find(
        self, conn: Connection, customer_id: str, *, now: datetime
    ) -> tuple[datetime, datetime] | None:
        """Give since when and until when the customer's token holds; None where there is none."""
        row = conn.execute(
            select(suppressions.c.suppressed_at, suppressions.c.expires_at)
            .where(suppressions.c.token == self.token(customer_id))
            .where(suppressions.c.expires_at > now)
        ).first()
        return None if row is None else (row.suppressed_at, row.expires_at)

    def suppressed_among(
        self, conn: Connection, customer_ids: Collection[str], *, now: datetime, since: int = 0
    ) -> set[str]:
        """Give those of `customer_ids` that are suppressed, by acts numbered above `since`."""
        return set(self.suppressed_at(conn, customer_ids, now=now, since=since))

    def any_since(self, conn: Connection, sequence: int) -> bool:
        """Whether anyone at all was erased by an act numbered above `sequence`."""
        later = suppressions.c.sequence > sequence
        return conn.execute(select(suppressions.c.token).where(later).limit(1)).first() is not None

    def suppressed_at(
        self, conn: Connection, customer_ids: Collection[str], *, now: datetime, since: int = 0
    ) -> dict[str, datetime]:
        """Say when those of `customer_ids` that are suppressed were erased."""
        by_token = {self.token(customer_id): customer_id for customer_id in customer_ids}
        bound: dict[str, Any] = {"now": now, "since": since}
        if len(by_token) <= _SLICE:
            rows = conn.execute(_ACTIVE_OF, {**bound, "tokens": list(by_token)})
        else:
            rows = conn.execute(_ACTIVE, bound)
        return {by_token[token]: at for token, at in rows if token in by_token}

    def lift(self, conn: Connection, customer_id: str) -> bool:
        """Forget the token, because the person came back; tells whether there was one."""
        token = self.token(customer_id)
        return conn.execute(delete(suppressions).where(suppressions.c.token == token)).rowcount > 0

    def forget_lapsed(self, conn: Connection, *, now: datetime) -> int:
        """Delete tokens whose time is over; gives their number."""
        return conn.execute(delete(suppressions).where(suppressions.c.expires_at <= now)).rowcount


def slices(items: Sequence[str]) -> list[Sequence[str]]:
    """Cut a list into pieces small enough for one SQL statement."""
    return [items[i : i + _SLICE] for i in range(0, len(items), _SLICE)]


def _persons_between(conn: Connection, wanted: frozenset[str]) -> dict[str, str]:
    """Give the person ids of many customers by one read of all that lie between them."""
    name: ColumnElement[str] = persons.c.customer_id
    if conn.dialect.name == "postgresql":
        name = name.collate("C")  # in the order of code points
    among = (name >= min(wanted)) & (name <= max(wanted))
    rows = conn.execute(select(persons).where(among))
    return {customer: person for customer, person in rows if customer in wanted}


def _random_person_id() -> str:
    return PERSON_PREFIX + secrets.token_hex(16)


def _long_enough(key: bytes, name: str) -> bytes:
    if len(key) < _SHORTEST_KEY:
        problem = f"{name} has {len(key)} bytes, must have at least {_SHORTEST_KEY}"
        raise ConfigurationError([problem], source="the keys of this home")
    return key


_FIND_PERSON = select(persons.c.person_id).where(persons.c.customer_id == bindparam("customer"))
_FIND_CUSTOMER = select(persons.c.customer_id).where(persons.c.person_id == bindparam("person"))
_ACTIVE = select(suppressions.c.token, suppressions.c.suppressed_at).where(
    suppressions.c.expires_at > bindparam("now"), suppressions.c.sequence > bindparam("since")
)
_ACTIVE_OF = _ACTIVE.where(suppressions.c.token.in_(bindparam("tokens", expanding=True)))
_FIND_PERSONS = select(persons).where(
    persons.c.customer_id.in_(bindparam("customers", expanding=True))
)
_FIND_CUSTOMERS = select(persons).where(
    persons.c.person_id.in_(bindparam("persons", expanding=True))
)
