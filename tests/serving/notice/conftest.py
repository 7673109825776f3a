"""Somebody who was contacted, and the browser they open the notice with: without any script."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from features.history import read_everything_of
from serving.http.api import create_app
from serving.http.door import Door
from serving.http.limits import Shape
from serving.http.rates import Rates
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery.desk import desk_of
from serving.interventions.delivery.messages import REQUESTED, STEP_UP
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate
from serving.interventions.tables import outbox
from serving.settings import Settings
from serving.settings_permission import ControllerSettings, PreferenceSettings
from serving.settings_service import WebhookSettings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.test_api import _bento
from tests.serving.unlocked import unlock_home

NOTE = Playbook(
    name="personal_note",
    kind="outreach",
    channel="email",
    subject="Is there anything <b>we</b> can do better?",
    body="A person reads your answer.\n\n<script>alert(1)</script>",
    target="churn",
    min_probability=0.0,
    holdout_share=0.0,
    cost=1.0,
    value="Somebody listens & mends what is wrong.",
)


class Page(HTMLParser):
    """What a browser without script sees: its words, and its forms as what they would send."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.status = answer.status_code
        self.html = answer.text
        self.text = ""
        self.forms: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag == "form":
            self.forms.append({"action": found["action"]})
        elif tag in ("input", "textarea"):
            self.forms[-1][found["name"]] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text += data

    def form(self, **fields: str) -> dict[str, str]:
        [found] = [each for each in self.forms if fields.items() <= each.items()]
        return found


@dataclass
class Contacted:
    """A customer of the shop who was contacted by a playbook, and who reads on."""

    shop: Shop
    customer_id: str = "ann"
    languages: str = "en"
    browser: TestClient = field(init=False)

    def __post_init__(self) -> None:
        app = create_app(self.shop.keepwell, self.shop.scorer, clock=self.shop.clock)
        door = Door(
            _bento,
            inner=app,
            body_bytes=100_000,
            concurrency=8,
            shape=Shape(),
            rates=Rates(failed_per_minute=20, clock=lambda: self.shop.clock.now.timestamp()),
        )
        self.browser = TestClient(door, headers={"Accept-Language": self.languages})

    def contact(self, playbook: Playbook = NOTE, **of: Any) -> str:
        """Have the playbook contact this customer; gives the token of the link in the message."""
        keepwell = self.shop.keepwell
        chosen = Candidate(
            customer_id=self.customer_id,
            probability=0.6,
            target=playbook.target,
            **of,
        )
        run_interventions(
            desk_of(keepwell), playbook, [chosen], outside_contacts={}, clock=self.shop.clock
        )
        return self.token()

    def token(self) -> str:
        """Give the token of the link in the newest message to this customer."""
        with self.shop.keepwell.database.read() as conn:
            body = conn.execute(
                select(outbox.c.body)
                .where(outbox.c.customer_id == self.customer_id)
                .where(outbox.c.type == REQUESTED)
                .order_by(outbox.c.created_at.desc())
            ).scalars().first()  # fmt: skip
        link = json.loads(body or "{}")["data"]["why"]["url"]
        [token] = parse_qs(urlsplit(str(link)).query)["token"]
        return token

    def reads(self, token: str, **more: str) -> Page:
        return Page(self.browser.get("/notice", params={"token": token, **more}))

    def sends(self, form: dict[str, str], **filled: str) -> httpx.Response:
        fields = {name: each for name, each in (form | filled).items() if name != "action"}
        answer: httpx.Response = self.browser.post("/" + form["action"], data=fields)
        return answer

    def presses(self, form: dict[str, str], **filled: str) -> Page:
        return Page(self.sends(form, **filled))

    def asks_for_code(self, token: str) -> Page:
        return self.presses(self.reads(token).form(act="code"))

    def code(self) -> str:
        """Read the newest code the company was asked to send to this customer."""
        with self.shop.keepwell.database.read() as conn:
            bodies = conn.execute(
                select(outbox.c.body)
                .where(outbox.c.customer_id == self.customer_id, outbox.c.type == STEP_UP)
                .order_by(outbox.c.created_at.desc())
            ).scalars()
            return str(json.loads(bodies.first() or "{}")["data"]["code"])

    def opens(self, token: str) -> Page:
        """Ask for a code and give it: what is about them."""
        form = self.asks_for_code(token).form(act="open")
        return self.presses(form, code=self.code())

    def events(self, kind: str) -> list[dict[str, Any]]:
        with self.shop.keepwell.database.read() as conn:
            found = read_everything_of(conn, self.customer_id)
        return [each for each in found if each["kind"] == kind]


def contacted(shop: Shop, customer_id: str, **more: Any) -> Contacted:
    """Give a customer who ordered, permits scoring and e-mails, and was scored."""
    shop.order(customer_id, 80, 60, 40)
    shop.permit(customer_id, "risk_scoring", "outreach.email")
    return Contacted(shop, customer_id, **more)


@pytest.fixture
def tea_shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a production home with a name, a person to reach and a receiver, that may act."""
    settings = Settings(
        controller=ControllerSettings(
            name="Tea <Shop>", address="Leaf Street 1", contact="care@tea.example"
        ),
        preferences=PreferenceSettings(base_url="http://testserver"),
        webhook=WebhookSettings(url="https://crm.tea.example/hook"),
        mode="act",
    )
    clock = Clock()
    keepwell = new_home(tmp_path / "home", settings, now=clock())
    shop = Shop(keepwell, clock)
    shop.approve_model()
    unlock_home(keepwell)
    yield shop
    keepwell.close()


@pytest.fixture
def ann(tea_shop: Shop) -> Contacted:
    """Give Ann, who may be contacted and was scored."""
    return contacted(tea_shop, "ann")


def scored(person: Contacted) -> str:
    """Score a customer; gives the id of the decision, which a contact can rest on."""
    return person.shop.scorer.score([person.customer_id], targets=["churn"]).results[0].decision_id


def words_of(page: Page) -> str:
    """Give a page's words without what differs for every link."""
    return re.sub(r"\s+", " ", page.text)
