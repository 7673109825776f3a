"""Back-tests of a small company: each origin knows its own past, the official test stays unread."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.labels import Target
from governance.errors import InsufficientData, InvalidInput
from serving.database import Database
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
from training.backtest import Backtest
from training.backtest_log import log_backtest
from training.origins import run_backtest
from training.request import TrainRequest

CHURN = Target("churn", horizon_days=45)


@pytest.fixture
def company(sqlite_database: Database, tmp_path: Path) -> Company:
    return found(sqlite_database, tmp_path, tmp_path / "mlruns", home_kind="evaluation")


def run(company: Company, target: Target = CHURN, **how: object) -> Backtest:
    asked = TrainRequest(target=target, author="ada", home_kind="evaluation", trials=1)
    return run_backtest(asked, company.workshop, now=NOW, **how)  # type: ignore[arg-type]


def test_origins_lie_a_horizon_apart_and_before_the_official_test(
    company: Company, tmp_path: Path
) -> None:
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    tested = run(company, origins=2)
    official = START + timedelta(days=360 - 45)
    days = [datetime.strptime(each.name, "%Y-%m-%d").replace(tzinfo=UTC) for each in tested.origins]
    assert [(official - day).days for day in days] == [90, 45]
    assert "was left alone" in tested.said
    assert tested.pooled["auc"].value > 0.7
    told = tested.to_json(seconds=1.0, mlflow_run_id="r")
    json.dumps(told, allow_nan=False)
    assert {"origins", "pooled", "baselines", "seconds"} <= set(told)
    assert set(told["baselines"]) == {"recency", "rfm_logistic"}
    run_id = log_backtest(company.workshop.tracking, tested, command="c", commit="")
    assert run_id
    assert company.workshop.tracking.champion_digest("churn") is None


def test_the_official_test_is_read_only_when_asked_for(company: Company, tmp_path: Path) -> None:
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    tested = run(company, origins=1, include_last=True)
    assert tested.origins[0].test.as_of == START + timedelta(days=360 - 45)
    assert "is among them" in tested.said


def test_a_snapshot_is_cross_validated_over_customers_instead(
    company: Company, tmp_path: Path
) -> None:
    bring_in(company, SNAPSHOT, write_people(tmp_path / "people.csv", customers=400))
    tested = run(company, Target("churn", kind="given"), origins=2)
    assert len(tested.origins) == 4
    assert "no past to roll back to" in tested.said


def test_a_history_too_short_for_an_origin_says_so(company: Company, tmp_path: Path) -> None:
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv", days=120))
    with pytest.raises(InsufficientData, match="none of 1 origins"):
        run(company, origins=1)


def test_no_origin_at_all_is_wrong(company: Company) -> None:
    with pytest.raises(InvalidInput, match="origins == 0"):
        run(company, origins=0)
