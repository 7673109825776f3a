"""An e-mail as its reader meets it: the text, the way to stop, no header smuggled in."""

import json
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from serving.interventions.delivery.email_addresses import parse_address
from serving.interventions.delivery.email_text import Sender, compose

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
STOP = "https://privacy.tea.example/stop?token=s~" + "a" * 120 + "~outreach.email~" + "b" * 32
WHY = "https://privacy.tea.example/notice?token=n~1"
ASKED = "https://privacy.tea.example/survey?token=q~1"
HEADERS = {"List-Unsubscribe": f"<{STOP}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
CARE = parse_address("care@tea.example")


def written(
    subject: str = "Hello", text: str = "One.\n\nTwo <b>.", name: str = "Tea Shop", **more: Any
) -> EmailMessage:
    """Write an e-mail and read it back as a mail program does."""
    data = {"message": {"subject": subject, "body": text}, **more}
    sender = Sender(CARE, name, parse_address("lin@tea.example"))
    made = compose("m-1", json.dumps({"data": data}), sender=sender,
                   to=parse_address("ana@example.com"), now=NOW)  # fmt: skip
    read = message_from_bytes(made.as_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_it_says_who_writes_who_answers_and_when() -> None:
    mail = written()
    assert mail["From"] == "Tea Shop <care@tea.example>"
    assert (mail["To"], mail["Reply-To"]) == ("ana@example.com", "lin@tea.example")
    assert mail["Date"].datetime == NOW
    assert mail["Message-ID"] == "<m-1@tea.example>"


def test_the_same_message_is_the_same_email_at_every_attempt() -> None:
    body = json.dumps({"data": {"message": {"subject": "Hello", "body": "One."}}})
    to = parse_address("ana@example.com")
    first, second = (
        compose("m-1", body, sender=Sender(CARE), to=to, now=NOW).as_bytes() for _ in range(2)
    )
    assert first == second


def test_it_can_be_stopped_by_one_click_of_the_mail_program() -> None:
    mail = written(stop={"url": STOP, "headers": HEADERS})
    assert mail["List-Unsubscribe"] == f"<{STOP}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_both_forms_hold_the_text_and_every_link(kind: str) -> None:
    stop = {"url": STOP, "headers": HEADERS}
    text = part(written(why={"url": WHY}, survey={"url": ASKED}, stop=stop), kind)
    assert all(url in text for url in (STOP, WHY, ASKED))
    assert "One." in text


def test_nothing_is_loaded_and_nothing_of_the_text_is_markup() -> None:
    page = part(written(why={"url": WHY}), "html")
    assert "Two &lt;b&gt;." in page
    assert not re.search(r"<(img|script|link|iframe|object)|src=|url\(", page)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Why you get"), ("de-AT", "Warum Sie"), ("xx", "Why you get"), (None, "Why you get")],
)
def test_the_words_around_it_are_in_the_readers_language(language: str | None, said: str) -> None:
    assert said in part(written(why={"url": WHY}, language=language), "plain")


def test_a_service_message_offers_nothing_to_stop() -> None:
    mail = written()
    assert mail["List-Unsubscribe"] is None
    assert "stop" not in part(mail, "plain")


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_adds_a_header(subject: str, name: str) -> None:
    mail = written(f"{subject}\r\nBcc: eve@evil.example\n{subject}", name=f"{name}\r\nX-Evil: 1")
    assert set(mail.keys()) == {
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
    }  # fmt: skip


def test_words_beyond_ascii_arrive() -> None:
    mail = written("Grüße aus Łódź 🫖", "Schönen Tag.", "Teeläden")
    assert mail["Subject"] == "Grüße aus Łódź 🫖"
    assert mail["From"] == "Teeläden <care@tea.example>"
    assert "Schönen Tag." in part(mail, "plain")


@pytest.mark.parametrize(
    "given",
    [
        "", "ana", "ana@", "@tea.example", "ana@example", "a b@example.com", "ana@exa mple.com",
        "ana@example.com, bob@example.com", "Ana <ana@example.com>", '"a b"@example.com',
        "ana@example.com\r\nRCPT TO:<eve@evil.example>", "ana@example.com\x00", "a..b@example.com",
        "ana@-example.com", "ana@[127.0.0.1]", "ana@" + "x" * 64 + ".com",
        "x" * 65 + "@example.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_address(given)
    assert not given or given not in refused.value.message + (refused.value.hint or "")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (" ana@Example.com ", "ana@example.com"),
        ("a.n-a+tag@tea.co.uk", "a.n-a+tag@tea.co.uk"),
        ("ana@straße.example", "ana@xn--strae-oqa.example"),
        ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
    ],
)
def test_addresses_are_written_one_way(given: str, found: str) -> None:
    assert parse_address(given).text == found
