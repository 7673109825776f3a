"""`keepwell experiment analyse` and `power`: what they print, what they ask, how they end."""

import io
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from serving.cli.console import Session
from serving.cli.experiments import is_known_before
from tests.serving.test_cli import Commands

ASKED = ("--arm", "arm", "--control", "none", "--outcome", "stayed", "--outcome", "spend")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("experiment")
    rng = np.random.default_rng(1)
    arm = rng.permutation(np.repeat(["mail", "none"], 400))
    frame = pd.DataFrame(
        {
            "arm": arm,
            "stayed": np.where(rng.random(800) < 0.4 + 0.3 * (arm == "mail"), "yes", "no"),
            "spend": rng.normal(20, 5, 800),
            "before": rng.normal(20, 5, 800),
            "region": rng.choice(["north", "[south]"], 800),
            "counted": "2026-03-01",
            "drawn": "2026-03-02",
            "late": np.where(np.arange(800) == 7, "2026-03-02", "2026-03-01"),
        }
    )
    frame.to_csv(place / "test.csv", index=False)
    frame[(arm == "none") | (np.arange(800) % 3 > 0)].to_csv(place / "lost.csv", index=False)
    return place


@pytest.fixture(scope="module")
def commands(folder: Path) -> Commands:
    return Commands(folder / "home")


def analysed(commands: Commands, file: Path, *words: str, code: int = 0) -> dict[str, Any]:
    told = commands("experiment", "analyse", file, *ASKED, *words)
    assert told.code == code, told
    assert isinstance(told.json, dict)
    return told.json


def drawn(commands: Commands, file: Path, *words: str, code: int = 0) -> str:
    told = commands.plain("experiment", "analyse", file, *ASKED, *words)
    assert told.code == code, told
    return told.out


def test_a_verdict_per_comparison_is_drawn(commands: Commands, folder: Path) -> None:
    shown = drawn(commands, folder / "test.csv")

    assert re.search(r"stayed +mail .* points .* helped", shown)
    assert re.search(r"spend +mail .* cannot say +zero lies within the interval", shown)


def test_the_document_names_what_made_it(commands: Commands, folder: Path) -> None:
    told = analysed(commands, folder / "test.csv", "--level", "0.9")

    assert told["parameters"]["level"] == 0.9
    assert told["outcomes"]["stayed"]["mail"]["method"] == "welch"


def test_a_covariate_without_a_word_on_when_is_refused(commands: Commands, folder: Path) -> None:
    told = analysed(commands, folder / "test.csv", "--covariate", "before", code=2)

    assert told["error"]["message"] == "nobody said when 'before' was known"


@pytest.mark.parametrize(("typed", "known"), [("y\n", True), ("n\n", False)])
def test_a_person_at_a_terminal_is_asked(
    typed: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.StringIO(typed)
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    terminal = Console(file=io.StringIO(), force_terminal=True)

    session = Session(Path(), as_json=False, err=terminal)

    assert is_known_before(session, ["age"]) is known


def test_covariates_and_segments_stand_beside_the_plain_difference(
    commands: Commands, folder: Path
) -> None:
    words = ("--covariate", "before", "--segment", "region", "--known-before", "all")
    shown = drawn(commands, folder / "test.csv", *words)

    assert "adjusted" in shown
    assert "region = [south]" in shown
    assert "exploratory" in shown


def test_times_show_row_by_row_what_was_known(commands: Commands, folder: Path) -> None:
    words = ("--covariate", "before", "--assigned-at", "drawn", "--known-at")

    assert analysed(commands, folder / "test.csv", *words, "before=counted")["balance"]
    told = analysed(commands, folder / "test.csv", *words, "before=late", code=2)
    assert "at or after the assignment in 1 of 800 rows" in told["error"]["message"]


def test_a_broken_draw_ends_with_a_clear_no(commands: Commands, folder: Path) -> None:
    assert "verdict withheld" in drawn(commands, folder / "lost.csv", code=1)
    told = analysed(commands, folder / "lost.csv", code=1)
    assert told["outcomes"]["stayed"]["mail"]["difference"] is None
    assert told["verdict"].startswith("withheld")


def test_intended_shares_are_said_per_arm(commands: Commands, folder: Path) -> None:
    words = ("--share", "mail=0.4", "--share", "none=0.6")

    assert analysed(commands, folder / "lost.csv", *words)["withheld"] is None


def test_who_was_not_drawn_by_lot_gets_associations(commands: Commands, folder: Path) -> None:
    shown = drawn(commands, folder / "test.csv", "--not-randomised", code=1)

    assert "association" in shown
    assert "helped" not in shown
    assert "nobody was drawn by lot" in shown


def test_a_running_test_is_said_to_be_one(commands: Commands, folder: Path) -> None:
    told = analysed(commands, folder / "test.csv", "--running", "--planned-units", "2000")

    assert told["parameters"]["planned_units"] == 2000
    assert told["outcomes"]["stayed"]["mail"]["method"] == "always valid"


def test_direction_and_size_are_per_outcome(commands: Commands, folder: Path) -> None:
    words = ("--lower-is-better", "stayed", "--worthwhile", "stayed=0.01")
    told = analysed(commands, folder / "test.csv", *words)["outcomes"]["stayed"]["mail"]

    assert (told["verdict"], told["worthwhile"]) == ("harmed", "no")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--worthwhile", "stayed"), "--worthwhile 'stayed' is not NAME=VALUE"),
        (("--worthwhile", "stayed=much"), "'much' is no number"),
        (("--share", "mail=0.5"), "expected shares name"),
        (("--planned-units", "100"), "--planned-units is for a running test"),
        (("--insist", "region"), "'region' is neither a covariate nor a segment"),
    ],
)
def test_a_word_that_says_nothing_is_named(
    commands: Commands, folder: Path, words: tuple[str, ...], message: str
) -> None:
    told = analysed(commands, folder / "test.csv", *words, code=2)

    assert message in told["error"]["message"]


def test_power_says_how_many_people_and_weeks(commands: Commands) -> None:
    told = commands("experiment", "power", "--share-now", 0.1, "--effect", 0.02, "--weekly", 900)

    assert told.json["people"] == 7_678
    assert told.json["weeks"] == 9


def test_power_says_what_a_number_of_people_can_show(commands: Commands) -> None:
    shown = commands.plain("experiment", "power", "--spread", 20, "--people", 4000, "--running").out

    assert re.search(r"effect +\+2\.", shown)
    assert "looked at while it runs" in shown


def test_power_asks_for_one_of_the_two(commands: Commands) -> None:
    assert commands("experiment", "power", "--share-now", 0.1).code == 2
