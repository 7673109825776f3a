"""`keepwell text` as people meet it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from serving.cli import keepwell


def call(*words: str) -> Result:
    return CliRunner().invoke(keepwell, list(words), standalone_mode=False)


def told(*words: str) -> Any:
    return json.loads(call("--json", "text", *words).stdout)


def test_tag_says_which_rules_fired_and_why(tmp_path: Path) -> None:
    found = told("tag", "I am frustrated, I need my refund")["texts"][0]
    assert {each["tag"]: each["why"] for each in found["fired"]}["refund_request"] == [
        "“need my refund”"
    ]
    assert found["empathy"] >= 2
    assert found["emotions"]["frustration"] > 0.5


def test_tag_reads_every_line_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("Great, I love it!\n\nDas Paket kam kaputt an.\n", encoding="utf-8")
    assert [each["polarity"] is None for each in told("tag", "--file", str(path))["texts"]] == [
        False,
        True,
    ]


def test_tag_for_people_draws_a_table() -> None:
    shown = call("text", "tag", "I am so disappointed").stdout
    assert "disappointed" in shown
    assert "empathy" in shown


def test_tag_without_a_text_is_wrong_use() -> None:
    assert "no text to tag" in str(call("text", "tag").exception)


def test_check_lists_tags_and_themes() -> None:
    found = told("check")
    assert set(found["tags"]) == {"interaction", "emotion", "outcome"}
    assert found["problems"] == []


def test_check_names_every_mistake(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nlayer = "mood"\ntag = "X"\nany = []\n', encoding="utf-8")
    problem: Any = call("text", "check", str(path)).exception
    assert [each.split(":")[0] for each in problem.problems] == ["line 2", "line 3", "line 4"]


def test_evaluate_sets_three_readings_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    lines = [f"it is a {'good' if k % 2 else 'bad'} box of {k},{k % 2}" for k in range(120)]
    path.write_text("text,rating\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (found,) = told("evaluate", str(path))["files"]
    assert found["labels"] == 120
    for name in ("lexicon", "vader", "model"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]


def test_evaluate_of_too_few_labels_is_a_clear_no(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("text,rating\ngood,1\nbad,0\n", encoding="utf-8")
    problem: Any = call("text", "evaluate", str(path)).exception
    assert problem.exit_code == 1


@pytest.mark.parametrize("command", ["check", "tag", "themes", "search", "train", "evaluate"])
def test_every_command_explains_itself(command: str) -> None:
    assert call("text", command, "--help").stdout.startswith("Usage:")
