"""A home whose journal is gone, cut short or another serves nothing; it can still be looked at."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.errors import IntegrityBroken, InvalidInput
from governance.log.ledger import entries
from serving.bootstrap import open_home
from serving.doctor import examine
from serving.permission.consents import withdraw
from serving.record.restore import accept_loss, standing
from serving.rights.acts import settle
from tests.serving.conftest import Shop
from tests.serving.test_cli import Commands

Harm = Callable[[Path], object]


def is_gone(journal: Path) -> None:
    journal.unlink()


def is_short(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[:-40])


def is_another(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[::-1])


def is_another_and_longer(journal: Path) -> None:
    journal.write_bytes(b"x" * 5_000 + b"\n")


HARMS = pytest.mark.parametrize("harm", [is_gone, is_short, is_another, is_another_and_longer])


@pytest.fixture
def spoken(shop: Shop) -> Shop:
    """Give a home that journalled two withdrawals."""
    for purpose in ("risk_scoring", "model_training"):
        withdraw(shop.keepwell, "ann", purpose, actor="customer", clock=shop.clock)
    return shop


@HARMS
def test_nothing_is_served_beside_a_journal_that_is_not_the_homes(spoken: Shop, harm: Harm) -> None:
    settle(spoken.keepwell, now=spoken.clock())
    harm(spoken.keepwell.journal.path)
    with pytest.raises(IntegrityBroken, match="gone, cut short or another"):
        settle(spoken.keepwell, now=spoken.clock())


def test_a_journal_put_back_is_served_again(spoken: Shop) -> None:
    kept = spoken.keepwell.journal.path.read_bytes()
    spoken.keepwell.journal.path.unlink()
    spoken.keepwell.journal.path.write_bytes(kept)
    assert settle(spoken.keepwell, now=spoken.clock()) == 0


@HARMS
def test_a_no_is_still_heard_but_the_loss_is_not_grown_over(spoken: Shop, harm: Harm) -> None:
    harm(spoken.keepwell.journal.path)
    for k in range(9):
        withdraw(spoken.keepwell, f"c{k}", "risk_scoring", actor="customer", clock=spoken.clock)
    with spoken.keepwell.database.read() as conn:
        assert standing(spoken.keepwell, conn) == "lost"


def test_doctor_says_how_the_journal_stands(spoken: Shop) -> None:
    def found() -> str:
        root = spoken.keepwell.home.root
        return {each.name: each.outcome for each in examine(root, now=spoken.clock())}["journal"]

    assert found() == "ok"
    spoken.keepwell.journal.append("withdrawal", now=spoken.clock(), customer_id="bob")
    assert found() == "attention"
    spoken.keepwell.journal.path.unlink()
    assert found() == "missing"


@HARMS
def test_the_loss_can_be_accepted_and_the_log_keeps_it(spoken: Shop, harm: Harm) -> None:
    known = spoken.keepwell.journal.position
    harm(spoken.keepwell.journal.path)
    assert accept_loss(spoken.keepwell, now=spoken.clock()) == known
    assert settle(spoken.keepwell, now=spoken.clock()) == 0
    with spoken.keepwell.database.read() as conn:
        assert entries(conn, limit=1_000)[-1].kind == "journal_lost"


def test_what_is_not_lost_cannot_be_given_up(spoken: Shop) -> None:
    with pytest.raises(InvalidInput, match="the one this database knows"):
        accept_loss(spoken.keepwell, now=spoken.clock())


def test_on_the_command_line_such_a_home_can_be_looked_at_and_nothing_else(
    tmp_path: Path,
) -> None:
    kw = Commands(tmp_path / "home")
    kw("init")
    assert kw("consent", "withdraw", "ann", "risk_scoring").code == 0
    keepwell = open_home(tmp_path / "home")
    keepwell.journal.path.unlink()
    keepwell.close()
    told = kw("consent", "show", "ann")
    assert (told.code != 0, "accept-lost-journal" in told.error["hint"]) == (True, True)
    verified = kw("ledger", "verify")
    assert (verified.code, verified.json["outcome"]) == (0, "intact")
    assert "gone, cut short or another" in verified.err
    assert kw("ledger", "head").code == 0
    assert kw("ledger", "accept-lost-journal", typed="n\n").code != 0
    assert kw("consent", "show", "ann").code != 0
    assert kw("ledger", "accept-lost-journal", "--yes").code == 0
    assert kw("consent", "show", "ann").code == 0


def test_a_database_of_before_the_seal_takes_the_journal_as_it_finds_it(spoken: Shop) -> None:
    with spoken.keepwell.database.write() as conn:
        conn.exec_driver_sql("UPDATE home SET journal_seal = NULL")
    assert settle(spoken.keepwell, now=datetime.now(UTC)) == 0
