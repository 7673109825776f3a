"""What a contacted person reads and does: why, how to stop, and what is theirs after a code."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, delete, select

from governance.log.ledger import entries
from serving.addresses import remove_address, set_address
from serving.interventions.choosing.run import run_interventions
from serving.interventions.deciding.oversight import Change, approve
from serving.interventions.deciding.views import list_interventions
from serving.interventions.delivery.desk import desk_of
from serving.interventions.delivery.leases import Claim, Dropped
from serving.interventions.delivery.messages import STEP_UP
from serving.interventions.policy.policy import Candidate
from serving.interventions.tables import outbox
from serving.record.review_requests import list_requests, show_request
from serving.rights.acts import erase
from serving.settings import Settings
from serving.settings_acting import EmailSettings
from serving.settings_permission import PreferenceSettings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.notice.conftest import NOTE, Contacted, contacted, scored, words_of
from tests.serving.unlocked import unlock_home


@pytest.fixture
def mailing(tmp_path: Path) -> Iterator[Contacted]:
    """Give Ann, a customer of a home that sends e-mails by its own server and has no receiver."""
    settings = Settings(
        preferences=PreferenceSettings(base_url="http://testserver"),
        email=EmailSettings(host="localhost", sender="care@tea.example"),
        mode="act",
    )
    clock = Clock()
    keepwell = new_home(tmp_path / "home", settings, now=clock())
    unlock_home(keepwell)
    yield contacted(Shop(keepwell, clock), "ann")
    keepwell.close()


def codes_sent(person: Contacted) -> Sequence[Row[Any]]:
    """Give the messages with codes that wait, or went, to this customer."""
    mine = (outbox.c.customer_id == person.customer_id) & (outbox.c.type == STEP_UP)
    with person.shop.keepwell.database.read() as conn:
        return conn.execute(select(outbox).where(mine)).all()


def permits(person: Contacted, purpose: str) -> bool:
    with person.shop.keepwell.database.read() as conn:
        registry = person.shop.keepwell.registry
        now = person.shop.clock()
        return registry.state(conn, person.customer_id, purpose, now=now).permitted


def test_a_notice_says_why_from_what_how_and_whom_to_ask(ann: Contacted) -> None:
    page = ann.reads(ann.contact())

    for part in (
        "Why you were contacted",
        "by e-mail",
        "Somebody listens & mends what is wrong.",
        "orders, payments and returns",
        "A computer adds up what the records say",
        "No person approved this single message",
        "care@tea.example",
    ):
        assert part in page.text


def test_a_notice_without_a_code_is_the_same_for_everyone(tea_shop: Shop, ann: Contacted) -> None:
    ben = contacted(tea_shop, "ben")
    tea_shop.order("ben", 1, 2, 3)

    first, second = ann.reads(ann.contact()), ben.reads(ben.contact())

    assert words_of(first) == words_of(second)


def test_reading_a_notice_changes_and_records_nothing(ann: Contacted) -> None:
    token = ann.contact()
    with ann.shop.keepwell.database.read() as conn:
        before = len(list(entries(conn)))

    ann.reads(token)

    with ann.shop.keepwell.database.read() as conn:
        assert len(list(entries(conn))) == before
    assert ann.events("intervention_notice_opened") == []


@pytest.mark.parametrize(
    ("what", "stopped", "goes_on"),
    [
        ("outreach.email", ["outreach.email"], ["risk_scoring"]),
        ("everything", ["outreach.email", "risk_scoring"], []),
        ("objection", ["outreach.email", "risk_scoring"], []),
    ],
)
def test_one_press_stops_without_a_code(
    ann: Contacted, what: str, stopped: list[str], goes_on: list[str]
) -> None:
    form = ann.reads(ann.contact()).form(what=what)

    page = ann.presses(form)

    assert "it is stopped" in page.text
    assert f'value="{what}"' not in page.text
    assert "You had allowed messages by e-mail then" in page.text
    assert not any(permits(ann, purpose) for purpose in stopped)
    assert all(permits(ann, purpose) for purpose in goes_on)


def test_stopping_again_records_nothing_more(ann: Contacted) -> None:
    form = ann.reads(ann.contact()).form(what="objection")
    ann.presses(form)
    said = len(ann.events("consent_changed"))

    ann.presses(form)

    assert len(ann.events("consent_changed")) == said


def test_a_duty_offers_no_stop_for_itself(ann: Contacted) -> None:
    duty = replace(NOTE, name="payment_help", kind="service", target=None, action="duty")
    token = ann.contact(duty)

    page = ann.reads(token)

    assert "This message was owed to you" in page.text
    assert [each.get("what") for each in page.forms if "what" in each] == [
        "objection",
        "everything",
    ]


def test_a_code_opens_the_message_the_estimate_and_the_records(ann: Contacted) -> None:
    token = ann.contact(score_decision_id=scored(ann))

    page = ann.opens(token)

    assert page.status == 200
    for part in (
        NOTE.subject,
        "in 100 people in a situation like yours",
        "places no order within 90 days",
        "orders: the last one was 40 days ago",
        "made the estimate",
        "3 from",
    ):
        assert part in page.text


def test_opening_is_recorded_once_as_our_own_event(ann: Contacted) -> None:
    token = ann.contact()
    ann.opens(token)
    ann.opens(token)

    [event] = ann.events("intervention_notice_opened")
    with ann.shop.keepwell.database.read() as conn:
        [found] = list_interventions(conn)
    assert event["properties"] == {"intervention": found.intervention_id}


def test_an_estimate_whose_permission_ended_is_not_told(ann: Contacted) -> None:
    token = ann.contact(score_decision_id=scored(ann))
    ann.presses(ann.reads(token).form(what="objection"))

    page = ann.opens(token)

    assert "No estimate is kept about you" in page.text
    assert "the last one was" not in page.text


def test_contesting_holds_what_rests_on_it_until_a_person_decided(ann: Contacted) -> None:
    decision = scored(ann)
    page = ann.opens(ann.contact(score_decision_id=decision))

    page = ann.presses(page.form(act="contest"), text="I was on holiday")

    with ann.shop.keepwell.database.read() as conn:
        [request] = list_requests(conn)
        [found] = list_interventions(conn)
    assert "a person will look at it again" in page.text
    assert (request.decision_id, found.status) == (decision, "contested")
    assert show_request(ann.shop.keepwell, request.request_id).reason == "I was on holiday"


def test_contesting_twice_is_one_request(ann: Contacted) -> None:
    form = ann.opens(ann.contact(score_decision_id=scored(ann))).form(act="contest")
    ann.presses(form)
    ann.presses(form)

    with ann.shop.keepwell.database.read() as conn:
        assert len(list_requests(conn)) == 1


def test_what_is_wrong_is_recorded_for_a_person(ann: Contacted) -> None:
    page = ann.opens(ann.contact())

    page = ann.presses(page.form(act="correct"), text="I returned the second order")

    [complaint] = ann.events("rights_complaint_received")
    assert complaint["properties"]["text"] == "I returned the second order"
    assert "a person will look at it and answer" in page.text


def test_a_long_answer_in_any_script_is_taken(ann: Contacted) -> None:
    page = ann.opens(ann.contact())

    page = ann.presses(page.form(act="correct"), text="茶" * 2_000)

    assert page.status == 200
    [complaint] = ann.events("rights_complaint_received")
    assert complaint["properties"]["text"] == "茶" * 2_000


def test_everything_can_be_taken_away_after_a_code(ann: Contacted) -> None:
    page = ann.opens(ann.contact())

    file = ann.sends(page.form(act="file"))

    assert file.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert json.loads(file.text)["customer_id"] == "ann"
    assert "text/html" in ann.sends(page.form(act="page")).headers["content-type"]


def test_a_notice_speaks_german(tea_shop: Shop) -> None:
    anna = contacted(tea_shop, "anna", languages="de-AT, en;q=0.5")
    token = anna.contact()

    page, own = anna.reads(token), anna.opens(token)

    assert "Warum Sie eine Nachricht bekommen haben" in page.text
    assert "Was über Sie vorliegt" in own.text
    assert "Bestellungen" in own.text


def test_a_person_who_approved_is_named_as_a_person(ann: Contacted) -> None:
    keepwell, clock = ann.shop.keepwell, ann.shop.clock
    asks = replace(NOTE, needs_person=True, subject="Is there anything we can do better?")
    chosen = Candidate(customer_id="ann", probability=0.6, target="churn")
    run = run_interventions(desk_of(keepwell), asks, [chosen], outside_contacts={}, clock=clock)
    approve(
        desk_of(keepwell),
        run.assigned[0].intervention_id,
        approver="Kim",
        reason="she wrote twice",
        now=clock(),
        change=Change(body="We read both of your letters."),
    )
    token = ann.token()

    assert "A person approved this message" in ann.reads(token).text
    own = ann.opens(token).text
    assert "We read both of your letters." in own
    assert "Kim" not in own


def test_who_confirms_is_erased_and_given_a_receipt(ann: Contacted) -> None:
    token = ann.contact()
    asks = ann.presses(ann.opens(token).form(act="erase"))
    assert "What stays" in asks.text

    receipt = ann.presses(asks.form(act="erase_all"), confirm="yes")

    assert "You are erased" in receipt.text
    assert "Records" in receipt.text
    assert ann.reads(token).status == 404
    assert ann.events("order") == []


def test_nothing_is_erased_before_it_is_confirmed(ann: Contacted) -> None:
    asks = ann.presses(ann.opens(ann.contact()).form(act="erase"))

    again = ann.presses(asks.form(act="erase_all"), confirm="")

    assert "Nothing was erased" in again.text
    assert len(ann.events("order")) == 3


def test_nobody_is_erased_without_what_the_code_gave(ann: Contacted) -> None:
    form = ann.presses(ann.opens(ann.contact()).form(act="erase")).form(act="erase_all")

    assert ann.sends(form, opened="", confirm="yes").status_code == 403
    assert len(ann.events("order")) == 3


def test_a_complaint_is_recorded_with_what_it_is_about(ann: Contacted) -> None:
    page = ann.opens(ann.contact())

    assert "choose what" in ann.presses(page.form(act="complain"), text="Too many.").text
    done = ann.presses(page.form(act="complain"), topic="contact", text="Too many.")

    assert "will read it and answer" in done.text
    [said] = ann.events("rights_complaint_received")
    assert said["properties"]["category"] == "contact"


def test_the_page_with_all_choices_opens_from_ones_own_page(ann: Contacted) -> None:
    token = ann.contact()
    page = ann.opens(token)
    answer = ann.browser.post("/notice-open", data=page.form(act="choose"), follow_redirects=False)
    choices = ann.browser.get("/" + answer.headers["location"]).text
    forged = ann.browser.get("/" + answer.headers["location"].split("&notice=")[0] + "&notice=x")

    assert answer.status_code == 303
    assert "Your data, your decision" in choices
    assert f'<a href="notice?token={token}">Back to the notice</a>' in choices
    assert f'name="came_from" value="{token}"' in choices
    assert "Back to the notice" not in forged.text


def test_after_an_erasure_a_notice_leads_nowhere(ann: Contacted) -> None:
    token = ann.contact()
    page = ann.opens(token)
    erase(ann.shop.keepwell, "ann", now=ann.shop.clock())

    assert ann.reads(token).status == 404
    assert ann.sends(page.form(act="file")).status_code == 404


def test_a_code_goes_by_e_mail_where_an_address_is_held(mailing: Contacted) -> None:
    set_address(mailing.shop.keepwell, "ann", "email", "ann@tea.example", clock=mailing.shop.clock)
    mailing.asks_for_code(mailing.contact())

    assert [(each.transport, each.status) for each in codes_sent(mailing)] == [("email", "pending")]


def test_without_an_address_or_a_receiver_a_person_helps(mailing: Contacted) -> None:
    """The message went out by e-mail, and the address was taken away since."""
    set_address(mailing.shop.keepwell, "ann", "email", "ann@tea.example", clock=mailing.shop.clock)
    token = mailing.contact()
    remove_address(mailing.shop.keepwell, "ann", "email", clock=mailing.shop.clock)

    page = mailing.asks_for_code(token)

    assert "We hold no address" in page.text
    assert codes_sent(mailing) == []


def test_a_code_that_ended_is_not_sent(ann: Contacted) -> None:
    ann.presses(ann.reads(ann.contact()).form(act="code"))
    with ann.shop.keepwell.database.write() as conn:
        conn.execute(delete(outbox).where(outbox.c.type != STEP_UP))
    ann.shop.pass_days(11 / 1440)

    with ann.shop.keepwell.database.write() as conn:
        dropped = desk_of(ann.shop.keepwell).leases.claim(conn, now=ann.shop.clock())

    assert isinstance(dropped, Dropped)
    assert dropped.reason == "code_expired"


def test_a_code_goes_before_what_waits_already(ann: Contacted) -> None:
    ann.asks_for_code(ann.contact())

    with ann.shop.keepwell.database.write() as conn:
        first = desk_of(ann.shop.keepwell).leases.claim(conn, now=ann.shop.clock())

    assert isinstance(first, Claim)
    assert first.message.type == STEP_UP


def test_the_message_of_a_used_code_is_deleted(ann: Contacted) -> None:
    token = ann.contact()
    ann.opens(token)

    assert codes_sent(ann) == []
