"""Notes beside the trends: written by people, naming nobody, and what Keepwell itself did."""

from datetime import timedelta

import pytest

from governance.errors import InvalidInput, NotFound
from governance.log.ledger import entries, verify
from serving.access.auth import Principal, ScopeMissing
from serving.dashboard.notes import add_note, all_notes, own_notes, remove_note, written_notes
from serving.interventions.lots.experiments import open_experiment, stop
from tests.serving.conftest import Shop

GRACE = Principal("k1", "Grace", frozenset({"feedback:write"}))


class Tried:
    """A playbook that leaves a fifth alone."""

    name, kind, target, holdout_share, holdout_days = "personal_note", "outreach", "churn", 0.2, 90


def write(shop: Shop, text: str = "New prices", days_ago: float = 3) -> str:
    now = shop.clock()
    at = now - timedelta(days=days_ago)
    return add_note(shop.keepwell, text=text, happened_at=at, by="Grace", now=now).note_id


def test_a_note_is_kept_with_who_wrote_it_and_the_log_does_not_repeat_it(shop: Shop) -> None:
    note_id = write(shop)
    with shop.keepwell.database.read() as conn:
        [note] = written_notes(conn)
        last = entries(conn, limit=10_000)[-1]
        assert verify(conn, shop.keepwell.keys.ledger_public).outcome == "intact"
    assert (note.note_id, note.text, note.written_by) == (note_id, "New prices", "Grace")
    assert last.kind == "note_added"
    assert "prices" not in last.body


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ann was cross", "the id of a customer"),
        ("write to a@b.example", "an address, a number or a name"),
        (" ", "has no words"),
    ],
)
def test_a_note_that_names_somebody_is_refused(shop: Shop, text: str, why: str) -> None:
    shop.order("ann", 3)
    with pytest.raises(InvalidInput, match=why):
        write(shop, text)


@pytest.mark.parametrize("days_ago", [-1, 60_000])
def test_a_note_is_about_what_has_happened(shop: Shop, days_ago: float) -> None:
    with pytest.raises(InvalidInput, match="has happened"):
        write(shop, days_ago=days_ago)


def test_a_note_can_be_taken_away_once(shop: Shop) -> None:
    note_id = write(shop)
    remove_note(shop.keepwell, note_id, by=GRACE, now=shop.clock())
    with shop.keepwell.database.read() as conn:
        assert written_notes(conn) == ()
        assert entries(conn, limit=10_000)[-1].kind == "note_removed"
    with pytest.raises(NotFound):
        remove_note(shop.keepwell, note_id, by=GRACE, now=shop.clock())


def test_somebody_elses_note_is_an_administrators_to_take_away(shop: Shop) -> None:
    note_id = write(shop)
    with pytest.raises(ScopeMissing):
        remove_note(shop.keepwell, note_id, by=GRACE._replace(owner="Ada"), now=shop.clock())
    admin = Principal("k2", "Ada", frozenset({"admin"}))
    remove_note(shop.keepwell, note_id, by=admin, now=shop.clock())
    with shop.keepwell.database.read() as conn:
        assert written_notes(conn) == ()


def test_keepwell_notes_its_own_models_and_experiments(shop: Shop) -> None:
    shop.approve_model()
    with shop.keepwell.database.write() as conn:
        begun = open_experiment(conn, Tried(), shop.clock())
    shop.pass_days(20)
    with shop.keepwell.database.write() as conn:
        stop(
            conn, shop.keepwell.ledger, begun.experiment,
            stopped_for="harm", reason="fewer stayed", now=shop.clock(),
        )  # fmt: skip
        told = [note.text for note in own_notes(conn, now=shop.clock())]
    assert told == [
        "A model for churn was approved",
        "The experiment with “personal note” began",
        "The experiment with “personal note” was stopped because it harmed",
    ]


def test_all_notes_are_in_the_order_of_what_happened(shop: Shop) -> None:
    shop.approve_model()
    shop.pass_days(10)
    write(shop, "Prices rose", days_ago=2)
    write(shop, "The shop opened", days_ago=300)
    with shop.keepwell.database.read() as conn:
        told = [note.text for note in all_notes(conn, now=shop.clock())]
    assert told == ["The shop opened", "A model for churn was approved", "Prices rose"]
