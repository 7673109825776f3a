"""What deciding and sending need, built once per home, and the request that asks for a contact."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, select

from governance.consent.registry import ConsentRegistry
from governance.errors import ConfigurationError
from governance.instants import to_text
from governance.log.ledger import Ledger
from governance.pseudonym import PersonIds
from governance.tables import consent_events
from serving.database import Database
from serving.interventions.delivery.held_addresses import address_of
from serving.interventions.delivery.leases import LEASE, Leases
from serving.interventions.delivery.messages import REQUESTED
from serving.interventions.delivery.outbox import Transport, enqueue
from serving.interventions.policy.policy import ContactPolicy, policy_of
from serving.interventions.tables import interventions
from serving.keys import HomeKeys
from serving.notice_links import NOTICE_LASTS, notice_link
from serving.preference_links import stop_link, unsubscribe_headers
from serving.settings import Mode
from serving.survey_links import survey_link

if TYPE_CHECKING:  # the container imports what every floor offers; senders start without it
    from serving.bootstrap import Keepwell

Status = Literal[
    "proposed", "queued", "sent", "contested", "held_out", "rejected", "cancelled", "expired",
    "failed", "unknown",
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
    "unknown": "may have arrived: the mail server's answer was never seen",
}


OWN_ADDRESS = "http://127.0.0.1:3000"
"""Where the links of a demo lead: to its own service on this machine."""


class StopLinks(NamedTuple):
    """What links in messages are sealed with, and where people reach this service."""

    keys: HomeKeys
    base_url: str


class Ways(NamedTuple):
    """The ways messages of this home can go: by its own mail server, to a webhook."""

    email: bool = False
    webhook: bool = True


BY_WEBHOOK = Ways()


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
    ways: Ways = BY_WEBHOOK
    lease: timedelta = LEASE

    @property
    def leases(self) -> Leases:
        """What claims and sends this home's messages."""
        return Leases(self.registry, self.ledger, self.policy.home_kind, self.lease, self.policy)


def desk_of(keepwell: "Keepwell", *, mode: Mode | None = None) -> Desk:
    """Build the desk of an opened home; `mode` overrides the settings' mode."""
    settings = keepwell.settings
    base_url = settings.preferences.base_url
    if base_url is None and keepwell.kind != "production":
        base_url = OWN_ADDRESS
    return Desk(
        database=keepwell.database,
        registry=keepwell.registry,
        ledger=keepwell.ledger,
        persons=keepwell.persons,
        policy=policy_of(settings, home_kind=keepwell.kind, mode=mode),
        holdout_key=keepwell.keys.holdout,
        stop_links=None if base_url is None else StopLinks(keepwell.keys, base_url),
        ways=Ways(email=settings.email.host is not None, webhook=settings.webhook.url is not None),
    )


def queue_request(
    desk: Desk, conn: Connection, intervention_id: str, *, due_at: datetime, now: datetime
) -> str:
    """Put the request to contact one customer into the outbox; gives the message's id.

    It carries what the receiver needs to act and no score, reason or other data about the customer:
    the link to the notice that says why they were contacted, for outreach the link that stops it,
    with the headers of RFC 8058, and for a survey the link to its page. Raises `ConfigurationError`
    for outreach of a home that does not say where people reach it: its links would lead nowhere.
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
        "language": _language(conn, each.customer_id),
        **links_of(desk, conn, each, now=now),
    }
    return enqueue(
        conn,
        REQUESTED,
        data,
        customer_id=each.customer_id,
        intervention_id=intervention_id,
        due_at=due_at,
        now=now,
        transport=_transport(desk, conn, each),
    )


def links_of(desk: Desk, conn: Connection, each: Row[Any], *, now: datetime) -> dict[str, Any]:
    """Give the links a request carries: `why`, for outreach `stop`, for a survey `survey`.

    Raises `ConfigurationError` for outreach of a home that does not say where people reach it.
    """
    outreach = each.playbook_class == "outreach"
    if desk.stop_links is None:
        if outreach:
            raise ConfigurationError(
                ["the home does not say where people reach it, so its messages can hold no links"],
                source="[preferences]",
                hint="set base_url of [preferences] in keepwell.toml, and restart",
            )
        return {}
    keys, base_url = desk.stop_links
    person_id = desk.persons.person_id(conn, each.customer_id)
    ends = now + NOTICE_LASTS
    why = notice_link(keys, each.intervention_id, person_id, expires_at=ends, base_url=base_url)
    links: dict[str, Any] = {"why": {"url": why, "expires_at": to_text(ends)}}
    if outreach:
        url = stop_link(keys, person_id, f"outreach.{each.channel}", base_url=base_url)
        links["stop"] = {"url": url, "headers": unsubscribe_headers(url)}
    if each.survey is not None:
        url = survey_link(keys, each.intervention_id, person_id, expires_at=ends, base_url=base_url)
        links["survey"] = {"url": url, "expires_at": to_text(ends)}
    return links


def _language(conn: Connection, customer_id: str) -> str | None:
    """Give the language of the notice the customer decided on last; None where none was shown."""
    c = consent_events.c
    said = select(c.notice_locale).where(c.customer_id == customer_id, c.notice_locale.is_not(None))
    return conn.execute(said.order_by(c.seq.desc()).limit(1)).scalar()


def _transport(desk: Desk, conn: Connection, each: Row[Any]) -> Transport:
    """Choose the way: by our own mail server, unless only the receiver knows the address."""
    if each.channel != "email" or not desk.ways.email:
        return "webhook"
    known = address_of(conn, each.customer_id, each.channel) is not None
    return "email" if known or not desk.ways.webhook else "webhook"
