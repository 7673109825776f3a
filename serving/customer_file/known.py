"""Whether a customer may be shown at all, and by which id this home knows them."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from features.history import Histories, read_customer
from features.links import is_known
from governance.consent.registry import Refusal
from governance.errors import NotFound
from governance.proof import Permit
from serving.bootstrap import Keepwell
from serving.links import links_of, person_permit

SERVING = "operations"
"""The purpose for which whoever serves a customer may see what is held about them."""


class Known(NamedTuple):
    """A customer who may be shown: the id `inside` this home, and the permit over their history."""

    inside: str
    permit: Permit


class OtherIds(NamedTuple):
    """Ids linked with a customer's now: those that are the same person, and their accounts."""

    same_person: tuple[str, ...]
    accounts: tuple[str, ...]


def known_customer(
    keepwell: Keepwell, conn: Connection, customer_id: str, *, now: datetime
) -> Known:
    """Give a customer who may be shown; raises `NotFound` for all others alike."""
    inside = keepwell.inside_id(customer_id)
    permit = person_permit(keepwell, conn, inside, SERVING, now=now)
    if isinstance(permit, Refusal) or not is_known(conn, inside):
        raise nobody()
    return Known(inside, permit)


def history_of(conn: Connection, known: Known) -> Histories:
    """Read the history of a customer who may be shown."""
    return read_customer(conn, known.permit, known.inside)


def other_ids(keepwell: Keepwell, customer_id: str) -> OtherIds:
    """List the ids that are linked with a customer's at this moment."""
    found, inside = links_of(keepwell, customer_id), keepwell.inside_id(customer_id)
    linked = (each for each in found.merged if each.unlinked_at is None)
    together = {each for link in linked for each in (link.keep, link.other)}
    accounts = {each.account for each in found.members if each.left_at is None}
    return OtherIds(tuple(sorted(together - {inside})), tuple(sorted(accounts)))


def nobody() -> NotFound:
    """Say that there is nobody to show, in the words used whatever the reason."""
    return NotFound("no such customer", hint="look for the id in the list of customers")
