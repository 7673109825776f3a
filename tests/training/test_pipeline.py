"""A training run from a company's own file to a candidate before its reviewers."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.labels import Target
from governance.consent.record import ConsentChange
from governance.errors import InsufficientData, InvalidInput
from governance.log.ledger import entries
from governance.review.candidates import find_model
from governance.review.reviews import champion
from serving.database import Database, sqlite_url
from tests.training.company import (
    NOW,
    ORDERS,
    SNAPSHOT,
    START,
    Company,
    bring_in,
    found,
    write_orders,
    write_people,
)
from training.bundle import load
from training.pipeline import TrainResult, train
from training.request import TrainRequest

CHURN = Target("churn", horizon_days=60)
GIVEN = Target("churn", kind="given")


@pytest.fixture(scope="session")
def mlruns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One MLflow store for all: its first touch takes seconds."""
    return tmp_path_factory.mktemp("home") / "mlruns"


@pytest.fixture(scope="module")
def trained(
    _sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, mlruns: Path
) -> Iterator[tuple[Company, TrainResult]]:
    """Give a company whose orders became a candidate, for tests that change nothing of it."""
    place = tmp_path_factory.mktemp("trained")
    shutil.copyfile(_sqlite_template, place / "keepwell.db")
    database = Database(sqlite_url(place / "keepwell.db"))
    company = found(database, place, mlruns, home_kind="evaluation")
    yield company, run_orders(company, place, commit="abc", command="keepwell train churn")
    database.close()


@pytest.fixture
def evaluation(sqlite_database: Database, tmp_path: Path, mlruns: Path) -> Company:
    return found(sqlite_database, tmp_path, mlruns, home_kind="evaluation")


def request(target: Target, **own: object) -> TrainRequest:
    plain = {"author": "ada", "home_kind": "evaluation", "trials": 1}
    return TrainRequest(target=target, **(plain | own))  # type: ignore[arg-type]


def run_orders(company: Company, tmp_path: Path, **own: object) -> TrainResult:
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    return train(request(CHURN, **own), company.workshop, now=NOW)


def run_people(company: Company, tmp_path: Path, **how: bool) -> TrainResult:
    bring_in(company, SNAPSHOT, write_people(tmp_path / "people.csv", **how))
    return train(request(GIVEN), company.workshop, now=NOW)


def test_orders_become_a_candidate_with_everything_on_record(
    trained: tuple[Company, TrainResult],
) -> None:
    company, result = trained
    told = result.to_json(seconds=1.0)
    json.dumps(told, allow_nan=False)
    assert {
        "target", "model_digest", "mlflow_run_id", "rows", "customers", "dropped", "test",
        "baselines", "gate", "alias", "seconds",
    } <= set(told)  # fmt: skip
    assert set(told["baselines"]) == {"recency", "rfm_logistic"}
    assert told["alias"] == "candidate"
    assert result.facts.test.auc.value > 0.7
    gap = result.facts.test.as_of - datetime.fromisoformat(result.facts.cutoffs[-1])
    assert gap == timedelta(days=60)
    with company.database.read() as conn:
        record = find_model(conn, "churn")
        assert record.facts == result.facts
        assert record.status == "candidate"
        assert champion(conn, "churn", now=NOW) is None
        assert [entry.kind for entry in entries(conn)] == ["model_submitted"]
    loaded = load(company.workshop.bundles / record.bundle, expected_digest=record.model_digest)
    assert loaded.names == result.facts.features
    assert result.written.html.read_text().startswith("<!doctype html>")
    assert json.loads(result.written.json.read_text())["model_digest"] == record.model_digest


def test_no_personal_data_leaves_the_operational_database(
    trained: tuple[Company, TrainResult], mlruns: Path
) -> None:
    company, result = trained
    person = result.scores.customers[0].encode()
    for path in [*mlruns.rglob("*"), *company.workshop.bundles.rglob("*"), result.written.html]:
        assert not path.is_file() or person not in path.read_bytes()


def test_the_same_data_request_and_moment_give_the_same_model(
    trained: tuple[Company, TrainResult],
) -> None:
    company, first = trained
    asked = request(CHURN, commit="abc", command="keepwell train churn")
    again = train(asked, company.workshop, now=NOW)
    assert again.facts.model_digest == first.facts.model_digest
    assert again.facts.test == first.facts.test


def test_only_those_who_permit_training_are_trained_on(
    database: Database, tmp_path: Path, mlruns: Path
) -> None:
    company = found(database, tmp_path, mlruns, home_kind="production")
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    with company.database.write() as conn:
        for k in range(240):
            company.registry.record(
                conn,
                ConsentChange(
                    customer_id=f"c{k}",
                    purpose="model_training",
                    state="given",
                    mechanism="checkbox_ticked",
                    evidence=f"form {k}",
                ),
                now=NOW - timedelta(days=1),
            )
        company.registry.withdraw(conn, "c7", "model_training", now=NOW, actor="customer")
    result = train(request(CHURN, home_kind="production"), company.workshop, now=NOW)
    assert result.facts.permission == {
        "permitted": 239,
        "refused:other": 61,  # of them 1 withdrew, and nobody is told of fewer than 5
    }
    assert "c7" not in result.scores.customers
    assert not {f"c{k}" for k in range(240, 300)} & set(result.scores.customers)


def test_nobody_permitting_means_no_model(
    sqlite_database: Database, tmp_path: Path, mlruns: Path
) -> None:
    company = found(sqlite_database, tmp_path, mlruns, home_kind="production")
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    with pytest.raises(InsufficientData, match="permits training"):
        train(request(CHURN, home_kind="production"), company.workshop, now=NOW)


def test_a_snapshot_is_split_by_customer_and_beside_prevalence(
    evaluation: Company, tmp_path: Path
) -> None:
    result = run_people(evaluation, tmp_path)
    assert set(result.facts.baselines) == {"prevalence"}
    assert result.facts.rows + result.facts.test.n == 800
    assert result.facts.split.startswith("by customer, a quarter at random")
    assert result.verdict.outcome == "approved"
    assert result.fairness.outcome in ("pass", "insufficient_evidence")


def test_a_column_written_when_people_leave_stops_training_by_name(
    evaluation: Company, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="profile_exit_call"):
        run_people(evaluation, tmp_path, leak=True)
    assert not list(evaluation.workshop.bundles.glob("*"))


def test_the_leaking_column_can_be_left_out(evaluation: Company, tmp_path: Path) -> None:
    bring_in(evaluation, SNAPSHOT, write_people(tmp_path / "people.csv", leak=True))
    asked = request(GIVEN, exclude=("profile_exit_call",))
    assert "profile_exit_call" not in train(asked, evaluation.workshop, now=NOW).facts.features


def test_a_model_that_over_flags_one_group_is_refused(evaluation: Company, tmp_path: Path) -> None:
    bring_in(
        evaluation, SNAPSHOT, write_people(tmp_path / "people.csv", customers=3000, biased=True)
    )
    result = train(request(GIVEN), evaluation.workshop, now=NOW)
    assert result.fairness.outcome == "fail"
    assert result.verdict.outcome == "refused"
    assert any("region" in reason for reason in result.verdict.reasons)


def test_a_feature_that_does_not_exist_cannot_be_left_out(
    evaluation: Company, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="no_such_feature"):
        run_orders(evaluation, tmp_path, exclude=("no_such_feature",))


def test_a_test_date_too_late_is_refused(evaluation: Company, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not over"):
        run_orders(evaluation, tmp_path, test_as_of=START + timedelta(days=330))


def test_a_handful_of_customers_gives_no_model(evaluation: Company, tmp_path: Path) -> None:
    bring_in(evaluation, ORDERS, write_orders(tmp_path / "orders.csv", customers=15))
    with pytest.raises(InsufficientData, match="needed for a model"):
        train(request(CHURN), evaluation.workshop, now=NOW)


def test_progress_is_told_in_words(evaluation: Company, tmp_path: Path) -> None:
    bring_in(evaluation, SNAPSHOT, write_people(tmp_path / "people.csv", customers=300))
    told: list[str] = []
    train(request(GIVEN), evaluation.workshop, now=NOW, progress=told.append)
    assert len(told) >= 4
    assert np.all([len(line) < 80 for line in told])


def test_what_is_made_of_an_excluded_feature_is_left_out_with_it(
    evaluation: Company, tmp_path: Path
) -> None:
    result = run_orders(evaluation, tmp_path, exclude=("order_value_sum_365d",))
    every = {*result.facts.features, *result.left_out}
    assert "order_value_sum_90d" in every
    assert not every & {"order_value_sum_365d", "order_value_30d_share_of_365d"}
