"""A small, made-up training run for tests of gate, review and report."""

from datetime import UTC, datetime
from typing import Any

from governance.intervals import Interval, wilson
from governance.model.card import Dropped, FeatureImportance, ModelFacts, ReliabilityBin, TestResult
from governance.model.checks import LeakCheck, Shift

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def result(auc: float = 0.74, **changed: Any) -> TestResult:
    stated: dict[str, Any] = {
        "as_of": datetime(2026, 1, 1, tzinfo=UTC),
        "n": 900,
        "positives": 240,
        "auc": Interval(auc, auc - 0.03, auc + 0.03),
        "average_precision": Interval(0.5, 0.45, 0.55),
        "log_loss": 0.48,
        "brier": 0.16,
        "ece": 0.02,
        "lift_at_10": 2.4,
    }
    return TestResult(**stated | changed)


def bins() -> tuple[ReliabilityBin, ...]:
    found = []
    for predicted, positives in ((0.05, 6), (0.2, 22), (0.35, 30), (0.6, 58)):
        observed = wilson(positives, 100)
        assert observed is not None
        found.append(ReliabilityBin(100, predicted, observed))
    return tuple(found)


def facts(**changed: Any) -> ModelFacts:
    stated: dict[str, Any] = {
        "target": "churn",
        "horizon_days": 90,
        "purpose": "risk_scoring",
        "created_at": NOW,
        "author": "Ada",
        "home_kind": "production",
        "model_digest": "ab" * 32,
        "mlflow_run_id": "run1",
        "seed": 7,
        "test": result(),
        "baselines": {"recency": result(0.71), "rfm_logistic": result(0.73)},
        "differences": {"recency": Interval(0.03, 0.01, 0.05)},
        "reliability": bins(),
        "importance": (
            FeatureImportance("days_since_last_order", "days since the last order", 0.61),
            FeatureImportance("orders_365d", "orders in 365 days", 0.34),
        ),
        "cutoffs": ("2025-07-05", "2025-08-04"),
        "split": "temporal",
        "dropped": (Dropped("label", "not active", 40, 38),),
        "rows": 4200,
        "customers": 1300,
        "permission": {"permitted": 1300, "refused:withdrawn": 60, "refused:no_record": 210},
        "contaminated_rows": 3,
        "features": ("days_since_last_order", "orders_365d"),
        "data_manifest": "cd" * 32,
        "lock_hash": "ef" * 32,
        "commit": "1234567",
        "versions": {"lightgbm": "4.7.0"},
        "command": "keepwell train churn",
        "thresholds": {"max_ece": 0.05},
        "threshold": 0.4,
        "leak_checks": (LeakCheck("alone", "passed", "none of 2 features alone separates"),),
        "drift": (Shift("score", "steady", Interval(0.01, 0.0, 0.03)),),
    }
    return ModelFacts(**stated | changed)
