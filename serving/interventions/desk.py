"""What deciding and sending need, built once per home, and the request that asks for a contact."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqlalchemy import Connection, select

from governance.consent.registry import ConsentRegistry
from governance.instants import to_text
from governance.log.ledger import Ledger
from governance.pseudonym import PersonIds
from serving.database import Database
from serving.interventions.leases import Leases
from serving.interventions.messages import REQUESTED
from serving.interventions.outbox import enqueue
from serving.interventions.policy import ContactPolicy, policy_of
from serving.interventions.tables import interventions
from serving.keys import HomeKeys
from serving.preference_links import stop_link, unsubscribe_headers
from serving.settings import Mode

if TYPE_CHECKING:  # the container imports what every floor offers; senders start without it
    from serving.bootstrap import Keepwell

Status = Literal[
    "proposed", "queued", "sent", "contested", "held_out", "rejected", "cancelled", "expired",
    "failed",
]  # fmt: skip
STATUSES: Mapping[Status, str] = {
    "proposed": "waits for a person's yes",
    "queued": "waits to be sent",
    "sent": "handed over to whoever contacts the customer",
    "contested": "waits until a person has looked again at the decision behind it",
    "held_out": "left alone, to learn whether contacting helps",
    "rejected": "a person said no",
    "cancelled": "permission went, or it was replaced",
    "expired": "its time ran out before it could be sent",
    "failed": "the receiver never took it",
}


class StopLinks(NamedTuple):
    """What stop links of messages are sealed with, and where people reach this service."""

    keys: HomeKeys
    base_url: str


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What deciding and sending need; build one per home with `desk_of`."""

    database: Database
    registry: ConsentRegistry
    ledger: Ledger
    persons: PersonIds
    policy: ContactPolicy
    holdout_key: bytes
    stop_links: StopLinks | None = None

    @property
    def leases(self) -> Leases:
        """What claims and sends this home's messages."""
        return Leases(self.registry, self.ledger, self.policy.home_kind)


def desk_of(keepwell: "Keepwell", *, mode: Mode | None = None) -> Desk:
    """Build the desk of an opened home; `mode` overrides the settings' mode."""
    base_url = keepwell.settings.preferences.base_url
    return Desk(
        database=keepwell.database,
        registry=keepwell.registry,
        ledger=keepwell.ledger,
        persons=keepwell.persons,
        policy=policy_of(keepwell.settings, home_kind=keepwell.kind, mode=mode),
        holdout_key=keepwell.keys.holdout,
        stop_links=None if base_url is None else StopLinks(keepwell.keys, base_url),
    )


def queue_request(
    desk: Desk, conn: Connection, intervention_id: str, *, due_at: datetime, now: datetime
) -> str:
    """Put the request to contact one customer into the outbox; gives the message's id.

    It carries what the receiver needs to act and no score, reason or other data about the customer;
    for outreach also the link that stops it, with the headers of RFC 8058, where the settings say
    under which address people reach this service.
    """
    each = conn.execute(
        select(interventions).where(interventions.c.intervention_id == intervention_id)
    ).one()
    data = {
        "intervention_id": intervention_id,
        "decision_id": each.decision_id,
        "customer_id": each.customer_id,
        "playbook": each.playbook,
        "class": each.playbook_class,
        "channel": each.channel,
        "message": json.loads(each.message),
        "valid_until": to_text(each.valid_until),
        "confirm_before_sending": f"/v1/interventions/{intervention_id}/confirm",
    }
    if desk.stop_links is not None and each.playbook_class == "outreach":
        keys, base_url = desk.stop_links
        person_id = desk.persons.person_id(conn, each.customer_id)
        url = stop_link(keys, person_id, f"outreach.{each.channel}", base_url=base_url)
        data["stop"] = {"url": url, "headers": unsubscribe_headers(url)}
    return enqueue(
        conn,
        REQUESTED,
        data,
        customer_id=each.customer_id,
        intervention_id=intervention_id,
        due_at=due_at,
        now=now,
    )
