"""The pages where people decide, as people and their browsers meet them: without any script."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from serving.http.api import create_app
from serving.http.door import Door
from serving.pages.preference_words import wordings
from serving.permission.notices import publish
from serving.preference_links import open_preference_link, stop_link
from serving.rights.acts import erase
from serving.settings import Settings
from serving.settings_permission import ControllerSettings, PreferenceSettings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.test_api import _bento

WORDS = {
    "risk_scoring": "We estimate from your orders whether you may leave.",
    "wellbeing_inference": "We infer from what you write how you are faring.",
    "outreach.email": "We write to you.",
}


class Form(NamedTuple):
    """One form of a page: its fields, those that the person fills in, and its buttons."""

    fields: dict[str, str]
    boxes: dict[str, bool]
    buttons: list[str]

    @property
    def act(self) -> tuple[str, str]:
        return self.fields.get("act", ""), self.fields.get("purpose", "")

    @property
    def steps(self) -> int:
        """How many things a person does: tick every box, press the button."""
        return len(self.boxes) + 1


class Page(HTMLParser):
    """What a browser without script sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.locale = ""
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "html":
            self.locale = found["lang"] or ""
        if tag == "form":
            self.forms.append(Form({}, {}, []))
        if tag == "input" and found.get("type") == "checkbox":
            self.forms[-1].boxes[found["name"] or ""] = "checked" in found
        elif tag == "input":
            self.forms[-1].fields[found["name"] or ""] = found["value"] or ""
        if tag == "button":
            self.forms[-1].buttons.append(found.get("aria-label") or "")

    def handle_data(self, data: str) -> None:
        self.text += data

    def form(self, act: str, purpose: str) -> Form:
        [found] = [each for each in self.forms if each.act == (act, purpose)]
        return found

    @property
    def acts(self) -> set[tuple[str, str]]:
        return {each.act for each in self.forms}


class Person:
    """Someone whom the shop's own site has logged in, and their browser."""

    def __init__(self, shop: Shop, customer_id: str = "ann", *, languages: str = "en") -> None:
        self.shop = shop
        self.customer_id = customer_id
        app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
        door = Door(_bento, inner=app, body_bytes=1_000_000, concurrency=8)
        self.site = TestClient(door, headers={"Authorization": f"Bearer {shop.key()}"})
        self.browser = TestClient(door, headers={"Accept-Language": languages})

    def link(self, kind: str = "preference-link", **body: Any) -> str:
        """Have the site mint a link, and give what of it the browser follows."""
        path = f"/v1/customers/{self.customer_id}/{kind}"
        made = self.site.post(path, json=body) if body else self.site.post(path)
        made.raise_for_status()
        parts = urlsplit(made.json()["url"])
        return f"{parts.path}?{parts.query}"

    def open(self, link: str | None = None) -> Page:
        answer = self.browser.get(link or self.link())
        answer.raise_for_status()
        return Page(answer.text)

    def press(self, form: Form, *, tick: bool = True, **changed: str) -> Page:
        boxes = dict.fromkeys(form.boxes, "yes") if tick else {}
        answer = self.browser.post("/preferences", data=form.fields | boxes | changed)
        answer.raise_for_status()
        return Page(answer.text)

    def said(self) -> list[tuple[str, str]]:
        return [(each.purpose, each.state) for each in self.history()]

    def history(self) -> Any:
        with self.shop.keepwell.database.read() as conn:
            return self.shop.keepwell.registry.history(conn, self.customer_id)

    def permits(self, purpose: str = "risk_scoring") -> bool:
        with self.shop.keepwell.database.read() as conn:
            registry = self.shop.keepwell.registry
            return registry.state(conn, self.customer_id, purpose, now=self.shop.clock()).permitted


def announce(shop: Shop, purpose: str, **stated: Any) -> None:
    """Publish a notice of its own for one purpose."""
    fields: dict[str, Any] = {
        "notice_id": f"notice-{purpose}",
        "version": 1,
        "content": WORDS[purpose],
        "purposes": [purpose],
        "material": False,
        "locale": "en",
        "valid_for_days": None,
    }
    publish(shop.keepwell, **fields | stated, clock=shop.clock)


@pytest.fixture
def shop(tmp_path: Any) -> Iterator[Shop]:
    """Give a production home that says where people reach it."""
    settings = Settings(preferences=PreferenceSettings(base_url="http://testserver"))
    clock = Clock()
    keepwell = new_home(tmp_path / "home", settings, now=clock())
    yield Shop(keepwell, clock)
    keepwell.close()


@pytest.fixture
def ann(shop: Shop) -> Person:
    """Give Ann, who has decided nothing; every purpose has words of its own."""
    for purpose in WORDS:
        announce(shop, purpose)
    return Person(shop)


@pytest.fixture
def embedding(tmp_path: Any) -> Iterator[Shop]:
    """Give a shop with a name, an address and a site of its own."""
    settings = Settings(
        controller=ControllerSettings(name="Tea <Shop>"),
        preferences=PreferenceSettings(
            base_url="https://privacy.tea.example/", embed_origins=("https://tea.example",)
        ),
    )
    clock = Clock()
    keepwell = new_home(tmp_path / "home", settings, now=clock())
    yield Shop(keepwell, clock)
    keepwell.close()


def test_every_purpose_stands_alone_with_its_words_and_nothing_ticked(ann: Person) -> None:
    page = ann.open()
    assert {(act, purpose) for purpose in WORDS for act in ("allow", "stop")} == page.acts
    for words in WORDS.values():
        assert words in page.text
    assert not any(ticked for form in page.forms for ticked in form.boxes.values())


def test_there_is_no_yes_to_everything(ann: Person) -> None:
    page = ann.open()
    form = page.form("allow", "risk_scoring")
    for purpose in ("everything", "all", "*", "outreach", ""):
        answer = ann.browser.post("/preferences", data=form.fields | {"purpose": purpose})
        assert "Saved: allowed" not in answer.text
    assert ann.said() == []


def test_a_yes_records_act_evidence_and_the_words_shown(ann: Person) -> None:
    link = ann.link()
    page = ann.press(ann.open(link).form("allow", "risk_scoring"))
    [event] = ann.history()
    opened = open_preference_link(ann.shop.keepwell, link.partition("token=")[2])
    assert opened is not None
    assert (event.state, event.actor, event.mechanism) == ("given", "customer", "button")
    assert event.evidence == f"preference page, link {opened.token_id}"
    assert (event.notice_id, event.notice_version) == ("notice-risk_scoring", 1)
    assert (event.notice_locale, len(event.notice_hash)) == ("en", 64)
    assert "Saved: allowed." in page.text
    assert "You allowed this on 1 June 2026." in page.text
    assert ann.permits()


def test_stopping_is_one_click_and_holds_at_once(ann: Person) -> None:
    page = ann.press(ann.open().form("allow", "risk_scoring"))
    page = ann.press(page.form("stop", "risk_scoring"))
    assert ann.said()[-1] == ("risk_scoring", "withdrawn")
    assert not ann.permits()
    assert "You said no on 1 June 2026." in page.text


@pytest.mark.parametrize("purpose", sorted(WORDS))
def test_stopping_takes_no_more_steps_or_fields_than_allowing(ann: Person, purpose: str) -> None:
    granting = ann.open().form("allow", purpose)
    stopping = ann.press(granting).form("stop", purpose)
    assert stopping.steps <= granting.steps
    assert stopping.fields.keys() < granting.fields.keys()
    assert not stopping.boxes


def test_a_no_is_as_easy_as_a_yes_for_whoever_has_not_decided(ann: Person) -> None:
    ann.press(ann.open().form("stop", "risk_scoring"))
    assert ann.said() == [("risk_scoring", "refused")]


def test_wellbeing_needs_a_sentence_ticked_which_is_kept_as_evidence(ann: Person) -> None:
    form = ann.open().form("allow", "wellbeing_inference")
    assert form.boxes == {"confirm": False}
    page = ann.press(form, tick=False)
    assert "please tick the sentence first" in page.text
    assert ann.said() == []
    ann.press(form)
    [event] = ann.history()
    assert event.explicit
    assert "confirmed: Yes, I explicitly agree" in event.evidence
    assert ann.permits("wellbeing_inference")


def test_the_same_click_twice_is_one_word(ann: Person) -> None:
    form = ann.open().form("allow", "risk_scoring")
    page = ann.press(form)
    assert "Saved: allowed." in ann.press(form).text
    stopping = page.form("stop", "risk_scoring")
    ann.press(stopping)
    assert "Saved: stopped" in ann.press(stopping).text
    assert ann.said() == [("risk_scoring", "given"), ("risk_scoring", "withdrawn")]


def test_words_that_changed_while_reading_are_not_agreed_to(ann: Person) -> None:
    form = ann.open().form("allow", "risk_scoring")
    announce(ann.shop, "risk_scoring", version=2, content="Other words.", material=True)
    page = ann.press(form)
    assert "the words changed while you were reading" in page.text
    assert "Other words." in page.text
    assert ann.said() == []


def test_after_a_material_change_the_page_asks_again_and_renews(ann: Person) -> None:
    ann.press(ann.open().form("allow", "risk_scoring"))
    announce(ann.shop, "risk_scoring", version=2, content="Other words.", material=True)
    page = ann.open()
    assert "The words have changed since you allowed this." in page.text
    ann.press(page.form("allow", "risk_scoring"))
    assert ann.said()[-1] == ("risk_scoring", "renewed")
    assert ann.permits()


def test_stop_everything_is_one_click(ann: Person) -> None:
    page = ann.open()
    assert ("stop", "everything") not in page.acts
    for purpose in WORDS:
        page = ann.press(page.form("allow", purpose))
    page = ann.press(page.form("stop", "everything"))
    assert not any(ann.permits(purpose) for purpose in WORDS)
    assert ("stop", "everything") not in page.acts


def test_an_objection_is_lifted_by_an_explicit_yes_alone(ann: Person) -> None:
    ann.site.post("/v1/customers/ann/objection").raise_for_status()
    page = ann.open()
    assert "You objected." in page.text
    ann.press(page.form("allow", "outreach.email"))
    assert ann.permits("outreach.email")


def test_a_minor_is_told_and_can_allow_nothing(ann: Person) -> None:
    form = ann.open().form("allow", "risk_scoring")
    ann.press(form)
    said = {"birth_date": "2015-02-28"}
    ann.site.put("/v1/customers/ann/subject", json=said).raise_for_status()
    page = ann.open()
    assert "You are not of age yet" in page.text
    assert ("allow", "risk_scoring") not in page.acts
    assert "cannot be allowed here" in ann.press(form).text
    ann.press(page.form("stop", "risk_scoring"))
    assert ann.said()[-1] == ("risk_scoring", "withdrawn")


def test_what_was_allowed_without_words_can_be_stopped(shop: Shop) -> None:
    shop.permit("ann", "research_text")
    ann = Person(shop)
    page = ann.open()
    assert page.acts == {("stop", "research_text"), ("stop", "everything")}
    ann.press(page.form("stop", "research_text"))
    assert not ann.permits("research_text")


def test_a_link_names_nobody(ann: Person) -> None:
    ann.customer_id = "ann@example.org"
    for link in (ann.link(), ann.link("stop-link")):
        assert "example" not in link
        assert "ann" not in link.partition("token=")[2]
        assert "example.org" not in ann.browser.get(link).text


def test_a_link_soon_ends_but_can_still_stop(ann: Person) -> None:
    link = ann.link()
    page = ann.press(ann.open(link).form("allow", "risk_scoring"))
    ann.shop.pass_days(1)
    assert ann.browser.get(link).status_code == 404
    yes = page.form("allow", "outreach.email").fields
    assert ann.browser.post("/preferences", data=yes).status_code == 404
    assert not ann.permits("outreach.email")
    done = ann.press(page.form("stop", "risk_scoring"))
    assert "It is stopped" in done.text
    assert not ann.permits()
    assert done.forms == []


def test_links_die_with_the_person(ann: Person) -> None:
    link, stop = ann.link(), ann.link("stop-link")
    page = ann.press(ann.open(link).form("allow", "risk_scoring"))
    erase(ann.shop.keepwell, "ann", now=ann.shop.clock())
    answer = ann.browser.post("/preferences", data=page.form("allow", "outreach.email").fields)
    assert answer.status_code == ann.browser.get(link).status_code == 404
    assert ann.browser.post(stop).status_code == 200  # as for anyone
    assert ann.said() == []


def answers(ann: Person, token: str) -> list[tuple[int, bytes]]:
    form = {"token": token, "purpose": "risk_scoring", "act": "allow"}
    found: list[httpx.Response] = [
        ann.browser.get(f"/preferences?token={token}"),
        ann.browser.post("/preferences", data=form),
    ]
    return [(each.status_code, each.content) for each in found]


def test_whatever_is_wrong_with_a_link_it_is_answered_alike(ann: Person) -> None:
    good = ann.link().partition("token=")[2]
    gone = Person(ann.shop, "bob")
    erased = gone.link().partition("token=")[2]
    erase(ann.shop.keepwell, "bob", now=ann.shop.clock())
    stop = ann.link("stop-link").partition("token=")[2]
    wrong = [good[:-1] + ("0" if good[-1] != "0" else "1"), "", "p~x", stop, erased, "~~~"]
    ann.shop.pass_days(1)
    assert len({tuple(answers(ann, token)) for token in [good, *wrong]}) == 1


def test_a_seal_that_does_not_fit_asks_nothing_of_the_database(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ann.shop.keepwell.database, "engine", None)
    for path in ("/preferences", "/stop"):
        assert ann.browser.get(f"{path}?token=p~0~0~0~0").status_code == 404
        assert ann.browser.post(f"{path}?token=s~0~x~0").status_code in (404, 422)


@pytest.mark.parametrize(
    "body", [b"", b"List-Unsubscribe=One-Click", b"\xff\x00", b"--x\r\nContent-Disposition: y"]
)
def test_a_stop_link_stops_by_one_post_whatever_its_body(ann: Person, body: bytes) -> None:
    page = ann.press(ann.open().form("allow", "outreach.email"))
    ann.press(page.form("allow", "risk_scoring"))
    stop = ann.link("stop-link", what="outreach.email")
    answer = ann.browser.post(stop, content=body)
    assert (answer.status_code, "It is stopped" in answer.text) == (200, True)
    assert (ann.permits("outreach.email"), ann.permits("risk_scoring")) == (False, True)
    assert ann.history()[-1].mechanism == "stop_link"


def test_following_a_stop_link_changes_nothing(ann: Person) -> None:
    ann.press(ann.open().form("allow", "outreach.email"))
    stop = ann.link("stop-link")
    for _ in range(3):
        page = Page(ann.browser.get(stop).text)
    ann.browser.head(stop)
    assert ann.permits("outreach.email")
    assert len(page.forms) == 1


def test_a_stop_link_lives_as_long_as_its_message_and_records_nothing_twice(ann: Person) -> None:
    ann.press(ann.open().form("allow", "outreach.email"))
    stop = ann.link("stop-link", what="outreach.email")
    ann.shop.pass_days(2_000)
    for _ in range(3):
        ann.browser.post(stop).raise_for_status()
    assert ann.said() == [("outreach.email", "given"), ("outreach.email", "withdrawn")]


@pytest.mark.parametrize("what", ["outreach.email", "everything"])
def test_a_stop_link_that_has_stopped_keeps_nobody_from_writing(
    ann: Person, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.press(ann.open().form("allow", "outreach.email"))
    stop = ann.link("stop-link", what=what)
    ann.browser.post(stop).raise_for_status()
    monkeypatch.setattr(type(ann.shop.keepwell.database), "write", None)
    assert "It is stopped" in ann.browser.post(stop).text


def test_a_stop_link_can_only_stop(ann: Person) -> None:
    token = ann.link("stop-link").partition("token=")[2]
    form = ann.open().form("allow", "risk_scoring").fields
    assert ann.browser.post("/preferences", data=form | {"token": token}).status_code == 404
    assert ann.browser.get(f"/preferences?token={token}").status_code == 404
    assert ann.said() == []


def test_a_stop_link_carries_the_headers_of_one_click_unsubscription(ann: Person) -> None:
    made = ann.site.post("/v1/customers/ann/stop-link", json={"what": "outreach.email"}).json()
    assert made["headers"] == {
        "List-Unsubscribe": f"<{made['url']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@pytest.mark.parametrize("what", ["risk_scoring", "outreach", "sharing.x", ""])
def test_a_stop_link_is_for_outreach_or_everything(ann: Person, what: str) -> None:
    assert ann.site.post("/v1/customers/ann/stop-link", json={"what": what}).status_code == 422


def test_minting_needs_the_scope_and_following_needs_no_key(regular: Shop) -> None:
    ann = Person(regular)
    reader = {"Authorization": f"Bearer {regular.key('consent:read')}"}
    for kind in ("preference-link", "stop-link"):
        path = f"/v1/customers/ann/{kind}"
        assert ann.site.post(path, headers=reader).status_code == 403
        assert ann.browser.post(path).status_code == 401
    assert ann.open().acts


@pytest.mark.parametrize(
    ("languages", "lang", "expected"),
    [
        ("de-AT,de;q=0.9,en;q=0.1", None, ("de", "Ihre Daten")),
        ("fr;q=0.9,de;q=0.5", None, ("de", "Ihre Daten")),
        ("fr,*;q=x", None, ("en", "Your data")),
        ("", None, ("en", "Your data")),
        ("en", "de", ("de", "Ihre Daten")),
    ],
)
def test_the_page_speaks_the_readers_language(
    ann: Person, languages: str, lang: str | None, expected: tuple[str, str]
) -> None:
    announce(ann.shop, "risk_scoring", content="Wir schätzen.", locale="de", purposes=[])
    ann.browser.headers["Accept-Language"] = languages
    page = ann.open(ann.link(**({} if lang is None else {"locale": lang})))
    assert (page.locale, expected[1] in page.text) == (expected[0], True)
    assert ("Wir schätzen." in page.text) == (expected[0] == "de")
    ann.press(page.form("allow", "risk_scoring"))
    assert ann.history()[0].notice_locale == expected[0]


def test_every_language_says_the_same_things() -> None:
    shapes = {
        locale: {
            f"{name}.{key}": sorted(re.findall(r"\{\w*\}", value))
            for name in ("page", "purposes", "channels", "states", "said", "confirm")
            for key, value in getattr(found, name).items()
        }
        for locale, found in wordings().items()
    }
    assert shapes.keys() >= {"en", "de"}
    assert all(shape == shapes["en"] for shape in shapes.values())


def test_the_page_may_be_embedded_by_the_companys_own_site_alone(embedding: Shop) -> None:
    announce(embedding, "risk_scoring")
    ann = Person(embedding)
    answer = ann.browser.get(ann.link())
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'self' https://tea.example" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "x-frame-options" not in answer.headers
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "<p>Tea &lt;Shop&gt;</p>" in answer.text


def test_other_pages_stay_closed_to_embedding(embedding: Shop) -> None:
    answer = Person(embedding).browser.get("/")
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_links_point_to_where_people_reach_the_service(embedding: Shop) -> None:
    made = Person(embedding).site.post("/v1/customers/ann/preference-link").json()
    assert made["url"].startswith("https://privacy.tea.example/preferences?token=p~")
    assert made["expires_at"] == "2026-06-01T12:15:00.000000Z"


def test_without_a_named_site_nobody_may_embed(ann: Person) -> None:
    policy = ann.browser.get(ann.link()).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("kind", ["preference-link", "stop-link"])
def test_a_production_home_makes_no_link_before_it_says_where_it_is(
    tmp_path: Any, kind: str
) -> None:
    clock = Clock()
    keepwell = new_home(tmp_path / "home", Settings(), now=clock())
    answer = Person(Shop(keepwell, clock)).site.post(
        f"/v1/customers/ann/{kind}", headers={"Host": "elsewhere.example"}
    )
    keepwell.close()
    assert (answer.status_code, "[preferences]" in answer.json()["hint"]) == (422, True)


def test_a_demo_home_links_to_where_it_was_asked(tmp_path: Any) -> None:
    clock = Clock()
    keepwell = new_home(tmp_path / "home", Settings(kind="demo"), now=clock())
    made = Person(Shop(keepwell, clock)).site.post("/v1/customers/ann/stop-link").json()
    keepwell.close()
    assert made["url"].startswith("http://testserver/stop?token=")


@pytest.mark.parametrize("what", ["outreach.", "outreach.E-Mail", "outreach.a~b", "outreach"])
def test_a_stop_link_names_a_channel_there_can_be(ann: Person, what: str) -> None:
    answer = ann.site.post("/v1/customers/ann/stop-link", json={"what": what})
    assert (answer.status_code, "outreach.<channel>" in answer.json()["hint"]) == (422, True)


def test_an_older_link_whose_channel_nobody_can_name_stops_everything(ann: Person) -> None:
    ann.shop.permit("ann", "outreach.email", "risk_scoring")
    with ann.shop.keepwell.database.write() as conn:
        person = ann.shop.keepwell.persons.person_id(conn, "ann")
    url = stop_link(ann.shop.keepwell.keys, person, "outreach.E-Mail", base_url="")
    assert ann.browser.get(url).status_code == 200
    assert ann.browser.post(url, content=b"\xff").status_code == 200
    assert not ann.permits("outreach.email")
    assert not ann.permits("risk_scoring")


def test_an_evaluation_home_gives_no_links(tmp_path: Any) -> None:
    clock = Clock()
    keepwell = new_home(tmp_path / "home", Settings(kind="evaluation"), now=clock())
    site = Person(Shop(keepwell, clock)).site
    for kind in ("preference-link", "stop-link"):
        assert site.post(f"/v1/customers/ann/{kind}").status_code == 422
    keepwell.close()


@pytest.mark.parametrize(
    "sent", [b"", b"x", b"\xff", b"act=fly&token={}", b"a=1&" * 30, b"token=" + b"y" * 9_000]
)
def test_a_form_that_is_none_of_ours_is_refused(ann: Person, sent: bytes) -> None:
    token = ann.link().partition("token=")[2].encode()
    answer = ann.browser.post("/preferences", content=sent.replace(b"{}", token))
    assert answer.status_code in (404, 422)
    assert ann.said() == []


def test_pages_need_no_style_or_script_of_their_own(ann: Person) -> None:
    html = ann.browser.get(ann.link()).text
    assert not re.search(r"<style|style=|<script>|\son\w+=\"", html)
    assert (
        ann.browser.get("/static/preferences.js")
        .headers["content-type"]
        .startswith("text/javascript")
    )
    assert ann.browser.get("/static/preferences.css").status_code == 200


def test_a_browser_finds_the_mark_where_it_looks_for_one(ann: Person) -> None:
    found = ann.browser.get("/favicon.ico")
    assert (found.status_code, found.headers["content-type"]) == (200, "image/svg+xml")
