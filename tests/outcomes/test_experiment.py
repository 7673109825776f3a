"""Any randomised test in a table: a real published one, and small ones with every flaw."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.simulate.company import simulate
from governance.errors import InvalidInput, NotFound
from outcomes.experiment import Experiment, Question
from outcomes.experiment import analyse as analyse_question
from outcomes.experiment_document import to_document
from outcomes.lift import Difference
from outcomes.timing import Known

BEFORE = Known(all_before=True)


def analyse(path: Path, **asked: Any) -> Experiment:
    return analyse_question(path, Question(**asked))


def width(found: Difference) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def within(value: float, found: Difference) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= value <= found.high


def write(tmp_path: Path, frame: pd.DataFrame, name: str = "test.csv") -> Path:
    path = tmp_path / name
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def drawn() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    before = rng.normal(10, 3, 600)
    arm = rng.permutation(["mail"] * 300 + ["none"] * 300)
    spend = before + 0.5 * (arm == "mail") + 0.3 * rng.normal(size=600)
    stayed = np.where(rng.random(600) < 0.5 + 0.2 * (arm == "mail"), "yes", "no")
    group = rng.choice(["new", "old"], 600)
    return pd.DataFrame(
        {"arm": arm, "spend": spend, "stayed": stayed, "before": before, "group": group}
    )


@pytest.fixture(scope="module")
def hillstrom(data_dir: Callable[[str], Path]) -> Experiment:
    return analyse(
        data_dir("hillstrom") / "hillstrom.csv",
        arm="segment",
        control="No E-Mail",
        outcomes=("visit", "conversion", "spend"),
    )


@pytest.mark.parametrize(
    ("outcome", "arm", "value", "low", "high"),
    [
        ("visit", "Mens E-Mail", 0.07659, 0.06995, 0.08323),
        ("conversion", "Mens E-Mail", 0.00681, 0.00500, 0.00861),
        ("spend", "Mens E-Mail", 0.76983, 0.48514, 1.05451),
        ("visit", "Womens E-Mail", 0.04523, 0.03889, 0.05157),
        ("conversion", "Womens E-Mail", 0.00311, 0.00150, 0.00472),
        ("spend", "Womens E-Mail", 0.42441, 0.16896, 0.67986),
    ],
)
def test_published_lifts_of_a_real_test_are_reproduced(
    hillstrom: Experiment, outcome: str, arm: str, value: float, low: float, high: float
) -> None:
    found = to_document(hillstrom)["outcomes"][outcome][arm]

    assert found["difference"] == pytest.approx(value, abs=6e-6)
    assert found["low"] == pytest.approx(low, abs=1e-5)
    assert found["high"] == pytest.approx(high, abs=1e-5)


def test_the_real_test_was_drawn_as_intended(hillstrom: Experiment) -> None:
    assert hillstrom.sample_ratio is not None
    assert hillstrom.sample_ratio.outcome == "as expected"
    assert hillstrom.warnings == ()


def test_the_document_is_plain_json(hillstrom: Experiment) -> None:
    document = json.loads(json.dumps(to_document(hillstrom), allow_nan=False))

    assert {"arms", "sample_ratio", "outcomes", "warnings", "verdict"} <= set(document)


def test_the_planted_effect_of_the_pilot_is_recovered(tmp_path: Path) -> None:
    company = simulate(4_000, 11, end=datetime(2026, 11, 1, tzinfo=UTC))
    path = write(tmp_path, company.pilot)

    found = analyse(path, arm="arm", control="holdout", outcomes=["retained", "spend"])

    assert {c.outcome: c.plain.verdict for c in found.comparisons} == {
        "retained": "higher",
        "spend": "higher",
    }


def test_random_arms_show_no_effect(tmp_path: Path, drawn: pd.DataFrame) -> None:
    rng = np.random.default_rng(4)
    drawn["arm"] = rng.permutation(drawn["arm"].to_numpy())

    found = analyse(write(tmp_path, drawn), arm="arm", control="none", outcomes=["stayed"])

    assert found.comparisons[0].plain.verdict == "not distinguishable from zero"


def test_yes_and_no_count_as_one_and_nought(tmp_path: Path, drawn: pd.DataFrame) -> None:
    found = analyse(write(tmp_path, drawn), arm="arm", control="none", outcomes=["stayed"])

    treated = drawn[drawn["arm"] == "mail"]["stayed"] == "yes"
    assert found.comparisons[0].plain.treated_mean == pytest.approx(treated.mean())


def test_a_covariate_narrows_the_interval_and_stands_beside_the_plain_one(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    found = analyse(
        write(tmp_path, drawn),
        arm="arm",
        control="none",
        outcomes=["spend"],
        covariates=["before"],
        known=BEFORE,
    ).comparisons[0]

    assert found.adjusted is not None
    assert found.adjusted.variance_reduction > 0.9
    assert width(found.adjusted.found) < width(found.plain) / 4
    assert within(0.5, found.adjusted.found)


def test_segments_are_shown_with_everyone_large_enough(tmp_path: Path, drawn: pd.DataFrame) -> None:
    found = analyse(
        write(tmp_path, drawn),
        arm="arm",
        control="none",
        outcomes=["spend"],
        segments=["group"],
        known=BEFORE,
    )

    assert {s.segment for s in found.segments.comparisons} == {"new", "old"}


def test_a_tiny_segment_is_not_shown(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn.loc[:2, "group"] = "rare"

    found = analyse(
        write(tmp_path, drawn),
        arm="arm",
        control="none",
        outcomes=["spend"],
        segments=["group"],
        known=BEFORE,
    )

    assert "rare" not in {s.segment for s in found.segments.comparisons}


def test_missing_outcomes_are_counted_per_arm_and_warned_about(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    drawn.loc[drawn.index[:30], "spend"] = np.nan

    found = analyse(write(tmp_path, drawn), arm="arm", control="none", outcomes=["spend"])

    assert "spend is missing for some" in found.warnings[0]
    assert found.comparisons[0].plain.treated_units + found.comparisons[0].plain.control_units == (
        570
    )


def test_a_broken_draw_is_said_before_any_difference(tmp_path: Path, drawn: pd.DataFrame) -> None:
    kept = drawn[(drawn["arm"] == "none") | (np.arange(600) % 3 > 0)]

    found = analyse(write(tmp_path, kept), arm="arm", control="none", outcomes=["spend"])

    assert found.verdict.startswith("withheld: the arms do not have the sizes")


def test_households_are_compared_as_households(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn["house"] = [f"h{k // 2}" for k in range(600)]
    drawn["arm"] = ["mail" if (k // 2) % 2 else "none" for k in range(600)]

    found = analyse(
        write(tmp_path, drawn), arm="arm", control="none", outcomes=["spend"], unit="house"
    )

    assert {name: size.units for name, size in found.arms.items()} == {"mail": 150, "none": 150}


def test_a_unit_in_two_arms_is_an_error(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn["house"] = "one"

    with pytest.raises(InvalidInput, match="more than one arm"):
        analyse(write(tmp_path, drawn), arm="arm", control="none", outcomes=["spend"], unit="house")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arm": "wing"}, "no column 'wing'"),
        ({"control": "placebo"}, "is not among the 2 arms"),
        ({"outcomes": []}, "no outcome"),
        ({"outcomes": ["group"]}, "neither a number nor yes/no"),
    ],
)
def test_a_wrong_name_says_what_there_is(
    tmp_path: Path, drawn: pd.DataFrame, arguments: dict[str, object], message: str
) -> None:
    asked: dict[str, object] = {"arm": "arm", "control": "none", "outcomes": ["spend"]}

    with pytest.raises(InvalidInput, match=message):
        analyse(write(tmp_path, drawn), **{**asked, **arguments})


def test_a_wrong_control_is_not_repeated_nor_the_values_of_a_wrong_column(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    drawn["name"] = [f"Ann Smith {row}" for row in range(len(drawn))]
    for arm in ("arm", "name"):
        with pytest.raises(InvalidInput) as told:
            analyse(write(tmp_path, drawn), arm=arm, control="Bob", outcomes=["spend"])
        assert "Bob" not in told.value.message
        assert "Ann" not in told.value.message


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        analyse(tmp_path / "no.csv", arm="a", control="b", outcomes=["c"])


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv.gz"])
def test_other_formats_give_the_same_answer(
    tmp_path: Path, drawn: pd.DataFrame, suffix: str
) -> None:
    path = tmp_path / f"test.{suffix}"
    if suffix == "parquet":
        drawn.to_parquet(path)
    elif suffix == "jsonl":
        drawn.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        drawn.to_csv(path, index=False)
    plain = analyse(write(tmp_path, drawn), arm="arm", control="none", outcomes=["spend"])

    found = analyse(path, arm="arm", control="none", outcomes=["spend"])

    assert found.comparisons[0].plain.difference == pytest.approx(
        plain.comparisons[0].plain.difference
    )
