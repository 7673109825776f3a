"""The approval queue: reading, deciding one after the other, changing words, several at once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page

from serving.bootstrap import open_home
from serving.crm.contacts import run_playbooks
from tests.browser.conftest import Scheme, Story, Visit, Width

ASKS = """
[[playbook]]
name = "goodwill_gesture"
class = "outreach"
action = "goodwill_gesture"
channel = "email"
target = "churn"
min_probability = 0.02
holdout_share = 0.0
cost = 6.0
expected_effect = 0.04
needs_person = true
value = "The postage of the last order back."
subject = "The trouble you had is on us"
body = "You had more trouble with us lately than you should have had. The postage is on us."
"""


@pytest.fixture(scope="module")
def queue(own_story: Story, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Give the story with contacts that wait for a person."""
    file: Path = tmp_path_factory.mktemp("asks") / "playbooks.toml"
    file.write_text(ASKS)
    home = open_home(own_story.root)
    run_playbooks(
        home, ["goodwill_gesture"], file=file, scores=home.home.scores,
        clock=lambda: datetime.now(UTC),
    )  # fmt: skip
    home.close()
    return own_story


def decide(page: Page, button: str, reason: str) -> None:
    page.get_by_label("Why yes or why no").fill(reason)
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state()


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_queue_and_a_proposal_hold_what_pages_promise(
    queue: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(queue, width=width, scheme=scheme)
    page = visitor.log_in(queue.key(), "/staff/approvals")
    visitor.check("approvals")
    page.get_by_role("link", name="Read them one by one").click()
    page.get_by_text("Change the words first").click()
    visitor.check("approval")
    visitor.open("/staff/approvals/decided")
    visitor.check("approvals-decided")


def test_a_reviewer_goes_from_one_to_the_next(queue: Story, visit: Visit) -> None:
    visitor = visit(queue, script=False)
    page = visitor.log_in(queue.key(), "/staff/approvals")
    visitor.open("/staff/approvals/next")
    first = page.url
    decide(page, "Approve", "she wrote twice")
    assert "Approved." in page.get_by_role("status").inner_text()
    assert page.url.split("?")[0] != first

    page.get_by_text("Change the words first").click()
    page.get_by_label("Message").fill("<b>Buy now</b>")
    decide(page, "Approve", "plainer words")
    assert "markup" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Message").input_value() == "<b>Buy now</b>"
    page.get_by_label("Message").fill("The postage is on us.\nNothing else.")
    decide(page, "Approve", "plainer words")
    assert "your words" in page.get_by_role("status").inner_text()

    decide(page, "Reject", "called her yesterday")
    page.get_by_role("link", name="See what you decided").click()
    assert "called her yesterday" in page.inner_text("main")

    visitor.open("/staff/approvals/decided")
    assert {"yes", "yes, other words", "no"} <= set(page.locator(".badge").all_inner_texts())
    page.goto(first)
    assert page.get_by_role("button", name="Approve").count() == 0
    assert visitor.faults == []


def test_several_are_decided_at_once_after_each_was_read(queue: Story, visit: Visit) -> None:
    visitor = visit(queue)
    page = visitor.log_in(queue.key(), "/staff/approvals")
    links = page.get_by_role("row").get_by_role("link").all()
    unread = [link.get_attribute("href") for link in links[-3:]]
    for href in unread:
        visitor.open(str(href))
    visitor.open("/staff/approvals")
    for href in unread:
        page.locator(f"input[name='pick.{str(href).rsplit('/', 1)[1]}']").check()
    page.get_by_label("Why").fill("they all wrote")
    page.get_by_role("button", name="Reject them").click()
    told = page.get_by_role("status").inner_text()
    assert "3 decided." in told
    assert "less than 10 seconds" in told


def test_whoever_may_only_read_cannot_decide_and_sees_no_score(queue: Story, visit: Visit) -> None:
    visitor = visit(queue)
    visitor.log_in(queue.key("intervention:read"), "/staff/approvals")
    page = visitor.open("/staff/approvals/next")
    assert page.get_by_role("button", name="Approve").count() == 0
    assert "may not be told to you" in page.inner_text("main")
    assert "What we know of them" not in page.inner_text("main")
