"""What somebody tries who has a link, or wants to make one: nothing about anyone comes out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from governance.log.ledger import entries
from serving.database import Database
from serving.keys import create_keys
from serving.link_seals import seal
from serving.notice_links import NoticeLink, notice_link, opened_token
from serving.record.step_up_codes import MOST_TRIES, new_code, try_code
from serving.survey_links import survey_link
from tests.serving.conftest import START, Shop
from tests.serving.notice.conftest import NOTE, Contacted, contacted, scored

KEY = b"k" * 32


def token_of(link: str) -> str:
    return link.partition("token=")[2].replace("%7E", "~")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 100_000_000:08d}"


def test_every_link_that_leads_nowhere_is_answered_alike(ann: Contacted, tmp_path: Path) -> None:
    good = ann.contact()
    keys, now = ann.shop.keepwell.keys, ann.shop.clock()
    kind, person, intervention, ends, digest = good.split("~")
    later = now + timedelta(days=1)
    dead = [
        "",
        "~",
        "x" * 300,
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        "~".join((kind, person, intervention, str(int(ends) + 1), digest)),
        seal(create_keys(tmp_path / "other"), "n", [person, intervention, ends]),
        seal(keys, "n", ["0" * 32, intervention, ends]),
        seal(keys, "n", [person, "unknown", ends]),
        seal(keys, "n", [person, intervention, str(int(now.timestamp()))]),
        token_of(survey_link(keys, intervention, person, expires_at=later, base_url="")),
    ]

    pages = [ann.reads(each) for each in dead]

    assert {each.status for each in pages} == {404}
    assert len({each.html for each in pages}) == 1


def test_a_notice_ends(ann: Contacted) -> None:
    token = ann.contact()
    ann.shop.pass_days(89.9)
    assert ann.reads(token).status == 200
    ann.shop.pass_days(0.2)
    assert ann.reads(token).status == 404


def test_a_code_of_one_person_opens_nothing_of_another(tea_shop: Shop, ann: Contacted) -> None:
    ben = contacted(tea_shop, "ben")
    anns, bens = ann.contact(), ben.contact()
    ann.asks_for_code(anns)
    form = ben.asks_for_code(bens).form(act="open")

    page = ben.presses(form, code=ann.code())

    assert page.status == 403


def test_what_a_code_opened_serves_for_its_own_notice_alone(tea_shop: Shop, ann: Contacted) -> None:
    ben = contacted(tea_shop, "ben")
    form = ann.opens(ann.contact()).form(act="file")

    assert ben.sends(form | {"token": ben.contact()}).status_code == 403


def test_what_a_code_opened_closes_after_a_quarter_of_an_hour(ann: Contacted) -> None:
    form = ann.opens(ann.contact()).form(act="file")
    ann.shop.pass_days(14.9 / 1440)
    assert ann.sends(form).status_code == 200
    ann.shop.pass_days(0.2 / 1440)
    assert ann.sends(form).status_code == 403


def test_the_link_itself_opens_nothing(ann: Contacted) -> None:
    token = ann.contact()
    form = {"action": "notice-open", "token": token, "act": "file", "opened": token}

    assert ann.sends(form).status_code == 403


def test_five_wrong_codes_end_a_code(ann: Contacted) -> None:
    form = ann.asks_for_code(ann.contact()).form(act="open")
    code = ann.code()
    for _ in range(MOST_TRIES):
        assert "That is not the code" in ann.presses(form, code=wrong(code)).text

    assert "tried too often" in ann.presses(form, code=code).text


def test_a_code_ends_after_ten_minutes(ann: Contacted) -> None:
    form = ann.asks_for_code(ann.contact()).form(act="open")
    ann.shop.pass_days(10.1 / 1440)

    assert "has ended" in ann.presses(form, code=ann.code()).text


def test_a_code_serves_once(ann: Contacted) -> None:
    form = ann.asks_for_code(ann.contact()).form(act="open")
    code = ann.code()
    assert ann.presses(form, code=f"{code[:4]} {code[4:]}").status == 200

    assert ann.presses(form, code=code).status == 403


def test_the_newest_code_alone_counts(ann: Contacted) -> None:
    token = ann.contact()
    ann.asks_for_code(token)
    first = ann.code()
    form = ann.asks_for_code(token).form(act="open")

    assert "That is not the code" in ann.presses(form, code=first).text


def test_codes_are_bounded_for_each_person(ann: Contacted) -> None:
    token = ann.contact()
    for _ in range(3):
        assert ann.asks_for_code(token).status == 200

    assert "Several codes were asked for" in ann.asks_for_code(token).text


def test_guesses_at_the_same_moment_are_all_counted(database: Database) -> None:
    with database.write() as conn:
        made = new_code(conn, KEY, "person_1", now=START)
    assert made is not None

    def guess(number: int) -> str:
        code = made.code if number % 4 == 3 else wrong(made.code)
        with database.write() as conn:
            return try_code(conn, KEY, "person_1", code, now=START)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(guess, range(24)))

    assert outcomes.count("right") <= 1
    assert outcomes.count("right") + outcomes.count("wrong") <= MOST_TRIES
    assert outcomes.count("none") + outcomes.count("used_up") >= 24 - MOST_TRIES


def test_an_address_that_guesses_is_not_answered_for_a_while(ann: Contacted) -> None:
    token = ann.contact()
    form = {"action": "notice-open", "token": token, "act": "open", "code": "12345678"}
    answers = [ann.sends(form).status_code for _ in range(22)]

    assert answers[0] == 403
    assert answers[-1] == 429
    assert ann.sends({"action": "notice", "token": token, "what": "everything"}).status_code == 200


def test_words_of_a_playbook_stay_words(ann: Contacted) -> None:
    page = ann.opens(ann.contact())

    assert "script" not in page.tags
    assert NOTE.body in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.html


def test_no_page_is_kept_framed_or_sent_on(ann: Contacted) -> None:
    answer = ann.browser.get("/notice", params={"token": ann.contact()})

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("what", ["operations", "aggregate", "../x", "sharing", ""])
def test_a_link_stops_nothing_that_cannot_be_stopped(ann: Contacted, what: str) -> None:
    form = {"action": "notice", "token": ann.contact(), "what": what}

    assert ann.sends(form).status_code == 422


def test_a_notice_leads_nowhere_else(ann: Contacted) -> None:
    """Nothing a reader sends becomes an address."""
    token = ann.contact()
    page = ann.reads(token, lang="https://evil.example", next="https://evil.example")

    assert "evil.example" not in page.html.replace('name="lang" value="https://evil.example"', "")
    assert all(form["action"] in ("notice", "notice-open") for form in page.forms)


def test_nothing_about_a_person_stands_in_a_link_or_the_log(
    ann: Contacted, capfd: pytest.CaptureFixture[str]
) -> None:
    token = ann.contact(score_decision_id=scored(ann))
    ann.opens(token)
    told = capfd.readouterr()
    with ann.shop.keepwell.database.read() as conn:
        bodies = " ".join(str(each.body) for each in entries(conn, limit=1_000))

    for part in ("'ann'", '"ann"', ann.shop.keepwell.home.root.name + "/ann"):
        assert part not in bodies
    assert "ann" not in token
    assert token not in told.out + told.err


def test_seals_of_a_link_and_of_what_it_opens_are_not_the_same(ann: Contacted) -> None:
    keys = ann.shop.keepwell.keys
    link = NoticeLink("person_1", "i", START)

    opened = opened_token(keys, link, now=START)
    sealed = token_of(
        notice_link(keys, "i", "person_1", expires_at=START, base_url="https://a.example")
    )

    assert opened.split("~")[0] != sealed.split("~")[0]
