"""An e-mail that says nothing, to try whether e-mails leave."""

import json
from datetime import datetime
from uuid import uuid4

from serving.interventions.delivery.email_addresses import parse_address
from serving.interventions.delivery.email_server import MailServer, send_mail
from serving.interventions.delivery.email_text import compose
from serving.interventions.delivery.webhook import Delivery

_SAID = {
    "subject": "Keepwell can send e-mails",
    "body": "Somebody tried whether e-mails of Keepwell arrive. This one did. Nothing else is to "
    "be done.",
}


def send_trial_mail(server: MailServer, to: str, *, home_kind: str, now: datetime) -> Delivery:
    """Send one e-mail outside the outbox and without a second try; gives what came of it.

    Raises `InvalidInput` for what is no address, `ConfigurationError` for a server that e-mails may
    not go by.
    """
    address = parse_address(to)
    body = json.dumps({"data": {"message": _SAID, "language": "en"}})
    mail = compose(str(uuid4()), body, sender=server.sender, to=address, now=now)
    return send_mail(server, mail, address, home_kind=home_kind)
