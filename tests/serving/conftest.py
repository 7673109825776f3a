"""A small shop for the tests of this floor: a real home, real permissions, a real signed bundle."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from features.definitions import FeatureDefinition
from governance.consent.record import ConsentChange
from governance.errors import IntegrityBroken
from governance.instants import to_text
from governance.intervals import Interval
from governance.model.card import ModelFacts, TestResult
from governance.model.gate import GateVerdict
from governance.review import reviews as review
from governance.signing.keys import create_enrolment_key
from serving.access.auth import create_key
from serving.bootstrap import Keepwell
from serving.intake import take_events
from serving.permission.consents import record_all
from serving.scoring.scorer import Scorer
from serving.settings import Settings
from serving.settings_permission import PreferenceSettings
from tests.serving.homes import new_home
from tests.serving.unlocked import enrolment_file
from training.bundle import Description, Support, digest, save
from training.calibrator import Calibrator
from training.model import AdditiveMember, RiskModel
from training.spread import Spread
from training.target_model import TargetModel

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
REACHABLE = Settings(preferences=PreferenceSettings(base_url="http://testserver"))
"""Settings of a home that says where people reach it, as whoever contacts anybody must."""
DEFINITIONS = (
    FeatureDefinition(
        name="days_since_last_order",
        kinds=("order",),
        aggregate="days_since_last",
        text="last order was {value} days ago",
    ),
    FeatureDefinition(
        name="order_count_365d",
        kinds=("order",),
        aggregate="count",
        window_days=365,
        empty=0.0,
        text="{value} orders in the last year",
    ),
    FeatureDefinition(
        name="survey_level_mean",
        kinds=("survey",),
        aggregate="mean",
        column="level",
        purposes=("risk_scoring", "wellbeing_inference"),
        text="surveys answered at {value}",
    ),
)


@dataclass
class Clock:
    """A wall clock that a test moves; every look lasts a millisecond."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Shop:
    """An opened home with what tests do to it, in few words."""

    keepwell: Keepwell
    clock: Clock = field(default_factory=Clock)

    @cached_property
    def scorer(self) -> Scorer:
        """One scorer per test; bundles are checked but not tried in a process of their own."""
        return Scorer(self.keepwell, clock=self.clock, trial=_check_only)

    def pass_days(self, days: float) -> None:
        self.clock.now += timedelta(days=days)

    def order(self, customer_id: str, *days_ago: float) -> None:
        at = self.clock()
        events = [
            {
                "customer_id": customer_id,
                "kind": "order",
                "event_id": f"{customer_id}-{days}",
                "occurred_at": to_text(at - timedelta(days=days)),
                "value": 20.0,
            }
            for days in days_ago
        ]
        outcome = take_events(self.keepwell, events, clock=self.clock)
        assert outcome.count("written") == len(days_ago), outcome

    def permit(self, customer_id: str, *purposes: str) -> None:
        changes = [
            ConsentChange(
                customer_id=customer_id,
                purpose=purpose,
                state="given",
                actor="web shop",
                mechanism="checkbox_ticked",
                evidence=f"form {customer_id}",
                explicit=True,
            )
            for purpose in purposes or ("risk_scoring",)
        ]
        done = record_all(self.keepwell, changes, clock=self.clock)
        assert not done.refused, done.reasons

    def approve_model(self, *, intercept: float = 0.0) -> str:
        """Submit the hand-made model and have Grace approve it."""
        saved = save_bundle(self.keepwell, intercept=intercept)
        with self.keepwell.database.write() as conn:
            register_model(conn, self.keepwell, saved, now=self.clock())
        self.review("approve")
        return saved

    @cached_property
    def enrolment_secret(self) -> str | None:
        """What vouches for reviewers' keys in this home."""
        with self.keepwell.database.write() as conn:
            secret = create_enrolment_key(conn, self.keepwell.ledger, now=self.clock())
        enrolment_file(self.keepwell).write_text(secret or "")
        return secret

    def review(self, outcome: str) -> None:
        """Have Grace, who did not train it, sign the newest model with a new key."""
        secret = self.enrolment_secret
        with self.keepwell.database.write() as conn:
            made = create_key(
                conn, self.keepwell.ledger, ["audit:sign"],
                owner="Grace", now=self.clock(), enrolment_secret=secret,
            )  # fmt: skip
            review.sign(
                conn,
                self.keepwell.ledger,
                "churn",
                secret=made.key.split("_", 2)[2],
                key_id=made.key_id,
                home_kind=self.keepwell.kind,
                outcome=outcome,
                reason="read against the test quarter",
                now=self.clock(),
            )

    def key(self, *scopes: str) -> str:
        with self.keepwell.database.write() as conn:
            ledger = self.keepwell.ledger
            return create_key(conn, ledger, scopes or ["admin"], owner="crm", now=self.clock()).key


def _check_only(directory: Path, expected: str) -> None:
    if digest(directory) != expected:
        raise IntegrityBroken("the bundle is damaged")


def save_bundle(keepwell: Keepwell, *, intercept: float = 0.0) -> str:
    """Save a hand-made model: silence raises the risk, orders lower it, a bad survey raises it."""
    knots = [np.array([0.0, 100.0]), np.array([0.0, 10.0]), np.array([0.0, 1.0])]
    levels = [np.array([-2.0, 2.0]), np.array([0.5, -1.0]), np.array([0.5, -0.5])]
    model = RiskModel(
        features=3,
        intercept=intercept,
        trees=None,
        tree_weight=0.0,
        additive=AdditiveMember.from_curves(knots, levels, np.zeros(3), -0.5),
        additive_weight=1.0,
        calibrator=Calibrator("platt", 1.0, 0.0),
        spread=Spread(shared=0.3),
    )
    description = Description(
        target="churn",
        horizon_days=90,
        purpose="risk_scoring",
        names=tuple(each.name for each in DEFINITIONS),
        definitions=tuple(each.to_json() for each in DEFINITIONS),
        support=Support((0.0,) * 3, (400.0, 100.0, 1.0), (0.0, 0.0, 0.5)),
        created_at=to_text(START),
    )
    return save(TargetModel(description.horizon_days, model), description, keepwell.home.bundles)


def register_model(
    conn: Connection, keepwell: Keepwell, model_digest: str, *, now: datetime
) -> None:
    """Put the hand-made model before the reviewers, with figures that pass the gate."""
    test = TestResult(
        as_of=now,
        n=1_000,
        positives=300,
        auc=Interval(0.8, 0.77, 0.83),
        average_precision=Interval(0.6, 0.55, 0.65),
        log_loss=0.5,
        brier=0.15,
        ece=0.02,
        lift_at_10=2.5,
    )
    facts = ModelFacts(
        target="churn",
        horizon_days=90,
        purpose="risk_scoring",
        created_at=now,
        author="Ada",
        home_kind=keepwell.kind,
        model_digest=model_digest,
        mlflow_run_id=None,
        seed=0,
        test=test,
    )
    candidate = review.Candidate(
        facts, model_digest, GateVerdict("approved", ()), submitted_by="ada"
    )
    review.submit(conn, keepwell.ledger, candidate, now=now)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a production home without customers, its wall clock at the first of June 2026."""
    clock = Clock()
    keepwell = new_home(tmp_path / "home", REACHABLE, now=clock())
    yield Shop(keepwell, clock)
    keepwell.close()


@pytest.fixture
def regular(shop: Shop) -> Shop:
    """Ann ordered 80, 60 and 40 days ago and permits scoring; a model is approved."""
    shop.order("ann", 80, 60, 40)
    shop.permit("ann")
    shop.approve_model()
    return shop
