"""What a home has kept long enough goes, and nothing else does."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from features.compaction import tidy
from features.history import read_everything_of
from features.store import buckets
from governance.consent.record import ConsentChange
from governance.instants import to_text
from governance.log.decision import check_commitments, load
from governance.log.ledger import entries, verify
from governance.tables import decisions as decisions_table
from serving.intake import take_events
from serving.interventions.tables import outbox
from serving.permission.consents import change_consent, withdraw
from serving.record.dossier import write_dossier
from serving.record.replay import replay
from serving.rights.retention import apply_if_due, apply_retention, retention_in_words
from serving.settings_rights import RetentionSettings
from tests.serving.conftest import Shop


def with_limits(shop: Shop, **days: int | bool) -> Shop:
    """Open the same home with other limits."""
    limits = RetentionSettings.model_validate(days)
    settings = shop.keepwell.settings.model_copy(update={"retention": limits})
    return Shop(replace(shop.keepwell, settings=settings), shop.clock)


def applied(shop: Shop, *, dry_run: bool = False) -> dict[str, int]:
    found = apply_retention(shop.keepwell, now=shop.clock(), dry_run=dry_run)
    return {each.kind: each.n for each in found if each.n}


def history(shop: Shop) -> list[tuple[str, str | None]]:
    with shop.keepwell.database.read() as conn:
        found = read_everything_of(conn, "ann")
    return [
        (event["kind"], event.get("text")) for event in found if event["kind"] != "consent_changed"
    ]


def writes(shop: Shop, kind: str, text: str | None, *, days_ago: float) -> None:
    event = {
        "customer_id": "ann",
        "kind": kind,
        "event_id": f"{kind} {days_ago}",
        "occurred_at": to_text(shop.clock() - timedelta(days=days_ago)),
    }
    sent = event if text is None else {**event, "text": text}
    assert take_events(shop.keepwell, [sent], clock=shop.clock).count("written") == 1


def score(shop: Shop) -> str:
    found = shop.scorer.score(["ann"], targets=["churn"]).results[0]
    assert found.status == "scored"
    return found.scores["churn"].decision_id


@pytest.mark.parametrize("compacted", [False, True])
def test_events_past_their_time_go_from_database_and_files(regular: Shop, compacted: bool) -> None:
    if compacted:
        tidy(regular.keepwell.database, regular.keepwell.store, now=regular.clock())
    shop = with_limits(regular, events_days=50)
    assert applied(shop) == {"events": 2}
    assert history(shop) == [("order", None)]
    with shop.keepwell.database.read() as conn:
        assert sum(each.rows for each in buckets(conn)) == (2 if compacted else 0)


def test_what_still_holds_stays_however_old(regular: Shop) -> None:
    writes(regular, "profile", None, days_ago=400)
    assert applied(with_limits(regular, events_days=30)) == {"events": 3}
    assert history(regular) == [("profile", None)]


@pytest.mark.parametrize("compacted", [False, True])
def test_texts_past_their_time_go_and_their_events_stay(regular: Shop, compacted: bool) -> None:
    writes(regular, "ticket_opened", "an old complaint", days_ago=90)
    writes(regular, "ticket_opened", "a new one", days_ago=5)
    if compacted:
        tidy(regular.keepwell.database, regular.keepwell.store, now=regular.clock())
    assert applied(with_limits(regular, texts_days=30)) == {"texts": 1}
    tickets = [text for kind, text in history(regular) if kind == "ticket_opened"]
    assert tickets == [None, "a new one"]


def test_by_default_no_event_goes(regular: Shop) -> None:
    regular.pass_days(5_000)
    assert "events" not in applied(regular)


def test_a_dry_run_counts_the_same_and_changes_nothing(regular: Shop) -> None:
    decision = score(regular)
    regular.pass_days(40)
    shop = with_limits(regular, events_days=50, decisions_days=30)
    told = applied(shop, dry_run=True)
    assert len(history(shop)) == 3
    with shop.keepwell.database.read() as conn:
        assert load(conn, decision).person_id is not None
    assert applied(shop) == told == {"events": 3, "decisions": 1}


def test_applying_again_finds_nothing(regular: Shop) -> None:
    score(regular)
    regular.pass_days(40)
    shop = with_limits(regular, events_days=50, decisions_days=30)
    applied(shop)
    assert applied(shop) == {}


def test_a_retired_decision_speaks_of_nobody_and_replays_as_not_kept(regular: Shop) -> None:
    decision = score(regular)
    regular.pass_days(40)
    applied(with_limits(regular, decisions_days=30))
    with regular.keepwell.database.read() as conn:
        found = load(conn, decision)
    assert (found.person_id, found.result, found.feature_digest) == (None, None, None)
    again = replay(regular.keepwell, decision, now=regular.clock())
    assert again.outcome == "cannot_say"
    assert again.differences[0].startswith("retention")


def test_a_replay_over_history_that_is_not_kept_says_so(regular: Shop) -> None:
    decision = score(regular)
    applied(with_limits(regular, events_days=50))
    again = replay(regular.keepwell, decision, now=regular.clock())
    assert again.outcome == "cannot_say"
    assert again.differences == ("retention: history of that time is not kept any more",)


def test_the_log_stays_intact_and_tells_of_the_run(regular: Shop) -> None:
    score(regular)
    regular.pass_days(40)
    applied(with_limits(regular, decisions_days=30))
    with regular.keepwell.database.read() as conn:
        assert verify(conn, regular.keepwell.keys.ledger_public).outcome == "intact"
        assert check_commitments(conn).bad == ()
        assert entries(conn, limit=1_000)[-1].kind == "retention"


def test_a_decision_emptied_without_a_logged_retention_is_found(regular: Shop) -> None:
    decision = score(regular)
    with regular.keepwell.database.write() as conn:
        emptied = {"person_id": None, "result": None, "salt": "", "retired_at": regular.clock()}
        conn.execute(update(decisions_table).values(emptied))
        assert decision in check_commitments(conn).bad


def test_the_last_word_stays_however_old(regular: Shop) -> None:
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    regular.pass_days(400)
    assert applied(with_limits(regular, consent_history_days=365))["consent words"] == 1
    with regular.keepwell.database.read() as conn:
        words = regular.keepwell.registry.history(conn, "ann")
    assert [word.state for word in words] == ["withdrawn"]


def test_a_recent_word_keeps_the_history_before_it(regular: Shop) -> None:
    regular.pass_days(400)
    change = ConsentChange(
        customer_id="ann",
        purpose="risk_scoring",
        state="given",
        mechanism="checkbox_ticked",
        evidence="form 2",
    )
    change_consent(regular.keepwell, change, clock=regular.clock)
    assert "consent words" not in applied(with_limits(regular, consent_history_days=365))


def test_messages_go_when_they_are_finished_and_old(regular: Shop) -> None:
    now = regular.clock()
    row = {
        "type": "consent.changed",
        "body": "{}",
        "reason": "",
        "created_at": now,
        "due_at": now,
        "attempts": 1,
        "fence": 1,
    }
    with regular.keepwell.database.write() as conn:
        for name, status, end in (("a", "delivered", now), ("b", "pending", None)):
            more = {"message_id": name, "status": status, "finished_at": end}
            conn.execute(insert(outbox), {**row, **more})
    regular.pass_days(100)
    assert applied(regular)["messages"] == 1


def test_a_bundle_goes_when_it_neither_serves_nor_is_named_by_a_kept_decision(
    regular: Shop,
) -> None:
    score(regular)
    regular.approve_model(intercept=1.0)
    regular.pass_days(400)
    assert applied(with_limits(regular, bundles_days=30))["bundles"] == 1
    assert applied(with_limits(regular, bundles_days=30, decisions_days=30))["bundles"] == 1
    assert list(regular.keepwell.home.bundles.iterdir()) == []


def test_a_serving_bundle_stays(regular: Shop) -> None:
    regular.pass_days(100)
    limits = with_limits(regular, bundles_days=30, decisions_days=30)
    assert "bundles" not in applied(limits)


def test_old_dossiers_go(regular: Shop) -> None:
    page, twin = write_dossier(regular.keepwell, score(regular), now=regular.clock())
    long_ago = (regular.clock() - timedelta(days=400)).timestamp()
    for path in (page, twin):
        os.utime(path, (long_ago, long_ago))
    assert applied(regular)["reports"] == 2
    assert not page.exists()


def test_it_runs_by_itself_only_where_asked_and_once_a_day(regular: Shop) -> None:
    assert not apply_if_due(regular.keepwell, now=regular.clock())
    shop = with_limits(regular, automatic=True)
    assert apply_if_due(shop.keepwell, now=shop.clock())
    assert not apply_if_due(shop.keepwell, now=shop.clock())
    shop.pass_days(1)
    assert apply_if_due(shop.keepwell, now=shop.clock())


def test_every_limit_is_said_in_words() -> None:
    said = {each.what: each.how_long for each in retention_in_words(RetentionSettings())}
    assert said["events of a customer's history"] == "until erasure"
    assert said["scores and other decisions"] == "3 years"


def test_files_that_a_crash_left_go_with_the_next_run(
    regular: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _ = write_dossier(regular.keepwell, score(regular), now=regular.clock())
    long_ago = (regular.clock() - timedelta(days=400)).timestamp()
    os.utime(page, (long_ago, long_ago))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("serving.rights.retention._delete_files", dies)
        with pytest.raises(KeyboardInterrupt):
            apply_retention(regular.keepwell, now=regular.clock())
    assert page.exists()
    assert applied(regular) == {"reports": 1}
    assert not page.exists()
