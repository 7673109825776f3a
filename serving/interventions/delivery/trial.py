"""A signed message that says nothing, to try whether messages arrive."""

import json
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

import httpx

from serving.interventions.delivery.messages import TEST, message_body
from serving.interventions.delivery.webhook import Endpoint, Message, notify


class Trial(NamedTuple):
    """What came of it; `status` is None when no answer came from `host`, `cause` then says why."""

    outcome: str
    status: int | None
    message_id: str
    host: str
    cause: str


def send_trial(client: httpx.Client, endpoint: Endpoint, *, home_kind: str, now: datetime) -> Trial:
    """Send one message of the type `webhook.test`, outside the outbox and without a second try.

    Raises `ConfigurationError` for an endpoint that messages may not go to.
    """
    body = json.dumps(message_body(TEST, {"sent_by": "keepwell webhook test"}, now=now))
    message = Message(str(uuid4()), TEST, body)
    found = notify(client, endpoint, message, home_kind=home_kind, now=now)
    host = httpx.URL(endpoint.url).netloc.decode("ascii")
    return Trial(found.outcome, found.status, message.message_id, host, found.cause)
