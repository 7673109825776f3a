"""A new model beside the signed one on the same test rows, and whether it is proposed.

A model that serves was read, signed and explained to people; another takes its place only when it
is shown to be better, or as good and simpler. Anything else is noise of the draw.
"""

import re
from collections.abc import Sequence
from datetime import UTC, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.dataset import Dataset
from governance.errors import KeepwellError
from governance.instants import DAY_US, from_micros, parse_instant, to_micros
from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.model.evaluation import ChampionResult, Paired, Proposal
from training.bundle import LoadedModel, load
from training.evaluation.evaluate import auc_difference, brier_difference, log_loss_difference
from training.evaluation.resample import Vector
from training.model import Matrix, RiskModel

SIMPLER = 0.9
_STANDARD_ERRORS = 2 * 1.959963984540054  # in a 95 % interval
_LEAVES = re.compile(r"^num_leaves=(\d+)$", re.MULTILINE)
_AT_RANDOM = "at random (seed"
_NAMED = 3
_MEANING = (
    *("kinds", "aggregate", "window_days", "column", "where", "parameter", "empty", "of"),
    "function",
)
"""What of a definition decides its values; its words may change, categories are told by name."""


class Rival(NamedTuple):
    """The signed model of a target; `model` is None, with the `problem`, where it does not load."""

    facts: ModelFacts
    model: LoadedModel | None
    problem: str = ""


def rival_of(facts: ModelFacts | None, bundles: Path) -> Rival | None:
    """Load the signed model that `facts` tell of from the home's bundles; None for None."""
    if facts is None:
        return None
    digest = facts.model_digest
    try:
        return Rival(facts, load(bundles / digest, expected_digest=digest))
    except KeepwellError as error:
        return Rival(facts, None, str(error))


def challenge(
    rival: Rival | None, wide: Dataset, probability: Vector, *, horizon_days: int, split: str
) -> ChampionResult | None:
    """Compare on the test rows, or say why that cannot be; None without a signed model.

    `wide`: the test rows with every feature that was computed. `probability` (n,): ours. `split`
    says how test rows were chosen.
    """
    if rival is None:
        return None
    digest = rival.facts.model_digest
    reason = _why_not(rival, wide, horizon_days, split)
    if rival.model is None or reason:
        return ChampionResult(digest, None, None, f"not comparable: {reason}")
    theirs = rival.model.model.probability(_values(rival.model, wide))
    return ChampionResult(
        digest, paired(wide, probability, theirs), complexity(rival.model.model), ""
    )


def paired(test: Dataset, probability: Vector, other: Vector) -> Paired:
    """Differences of two scores of the test rows, with intervals that count customers."""
    groups = test.customer_index if _repeats(test) else None
    return Paired(
        auc_difference(test.y, probability, other, groups=groups),
        log_loss_difference(test.y, probability, other, groups=groups),
        brier_difference(test.y, probability, other, groups=groups),
    )


def complexity(model: RiskModel) -> int:
    """How much there is to read in a model: splits of its trees plus bends of its curves."""
    splits = 0
    if model.trees is not None:
        text = model.trees.model_to_string(num_iteration=-1)
        splits = sum(int(leaves) - 1 for leaves in _LEAVES.findall(text))
    bends = 0 if model.additive is None else int(np.count_nonzero(model.additive.rise))
    return splits + bends


def propose(result: ChampionResult | None, *, model_digest: str, complexity_here: int) -> Proposal:
    """Propose a model that is shown to be better than the signed one, or as good and simpler.

    Better: the 95 % interval of the paired difference in log loss lies below 0 and AUC is not
    shown to be lower, or that of AUC lies above 0 and log loss is not shown to be higher. As good:
    neither is worse by more than one standard error of the paired difference. Simpler: at least a
    tenth fewer splits and bends. The first model of a target has nothing to be better than.
    """
    here = complexity_here
    if result is None:
        return Proposal("first", "no model of this target is signed", here)
    name = f"the signed model {result.model_digest[:12]}"
    if result.model_digest == model_digest:
        return Proposal("keep_champion", f"this is {name}, the very same bytes", here)
    found = result.difference
    if found is None:
        return Proposal(
            "keep_champion", f"not shown to be better than {name}: {result.reason}", here
        )
    told = f"log loss {_signed(found.log_loss)}, AUC {_signed(found.auc)}"
    if found.log_loss.high < 0 and found.auc.high >= 0:
        return Proposal("propose", f"better than {name} on the same people: {told}", here)
    if found.auc.low > 0 and found.log_loss.low <= 0:
        return Proposal("propose", f"ranks better than {name} on the same people: {told}", here)
    as_good = _error(found.log_loss) >= found.log_loss.value and (
        _error(found.auc) >= -found.auc.value
    )
    there = result.complexity or 0
    if as_good and here <= SIMPLER * there:
        return Proposal(
            "propose",
            f"as good as {name} within one standard error ({told}) and simpler: {here:,} splits "
            f"and bends, it has {there:,}",
            here,
        )
    return Proposal(
        "keep_champion",
        f"neither better than {name} by a paired interval ({told}) nor simpler at equal quality "
        f"({here:,} splits and bends, it has {there:,})",
        here,
    )


def _why_not(rival: Rival, wide: Dataset, horizon_days: int, split: str) -> str:
    facts, at = rival.facts, int(wide.as_of[0])
    if rival.model is None:
        return rival.problem
    if facts.horizon_days != horizon_days:
        return f"it looks {facts.horizon_days} days ahead, this one {horizon_days}"
    if wide.target.kind == "given":
        seen = to_micros(facts.test.as_of)
        if seen > at:
            return "it learned from a later snapshot"
        if seen == at and not (facts.split == split and _AT_RANDOM in split):
            return "it may have learned from these very customers: the split is not the same one"
    else:
        reach = [parse_instant(each, UTC) + timedelta(days=horizon_days) for each in facts.cutoffs]
        latest = max(map(to_micros, reach), default=0)
        if latest > at:
            days = (latest - at) / DAY_US
            return (
                f"its training labels reach {days:.0f} days past {from_micros(at):%Y-%m-%d}, "
                "so it learned what happened in this test"
            )
    return _missing(rival.model, wide)


def _missing(model: LoadedModel, wide: Dataset) -> str:
    here = {each.name: each.to_json() for each in wide.definitions}
    gone = [name for name in model.names if name not in here]
    if gone:
        return f"it needs {_listed(gone)}, which these customers do not have or no longer vary in"
    changed = [
        name
        for name, definition in zip(model.names, model.definitions, strict=True)
        if any(here[name][key] != definition[key] for key in _MEANING)
    ]
    return f"{_listed(changed)} is defined otherwise today" if changed else ""


def _values(model: LoadedModel, wide: Dataset) -> Matrix:
    """The model's own columns (n, k), categories numbered as it numbers them."""
    columns = []
    for name, definition in zip(model.names, model.definitions, strict=True):
        place = wide.names.index(name)
        column, names = wide.values[:, place], wide.definitions[place].categories
        its = tuple(definition["categories"])
        if names != its:
            codes = np.array([its.index(each) if each in its else np.nan for each in names])
            known = ~np.isnan(column)
            column = np.where(known, codes[np.where(known, column, 0).astype(np.int64)], np.nan)
        columns.append(column)
    return np.ascontiguousarray(np.column_stack(columns), dtype=np.float64)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _repeats(test: Dataset) -> bool:
    return len(np.unique(test.customer_index)) < len(test)


def _error(interval: Interval) -> float:
    return (interval.high - interval.low) / _STANDARD_ERRORS


def _signed(interval: Interval) -> str:
    return f"{interval.value:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"
