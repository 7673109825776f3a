"""Who is at a stage of their journey, and that each occasion is met once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from features.events import Event
from features.history import Histories, read_all
from features.live import append
from features.store import HistoryStore
from serving.interventions.playbooks.playbook import STARTERS, find_playbook, load_playbooks
from serving.interventions.playbooks.stages import occasions
from serving.interventions.policy.policy import Candidate
from tests.serving.interventions.conftest import NOON, Company

DUTY = find_playbook(load_playbooks(STARTERS), "payment_help")
Happened = Mapping[str, list[tuple[str, float]]]


@pytest.fixture
def histories(small_company: Company, tmp_path: Path) -> "Histories":
    """Give what happened to a few customers, so many days before noon."""
    happened: Happened = {
        "ana": [("order", 6), ("order", 5)],
        "ben": [("order", 1)],
        "cem": [("order", 20), ("ticket_closed", 2)],
        "dora": [("order", 365.4), ("order", 400)],
        "eve": [("order", 366), ("order", 30), ("order", 5.5)],
    }
    events = [
        Event(customer, kind, NOON - timedelta(days=ago), NOON - timedelta(days=ago))
        for customer, all_of_them in happened.items()
        for kind, ago in all_of_them
    ]
    with small_company.desk.database.write() as conn:
        append(conn, events)
        permit, _ = small_company.desk.registry.permit_many(conn, "operations", happened, now=NOON)
        return read_all(conn, HistoryStore(tmp_path), permit)


def reached(histories: Histories, stage: str, *, days: int, as_of: datetime = NOON) -> set[str]:
    return {each.customer_id for each in occasions(histories, stage, days=days, as_of=as_of)}


def test_a_stage_is_due_so_many_days_after_its_event_and_fresh_for_a_week(
    histories: Histories,
) -> None:
    assert reached(histories, "after_purchase", days=5) == {"ana", "eve"}
    assert reached(histories, "after_purchase", days=1) == {"ana", "ben", "eve"}
    assert reached(histories, "after_purchase", days=13) == set()


def test_support_is_another_stage_than_a_purchase(histories: Histories) -> None:
    assert reached(histories, "after_support", days=1) == {"cem"}


def test_of_two_purchases_the_newest_that_is_due_counts(histories: Histories) -> None:
    [ana] = [
        each
        for each in occasions(histories, "after_purchase", days=5, as_of=NOON)
        if each.customer_id == "ana"
    ]

    assert ana.began_at == NOON - timedelta(days=5)


def test_the_third_order_is_the_third_in_time(histories: Histories) -> None:
    assert reached(histories, "order_3", days=5) == {"eve"}
    assert reached(histories, "order_1", days=0) == {"ana", "ben"}


def test_an_anniversary_comes_a_year_after_the_first_order(histories: Histories) -> None:
    assert reached(histories, "anniversary", days=0) == {"eve"}


@pytest.mark.parametrize("stage", ["after_purchase", "order_3", "anniversary"])
def test_the_same_occasion_has_the_same_token_a_day_later(histories: Histories, stage: str) -> None:
    def token(as_of: datetime) -> set[str]:
        found = occasions(histories, stage, days=0, as_of=as_of)
        return {each.token for each in found if each.customer_id == "eve"}

    assert token(NOON) == token(NOON + timedelta(days=1)) != set()


def test_two_purchases_are_two_occasions(histories: Histories) -> None:
    def token(as_of: datetime) -> str:
        found = occasions(histories, "after_purchase", days=5, as_of=as_of)
        return next(each.token for each in found if each.customer_id == "ana")

    assert token(NOON) != token(NOON - timedelta(hours=12))


def test_what_is_not_known_yet_begins_no_stage(histories: Histories) -> None:
    assert reached(histories, "after_purchase", days=0, as_of=NOON - timedelta(days=6)) == set()


def test_a_first_order_on_a_leap_day_has_its_anniversary_on_the_28th(
    small_company: Company, tmp_path: Path
) -> None:
    leap = datetime.fromisoformat("2024-02-29T09:00:00+00:00")
    with small_company.desk.database.write() as conn:
        append(conn, [Event("leo", "order", leap, leap)])
        permit, _ = small_company.desk.registry.permit_many(conn, "operations", ["leo"], now=NOON)
        found = read_all(conn, HistoryStore(tmp_path), permit)
    as_of = datetime.fromisoformat("2026-03-01T00:00:00+00:00")

    [leo] = occasions(found, "anniversary", days=0, as_of=as_of)
    assert leo.began_at == datetime.fromisoformat("2026-02-28T09:00:00+00:00")


def test_an_occasion_is_answered_once_though_two_runs_found_it_at_once(company: Company) -> None:
    """Both looked before either had written: the second finds it answered under the lock."""
    failed = Candidate(customer_id="ana", purpose=None, trigger="after_failed_payment 1f")
    company.runs_for([failed], playbook=DUTY)
    company.sends()

    again = company.runs_for([failed], playbook=DUTY)
    later = company.runs_for([replace(failed, trigger="after_failed_payment 2c")], playbook=DUTY)

    assert again.refused == {"answered_before": 1}
    assert later.count("queued") == 1
