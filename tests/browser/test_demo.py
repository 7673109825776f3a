"""A newcomer to the demo: by the words on buttons alone, without any documentation."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Scheme, Story, Visit, Visitor, Width


class Newcomer:
    """Somebody who reads buttons; counts how often they had to press one."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page: Page = visitor.open("/")
        self.clicks = 0

    def press(self, words: str) -> None:
        named = re.compile(words)
        button = self.page.get_by_role("button", name=named)
        button.or_(self.page.get_by_role("link", name=named)).first.click()
        self.page.wait_for_load_state("load")
        self.clicks += 1

    @property
    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_newcomer_reaches_a_changed_and_a_refused_score_by_the_words_on_buttons(
    own_story: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(own_story, width=width, scheme=scheme)
    newcomer = Newcomer(visitor)
    page = newcomer.page
    visitor.check("demo-start")
    newcomer.press("Follow")
    visitor.check("demo-event")
    newcomer.press("places an order")
    assert "fell from" in newcomer.heading
    assert newcomer.clicks == 2
    visitor.check("demo-score")
    newcomer.press("Next: Reason")
    visitor.check("demo-reason")
    newcomer.press("Next: Permission")
    visitor.check("demo-permission")
    newcomer.press("withdraws the permission")
    assert "refused" in newcomer.heading
    assert newcomer.clicks == 5
    expect(page.get_by_text("not available")).to_be_visible()
    visitor.check("demo-refused")
    newcomer.press("permits it again")
    assert "scored again" in newcomer.heading
    visitor.check("demo-again")
    newcomer.press("Next: Intervention")
    newcomer.press("Ask the playbooks")
    visitor.check("demo-asked")
    if "waits for your yes" not in newcomer.heading:  # after an order hardly anybody needs a note
        newcomer.press("instead")
        visitor.check("demo-instead")
    if "waits for your yes" in newcomer.heading:  # else the lot left this one alone
        newcomer.press("Approve and send")
        assert "Delivered" in newcomer.heading
        expect(page.get_by_role("link", name="Why was I contacted?")).to_be_visible()
        visitor.check("demo-delivered")
    newcomer.press("Next: Outcome")
    visitor.check("demo-outcome")


def test_the_tour_works_without_a_script(own_story: Story, visit: Visit) -> None:
    newcomer = Newcomer(visit(own_story, script=False))
    newcomer.press("Follow (Kim|Robin|Lou|Sam)")
    expect(newcomer.page.get_by_text("Cannot say")).to_be_visible()
    newcomer.press("places an order")
    assert "there is an estimate" in newcomer.heading
    newcomer.press("^4?Permission$|Permission")
    newcomer.press("withdraws the permission")
    assert "refused" in newcomer.heading


def test_a_visitor_enters_as_one_of_the_people_by_one_click(own_story: Story, visit: Visit) -> None:
    newcomer = Newcomer(visit(own_story))
    newcomer.press("Head of retention")
    expect(newcomer.page.get_by_text("Visitor as head of retention")).to_be_visible()
    newcomer.page.goto(own_story.url)
    newcomer.press("Ethics reviewer")
    assert newcomer.page.get_by_label("Your signing key").input_value().startswith("kw_")
    newcomer.visitor.check("demo-key")
    newcomer.press("Go to the review pages")
    expect(newcomer.page.get_by_text("Visitor as ethics reviewer")).to_be_visible()
    newcomer.page.goto(own_story.url)
    newcomer.press("^Customer$")
    assert "/notice?token=" in newcomer.page.url
