"""`keepwell experiment uplift` on files: what it prints, what it asks, how it ends."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.serving.test_cli import Commands
from tests.training.trials import on_pro_only, simulated_trial

SAID = ("--arm", "arm", "--control", "none", "--outcome", "bought")
QUICK = ("--folds", "2", "--draws", "40")
LOT = ("--randomised", "half by lot")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("uplift")
    frame = simulated_trial(1_000, 1, on_pro_only)
    frame["bought"] = np.where(frame["bought"] == 1, "yes", "no")
    frame["spend"] = np.where(frame["bought"] == "yes", 10.0, 0.0)
    frame["number"] = np.arange(len(frame))
    frame.to_csv(place / "test.csv", index=False)
    frame.to_parquet(place / "test.parquet", index=False)
    frame.head(10).to_csv(place / "ten.csv", index=False)
    third = frame.assign(arm=np.where(np.arange(len(frame)) % 3 == 0, "call", frame["arm"]))
    third.to_csv(place / "three.csv", index=False)
    frame[(frame["arm"] == "mail") | (frame["number"] % 4 == 0)].to_csv(
        place / "few.csv", index=False
    )
    return place


@pytest.fixture(scope="module")
def commands(folder: Path) -> Commands:
    return Commands(folder / "home")


def uplift(commands: Commands, file: Path, *words: str, code: int = 0) -> dict[str, object]:
    told = commands("experiment", "uplift", file, *SAID, *QUICK, *words)
    assert told.code == code, told
    assert isinstance(told.json, dict)
    return told.json


def known(*covariates: str) -> tuple[str, ...]:
    return tuple(word for name in covariates for word in ("--covariate", name))


def test_a_file_becomes_a_verdict_with_everything_beside_it(
    commands: Commands, folder: Path
) -> None:
    told = uplift(
        commands,
        folder / "test.csv",
        *("--known-before", "--leave-out", "spend", "--leave-out", "number", *LOT),
    )
    assert told["verdict"] == "usable heterogeneity"
    assert told["covariates"] == ["age", "plan", "visits"]
    assert {
        *("arms", "sample_ratio", "balance", "learners", "null_band", "response"),
        *("one_variable_rule", "differences", "warnings", "seconds"),
    } <= set(told)


def test_parquet_says_the_same_as_csv(commands: Commands, folder: Path) -> None:
    words = (*known("plan", "visits"), *LOT)
    csv, parquet = (
        uplift(commands, folder / name, *words) for name in ("test.csv", "test.parquet")
    )
    assert csv["differences"] == parquet["differences"]


def test_without_a_word_on_the_draw_it_is_an_association(commands: Commands, folder: Path) -> None:
    told = uplift(commands, folder / "test.csv", *known("plan"), code=1)
    assert told["verdict"] == "association, not effect"


def test_arms_of_unintended_sizes_withhold_the_verdict(commands: Commands, folder: Path) -> None:
    told = uplift(commands, folder / "few.csv", *known("plan"), *LOT, code=1)
    assert told["verdict"] == "verdict withheld"


def test_arms_of_the_sizes_that_were_intended_do_not(commands: Commands, folder: Path) -> None:
    words = (*known("plan"), *LOT, "--treated-share", "0.8")
    assert uplift(commands, folder / "few.csv", *words)["verdict"] != "verdict withheld"


@pytest.mark.parametrize(
    ("file", "words", "code", "said"),
    [
        ("test.csv", (), 2, "which columns were known before the draw"),
        ("test.csv", known("plam"), 2, "did you mean plan?"),
        ("test.csv", (*known("plan"), "--treatment", "post"), 2, "'post' is not among the 2 arms"),
        ("test.csv", (*known("plan"), "--outcome", "spend"), 2, "one is judged at a time"),
        ("test.csv", known("bought"), 2, "cannot be a covariate"),
        ("test.csv", (*known("plan"), "--treated-share", "1"), 2, "must lie between 0 and 1"),
        ("three.csv", known("plan"), 2, "name one of them with --treatment"),
        ("ten.csv", known("age"), 1, "each arm needs 100"),
    ],
)
def test_what_cannot_be_judged_is_said(
    commands: Commands, folder: Path, file: str, words: tuple[str, ...], code: int, said: str
) -> None:
    told = uplift(commands, folder / file, *words, code=code)
    assert isinstance(told["error"], dict)
    assert said in f"{told['error']['message']} {told['error']['hint']}"


def test_people_read_a_table_and_a_sentence(commands: Commands, folder: Path) -> None:
    words = (*known("plan", "visits"), *LOT, *QUICK)
    shown = commands.plain("experiment", "uplift", folder / "test.csv", *SAID, *words).out
    assert "usable heterogeneity: some are helped more" in shown
    assert "rule: plan = pro first" in shown


def test_moments_become_numbers(commands: Commands, folder: Path) -> None:
    frame = pd.read_csv(folder / "test.csv")
    frame["since"] = pd.Timestamp("2026-01-01") - pd.to_timedelta(frame["visits"], unit="D")
    frame.to_parquet(folder / "dated.parquet", index=False)
    told = uplift(commands, folder / "dated.parquet", *known("since", "plan"), *LOT)
    assert told["covariates"] == ["since", "plan"]
