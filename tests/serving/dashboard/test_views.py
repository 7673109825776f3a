"""One view of the dashboard is the same on its page, in its file and over HTTP."""

import csv
import io

import pytest

from serving.dashboard.shelf import keep
from tests.serving.conftest import Shop
from tests.serving.dashboard.test_shelf import LEFT, STAYED
from tests.serving.test_sessions import Staff

VIEWS = [
    ("", "month", ("", "month"), ["0.9"]),
    ("town=Delft", "month", ("town=Delft", "month"), ["0.95"]),
    ("", "week", ("", "week"), ["0.99"]),
    ("town=Rome", "quarter", ("", "month"), ["0.9"]),
]


@pytest.mark.parametrize(("segment", "every", "told", "values"), VIEWS)
def test_page_file_and_answer_show_the_same_cells(
    shop: Shop, segment: str, every: str, told: tuple[str, str], values: list[str]
) -> None:
    with shop.keepwell.database.write() as conn:
        keep(conn, [STAYED, LEFT], now=shop.clock())
    key = shop.key("outcomes:read")
    staff = Staff(shop).log_in(key)
    asked = {"segment": segment, "every": every}
    page = staff.http.get("/staff/figures/stayed", params=asked).text
    file = staff.http.get("/staff/figures/stayed.csv", params=asked).text
    answer = staff.http.get(
        "/v1/outcomes/dashboard", params=asked, headers={"Authorization": f"Bearer {key}"}
    ).json()

    [figure] = [each for each in answer["figures"] if each["name"] == "stayed"]
    assert [row["Stayed"] for row in csv.DictReader(io.StringIO(file))] == values
    assert [str(cell["value"]) for cell in figure["cells"]] == values
    assert all(f"{100 * float(each):.1f}\u202f%</td>" in page for each in values)
    assert (figure["segment"], figure["every"]) == told
