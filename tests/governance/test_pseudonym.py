"""Random ids, keyed pseudonyms and the tokens of erased people."""

from datetime import UTC, datetime, timedelta

import pytest

from governance.errors import ConfigurationError
from governance.pseudonym import PersonIds, Pseudonymiser, Suppression, is_pseudonym
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY, OTHER = b"k" * 32, b"o" * 32
PERSONS = PersonIds()


def test_a_customer_keeps_one_person_id(database: Database) -> None:
    with database.write() as conn:
        first = PERSONS.person_id(conn, "anna")
        assert PERSONS.person_id(conn, "anna") == first
        assert PERSONS.customer_of(conn, first) == "anna"
        assert "anna" not in first


def test_many_customers_get_their_ids_at_once(database: Database) -> None:
    people = [f"c{i}" for i in range(1200)]
    with database.write() as conn:
        known = PERSONS.person_id(conn, "c7")
        found = PERSONS.person_ids(conn, people)
    assert found["c7"] == known
    assert len(set(found.values())) == 1200


def test_very_many_are_found_whatever_order_the_database_has(database: Database) -> None:
    people = [f"{'cC'[i % 2]}_{i}é" for i in range(2_200)]
    with database.write() as conn:
        first = PERSONS.person_ids(conn, people)
        assert sorted(first) == sorted(people)
        assert PERSONS.find_many(conn, people) == first


def test_erasure_destroys_the_only_way_back(database: Database) -> None:
    with database.write() as conn:
        person = PERSONS.person_id(conn, "anna")
        assert PERSONS.destroy(conn, "anna") == person
        assert PERSONS.customer_of(conn, person) is None
        assert PERSONS.person_id(conn, "anna") != person


def test_a_pseudonym_is_stable_under_one_key_and_unlike_under_another() -> None:
    pseudonym = Pseudonymiser(KEY).of("anna")
    assert pseudonym == Pseudonymiser(KEY).of("anna")
    assert pseudonym != Pseudonymiser(OTHER).of("anna")
    assert is_pseudonym(pseudonym)
    assert not is_pseudonym("anna")
    assert Pseudonymiser(KEY).of_many(["anna", pseudonym]) == [pseudonym, pseudonym]


def test_no_two_uses_of_a_key_give_the_same_token() -> None:
    assert Suppression(KEY).token("anna")[:32] not in Pseudonymiser(KEY).of("anna")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        Suppression(b"short")


def test_a_suppression_lapses(database: Database) -> None:
    suppression = Suppression(KEY, keep=timedelta(days=10))
    with database.write() as conn:
        until = suppression.suppress(conn, "anna", now=NOW, sequence=1)
        assert suppression.suppressed_among(conn, ["anna", "bert"], now=NOW) == {"anna"}
        assert not suppression.is_suppressed(conn, "anna", now=until)
        assert suppression.forget_lapsed(conn, now=until) == 1


def test_a_suppression_is_lifted_when_the_person_returns(database: Database) -> None:
    suppression = Suppression(KEY)
    with database.write() as conn:
        suppression.suppress(conn, "anna", now=NOW, sequence=1)
        suppression.suppress(conn, "anna", now=NOW, sequence=2)
        assert suppression.lift(conn, "anna")
        assert not suppression.is_suppressed(conn, "anna", now=NOW)
