"""How good a fitted model is: the one place that reads the test set, and it reads it once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import numpy as np

from features.text.sentiment import scorer_version
from governance.intervals import Interval
from governance.model_card import Dropped, FeatureImportance, ModelFacts, TestResult
from training.evaluate import auc_difference, measure, reliability
from training.explain import global_shares
from training.extract import Extract
from training.fairness import selected_from
from training.fit import RiskClassifier
from training.model import Vector
from training.request import TrainRequest

PACKAGES = ("lightgbm", "mlflow", "numpy", "pandas", "scikit-learn")


@dataclass(frozen=True)
class TestScores:
    """Ours and each baseline's probabilities of the test customers, all (n,), for comparisons."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    customers: tuple[str, ...]
    y: Vector
    probability: Vector
    baselines: Mapping[str, Vector]


def judge(
    request: TrainRequest,
    data: Extract,
    model: RiskClassifier,
    simple: Mapping[str, Vector],
    digest: str,
    now: datetime,
) -> tuple[ModelFacts, TestScores]:
    """Read the test set, once: our scores and the baselines' (`simple`) on the same people."""
    test, y = data.test, data.test.y
    probability = model.predict_proba(test.values)[:, 1]
    random = np.random.default_rng(request.seed)

    def figures(p: Vector) -> TestResult:
        return measure(data.test_as_of, y, p, random)

    differences: dict[str, Interval] = {
        name: auc_difference(y, probability, p) for name, p in simple.items()
    }
    latest = data.train.take(data.train.as_of == data.train.as_of.max())
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
        differences=differences,
        reliability=reliability(y, probability),
        importance=tuple(
            FeatureImportance(found.feature, found.feature.replace("_", " "), found.mean_abs)
            for found in global_shares(model.model_, test.names, test.values)
        ),
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
        threshold=selected_from(model.predict_proba(latest.values)[:, 1]),
    )
    return facts, TestScores(tuple(test.customers.tolist()), y, probability, simple)
