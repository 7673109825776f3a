"""Logging in, being sent to where one wanted to go, and being let out again."""

import pytest

from tests.browser.conftest import Scheme, Story, Visit, Width


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_and_the_first_page_hold_what_pages_promise(
    story: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(story, width=width, scheme=scheme)
    visitor.open("/staff/login")
    visitor.check("login")
    visitor.log_in(story.key())
    visitor.check("first")


def test_a_wrong_key_is_said_and_opens_nothing(story: Story, visit: Visit) -> None:
    page = visit(story).open("/staff")
    assert page.url.endswith("/staff/login?next=/staff")
    page.get_by_label("Your key").fill("kw_0000000000_nothing")
    page.get_by_role("button", name="Log in").click()
    assert "opens nothing here" in page.get_by_role("alert").inner_text()
    page.goto(f"{story.url}/staff")
    assert "/staff/login" in page.url


def test_a_key_opens_the_pages_of_its_scopes_alone(story: Story, visit: Visit) -> None:
    page = visit(story).log_in(story.key("outcomes:read"))
    parts = page.get_by_role("navigation", name="Parts").get_by_role("link").all_inner_texts()
    assert parts == ["Dashboard", "Experiments", "Feedback", "Journey"]


def test_logging_out_ends_the_session_for_whoever_kept_its_cookie(
    story: Story, visit: Visit
) -> None:
    visitor = visit(story)
    page = visitor.log_in(story.key())
    kept = page.context.cookies()
    page.get_by_role("button", name="Log out").click()
    assert "logged out" in page.get_by_role("status").inner_text()
    page.context.add_cookies(kept)  # type: ignore[arg-type]
    visitor.open("/staff")
    assert "/staff/login" in page.url


def test_the_login_works_without_a_script(story: Story, visit: Visit) -> None:
    page = visit(story, script=False).log_in(story.key())
    assert page.get_by_role("heading", level=1).inner_text().startswith("Hello")
