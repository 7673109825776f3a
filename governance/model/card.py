"""Everything a training run says of itself, as one plain record; `card_page` makes it readable."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from governance.errors import InvalidInput
from governance.instants import parse_instant, to_text
from governance.intervals import Interval
from governance.model.checks import LeakCheck, Shift
from governance.model.evaluation import Evaluation
from governance.model.forecasts import CategoryResult, ValueResult

_NO_EVALUATION = Evaluation().to_json()  # of models that were trained before there was one
ECE_BINS = 15
"""Equally filled bins over which a calibration error is measured."""


@dataclass(frozen=True)
class TestResult:
    """How well scores did on people and a time that training never saw (95 % intervals).

    `auc` is the chance that someone who left was ranked above someone who stayed; `ece` the mean
    gap between predicted and observed share; `lift_at_10` how many times denser leavers are in the
    top tenth than overall. `intervals` holds those of `log_loss`, `brier`, `ece` and `lift_at_10`.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    as_of: datetime
    n: int
    positives: int
    auc: Interval
    average_precision: Interval
    log_loss: float
    brier: float
    ece: float
    lift_at_10: float
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    def interval(self, figure: str) -> Interval:
        """Give a figure with its interval; a bare point where none was measured."""
        plain: Interval | float = getattr(self, figure)
        if isinstance(plain, Interval):
            return plain
        return self.intervals.get(figure, Interval(plain, plain, plain))

    def to_json(self) -> dict[str, Any]:
        """Give the shape of the interface."""
        return {
            "as_of": to_text(self.as_of),
            "n": self.n,
            "positives": self.positives,
            "auc": self.auc.to_json(),
            "average_precision": self.average_precision.to_json(),
            "log_loss": self.log_loss,
            "brier": self.brier,
            "ece": self.ece,
            "lift_at_10": self.lift_at_10,
            "intervals": {name: found.to_json() for name, found in self.intervals.items()},
        }


@dataclass(frozen=True)
class ReliabilityBin:
    """Of `n` people with a mean predicted share `predicted`, what share left."""

    n: int
    predicted: float
    observed: Interval


@dataclass(frozen=True)
class FeatureImportance:
    """Mean absolute contribution of a feature, in log-odds, and what it says in words."""

    feature: str
    text: str
    mean_abs: float


@dataclass(frozen=True)
class GroupImportance:
    """Mean absolute contribution of features that say one thing, together, in log-odds."""

    group: str
    mean_abs: float
    features: tuple[str, ...]


@dataclass(frozen=True)
class DependencePoint:
    """Mean contribution, in log-odds, of `n` people whose feature is about `value`.

    `value` is None for those of whom it is not known; the interval is the mean's. `label` says in
    words what the value of a category stands for.
    """

    n: int
    value: float | None
    contribution: Interval
    label: str = ""


@dataclass(frozen=True)
class Dependence:
    """How a feature's contribution goes with its value, and what it says in words."""

    feature: str
    text: str
    points: tuple[DependencePoint, ...]


@dataclass(frozen=True)
class Dropped:
    """Rows and people left out at a step, and why."""

    step: str
    reason: str
    rows: int
    customers: int


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The record of one training run; holds no personal data.

    `differences` are paired AUC differences, model minus baseline; `evaluation` holds those in log
    loss and Brier, and everything beyond the plain figures. `permission` counts people as
    `permitted` and `refused:<reason>`. `threshold` is the score from which on someone counts as
    selected in the fairness audit. `horizons` are the figures of the shorter horizons, by days;
    `answered` the share of people with reports before who reported afterwards, too, for targets
    that are about reports; `configurations` counts everything that inner validation compared.
    `leak_checks` says what was looked for, `drift` how far the test's people lie from those trained
    on: the scores first, then the features that moved.
    """

    target: str
    horizon_days: int
    purpose: str
    created_at: datetime
    author: str
    home_kind: str
    model_digest: str
    mlflow_run_id: str | None
    seed: int
    test: TestResult
    baselines: Mapping[str, TestResult] = field(default_factory=dict)
    differences: Mapping[str, Interval] = field(default_factory=dict)
    evaluation: Evaluation = field(default_factory=Evaluation)
    reliability: tuple[ReliabilityBin, ...] = ()
    importance: tuple[FeatureImportance, ...] = ()
    groups: tuple[GroupImportance, ...] = ()
    dependence: tuple[Dependence, ...] = ()
    cutoffs: tuple[str, ...] = ()
    split: str = ""
    dropped: tuple[Dropped, ...] = ()
    rows: int = 0
    customers: int = 0
    permission: Mapping[str, int] = field(default_factory=dict)
    contaminated_rows: int = 0
    features: tuple[str, ...] = ()
    data_manifest: str = ""
    lock_hash: str = ""
    commit: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    threshold: float = 0.5
    value: ValueResult | None = None
    categories: CategoryResult | None = None
    horizons: Mapping[int, TestResult] = field(default_factory=dict)
    answered: Interval | None = None
    configurations: int = 0
    leak_checks: tuple[LeakCheck, ...] = ()
    drift: tuple[Shift, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back to an equal record."""
        plain = asdict(self)
        plain["created_at"] = to_text(self.created_at)
        plain["test"] = self.test.to_json()
        plain["baselines"] = {name: result.to_json() for name, result in self.baselines.items()}
        plain["differences"] = {name: i.to_json() for name, i in self.differences.items()}
        plain["horizons"] = {str(days): found.to_json() for days, found in self.horizons.items()}
        plain["answered"] = None if self.answered is None else self.answered.to_json()
        plain["value"] = None if self.value is None else self.value.to_json()
        plain["categories"] = None if self.categories is None else self.categories.to_json()
        plain["evaluation"] = self.evaluation.to_json()
        plain["leak_checks"] = [each._asdict() for each in self.leak_checks]
        plain["drift"] = [each.to_json() for each in self.drift]
        plain["reliability"] = [
            {"n": b.n, "predicted": b.predicted, "observed": b.observed.to_json()}
            for b in self.reliability
        ]
        plain["groups"] = [asdict(g) | {"features": list(g.features)} for g in self.groups]
        plain["dependence"] = [_dependence_json(d) for d in self.dependence]
        for name in ("importance", "cutoffs", "dropped", "features"):
            plain[name] = list(plain[name])
        for name in ("permission", "versions", "thresholds"):
            plain[name] = dict(plain[name])
        return plain

    def to_text(self) -> str:
        """Give the JSON as text with sorted keys."""
        return json.dumps(self.to_json(), sort_keys=True, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, found: Mapping[str, Any] | str) -> "ModelFacts":
        """Read what `to_json` or `to_text` wrote; raises `InvalidInput` when it is not that."""
        try:
            plain = dict(json.loads(found) if isinstance(found, str) else found)
            plain["created_at"] = parse_instant(plain["created_at"], UTC)
            plain["test"] = _test_result(plain["test"])
            plain["baselines"] = {k: _test_result(v) for k, v in plain["baselines"].items()}
            plain["differences"] = {k: _interval(v) for k, v in plain["differences"].items()}
            plain["evaluation"] = Evaluation.from_json(plain.get("evaluation") or _NO_EVALUATION)
            plain["reliability"] = tuple(
                ReliabilityBin(b["n"], b["predicted"], _interval(b["observed"]))
                for b in plain["reliability"]
            )
            plain["importance"] = tuple(FeatureImportance(**i) for i in plain["importance"])
            plain["groups"] = tuple(
                GroupImportance(g["group"], g["mean_abs"], tuple(g["features"]))
                for g in plain.get("groups", ())
            )
            plain["dependence"] = tuple(_dependence(d) for d in plain.get("dependence", ()))
            plain["dropped"] = tuple(Dropped(**d) for d in plain["dropped"])
            plain["horizons"] = {
                int(days): _test_result(each) for days, each in plain.get("horizons", {}).items()
            }
            if plain.get("answered") is not None:
                plain["answered"] = _interval(plain["answered"])
            if plain.get("value") is not None:
                plain["value"] = ValueResult.from_json(plain["value"])
            if plain.get("categories") is not None:
                plain["categories"] = CategoryResult.from_json(plain["categories"])
            checks = plain.get("leak_checks", ())
            plain["leak_checks"] = tuple(LeakCheck(**each) for each in checks)
            plain["drift"] = tuple(Shift.from_json(each) for each in plain.get("drift", ()))
            plain["cutoffs"] = tuple(plain["cutoffs"])
            plain["features"] = tuple(plain["features"])
            return cls(**plain)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise InvalidInput(
                f"these are not the facts of a model: {type(problem).__name__} {problem}"
            ) from None


def _interval(found: Mapping[str, float]) -> Interval:
    return Interval(found["value"], found["low"], found["high"])


def _dependence_json(found: Dependence) -> dict[str, Any]:
    points = [
        {
            "n": p.n,
            "value": p.value,
            "contribution": p.contribution.to_json(),
            "label": p.label,
        }
        for p in found.points
    ]
    return {"feature": found.feature, "text": found.text, "points": points}


def _dependence(found: Mapping[str, Any]) -> Dependence:
    points = tuple(
        DependencePoint(p["n"], p["value"], _interval(p["contribution"]), p.get("label", ""))
        for p in found["points"]
    )
    return Dependence(found["feature"], found["text"], points)


def _test_result(found: Mapping[str, Any]) -> TestResult:
    return TestResult(
        as_of=parse_instant(found["as_of"], UTC),
        n=found["n"],
        positives=found["positives"],
        auc=_interval(found["auc"]),
        average_precision=_interval(found["average_precision"]),
        log_loss=found["log_loss"],
        brier=found["brier"],
        ece=found["ece"],
        lift_at_10=found["lift_at_10"],
        intervals={name: _interval(each) for name, each in found.get("intervals", {}).items()},
    )
