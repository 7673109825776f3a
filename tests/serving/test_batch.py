"""Everyone's scores in one file, with permission read twice."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select

from governance.errors import InsufficientData
from governance.tables import decisions, ledger_entries
from serving.permission.consents import withdraw
from serving.record.replay import replay
from serving.scoring.batch import Batch, score_everyone
from tests.serving.conftest import Shop


def run(shop: Shop, out: Path | None, progress: object = None) -> Batch:
    return score_everyone(
        shop.keepwell,
        shop.keepwell.target("churn"),
        out=out,
        clock=shop.clock,
        progress=progress if callable(progress) else lambda _: None,
    )


@pytest.fixture
def trio(regular: Shop) -> Shop:
    """Beside Ann: Bob permits, too, and Cleo was never asked."""
    regular.order("bob", 200, 150)
    regular.permit("bob")
    regular.order("cleo", 20)
    return regular


def test_rows_are_for_those_who_permit_and_no_one_else(trio: Shop, tmp_path: Path) -> None:
    done = run(trio, tmp_path / "scores.parquet")
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    assert (done.scored, done.refused, dict(done.reasons)) == (2, 1, {"no_record": 1})
    assert [row["customer_id"] for row in rows] == ["ann", "bob"]


def test_batch_and_single_scores_are_the_same_number(trio: Shop, tmp_path: Path) -> None:
    as_of = trio.clock()
    score_everyone(
        trio.keepwell,
        trio.keepwell.target("churn"),
        out=tmp_path / "scores.parquet",
        clock=trio.clock,
        as_of=as_of,
    )
    batch = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    single = trio.scorer.score(["ann", "bob"], targets=["churn"], as_of=as_of).results
    assert [row["probability"] for row in batch] == [
        each.scores["churn"].probability for each in single
    ]
    assert [row["reasons"] for row in batch] == [
        [reason.to_json() for reason in each.scores["churn"].reasons] for each in single
    ]
    assert batch[0]["reasons"][0]["group"] == "time since the last order"


def test_one_ledger_entry_holds_the_whole_batch(trio: Shop) -> None:
    with trio.keepwell.database.read() as conn:
        before = conn.execute(select(func.count()).select_from(ledger_entries)).scalar_one()
    run(trio, None)
    with trio.keepwell.database.read() as conn:
        after = conn.execute(select(func.count()).select_from(ledger_entries)).scalar_one()
        decided = conn.execute(select(func.count()).select_from(decisions)).scalar_one()
    assert (after - before, decided) == (1, 3)


def test_whoever_withdraws_meanwhile_is_dropped_before_publishing(
    trio: Shop, tmp_path: Path
) -> None:
    def meanwhile(step: str) -> None:
        if step.startswith("estimating"):
            withdraw(trio.keepwell, "bob", "risk_scoring", actor="bob", clock=trio.clock)

    done = run(trio, tmp_path / "scores.parquet", meanwhile)
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    assert (done.scored, done.withdrew) == (1, 1)
    assert [row["customer_id"] for row in rows] == ["ann"]


def test_a_decision_of_a_batch_replays(trio: Shop, tmp_path: Path) -> None:
    run(trio, tmp_path / "scores.parquet")
    row = pq.read_table(tmp_path / "scores.parquet").to_pylist()[0]
    assert replay(trio.keepwell, row["decision_id"], now=trio.clock()).outcome == "same"


def test_without_an_approved_model_there_is_no_batch(shop: Shop) -> None:
    with pytest.raises(InsufficientData, match="no model is approved"):
        run(shop, None)
