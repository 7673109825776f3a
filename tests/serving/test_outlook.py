"""Everything a target foretells, from training to the answer: simulated customers, real models."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from features.importing.mapping import parse_mapping
from features.importing.run import import_source
from governance.log.decision import load
from serving.access.auth import create_key
from serving.bootstrap import Keepwell
from serving.http.api import create_app
from serving.models import train_model
from serving.record.replay import replay
from serving.scoring.batch import score_everyone
from serving.scoring.outlook import day_by
from serving.scoring.scorer import Scorer
from serving.settings import Settings, TargetSettings
from serving.signing_desk import review_model
from tests.serving.homes import new_home

NOW = datetime(2026, 1, 15, tzinfo=UTC)
START = datetime(2025, 1, 1, tzinfo=UTC)
TARGETS = {
    "lost": TargetSettings(kind="silence", silence_days=30, horizons=(15, 30, 45), horizon_days=45),
    "next_need": TargetSettings(horizons=(7, 30, 60), horizon_days=60, category="shelf"),
    "clv": TargetSettings(horizon_days=60, margin_share=0.5),
}
MAPPING = """
[source]
path = "orders.csv"
timezone = "UTC"
[customer]
id = "customer"
[[event]]
kind = "order"
occurred_at = "bought_at"
value = "amount"
properties = { shelf = "shelf" }
"""


def write_orders(path: Path, customers: int = 220) -> Path:
    """Simulated customers with their own rhythm, usual amount and favourite shelf."""
    rng = np.random.default_rng(0)
    lines = ["customer,bought_at,amount,shelf"]
    for k in range(customers):
        day, gap, usual = rng.uniform(0, 60), rng.uniform(8, 45), np.exp(rng.normal(3, 0.8))
        favourite, end = ("tea", "cake", "books")[k % 3], rng.exponential(400)
        end += day
        while day < min(360.0, end):
            at = START + timedelta(days=float(day))
            other = ("tea", "cake", "books")[int(rng.integers(3))]
            shelf = favourite if rng.random() < 0.7 else other
            lines.append(f"c{k},{at:%Y-%m-%d %H:%M:%S},{usual * rng.uniform(0.5, 1.5):.2f},{shelf}")
            day += rng.exponential(gap)
    lines.append(f"c0,{START + timedelta(days=360):%Y-%m-%d %H:%M:%S},10.00,tea")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keepwell]:
    """An evaluation home with a trained and approved model of each target."""
    place = tmp_path_factory.mktemp("outlook")
    keepwell = new_home(
        place / "home", Settings(kind="evaluation", targets=TARGETS, currency="GBP"), now=NOW
    )
    path = write_orders(place / "orders.csv")
    import_source(
        parse_mapping(MAPPING, name="orders", folder=place),
        path,
        database=keepwell.database,
        store=keepwell.store,
        now=NOW,
        rename=lambda ids: [keepwell.inside_id(each) for each in ids],
    )
    for name in TARGETS:
        trained = train_model(
            keepwell, keepwell.target(name), trials=1, command=f"keepwell train {name}", now=NOW
        )
        review_model(
            keepwell, trained.facts.model_digest, outcome="approve", key=None,
            reason="read in a test", now=NOW, show_refused=True,
        )  # fmt: skip
    yield keepwell
    keepwell.close()


@pytest.fixture(scope="module")
def scorer(home: Keepwell) -> Scorer:
    return Scorer(home, clock=lambda: NOW, trial=lambda directory, digest: None)


@pytest.fixture(scope="module")
def answer(home: Keepwell, scorer: Scorer) -> dict[str, Any]:
    """What the API says of the customer who came last."""
    with home.database.write() as conn:
        key = create_key(conn, home.ledger, ["admin"], owner="crm", now=NOW).key
    app = create_app(home, scorer, clock=lambda: NOW)
    http = TestClient(app, headers={"Authorization": f"Bearer {key}"})
    asked = {"inputs": [{"customer_id": "c0"}], "targets": list(TARGETS)}
    [result] = http.post("/v1/scores", json=asked).json()["results"]
    found: dict[str, Any] = result["scores"]
    return found


def test_horizons_ascend_and_a_longer_one_is_never_less_likely(answer: dict[str, Any]) -> None:
    score = answer["lost"]
    spans = score["horizons"]
    assert [each["horizon_days"] for each in spans] == [15, 30, 45]
    for name in ("probability", "low", "high"):
        told = [each[name] for each in spans]
        assert told == sorted(told)
        assert told[-1] == score[name]


def test_a_score_says_in_words_what_it_is_of(answer: dict[str, Any]) -> None:
    assert answer["lost"]["outcome"] == "reaches 30 days without an order within 45 days"


def test_the_next_need_comes_with_days_and_likely_categories(answer: dict[str, Any]) -> None:
    score = answer["next_need"]
    assert set(score["days"]) == {"median", "low", "high"}
    assert 0 < score["days"]["low"] < 30
    likely = [each["probability"] for each in score["categories"]]
    assert {each["category"] for each in score["categories"]} == {"tea", "cake", "books"}
    assert likely == sorted(likely, reverse=True)


def test_lifetime_value_comes_in_the_currency_of_the_home(answer: dict[str, Any]) -> None:
    value = answer["clv"]["value"]
    assert (value["currency"], value["horizon_days"]) == ("GBP", 60)
    assert value["low"] <= value["high"]
    assert value["expected"] > 0


def test_a_target_without_these_parts_does_not_speak_of_them(answer: dict[str, Any]) -> None:
    assert {"value", "days", "categories"}.isdisjoint(answer["lost"])
    assert {"horizons", "days"}.isdisjoint(answer["clv"])


@pytest.mark.parametrize("target", list(TARGETS))
def test_it_replays_bit_for_bit(home: Keepwell, answer: dict[str, Any], target: str) -> None:
    again = replay(home, answer[target]["decision_id"], now=NOW)
    assert (again.outcome, again.differences) == ("same", ())


def test_the_record_keeps_what_was_told(home: Keepwell, answer: dict[str, Any]) -> None:
    with home.database.read() as conn:
        kept = load(conn, answer["clv"]["decision_id"]).result
    assert kept is not None
    assert kept["value"] == answer["clv"]["value"]


@pytest.mark.parametrize("target", list(TARGETS))
def test_the_file_says_what_the_answer_says(
    home: Keepwell, answer: dict[str, Any], target: str, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    score_everyone(home, home.target(target), out=out, clock=lambda: NOW)
    rows = {row["customer_id"]: row for row in pq.read_table(out).to_pylist()}
    row, told = rows[home.inside_id("c0")], answer[target]
    for name in ("outcome", "probability", "horizons", "days", "value", "categories"):
        assert row[name] == told.get(name), name


def test_the_day_is_read_from_straight_lines_between_horizons() -> None:
    days, chances = (10.0, 30.0), (0.2, 0.6)
    assert day_by(0.05, days, chances) == 2.5
    assert day_by(0.5, days, chances) == 25.0
    assert day_by(0.95, days, chances) is None
