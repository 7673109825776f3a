"""Uplift of a real randomised e-mail test: can those be found whom a mail makes visit?"""

import time
from pathlib import Path

import pandas as pd

from benchmarks.quality_figures import Line, Table, verdict_of
from governance.intervals import Interval
from training.uplift.report import CHOSEN, UpliftResult, uplift_report

FILE = "hillstrom/hillstrom.csv"
COVARIATES = (
    "recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel",
)  # fmt: skip


def hillstrom(data_dir: Path) -> list[Table]:
    frame = pd.read_csv(data_dir / FILE)
    return [_judged(frame, arm) for arm in ("Womens E-Mail", "Mens E-Mail")]


def _judged(frame: pd.DataFrame, treatment: str) -> Table:
    began = time.perf_counter()
    found = uplift_report(
        frame,
        arm="segment",
        control="No E-Mail",
        treatment=treatment,
        outcome="visit",
        covariates=COVARIATES,
        randomised="by the author of the test, a third of the customers per arm",
    )
    low, high = found.null_band
    return Table(
        "hillstrom",
        f"who visits because of {treatment}",
        "pooled out-of-fold Qini (scikit-uplift's definition), 5 folds, against No E-Mail",
        f"{sum(found.arms.values()):,} customers",
        _lines(found),
        (
            f"verdict: {found.verdict}; {found.sentence}",
            f"without any ranking 95 % of Qini lie in [{low:.3f}, {high:.3f}]",
            *found.warnings,
        ),
        time.perf_counter() - began,
    )


def _lines(found: UpliftResult) -> tuple[Line, ...]:
    beside = found.differences[CHOSEN]
    chosen = ", ".join(
        f"{name} in {count} of {sum(found.chosen_learners.values())} folds"
        for name, count in found.chosen_learners.items()
    )
    rule = f"one-variable rule “{found.one_variable_rule.rule}”"
    return (
        Line(f"Keepwell ({chosen})", {"qini": found.chosen.qini}),
        _line("response model", found.response.qini, beside.response),
        _line(rule, found.one_variable_rule.ranking.qini, beside.one_variable_rule),
    )


def _line(name: str, qini: Interval, ours_minus: Interval) -> Line:
    difference = {"qini": ours_minus}
    return Line(name, {"qini": qini}, difference, verdict_of(name, difference))
