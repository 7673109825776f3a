"""What inner validation looked at, as child runs and as a table: nothing tried goes uncounted."""

import json
import re
from collections.abc import Mapping

from training.blend import Plan, Tried
from training.run_record import RunRecord
from training.search import Trial
from training.trees import CHECKPOINTS

LOSS = "held_out_log_loss"
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


def trials_of(tried: Tried, plan: Plan) -> dict[str, RunRecord]:
    """Give one record per shape of trees, its loss over the number of trees; one per other choice.

    Every loss is of held-out training rows, lower is better; the test set has no part in it.
    """
    records = {
        f"shape {k + 1}: {each.shape.leaves} leaves at {each.shape.learning_rate:g}": _shape(
            each, chosen=each.shape == plan.shape
        )
        for k, each in enumerate(tried.trials)
    }
    for title, found, chosen in (
        ("curves by penalty", {f"{k:g}": loss for k, loss in tried.penalties.items()}, ""),
        ("blends", tried.blends, ""),
        ("calibrations", tried.calibrations, plan.calibration),
    ):
        if found:
            records[title] = _choice(found, chosen)
    return records


def search_table(tried: Tried, plan: Plan) -> str:
    """Give every configuration with its held-out log loss as JSON; `chosen` is the plan."""
    rows = [
        {"kind": "trees", **each.shape._asdict(), "trees": trees, LOSS: loss}
        for each in tried.trials
        for trees, loss in zip(CHECKPOINTS, each.losses, strict=True)
    ]
    rows += [{"kind": "penalty", "name": f"{k:g}", LOSS: v} for k, v in tried.penalties.items()]
    rows += [{"kind": "blend", "name": name, LOSS: v} for name, v in tried.blends.items()]
    rows += [
        {"kind": "calibration", "name": name, LOSS: v} for name, v in tried.calibrations.items()
    ]
    chosen = {**plan._asdict(), "shape": plan.shape._asdict()}
    told = {"configurations_tried": len(rows), "chosen": chosen, "tried": rows}
    return json.dumps(told, indent=1)


def _shape(trial: Trial, *, chosen: bool) -> RunRecord:
    trees, loss = trial.best
    return RunRecord(
        digest="",
        parameters={f"trees_{name}": str(value) for name, value in trial.shape._asdict().items()}
        | {"trees": str(trees)},
        metrics={f"best_{LOSS}": loss, "configurations_tried": float(len(trial.losses))},
        tags={"choice": "trees", "chosen": str(chosen).lower()},
        series={LOSS: tuple(zip(CHECKPOINTS, trial.losses, strict=True))},
    )


def _choice(found: Mapping[str, float], chosen: str) -> RunRecord:
    best = min(found, key=lambda name: found[name])
    return RunRecord(
        digest="",
        parameters={"best": best} | ({"chosen": chosen} if chosen else {}),
        metrics={f"{LOSS}_{_NOT_A_NAME.sub('_', name)}": loss for name, loss in found.items()}
        | {f"best_{LOSS}": found[best], "configurations_tried": float(len(found))},
        tags={"choice": "other"},
    )
