"""Someone else's scores beside ours, on the same people at the same instant."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from governance.candidates import find_model
from governance.errors import InsufficientData, InvalidInput
from governance.intervals import Interval
from serving.bootstrap import Keepwell
from serving.champions import open_bundle
from training.evaluate import auc, auc_difference, measure
from training.extract import extract

FEWEST_PEOPLE = 50
SUSPICIOUS_AUC = 0.97
_SCORE_COLUMNS = ("probability", "score")

Floats = NDArray[np.float64]


class Comparison(NamedTuple):
    """Both on the same `n` test customers of our model; `difference` is theirs − ours in AUC.

    `theirs` and `ours` have the shape of `test` in `train --json`; scores that are no probabilities
    have an AUC alone. `verdict` says who ranks better, or that a leak is suspected, and why.
    """

    n: int
    as_of: datetime
    model_digest: str
    theirs: dict[str, Any]
    ours: dict[str, Any]
    difference: Interval
    verdict: str


def compare(
    keepwell: Keepwell,
    file: Path,
    *,
    model: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Lay the scores in `file` (customer_id, and probability or score) beside a model of ours.

    On those of our model's test customers whom the file scores. Raises `InvalidInput` for a file
    without these columns or with a customer twice, `InsufficientData` for too few people.
    """
    given = _read(keepwell, file)
    with keepwell.database.read() as conn:
        facts = find_model(conn, model).facts
        target = keepwell.target(facts.target, horizon_days=facts.horizon_days)
        test = extract(
            conn,
            keepwell.registry,
            keepwell.store,
            target,
            test_as_of=facts.test.as_of,
            split_file=None,
            exclude=(),
            features=keepwell.features,
            seed=facts.seed,
            now=now,
            progress=progress,
        ).test
    bundle = open_bundle(keepwell.home, facts.model_digest).model
    known = np.array([customer in given for customer in test.customers], np.bool_)
    if known.sum() < FEWEST_PEOPLE:
        raise InsufficientData(
            f"{file.name} scores {int(known.sum())} of {len(test)} test customers, at least "
            f"{FEWEST_PEOPLE} are needed",
            hint=f"score the customers known at {facts.test.as_of:%Y-%m-%d}",
        )
    columns = [test.names.index(name) for name in bundle.names]
    ours = bundle.predict(np.ascontiguousarray(test.values[known][:, columns])).probability
    theirs = np.array([given[customer] for customer in test.customers[known]])
    y = test.y[known]
    difference = auc_difference(y, theirs, ours)
    random = np.random.default_rng(facts.seed)
    return Comparison(
        n=len(y),
        as_of=facts.test.as_of,
        model_digest=facts.model_digest,
        theirs=_figures(facts.test.as_of, y, theirs, random),
        ours=measure(facts.test.as_of, y, ours, random).to_json(),
        difference=difference,
        verdict=_verdict(auc(y, theirs), difference),
    )


def _read(keepwell: Keepwell, file: Path) -> dict[str, float]:
    try:
        table = pq.read_table(file)
    except (OSError, pa.ArrowInvalid):
        raise InvalidInput(f"{file.name} cannot be read as Parquet") from None
    score = next((name for name in _SCORE_COLUMNS if name in table.column_names), None)
    if score is None or "customer_id" not in table.column_names:
        raise InvalidInput(
            f"{file.name} has the columns {', '.join(table.column_names)}",
            hint="needed are customer_id, and probability or score",
        )
    customers = [keepwell.inside_id(str(each)) for each in table["customer_id"].to_pylist()]
    try:
        values = table[score].cast(pa.float64()).to_pylist()
    except pa.ArrowInvalid:
        raise InvalidInput(f"{score} in {file.name} is not a number") from None
    found = {c: v for c, v in zip(customers, values, strict=True) if v is not None and v == v}
    if len(set(customers)) != len(customers):
        raise InvalidInput(
            f"{file.name} scores some customers more than once", hint="give each customer once"
        )
    return found


def _figures(
    as_of: datetime, y: Floats, scores: Floats, random: np.random.Generator
) -> dict[str, Any]:
    if scores.min() >= 0 and scores.max() <= 1:
        return measure(as_of, y, scores, random).to_json()
    return {"n": len(y), "positives": int(y.sum()), "auc": auc(y, scores).to_json()}


def _verdict(theirs: Interval, difference: Interval) -> str:
    if theirs.value >= SUSPICIOUS_AUC and difference.low > 0:
        return (
            f"leak suspected: an AUC of {theirs.value:.3f} is hardly possible for the future; look "
            "for something in these scores that was known only afterwards"
        )
    if difference.low > 0:
        return "theirs rank better"
    if difference.high < 0:
        return "ours rank better"
    return "not distinguishable"
