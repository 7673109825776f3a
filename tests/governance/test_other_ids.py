"""What is about a person counts under all their ids; what they consented to stays per id."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from governance.consent.judgement import Facts, RawRecord, Situation, question, refusal_reason
from governance.consent.purposes import PurposeRules
from governance.consent.registry import ConsentRegistry, Refusal
from governance.instants import to_micros
from serving.database import Database
from tests.governance.test_consent import DAY, NOW, SECOND, verdict, yes


def same(conn: Connection, ids: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Say that Anna is also known as anna@work; Bert is somebody else."""
    return {"anna": frozenset({"anna@work"}), "anna@work": frozenset({"anna"})}


def linked(rules: PurposeRules | None = None) -> ConsentRegistry:
    return ConsentRegistry(rules or PurposeRules(), home_kind="production", other_ids=same)


def objects(
    database: Database, rules: ConsentRegistry, who: str, *, now: datetime = NOW - SECOND
) -> None:
    with database.write() as conn:
        rules.object(conn, who, now=now)


def describe(database: Database, who: str, **facts: Any) -> None:
    with database.write() as conn:
        linked().describe_subject(conn, who, now=NOW, **facts)


def test_an_objection_under_another_id_stops_what_it_is_about(database: Database) -> None:
    rules = linked()
    objects(database, rules, "anna@work")
    assert verdict(database, yes(), rules=rules) == "objected"
    asked = "outreach.email"
    assert verdict(database, yes(purpose=asked), purpose=asked, rules=rules) == "objected"
    asked = "model_training"  # by consent: an objection is not about it
    assert verdict(database, yes(purpose=asked), purpose=asked, rules=rules) == "permitted"


def test_a_later_explicit_yes_under_the_id_itself_lifts_it(database: Database) -> None:
    rules = linked()
    objects(database, rules, "anna@work", now=NOW - DAY)
    later = yes(occurred_at=NOW - SECOND, explicit=True, evidence="form 18")
    assert verdict(database, later, rules=rules) == "permitted"


def test_a_minor_under_another_id_needs_a_guardian(database: Database) -> None:
    rules = linked()
    describe(database, "anna@work", adult_from=NOW + 900 * DAY)
    assert verdict(database, yes(), rules=rules) == "minor"
    guarded = yes(occurred_at=NOW, guardian_evidence="letter 4", evidence="form 18")
    assert verdict(database, guarded, rules=rules) == "permitted"


def test_staff_under_another_id_is_never_scored(database: Database) -> None:
    rules = linked()
    describe(database, "anna@work", relation="employee")
    assert verdict(database, yes(), rules=rules) == "employee"


def test_consent_under_another_id_is_none(database: Database) -> None:
    assert verdict(database, yes("anna@work"), rules=linked()) == "no_record"


def test_the_age_of_another_id_does_not_make_an_unknown_age_known(database: Database) -> None:
    describe(database, "anna@work", adult_from=NOW - 900 * DAY)
    found = verdict(
        database,
        yes(purpose="wellbeing_inference", explicit=True),
        purpose="wellbeing_inference",
        rules=linked(PurposeRules(age_required=frozenset({"wellbeing_inference"}))),
    )
    assert found == "age_unknown"


def test_facts_of_another_id_that_cannot_be_believed_deny(sqlite_database: Database) -> None:
    describe(sqlite_database, "anna@work", adult_from=NOW - DAY)
    with sqlite_database.write() as conn:
        conn.execute(text("UPDATE consent_subjects SET adult_from = 'soon'"))
    assert verdict(sqlite_database, yes(), rules=linked()) == "malformed"


def test_links_that_cannot_be_read_deny(sqlite_database: Database) -> None:
    def unreadable(conn: Connection, ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        conn.execute(text("SELECT 1 FROM nowhere"))
        return {}

    rules = ConsentRegistry(PurposeRules(), home_kind="production", other_ids=unreadable)
    assert verdict(sqlite_database, yes(), rules=rules) == "unreachable"


def test_a_batch_learns_what_was_said_of_another_id_since(database: Database) -> None:
    rules = linked()
    with database.write() as conn:
        for who in ("anna", "bert"):
            rules.record(conn, yes(who, evidence=f"form {who}"), now=NOW)
        permit, _ = rules.permit_many(conn, "risk_scoring", ["anna", "bert"], now=NOW)
    objects(database, rules, "anna@work")
    with database.write() as conn:
        assert rules.changed_since(conn, permit, hold=True) == {"anna"}


def test_a_caller_who_has_just_looked_is_believed(sqlite_database: Database) -> None:
    rules = ConsentRegistry(PurposeRules(), home_kind="production")
    objects(sqlite_database, rules, "anna@work")
    with sqlite_database.write() as conn:
        rules.record(conn, yes(), now=NOW)
        found = rules.permit(conn, "anna", "risk_scoring", now=NOW, others={"anna@work"})
        _, refused = rules.permit_many(
            conn, "risk_scoring", ["anna"], now=NOW, others={"anna": {"anna@work"}}
        )
    assert isinstance(found, Refusal)
    assert (found.reason, refused) == ("objected", {"anna": "objected"})


INSTANTS = st.sampled_from([None, *(to_micros(NOW + timedelta(days=d)) for d in (-9, -1, 1))])
RELATIONS = st.sampled_from([None, "customer", "employee", "alien"])
FACTS = st.builds(Facts, INSTANTS, INSTANTS, RELATIONS)
RECORDS = st.builds(
    RawRecord,
    event_id=st.just("e1"),
    state=st.sampled_from(["given", "withdrawn"]),
    occurred_at=st.just(to_micros(NOW - 2 * DAY)),
    expires_at=st.none(),
    evidence=st.just("form 17"),
    explicit=st.sampled_from([0, 1]),
    notice_id=st.none(),
    notice_version=st.none(),
    guardian_evidence=st.sampled_from([None, "letter 4"]),
)


@given(
    own=FACTS,
    elsewhere=st.lists(FACTS, max_size=3),
    record=st.none() | RECORDS,
    purpose=st.sampled_from(["risk_scoring", "outreach.email", "model_training", "operations"]),
)
def test_other_ids_never_turn_a_no_into_a_yes_nor_matters_their_order(
    own: Facts, elsewhere: list[Facts], record: RawRecord | None, purpose: str
) -> None:
    asked = question(purpose, PurposeRules(), home_kind="production", now=to_micros(NOW))
    situation = Situation(*own, False, None, None)
    alone = refusal_reason(asked, "anna", record, situation)
    found = refusal_reason(asked, "anna", record, situation, elsewhere=elsewhere)
    turned = refusal_reason(asked, "anna", record, situation, elsewhere=elsewhere[::-1])
    assert (found is None) == (turned is None)
    if alone is not None:
        assert found == alone
