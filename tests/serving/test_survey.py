"""The page of one question, as people, their browsers and the scanners of their mail meet it."""

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from features.history import read_customer
from governance.instants import to_micros
from governance.proof import Permit
from serving.http.api import create_app
from serving.http.door import Door
from serving.interventions.playbooks.question import SINGLE, Question, known_question
from serving.interventions.tables import interventions
from serving.pages.survey import survey_words
from serving.preference_links import stop_link
from serving.rights.acts import erase
from serving.survey_links import survey_link
from tests.serving.conftest import Shop
from tests.serving.test_api import _bento

OWN = Question(
    instrument="delivery",
    low=1,
    high=3,
    polarity="high_is_good",
    dimension="none",
    text="Was the <b>parcel</b> whole?",
    ends=("no", "yes"),
    comment=True,
)


class Page(HTMLParser):
    """What a browser without script sees, and what it would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.locale = self.text = ""
        self.fields: dict[str, str] = {}
        self.answers: list[str] = []
        self.labels: list[str] = []
        self.has_comment = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "html":
            self.locale = found["lang"] or ""
        if tag == "input":
            self.fields[found["name"] or ""] = found["value"] or ""
        if tag == "button" and found.get("name") == "answer":
            self.answers.append(found["value"] or "")
            self.labels.append(found.get("aria-label") or "")
        self.has_comment |= tag == "textarea"

    def handle_data(self, data: str) -> None:
        self.text += data


class Reader:
    """Somebody who was sent a question, and their browser."""

    def __init__(self, shop: Shop, question: Question, *, languages: str = "en") -> None:
        self.shop = shop
        self.url = ask(shop, "ann", question)
        app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
        door = Door(_bento, inner=app, body_bytes=1_000_000, concurrency=8)
        self.browser = TestClient(door, headers={"Accept-Language": languages})

    def open(self) -> Page:
        answer = self.browser.get(self.url)
        answer.raise_for_status()
        return Page(answer.text)

    def press(self, answer: object, **more: str) -> Page:
        page = self.open()
        sent = self.browser.post("/survey", data=page.fields | {"answer": str(answer)} | more)
        sent.raise_for_status()
        return Page(sent.text)


def message_to(customer: str) -> str:
    return str(uuid5(NAMESPACE_URL, customer))


def ask(shop: Shop, customer: str, question: Question | None, *, arm: str = "treated") -> str:
    """Have a message with this question be sent to a customer; gives the link in it."""
    now = shop.clock()
    row: dict[str, Any] = {
        "intervention_id": message_to(customer),
        "customer_id": customer,
        "playbook": "csat_after_purchase",
        "playbook_class": "outreach",
        "channel": "email",
        "arm": arm,
        "status": "sent",
        "reason": "",
        "experiment": "csat_after_purchase",
        "stratum": "",
        "decision_id": "d",
        "permissions": "{}",
        "message": "{}",
        "cost": 0.0,
        "survey": None if question is None else question.to_text(),
        "needs_person": False,
        "created_at": now,
        "valid_until": now + timedelta(days=3),
    }
    with shop.keepwell.database.write() as conn:
        conn.execute(interventions.insert(), row)
        person_id = shop.keepwell.persons.person_id(conn, customer)
    url = survey_link(
        shop.keepwell.keys,
        row["intervention_id"],
        person_id,
        expires_at=now + timedelta(days=30),
        base_url="https://privacy.tea.example",
    )
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def answers(shop: Shop, customer: str = "ann") -> list[tuple[float, str | None]]:
    """Give value and text of every answer that counts now."""
    with shop.keepwell.database.read() as conn:
        permit = shop.keepwell.registry.permit(conn, customer, "operations", now=shop.clock())
        assert isinstance(permit, Permit)
        histories = read_customer(conn, permit, customer)
    found = histories.kind_mask("survey") & histories.visible(to_micros(shop.clock()))
    rows = np.flatnonzero(found)
    values = histories.value[rows].tolist()
    return list(zip(values, histories.pick("text", rows), strict=True))


@pytest.fixture
def csat(shop: Shop) -> Reader:
    """Give somebody who was asked how satisfied they are."""
    shop.order("ann", 3)
    return Reader(shop, known_question("csat"))


def test_the_page_offers_one_button_per_answer(csat: Reader) -> None:
    assert csat.open().answers == ["1", "2", "3", "4", "5"]


def test_every_button_says_what_it_means_to_those_who_hear_it(csat: Reader) -> None:
    first, *_, last = csat.open().labels

    assert first == "1, on a scale from 1 to 5: very dissatisfied"
    assert last == "5, on a scale from 1 to 5: very satisfied"


def test_following_the_link_records_nothing(csat: Reader) -> None:
    csat.open()

    assert answers(csat.shop) == []


def test_one_click_records_the_answer(csat: Reader) -> None:
    assert "Your answer is recorded: 4" in csat.press(4).text
    assert answers(csat.shop) == [(4.0, None)]


def test_the_answer_states_its_instrument_scale_and_polarity(csat: Reader) -> None:
    csat.press(4)
    with csat.shop.keepwell.database.read() as conn:
        permit = csat.shop.keepwell.registry.permit(
            conn, "ann", "operations", now=csat.shop.clock()
        )
        assert isinstance(permit, Permit)
        [event] = [
            each
            for each in read_customer(conn, permit, "ann").events(0)
            if each["kind"] == "survey"
        ]

    stated = event["properties"]
    assert (stated["instrument"], stated["scale"]) == ("csat", [1, 5])
    assert (stated["polarity"], stated["dimension"]) == ("high_is_good", "emotional")


def test_answering_again_corrects_the_answer_before(csat: Reader) -> None:
    csat.press(2)

    assert "Your answer is changed: 5" in csat.press(5).text
    assert answers(csat.shop) == [(5.0, None)]


def test_the_last_of_many_answers_counts(csat: Reader) -> None:
    for each in (2, 5, 2, 3):
        csat.press(each)

    assert answers(csat.shop) == [(3.0, None)]


def test_pressing_twice_is_one_answer(csat: Reader) -> None:
    csat.press(4)

    assert "was recorded already" in csat.press(4).text
    assert answers(csat.shop) == [(4.0, None)]


def test_the_message_keeps_when_it_was_answered(csat: Reader) -> None:
    csat.press(4)
    with csat.shop.keepwell.database.read() as conn:
        at = conn.execute(select(interventions.c.answered_at)).scalar_one()

    assert at is not None


@pytest.mark.parametrize("answer", ["6", "0", "-1", "x", "", "٤"])
def test_what_was_not_offered_is_no_answer(csat: Reader, answer: str) -> None:
    sent = csat.browser.post("/survey", data=csat.open().fields | {"answer": answer})

    assert sent.status_code in (400, 422)
    assert answers(csat.shop) == []


def test_the_page_tells_nothing_about_the_person(csat: Reader) -> None:
    csat.shop.order("ann", 1)
    html = csat.browser.get(csat.url).text

    assert "ann" not in html.casefold()


def test_the_answer_before_is_not_told_to_whoever_opens_the_link_later(csat: Reader) -> None:
    before = csat.browser.get(csat.url).text
    csat.press(1)

    assert csat.browser.get(csat.url).text == before


def test_the_page_is_kept_by_nobody_and_framed_by_nobody(csat: Reader) -> None:
    headers = csat.browser.get(csat.url).headers

    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]


def test_the_page_speaks_german(shop: Shop) -> None:
    page = Reader(shop, known_question("csat"), languages="de-AT,en;q=0.5").open()

    assert page.locale == "de"
    assert "Wie zufrieden" in page.text


def test_the_words_of_a_company_are_shown_as_words(shop: Shop) -> None:
    html = Reader(shop, OWN).browser.get(ask(shop, "ben", OWN)).text

    assert "Was the &lt;b&gt;parcel&lt;/b&gt; whole?" in html


def dead_page(reader: Reader) -> str:
    html: str = reader.browser.get("/survey?token=none").text
    return html


@pytest.mark.parametrize("way", ["get", "post"])
@pytest.mark.parametrize(
    "fate", ["forged", "ended", "erased", "held_out", "asks_nothing", "of_another_kind", "foreign"]
)
def test_a_link_that_leads_nowhere_is_answered_alike(shop: Shop, fate: str, way: str) -> None:
    shop.order("ann", 3)
    shop.order("ben", 3)
    question = None if fate == "asks_nothing" else known_question("csat")
    url = ask(shop, "ben", question, arm="holdout" if fate == "held_out" else "treated")
    reader = Reader(shop, known_question("csat"))
    if fate == "forged":
        url = url[:-4] + "0000"
    if fate == "ended":
        shop.pass_days(31)
    if fate == "erased":
        erase(shop.keepwell, "ben", now=shop.clock())
    keys = shop.keepwell.keys
    with shop.keepwell.database.write() as conn:
        ann = shop.keepwell.persons.person_id(conn, "ann")
    if fate == "of_another_kind":
        url = stop_link(keys, ann, "outreach.email", base_url="").replace("/stop", "/survey")
    if fate == "foreign":  # a sealed link that names another person than the message went to
        row = message_to("ben")
        url = survey_link(keys, row, ann, expires_at=shop.clock() + timedelta(days=1), base_url="")
    token = reader.browser.build_request("GET", url).url.params["token"]
    sent = (
        reader.browser.get(url)
        if way == "get"
        else reader.browser.post("/survey", data={"token": token, "answer": "4"})
    )

    assert (sent.status_code, sent.text) == (404, dead_page(reader))


def test_an_answer_about_how_people_fare_needs_permission_now(shop: Shop) -> None:
    shop.order("ann", 3)
    reader = Reader(shop, known_question("pulse_emotional"))

    assert "Nothing was recorded" in reader.press(2).text
    assert answers(shop) == []


def test_an_answer_about_how_people_fare_is_recorded_with_permission(shop: Shop) -> None:
    shop.order("ann", 3)
    shop.permit("ann", "wellbeing_inference")

    assert "is recorded: 2" in Reader(shop, known_question("pulse_emotional")).press(2).text


def test_a_comment_is_kept_with_the_answer_where_texts_may_be_read(shop: Shop) -> None:
    shop.order("ann", 3)
    shop.permit("ann", "research_text")
    reader = Reader(shop, OWN)

    assert reader.press(3).has_comment
    assert "is recorded with your answer" in reader.press(3, comment=" It was wet. ").text
    assert answers(shop) == [(3.0, "It was wet.")]


def test_another_answer_keeps_the_comment_before(shop: Shop) -> None:
    shop.order("ann", 3)
    shop.permit("ann", "research_text")
    reader = Reader(shop, OWN)
    reader.press(3, comment="It was wet.")
    reader.press(2)

    assert answers(shop) == [(2.0, "It was wet.")]


def test_a_comment_is_not_kept_without_permission_to_read_texts(shop: Shop) -> None:
    shop.order("ann", 3)
    told = Reader(shop, OWN).press(3, comment="It was wet.").text

    assert "was not kept" in told
    assert answers(shop) == [(3.0, None)]


def test_a_question_without_comments_offers_none_and_takes_none(csat: Reader) -> None:
    assert not csat.press(3).has_comment

    csat.press(3, comment="It was wet.")
    assert answers(csat.shop) == [(3.0, None)]


def test_withdrawing_outreach_keeps_nobody_from_answering_what_was_sent(csat: Reader) -> None:
    keepwell, now = csat.shop.keepwell, csat.shop.clock
    csat.shop.permit("ann", "outreach.email")
    with keepwell.database.write() as conn:
        keepwell.registry.withdraw(conn, "ann", "outreach.email", now=now())

    assert "is recorded" in csat.press(4).text


@pytest.mark.parametrize("locale", sorted(survey_words()))
def test_every_language_has_words_for_every_question(locale: str) -> None:
    words = survey_words()[locale]

    assert words.questions.keys() == set(SINGLE)
    assert words.page.keys() == survey_words()["en"].page.keys()
    assert all(set(each) == {"text", "lowest", "highest"} for each in words.questions.values())
