"""A file of somebody else's scores: read as it is, or refused with what was found in it."""

from pathlib import Path

import pandas as pd
import pytest

from governance.errors import InvalidInput
from serving.foreign_scores import read_scores


def csv(folder: Path, text: str) -> Path:
    path = folder / "theirs.csv"
    path.write_text(text)
    return path


def test_a_csv_keeps_ids_as_they_are_written(tmp_path: Path) -> None:
    found = read_scores(csv(tmp_path, "customer_id,probability\n007,0.5\n8,0.25\n"))
    assert found.values == {"007": 0.5, "8": 0.25}
    assert found.are_probabilities


def test_whole_numbers_that_became_floats_are_ids_all_the_same(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": [17850.0], "score": [3]}).to_parquet(tmp_path / "s.parquet")
    found = read_scores(tmp_path / "s.parquet")
    assert found.values == {"17850": 3.0}
    assert not found.are_probabilities


def test_an_empty_score_is_counted_and_left_out(tmp_path: Path) -> None:
    found = read_scores(csv(tmp_path, "customer_id,score\na,0.5\nb,\n"))
    assert (found.values, found.empty) == ({"a": 0.5}, 1)


def test_ids_are_turned_into_those_of_the_home(tmp_path: Path) -> None:
    found = read_scores(csv(tmp_path, "customer_id,score\na,0.5\n"), inside_id=str.upper)
    assert found.values == {"A": 0.5}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("customer_id,x\na,1\n", "has the columns customer_id, x"),
        ("id,score\na,1\n", "has the columns id, score"),
        ("customer_id,score\na,1\na,2\n", "more than once .1 rows too many"),
        ("customer_id,score\na,high\nb,low\n", "score in theirs.csv is not a number"),
        ("customer_id,score\na,\nb,\n", "holds no number in score .2 rows"),
        ("customer_id,score\na,inf\n", "infinite in 1 rows"),
        ("customer_id,probability\na,1.5\nb,0.5\n", "outside 0 to 1 in 1 rows"),
        ("customer_id,score\n,1\n", "customer_id is empty in 1 rows"),
    ],
)
def test_what_cannot_be_read_says_what_was_found(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_scores(csv(tmp_path, text))


def test_a_file_that_is_no_parquet_says_so(tmp_path: Path) -> None:
    path = tmp_path / "theirs.parquet"
    path.write_text("customer_id,score\n")
    with pytest.raises(InvalidInput, match=r"theirs.parquet cannot be read as Parquet"):
        read_scores(path)
