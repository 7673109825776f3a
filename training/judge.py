"""How good a fitted model is: the one place that reads the test set, and it reads it once.

What each figure is stands where it is computed: `evaluate`, `season`, `segments`, `costs`,
`challenge`. Here they are asked of one model and written into its facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import numpy as np

from features.dataset import Dataset
from features.text.sentiment import scorer_version
from governance.model.card import Dropped, ModelFacts, TestResult
from governance.model.evaluation import Evaluation, OtherOutcome
from training.baselines import Baseline
from training.evaluation.challenge import Rival, challenge, complexity, paired, propose
from training.evaluation.costs import Margins, cost_curve, margins_of
from training.evaluation.evaluate import auc, measure_on, rank_figures, reliability
from training.evaluation.resample import Resamples, resamples_of
from training.evaluation.season import season_of
from training.evaluation.segments import by_segment
from training.explain import explain
from training.extract import Extract
from training.fairness import latest_rows, selected_from
from training.fit import RiskClassifier
from training.model import Vector
from training.request import TrainRequest

COMMON = 0.5
"""Base rate from which on those for whom it does not come true are the ones to be found."""
ASKS_WHO_RETURNS = ("inactivity", "silence")
"""Kinds of target whose other outcome is always told: who comes back."""
RULE = "recency"
PACKAGES = ("lightgbm", "mlflow", "numpy", "pandas", "scikit-learn")


@dataclass(frozen=True)
class TestScores:
    """Ours and each baseline's probabilities of the test customers, all (n,), for comparisons."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    customers: tuple[str, ...]
    y: Vector
    probability: Vector
    baselines: Mapping[str, Vector]


@dataclass(frozen=True, eq=False)
class TestBench:
    """What a model is held against, taken while every feature is still there.

    `wide`: the test rows with all their features. `simple`: each baseline's probabilities (n,).
    `margins`: None where no costs were stated. `rival`: the signed model, if there is one.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    wide: Dataset
    simple: Mapping[str, Vector]
    margins: Margins | None = None
    rival: Rival | None = None


def bench_of(
    request: TrainRequest, data: Extract, rules: Mapping[str, Baseline], rival: Rival | None
) -> TestBench:
    """Prepare the bench from rows that have all their features; the outcomes are not looked at."""
    margins = None if request.costs is None else margins_of(request.costs, data.train, data.test)
    simple = {name: rule(data.test.values) for name, rule in rules.items()}
    return TestBench(data.test, simple, margins, rival)


def judge(
    request: TrainRequest,
    data: Extract,
    model: RiskClassifier,
    bench: TestBench,
    digest: str,
    now: datetime,
) -> tuple[ModelFacts, TestScores]:
    """Read the test set, once: our scores and those of the bench on the same people."""
    test, y, simple = data.test, data.test.y, bench.simple
    probability = model.predict_proba(test.values)[:, 1]
    drawn = resamples_of(test.customer_index, seed=request.seed)

    def figures(p: Vector) -> TestResult:
        return measure_on(data.test_as_of, y, p, drawn)

    latest = latest_rows(data.train)
    latest_probability = model.predict_proba(latest.values)[:, 1]
    evaluation = _evaluation(
        request, data, model, bench, digest, probability, latest_probability, drawn
    )
    explained = explain(model.model_, test.definitions, test.values)
    facts = ModelFacts(
        target=request.target.name,
        horizon_days=request.target.horizon_days,
        purpose=request.target.purpose,
        created_at=now,
        author=request.author,
        home_kind=request.home_kind,
        model_digest=digest,
        mlflow_run_id=None,
        seed=request.seed,
        test=figures(probability),
        baselines={name: figures(p) for name, p in simple.items()},
        differences={name: found.auc for name, found in evaluation.paired.items()},
        evaluation=evaluation,
        reliability=reliability(y, probability),
        importance=explained.features,
        groups=explained.groups,
        dependence=explained.dependence,
        cutoffs=data.cutoffs,
        split=data.split,
        dropped=tuple(Dropped(*found) for found in data.dropped),
        rows=len(data.train),
        customers=len(np.unique(data.train.customer_index)),
        permission=data.permission,
        contaminated_rows=sum(f.rows for f in data.dropped if f.step == "contamination"),
        features=data.train.names,
        data_manifest=data.train.manifest_digest,
        lock_hash=request.lock_hash,
        commit=request.commit,
        versions={name: version(name) for name in PACKAGES} | {"sentiment": scorer_version()},
        command=request.command,
        threshold=selected_from(latest_probability),
    )
    return facts, TestScores(tuple(test.customers.tolist()), y, probability, simple)


def _evaluation(
    request: TrainRequest,
    data: Extract,
    model: RiskClassifier,
    bench: TestBench,
    digest: str,
    probability: Vector,
    latest: Vector,
    drawn: Resamples,
) -> Evaluation:
    test, y, target = data.test, data.test.y, request.target
    asked = target.kind in ASKS_WHO_RETURNS or float(np.mean(y)) > COMMON
    every = {"model": probability, **bench.simple}
    champion = challenge(
        bench.rival, bench.wide, probability, horizon_days=target.horizon_days, split=data.split
    )
    costs = None
    if request.costs is not None and bench.margins is not None:
        costs = cost_curve(
            request.costs,
            bench.margins,
            y=y,
            probability=probability,
            rule=bench.simple.get(RULE),
            latest=latest,
            groups=drawn.groups,
        )
    return Evaluation(
        paired={name: paired(test, probability, p) for name, p in bench.simple.items()},
        other_outcome={n: _other(1 - y, 1 - p, drawn) for n, p in every.items()} if asked else {},
        season=season_of(data.train, test, probability),
        costs=costs,
        segments=by_segment(bench.wide, probability, target.event_kind),
        champion=champion,
        proposal=propose(champion, model_digest=digest, complexity_here=complexity(model.model_)),
    )


def _other(y: Vector, probability: Vector, drawn: Resamples) -> OtherOutcome:
    ranked = rank_figures(y, probability, drawn)
    area = auc(y, probability, groups=None if drawn.alone else drawn.groups)
    return OtherOutcome(int(y.sum()), area, ranked.average_precision, ranked.lift)
