"""A bundle keeps what its model was trained on, and the end of a year is recognised as new."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.labels import Target
from serving.database import Database
from tests.training.company import NOW, ORDERS, bring_in, found, write_orders
from training.bundle import load
from training.pipeline import train
from training.request import TrainRequest
from training.watch.drift import season_of
from training.watch.reference import LEAST_IN_BIN, REFERENCE, Reference


@pytest.fixture
def kept(sqlite_database: Database, tmp_path: Path) -> Reference:
    """Train on a company whose orders began in January 2025, tested at the end of October."""
    company = found(sqlite_database, tmp_path, tmp_path / "mlruns", home_kind="evaluation")
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    request = TrainRequest(
        target=Target("churn", horizon_days=60), author="ada", home_kind="evaluation", trials=1
    )
    done = train(request, company.workshop, now=NOW)
    digest = done.facts.model_digest
    bundle = load(company.workshop.bundles / digest, expected_digest=digest)
    return Reference.from_json(bundle.description.facts[REFERENCE])


def test_the_bundle_of_a_trained_model_keeps_its_reference(kept: Reference) -> None:
    present = [each.people * (1 - each.missing) for each in kept.features]
    smallest = [
        min(each.shares) * n for each, n in zip(kept.features, present, strict=True) if each.edges
    ]
    assert len(kept.names) == len(kept.features) > 0
    assert min(smallest) >= LEAST_IN_BIN - 0.5
    before_christmas = season_of(kept, datetime(2025, 10, 31, tzinfo=UTC))
    in_spring = season_of(kept, datetime(2026, 4, 1, tzinfo=UTC))
    assert (before_christmas.outcome, in_spring.outcome) == ("unseen", "seen")
