"""The dashboard: three layers, every figure as picture, table and file, notes and texts."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete

from features.history import customer_ids
from serving.bootstrap import open_home
from serving.dashboard.look import take_look
from serving.dashboard.shelf import read_layer
from serving.tables import dashboard_figures
from tests.browser.conftest import Scheme, Story, Visit, Width


@pytest.fixture(scope="module")
def seen(own_story: Story) -> Story:
    """Give a home whose figures were taken."""
    keepwell = open_home(own_story.root)
    with keepwell.database.read() as conn:
        there = read_layer(conn, "executive")
    if not there:
        take_look(keepwell, clock=lambda: datetime.now(UTC))
    keepwell.close()
    return own_story


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_holds_what_pages_promise(
    seen: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(seen, width=width, scheme=scheme)
    visitor.log_in(seen.key(), "/staff/dashboard/research")
    page = visitor.open("/staff/dashboard")
    assert page.url.endswith("/staff/dashboard/executive")
    visitor.check("executive")
    for layer in ("operational", "research"):
        tabs = page.get_by_role("navigation", name="Layers")
        tabs.get_by_role("link", name=layer.capitalize()).click()
        page.wait_for_url(re.compile(f"/{layer}$"))
        visitor.check(layer)
    visitor.open("/staff/figures/retention?every=quarter")
    visitor.check("figure")


def test_a_choice_is_kept_by_every_link_and_file(seen: Story, visit: Visit) -> None:
    page = visit(seen).log_in(seen.key("outcomes:read"), "/staff/dashboard/executive")
    page.get_by_label("By", exact=True).select_option("quarter")
    page.wait_for_url(re.compile("every=quarter"))
    page.get_by_label("Who", exact=True).select_option(label="basic")
    page.wait_for_url(re.compile("segment=plan%3Dbasic"))
    assert "basic (plan), by quarter" in page.locator(".taken").inner_text()
    page.get_by_role("link", name="Customers who stayed", exact=True).click()
    assert page.get_by_role("heading", level=1).inner_text() == "Customers who stayed: basic (plan)"
    headings = page.get_by_role("columnheader").all_inner_texts()
    assert headings[:5] == ["Period", "Value", "95 % from", "to", "People"]
    numbers = page.get_by_role("region", name="In numbers")
    periods = numbers.get_by_role("rowheader").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == "retention-plan-basic-quarter.csv"
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "Period,Value,95 % from,to,People,segment,unit,note"
    assert [line.split(",")[0] for line in lines[1:]] == periods
    assert periods
    assert all("plan=basic" in line for line in lines[1:])


def test_a_choice_works_without_a_script(seen: Story, visit: Visit) -> None:
    page = visit(seen, script=False).log_in(seen.key(), "/staff/dashboard/operational")
    page.get_by_label("By", exact=True).select_option("week")
    page.get_by_role("button", name="Show").click()
    assert "every=week" in page.url
    page.get_by_role("link", name="Show everything").click()
    assert "every" not in page.url


def test_a_note_is_kept_drawn_and_taken_away(seen: Story, visit: Visit) -> None:
    page = visit(seen).log_in(seen.key(), "/staff/dashboard/executive")
    page.get_by_text("Add a note").click()
    page.get_by_role("textbox", name="What happened").fill("Write to ada@example.org")
    page.get_by_role("button", name="Keep the note").click()
    assert "seems to hold an address" in page.get_by_role("alert").inner_text()
    page.get_by_role("textbox", name="What happened").fill("The shop moved")
    page.get_by_role("button", name="Keep the note").click()
    assert "The note is kept" in page.get_by_role("status").inner_text()
    kept = page.get_by_role("listitem").filter(has_text="The shop moved")
    assert "Grace Example" in kept.inner_text()
    page.once("dialog", lambda dialog: dialog.accept())
    kept.get_by_role("button", name="Remove").click()
    assert "The note is gone" in page.get_by_role("status").inner_text()
    assert page.get_by_text("The shop moved").count() == 0


def test_whoever_only_reads_writes_no_note_and_reads_no_text(seen: Story, visit: Visit) -> None:
    visitor = visit(seen)
    page = visitor.log_in(seen.key("outcomes:read"), "/staff/dashboard/research")
    assert page.get_by_text("Add a note").count() == 0
    page.get_by_role("link", name="Read what people wrote").click()
    assert "consent:read" in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Read").count() == 0


def test_texts_are_read_of_those_who_permit_it_and_of_nobody_else(
    seen: Story, visit: Visit
) -> None:
    page = visit(seen).log_in(seen.key(), "/staff/dashboard/texts")
    page.get_by_label("Theme").select_option("billing")
    page.get_by_role("button", name="Read").click()
    assert "nobody permits research_text" in page.get_by_role("alert").inner_text()
    keepwell = open_home(seen.root)
    with keepwell.database.read() as conn:
        people = customer_ids(conn)[:80]
    keepwell.close()
    yes = {"mechanism": "checkbox_ticked", "evidence": "form 8"}
    for who in people:
        address = f"/v1/customers/{who}/consents/research_text"
        seen.service.client.put(address, json=yes).raise_for_status()
    page.get_by_label("Theme").select_option("billing")
    page.get_by_role("button", name="Read").click()
    assert page.locator("blockquote").count() > 0
    assert not any(who in page.locator("main").inner_text() for who in people)


def test_before_the_first_look_the_page_says_how_to_take_one(seen: Story, visit: Visit) -> None:
    visitor = visit(seen)
    page = visitor.log_in(seen.key(), "/staff/dashboard/executive")
    keepwell = open_home(seen.root)
    with keepwell.database.write() as conn:
        conn.execute(delete(dashboard_figures))
    keepwell.close()
    page.reload()
    assert "keepwell outcomes dashboard" in page.locator(".empty").inner_text()
    visitor.check("empty")
