"""The service keeps the history's files in step by itself, and carries messages both ways."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import serving.courier as courier
from features.compaction import waiting
from features.holding import held
from serving.addresses import set_address
from serving.courier import start_courier, tidy_if_due
from serving.interventions.choosing.run import run_interventions
from serving.settings import Settings
from serving.settings_acting import EmailSettings
from serving.settings_permission import PreferenceSettings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.interventions.mailbox import Mailbox
from tests.serving.lived import NOTE, awake_desk, candidate


def test_live_events_are_copied_when_the_oldest_has_waited_a_day(shop: Shop) -> None:
    shop.order("ann", 3)
    assert not tidy_if_due(shop.keepwell, now=shop.clock())
    shop.pass_days(1)
    assert tidy_if_due(shop.keepwell, now=shop.clock())
    with shop.keepwell.database.read() as conn:
        assert waiting(conn).events == 0
    assert not tidy_if_due(shop.keepwell, now=shop.clock())


def test_many_live_events_are_copied_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "MANY_EVENTS", 2)
    shop.order("ann", 3, 2)
    assert tidy_if_due(shop.keepwell, now=shop.clock())


def test_only_one_worker_copies(shop: Shop) -> None:
    shop.order("ann", 3)
    shop.pass_days(2)
    with held(shop.keepwell.store):
        assert not tidy_if_due(shop.keepwell, now=shop.clock())


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with Mailbox() as found:
        yield found


def test_a_home_with_a_mail_server_alone_sends_its_emails(
    tmp_path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = mailing(tmp_path, box, "production")
    monkeypatch.setattr(courier, "PAUSE_SECONDS", 0.01)
    postman = start_courier(shop.keepwell, clock=shop.clock)
    assert postman is not None
    waited = threading.Event()
    for _ in range(500):
        if box.envelopes or waited.wait(0.02):
            break
    postman.stop()
    assert [each.rcpt_tos for each in box.envelopes] == [["ann@example.com"]]
    shop.keepwell.close()


def test_a_demo_home_sends_nobody_an_email(tmp_path: Path, box: Mailbox) -> None:
    shop = mailing(tmp_path, box, "demo")
    assert start_courier(shop.keepwell, clock=shop.clock) is None
    shop.keepwell.close()


def test_a_mail_server_that_cannot_be_used_is_told_of_and_holds_nothing_up(shop: Shop) -> None:
    email = EmailSettings(host="127.0.0.1", sender="nobody")
    settings = shop.keepwell.settings.model_copy(update={"email": email})
    told = list[str]()
    keepwell = replace(shop.keepwell, settings=settings)
    assert start_courier(keepwell, clock=shop.clock, failed=told.append) is None
    assert told == ["sending"]


def mailing(place: Path, box: Mailbox, kind: str) -> Shop:
    """Give a home that sends by this mail server, with a message to Ann waiting."""
    settings = Settings.model_validate(
        {
            "kind": kind,
            "email": EmailSettings(
                host="127.0.0.1", port=box.port, security="none", sender="care@tea.example"
            ),
            "preferences": PreferenceSettings(base_url="http://testserver"),
        }
    )
    clock = Clock()
    shop = Shop(new_home(place / "home", settings, now=clock()), clock)
    shop.order("ann", 30)
    shop.permit("ann", "risk_scoring", "outreach.email")
    set_address(shop.keepwell, "ann", "email", "ann@example.com", clock=clock)
    chosen = [candidate("ann", 0.6, None)]
    run_interventions(awake_desk(shop.keepwell), NOTE, chosen, outside_contacts={}, clock=clock)
    return shop
