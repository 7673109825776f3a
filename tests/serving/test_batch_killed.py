"""A batch that is killed leaves nothing that looks like a score, and the next one begins anew."""

from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select

from governance.log.decision import check_commitments, recent
from governance.log.decision_batch import ABANDONED
from governance.tables import decision_batches, decisions
from serving.permission.consents import withdraw
from serving.rights.acts import erase
from serving.scoring.batch import Batch, score_everyone
from tests.serving.children import forked
from tests.serving.conftest import Shop
from tests.serving.dying_batch import BEFORE, score_everyone_and_die
from tests.serving.test_killed import intact, kill


@pytest.fixture(scope="module")
def children() -> ForkServerContext:
    return forked()


@pytest.fixture
def duo(regular: Shop) -> Shop:
    regular.order("bob", 200, 150)
    regular.permit("bob")
    return regular


def killed(shop: Shop, children: ForkServerContext, out: Path, point: str) -> None:
    given = (str(shop.keepwell.home.root), str(out), point, shop.clock().isoformat())
    kill(children, score_everyone_and_die, *given)


def run(shop: Shop, out: Path) -> Batch:
    target = shop.keepwell.target("churn")
    return score_everyone(shop.keepwell, target, out=out, clock=shop.clock)


def laid_down(shop: Shop) -> int:
    with shop.keepwell.database.read() as conn:
        return conn.scalar(select(func.count()).select_from(decisions)) or 0


@pytest.mark.parametrize("point", BEFORE)
def test_killed_before_its_commit_it_leaves_nothing_that_looks_like_a_score(
    duo: Shop, children: ForkServerContext, tmp_path: Path, point: str
) -> None:
    out = tmp_path / "scores.parquet"
    killed(duo, children, out, point)
    assert not out.exists()
    with duo.keepwell.database.read() as conn:
        assert recent(conn, limit=9) == []
        assert check_commitments(conn).bad == ()
    assert intact(duo)
    assert run(duo, out).scored == 2
    assert pq.read_table(out).num_rows == 2
    assert list(tmp_path.glob(".scores*")) == []


def test_killed_after_its_commit_the_verdicts_stand_and_the_file_is_not_there(
    duo: Shop, children: ForkServerContext, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    killed(duo, children, out, "given")
    with duo.keepwell.database.read() as conn:
        assert [each.outcome for each in recent(conn, limit=9)] == ["scored", "scored"]
        assert check_commitments(conn).bad == ()
    assert not out.exists()
    assert intact(duo)


def test_what_a_dead_batch_laid_down_is_swept_by_the_next(
    duo: Shop, children: ForkServerContext, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    killed(duo, children, out, "laid")
    assert laid_down(duo) == 2
    duo.pass_days((ABANDONED + timedelta(minutes=1)) / timedelta(days=1))
    run(duo, out)
    assert laid_down(duo) == 2
    with duo.keepwell.database.read() as conn:
        assert len(conn.execute(select(decision_batches)).all()) == 1


def test_withdrawal_and_erasure_reach_what_a_dead_batch_laid_down(
    duo: Shop, children: ForkServerContext, tmp_path: Path
) -> None:
    killed(duo, children, tmp_path / "scores.parquet", "laid")
    withdraw(duo.keepwell, "ann", "risk_scoring", actor="customer", clock=duo.clock)
    erase(duo.keepwell, "bob", now=duo.clock())
    with duo.keepwell.database.read() as conn:
        assert conn.execute(select(decisions.c.result)).scalars().all() == [None, None]


def test_a_batch_that_fails_takes_away_what_it_laid_down(
    duo: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("serving.scoring.batch._write", full)
    with pytest.raises(OSError, match="no space"):
        run(duo, tmp_path / "scores.parquet")
    assert laid_down(duo) == 0
    assert list(tmp_path.glob("*scores*")) == []
