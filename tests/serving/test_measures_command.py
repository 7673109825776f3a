"""`keepwell outcomes measures` on a small company's own file: periods, groups, files, own ones."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.serving.test_cli import Commands

MAPPING = """[source]
path = "orders.csv"
timezone = "Europe/Berlin"
[customer]
id = "who"
attributes = { town = "town" }
[[event]]
kind = "order"
occurred_at = "day"
value = "paid"
currency = "EUR"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Twelve customers of two towns who each order 10 a month in 2025, and two of a third."""
    folder = tmp_path_factory.mktemp("shop")
    lines = ["who,town,day,paid"]
    for month in range(12):
        day = date(2025, 1, 10) + timedelta(days=30 * month)
        towns = ["Delft"] * 6 + ["Gouda"] * 6 + ["=Ede"] * 2
        lines += [f"c{k},{town},{day},10" for k, town in enumerate(towns)]
    (folder / "orders.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "orders.toml").write_text(MAPPING, encoding="utf-8")
    made = Commands(folder / "home")
    made("init", "--evaluation")
    assert made("import", folder / "orders.toml").json["customers"] == 14
    return made


def test_by_month_and_by_group(shop: Commands) -> None:
    told = shop(
        *("outcomes", "measures", "--period", "month", "--by", "town"),
        *("--measure", "order_value", "--start", "2025-02-01", "--end", "2025-04-01"),
    ).json
    found = {(m["period"], m["segment"]): m for m in told["measures"]}

    assert {period for period, _ in found} == {"2025-02", "2025-03"}
    assert found["2025-02", "all"]["numerator"] == 140
    assert found["2025-02", "Gouda"]["hidden"] != found["2025-02", "Delft"]["hidden"]
    assert found["2025-02", "=Ede"]["value"] is None


def test_figures_go_to_files(shop: Commands, tmp_path: Path) -> None:
    for name in ("figures.csv", "figures.parquet"):
        told = shop(
            *("outcomes", "measures", "--by", "town", "--measure", "active"),
            *("--out", tmp_path / name),
        )
        assert told.json["out"] == str(tmp_path / name)
    read = pyarrow.csv.read_csv(tmp_path / "figures.csv").to_pydict()
    kept = pyarrow.parquet.read_table(tmp_path / "figures.parquet").to_pydict()

    assert read["low"] == kept["low"]
    assert "'=Ede" in read["segment"]  # a spreadsheet would calculate it
    assert "=Ede" in kept["segment"]


def test_people_see_a_table_and_what_is_missing(shop: Commands) -> None:
    told = shop.plain("outcomes", "measures", "--end", "2026-01-01")

    assert "14 ÷ 14" in told.out
    assert "not measured: needs ticket_opened events: escalation" in told.out


def test_people_see_periods_side_by_side(shop: Commands) -> None:
    told = shop.plain(
        "outcomes", "measures", "--period", "quarter", "--measure", "revenue", "--by", "town"
    )

    assert "2025-Q3" in told.out
    assert "too few people to show: =Ede" in told.out


def test_every_measure_is_listed_without_a_home(tmp_path: Path) -> None:
    told = Commands(tmp_path)("outcomes", "measures", "--list").json

    assert {"retention", "nps", "empathy_deficit_index"} <= {m["name"] for m in told["measures"]}
    assert "burnout" in told["refused"]


def test_a_measure_of_the_settings_is_taken_and_its_mistakes_are_listed(shop: Commands) -> None:
    settings = shop.home / "keepwell.toml"
    before = settings.read_text(encoding="utf-8")
    own = '\n[[measure]]\nname = "buyers"\nunit = "count"\nnumerator = { kinds = ["order"] }\n'
    settings.write_text(before + own, encoding="utf-8")
    told = shop("outcomes", "measures", "--measure", "buyers", "--end", "2026-01-01").json
    settings.write_text(before + own.replace("count", "percent") + "colour = 1\n", encoding="utf-8")
    wrong = shop("outcomes", "measures")
    settings.write_text(before, encoding="utf-8")

    assert told["measures"][0]["numerator"] == 168
    assert len(wrong.error["problems"]) == 2


@pytest.mark.parametrize(
    "period",
    [
        ("--start", "0001-01-01", "--end", "9999-12-31"),
        ("--end", "0001-01-01"),
        ("--end", "0001-01-01", "--period", "year"),
        ("--start", "9999-12-31", "--period", "week"),
        ("--start", "9999-12-31"),
        ("--start", "2026-01-01", "--end", "2025-01-01"),
    ],
)
def test_a_period_that_no_history_reaches_is_refused(
    shop: Commands, period: tuple[str, ...]
) -> None:
    told = shop("outcomes", "measures", "--measure", "revenue", *period)

    assert (told.code, told.error["code"]) == (2, "invalid_input")


def test_what_is_refused_says_why(shop: Commands) -> None:
    assert (
        "never scored one by one"
        in shop("outcomes", "measures", "--measure", "burnout").error["message"]
    )
    assert shop("outcomes", "measures", "--margin-share", "3").error["code"] == "invalid_input"
    assert shop("outcomes", "measures", "--out", "figures.txt").error["code"] == "usage"
