"""Receipts a person keeps."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from governance.consent import ConsentRegistry
from governance.consent_record import STATES, ConsentChange
from governance.notices import publish_notice
from governance.purposes import PurposeRules
from governance.receipts import SCHEMA, receipt
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RULES = PurposeRules()


def issue(database: Database, **fields: Any) -> dict[str, Any]:
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
        return receipt(conn, event, RULES, home_kind="production")


@pytest.mark.parametrize("state", sorted(STATES))
@pytest.mark.parametrize("purpose", ["risk_scoring", "wellbeing_inference", "outreach.email"])
def test_every_receipt_fulfils_its_schema(
    sqlite_database: Database, state: str, purpose: str
) -> None:
    document = issue(sqlite_database, state=state, purpose=purpose)
    jsonschema.validate(json.loads(json.dumps(document)), SCHEMA)


def test_an_objection_has_a_receipt_too(sqlite_database: Database) -> None:
    registry = ConsentRegistry(RULES, home_kind="production")
    with sqlite_database.write() as conn:
        event = registry.object(conn, "anna", now=NOW)
        jsonschema.validate(receipt(conn, event, RULES, home_kind="production"), SCHEMA)


def test_a_receipt_holds_the_words_the_person_agreed_to(sqlite_database: Database) -> None:
    with sqlite_database.write() as conn:
        publish_notice(
            conn,
            notice_id="shop",
            version=1,
            content="We look at your orders.",
            purposes=["risk_scoring"],
            material=True,
            now=NOW,
        )
    document = issue(
        sqlite_database, notice_id="shop", notice_version=1, expires_at=NOW + timedelta(days=365)
    )
    assert document["dpv:hasNotice"]["dct:description"] == "We look at your orders."
    assert document["dpv:hasConsentStatus"] == "dpv:ConsentGiven"
    assert document["dct:valid"]["@value"] == "2027-03-01T00:00:00.000000Z"


def test_wellbeing_is_special_data_under_explicit_consent(sqlite_database: Database) -> None:
    document = issue(sqlite_database, purpose="wellbeing_inference", explicit=True)
    assert document["dpv:hasLegalBasis"]["@type"] == "eu-gdpr:A9-2-a"
    assert document["dpv:hasPersonalData"]["@type"] == "dpv:SpecialCategoryPersonalData"
