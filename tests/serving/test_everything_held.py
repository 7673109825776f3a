"""Export holds what erasure deletes, in every table there is: a new table fails until it does."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Float,
    Integer,
    LargeBinary,
    Table,
    insert,
    select,
)

from features.chunks import pack
from features.events import Event
from features.live import as_rows, to_columns
from features.tables import history_chunks
from governance.instants import UtcInstant
from serving.migrate import metadatas
from serving.rights.acts import erase, export
from serving.rights.export_page import render_export
from tests.serving.conftest import Shop

MARK = "planted-word"
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "consent_events": {"evidence": MARK, "purpose": "risk_scoring", "state": "refused"},
    "consent_subjects": {"relation": MARK},
    "persons": {},
    "decisions": {"result": f'{{"word":"{MARK}"}}'},
    "training_people": {"dataset_digest": MARK},
    "history_chunks": {},
    "live_events": {"text": MARK},
    "customers": {},
    "identity_links": {"other_id": "ann", "keep_id": MARK},
    "account_members": {"account_id": MARK},
    "protected_attributes": {"value": MARK},
    "given_labels": {"target": MARK},
    "review_requests": {"decided_by": MARK, "status": "upheld"},
    "complaints": {"category": MARK, "status": "resolved"},
    "interventions": {"message": MARK, "permissions": "{}"},
    "outbox": {"body": MARK},
    "contact_addresses": {"address": MARK},
    "told_scores": {"target": MARK},
    "step_up_codes": {"code_id": MARK},
    "kept_answers": {"body": MARK, "state": "kept"},
}
"""Tables that hold something about a person, with what is planted there."""

NAMELESS = {
    "customers": "that the id is there is all it says",
    "persons": "gives the random id, which the export holds",
}
"""Tables of people without a word to plant."""

STAYS = {
    "decisions": "a commitment under a random id that leads nowhere",
    "training_people": "a random id that leads nowhere",
    "review_requests": "a tally under a random id that leads nowhere",
    "complaints": "a tally under a random id that leads nowhere",
}
"""What an erasure leaves behind, with what is left of it."""

NOBODY = {
    "consent_head": "one number",
    "notices": "words for everyone",
    "notice_purposes": "words for everyone",
    "suppressions": "keyed tokens; the export says when there is one",
    "ledger_head": "one number",
    "ledger_entries": "random ids and commitments",
    "models": "figures over many",
    "signing_keys": "reviewers",
    "reviews": "reviewers",
    "history_segments": "files",
    "history_buckets": "the ids at which files begin and end; erasure rewrites those files",
    "history_pending": "files",
    "history_retired": "files",
    "sources": "files",
    "home": "the home itself",
    "api_keys": "keys",
    "staff_sessions": "which key opened a session when",
    "dashboard_figures": "figures over many",
    "annotations": "what happened, naming nobody",
    "model_monitoring": "figures over many",
    "harms": "about models, naming nobody",
    "retention_runs": "numbers",
    "published_figures": "sums of keyed hashes over groups",
    "webhook_endpoints": "addresses of the company",
    "dropped_events": "keyed digests of what was sent about someone erased, gone with their token",
    "score_news": "a place in the log",
    "experiments": "which playbook was tried when, and how it ended",
    "measurement_plans": "what is to be measured",
    "mode_unlocks": "figures over many, and who stood for them",
    "feedback_items": "what could be better, naming nobody",
    "decision_batches": "which entry of the log a batch ended with",
}
"""Tables without anything about a person, and what they hold."""


def tables() -> list[Table]:
    return [table for metadata in metadatas() for table in metadata.sorted_tables]


def test_every_table_is_known_to_hold_people_or_not() -> None:
    assert sorted(table.name for table in tables()) == sorted([*PEOPLE, *NOBODY])


@pytest.mark.parametrize("name", sorted(set(PEOPLE) - set(NAMELESS)))
def test_what_a_table_holds_of_a_person_is_in_their_export(shop: Shop, name: str) -> None:
    plant(shop, name)
    assert MARK in str(exported(shop))


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_erasure_takes_a_person_out_of_a_table(shop: Shop, name: str) -> None:
    plant(shop, name)
    erase(shop.keepwell, "ann", now=shop.clock())
    with shop.keepwell.database.read() as conn:
        [table] = [each for each in tables() if each.name == name]
        left = str(conn.execute(select(table)).all())
        nobody = shop.keepwell.persons.find(conn, "ann")
    assert "'ann'" not in left
    assert nobody is None
    assert MARK not in left or (name in STAYS and name != "decisions")


def test_the_page_holds_every_word_of_the_export(shop: Shop) -> None:
    for name in PEOPLE:
        plant(shop, name)
    found = exported(shop)
    page = render_export(found)
    for part in (found["person_id"], found["decisions"][0]["decision_id"], MARK):
        assert part in page


def exported(shop: Shop) -> dict[str, Any]:
    return export(shop.keepwell, "ann", now=shop.clock())


def plant(shop: Shop, name: str) -> None:
    """Put one row about Ann into a table, and a way from her to the random id."""
    with shop.keepwell.database.write() as conn:
        person = shop.keepwell.persons.person_id(conn, "ann")
        if name == "history_chunks":
            _plant_chunk(conn)
        elif name != "persons":
            [table] = [each for each in tables() if each.name == name]
            conn.execute(insert(table), _row(table, person))


def _row(table: Table, person: str) -> dict[str, Any]:
    row = {column.name: _filler(column.type, column.name) for column in table.columns}
    own = {"customer_id": "ann", "person_id": person, "persons": bytes.fromhex(person[7:])}
    row |= {name: value for name, value in own.items() if name in table.c}
    if table.name == "live_events":
        row |= {"subject": "customer", "kind": "order", "digest": b"d" * 16, "properties": "{}"}
        row |= dict.fromkeys(("segment_id", "corrects", "retracts", "value_micros"))
        row |= {"occurrence": 1}
    if table.name == "customers":
        row["subject"] = "customer"
    return row | dict(PEOPLE[table.name])


def _filler(kind: object, name: str) -> Any:
    if name in ("retired_at", "unlinked_at", "left_at", "left_known_at"):
        return None
    if isinstance(kind, UtcInstant):
        return THEN
    for types, value in ((Boolean, False), (JSON, []), (Float, 0.5), (Integer, 1)):
        if isinstance(kind, types):
            return value
    return b"" if isinstance(kind, LargeBinary) else f"x-{name}"[:16]


def _plant_chunk(conn: Connection) -> None:
    event = Event("ann", "order", THEN, THEN, event_id="e", text=MARK)
    packed = pack(to_columns([SimpleNamespace(**row) for row in as_rows([event])]))
    conn.execute(
        insert(history_chunks),
        {"customer_id": "ann", "subject": "customer", "segment_id": "s", "payload": packed},
    )
