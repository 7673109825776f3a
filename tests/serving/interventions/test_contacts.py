"""Contacts that happened outside Keepwell count, too."""

from datetime import timedelta
from pathlib import Path

from features.events import Event
from features.history import read_all
from features.live import append
from features.store import HistoryStore
from serving.interventions.delivery.leases import Dropped
from serving.interventions.policy.contacts import outside_contacts
from tests.serving.interventions.conftest import NOON, Company


def test_recent_contacts_outside_are_counted_per_customer(
    small_company: Company, tmp_path: Path
) -> None:
    def happened(customer: str, kind: str, days_ago: float) -> Event:
        at = NOON - timedelta(days=days_ago)
        return Event(customer, kind, at, at)

    with small_company.desk.database.write() as conn:
        append(
            conn,
            [
                happened("ana", "contact_outside", 3),
                happened("ana", "email_delivered", 29),
                happened("ana", "contact_outside", 31),
                happened("ben", "order", 1),
                happened("cem", "contact_outside", 30),
            ],
        )
    with small_company.desk.database.read() as conn:
        permit, _ = small_company.desk.registry.permit_many(
            conn, "operations", ["ana", "ben", "cem"], now=NOON
        )
        histories = read_all(conn, HistoryStore(tmp_path), permit)

    found = outside_contacts(histories, since=NOON - timedelta(days=30), until=NOON)

    assert found == {"ana": 2, "cem": 1}


def test_a_contact_outside_since_it_was_queued_stops_what_would_pass_a_cap(
    company: Company,
) -> None:
    company.agrees("ana")
    company.runs("ana")
    called_twice(company, "ana")
    company.passes(days=0.01)

    found = company.claims()

    assert isinstance(found, Dropped)
    assert company.status("ana") == ("cancelled", "contact_cap")


def test_a_retry_is_not_stopped_by_the_cap_it_has_counted_for(company: Company) -> None:
    company.agrees("ana")
    company.runs("ana")
    claim = company.must_claim()
    assert company.goes(claim) is not None
    assert company.finishes(claim, "retry", 503) == "retry"
    called_twice(company, "ana")
    company.passes(days=1)

    assert company.sends() == "delivered"


def called_twice(company: Company, customer: str) -> None:
    """Let somebody outside Keepwell call a customer twice: as often as may be in 30 days."""
    calls = [
        Event(customer, "contact_outside", company.now - timedelta(minutes=k), company.now)
        for k in (0, 1)
    ]
    with company.desk.database.write() as conn:
        append(conn, calls)
