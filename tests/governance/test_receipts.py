"""Records a company keeps and receipts a person keeps."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from governance.consent.handling import Handling, Party
from governance.consent.notices import publish_notice
from governance.consent.purposes import Basis, PurposeRules
from governance.consent.receipts import CONTEXT, receipt, record, schema
from governance.consent.record import STATES, ConsentChange
from governance.consent.registry import ConsentRegistry
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RULES = PurposeRules({"risk_scoring": Basis("legitimate_interest", "a" * 64)})
PURPOSES = (
    "risk_scoring",
    "model_training",
    "wellbeing_inference",
    "research_text",
    "fairness_audit",
    "operations",
    "aggregate",
    "outreach.email",
    "sharing.parcel-service",
)
SHOP = Handling(
    controllers=(Party("Tea Shop Ltd", "1 High Street, Bath", "privacy@tea.example"),),
    recipients=(Party("Post Ltd", "2 Low Street, Bath", "+44 1", "processor"),),
    jurisdiction="GB",
    storage_locations=("IE", "the shop's own cellar"),
    retention="three years after the last order",
    withdrawal="https://tea.example/preferences",
    authority=Party("ICO", "Wilmslow", "https://ico.org.uk", "authority"),
)
SCHEMAS = {kind: schema(kind) for kind in ("record", "receipt")}
VALIDATORS = {
    kind: jsonschema.Draft202012Validator(
        found,
        registry=Registry().with_resources(
            (each["$id"], Resource.from_contents(each)) for each in SCHEMAS.values()
        ),
    )
    for kind, found in SCHEMAS.items()
}


def both(database: Database, *, handling: Handling = SHOP, **fields: Any) -> dict[str, Any]:
    """Record one word and give its record and its receipt, as they come back from JSON."""
    registry = ConsentRegistry(RULES, home_kind="production")
    stated: dict[str, Any] = {
        "customer_id": "anna",
        "purpose": "risk_scoring",
        "state": "given",
        "mechanism": "button",
        "evidence": "form 1",
    }
    with database.write() as conn:
        event = registry.record(conn, ConsentChange(**stated | fields), now=NOW)
        history = registry.history(conn, "anna")
        documents = {
            "record": record(conn, event, history, RULES, home_kind="demo", handling=handling),
            "receipt": receipt(conn, event, history, RULES, home_kind="demo", handling=handling),
        }
    found: dict[str, Any] = json.loads(json.dumps(documents))
    return found


@pytest.mark.parametrize("state", sorted(STATES))
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("handling", [SHOP, Handling()])
def test_every_state_of_every_purpose_fulfils_the_schemas(
    sqlite_database: Database, state: str, purpose: str, handling: Handling
) -> None:
    found = both(sqlite_database, state=state, purpose=purpose, handling=handling)
    for kind, document in found.items():
        VALIDATORS[kind].validate(document)


def test_an_objection_has_a_record_and_a_receipt_too(sqlite_database: Database) -> None:
    registry = ConsentRegistry(RULES, home_kind="production")
    with sqlite_database.write() as conn:
        event = registry.object(conn, "anna", now=NOW)
        document = receipt(conn, event, [event], RULES, home_kind="demo", handling=SHOP)
    VALIDATORS["receipt"].validate(document)
    [status] = document["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]
    assert "eu-gdpr:A21" in status["@type"]


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every object inside a document."""
    if isinstance(document, dict):
        yield path
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in entries:
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@pytest.mark.parametrize("kind", ["record", "receipt"])
def test_an_unknown_key_is_refused_wherever_it_stands(sqlite_database: Database, kind: str) -> None:
    document = both(sqlite_database)[kind]
    found = list(places(document))
    assert len(found) > 30
    for path in found:
        spoilt = copy.deepcopy(document)
        inside = spoilt
        for step in path:
            inside = inside[step]
        inside["dpv:hasSurprise"] = "x"
        assert not VALIDATORS[kind].is_valid(spoilt), path


@pytest.mark.parametrize("kind", ["record", "receipt"])
def test_nothing_that_must_be_stated_can_be_left_out(sqlite_database: Database, kind: str) -> None:
    document = both(sqlite_database)[kind]
    optional = {"dpv:hasAuthority"}
    for name in document.keys() - optional:
        spoilt = {key: value for key, value in document.items() if key != name}
        assert not VALIDATORS[kind].is_valid(spoilt), name


def expanded(name: str) -> str:
    """Give the IRI of a compact one by the context, as a JSON-LD reader would."""
    prefix, colon, rest = name.partition(":")
    assert colon, f"{name} has no prefix and would be dropped"
    assert rest, name
    return CONTEXT[prefix] + rest


def terms(document: Any) -> Iterator[str]:
    """Give every key, type and reference of a document that must be an IRI."""
    if isinstance(document, list):
        for each in document:
            yield from terms(each)
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        if key == "@context":
            continue
        if not key.startswith("@"):
            yield key
        if key == "@type":
            yield from [value] if isinstance(value, str) else value
        if key == "@id" and not value.startswith(("urn:uuid:", "https://")):
            yield value
        yield from terms(value)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_key_and_type_is_an_iri_without_asking_the_network(
    sqlite_database: Database, purpose: str
) -> None:
    document = both(sqlite_database, purpose=purpose)["receipt"]
    assert document["@context"] == CONTEXT
    found = {expanded(each) for each in terms(document)}
    assert "https://w3id.org/dpv#hasConsentStatus" in found
    assert all(each.startswith(("https://", "http://", "urn:keepwell:")) for each in found)


def test_a_record_holds_the_words_the_person_agreed_to(sqlite_database: Database) -> None:
    with sqlite_database.write() as conn:
        publish_notice(
            conn,
            notice_id="shop",
            version=1,
            content="We look at your orders.",
            purposes=["model_training"],
            material=True,
            now=NOW,
            valid_for_days=365,
        )
    found = both(sqlite_database, purpose="model_training", notice_id="shop", notice_version=1)
    notice = found["record"]["dpv:hasNotice"]
    assert notice["dct:description"] == "We look at your orders."
    assert (notice["dct:language"], len(notice["keepwell:sha256"])) == ("en", 64)
    [status] = found["record"]["dpv:hasConsentStatus"]
    assert status["@type"] == ["dpv:ConsentGiven", "dpv:ExpressedConsent"]
    assert status["dct:valid"]["@value"] == "2027-03-01T00:00:00.000000Z"


def test_whatever_an_archive_stated_of_its_notice_fulfils_the_schemas(
    sqlite_database: Database,
) -> None:
    found = both(
        sqlite_database,
        notice_id="paper form",
        notice_version=7,
        notice_hash="not a digest",
        notice_locale="German",
    )
    for kind, document in found.items():
        VALIDATORS[kind].validate(document)
    assert found["record"]["dpv:hasNotice"]["dct:language"] == "German"


def test_a_record_says_who_what_where_how_long_and_how_to_stop(sqlite_database: Database) -> None:
    document = both(sqlite_database)["record"]
    process = document["dpv:hasProcess"]
    assert document["dpv:hasDataController"][0]["dpv:hasName"] == "Tea Shop Ltd"
    assert document["dpv:hasJurisdiction"] == {"@id": "loc:GB"}
    assert document["dpv:hasLegalBasis"]["keepwell:sha256"] == "a" * 64
    assert document["dpv:hasConsentControl"]["dpv:isExercisedAt"] == SHOP.withdrawal
    assert process["dpv:hasRecipient"][0]["dpv:hasName"] == "Post Ltd"
    assert process["dpv:hasStorageCondition"][1]["dpv:hasDuration"]["rdf:value"] == SHOP.retention
    assert "adds up" in process["dpv:hasAlgorithmicLogic"]["dct:description"]
    assert process["dpv:hasHumanInvolvement"]["@type"] == "dpv:HumanInvolvementForDecision"


def test_wellbeing_is_special_data_under_explicit_consent(sqlite_database: Database) -> None:
    document = both(sqlite_database, purpose="wellbeing_inference", explicit=True)["record"]
    special = [
        each["@type"][1]
        for each in document["dpv:hasProcess"]["dpv:hasPersonalData"]
        if each["keepwell:special"]
    ]
    assert document["dpv:hasLegalBasis"]["@type"] == "eu-gdpr:A9-2-a"
    assert special == ["pd:MentalHealth"]
    [status] = document["dpv:hasConsentStatus"]
    assert "dpv:ExplicitlyExpressedConsent" in status["@type"]


def test_a_record_tells_what_was_said_before_on_this_purpose_alone(
    sqlite_database: Database,
) -> None:
    both(sqlite_database, occurred_at=NOW - timedelta(days=2))
    both(sqlite_database, purpose="research_text")
    found = both(sqlite_database, state="withdrawn")
    told = [each["@type"][0] for each in found["record"]["dpv:hasConsentStatus"]]
    assert told == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]


def test_a_receipt_is_the_same_whenever_it_is_asked_for(sqlite_database: Database) -> None:
    first = both(sqlite_database)["receipt"]
    registry = ConsentRegistry(RULES, home_kind="production")
    with sqlite_database.write() as conn:
        registry.withdraw(conn, "anna", "risk_scoring", now=NOW + timedelta(days=1))
        history = registry.history(conn, "anna")
        again = receipt(conn, history[0], history, RULES, home_kind="demo", handling=SHOP)
    assert json.dumps(again) == json.dumps(first)
