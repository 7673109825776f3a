"""Permission: what is recorded, what it permits, and what stops it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from governance.consent.notices import content_digest, publish_notice
from governance.consent.purposes import Basis, PurposeRules
from governance.consent.record import ACTS, STATES, ConsentChange
from governance.consent.registry import ConsentRegistry, Refusal
from governance.errors import ConfigurationError, InvalidInput, KeepwellError
from governance.log.journal import Journal
from governance.proof import Permit
from governance.pseudonym import Pseudonymiser, Suppression
from serving.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
KEY = b"a key for tests, 32 bytes long.."


def yes(customer_id: str = "anna", purpose: str = "risk_scoring", **fields: Any) -> ConsentChange:
    stated = {
        "state": "given",
        "occurred_at": NOW - DAY,
        "mechanism": "checkbox_ticked",
        "evidence": "form 17",
    }
    return ConsentChange(customer_id=customer_id, purpose=purpose, **{**stated, **fields})


def registry(*, home_kind: str = "production", **bases: str) -> ConsentRegistry:
    parsed = {name: Basis.parse(basis) for name, basis in bases.items()}
    return ConsentRegistry(PurposeRules(parsed), home_kind=home_kind, suppression=Suppression(KEY))


def verdict(
    database: Database,
    *changes: ConsentChange,
    purpose: str = "risk_scoring",
    now: datetime = NOW,
    rules: ConsentRegistry | None = None,
) -> str:
    """Record the changes and judge anna: "permitted", or the reason why not; alone and in bulk."""
    rules = rules or registry()
    with database.write() as conn:
        for change in changes:
            rules.record(conn, change, now=now)
        alone = rules.permit(conn, "anna", purpose, now=now)
        many, refused = rules.permit_many(conn, purpose, ["anna"], now=now)
    answer = alone.reason if isinstance(alone, Refusal) else "permitted"
    assert answer == ("permitted" if many.covers("anna") else refused["anna"])
    return answer


def test_a_yes_permits_that_person_and_that_purpose(database: Database) -> None:
    rules = registry()
    with database.write() as conn:
        event = rules.record(conn, yes(), now=NOW)
        permit = rules.permit(conn, "anna", "risk_scoring", now=NOW)
    assert isinstance(permit, Permit)
    permit.require_customer("risk_scoring", "anna")
    assert permit.consent_event_ids["anna"] == event.event_id
    assert not permit.covers("bert")


def test_no_record_denies(database: Database) -> None:
    assert verdict(database) == "no_record"


def test_purposes_are_independent(database: Database) -> None:
    assert verdict(database, yes(), purpose="model_training") == "no_record"


@pytest.mark.parametrize("state", sorted(STATES))
def test_only_given_and_renewed_permit(sqlite_database: Database, state: str) -> None:
    expected = "permitted" if state in ("given", "renewed") else state
    assert verdict(sqlite_database, yes(state=state)) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (NOW, None, "permitted"),
        (NOW - DAY, NOW + SECOND, "permitted"),
        (NOW - DAY, NOW + timedelta(microseconds=1), "permitted"),
        (NOW - DAY, NOW, "expired"),
        (NOW - DAY, NOW - SECOND, "expired"),
    ],
)
def test_active_means_start_to_before_expiry(
    database: Database, start: datetime, end: datetime | None, expected: str
) -> None:
    rules = registry()
    change = yes(occurred_at=start, expires_at=end)
    with database.write() as conn:
        rules.record(conn, change, now=NOW)
    assert verdict(database, rules=rules) == expected


def test_a_yes_read_by_a_clock_that_lags_is_not_yet_in_force(database: Database) -> None:
    assert verdict(database, yes(occurred_at=NOW)) == "permitted"
    assert verdict(database, now=NOW - SECOND) == "not_yet"


@pytest.mark.parametrize(
    "mechanism",
    [
        "pre_ticked",
        "pre-ticked",
        "Pre Ticked",
        "preticked box",
        "default",
        "Default",
        "bundled",
        "clause 4 of the contract",
        "terms_and_conditions",
        "continued use",
        "they were told",
        "сlick",
        "",
    ],
)
def test_what_is_no_affirmative_act_is_refused(sqlite_database: Database, mechanism: str) -> None:
    with pytest.raises(InvalidInput), sqlite_database.write() as conn:
        registry().record(conn, yes(mechanism=mechanism), now=NOW)


@pytest.mark.parametrize("mechanism", ["imported", "checkbox_ticked"])
def test_a_yes_without_its_own_evidence_is_refused(
    sqlite_database: Database, mechanism: str
) -> None:
    with pytest.raises(InvalidInput, match="evidence"), sqlite_database.write() as conn:
        registry().record(conn, yes(mechanism=mechanism, evidence="  "), now=NOW)


@pytest.mark.parametrize("mechanism", sorted(ACTS))
def test_every_act_is_taken_however_it_is_spelt(sqlite_database: Database, mechanism: str) -> None:
    with sqlite_database.write() as conn:
        spelt = mechanism.replace("_", " ").title()
        event = registry().record(conn, yes(mechanism=spelt, occurred_at=NOW), now=NOW)
    assert event.mechanism == mechanism


@pytest.mark.parametrize(
    "evidence",
    ["-", "--", "n/a", "N/A", "Ｎ/Ａ", "none", "null", "unknown", "yes", "true", "x", "...", "TBD",
     "?", "ab", "\u200b\u200b\u200b", "(unknown)"],
)  # fmt: skip
def test_a_placeholder_is_no_evidence(sqlite_database: Database, evidence: str) -> None:
    for fields in ({"evidence": evidence}, {"guardian_evidence": evidence}):
        with pytest.raises(InvalidInput, match="seen again"), sqlite_database.write() as conn:
            registry().record(conn, yes(**fields), now=NOW)


@pytest.mark.parametrize("purpose", ["all", "*", "any", "", "outreach", "outreach.", "scoring"])
def test_there_is_no_grant_for_everything(sqlite_database: Database, purpose: str) -> None:
    with pytest.raises(InvalidInput), sqlite_database.write() as conn:
        registry().record(conn, yes(purpose=purpose), now=NOW)


@pytest.mark.parametrize(
    "fields", [{"occurred_at": NOW + SECOND}, {"occurred_at": NOW.replace(tzinfo=None)},
               {"expires_at": NOW - 2 * DAY}, {"actor": " "}, {"notice_id": "shop"}]
)  # fmt: skip
def test_a_yes_that_is_not_sound_is_refused(
    sqlite_database: Database, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput), sqlite_database.write() as conn:
        registry().record(conn, yes(**fields), now=NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"mechanism": "pre_ticked", "evidence": "", "actor": ""},
        {"occurred_at": NOW + DAY},
        {"occurred_at": NOW.replace(tzinfo=None)},
        {"notice_id": "never published", "notice_version": -3, "expires_at": NOW - 9 * DAY},
        {"evidence": "x" * 100_000},
        {"evidence": None, "actor": 7, "guardian_evidence": "\x00"},
    ],
)
def test_a_withdrawal_never_fails_on_other_fields(
    database: Database, fields: dict[str, Any]
) -> None:
    stated = {"state": "withdrawn", "occurred_at": None, **fields}
    assert verdict(database, yes(), yes(**stated)) == "withdrawn"


def test_withdrawal_needs_only_customer_and_purpose(database: Database) -> None:
    rules = registry()
    with database.write() as conn:
        rules.record(conn, yes(), now=NOW)
        rules.withdraw(conn, "anna", "risk_scoring", now=NOW)
    with database.read() as conn:
        assert rules.permit(conn, "anna", "risk_scoring", now=NOW) == Refusal(
            "risk_scoring", "withdrawn"
        )


def test_a_withdrawal_holds_at_once_even_against_a_clock_that_ran_ahead(
    database: Database,
) -> None:
    rules = registry()
    with database.write() as conn:
        rules.record(conn, yes(occurred_at=NOW + 5 * SECOND), now=NOW + 5 * SECOND)
        rules.withdraw(conn, "anna", "risk_scoring", now=NOW)
    assert verdict(database, rules=rules, now=NOW + DAY) == "withdrawn"


def test_a_late_older_event_never_overrides_a_newer_one(database: Database) -> None:
    old_yes = yes(occurred_at=NOW - 3 * DAY)
    assert verdict(database, yes(state="withdrawn"), old_yes) == "withdrawn"


def test_a_late_older_withdrawal_does_not_undo_a_newer_yes(database: Database) -> None:
    old_no = yes(state="withdrawn", occurred_at=NOW - 3 * DAY)
    assert verdict(database, yes(), old_no) == "permitted"


@pytest.mark.parametrize("order", [("given", "withdrawn"), ("withdrawn", "given")])
def test_a_tie_is_a_withdrawal(database: Database, order: tuple[str, str]) -> None:
    first, second = (yes(state=state) for state in order)
    assert verdict(database, first, second) == "withdrawn"


def test_every_word_stays_in_the_history(database: Database) -> None:
    rules = registry()
    with database.write() as conn:
        rules.record(conn, yes(), now=NOW)
        rules.withdraw(conn, "anna", "risk_scoring", now=NOW)
        rules.record(conn, yes(occurred_at=NOW + SECOND), now=NOW + SECOND)
        said = rules.history(conn, "anna")
    assert [event.state for event in said] == ["given", "withdrawn", "given"]
    assert [event.sequence for event in said] == [1, 2, 3]


def test_wellbeing_needs_explicit_consent(database: Database) -> None:
    wellbeing = "wellbeing_inference"
    assert verdict(database, yes(purpose=wellbeing), purpose=wellbeing) == "not_explicit"
    explicit = yes(purpose=wellbeing, explicit=True, occurred_at=NOW)
    assert verdict(database, explicit, purpose=wellbeing) == "permitted"


def _notice(database: Database, version: int, *, material: bool, notice_id: str = "shop") -> None:
    with database.write() as conn:
        publish_notice(
            conn,
            notice_id=notice_id,
            version=version,
            content=f"We look at your orders. {version}",
            purposes=["risk_scoring"],
            material=material,
            now=NOW - timedelta(hours=10 - version),
        )


def test_a_material_notice_change_stops_use_until_renewed(database: Database) -> None:
    _notice(database, 1, material=True)
    assert verdict(database, yes(notice_id="shop", notice_version=1)) == "permitted"
    _notice(database, 2, material=False)
    assert verdict(database) == "permitted"
    _notice(database, 3, material=True)
    assert verdict(database) == "notice_changed"
    renewed = yes(state="renewed", occurred_at=NOW, notice_id="shop", notice_version=3)
    assert verdict(database, renewed) == "permitted"


def test_a_yes_counts_only_under_the_current_notice_family(database: Database) -> None:
    _notice(database, 1, material=True, notice_id="old shop")
    change = yes(notice_id="old shop", notice_version=1)
    assert verdict(database, change) == "permitted"
    _notice(database, 2, material=False, notice_id="new shop")
    assert verdict(database) == "notice_changed"


def test_a_yes_must_name_words_that_were_published(sqlite_database: Database) -> None:
    _notice(sqlite_database, 1, material=True)
    rules, wrong = registry(), content_digest("other words")
    with sqlite_database.write() as conn:
        with pytest.raises(InvalidInput, match="never published"):
            rules.record(conn, yes(notice_id="shop", notice_version=9), now=NOW)
        changed = yes(notice_id="shop", notice_version=1, notice_hash=wrong)
        with pytest.raises(InvalidInput, match="notice_hash"):
            rules.record(conn, changed, now=NOW)


def test_words_once_published_cannot_be_changed(sqlite_database: Database) -> None:
    _notice(sqlite_database, 1, material=True)
    with pytest.raises(InvalidInput, match="published already"):
        _notice(sqlite_database, 1, material=True)


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [("risk_scoring", "objected"), ("outreach.email", "objected"), ("research_text", "permitted")],
)
def test_an_objection_blocks_marketing_and_its_scoring(
    database: Database, purpose: str, expected: str
) -> None:
    rules = registry()
    with database.write() as conn:
        rules.record(conn, yes(purpose=purpose), now=NOW)
        rules.object(conn, "anna", now=NOW)
    assert verdict(database, purpose=purpose, rules=rules) == expected


def test_only_a_later_explicit_consent_lifts_an_objection(database: Database) -> None:
    rules, later = registry(), NOW + DAY
    with database.write() as conn:
        rules.object(conn, "anna", now=NOW)
    plain = yes(occurred_at=NOW + SECOND)
    assert verdict(database, plain, rules=rules, now=later) == "objected"
    explicit = yes(occurred_at=NOW + 2 * SECOND, explicit=True)
    assert verdict(database, explicit, rules=rules, now=later) == "permitted"


def test_minors_and_unknown_ages_need_a_guardian(database: Database) -> None:
    rules = ConsentRegistry(
        PurposeRules(age_required=frozenset({"risk_scoring"})), home_kind="production"
    )
    assert verdict(database, yes(), rules=rules) == "age_unknown"
    with database.write() as conn:
        rules.describe_subject(conn, "anna", now=NOW, adult_from=NOW + DAY)
    assert verdict(database, rules=rules) == "minor"
    assert verdict(database, rules=rules, now=NOW + DAY) == "permitted"
    guarded = yes(occurred_at=NOW, guardian_evidence="signed by a parent, form 4")
    assert verdict(database, guarded, rules=rules) == "permitted"


def test_employees_are_never_scored(database: Database) -> None:
    rules = registry()
    with database.write() as conn:
        rules.describe_subject(conn, "anna", now=NOW, relation="employee")
    assert verdict(database, yes(), rules=rules) == "employee"


def test_erased_people_are_refused_and_an_import_does_not_revive_them(database: Database) -> None:
    rules = registry(risk_scoring="legitimate_interest:" + "a" * 64)
    assert rules.suppression is not None
    assert verdict(database, rules=rules) == "permitted"
    with database.write() as conn:
        rules.suppression.suppress(conn, "anna", now=NOW, sequence=1)
    assert verdict(database, rules=rules) == "suppressed"
    with pytest.raises(InvalidInput, match="erased"), database.write() as conn:
        rules.record(conn, yes(mechanism="imported"), now=NOW)
    with pytest.raises(InvalidInput, match="erased"), database.write() as conn:
        rules.record(conn, yes(), now=NOW)  # said before the erasure
    assert verdict(database, yes(occurred_at=None), rules=rules) == "permitted"


def test_legitimate_interest_needs_no_yes_but_heeds_a_no(database: Database) -> None:
    rules = registry(risk_scoring="legitimate_interest:" + "a" * 64)
    assert verdict(database, rules=rules) == "permitted"
    assert verdict(database, yes(state="withdrawn"), rules=rules) == "withdrawn"


@pytest.mark.parametrize(
    "bases",
    [
        {"wellbeing_inference": "consent"},
        {"wellbeing_inference": "legitimate_interest:" + "a" * 64},
        {"risk_scoring": "legitimate_interest"},
        {"risk_scoring": "contract"},
        {"risk_scoring": "evaluation"},
        {"outreach": "legitimate_interest:" + "a" * 64},
        {"everything": "consent"},
    ],
)
def test_a_basis_the_law_does_not_allow_is_a_configuration_mistake(bases: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        registry(**bases)


def test_an_evaluation_home_takes_pseudonyms_only_and_contacts_nobody(database: Database) -> None:
    rules = registry(home_kind="evaluation")
    pseudonym = Pseudonymiser(KEY).of("anna")
    assert verdict(database, rules=rules) == "not_pseudonymised"
    with database.write() as conn:
        permit = rules.permit(conn, pseudonym, "risk_scoring", now=NOW)
        refusal = rules.permit(conn, pseudonym, "outreach.email", now=NOW)
    assert isinstance(permit, Permit)
    assert permit.basis == "evaluation"
    assert refusal == Refusal("outreach.email", "evaluation_home")


@pytest.mark.parametrize(
    "damage",
    [
        "state = 'perhaps'",
        "expires_at = 'soon'",
        "occurred_at = 'once'",
        "evidence = ''",
        "explicit = 7",
        "event_id = x'00'",
        "notice_version = 'first'",
    ],
)
def test_a_malformed_record_denies(sqlite_database: Database, damage: str) -> None:
    rules = registry()
    with sqlite_database.write() as conn:
        rules.record(conn, yes(), now=NOW)
        conn.execute(text(f"UPDATE consent_events SET {damage}"))
    assert verdict(sqlite_database, rules=rules) == "malformed"


def test_an_unreachable_registry_denies(sqlite_database: Database) -> None:
    rules = registry()
    with sqlite_database.write() as conn:
        rules.record(conn, yes(), now=NOW)
        conn.execute(text("ALTER TABLE consent_events RENAME TO gone"))
    assert verdict(sqlite_database, rules=rules) == "unreachable"


@pytest.mark.parametrize("customer_id", ["", None, 7])
def test_a_customer_that_is_no_customer_denies(sqlite_database: Database, customer_id: Any) -> None:
    with sqlite_database.read() as conn:
        refusal = registry().permit(conn, customer_id, "risk_scoring", now=NOW)
    assert refusal == Refusal("risk_scoring", "malformed")


def test_one_refusal_in_a_batch_neither_blocks_nor_leaks(database: Database) -> None:
    rules = registry()
    people = [f"c{i}" for i in range(600)]
    with database.write() as conn:
        rules.record_many(conn, [yes(who) for who in people], now=NOW)
        rules.withdraw(conn, "c7", "risk_scoring", now=NOW)
        permit, refused = rules.permit_many(conn, "risk_scoring", [*people, "new"], now=NOW)
    assert refused == {"c7": "withdrawn", "new": "no_record"}
    assert permit.customers == frozenset(people) - {"c7"}


def test_a_batch_learns_who_changed_since_it_read(database: Database) -> None:
    rules = registry()
    assert rules.suppression is not None
    with database.write() as conn:
        rules.record_many(conn, [yes(who) for who in "abcdef"], now=NOW)
        permit, _ = rules.permit_many(conn, "risk_scoring", list("abcde"), now=NOW, hold=True)
    with database.write() as conn:
        rules.withdraw(conn, "a", "risk_scoring", now=NOW)
        rules.object(conn, "b", now=NOW)
        rules.describe_subject(conn, "c", now=NOW, relation="employee")
        rules.suppression.suppress(conn, "d", now=NOW, sequence=permit.sequence + 4)
        rules.withdraw(conn, "f", "risk_scoring", now=NOW)
        rules.record(conn, yes("e", "research_text"), now=NOW)
        assert rules.changed_since(conn, permit) == {"a", "b", "c", "d"}


def test_a_notice_published_meanwhile_concerns_the_whole_batch(database: Database) -> None:
    rules = registry()
    with database.write() as conn:
        rules.record(conn, yes(), now=NOW)
        permit, _ = rules.permit_many(conn, "risk_scoring", ["anna"], now=NOW - DAY / 2)
    _notice(database, 1, material=True)
    with database.read() as conn:
        assert rules.changed_since(conn, permit) == {"anna"}


def test_an_import_lists_what_it_refused_and_records_the_rest(database: Database) -> None:
    changes = [yes("a"), yes("b", mechanism="default"), yes("c", "all"), yes("d", state="refused")]
    with database.write() as conn:
        result = registry().record_many(conn, changes, now=NOW)
    assert [event.customer_id for event in result.events] == ["a", "d"]
    assert [refused.position for refused in result.refused] == [1, 2]


def test_stopping_everything_is_one_act(database: Database) -> None:
    rules = registry()
    with database.write() as conn:
        rules.record(conn, yes(), now=NOW)
        rules.record(conn, yes(purpose="outreach.email"), now=NOW)
        rules.withdraw_all(conn, "anna", now=NOW)
        states = rules.states(conn, "anna", now=NOW)
    assert {s.purpose for s in states if s.state == "withdrawn"} == {
        "risk_scoring",
        "outreach.email",
    }
    assert {s.purpose for s in states if s.permitted} == {"operations"}


def test_an_older_yes_that_arrives_late_does_not_undo_a_repeated_stop(database: Database) -> None:
    rules, later = registry(), NOW + 2 * DAY
    with database.write() as conn:
        rules.withdraw(conn, "anna", "risk_scoring", now=NOW)
        rules.withdraw_all(conn, "anna", now=later)
        rules.record(conn, yes(occurred_at=NOW + DAY), now=later + DAY)
        verdict = rules.permit(conn, "anna", "risk_scoring", now=later + DAY)
    assert verdict == Refusal("risk_scoring", "withdrawn")


def test_stopping_everything_reaches_what_needs_no_yes_but_not_the_contract(
    database: Database,
) -> None:
    rules = registry(risk_scoring="legitimate_interest:" + "a" * 64)
    with database.write() as conn:
        stopped = rules.withdraw_all(conn, "anna", now=NOW)
        again = rules.withdraw_all(conn, "anna", now=NOW)
        states = rules.states(conn, "anna", now=NOW)
    assert [event.purpose for event in (*stopped, *again)] == ["risk_scoring"] * 2
    assert {s.purpose for s in states if s.permitted} == {"operations"}


def test_what_is_not_said_of_a_person_stays_as_it_was(database: Database) -> None:
    rules = registry()
    with database.write() as conn:
        rules.describe_subject(conn, "anna", now=NOW, adult_from=NOW + DAY)
        rules.describe_subject(conn, "anna", now=NOW, relation="employee")
        known = rules.subject(conn, "anna")
        nobody = rules.subject(conn, "bert")
    assert known == (NOW + DAY, "employee")
    assert nobody == (None, "customer")


def test_every_no_is_journalled_before_the_commit(tmp_path: Path, database: Database) -> None:
    journal = Journal(tmp_path / "journal", KEY)
    rules = ConsentRegistry(PurposeRules(), home_kind="production", journal=journal)
    with database.write() as conn:
        rules.record(conn, yes(), now=NOW)
        rules.withdraw(conn, "anna", "risk_scoring", now=NOW)
        rules.object(conn, "anna", now=NOW)
        found = [(entry.kind, entry.detail) for entry in journal.entries()]
    assert found == [("withdrawal", "risk_scoring"), ("objection", "")]


def test_figures_need_five_people_and_ten_employees(database: Database) -> None:
    with database.read() as conn:
        customers = registry().aggregate_permit(conn, "aggregate", now=NOW)
        staff = registry().aggregate_permit(conn, "aggregate", now=NOW, employees=True)
    assert (customers.min_people, staff.min_people) == (5, 10)
    assert customers.allows(5)
    assert not customers.allows(4)


WORDS = st.lists(
    st.tuples(
        st.sampled_from(["given", "renewed", "withdrawn", "refused", "requested"]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=8,
)


@given(words=WORDS)
@settings(suppress_health_check=list(HealthCheck))
def test_the_verdict_depends_on_what_was_said_and_not_on_the_order_of_arrival(
    fresh: Callable[[], Database], words: list[tuple[str, int]]
) -> None:
    newest = max(days for _, days in words)
    last = {state for state, days in words if days == newest}
    changes = [yes(state=s, occurred_at=NOW - DAY * (9 - days)) for s, days in words]
    answer = verdict(fresh(), *changes)
    assert (answer == "permitted") == (last <= {"given", "renewed"})


@pytest.fixture
def fresh(sqlite_database: Database) -> Callable[[], Database]:
    def emptied() -> Database:
        with sqlite_database.write() as conn:
            conn.execute(text("DELETE FROM consent_events"))
        return sqlite_database

    return emptied


def test_messages_hold_no_personal_data(sqlite_database: Database) -> None:
    secret = "anna.smith@example.org"
    change = yes(secret, mechanism="default", evidence="the secret evidence")
    with pytest.raises(KeepwellError) as raised, sqlite_database.write() as conn:
        registry().record(conn, change, now=NOW)
    assert secret not in str(raised.value)
    assert "the secret evidence" not in str(raised.value)


def test_recording_the_same_words_again_changes_nothing(database: Database) -> None:
    rules = registry()
    words = [yes(), yes("bert", state="refused"), yes()]
    with database.write() as conn:
        first = rules.record_many(conn, words, now=NOW)
        again = rules.record_many(conn, words, now=NOW + DAY)
        assert (len(first.events), first.known) == (2, 1)
        assert (again.events, again.known) == ((), 3)
        assert len(rules.history(conn, "anna")) == 1
