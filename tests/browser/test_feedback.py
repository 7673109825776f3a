"""The feedback hub: from a suggestion to an item that is closed with its reason."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from serving.bootstrap import open_home
from serving.feedback import desk
from serving.feedback.figure import take_figure
from serving.feedback.items import load_item
from serving.feedback.last_look import take_suggestions
from serving.tables import feedback_items
from tests.browser.conftest import Scheme, Story, Visit, Width

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def hub(own_story: Story) -> Story:
    """Give the story with an item in every state; one was measured again, one is overdue."""
    home = open_home(own_story.root)
    look = take_suggestions(home, now=NOW)
    subjects = [each.subject for each in look.suggestions]
    start, end = NOW - timedelta(days=200), NOW - timedelta(days=100)
    figures = (take_figure(home, each, start=start, end=end, now=NOW) for each in subjects)
    before = next(each for each in figures if each.value is not None)
    others = [each for each in subjects if each != before.subject][:2]
    opened = [
        desk.open_item(home, title=None, source=each, now=NOW) for each in (before.subject, *others)
    ]
    desk.open_item(home, title="Nobody finds where to pause a plan", source=None, now=NOW)
    measured, late, mended = (each.item_id for each in opened)
    for item_id, at in ((measured, NOW - timedelta(days=99)), (late, NOW), (mended, NOW)):
        desk.assign(home, item_id, owner="Logistics", due_at=at + timedelta(days=9), now=at)
    with home.database.write() as conn:
        mine = feedback_items.c.item_id == measured
        values = {"before": json.dumps(before.to_json())}
        conn.execute(update(feedback_items).where(mine).values(values))
    desk.act(home, measured, action="Parcels are tracked", now=NOW - timedelta(days=100))
    desk.act(home, mended, action="The form has two fields fewer", now=NOW)
    desk.remeasure(home, measured, now=NOW)
    with home.database.write() as conn:
        mine = feedback_items.c.item_id == late
        conn.execute(update(feedback_items).where(mine).values(due_at=NOW - timedelta(days=3)))
        assert load_item(conn, late).overdue(NOW)
    home.close()
    return own_story


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_hub_holds_what_pages_promise(
    hub: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(hub, width=width, scheme=scheme)
    page = visitor.log_in(hub.key(), "/staff/feedback")
    assert "1 item is overdue" in page.inner_text("main")
    visitor.check("feedback")
    page.get_by_role("link", name="measured again").click()
    assert page.locator("img.picture").count() == 1
    visitor.check("feedback-item")
    visitor.open("/staff/feedback/suggestions")
    visitor.check("feedback-suggestions")
    visitor.open("/staff/feedback/new?from=theme:delivery")
    visitor.check("feedback-new")


def test_an_item_goes_its_way_from_a_suggestion_to_its_end(hub: Story, visit: Visit) -> None:
    visitor = visit(hub, script=False)
    page = visitor.log_in(hub.key(), "/staff/feedback")
    page.get_by_role("link", name="See what people struggle with").click()
    page.get_by_role("link", name="Mend it").first.click()
    page.get_by_label("What could be better?").fill("Write to kim@example.com")
    page.get_by_role("button", name="Open it").click()
    assert "address" in page.get_by_role("alert").inner_text()
    page.get_by_label("What could be better?").fill("Answers come late")
    page.get_by_role("button", name="Open it").click()
    assert "Opened." in page.get_by_role("status").inner_text()

    page.get_by_label("Who mends it?").fill("Support")
    page.get_by_label("By which day?").fill("2020-01-01")
    page.get_by_role("button", name="Assign", exact=True).click()
    assert "has passed" in page.get_by_role("alert").inner_text()
    page.get_by_label("By which day?").fill(f"{NOW + timedelta(days=30):%Y-%m-%d}")
    page.get_by_role("button", name="Assign", exact=True).click()
    page.get_by_label("What was done?").fill("Two more people answer")
    page.get_by_role("button", name="It is done").click()
    assert "it can be measured from" in page.inner_text("main")

    page.get_by_label("Why is it not measured again?").fill("The shop moves to another system")
    page.get_by_role("button", name="Close it").click()
    assert "Closed." in page.get_by_role("status").inner_text()
    assert "another system" in page.inner_text("main")
    visitor.open("/staff/feedback/closed")
    assert "Answers come late" in page.inner_text("main")
    assert visitor.faults == []


def test_what_was_measured_again_is_closed_without_a_reason(hub: Story, visit: Visit) -> None:
    page = visit(hub).log_in(hub.key(), "/staff/feedback")
    page.get_by_role("link", name="measured again").click()
    page.get_by_role("button", name="Close it").click()
    assert "Closed." in page.get_by_role("status").inner_text()


def test_a_reader_changes_nothing(hub: Story, visit: Visit) -> None:
    page = visit(hub).log_in(hub.key("outcomes:read"), "/staff/feedback")
    assert page.get_by_role("link", name="Something could be better").count() == 0
    page.get_by_role("link", name="Nobody finds").click()
    assert "feedback:write" in page.inner_text("main")
    assert page.get_by_role("button", name="Close it").count() == 0
