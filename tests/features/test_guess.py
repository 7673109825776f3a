"""A first mapping guessed from a plain orders file."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from features.importing.guess import guess_mapping
from features.importing.mapping import parse_mapping
from governance.errors import InvalidInput


def guess(folder: Path, text: str) -> tuple[dict[str, Any], str]:
    path = folder / "orders.csv"
    path.write_text(text)
    found = guess_mapping(path, timezone="Europe/Paris")
    parse_mapping(found.toml, name="orders")
    return tomllib.loads(found.toml), " ".join(found.explanation)


def test_names_and_types_say_what_is_what(tmp_path: Path) -> None:
    found, said = guess(
        tmp_path,
        "OrderID,Customer Id,Order Date,Total EUR\n1,anna,2024-01-02,5\n2,bert,2024-01-03,-3\n",
    )
    assert found["customer"] == {"id": '"Customer Id"'}
    order, back = found["event"]
    assert (order["kind"], order["id"], order["occurred_at"]) == (
        "order",
        '"OrderID"',
        '"Order Date"',
    )
    assert (back["kind"], back["value"]) == ("return", '-("Total EUR")')
    assert "Europe/Paris" in said


def test_amounts_may_be_quantity_times_price(tmp_path: Path) -> None:
    found, _ = guess(tmp_path, "client,day,qty,unit_price\na,2024-01-02,2,5\n")
    assert found["event"][0]["value"] == '"qty" * "unit_price"'


def test_written_dates_are_read_in_the_one_format_that_fits(tmp_path: Path) -> None:
    found, _ = guess(tmp_path, "user_id,date,amount\na,01/13/2024,5\nb,02/01/2024,5\n")
    assert "%m/%d/%Y" in found["event"][0]["occurred_at"]


def test_what_cannot_be_guessed_is_said_with_the_columns_there_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"customer and time.*foo, bar"):
        guess(tmp_path, "foo,bar\n1,2\n")


def test_a_real_orders_file(data_dir: Callable[[str], Path]) -> None:
    found = guess_mapping(data_dir("online_retail") / "online_retail.parquet")
    event = tomllib.loads(found.toml)["event"][0]
    assert (event["id"], event["value"]) == ('"InvoiceNo"', '"Quantity" * "UnitPrice"')


def test_an_amount_with_a_few_bad_values_is_an_amount(tmp_path: Path) -> None:
    found, said = guess(tmp_path, "client,day,total\na,2024-01-02,5\nb,2024-01-03,6\nc,,n/a\n")
    assert found["event"][0]["value"] == '"total"'
    assert "lines without one are rejected: total" in said
