"""`keepwell messages` and `keepwell webhook enable`, from keepwell.toml to a real mail server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.bootstrap import open_home
from serving.interventions.delivery.outbox import enqueue
from serving.interventions.delivery.switched_off import switch_off
from tests.serving.conftest import START
from tests.serving.interventions.mailbox import Mailbox
from tests.serving.test_cli import Commands

URL = "https://crm.example.com/hook"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with Mailbox() as found:
        yield found


@pytest.fixture
def kw(tmp_path: Path, box: Mailbox) -> Commands:
    """Give a home with a mail server on this machine and a webhook."""
    made = Commands(tmp_path / "home")
    made("init")
    (made.home / "keepwell.toml").write_text(
        f'[email]\nhost = "127.0.0.1"\nport = {box.port}\nsecurity = "none"\n'
        f'sender = "care@tea.example"\nsender_name = "Tea"\n\n[webhook]\nurl = "{URL}"\n'
    )
    return made


def dead(kw: Commands) -> str:
    """Leave a message that was given up; gives its id."""
    keepwell = open_home(kw.home)
    with keepwell.database.write() as conn:
        data = {"intervention_id": "i-1", "cancelled_at": "2026-06-01T12:00:00Z"}
        message_id = enqueue(
            conn, "intervention.cancelled", data, customer_id=None, intervention_id=None,
            due_at=START, now=START,
        )  # fmt: skip
        conn.exec_driver_sql("UPDATE outbox SET status = 'dead', reason = 'attempts_used_up'")
    keepwell.close()
    return message_id


def test_a_trial_tells_whether_the_mail_server_takes_emails(kw: Commands, box: Mailbox) -> None:
    told = kw("messages", "test", "lin@tea.example")
    assert (told.code, told.json["delivered"]) == (0, True)
    assert box.mails[0]["From"] == "Tea <care@tea.example>"


def test_a_trial_that_is_refused_is_a_no_with_its_code(kw: Commands, box: Mailbox) -> None:
    box.answers["RCPT"] = "550 no such mailbox"
    told = kw("messages", "test", "nobody@tea.example")
    assert (told.code, told.json["status"]) == (1, 550)


def test_without_a_mail_server_a_trial_says_what_to_set(tmp_path: Path) -> None:
    kw = Commands(tmp_path / "home")
    kw("init")
    told = kw("messages", "test", "lin@tea.example")
    assert (told.code, "host of [email]" in told.error["message"]) == (2, True)


def test_a_sender_that_is_no_address_is_a_mistake_of_the_settings(kw: Commands) -> None:
    file = kw.home / "keepwell.toml"
    file.write_text(file.read_text().replace("care@tea.example", "Tea Shop"))
    told = kw("messages", "test", "lin@tea.example")
    assert (told.code, "sender or reply_to" in told.error["message"]) == (2, True)


def test_dead_messages_are_listed_and_sent_again(kw: Commands) -> None:
    message_id = dead(kw)
    [found] = kw("messages", "list", "--dead").json["messages"]
    assert (found["message_id"], found["reason"]) == (message_id, "attempts_used_up")
    assert kw("messages", "replay", message_id).json["queued"] == 1
    assert kw("messages", "list", "--dead").json["messages"] == []
    assert kw("messages", "list", "--status", "pending").json["messages"][0]["replays"] == 1


def test_a_list_says_when_there_are_more_messages(kw: Commands) -> None:
    dead(kw)
    assert not kw("messages", "list", "--limit", "1").json["more"]
    dead(kw)
    assert kw("messages", "list", "--limit", "1").json["more"]
    assert "the newest 1; there are more" in kw.plain("messages", "list", "--limit", "1").out


def test_all_dead_messages_are_sent_again_at_once(kw: Commands) -> None:
    dead(kw)
    assert kw("messages", "replay", "--all").json["queued"] == 1
    assert kw("messages", "replay", "--all").json == {"queued": 0, "messages": []}


def test_a_replay_names_one_message_or_all(kw: Commands) -> None:
    assert kw("messages", "replay").code == 2
    assert kw("messages", "replay", "m-1", "--all").code == 2


def test_a_webhook_that_was_switched_off_is_shown_and_switched_on(kw: Commands) -> None:
    keepwell = open_home(kw.home)
    with keepwell.database.write() as conn:
        switch_off(conn, URL, now=START)
    keepwell.close()
    assert kw("messages", "list").json["webhook_off_since"] is not None
    assert kw("webhook", "enable").json["was_off"]
    assert kw("messages", "list").json["webhook_off_since"] is None


def test_the_doctor_says_how_emails_stand(kw: Commands) -> None:
    kw("customers", "address", "set", "ann", "ann@example.com")
    checks = {each["name"]: each for each in kw("doctor").json["checks"]}
    assert checks["email"]["outcome"] == "ok"
    assert "1 addresses are held" in checks["email"]["found"]
