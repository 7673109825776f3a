"""Someone else's scores beside ours, on the same people at the same instant."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.dataset import Dataset
from governance.errors import InsufficientData, InvalidInput
from governance.instants import to_text
from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.review.candidates import find_model
from serving.bootstrap import Keepwell
from serving.foreign_scores import read_scores
from serving.scoring.champions import open_bundle
from training.bundle import LoadedModel
from training.evaluation.evaluate import (
    auc,
    auc_difference,
    brier_difference,
    log_loss_difference,
    measure_on,
    rank_figures,
)
from training.evaluation.resample import Resamples, resamples_of
from training.evaluation.signs import Sign, signs_of_a_leak
from training.extract import extract

FEWEST_PEOPLE = 50
_WITH_BOUNDS = ("auc", "average_precision")
_BY_FILE = "as a file says"

Floats = NDArray[np.float64]


class Comparison(NamedTuple):
    """Both on the same `n` test customers of our model.

    `theirs` and `ours`: figures with their intervals; scores that are no probabilities have those
    of ranking alone. `differences` are theirs − ours, paired; `signs` every sign of a leak that was
    looked for. `unknown_ids` were scored but are not test customers, `not_scored` the reverse.
    """

    n: int
    positives: int
    as_of: datetime
    model_digest: str
    theirs: Mapping[str, Interval]
    ours: Mapping[str, Interval]
    differences: Mapping[str, Interval]
    signs: tuple[Sign, ...]
    unknown_ids: int
    not_scored: int
    verdict: str

    @property
    def leak(self) -> bool:
        """Whether a leak is suspected."""
        return any(sign.outcome == "suspicious" for sign in self.signs)

    def to_json(self) -> dict[str, Any]:
        """Give `theirs` and `ours` in the shape of `test` in `train --json`."""
        return {
            "n": self.n,
            "as_of": to_text(self.as_of),
            "model_digest": self.model_digest,
            "theirs": self._figures(self.theirs),
            "ours": self._figures(self.ours),
            "difference": self.differences["auc"].to_json(),
            "differences": {name: each.to_json() for name, each in self.differences.items()},
            "signs": [sign._asdict() for sign in self.signs],
            "unknown_ids": self.unknown_ids,
            "not_scored": self.not_scored,
            "verdict": self.verdict,
        }

    def _figures(self, found: Mapping[str, Interval]) -> dict[str, Any]:
        plain: dict[str, Any] = {
            "as_of": to_text(self.as_of),
            "n": self.n,
            "positives": self.positives,
        }
        for name, each in found.items():
            plain[name] = each.to_json() if name in _WITH_BOUNDS else each.value
        others = {name: each for name, each in found.items() if name not in _WITH_BOUNDS}
        return plain | {"intervals": {name: each.to_json() for name, each in others.items()}}


def compare(
    keepwell: Keepwell,
    file: Path,
    *,
    model: str,
    split_file: Path | None = None,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Lay the scores in `file` (customer_id, and probability or score) beside a model of ours.

    On those of our model's test customers whom the file scores. `split_file` is the one our model
    was trained with, if it was. Raises `InvalidInput` for a file that cannot be read as such,
    `InsufficientData` for too few people.
    """
    given = read_scores(file, inside_id=keepwell.inside_id)
    facts, test = _test_rows(keepwell, model, split_file, now, progress)
    bundle = open_bundle(keepwell.home, facts.model_digest).model
    known = np.array([customer in given.values for customer in test.customers], np.bool_)
    unknown = len(given.values) - int(known.sum())
    if known.sum() < FEWEST_PEOPLE:
        raise InsufficientData(
            f"{file.name} scores {int(known.sum())} of {len(test)} test customers, at least "
            f"{FEWEST_PEOPLE} are needed; {unknown} ids in it are not among them",
            hint=f"score the customers known at {facts.test.as_of:%Y-%m-%d}",
        )
    shared = test.take(known)
    ours = bundle.predict(_columns(shared, bundle)).probability
    theirs = np.array([given.values[customer] for customer in shared.customers])
    drawn = resamples_of(shared.customer_index, seed=facts.seed)
    signs = signs_of_a_leak(
        shared.y, theirs, ours, shared.values, shared.definitions, shared.target.event_kind
    )
    differences = _differences(shared.y, theirs, ours, probabilities=given.are_probabilities)
    figures = _figures(facts, shared.y, theirs, drawn, probabilities=given.are_probabilities)
    return Comparison(
        n=len(shared),
        positives=int(shared.y.sum()),
        as_of=facts.test.as_of,
        model_digest=facts.model_digest,
        theirs=figures,
        ours=_figures(facts, shared.y, ours, drawn, probabilities=True),
        differences=differences,
        signs=signs,
        unknown_ids=unknown,
        not_scored=int((~known).sum()),
        verdict=_verdict(signs, figures["auc"], differences),
    )


def _test_rows(
    keepwell: Keepwell,
    model: str,
    split_file: Path | None,
    now: datetime,
    progress: Callable[[str], None],
) -> tuple[ModelFacts, Dataset]:
    """The facts of our model and the rows it was tested on, with every feature."""
    with keepwell.database.read() as conn:
        facts = find_model(conn, model).facts
        if split_file is None and facts.split.endswith(_BY_FILE):
            raise InvalidInput(
                "our model was tested on the customers that a split file named",
                hint="give that file again with --split",
            )
        target = keepwell.target(facts.target, horizon_days=facts.horizon_days)
        found = extract(
            conn,
            keepwell.registry,
            keepwell.store,
            target,
            test_as_of=facts.test.as_of,
            split_file=split_file,
            inside_id=keepwell.inside_id,
            exclude=(),
            features=keepwell.features,
            seed=facts.seed,
            now=now,
            progress=progress,
        )
    return facts, found.test


def _columns(rows: Dataset, bundle: LoadedModel) -> Floats:
    gone = [name for name in bundle.names if name not in rows.names]
    if gone:
        raise InvalidInput(
            f"our model needs {gone[0]}, which these customers have no longer",
            hint="train again on today's data, then compare",
        )
    return np.ascontiguousarray(rows.values[:, [rows.names.index(name) for name in bundle.names]])


def _figures(
    facts: ModelFacts, y: Floats, scores: Floats, drawn: Resamples, *, probabilities: bool
) -> Mapping[str, Interval]:
    if not probabilities:
        ranked = rank_figures(y, scores, drawn)
        return {
            "auc": auc(y, scores),
            "average_precision": ranked.average_precision,
            "lift_at_10": ranked.lift,
        }
    found = measure_on(facts.test.as_of, y, scores, drawn)
    names = (*_WITH_BOUNDS, "log_loss", "brier", "ece", "lift_at_10")
    return {name: found.interval(name) for name in names}


def _differences(
    y: Floats, theirs: Floats, ours: Floats, *, probabilities: bool
) -> Mapping[str, Interval]:
    found = {"auc": auc_difference(y, theirs, ours)}
    if probabilities:
        found["log_loss"] = log_loss_difference(y, theirs, ours)
        found["brier"] = brier_difference(y, theirs, ours)
    return found


def _verdict(signs: tuple[Sign, ...], theirs: Interval, differences: Mapping[str, Interval]) -> str:
    found = [f"{sign.name}: {sign.text}" for sign in signs if sign.outcome == "suspicious"]
    if found:
        return f"leak suspected: {'; '.join(found)}"
    area = differences["auc"]
    said = "not distinguishable"
    if area.low > 0:
        said = "theirs rank better"
    elif area.high < 0:
        said = "ours rank better"
    if theirs.low <= 0.5 <= theirs.high:
        return f"theirs are not distinguishable from chance: AUC {theirs}; {said}"
    loss = differences.get("log_loss")
    if loss is None or not loss.excludes_zero:
        return said
    better = "theirs" if loss.high < 0 else "ours"
    return f"{said}; as probabilities {better} are better: log loss {loss.value:+.4f}"
