"""Feedback, journey and report as people type and call them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.settings import Settings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.test_api import Crm
from tests.serving.test_cli import Commands
from tests.serving.test_feedback import TEN, tickets


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give a home whose ten customers wrote tickets yesterday, by the clock on the wall."""
    clock = Clock(datetime.now(UTC) - timedelta(days=1))
    folder = tmp_path_factory.mktemp("feedback")
    keepwell = new_home(folder / "home", Settings(kind="demo"), now=clock())
    made = Shop(keepwell, clock)
    tickets(made, TEN, escalated=8, text="where is my parcel")
    made.pass_days(1)
    yield made
    keepwell.close()


@pytest.fixture(scope="module")
def keepwell(shop: Shop) -> Commands:
    return Commands(shop.keepwell.home.root)


def test_an_item_goes_its_way_by_commands(keepwell: Commands) -> None:
    item = keepwell("feedback", "open", "--from", "measure:escalation").json["item_id"]
    keepwell("feedback", "assign", item, "--owner", "Help desk", "--due", "2099-01-31")
    acted = keepwell("feedback", "act", item[:8], "--what", "More people answer").json
    early = keepwell("feedback", "remeasure", item)
    refused = keepwell("feedback", "close", item)
    closed = keepwell("feedback", "close", item, "--reason", "the shop moved").json

    assert acted["status"] == "acted"
    assert (early.code, early.error["code"]) == (1, "insufficient_data")
    assert (refused.code, "--reason TEXT" in refused.error["hint"]) == (2, True)
    assert closed["close_reason"] == "the shop moved"


def test_people_see_items_with_figure_owner_and_deadline(keepwell: Commands) -> None:
    item = keepwell("feedback", "open", "Bills are hard to read").json["item_id"]
    keepwell("feedback", "assign", item, "--owner", "[Billing]", "--due", "2099-01-31")
    shown, listed = keepwell.plain("feedback", "show", item), keepwell.plain("feedback", "list")

    assert "[Billing]" in shown.out
    assert "0 cite this item" in shown.out
    assert "Bills are hard to read" in listed.out
    assert "2099-01-31" in listed.out


def test_subjects_are_suggested(keepwell: Commands) -> None:
    told = keepwell("feedback", "suggest", "--days", "30").json
    subjects = [each["subject"] for each in told["suggestions"]]

    assert "measure:escalation" in subjects
    assert "theme:delivery" in subjects
    assert "keepwell feedback open --from" in keepwell.plain("feedback", "suggest").out


def test_the_map_is_drawn_for_people_and_machines(keepwell: Commands) -> None:
    told, drawn = keepwell("outcomes", "journey").json, keepwell.plain("outcomes", "journey")
    [support] = [c for c in told["cells"] if (c["stage"], c["touchpoint"]) == ("support", "all")]

    assert support["people"] == 10
    assert [each["name"] for each in support["thinking"]] == ["delivery"]
    assert re.search(r"support +10", drawn.out)
    assert "no stage stands out" in drawn.out


def test_a_group_nobody_is_in_is_refused(keepwell: Commands) -> None:
    assert keepwell("outcomes", "journey", "--by", "planet").code == 2


def test_a_report_is_written_where_it_is_asked_for(keepwell: Commands, tmp_path: Path) -> None:
    told = keepwell("outcomes", "report", "--quarterly", "--out", tmp_path).json
    twin = json.loads(Path(told["json"]).read_text(encoding="utf-8"))

    assert re.fullmatch(r"quarterly-\d{4}-Q[1-4]\.html", Path(told["html"]).name)
    assert twin["kind"] == "quarter"
    assert twin["stamp"] == "simulated"


def test_reading_and_writing_feedback_take_their_own_scopes(shop: Shop) -> None:
    reader, writer = Crm(shop, "outcomes:read").http, Crm(shop, "feedback:write").http
    body = {"title": "A thing"}

    assert reader.post("/v1/feedback", json=body).status_code == 403
    assert writer.post("/v1/feedback", json=body).status_code == 201
    assert writer.get("/v1/feedback").status_code == 403
    assert reader.get("/v1/feedback").json()["results"]


def test_an_item_opened_twice_with_one_key_is_there_once(shop: Shop) -> None:
    writer = Crm(shop, "feedback:write", "outcomes:read").http
    key = {"Idempotency-Key": "once"}
    first, second = (
        writer.post("/v1/feedback", json={"title": "Sent twice"}, headers=key).json()["item_id"]
        for _ in range(2)
    )

    assert first == second


def test_words_that_name_somebody_are_a_mistake_in_the_request(shop: Shop) -> None:
    writer = Crm(shop, "feedback:write").http
    answer = writer.post("/v1/feedback", json={"title": "Write to ann@example.com"})

    assert answer.status_code == 422
    assert "ann@example.com" not in answer.text


def test_before_the_first_report_there_is_none_over_http(shop: Shop) -> None:
    reader = Crm(shop, "outcomes:read").http

    assert reader.get("/v1/outcomes/report").status_code == 404
    assert reader.get("/v1/outcomes/journey").json()["people"] == 10
