"""Uplift from a file: reads the experiment, checks the sizes of its arms, and has it judged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from governance.errors import InsufficientData, InvalidInput
from outcomes.experiment.table import Table, numeric_outcome, read_table
from outcomes.randomised.lift import SampleRatio, sample_ratio
from training.uplift.report import UpliftResult, uplift_report


class FileUplift(NamedTuple):
    """The judgement, the sizes of the arms against what was intended, and what was looked at."""

    found: UpliftResult
    sample_ratio: SampleRatio | None
    covariates: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the document of `experiment uplift --json`."""
        return {
            **self.found.to_json(),
            "sample_ratio": None if self.sample_ratio is None else self.sample_ratio._asdict(),
            "covariates": list(self.covariates),
        }


def uplift_of_file(
    path: Path,
    *,
    arm: str,
    control: str,
    treatment: str | None,
    outcome: str,
    covariates: Sequence[str] = (),
    known_before: bool = False,
    leave_out: Sequence[str] = (),
    unit: str | None = None,
    treated_share: float = 0.5,
    randomised: str = "",
    folds: int = 5,
    seed: int = 0,
    draws: int = 300,
) -> FileUplift:
    """Judge the experiment in `path` (CSV, Parquet or JSON lines), one row per person.

    What was known before the draw must be said: `covariates` names it, or `known_before` states it
    of every column that is neither arm, outcome, unit nor in `leave_out`. `treated_share` is the
    share that the draw was to treat, of the two arms. Raises `InvalidInput` when it is not said,
    when several treatments are there and none is named, and what `uplift_report` raises.
    """
    named = [arm, outcome, *covariates, *leave_out, *([unit] if unit else [])]
    table = read_table(path, named)
    if not covariates:
        table = read_table(path)
    others = [c for c in table.columns.column_names if c not in (arm, outcome, unit, *leave_out)]
    if not covariates and not known_before:
        raise InvalidInput(
            f"nobody said which columns were known before the draw; there are {', '.join(others)}",
            hint="name them with --covariate; or say --known-before and leave out with "
            "--leave-out what came after (other outcomes) and ids",
        )
    looked_at = tuple(dict.fromkeys(covariates)) or tuple(others)
    drawn = table.texts(arm)
    treatment = treatment or _only_treatment(drawn, arm, control)
    ratio = _arm_sizes(table, drawn, unit, control, treatment, treated_share)
    found = uplift_report(
        _frame(table, arm, outcome, looked_at, unit),
        arm=arm,
        control=control,
        treatment=treatment,
        outcome=outcome,
        covariates=looked_at,
        unit=unit,
        randomised=randomised.strip(),
        arms_as_drawn=ratio is None or ratio.outcome != "mismatch",
        folds=folds,
        seed=seed,
        draws=draws,
    )
    return FileUplift(found, ratio, looked_at)


def _only_treatment(drawn: NDArray[np.str_], arm: str, control: str) -> str:
    others = sorted({str(name) for name in np.unique(drawn)} - {"", control})
    if not others:
        raise InsufficientData(
            f"everybody in {arm!r} is in the control {control!r}, two arms are needed",
            hint="without people who were treated nothing can be said about an effect",
        )
    if len(others) > 1:
        raise InvalidInput(
            f"{arm!r} holds {len(others)} treatments beside {control!r}: {', '.join(others[:10])}",
            hint="name one of them with --treatment",
        )
    return others[0]


def _arm_sizes(
    table: Table,
    drawn: NDArray[np.str_],
    unit: str | None,
    control: str,
    treatment: str,
    treated_share: float,
) -> SampleRatio | None:
    """Compare the two arms' sizes with the intended share; None while an arm is empty."""
    if not 0 < treated_share < 1:
        raise InvalidInput(
            f"the treated share is {treated_share:g}, must lie between 0 and 1",
            hint="--treated-share 0.9 means that nine of ten were to be treated",
        )
    units = np.arange(len(drawn)) if unit is None else table.texts(unit)
    counts = {name: len(np.unique(units[drawn == name])) for name in (treatment, control)}
    if min(counts.values()) == 0 or control == treatment:
        return None
    return sample_ratio(counts, {treatment: treated_share, control: 1 - treated_share})


def _frame(
    table: Table, arm: str, outcome: str, covariates: Sequence[str], unit: str | None
) -> pd.DataFrame:
    """Make a frame: the outcome as numbers, moments as such, words with gaps where missing."""
    columns: dict[str, Any] = {name: _column(table, name) for name in covariates}
    columns |= {name: _words(table, name) for name in (arm, unit) if name is not None}
    columns[outcome] = numeric_outcome(table, outcome)
    return pd.DataFrame(columns)


def _column(table: Table, name: str) -> Any:
    if table.is_number(name):
        return table.numbers(name)
    kind = table.columns[name].type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return table.columns[name].cast(pa.timestamp("us")).to_pandas()
    return _words(table, name)


def _words(table: Table, name: str) -> "pd.Series[Any]":
    words = pd.Series(table.texts(name).astype(object))
    return words.where(words != "")
