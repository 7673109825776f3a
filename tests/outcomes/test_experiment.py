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
from outcomes.experiment.analysis import Experiment, Question
from outcomes.experiment.analysis import analyse as analyse_question
from outcomes.experiment.document import to_document
from outcomes.experiment.timing import Known
from outcomes.randomised.lift import Difference

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


def test_segments_are_shown_and_called_exploratory(tmp_path: Path, drawn: pd.DataFrame) -> None:
    found = analyse(
        write(tmp_path, drawn),
        arm="arm",
        control="none",
        outcomes=["spend"],
        segments=["group"],
        known=BEFORE,
    )

    assert {s.segment for s in found.segments.comparisons} == {"new", "old"}
    assert "exploratory" in " ".join(found.warnings)


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


def asked(tmp_path: Path, frame: pd.DataFrame, **more: Any) -> Experiment:
    return analyse(
        write(tmp_path, frame), **{"arm": "arm", "control": "none", "outcomes": ["spend"], **more}
    )


def test_a_withheld_experiment_shows_no_difference_at_all(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    kept = drawn[(drawn["arm"] == "none") | (np.arange(600) % 3 > 0)]

    document = to_document(asked(tmp_path, kept))

    found = document["outcomes"]["spend"]["mail"]
    assert found["verdict"] == "withheld"
    assert found["difference"] is found["low"] is found["high"] is found["p_value"] is None
    assert document["sample_ratio"]["outcome"] == "mismatch"


def test_intended_shares_are_what_sizes_are_held_against(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    kept = drawn[(drawn["arm"] == "none") | (np.arange(600) % 3 > 0)]

    assert asked(tmp_path, kept, intended={"mail": 2, "none": 3}).withheld == ""


def test_more_is_good_unless_somebody_says_less_is(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn["minutes"] = drawn["spend"] + (drawn["arm"] == "mail")

    found = asked(
        tmp_path, drawn, outcomes=["stayed", "minutes"], lower_is_better=["minutes"]
    ).comparisons

    assert {c.outcome: c.judged.word for c in found} == {"stayed": "helped", "minutes": "harmed"}


def test_a_find_among_many_outcomes_is_held_against_their_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"arm": ["mail"] * 300 + ["none"] * 300})
    for k in range(20):
        frame[f"o{k}"] = rng.normal(size=600)

    found = asked(tmp_path, frame, outcomes=[f"o{k}" for k in range(20)])

    assert [c for c in found.comparisons if c.plain.verdict != "not distinguishable from zero"]
    assert {c.judged.word for c in found.comparisons} == {"cannot say"}


def test_without_a_draw_there_is_an_association_and_no_verdict(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    found = asked(tmp_path, drawn, outcomes=["stayed"], randomised=False)

    document = to_document(found)
    assert document["outcomes"]["stayed"]["mail"]["verdict"] == "cannot say"
    assert document["outcomes"]["stayed"]["mail"]["difference"] is not None
    assert document["verdict"].startswith("cannot say: nobody was drawn by lot")
    assert "association" in document["design"]
    assert not found.answered
    words = json.dumps(document["outcomes"]) + document["verdict"]
    assert not any(word in words for word in ("helped", "harmed", "caused", "effect of"))


def test_people_who_were_chosen_are_found_out(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn["arm"] = np.where(drawn["before"] > drawn["before"].median(), "mail", "none")

    found = asked(tmp_path, drawn, covariates=["before"], known=BEFORE)

    assert found.withheld.startswith("the arm follows from what was known before")


def test_arms_that_differed_before_are_withheld(tmp_path: Path, drawn: pd.DataFrame) -> None:
    for name in ("before", "visits"):
        drawn[name] = np.random.default_rng(1).normal(size=600) + (drawn["arm"] == "mail")

    found = asked(tmp_path, drawn, covariates=["before", "visits"], known=BEFORE)

    assert found.verdict.startswith("withheld: before, visits tells the arms apart")


def test_what_the_treatment_changed_is_refused_as_a_covariate(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    drawn["opened"] = (drawn["arm"] == "mail") * (np.arange(600) % 3 > 0)

    with pytest.raises(InvalidInput, match="opened differs between the arms") as told:
        asked(tmp_path, drawn, covariates=["before", "opened"], known=BEFORE)
    assert "leave it out" in told.value.hint


def test_who_insists_hears_that_the_draw_is_broken(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn["opened"] = (drawn["arm"] == "mail") * (np.arange(600) % 3 > 0)
    known = Known(all_before=True, insisted=frozenset({"opened"}))

    assert asked(tmp_path, drawn, segments=["opened"], known=known).withheld.startswith("opened")


@pytest.mark.parametrize("place", ["covariates", "segments"])
def test_a_column_of_which_nobody_says_when_it_was_known_is_refused(
    tmp_path: Path, drawn: pd.DataFrame, place: str
) -> None:
    with pytest.raises(InvalidInput, match="nobody said when 'group' was known") as told:
        asked(tmp_path, drawn, **{place: ["group"]})
    assert "--known-before" in told.value.hint


def test_an_outcome_missing_more_in_one_arm_is_withheld(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    drawn.loc[(drawn["arm"] == "mail") & (np.arange(600) % 5 == 0), "spend"] = np.nan

    found = asked(tmp_path, drawn, outcomes=["spend", "stayed"])

    assert {c.outcome: c.judged.word for c in found.comparisons} == {
        "spend": "withheld",
        "stayed": "helped",
    }


def test_a_running_experiment_has_intervals_for_every_look(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    once = asked(tmp_path, drawn, outcomes=["stayed"]).comparisons[0].plain
    always = asked(tmp_path, drawn, outcomes=["stayed"], running=True).comparisons[0].plain

    assert always.method == "always valid"
    assert width(always) > 1.3 * width(once)


def test_segments_are_adjusted_for_their_number_and_tested_together(
    tmp_path: Path, drawn: pd.DataFrame
) -> None:
    drawn["spend"] += np.where((drawn["group"] == "new") & (drawn["arm"] == "mail"), 9.0, 0.0)

    found = asked(tmp_path, drawn, segments=["group"], known=BEFORE).segments

    assert {s.segment: s.is_clear for s in found.comparisons} == {"new": True, "old": False}
    assert found.interactions[0].differs


def test_hidden_segments_are_counted(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn.loc[:2, "group"] = "rare"

    assert asked(tmp_path, drawn, segments=["group"], known=BEFORE).segments.hidden == (
        ("group", 1),
    )


@pytest.mark.parametrize(
    ("change", "asked_for", "message"),
    [
        ({"arm": "none"}, {}, "every row of 'arm' is in the control"),
        ({"arm": ["none", *map(str, range(599))]}, {}, "600 different values, at most 30 can be"),
        ({}, {"covariates": ["spend"]}, "spend cannot be a covariate"),
        ({}, {"segments": ["arm"]}, "arm cannot be a covariate or a segment"),
        ({}, {"lower_is_better": ["before"]}, "before is no outcome"),
        ({}, {"worthwhile": {"spend": 0.0}}, "must be above 0"),
        ({}, {"segments": ["group"], "running": True}, "when an experiment has ended"),
        ({}, {"level": 1.0}, "level == 1"),
        ({"group": [f"g{k}" for k in range(600)]}, {"segments": ["group"]}, "600 different"),
        ({"spend": ["many"] * 600}, {}, "neither a number nor yes/no"),
    ],
)
def test_what_cannot_be_analysed_says_why(
    tmp_path: Path,
    drawn: pd.DataFrame,
    change: dict[str, Any],
    asked_for: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(InvalidInput, match=message):
        asked(tmp_path, drawn.assign(**change), known=BEFORE, **asked_for)


def test_values_too_large_to_be_squared_are_refused(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn.loc[3, "spend"] = -1e200
    drawn.to_parquet(tmp_path / "test.parquet")

    with pytest.raises(InvalidInput, match="1 values of the outcome 'spend' are larger than 1e"):
        analyse(tmp_path / "test.parquet", arm="arm", control="none", outcomes=["spend"])


def test_infinite_outcomes_are_no_measurements(tmp_path: Path, drawn: pd.DataFrame) -> None:
    drawn.loc[3, "spend"] = np.inf
    drawn.to_parquet(tmp_path / "test.parquet")

    with pytest.raises(InvalidInput, match="1 values of the outcome 'spend' are infinite"):
        analyse(tmp_path / "test.parquet", arm="arm", control="none", outcomes=["spend"])


@pytest.mark.parametrize("text", ["", "arm,spend\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(text)

    with pytest.raises(InvalidInput):
        analyse(path, arm="arm", control="none", outcomes=["spend"])
