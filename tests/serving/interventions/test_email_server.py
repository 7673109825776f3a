"""One e-mail to a real mail server: what its answers mean, and what goes no further."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from governance.errors import ConfigurationError, PermissionRefused
from governance.proof import Clearance
from serving.interventions.delivery.email_addresses import parse_address
from serving.interventions.delivery.email_server import (
    check_server,
    email_code,
    email_contact,
    send_mail,
)
from serving.interventions.delivery.email_text import compose
from serving.interventions.delivery.webhook import Message
from tests.serving.interventions.mailbox import OURS, Mailbox, certificate_for, free_port

ANA = parse_address("ana@example.com")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
REQUEST = Message("m-1", "intervention.requested", "{}", "i-1")


def mail(to: str = "ana@example.com") -> EmailMessage:
    body = '{"data":{"message":{"subject":"Hello","body":"One.\\n.\\n..two"}}}'
    return compose("m-1", body, sender=OURS, to=parse_address(to), now=NOW)


def send(box: Mailbox, to: str = "ana@example.com", **more: Any) -> tuple[str, int | None]:
    found = send_mail(box.server(**more), mail(to), parse_address(to), home_kind="production")
    return found.outcome, found.status


def test_an_email_arrives_whole() -> None:
    with Mailbox() as box:
        assert send(box) == ("delivered", 250)
    [envelope] = box.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("care@tea.example", ["ana@example.com"])
    text = box.mails[0].get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines()[:3] == ["One.", ".", "..two"]


@pytest.mark.parametrize(
    ("command", "answer", "found"),
    [
        ("RCPT", "450 greylisted", ("retry", 450)),
        ("RCPT", "421 too busy", ("retry", 421)),
        ("RCPT", "550 no such mailbox", ("refused", 550)),
        ("DATA", "451 try later", ("retry", 451)),
        ("DATA", "554 not wanted", ("refused", 554)),
    ],
)
def test_what_an_answer_means(command: str, answer: str, found: tuple[str, int]) -> None:
    with Mailbox({command: answer}) as box:
        assert send(box) == found
    assert box.envelopes == []


def test_a_server_that_is_not_there_is_tried_again() -> None:
    box = Mailbox()
    assert send(box, port=free_port()) == ("retry", None)


def test_a_refused_for_now_waits_a_quarter_of_an_hour() -> None:
    with Mailbox({"RCPT": "450 greylisted"}) as box:
        found = send_mail(box.server(), mail(), ANA, home_kind="production")
    assert found.retry_after_s == 900


# the way there


def test_the_way_is_sealed_and_its_certificate_verified(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path)
    with Mailbox(certificate=certificate) as box:
        sealed: dict[str, Any] = {"security": "starttls", "ca_certificate": certificate[0]}
        assert send(box, **sealed) == ("delivered", 250)


def test_a_certificate_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    with Mailbox(certificate=certificate_for(tmp_path)) as box:
        assert send(box, security="starttls") == ("retry", None)
    assert box.envelopes == []


def test_a_certificate_for_another_host_gets_nothing(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.2")
    with Mailbox(certificate=certificate) as box:
        assert send(box, security="starttls", ca_certificate=certificate[0]) == ("retry", None)
    assert box.envelopes == []


def test_a_server_that_offers_no_seal_gets_nothing() -> None:
    with Mailbox() as box:
        assert send(box, security="starttls") == ("retry", None)
    assert box.envelopes == []


def test_a_wrong_password_is_trouble_with_the_way_not_with_the_message(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path)
    sealed: dict[str, Any] = {
        "security": "starttls",
        "ca_certificate": certificate[0],
        "username": "care",
    }
    with Mailbox(certificate=certificate, password="right") as box:
        assert send(box, password="wrong", **sealed)[0] == "retry"
        assert send(box, password="right", **sealed) == ("delivered", 250)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("demo", {"host": "mail.tea.example"}, "delivers nothing outside this machine"),
        ("evaluation", {"host": "mail.tea.example"}, "delivers nothing outside this machine"),
        ("production", {"host": "mail.tea.example"}, "anybody read e-mails"),
        ("production", {"username": "care"}, "password_env is not"),
        ("production", {"ca_certificate": Path("nowhere.pem")}, "no file at ca_certificate"),
    ],
)
def test_where_emails_may_not_go(kind: str, given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_server(Mailbox().server(**given), home_kind=kind)


def test_a_password_is_never_shown() -> None:
    assert "secret-word" not in repr(Mailbox().server(username="care", password="secret-word"))


# addresses beyond ASCII


def test_an_international_domain_is_spelt_in_ascii() -> None:
    with Mailbox() as box:
        assert send(box, "ana@bücher.example") == ("delivered", 250)
    assert box.envelopes[0].rcpt_tos == ["ana@xn--bcher-kva.example"]


def test_letters_beyond_ascii_before_the_at_need_a_server_that_takes_them() -> None:
    with Mailbox() as plain, Mailbox(smtputf8=True) as able:
        found = send_mail(
            plain.server(), mail("añá@tea.example"), parse_address("añá@tea.example"),
            home_kind="production",
        )  # fmt: skip
        assert (found.outcome, found.cause) == ("refused", "address_needs_smtputf8")
        assert send(able, "añá@tea.example") == ("delivered", 250)
    assert plain.envelopes == []
    assert able.envelopes[0].rcpt_tos == ["añá@tea.example"]


# doubt


class Curt:
    """A server that takes a message whole and hangs up, before or after the last line."""

    def __init__(self, *, hangs_up_on: str) -> None:
        self.hangs_up_on = hangs_up_on
        self.last_word = b"mumbles\r\n" if hangs_up_on == "mumbles" else b""
        self.taken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            for line in lines:
                command = line[:4].upper()
                if command == self.hangs_up_on.encode():
                    return
                connection.sendall(b"354 go on\r\n" if command == b"DATA" else b"250 fine\r\n")
                if command == b"DATA":
                    break
            for line in lines:
                if line == b".\r\n":
                    self.taken += 1
                    connection.sendall(self.last_word)
                    return

    def end(self) -> None:
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def curt(request: pytest.FixtureRequest) -> Iterator[Curt]:
    found = Curt(hangs_up_on=request.param)
    yield found
    found.end()


@pytest.mark.parametrize("curt", ["", "mumbles"], indirect=True)
def test_an_answer_nobody_saw_is_unknown(curt: Curt) -> None:
    assert send(Mailbox(), port=curt.port) == ("unknown", None)
    curt.end()
    assert curt.taken == 1


@pytest.mark.parametrize("curt", ["MAIL", "RCPT", "DATA"], indirect=True)
def test_a_server_that_goes_before_the_message_is_tried_again(curt: Curt) -> None:
    assert send(Mailbox(), port=curt.port) == ("retry", None)
    assert curt.taken == 0


# nobody is written to without a clearance


def test_a_contact_without_a_genuine_clearance_is_never_sent() -> None:
    with Mailbox() as box:
        with pytest.raises(PermissionRefused):
            email_contact(
                box.server(), REQUEST, ANA, object.__new__(Clearance),
                home_kind="production", now=NOW,
            )  # fmt: skip
        with pytest.raises(PermissionRefused, match="needs a clearance"):
            email_code(box.server(), REQUEST, ANA, home_kind="production", now=NOW)
    assert box.connections == 0
