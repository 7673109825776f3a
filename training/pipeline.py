"""One training run, from permitted rows to a candidate before its reviewers.

extract → split and leak checks → fit and calibrate → evaluate (the test set is read once) → explain
→ bundle → MLflow → fairness → gate → audit report → submit. It ends at `candidate`: only a signed
review promotes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from features.dataset import Dataset
from features.home_features import HomeFeatures
from features.labels import Target
from features.store import HistoryStore
from features.text.sentiment import scorer_version
from governance.audit import AuditReport
from governance.candidates import Candidate, list_models, submit
from governance.consent import ConsentRegistry
from governance.fairness import FairnessResult
from governance.gate import GatePolicy, GateVerdict, decide
from governance.instants import DAY_US, to_text
from governance.intervals import Interval
from governance.ledger import Ledger
from governance.model_card import Dropped, FeatureImportance, ModelFacts, TestResult
from training.baselines import fit_baselines
from training.bundle import Description, save, support_of
from training.evaluate import auc_difference, measure, reliability
from training.explain import global_shares
from training.extract import Extract, Progress, Transactions, extract
from training.fairness import selected_from, weigh
from training.fit import RiskClassifier
from training.leak import stop_on_leak
from training.model import Vector
from training.records import Written, write_down
from training.screen import worth_keeping
from training.tracking import CANDIDATE, Tracking

PACKAGES = ("lightgbm", "mlflow", "numpy", "pandas", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What to train and how.

    `test_as_of`: None takes the latest date whose horizon is over. `trials`: tree shapes tried.
    `inside_id`: turns the customer ids of `split_file` into those of the data. `exclude`: features
    left out, by name. `features`: what the home adds to the catalogue. `command`, `commit` and
    `lock_hash` go into the report's reproducibility stamp.
    """

    target: Target
    author: str
    home_kind: str
    test_as_of: datetime | None = None
    trials: int = 2
    split_file: Path | None = None
    inside_id: Callable[[str], str] = str
    exclude: tuple[str, ...] = ()
    features: HomeFeatures = field(default_factory=HomeFeatures)
    seed: int = 0
    calibration: str = "platt"
    command: str = ""
    commit: str = ""
    lock_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What a training run works with: where it reads, and where it writes."""

    database: Transactions
    registry: ConsentRegistry
    ledger: Ledger
    store: HistoryStore
    tracking: Tracking
    bundles: Path
    reports: Path
    policy: GatePolicy


@dataclass(frozen=True)
class TestScores:
    """Ours and each baseline's probabilities of the test customers, all (n,), for comparisons."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    customers: tuple[str, ...]
    y: Vector
    probability: Vector
    baselines: Mapping[str, Vector]


@dataclass(frozen=True)
class TrainResult:
    """What came out of a run; `to_json` is what `keepwell train --json` prints."""

    facts: ModelFacts
    fairness: FairnessResult
    verdict: GateVerdict
    written: Written
    left_out: tuple[str, ...]
    scores: TestScores = field(repr=False)

    def to_json(self, *, seconds: float) -> dict[str, Any]:
        """Plain JSON in the shape of the interface; `seconds` is how long the run took."""
        facts = self.facts
        return {
            "target": facts.target,
            "horizon_days": facts.horizon_days,
            "model_digest": facts.model_digest,
            "mlflow_run_id": facts.mlflow_run_id,
            "rows": facts.rows,
            "customers": facts.customers,
            "features": len(facts.features),
            "features_left_out": list(self.left_out),
            "cutoffs": list(facts.cutoffs),
            "split": facts.split,
            "dropped": [vars(found) for found in facts.dropped],
            "permission": dict(facts.permission),
            "test": facts.test.to_json(),
            "baselines": {name: found.to_json() for name, found in facts.baselines.items()},
            "differences": {name: found.to_json() for name, found in facts.differences.items()},
            "gate": self.verdict.to_json(),
            "fairness": {"outcome": self.fairness.outcome, "reason": self.fairness.reason},
            "alias": CANDIDATE,
            "report_html": str(self.written.html),
            "report_json": str(self.written.json),
            "seconds": round(seconds, 2),
        }


def train(
    request: TrainRequest,
    workshop: Workshop,
    *,
    now: datetime,
    progress: Progress = lambda _: None,
) -> TrainResult:
    """Train, judge and submit one model.

    Raises `InsufficientData` when there are too few customers, `InvalidInput` for a leak, a split
    that overlaps or wrong input. A model the gate refuses is submitted all the same, refused.
    """
    with workshop.database.read() as conn:
        data = extract(
            conn,
            workshop.registry,
            workshop.store,
            request.target,
            test_as_of=request.test_as_of,
            split_file=request.split_file,
            inside_id=request.inside_id,
            exclude=request.exclude,
            features=request.features,
            seed=request.seed,
            now=now,
            progress=progress,
        )
    stop_on_leak(data.train.values, data.train.y, data.train.names)
    rules = fit_baselines(
        data.train.values, data.train.y, data.train.definitions, request.target.event_kind
    )
    simple = {name: rule(data.test.values) for name, rule in rules.items()}
    data = data.narrow(worth_keeping(data.train, seed=request.seed))
    progress(f"fitting on {len(data.train)} rows, {len(data.train.names)} features")
    model = _fit(request, data.train)
    digest = save(model.model_, _description(request, data, now), workshop.bundles)
    progress(f"evaluating on {len(data.test)} customers")
    facts, scores = _judge(request, data, model, simple, digest, now)
    progress("auditing fairness")
    with workshop.database.read() as conn:
        fairness = weigh(
            conn, workshop.registry, data.test, scores.probability, facts.threshold,
            policy=workshop.policy, now=now,
        )  # fmt: skip
        previous = _last_signed(conn, request.target.name)
    verdict = decide(facts, fairness, workshop.policy)
    progress("writing the run to MLflow and the audit report")
    report = AuditReport(
        facts=facts, fairness=fairness, verdict=verdict, generated_at=now, previous=previous
    )
    written = write_down(
        report, model.model_, data.test,
        tracking=workshop.tracking, bundle=workshop.bundles / digest, reports=workshop.reports,
        plan=model.plan_,
    )  # fmt: skip
    candidate = Candidate(
        written.facts,
        digest,
        verdict,
        written.html.read_text(encoding="utf-8"),
        written.json.read_text(encoding="utf-8"),
    )
    with workshop.database.write() as conn:
        submit(conn, workshop.ledger, candidate, now=now)
    return TrainResult(written.facts, fairness, verdict, written, data.left_out, scores)


def _fit(request: TrainRequest, rows: Dataset) -> RiskClassifier:
    coded = [
        place
        for place, definition in enumerate(rows.definitions)
        if definition.aggregate == "category"
    ]
    classifier = RiskClassifier(
        trials=request.trials,
        calibration=request.calibration,
        categorical=coded,
        random_state=request.seed,
    )
    return classifier.fit(
        rows.values, rows.y, groups=rows.customer_index, period_days=rows.as_of / DAY_US
    )


def _description(request: TrainRequest, data: Extract, now: datetime) -> Description:
    rows = data.train
    return Description(
        target=request.target.name,
        horizon_days=request.target.horizon_days,
        purpose=request.target.purpose,
        names=rows.names,
        definitions=tuple(definition.to_json() for definition in rows.definitions),
        support=support_of(rows.values),
        created_at=to_text(now),
        facts={
            "home_kind": request.home_kind,
            "rows": len(rows),
            "customers": len(np.unique(rows.customer_index)),
            "cutoffs": list(data.cutoffs),
            "data_manifest": rows.manifest_digest,
            "seed": request.seed,
        },
    )


def _judge(
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


def _last_signed(conn: Any, target: str) -> ModelFacts | None:
    approved = [found for found in list_models(conn, target=target) if found.status == "approved"]
    return approved[0].facts if approved else None
