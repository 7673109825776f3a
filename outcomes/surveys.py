"""Answers to surveys, one per person, as arrays."""

import json
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from features.surveys import complete_survey

Floats = NDArray[np.float64]


class Answers(NamedTuple):
    """Each person's newest answer, arrays of shape `(n,)`.

    `low` and `high` are the ends of the scale it was given on; `threshold` is NaN where none was
    stated; `polarity` is that of the instrument.
    """

    customer: NDArray[np.int64]
    score: Floats
    low: Floats
    high: Floats
    threshold: Floats
    polarity: str


def newest_answers(histories: Histories, instrument: str, inside: NDArray[np.bool_]) -> Answers:
    """Give the newest answer to `instrument` of each customer among the events `inside` (n,)."""
    rows = np.flatnonzero(inside & histories.kind_mask("survey") & np.isfinite(histories.value))
    newest: dict[int, tuple[float, float, float, float]] = {}
    polarity = ""
    texts = histories.pick("properties", rows)
    values = histories.value[rows]
    owners = histories.customer_of_event[rows]
    for owner, value, text in zip(owners, values, texts, strict=True):  # in order of time
        stated = complete_survey(json.loads(text) if text else {})
        if stated.get("instrument") != instrument:
            continue
        scale = stated.get("scale")
        low, high = scale if isinstance(scale, list) and len(scale) == 2 else (np.nan, np.nan)
        threshold = stated.get("threshold")
        limit = float(threshold) if isinstance(threshold, int | float) else np.nan
        newest[int(owner)] = (float(value), float(low), float(high), limit)
        polarity = str(stated.get("polarity", ""))
    table = np.array(list(newest.values()), np.float64).reshape(-1, 4)
    return Answers(
        customer=np.array(list(newest), np.int64),
        score=table[:, 0],
        low=table[:, 1],
        high=table[:, 2],
        threshold=table[:, 3],
        polarity=polarity,
    )
