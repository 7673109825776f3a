"""A newcomer on the tour of the demo: by the words on buttons alone, without any documentation."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Scheme, Story, Visit, Width


def press(page: Page, words: str) -> None:
    """Press the button or link that says so, and wait for what it leads to."""
    found = page.get_by_role("button", name=words).or_(page.get_by_role("link", name=words))
    found.first.click()
    page.wait_for_load_state("load")


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


@pytest.mark.parametrize(
    ("width", "scheme"),
    [("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark")],
)
def test_a_newcomer_reaches_a_changed_and_a_refused_score_by_the_words_on_buttons(
    own_story: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(own_story, width=width, scheme=scheme)
    page = visitor.open("/demo")
    visitor.check("demo-cast")
    press(page, "Follow")
    visitor.check("demo-event")
    press(page, "places an order")
    assert "fell from" in heading(page)
    assert page.get_by_text("decision").count() >= 2
    visitor.check("demo-score")
    press(page, "Next: Reason")
    visitor.check("demo-reason")
    press(page, "Next: Permission")
    visitor.check("demo-permission")
    press(page, "withdraws the permission")
    assert "refused" in heading(page)
    expect(page.get_by_text("not available")).to_be_visible()
    visitor.check("demo-refused")
    press(page, "permits it again")
    visitor.check("demo-again")
    press(page, "Next: Intervention")
    visitor.check("demo-ask")
    press(page, "Ask the playbooks")
    visitor.check("demo-asked")
    press(page, "Next: Outcome")
    visitor.check("demo-outcome")
