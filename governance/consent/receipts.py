"""Consent records and receipts: ISO/IEC TS 27560 in JSON-LD, as the W3C's dpv-27560 profiles it.

A record is what the company keeps about one person and purpose up to one word; a receipt is that
record, handed to the person. Terms are those of the Data Privacy Vocabulary
(https://w3id.org/dpv/guides/consent-27560) and its extensions for the GDPR, personal data and
places. `schemas/` holds the JSON Schema each fulfils.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection

from governance.consent.handling import NOT_STATED, Handling, Party
from governance.consent.notices import find_notice
from governance.consent.processing import handled
from governance.consent.purposes import OBJECTION, Basis, PurposeRules, family_of
from governance.consent.record import OBJECTED, PERMITTING, ConsentEvent
from governance.instants import to_text

CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "keepwell": "urn:keepwell:",
}
_PROFILE = "https://w3id.org/dpv/schema/dpv-27560#"
_STATUS: Mapping[str, str] = {
    "requested": "dpv:ConsentRequested",
    "deferred": "dpv:ConsentRequestDeferred",
    "given": "dpv:ConsentGiven",
    "renewed": "dpv:RenewedConsentGiven",
    "refused": "dpv:ConsentRefused",
    "expired": "dpv:ConsentExpired",
    "invalidated": "dpv:ConsentInvalidated",
    "revoked": "dpv:ConsentRevoked",
    "withdrawn": "dpv:ConsentWithdrawn",
    "unknown": "dpv:ConsentUnknown",
    OBJECTED: "dpv:ConsentStatus",
}
_BASIS: Mapping[str, str] = {
    "consent": "eu-gdpr:A6-1-a",
    "explicit_consent": "eu-gdpr:A9-2-a",
    "contract": "eu-gdpr:A6-1-b",
    "legitimate_interest": "eu-gdpr:A6-1-f",
    "recorded_basis": "dpv:LegalBasis",
    "evaluation": "dpv:LegalBasis",
    OBJECTION: "dpv:LegalBasis",
}
_RIGHTS: Mapping[str, str] = {
    "A7-3": "to withdraw a consent",
    "A13": "to be told what is done with data you gave",
    "A14": "to be told what is done with data from elsewhere",
    "A15": "to see the data",
    "A16": "to have it corrected",
    "A17": "to have it erased",
    "A18": "to have its use restricted",
    "A20": "to take it elsewhere",
    "A21": "to object",
    "A22": "to have a person decide",
    "A77": "to complain to an authority",
}
_PARTY: Mapping[str, str] = {
    "controller": "dpv:DataController",
    "joint_controller": "dpv:JointDataControllers",
    "processor": "dpv:DataProcessor",
    "third_party": "dpv:ThirdParty",
    "recipient": "dpv:Recipient",
    "authority": "dpv:DataProtectionAuthority",
}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SCHEMAS = Path(__file__).parent / "schemas"


def schema(kind: Literal["record", "receipt"]) -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12); that of the receipt refers to that of the record."""
    found: dict[str, Any] = json.loads(
        (_SCHEMAS / f"consent_{kind}.schema.json").read_text(encoding="utf-8")
    )
    return found


def record(
    conn: Connection,
    event: ConsentEvent,
    history: Sequence[ConsentEvent],
    rules: PurposeRules,
    *,
    home_kind: str,
    handling: Handling,
) -> dict[str, Any]:
    """Give the record of one person and purpose as it stood after `event`.

    `history` is everything the person said, in the order of recording; of it the record lists what
    concerns the purpose. `handling` is what the company says of how it handles data.
    """
    told = [e for e in history if e.purpose == event.purpose and e.sequence < event.sequence]
    return {"@context": CONTEXT} | _record(conn, event, [*told, event], rules, home_kind, handling)


def receipt(
    conn: Connection,
    event: ConsentEvent,
    history: Sequence[ConsentEvent],
    rules: PurposeRules,
    *,
    home_kind: str,
    handling: Handling,
) -> dict[str, Any]:
    """Give the person's own copy of the record. Asked for again it is the same, byte for byte."""
    inside = record(conn, event, history, rules, home_kind=home_kind, handling=handling)
    del inside["@context"]
    identifier = str(uuid5(NAMESPACE_URL, f"urn:keepwell:receipt:{event.event_id}"))
    return {
        "@context": CONTEXT,
        "@id": f"urn:uuid:{identifier}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": {"@id": f"{_PROFILE}receipt-eu-gdpr"},
        "dct:identifier": identifier,
        "dct:created": _instant(event.recorded_at),
        "dct:publisher": inside["dpv:hasDataController"],
        "dct:audience": {"@type": "dpv:DataSubject"},
        "dpv:hasRecordOfActivity": inside,
    }


def _record(
    conn: Connection,
    event: ConsentEvent,
    told: Sequence[ConsentEvent],
    rules: PurposeRules,
    home_kind: str,
    handling: Handling,
) -> dict[str, Any]:
    objection = event.purpose == OBJECTION
    family = OBJECTION if objection else family_of(event.purpose)
    basis = Basis(OBJECTION) if objection else rules.basis(event.purpose, home_kind=home_kind)
    document: dict[str, Any] = {
        "@id": f"urn:uuid:{event.event_id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": {"@id": f"{_PROFILE}record-eu-gdpr"},
        "dct:identifier": event.event_id,
        "dct:created": _instant(event.recorded_at),
        "dpv:hasDataSubject": {"@type": "dpv:Customer", "dct:identifier": event.customer_id},
        "dpv:hasNotice": _notice(conn, event),
        "dpv:hasProcess": _process(event.purpose, family, handling),
        "dpv:hasLegalBasis": _legal_basis(basis),
        "dpv:hasDataController": [_party(each) for each in handling.controllers],
        "dpv:hasJurisdiction": _place(handling.jurisdiction),
        "dpv:hasApplicableLaw": {"@id": "eu-gdpr:GDPR"},
        "dpv:hasConsentControl": _control(handling.withdrawal),
        "dpv:hasRight": [
            {"@type": ["dpv:DataSubjectRight", f"eu-gdpr:{article}"], "dct:title": words}
            for article, words in _RIGHTS.items()
        ],
        "dpv:hasConsentStatus": [_status(each) for each in told],
        "keepwell:homeKind": home_kind,
    }
    if handling.authority is not None:
        document["dpv:hasAuthority"] = _party(handling.authority)
    return document


def _process(purpose: str, family: str, handling: Handling) -> dict[str, Any]:
    facts = handled(family)
    places = handling.storage_locations or (NOT_STATED,)
    found: dict[str, Any] = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": {
            "@type": facts.purpose,
            "dct:identifier": purpose,
            "dct:title": facts.title,
        },
        "dpv:hasPersonalData": [
            {
                "@type": [
                    "dpv:SpecialCategoryPersonalData" if each.special else "dpv:PersonalData",
                    each.term,
                ],
                "dct:title": each.title,
                "keepwell:special": each.special,
            }
            for each in facts.data
        ],
        "dpv:hasProcessing": [{"@type": each} for each in facts.operations],
        "dpv:hasDataSource": [{"@type": "dpv:DataSource", "dct:title": facts.source}],
        "dpv:hasRecipient": [_party(each) for each in handling.recipients],
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", "dpv:hasLocation": [_place(each) for each in places]},
            {"@type": "dpv:StorageDuration", "dpv:hasDuration": _until(handling.retention)},
        ],
        "dpv:hasAutomationLevel": {
            "@type": "dpv:AssistiveAutomation" if facts.automated else "dpv:NotAutomated"
        },
        "dpv:hasAlgorithmicLogic": {
            "@type": "dpv:AlgorithmicLogic",
            "dct:description": facts.logic,
        },
        "dpv:hasConsequence": {"@type": "dpv:Consequence", "dct:description": facts.consequence},
    }
    if facts.automated:
        found["dpv:hasHumanInvolvement"] = {
            "@type": "dpv:HumanInvolvementForDecision",
            "dct:description": "A decision that matters to you is made by a person, and you can "
            "contest it.",
        }
    return found


def _status(event: ConsentEvent) -> dict[str, Any]:
    kind = "dpv:ExplicitlyExpressedConsent" if event.explicit else "dpv:ExpressedConsent"
    by_person = event.actor == "customer"
    found: dict[str, Any] = {
        "@type": [_STATUS[event.state], "eu-gdpr:A21" if event.state == OBJECTED else kind],
        "dct:identifier": event.event_id,
        "dpv:isIndicatedBy": {
            "@type": "dpv:DataSubject" if by_person else "dpv:LegalEntity",
            "dct:identifier": event.customer_id if by_person else event.actor,
        },
        "dpv:hasIndicationMethod": event.mechanism,
        "dpv:isIndicatedAtTime": _instant(event.occurred_at),
        "dct:created": _instant(event.recorded_at),
        "dct:source": event.evidence,
    }
    if event.expires_at is not None:
        return found | {"dct:valid": _instant(event.expires_at)}
    lasts = "withdrawn, or the words change materially"
    return found | {
        "dpv:hasDuration": _until(lasts if event.state in PERMITTING else "something newer is said")
    }


def _legal_basis(basis: Basis) -> dict[str, Any]:
    found: dict[str, Any] = {"@type": _BASIS[basis.kind], "dct:title": basis.kind}
    if basis.statement:
        found["dct:description"] = basis.statement
    if basis.assessment_hash is not None:
        found["keepwell:sha256"] = basis.assessment_hash
    return found


def _notice(conn: Connection, event: ConsentEvent) -> dict[str, Any]:
    found: dict[str, Any] = {"@type": "dpv:ConsentNotice"}
    if event.notice_id is None:
        return found | {"dct:description": "no notice is on record"}
    found["dct:identifier"] = event.notice_id
    if event.notice_version is not None:
        found["dct:hasVersion"] = event.notice_version
    published = find_notice(conn, event.notice_id, event.notice_version or 0, event.notice_locale)
    language = event.notice_locale if published is None else published.locale
    digest = event.notice_hash if published is None else published.content_hash
    if language is not None:
        found["dct:language"] = language
    if digest is not None and _SHA256.fullmatch(digest):
        found["keepwell:sha256"] = digest
    words = "its words are in the company's own archive" if published is None else published.content
    return found | {"dct:description": words}


def _party(party: Party) -> dict[str, Any]:
    return {
        "@type": ["dpv:LegalEntity", _PARTY[party.kind]],
        "dct:identifier": party.name,
        "dpv:hasName": party.name,
        "dpv:hasAddress": party.address,
        "dpv:hasContact": party.contact,
    }


def _place(code: str) -> dict[str, Any]:
    if len(code) == 2:
        return {"@id": f"loc:{code}"}
    return {"@type": "dpv:Location", "dct:title": code}


def _control(withdrawal: str) -> dict[str, Any]:
    where = "dpv:isExercisedAt" if withdrawal.startswith("http") else "dct:description"
    return {"@type": "dpv:WithdrawConsent", where: withdrawal}


def _until(words: str) -> dict[str, str]:
    return {"@type": "dpv:UntilEventDuration", "rdf:value": words}


def _instant(at: datetime) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": to_text(at)}
