"""A file for a spreadsheet keeps every digit and calculates nothing."""

import csv
import io

import pytest

from serving.spreadsheet import csv_text


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_is_never_a_formula(first: str) -> None:
    told = csv_text(["note"], [[f"{first}cmd()"]])
    assert list(csv.reader(io.StringIO(told, newline=""))) == [["note"], [f"'{first}cmd()"]]


def test_numbers_are_numbers_with_all_their_digits() -> None:
    told = csv_text(["n"], [[1_234_567.891], [-0.1], [-3], [2.0], [None, 0.1]], end="\n")
    assert told.split("\n") == ["n", "1234567.891", "-0.1", "-3", "2", ",0.1", ""]
