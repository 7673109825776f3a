"""Export, erasure, objection, and what comes back after a restore."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from governance.errors import NotFound
from governance.log.ledger import verify
from serving.access.auth import Unauthenticated, authenticate, split_key
from serving.access.key_issue import end_key
from serving.bootstrap import open_home
from serving.doctor import examine
from serving.migrate import metadatas
from serving.permission.consents import withdraw
from serving.rights.acts import erase, export, object_to_processing, settle
from serving.rights.review_queue import request_review
from tests.serving.conftest import Shop


def test_export_holds_events_words_and_scores(regular: Shop) -> None:
    regular.scorer.score(["ann"], targets=["churn"])
    found = export(regular.keepwell, "ann", now=regular.clock())
    assert {event["kind"] for event in found["events"]} == {"order", "consent_changed"}
    assert [word["purpose"] for word in found["consents"]] == ["risk_scoring"]
    assert found["decisions"][0]["result"]["probability"] > 0


def test_after_erasure_no_table_names_the_customer(regular: Shop) -> None:
    regular.permit("ann", "outreach.email")
    regular.scorer.score(["ann"], targets=["churn"])
    erase(regular.keepwell, "ann", now=regular.clock())
    assert tables_naming(regular, "ann") == []


def test_after_erasure_every_read_is_refused(regular: Shop) -> None:
    erase(regular.keepwell, "ann", now=regular.clock())
    found = regular.scorer.score(["ann"], targets=["churn"], may_see_refusals=True).results[0]
    assert (found.status, found.reason) == ("refused", "suppressed")


def test_the_log_stays_intact_through_an_erasure(regular: Shop) -> None:
    regular.scorer.score(["ann"], targets=["churn"])
    erase(regular.keepwell, "ann", now=regular.clock())
    with regular.keepwell.database.read() as conn:
        assert verify(conn, regular.keepwell.keys.ledger_public).outcome == "intact"


def test_nothing_can_be_erased_or_exported_of_nobody(shop: Shop) -> None:
    for right in (erase, export):
        with pytest.raises(NotFound, match="no such customer"):
            right(shop.keepwell, "nobody", now=shop.clock())


def test_an_objection_stops_scoring(regular: Shop) -> None:
    object_to_processing(regular.keepwell, "ann", now=regular.clock())
    found = regular.scorer.score(["ann"], targets=["churn"], may_see_refusals=True).results[0]
    assert (found.status, found.reason) == ("refused", "objected")


def test_a_request_for_review_is_never_a_feature(regular: Shop) -> None:
    before = regular.scorer.score(["ann"], targets=["churn"]).results[0]
    request_review(regular.keepwell, "ann", reason="this is not me", clock=regular.clock)
    after = regular.scorer.score(["ann"], targets=["churn"]).results[0]
    assert before.scores["churn"].reasons[1] == after.scores["churn"].reasons[1]


def test_withdrawal_and_erasure_survive_a_restore(regular: Shop, tmp_path: Path) -> None:
    regular.order("bob", 10)
    regular.permit("bob")
    backup = tmp_path / "backup.db"
    home = regular.keepwell.home
    regular.keepwell.close()
    shutil.copyfile(home.database_file, backup)
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    erase(regular.keepwell, "bob", now=regular.clock())
    regular.keepwell.close()
    for file in home.var.glob("keepwell.db*"):
        file.unlink()
    shutil.copyfile(backup, home.database_file)

    restored = Shop(open_home(home.root), regular.clock)
    assert settle(restored.keepwell, now=regular.clock()) == 1
    answer = restored.scorer.score(["ann", "bob"], targets=["churn"], may_see_refusals=True)
    assert [each.reason for each in answer.results] == ["withdrawn", "suppressed"]
    assert settle(restored.keepwell, now=regular.clock()) == 0
    restored.keepwell.close()


def test_a_person_who_came_back_is_not_erased_again(regular: Shop) -> None:
    erase(regular.keepwell, "ann", now=regular.clock())
    regular.permit("ann")
    regular.order("ann", 3)
    settle(regular.keepwell, now=regular.clock())
    found = regular.scorer.score(["ann"], targets=["churn"]).results[0]
    assert found.status == "scored"


def test_objections_and_revoked_keys_survive_a_restore_too(regular: Shop, tmp_path: Path) -> None:
    keepwell, home = regular.keepwell, regular.keepwell.home
    key = regular.key("score:read")
    keepwell.close()
    backup = tmp_path / "backup.db"
    shutil.copyfile(home.database_file, backup)
    object_to_processing(keepwell, "ann", now=regular.clock())
    end_key(keepwell, split_key(key)[0], now=regular.clock())
    keepwell.close()
    for file in home.var.glob("keepwell.db*"):
        file.unlink()
    shutil.copyfile(backup, home.database_file)

    checks = {each.name: each for each in examine(home.root, now=regular.clock())}
    assert checks["journal"].outcome == "attention"
    restored = Shop(open_home(home.root), regular.clock)
    settle(restored.keepwell, now=regular.clock())
    answer = restored.scorer.score(["ann"], targets=["churn"], may_see_refusals=True)
    assert answer.results[0].reason == "objected"
    with restored.keepwell.database.read() as conn, pytest.raises(Unauthenticated):
        authenticate(conn, key, now=regular.clock())
    restored.keepwell.close()
    checks = {each.name: each for each in examine(home.root, now=regular.clock())}
    assert checks["journal"].outcome == "ok"


def tables_naming(shop: Shop, customer_id: str) -> list[str]:
    """List the tables in which some value is the customer's id, or holds it as a JSON string."""
    found = []
    with shop.keepwell.database.read() as conn:
        for table in (table for each in metadatas() for table in each.sorted_tables):
            cells = [str(cell) for row in conn.execute(select(table)) for cell in row]
            if any(cell == customer_id or f'"{customer_id}"' in cell for cell in cells):
                found.append(table.name)
    return found
