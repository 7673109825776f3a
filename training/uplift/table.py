"""Reads the two arms of an experiment from a table, and refuses what cannot be judged."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import InsufficientData, InvalidInput
from training.uplift.covariates import Covariates, Matrix
from training.uplift.qini import Trial

LEAST_UNITS = 100
LEAST_OUTCOMES = 10


class TrialRows(NamedTuple):
    """Everyone in the two arms whose outcome is known.

    `values` (n, k) are their covariates as numbers; `frame` the same rows of the table given;
    `without_outcome`: how many of the two arms were left out because their outcome is missing,
    treated and control.
    """

    trial: Trial
    covariates: Covariates
    values: Matrix
    frame: pd.DataFrame
    without_outcome: tuple[int, int]


def read_trial(
    frame: pd.DataFrame,
    *,
    arm: str,
    control: str,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    unit: str | None = None,
) -> TrialRows:
    """Take the rows of arms `treatment` and `control`; `outcome` is a number, or 1 and 0.

    Raises `InvalidInput` for an unknown column or arm, a covariate that is the arm, the outcome or
    the unit, an outcome that is no number, a unit in both arms; `InsufficientData` for fewer than
    100 units or, of a yes/no outcome, 10 of either in an arm, and for an outcome that never varies.
    """
    _check_columns(frame, [arm, outcome, *covariates, *([unit] if unit else [])])
    for name in covariates:
        for role, column in (("arm", arm), ("outcome", outcome), ("unit", unit)):
            if name == column:
                raise InvalidInput(
                    f"{name!r} is the {role} and cannot be a covariate",
                    hint="covariates were known before anybody was assigned to an arm",
                )
    drawn = frame[arm].astype("string").fillna("").to_numpy(dtype=str)
    _check_arms(drawn, control, treatment)
    if not pd.api.types.is_numeric_dtype(frame[outcome]):
        raise InvalidInput(
            f"the outcome {outcome!r} is not a number",
            hint="an outcome is a number, or one of yes/no, true/false, 1/0",
        )
    y = frame[outcome].to_numpy(np.float64, na_value=np.nan)
    chosen = np.isin(drawn, [control, treatment])
    known = np.isfinite(y)
    missing = tuple(int((~known & (drawn == name)).sum()) for name in (treatment, control))
    rows = frame.loc[chosen & known].reset_index(drop=True)
    treated = (drawn[chosen & known] == treatment).astype(np.float64)
    trial = Trial(y[chosen & known], treated, _units(rows, unit, treated))
    _check_size(trial, control, treatment, outcome)
    learnt = Covariates.learn(rows, covariates)
    return TrialRows(trial, learnt, learnt.matrix(rows), rows, (missing[0], missing[1]))


def _check_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    known = [str(name) for name in frame.columns]
    unknown = [name for name in names if name not in known]
    if unknown:
        near = [close for name in unknown for close in get_close_matches(name, known, n=1)]
        asked = f"did you mean {', '.join(near)}? " if near else ""
        raise InvalidInput(
            f"the table has no column {', '.join(map(repr, unknown))}",
            hint=f"{asked}It has {', '.join(known)}",
        )


def _check_arms(drawn: NDArray[np.str_], control: str, treatment: str) -> None:
    found = sorted({str(name) for name in np.unique(drawn)} - {""})
    if len(found) < 2:
        raise InsufficientData(
            f"everybody is in one arm ({', '.join(found) or 'none'}), two are needed",
            hint="without people who were left alone nothing can be said about an effect",
        )
    for role, name in (("control", control), ("treatment", treatment)):
        if name not in found:
            raise InvalidInput(
                f"the {role} {name!r} is not among the {len(found)} arms: {', '.join(found[:10])}"
            )
    if control == treatment:
        raise InvalidInput(f"control and treatment are both {control!r}, they must differ")


def _units(rows: pd.DataFrame, unit: str | None, treated: NDArray[np.float64]) -> NDArray[np.int64]:
    if unit is None:
        return np.arange(len(rows), dtype=np.int64)
    nameless = int(rows[unit].isna().sum())
    if nameless:
        raise InvalidInput(f"{nameless} rows have no {unit!r}", hint="every row needs its unit")
    codes = np.unique(rows[unit].astype(str).to_numpy(dtype=str), return_inverse=True)[1]
    codes = codes.astype(np.int64)
    share = np.bincount(codes, treated) / np.maximum(np.bincount(codes), 1)
    split = int(((share > 0) & (share < 1)).sum())
    if split:
        raise InvalidInput(
            f"{split} unit(s) of {unit!r} sit in both arms",
            hint="what was randomised is the unit; name the column that was",
        )
    return codes


def _check_size(trial: Trial, control: str, treatment: str, outcome: str) -> None:
    arms = trial.unit_arms() if len(trial.y) else np.zeros(0)
    sizes = {treatment: int((arms == 1).sum()), control: int((arms == 0).sum())}
    if min(sizes.values()) < LEAST_UNITS:
        found = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InsufficientData(
            f"too few people with a known outcome ({found}), "
            f"each arm needs {LEAST_UNITS} to say whom it helps more"
        )
    if np.ptp(trial.y) == 0:
        raise InsufficientData(
            f"the outcome {outcome!r} is {trial.y[0]:g} for all {len(trial.y)} people; "
            "what never varies cannot differ between people"
        )
    if trial.is_binary:
        for name, side in ((treatment, 1.0), (control, 0.0)):
            of_arm = trial.y[trial.treated == side]
            ones = int(of_arm.sum())
            if min(ones, len(of_arm) - ones) < LEAST_OUTCOMES:
                raise InsufficientData(
                    f"{outcome!r} is 1 for {ones} of {len(of_arm)} in {name}, "
                    f"at least {LEAST_OUTCOMES} of each kind are needed"
                )
