"""One e-mail to the company's own mail server by SMTP (RFC 5321): what happened and what is next.

A mail server does not know a message again, so a doubtful one is not sent again. The attempt is
`unknown` from the moment the last line of the message is on its way until the server's answer is
read; everything before that is a plain yes or no. A refusal of the recipient or the message is
for good, trouble with the way there is not.
"""

import re
import smtplib
import ssl
import time
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

import structlog

from governance.errors import ConfigurationError, PermissionRefused
from governance.proof import Clearance
from serving.interventions.delivery.email_addresses import EmailAddress
from serving.interventions.delivery.email_text import Sender, compose
from serving.interventions.delivery.messages import STEP_UP
from serving.interventions.delivery.webhook import Delivery, Message, require_clearance

EXCHANGE_SECONDS = 30.0
"""No message ends later than this after its exchange began; half of a lease."""
_PAUSE_S = 900.0  # before a refused-for-now message comes again: servers that greylist want minutes
_DOT = re.compile(rb"^\.", re.MULTILINE)

log = structlog.get_logger("keepwell.email")


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """The company's mail server, how the way there is sealed, and who sends.

    `security`: `starttls`, `tls` or, to this machine alone, `none`. Certificates are always
    verified, by the system's authorities or those in `ca_certificate`.
    """

    host: str
    port: int
    security: str
    sender: Sender
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_certificate: Path | None = None
    timeout_s: float = 10.0

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def check_server(server: MailServer, *, home_kind: str) -> None:
    """Raise `ConfigurationError` with everything wrong with where e-mails would go."""
    problems = []
    if home_kind != "production" and not server.is_here:
        problems.append(f"a {home_kind} home delivers nothing outside this machine")
    if server.security == "none" and not server.is_here:
        problems.append("security = none lets anybody read e-mails on their way: use starttls")
    if server.username is not None and server.password is None:
        problems.append("username is set and the variable named by password_env is not")
    if server.ca_certificate is not None and not server.ca_certificate.is_file():
        problems.append("there is no file at ca_certificate")
    if problems:
        raise ConfigurationError(problems, source="[email]", hint="see docs/email.md")


def email_contact(
    server: MailServer,
    message: Message,
    to: EmailAddress,
    clearance: Clearance,
    *,
    home_kind: str,
    now: datetime,
) -> Delivery:
    """Write to a customer: only with the clearance for this very intervention.

    Raises `PermissionRefused` when the clearance is not genuine, for another intervention or run
    out; nothing is sent then.
    """
    require_clearance(message, clearance, now=now)
    mail = compose(message.message_id, message.body, sender=server.sender, to=to, now=now)
    return send_mail(server, mail, to, home_kind=home_kind)


def email_code(
    server: MailServer, message: Message, to: EmailAddress, *, home_kind: str, now: datetime
) -> Delivery:
    """Send the code a person asked for; nothing else goes to a customer without a clearance."""
    if message.type != STEP_UP:
        raise PermissionRefused(
            f"a message of type {message.type} needs a clearance",
            purpose="outreach",
            reason="no_clearance",
        )
    mail = compose(message.message_id, message.body, sender=server.sender, to=to, now=now)
    return send_mail(server, mail, to, home_kind=home_kind)


def send_mail(
    server: MailServer, mail: EmailMessage, to: EmailAddress, *, home_kind: str
) -> Delivery:
    """Send one e-mail to one address, once; says what came of it and raises nothing for a no."""
    check_server(server, home_kind=home_kind)
    ends = time.monotonic() + EXCHANGE_SECONDS
    try:
        link = _connect(server)
    except smtplib.SMTPResponseException as refused:
        return _not_now(refused.smtp_code, "the mail server refused the connection or the login")
    except (OSError, smtplib.SMTPException) as error:
        return _not_now(None, f"the way to the mail server failed ({type(error).__name__})")
    try:
        return _exchange(link, server, mail, to, ends)
    finally:
        link.close()


def _connect(server: MailServer) -> smtplib.SMTP:
    """Connect, seal the way and log in; what is not sealed goes no further than this machine."""
    name, timeout = server.sender.address.domain, server.timeout_s
    if server.security == "none":
        link = smtplib.SMTP(server.host, server.port, name, timeout)
    else:
        trusted = ssl.create_default_context(cafile=server.ca_certificate)
        trusted.minimum_version = ssl.TLSVersion.TLSv1_2
        if server.security == "tls":
            link = smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=timeout, context=trusted
            )
        else:
            link = smtplib.SMTP(server.host, server.port, name, timeout)
    try:
        if server.security == "starttls":
            link.starttls(context=trusted)
        link.ehlo_or_helo_if_needed()
        if server.username is not None:
            link.login(server.username, server.password or "")
    except BaseException:
        link.close()
        raise
    return link


def _exchange(
    link: smtplib.SMTP, server: MailServer, mail: EmailMessage, to: EmailAddress, ends: float
) -> Delivery:
    """Hand the message over on an open connection."""
    if to.needs_smtputf8 and not link.has_extn("smtputf8"):
        return Delivery("refused", None, cause="address_needs_smtputf8")
    options = ["SMTPUTF8", "BODY=8BITMIME"] if to.needs_smtputf8 else []
    try:
        code, _ = link.mail(server.sender.address.text, options)
        if code != 250:
            return _not_now(code, "the mail server refused the sender")
        code, _ = link.rcpt(to.text)
        if code not in (250, 251):
            return _refused(code, "address_refused")
        code, _ = link.docmd("DATA")
        if code != 354:
            return _refused(code, "message_refused")
        text = _DOT.sub(b"..", mail.as_bytes())
        link.send(text if text.endswith(b"\r\n") else text + b"\r\n")
        if time.monotonic() > ends:
            return _not_now(None, "the mail server was too slow to take a message")
    except (OSError, smtplib.SMTPException) as error:
        return _not_now(None, f"the mail server went away ({type(error).__name__})")
    try:
        link.send(b".\r\n")
        code, _ = link.getreply()
    except (OSError, smtplib.SMTPException):
        return Delivery("unknown", None, cause="no_answer_seen")
    if 200 <= code < 300:
        _say_goodbye(link)
        return Delivery("delivered", code)
    if 400 <= code < 600:
        return _refused(code, "message_refused")
    return Delivery("unknown", None, cause="no_answer_seen")  # an answer that says nothing


def _say_goodbye(link: smtplib.SMTP) -> None:
    try:
        link.quit()
    except (OSError, smtplib.SMTPException):
        return  # it has taken the message already


def _refused(code: int, why: str) -> Delivery:
    """Read a no to the recipient or the message: 5xx is for good, anything else is not."""
    if 500 <= code < 600:
        return Delivery("refused", code, cause=why)
    return Delivery("retry", code, _PAUSE_S, cause=why)


def _not_now(code: int | None, why: str) -> Delivery:
    """Note trouble with the way there, which somebody can mend, and try again later."""
    log.error("sending failed", code="mail_server", message=why, status=code or 0)
    return Delivery("retry", code, _PAUSE_S if code else None, cause=why)
