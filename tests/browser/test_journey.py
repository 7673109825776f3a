"""The journey map: figures as shapes, colours and words, filters, its table and its file."""

import csv
import io
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.bootstrap import open_home
from serving.dashboard.journey_look import keep_journeys
from serving.journey import journeys_of
from tests.browser.conftest import Scheme, Story, Visit, Width, _served


@pytest.fixture(scope="module")
def own_story(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Serve a copy of the demo whose journey was drawn, by plan too."""
    folder = tmp_path_factory.mktemp("journey")
    shutil.copytree(told, folder / "told")
    keepwell = open_home(folder / "told")
    now = datetime.now(UTC)
    drawn = journeys_of(keepwell, ["plan"], now=now)
    with keepwell.database.write() as conn:
        keep_journeys(conn, drawn, now=now)
    keepwell.close()
    with _served(folder / "told", folder) as found:
        yield found


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_and_its_table_hold_what_pages_promise(
    own_story: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(own_story, width=width, scheme=scheme)
    page = visitor.log_in(own_story.key(), then="/staff/journey")
    page.get_by_text("How to read it").click()
    visitor.check("journey")
    visitor.open("/staff/journey/table")
    visitor.check("journey-table")


def test_every_figure_is_told_in_words_and_as_a_shape(own_story: Story, visit: Visit) -> None:
    page = visit(own_story, script=False).log_in(own_story.key(), then="/staff/journey")
    support = page.locator("tr.whole td").last
    assert "satisfied" in support.inner_text()
    assert support.locator("use").count() >= 2
    stages = page.locator("table.journey thead th").all_inner_texts()
    assert [each.lower() for each in stages] == ["visit", "purchase", "delivery", "support"]


def test_a_view_can_be_chosen_and_linked_to(own_story: Story, visit: Visit) -> None:
    page = visit(own_story).log_in(own_story.key("outcomes:read"), then="/staff/journey")
    with page.expect_navigation():
        page.get_by_label("People").select_option("plan=basic")
    assert "segment=plan%3Dbasic" in page.url
    assert "plan: basic" in page.locator("caption").inner_text()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download as CSV").click()
    lines = list(csv.DictReader(io.StringIO(Path(taken.value.path()).read_text())))
    assert {each["segment"] for each in lines} == {"plan=basic"}
    assert page.get_by_role("link", name="Make support a feedback item").count() == 0


def test_a_stage_becomes_a_feedback_item(own_story: Story, visit: Visit) -> None:
    page = visit(own_story).log_in(own_story.key(), then="/staff/journey")
    page.get_by_role("link", name="Make support a feedback item").click()
    page.wait_for_url("**/staff/feedback/new?from=stage:support*")
    assert page.get_by_role("heading", level=1).count() == 1


def test_words_of_people_are_shown_only_where_they_permit_it(
    own_story: Story, visit: Visit
) -> None:
    visitor = visit(own_story)
    page = visitor.log_in(own_story.key(), then="/staff/journey")
    page.locator(".lanes a").first.click()
    page.get_by_role("button", name="Read up to 5 texts").click()
    page.wait_for_url("**/staff/journey/words")
    assert "Nobody permits" in page.locator(".empty").inner_text()
    visitor.check("journey-words")
