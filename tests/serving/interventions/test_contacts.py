"""Contacts that happened outside Keepwell count, too."""

from datetime import timedelta
from pathlib import Path

from features.events import Event
from features.history import read_all
from features.live import append
from features.store import HistoryStore
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
