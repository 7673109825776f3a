"""Why a score is what it is: each feature's own share of the log-odds, largest first.

Shares come from `RiskModel.predict`: tree shares are exact Shapley values (Lundberg et al. 2020,
LightGBM's `pred_contrib`), curve shares are the curves themselves around their mean; both are
weighted as in the blend, so that base + shares = log-odds within 1e-9.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from training.model import Matrix, RiskModel, Vector

_CHUNK_ROWS = 8192


class Reason(NamedTuple):
    """One feature's part in one score; `contribution` in log-odds, above 0 raises the risk."""

    feature: str
    value: float | None
    contribution: float
    text: str


class GlobalShare(NamedTuple):
    """How much a feature moves scores on the whole: mean |contribution| in log-odds."""

    feature: str
    mean_abs: float


Sentence = Callable[[str, float | None], str]


def plain_sentence(feature: str, value: float | None) -> str:
    """Words for a feature that has no sentence of its own."""
    name = feature.replace("_", " ")
    return f"{name} is not known" if value is None else f"{name} is {value:g}"


def top_reasons(
    names: Sequence[str],
    values: Vector,
    contributions: Vector,
    k: int,
    sentence: Sentence = plain_sentence,
) -> tuple[Reason, ...]:
    """The k features of one row, `values` and `contributions` (k_features,), that moved it most.

    Ties keep the order of the columns; features that moved nothing are no reasons.
    """
    order = np.argsort(-np.abs(contributions), kind="stable")[: max(0, k)]
    reasons = []
    for j in order:
        if contributions[j] == 0.0:
            break
        value = None if np.isnan(values[j]) else float(values[j])
        text = sentence(names[j], value)
        reasons.append(Reason(names[j], value, float(contributions[j]), text))
    return tuple(reasons)


def global_shares(
    model: RiskModel, names: Sequence[str], values: Matrix
) -> tuple[GlobalShare, ...]:
    """Every feature with its mean absolute contribution over `values` (n, k), largest first."""
    total = np.zeros(len(names))
    for begin in range(0, len(values), _CHUNK_ROWS):
        scores = model.predict(values[begin : begin + _CHUNK_ROWS])
        total += np.abs(scores.contributions).sum(axis=0)
    mean = total / max(1, len(values))
    order = np.argsort(-mean, kind="stable")
    return tuple(GlobalShare(names[j], float(mean[j])) for j in order)
