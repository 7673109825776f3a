"""Uplift from table to verdict: planted effects are found, nothing is made of nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from governance.errors import InsufficientData, InvalidInput
from tests.training.trials import COVARIATES, LONG_FORM, on_pro_only, same_for_all, simulated_trial
from training.uplift.folds import deal
from training.uplift.learners import LEARNERS, fit_uplift
from training.uplift.qini import Trial
from training.uplift.report import UpliftResult, uplift_report

EXPERIMENTS = 200 if LONG_FORM else 24


def judge(
    frame: pd.DataFrame,
    *,
    outcome: str = "bought",
    covariates: tuple[str, ...] = COVARIATES,
    unit: str | None = None,
    randomised: str = "simulated: half by lot",
    arms_as_drawn: bool = True,
    folds: int = 2,
    seed: int = 0,
    draws: int = 60,
) -> UpliftResult:
    return uplift_report(
        frame,
        arm="arm",
        control="none",
        treatment="mail",
        outcome=outcome,
        covariates=covariates,
        unit=unit,
        randomised=randomised,
        arms_as_drawn=arms_as_drawn,
        folds=folds,
        seed=seed,
        draws=draws,
    )


@pytest.fixture(scope="module")
def planted() -> UpliftResult:
    frame = simulated_trial(2_000, 1, on_pro_only, families_buy_anyway=0.5)
    return judge(frame, folds=3, draws=100)


def test_a_planted_effect_is_usable(planted: UpliftResult) -> None:
    assert planted.verdict == "usable heterogeneity"


def test_it_beats_picking_those_who_buy_anyway(planted: UpliftResult) -> None:
    assert planted.against_response == "better"


def test_every_learner_finds_the_planted_effect(planted: UpliftResult) -> None:
    assert set(planted.learners) == set(LEARNERS)
    assert all(found.qini.low > planted.null_band[1] for found in planted.learners.values())


def test_the_simple_rule_behind_it_is_named_and_as_good(planted: UpliftResult) -> None:
    assert planted.one_variable_rule.rule == "plan = pro first"
    assert planted.against_rule != "better"
    assert "use the rule" in planted.sentence


def test_the_same_table_and_seed_give_the_same_figures() -> None:
    frame = simulated_trial(400, 3, on_pro_only)
    assert judge(frame).differences == judge(frame).differences


def test_an_effect_that_is_the_same_for_all_is_claimed_no_oftener_than_stated() -> None:
    claims = sum(
        judge(simulated_trial(300, seed, same_for_all), seed=seed).usable
        for seed in range(EXPERIMENTS)
    )
    nominal = 0.025 * EXPERIMENTS
    monte_carlo_error = (nominal * 0.975) ** 0.5
    assert claims <= nominal + 2.6 * monte_carlo_error


def test_nothing_is_an_effect_unless_someone_says_how_arms_were_drawn() -> None:
    found = judge(simulated_trial(400, 1, on_pro_only), randomised="")
    assert found.verdict == "association, not effect"
    assert not found.answered


def test_arms_that_were_not_drawn_by_lot_withhold_the_verdict() -> None:
    frame = simulated_trial(1_000, 1, on_pro_only)
    keen = frame["visits"] + np.random.default_rng(0).normal(size=len(frame)) > 2
    frame["arm"] = np.where(keen, "mail", "none")
    found = judge(frame)
    assert found.verdict == "verdict withheld"
    assert "visits" in found.balance.differing


def test_a_covariate_that_the_treatment_changed_is_noticed() -> None:
    frame = simulated_trial(1_000, 1, on_pro_only)
    frame["clicked"] = (frame["arm"] == "mail") * (np.arange(1_000) % 3 == 0)
    found = judge(frame, covariates=(*COVARIATES, "clicked"))
    assert found.verdict == "verdict withheld"
    assert list(found.balance.differing) == ["clicked"]


def test_arms_of_other_sizes_than_intended_withhold_the_verdict() -> None:
    found = judge(simulated_trial(400, 1, on_pro_only), arms_as_drawn=False)
    assert found.verdict == "verdict withheld"


def test_a_fair_draw_is_not_called_broken() -> None:
    balances = [
        judge(simulated_trial(300, seed, same_for_all), seed=seed, draws=20).balance.outcome
        for seed in range(3)
    ]
    assert balances == ["as expected"] * 3


def test_missing_values_words_and_yes_or_no_are_understood() -> None:
    frame = simulated_trial(400, 1, on_pro_only)
    frame.loc[::7, "age"] = np.nan
    frame.loc[::5, "plan"] = None
    frame["member"] = frame["visits"] > 2
    assert judge(frame, covariates=(*COVARIATES, "member")).answered


def test_a_number_can_be_the_outcome() -> None:
    frame = simulated_trial(1_500, 2, same_for_all)
    frame["spend"] = 20 + 10 * (frame["plan"] == "pro") * (frame["arm"] == "mail")
    frame["spend"] += np.random.default_rng(0).normal(0, 3, len(frame))
    found = judge(frame, outcome="spend")
    assert found.verdict == "usable heterogeneity"
    assert found.chosen.auuc is None


def test_a_fitted_model_tells_the_effect_on_new_people() -> None:
    model = fit_uplift(
        simulated_trial(3_000, 1, on_pro_only),
        arm="arm",
        control="none",
        treatment="mail",
        outcome="bought",
        covariates=COVARIATES,
    )
    new = pd.DataFrame({"age": [40.0, 40.0], "plan": ["pro", "basic"], "visits": [2.0, 2.0]})
    pro, basic = model.score(new)
    assert pro == pytest.approx(0.5, abs=0.12)
    assert basic == pytest.approx(0.0, abs=0.12)


def test_a_new_table_without_a_covariate_is_refused() -> None:
    model = fit_uplift(
        simulated_trial(400, 1, on_pro_only),
        arm="arm",
        control="none",
        treatment="mail",
        outcome="bought",
        covariates=COVARIATES,
    )
    with pytest.raises(InvalidInput, match=r"lacks the covariate\(s\) plan"):
        model.score(pd.DataFrame({"age": [40.0], "visits": [2.0]}))


def test_rows_of_one_unit_share_their_fold() -> None:
    units = np.repeat(np.arange(50), 3)
    treated = np.repeat(np.arange(50) % 2, 3).astype(np.float64)
    y = np.random.default_rng(0).integers(0, 2, 150).astype(np.float64)
    fold = deal(Trial(y, treated, units), 5, seed=0)
    assert all(len(np.unique(fold[units == unit])) == 1 for unit in range(50))


def test_every_fold_has_its_part_of_arms_and_outcomes() -> None:
    y, treated = np.repeat([1.0, 0.0], 50), np.tile([1.0, 0.0], 50)
    fold = deal(Trial(y, treated, np.arange(100)), 5, seed=0)
    assert {int(((fold == k) & (y == 1) & (treated == 1)).sum()) for k in range(5)} == {5}


@pytest.mark.parametrize("role", ["arm", "bought"])
def test_the_arm_or_the_outcome_cannot_be_a_covariate(role: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a covariate"):
        judge(simulated_trial(300, 1, same_for_all), covariates=(*COVARIATES, role))


def test_an_unknown_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(InvalidInput) as refused:
        judge(simulated_trial(300, 1, same_for_all), covariates=("ages",))
    assert "did you mean age?" in refused.value.hint


def test_ten_rows_are_too_few() -> None:
    with pytest.raises(InsufficientData, match="mail 5, none 5"):
        judge(simulated_trial(10, 1, same_for_all))


def test_one_arm_is_not_enough() -> None:
    frame = simulated_trial(300, 1, same_for_all)
    with pytest.raises(InsufficientData, match="everybody is in one arm"):
        judge(frame[frame["arm"] == "mail"])


def test_an_outcome_that_never_varies_says_nothing() -> None:
    with pytest.raises(InsufficientData, match="is 1 for all 300 people"):
        judge(simulated_trial(300, 1, same_for_all).assign(bought=1))


def test_a_unit_in_both_arms_is_refused() -> None:
    frame = simulated_trial(300, 1, same_for_all).assign(shop=np.arange(300) // 10)
    with pytest.raises(InvalidInput, match="sit in both arms"):
        judge(frame, unit="shop")


@pytest.fixture(scope="module")
def mails(data_dir: Callable[[str], Path]) -> dict[str, UpliftResult]:
    frame = pd.read_csv(data_dir("hillstrom") / "hillstrom.csv")
    return {
        arm: uplift_report(
            frame,
            arm="segment",
            control="No E-Mail",
            treatment=arm,
            outcome="visit",
            covariates=(
                *("recency", "history_segment", "history", "mens", "womens"),
                *("zip_code", "newbie", "channel"),
            ),
            randomised="published: a third of the customers per arm",
            folds=2,
            draws=40,
        )
        for arm in ("Womens E-Mail", "Mens E-Mail")
    }


def test_the_womens_mail_of_a_real_test_helps_some_more(mails: dict[str, UpliftResult]) -> None:
    found = mails["Womens E-Mail"]
    assert found.verdict == "usable heterogeneity"
    assert 0.045 <= found.chosen.qini.value <= 0.078
    assert found.against_response == "better"


def test_a_rule_is_as_good_for_the_womens_mail(mails: dict[str, UpliftResult]) -> None:
    found = mails["Womens E-Mail"]
    assert found.one_variable_rule.rule == "womens = 1 first"
    assert found.against_rule != "better"


def test_nothing_is_claimed_for_the_mens_mail(mails: dict[str, UpliftResult]) -> None:
    assert mails["Mens E-Mail"].verdict == "no usable heterogeneity"


def test_the_real_draw_looks_random(mails: dict[str, UpliftResult]) -> None:
    assert all(found.balance.outcome == "as expected" for found in mails.values())
