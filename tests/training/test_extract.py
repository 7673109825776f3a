"""What may be learned from, and every clear "no" with the numbers found."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.history import customer_ids
from features.home_features import HomeFeatures
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
from training.extract import Extract, extract
from training.leak import stop_on_leak

CHURN = Target("churn", horizon_days=60)
GIVEN = Target("churn", kind="given")


@pytest.fixture
def company(sqlite_database: Database, tmp_path: Path) -> Company:
    return found(sqlite_database, tmp_path, tmp_path / "mlruns", home_kind="evaluation")


def ask(company: Company, target: Target, **own: object) -> Extract:
    plain: dict[str, object] = {
        "test_as_of": None, "split_file": None, "exclude": (), "features": HomeFeatures(),
        "seed": 0, "now": NOW, "progress": lambda _: None,
    }  # fmt: skip
    with company.database.read() as conn:
        return extract(
            conn,
            company.registry,
            company.workshop.store,
            target,
            **(plain | own),  # type: ignore[arg-type]
        )


def people(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join(["customer,months,region,left_us", *lines]) + "\n")
    return path


def test_shorter_horizons_reach_training_and_nothing_changes_without_the_future(
    company: Company, tmp_path: Path
) -> None:
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    lost = Target("lost", "silence", 60, horizons=(20, 40, 60), silence_days=45)
    data = ask(company, lost)
    told = np.column_stack([data.train.nested, data.train.y])
    assert told.shape == (len(data.train), 3)
    assert (np.diff(told, axis=1) >= 0).all()
    assert 0.05 < told[:, 0].mean() < told[:, 1].mean() < told[:, 2].mean() < 0.95
    stop_on_leak(data.train, data.probe)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([f"p{k},{k},north,1" for k in range(200)], "training set holds 0 customers without it"),
        ([f"p{k},{k},north,0" for k in range(200)], "holds 0 customers with the outcome"),
        ([f"p{k},{k},north,{k % 2}" for k in range(10)], "at least 20 are needed for a model"),
    ],
)
def test_one_class_or_ten_rows_are_too_little(
    company: Company, tmp_path: Path, lines: list[str], said: str
) -> None:
    bring_in(company, SNAPSHOT, people(tmp_path / "people.csv", lines))
    with pytest.raises(InsufficientData, match=said):
        ask(company, GIVEN)


def test_a_feature_that_is_always_missing_is_left_out_by_name(
    company: Company, tmp_path: Path
) -> None:
    lines = [f"p{k},{k % 7},north,{k % 2},,5" for k in range(400)]
    path = tmp_path / "people.csv"
    path.write_text("customer,months,region,left_us,empty,same\n" + "\n".join(lines) + "\n")
    bring_in(company, SNAPSHOT, path)
    data = ask(company, GIVEN)
    assert "profile_same" in data.left_out
    assert "profile_months" in data.train.names
    assert not [name for name in data.train.names if "empty" in name or "same" in name]


@pytest.mark.parametrize(
    ("day", "horizon", "said"),
    [
        (-10, 60, "lies before the data begins"),
        (400, 60, "lies after the data ends"),
        (330, 60, "60 days after the test date are not over"),
        (20, 60, "days of history before the test date, at least 90"),
        (None, 500, "horizon of 500 days is longer than the 3[56]. days of history"),
    ],
)
def test_a_test_date_or_horizon_outside_the_data_is_told_with_what_there_is(
    company: Company, tmp_path: Path, day: int | None, horizon: int, said: str
) -> None:
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv", 40))
    at = None if day is None else START + timedelta(days=day)
    with pytest.raises((InvalidInput, InsufficientData), match=said):
        ask(company, Target("churn", horizon_days=horizon), test_as_of=at)


def test_customers_named_twice_in_a_split_file_are_counted(
    company: Company, tmp_path: Path
) -> None:
    bring_in(company, SNAPSHOT, write_people(tmp_path / "people.csv", 100))
    with company.database.read() as conn:
        first = customer_ids(conn)
    split = tmp_path / "split.csv"
    rows = [f"{each},train" for each in first] + [f"{first[0]},test", f"{first[1]},test"]
    split.write_text("customer_id,split\n" + "\n".join(rows) + "\n")
    with pytest.raises(InvalidInput, match="2 customers occur more than once"):
        ask(company, GIVEN, split_file=split)


def test_a_target_the_history_does_not_tell_of_says_so(company: Company, tmp_path: Path) -> None:
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv", 40))
    with pytest.raises(InsufficientData, match="tells of the end of the contract"):
        ask(company, Target("left", "contract"))


def test_an_instant_is_when_the_test_is_read(company: Company, tmp_path: Path) -> None:
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    at = datetime(2025, 9, 1, tzinfo=UTC)
    data = ask(company, CHURN, test_as_of=at)
    assert data.test_as_of == at
    assert data.answered_share is None
