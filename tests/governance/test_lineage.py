"""Which models learned from whom, under ids that an erasure cuts off."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from governance.lineage import Trained, learned_from, note_people, people_of
from governance.pseudonym import PersonIds
from governance.tables import training_people
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PERSONS = st.sets(st.integers(0, 40), max_size=20)


def person(number: int) -> str:
    return f"person_{number:032x}"


def test_a_person_leads_to_the_data_set_and_the_model(database: Database) -> None:
    with database.write() as conn:
        who = PersonIds().person_id(conn, "ann")
        note_people(conn, model_digest="m", dataset_digest="d", persons={who}, now=NOW)
        assert learned_from(conn, who) == [Trained("m", "d", NOW)]
        assert learned_from(conn, person(1)) == []


def test_a_model_without_a_record_says_so(database: Database) -> None:
    with database.read() as conn:
        assert people_of(conn, "m") is None


def test_writing_it_down_again_changes_nothing(database: Database) -> None:
    with database.write() as conn:
        for persons in ({person(1)}, {person(2)}):
            note_people(conn, model_digest="m", dataset_digest="d", persons=persons, now=NOW)
        assert people_of(conn, "m") == (person(1),)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PERSONS, st.integers(0, 40))
def test_exactly_those_are_found_who_are_in_it(
    sqlite_database: Database, persons: set[int], asked: int
) -> None:
    ids = {person(each) for each in persons}
    with sqlite_database.write() as conn:
        conn.execute(delete(training_people))
        note_people(conn, model_digest="m", dataset_digest="d", persons=ids, now=NOW)
        assert set(people_of(conn, "m") or ()) == ids
        assert bool(learned_from(conn, person(asked))) == (asked in persons)
