"""The record of a back-test: each test, their figures brought together, and what the season did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval
from governance.model.card import TestResult
from governance.model.evaluation import Paired, Season
from training.evaluation.calibration_error import calibration_error
from training.evaluation.pool import Pooled
from training.model import Vector

FIGURES = ("auc", "average_precision", "log_loss", "brier", "ece", "lift_at_10")
_UNBOUNDED = ("log_loss", "lift_at_10")
Pool = Callable[[Sequence[Interval]], Pooled]


class Origin(NamedTuple):
    """One test of the back-test: a model fitted anew, beside the baselines on the same people.

    `name` is the origin's date, or repeat and fold of a snapshot. `rows` and `cutoffs` tell of the
    training.
    """

    name: str
    rows: int
    cutoffs: int
    test: TestResult
    baselines: Mapping[str, TestResult]
    paired: Mapping[str, Paired]
    season: Season

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        return {
            "name": self.name,
            "rows": self.rows,
            "cutoffs": self.cutoffs,
            "test": self.test.to_json(),
            "baselines": {name: found.to_json() for name, found in self.baselines.items()},
            "differences": {
                name: {f: i.to_json() for f, i in each._asdict().items()}
                for name, each in self.paired.items()
            },
            "base_rate_in_training": self.rate_in_training,
            "base_rate_in_test": self.season.test.rate.to_json(),
            "observed_minus_predicted": self.season.gap.to_json(),
            "season_shifted": self.season.shifted,
        }

    @property
    def rate_in_training(self) -> float | None:
        """Share of the training rows for which the outcome came true."""
        people = sum(each.n for each in self.season.training)
        hits = sum(each.n * each.rate.value for each in self.season.training)
        return hits / people if people else None


class Tested(NamedTuple):
    """An origin with the rows behind it: whose they are, outcomes and our scores, all (n,)."""

    origin: Origin
    customers: NDArray[np.int64]
    y: Vector
    probability: Vector


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """All tests, and their figures brought together.

    `pooled`: each figure over the tests; its `ece` is over all their rows together. `baselines`:
    the same for each baseline; `differences`: this model minus each, in AUC, log loss and Brier.
    `official_test` was left alone unless `includes_official`. `said` puts the method into words,
    `season` the shift of the level; `skipped` names origins that could not be tested, and why.
    """

    target: str
    horizon_days: int
    origins: tuple[Origin, ...]
    pooled: Mapping[str, Pooled]
    baselines: Mapping[str, Mapping[str, Pooled]]
    differences: Mapping[str, Mapping[str, Pooled]]
    official_test: str
    includes_official: bool
    skipped: tuple[str, ...]
    said: str
    season: str

    def to_json(self, *, seconds: float, mlflow_run_id: str) -> dict[str, Any]:
        """Give plain JSON, as `keepwell backtest --json` prints it."""
        return {
            "target": self.target,
            "horizon_days": self.horizon_days,
            "said": self.said,
            "official_test": self.official_test,
            "includes_official": self.includes_official,
            "origins": [each.to_json() for each in self.origins],
            "skipped": list(self.skipped),
            "pooled": _json(self.pooled),
            "baselines": {name: _json(each) for name, each in self.baselines.items()},
            "differences": {name: _json(each) for name, each in self.differences.items()},
            "season": self.season,
            "mlflow_run_id": mlflow_run_id,
            "seconds": round(seconds, 2),
        }


def pooled_figures(tested: Sequence[Tested], pool: Pool, *, seed: int) -> dict[str, Pooled]:
    """Bring every figure of the model together; the calibration error over all rows at once."""
    found = {
        name: _possible(name, pool([each.origin.test.interval(name) for each in tested]))
        for name in FIGURES
    }
    together = calibration_error(
        np.concatenate([each.y for each in tested]),
        np.concatenate([each.probability for each in tested]),
        np.concatenate([each.customers for each in tested]),
        seed=seed,
    )
    spread = found["ece"].spread
    found["ece"] = Pooled(together.value, together.low, together.high, spread, len(tested))
    return found


def pooled_baselines(tested: Sequence[Tested], pool: Pool) -> dict[str, dict[str, Pooled]]:
    """Bring every figure of each baseline together that was there at every origin."""
    return {
        name: {
            figure: _possible(
                figure, pool([each.origin.baselines[name].interval(figure) for each in tested])
            )
            for figure in FIGURES
        }
        for name in _everywhere(tested)
    }


def pooled_differences(tested: Sequence[Tested], pool: Pool) -> dict[str, dict[str, Pooled]]:
    """Bring together how the model stands to each baseline, in AUC, log loss and Brier."""
    return {
        name: {
            figure: pool([getattr(each.origin.paired[name], figure) for each in tested])
            for figure in Paired._fields
        }
        for name in _everywhere(tested)
    }


def season_words(origins: Sequence[Origin]) -> str:
    """Say whether the level moved between training and test, and when by how much."""
    moved = [each for each in origins if each.season.shifted]
    if not moved:
        return (
            "no season shift: at no test did observed and predicted shares differ by more than 2 "
            "points beyond chance"
        )
    told = ", ".join(
        f"{100 * each.season.gap.value:+.1f} points [{100 * each.season.gap.low:+.1f}, "
        f"{100 * each.season.gap.high:+.1f}] at {each.name}"
        for each in moved
    )
    return (
        f"season shift: at {len(moved)} of {len(origins)} tests the outcome was more or less "
        f"frequent than predicted ({told}); the order of customers may stand, their probabilities "
        "are off when the season turns"
    )


def _possible(figure: str, found: Pooled) -> Pooled:
    """Bounds no lower than 0 and, but for log loss and lift, no higher than 1."""
    most = float("inf") if figure in _UNBOUNDED else 1.0
    return found._replace(low=max(found.low, 0.0), high=min(found.high, most))


def _everywhere(tested: Sequence[Tested]) -> list[str]:
    return [
        name
        for name in tested[0].origin.baselines
        if all(name in each.origin.baselines for each in tested)
    ]


def _json(figures: Mapping[str, Pooled]) -> dict[str, dict[str, float | int]]:
    return {name: each._asdict() for name, each in figures.items()}
