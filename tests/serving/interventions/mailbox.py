"""A real mail server on this machine, for tests: it keeps what it takes, says what it is told."""

import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from serving.interventions.delivery.email_addresses import parse_address
from serving.interventions.delivery.email_server import MailServer
from serving.interventions.delivery.email_text import Sender

OURS = Sender(parse_address("care@tea.example"), "Tea Shop", parse_address("lin@tea.example"), "en")


class Mailbox:
    """Use it as a context manager; `answers` says what it replies to RCPT and DATA."""

    def __init__(
        self,
        answers: Mapping[str, str] | None = None,
        *,
        certificate: tuple[Path, Path] | None = None,
        password: str | None = None,
        smtputf8: bool = False,
    ) -> None:
        self.answers = dict(answers or {})
        self.envelopes: list[Envelope] = []
        self.connections = 0
        options: dict[str, Any] = {"enable_SMTPUTF8": smtputf8}
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            options |= {"tls_context": context, "require_starttls": True}
        if password is not None:
            options |= {"authenticator": _knows(password), "auth_required": True}
        self._options = options
        self.port = free_port()

    async def handle_EHLO(  # noqa: N802 - as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, name: str, offers: list[str]
    ) -> list[str]:
        session.host_name = name
        self.connections += 1
        return offers

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, to: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(to)
        return self.answers.get("RCPT", "250 fine")

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self.answers.get("DATA", "250 taken")
        if answer.startswith("250"):
            self.envelopes.append(envelope)
        return answer

    @property
    def mails(self) -> list[EmailMessage]:
        """What it took, read by Python's own parser."""
        read = [message_from_bytes(each.original_content or b"", policy=default)
                for each in self.envelopes]  # fmt: skip
        return [each for each in read if isinstance(each, EmailMessage)]

    def server(self, **more: Any) -> MailServer:
        """Give what Keepwell sends by."""
        given: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "none",
            "sender": OURS,
        }
        return MailServer(**(given | more))

    def __enter__(self) -> "Mailbox":
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **self._options)
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()
        self._controller.loop.close()


def _knows(password: str) -> Any:
    def check(server: Any, session: Any, envelope: Any, mechanism: Any, data: Any) -> AuthResult:
        return AuthResult(success=data.password == password.encode())

    return check


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate_for(folder: Path, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """Make a certificate that nobody trusts until told to; gives its file and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a mail server")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "mail.crt", folder / "mail.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
