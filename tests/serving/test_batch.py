"""Everyone's scores in one file, with permission read twice."""

import shutil
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select, update

from features.ranges import plan_ranges
from governance.errors import InsufficientData
from governance.log.decision import check_commitments, recent
from governance.tables import decisions, ledger_entries
from serving.permission.consents import withdraw
from serving.record.replay import replay
from serving.rights.acts import erase
from serving.scoring.batch import Batch, score_everyone
from tests.conftest import missing
from tests.serving.conftest import Shop


def run(shop: Shop, out: Path | None, progress: object = None, **more: Any) -> Batch:
    return score_everyone(
        shop.keepwell,
        shop.keepwell.target("churn"),
        out=out,
        clock=shop.clock,
        progress=progress if callable(progress) else lambda _: None,
        **more,
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


def test_a_large_batch_is_judged_in_processes_of_their_own(
    trio: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of = trio.clock()
    here = run(trio, tmp_path / "here.parquet", as_of=as_of)
    monkeypatch.setattr("serving.scoring.workforce.FEWEST_RANGES", 1)
    beside = run(trio, tmp_path / "beside.parquet", as_of=as_of)
    assert (here.scored, here.refused) == (beside.scored, beside.refused)
    assert told(tmp_path / "here.parquet") == told(tmp_path / "beside.parquet")


def told(path: Path) -> list[dict[str, object]]:
    """Read what a file says of everyone, but for what is of its own run."""
    own = {"decision_id", "expires_at"}
    rows = pq.read_table(path).to_pylist()
    rows.sort(key=lambda row: str(row["customer_id"]))
    return [{name: x for name, x in row.items() if name not in own} for row in rows]


def ranged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the history into a range per customer."""

    def plan(*given: Any, **more: Any) -> Any:
        return plan_ranges(*given, **more, events_per_range=1)

    monkeypatch.setattr("serving.scoring.batch.plan_ranges", plan)


def test_ranges_of_customers_make_one_batch(
    trio: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of = trio.clock()
    run(trio, tmp_path / "whole.parquet", as_of=as_of)
    ranged(monkeypatch)
    done = run(trio, tmp_path / "ranged.parquet", as_of=as_of)
    assert (done.scored, done.refused) == (2, 1)
    assert told(tmp_path / "ranged.parquet") == told(tmp_path / "whole.parquet")
    with trio.keepwell.database.read() as conn:
        found = check_commitments(conn)
    assert (found.checked, found.bad) == (6, ())


def test_an_edited_verdict_of_a_batch_is_found(trio: Shop) -> None:
    run(trio, None)
    with trio.keepwell.database.write() as conn:
        edited = decisions.c.outcome == "scored"
        conn.execute(update(decisions).where(edited).values(outcome="refused"))
        assert len(check_commitments(conn).bad) == 2


def test_whoever_is_erased_meanwhile_is_in_no_file_and_no_verdict(
    trio: Shop, tmp_path: Path
) -> None:
    def meanwhile(step: str) -> None:
        if step.startswith("estimating"):
            erase(trio.keepwell, "bob", now=trio.clock())

    done = run(trio, tmp_path / "scores.parquet", meanwhile)
    assert (done.scored, done.withdrew) == (1, 1)
    assert [row["customer_id"] for row in told(tmp_path / "scores.parquet")] == ["ann"]
    with trio.keepwell.database.read() as conn:
        gone = [each for each in recent(conn, limit=9) if each.reason == "changed_since"]
        assert [(each.person_id, each.result) for each in gone] == [(None, None)]
        assert check_commitments(conn).bad == ()


def test_an_erasure_takes_the_rows_of_that_person_out_of_the_home_s_own_file(trio: Shop) -> None:
    scores = trio.keepwell.home.scores
    run(trio, scores)
    before = pq.read_table(scores)
    erase(trio.keepwell, "bob", now=trio.clock())

    assert pq.read_table(scores).equals(before.slice(0, 1))
    assert before["customer_id"].to_pylist() == ["ann", "bob"]
    assert b"bob" not in scores.read_bytes()


def test_a_file_of_scores_that_cannot_be_read_stops_no_erasure_and_goes(trio: Shop) -> None:
    trio.keepwell.home.scores.write_bytes(b"bob 0.5")
    erase(trio.keepwell, "bob", now=trio.clock())

    assert not trio.keepwell.home.scores.exists()


def test_an_erasure_waits_for_a_batch_that_gives_the_file_its_name(
    trio: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, replace, erasing = trio.keepwell.home.scores, Path.replace, []

    def erase_meanwhile(written: Path, target: Path) -> Path:
        if written.name == "whole.parquet":
            erasing.append(Thread(target=erase, args=(trio.keepwell, "bob"), kwargs=at))
            erasing[0].start()
            erasing[0].join(timeout=0.3)
        return replace(written, target)

    at = {"now": trio.clock()}
    monkeypatch.setattr(Path, "replace", erase_meanwhile)
    run(trio, scores)
    erasing[0].join(timeout=30)

    assert [row["customer_id"] for row in told(scores)] == ["ann"]


def test_named_customers_are_scored_alone_and_strangers_are_said_to_be(
    trio: Shop, tmp_path: Path
) -> None:
    trio.permit("dan")
    done = run(trio, tmp_path / "scores.parquet", customers=["bob", "dan", "nobody", "bob"])
    assert (done.scored, done.refused, done.insufficient_data) == (1, 1, 1)
    rows = told(tmp_path / "scores.parquet")
    assert [(row["customer_id"], row["status"]) for row in rows] == [
        ("bob", "scored"),
        ("dan", "insufficient_data"),
    ]


@pytest.mark.xdist_group("spark")
def test_spark_writes_what_this_machine_writes(
    trio: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("java") is None:
        missing("there is no Java for Spark")
    ranged(monkeypatch)
    as_of = trio.clock()
    run(trio, tmp_path / "local.parquet", as_of=as_of)
    done = run(trio, tmp_path / "spark.parquet", as_of=as_of, engine="spark")
    assert (done.scored, done.refused) == (2, 1)
    assert told(tmp_path / "spark.parquet") == told(tmp_path / "local.parquet")
    [row, _] = pq.read_table(tmp_path / "spark.parquet").to_pylist()
    assert replay(trio.keepwell, row["decision_id"], now=trio.clock()).outcome == "same"
