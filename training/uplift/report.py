"""Is there anybody whom a treatment helps more, and can that be used? From a table to a verdict.

Scores are pooled out of fold: people are dealt to folds by arm and outcome, and everything (sizes,
learner, rule) is chosen on the other folds alone. Intervals come from resampling people within
their arm with the scores held fixed; differences are paired.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from governance.errors import InvalidInput
from governance.intervals import Interval, as_json, mean_difference
from training.uplift.balance import Balance, check_balance
from training.uplift.folds import deal
from training.uplift.learners import LEARNERS, RESPONSE, Sample, choose, fit_learner
from training.uplift.qini import Measured, Ranking, Vector, measure, null_band
from training.uplift.rules import Candidates
from training.uplift.table import TrialRows, read_trial

CHOSEN = "chosen"
RULE = "one_variable_rule"

Verdict = Literal[
    "usable heterogeneity",
    "no usable heterogeneity",
    "verdict withheld",
    "association, not effect",
]
Compared = Literal["better", "worse", "not distinguishable"]


class RuleResult(NamedTuple):
    """The best one-variable rule: in words, in how many folds it was the one chosen, its figures.

    The figures are those of the rules chosen fold by fold; `rule` is the one chosen most often.
    """

    rule: str
    chosen_in_folds: int
    ranking: Ranking


class Beside(NamedTuple):
    """Qini of a learner minus that of the response model and of the one-variable rule, paired."""

    response: Interval
    one_variable_rule: Interval


@dataclass(frozen=True)
class UpliftResult:
    """Everything found out about one treatment against one control.

    `arms`: people per arm. `effect`: mean outcome of the treated − of the others. `learners`: each
    on its own. `chosen`: in each fold the one that inner validation preferred, by its ranks within
    the fold (`chosen_learners` counts them); the verdict is about it. `null_band`: where 95 % of
    Qini coefficients lie without any ranking. `response`: treating the likeliest to respond first.
    `differences`: of every learner. `randomised`: how the arms were drawn, as stated; empty when
    nobody said so.
    """

    outcome: str
    control: str
    treatment: str
    arms: Mapping[str, int]
    randomised: str
    arms_as_drawn: bool
    effect: Interval
    balance: Balance
    learners: Mapping[str, Ranking]
    chosen: Ranking
    chosen_learners: Mapping[str, int]
    null_band: tuple[float, float]
    response: Ranking
    one_variable_rule: RuleResult
    differences: Mapping[str, Beside]
    verdict: Verdict
    against_response: Compared
    against_rule: Compared
    sentence: str
    warnings: tuple[str, ...]
    seconds: float

    @property
    def usable(self) -> bool:
        """Whether the ranking may be used to choose whom to treat."""
        return self.verdict == "usable heterogeneity"

    @property
    def answered(self) -> bool:
        """Whether the question was answered at all, yes or no."""
        return self.verdict in ("usable heterogeneity", "no usable heterogeneity")

    def to_json(self) -> dict[str, Any]:
        """Give the document of `experiment uplift --json`."""
        return {
            "outcome": self.outcome,
            "control": self.control,
            "treatment": self.treatment,
            "arms": dict(self.arms),
            "randomised": self.randomised or None,
            "effect": self.effect.to_json(),
            "balance": {
                "outcome": self.balance.outcome,
                "auc": self.balance.auc.to_json(),
                "p_value": self.balance.p_value,
                "differing": dict(self.balance.differing),
            },
            "learners": {name: _ranking_json(found) for name, found in self.learners.items()},
            "chosen": _ranking_json(self.chosen) | {"learners": dict(self.chosen_learners)},
            "null_band": {"low": self.null_band[0], "high": self.null_band[1]},
            "response": _ranking_json(self.response),
            "one_variable_rule": {
                "rule": self.one_variable_rule.rule,
                "chosen_in_folds": self.one_variable_rule.chosen_in_folds,
                **_ranking_json(self.one_variable_rule.ranking),
            },
            "differences": {
                name: {
                    "response": each.response.to_json(),
                    RULE: each.one_variable_rule.to_json(),
                }
                for name, each in self.differences.items()
            },
            "verdict": self.verdict,
            "against_response": self.against_response,
            "against_rule": self.against_rule,
            "sentence": self.sentence,
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 1),
        }


def uplift_report(
    frame: pd.DataFrame,
    *,
    arm: str,
    control: str,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    unit: str | None = None,
    randomised: str = "",
    arms_as_drawn: bool = True,
    folds: int = 5,
    seed: int = 0,
    draws: int = 300,
) -> UpliftResult:
    """Judge whether anybody can be told apart whom `treatment` helps more than `control`.

    `frame` has one row per person; `outcome` is a number, or 1 and 0; `covariates` were known
    before anybody was assigned; `unit` names what was randomised, when that is more than a row.
    `randomised` says how the arms were drawn: without it nothing is called an effect.
    `arms_as_drawn`: whether the arms have the sizes the draw should give (the caller knows what was
    intended). `draws` resamples give the intervals and the null band.

    "usable heterogeneity" takes a chosen learner whose Qini interval lies wholly above both the
    null band and zero. A draw that looks broken withholds the verdict.

    Raises what `table.read_trial` raises, and `InvalidInput` for fewer than 2 folds or 20 draws.
    """
    began = time.monotonic()
    if folds < 2 or draws < 20:
        raise InvalidInput(f"folds == {folds} and draws == {draws}, must be >= 2 and >= 20")
    rows = read_trial(
        frame,
        arm=arm,
        control=control,
        treatment=treatment,
        outcome=outcome,
        covariates=covariates,
        unit=unit,
    )
    trial = rows.trial
    scores = _out_of_fold(rows, folds, seed)
    random = np.random.default_rng([seed, 7])
    measured = measure(trial, scores.by_name, draws=draws, rng=random)
    band = null_band(trial, draws=draws, rng=random)
    balance = check_balance(trial, rows.values, rows.covariates.origin, folds=folds, seed=seed)
    chosen = measured.ranking(CHOSEN)
    verdict = _verdict(randomised, arms_as_drawn and balance.outcome != "mismatch", chosen, band)
    beside = {name: _beside(measured, name) for name in (*LEARNERS, CHOSEN)}
    against_response = _compared(beside[CHOSEN].response)
    against_rule = _compared(beside[CHOSEN].one_variable_rule)
    rule, times = scores.rules.most_common(1)[0]
    treated = trial.treated == 1
    effect = mean_difference(trial.y[treated], trial.y[~treated])
    assert effect is not None  # every arm holds enough people
    return UpliftResult(
        outcome=outcome,
        control=control,
        treatment=treatment,
        arms={control: int((~treated).sum()), treatment: int(treated.sum())},
        randomised=randomised,
        arms_as_drawn=arms_as_drawn,
        effect=effect,
        balance=balance,
        learners={name: measured.ranking(name) for name in LEARNERS},
        chosen=chosen,
        chosen_learners=dict(scores.learners),
        null_band=band,
        response=measured.ranking(RESPONSE),
        one_variable_rule=RuleResult(rule, times, measured.ranking(RULE)),
        differences=beside,
        verdict=verdict,
        against_response=against_response,
        against_rule=against_rule,
        sentence=_sentence(verdict, against_response, against_rule, rule),
        warnings=_warnings(rows, outcome, balance, arms_as_drawn, randomised),
        seconds=time.monotonic() - began,
    )


class _Scores(NamedTuple):
    by_name: Mapping[str, Vector]
    learners: Counter[str]
    rules: Counter[str]


def _out_of_fold(rows: TrialRows, folds: int, seed: int) -> _Scores:
    """Score everybody by models and rules of the other folds."""
    trial = rows.trial
    sample = Sample(rows.values, trial.y, trial.treated, trial.is_binary)
    candidates = Candidates.of(rows.values, rows.covariates.names)
    names = (*LEARNERS, RESPONSE, CHOSEN, RULE)
    scores = {name: np.zeros(len(trial.y)) for name in names}
    learners: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    fold = deal(trial, folds, seed=seed)
    for k in range(folds):
        inside, held_out = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        training = sample.rows(inside)
        found = choose(training, trial.rows(inside).units, seed=seed)
        for name, option in found.options.items():
            score = fit_learner(name, training, option)
            scores[name][held_out] = score(sample.values[held_out])
        scores[CHOSEN][held_out] = rankdata(scores[found.learner][held_out]) / len(held_out)
        learners[found.learner] += 1
        rule = candidates.best(trial, inside)
        scores[RULE][held_out] = candidates.score(rule)[held_out]
        rules[candidates.words(rule)] += 1
    return _Scores(scores, learners, rules)


def _beside(measured: Measured, name: str) -> Beside:
    return Beside(measured.difference(name, RESPONSE), measured.difference(name, RULE))


def _verdict(randomised: str, sound: bool, chosen: Ranking, band: tuple[float, float]) -> Verdict:
    if not randomised:
        return "association, not effect"
    if not sound:
        return "verdict withheld"
    if chosen.qini.low > max(band[1], 0.0):
        return "usable heterogeneity"
    return "no usable heterogeneity"


def _compared(difference: Interval) -> Compared:
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "not distinguishable"


def _sentence(
    verdict: Verdict, against_response: Compared, against_rule: Compared, rule: str
) -> str:
    if verdict == "association, not effect":
        return (
            "nobody stated that the arms were drawn at random, so these figures tell who goes "
            "with a better outcome, not whom the treatment helps"
        )
    if verdict == "verdict withheld":
        return "the draw looks broken; find out why before believing any figure here"
    if verdict == "no usable heterogeneity":
        return "nobody can be told apart whom it helps more: treat everybody or nobody alike"
    response = {
        "better": "beats",
        "worse": "does worse than",
        "not distinguishable": "cannot be told from",
    }[against_response]
    simple = {
        "better": "It beats the best simple rule as well",
        "worse": f"The rule “{rule}” does better: use the rule",
        "not distinguishable": f"The rule “{rule}” is as good: use the rule",
    }[against_rule]
    return (
        f"some are helped more, and the model can rank them; it {response} picking whoever is "
        f"likely to respond anyway. {simple}"
    )


def _warnings(
    rows: TrialRows, outcome: str, balance: Balance, arms_as_drawn: bool, randomised: str
) -> tuple[str, ...]:
    said = []
    if not randomised:
        said.append("association, not effect: nobody stated how the arms were drawn")
    if not arms_as_drawn:
        said.append("the arms do not have the sizes the draw should give")
    if balance.outcome == "mismatch":
        said.append(
            "what was known before tells the arms apart "
            f"(AUC {balance.auc.value:.3f} [{balance.auc.low:.3f}, {balance.auc.high:.3f}]), "
            "which a random draw does not do"
        )
    said.extend(
        f"{name} differs between the arms (p = {p:.2g}): was it known before the draw?"
        for name, p in balance.differing.items()
    )
    treated, control = rows.without_outcome
    if treated + control:
        said.append(
            f"{outcome} is missing for {treated} treated and {control} others, who were left out; "
            "this biases the result if being missing depends on the arm"
        )
    if rows.covariates.left_out:
        said.append(f"not looked at: {', '.join(rows.covariates.left_out)}")
    return tuple(said)


def _ranking_json(found: Ranking) -> dict[str, dict[str, float] | None]:
    return {
        "qini": found.qini.to_json(),
        "auuc": as_json(found.auuc),
        "uplift_at_30": as_json(found.uplift_at_30),
    }
