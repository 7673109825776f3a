"""A consent receipt for a person to keep: one recorded word as ISO/IEC TS 27560 in DPV JSON-LD.

Terms are those of the W3C Data Privacy Vocabulary (https://w3id.org/dpv) and its GDPR extension.
`SCHEMA` is the JSON Schema every receipt fulfils.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from governance.consent_record import ConsentEvent
from governance.instants import to_text
from governance.notices import find_notice
from governance.purposes import PurposeRules, family_of

_CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
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
    "objected": "dpv:ConsentWithdrawn",
    "unknown": "dpv:ConsentUnknown",
}
_BASIS: Mapping[str, str] = {
    "consent": "eu-gdpr:A6-1-a",
    "explicit_consent": "eu-gdpr:A9-2-a",
    "contract": "eu-gdpr:A6-1-b",
    "legitimate_interest": "eu-gdpr:A6-1-f",
    "recorded_basis": "dpv:LegalBasis",
    "evaluation": "dpv:LegalBasis",
}
_PURPOSE: Mapping[str, str] = {
    "risk_scoring": "dpv:CustomerRelationshipManagement",
    "model_training": "dpv:ResearchAndDevelopment",
    "wellbeing_inference": "dpv:CustomerCare",
    "research_text": "dpv:ResearchAndDevelopment",
    "fairness_audit": "dpv:LegalCompliance",
    "operations": "dpv:ServiceProvision",
    "aggregate": "dpv:OptimisationForController",
    "outreach": "dpv:DirectMarketing",
    "sharing": "dpv:CommunicationManagement",
    "objection": "dpv:DirectMarketing",
}
_RIGHTS = ("A7-3", "A13", "A14", "A15", "A16", "A17", "A18", "A20", "A21", "A22", "A77")
_AUTOMATED = frozenset({"risk_scoring", "wellbeing_inference", "outreach"})

SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": [
        "@context", "@id", "@type", "dct:conformsTo", "dct:identifier", "dpv:hasDataSubject",
        "dpv:hasNotice", "dpv:hasPurpose", "dpv:hasLegalBasis", "dpv:hasConsentStatus",
        "dpv:hasPersonalData", "dpv:hasDataController", "dpv:hasRight", "dct:issued",
        "dpv:isIndicatedBy", "dpv:hasIndicationMethod", "keepwell:withdrawal",
    ],
    "properties": {
        "@type": {"const": "dpv:ConsentReceipt"},
        "@id": {"type": "string", "pattern": "^urn:uuid:"},
        "dpv:hasConsentStatus": {"enum": sorted(set(_STATUS.values()))},
        "dpv:hasLegalBasis": {
            "type": "object",
            "properties": {"@type": {"enum": sorted(set(_BASIS.values()))}},
            "required": ["@type"],
        },
        "dct:issued": {"$ref": "#/$defs/instant"},
        "dct:valid": {"$ref": "#/$defs/instant"},
        "dpv:hasRight": {"type": "array", "minItems": 1},
    },
    "$defs": {
        "instant": {
            "type": "object",
            "required": ["@type", "@value"],
            "properties": {
                "@type": {"const": "xsd:dateTime"},
                "@value": {"type": "string", "pattern": "Z$"},
            },
        }
    },
}  # fmt: skip


def receipt(
    conn: Connection,
    event: ConsentEvent,
    rules: PurposeRules,
    *,
    home_kind: str,
    controller: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Give the receipt of one recorded word, for the person it belongs to.

    `controller` states the business (name, address, contact); without it the receipt says that it
    is the business that issued it.
    """
    family = "objection" if event.purpose == "objection" else family_of(event.purpose)
    basis = "consent"
    if family != "objection":
        basis = rules.basis(event.purpose, home_kind=home_kind).kind
    special = family == "wellbeing_inference"
    data = "dpv:SpecialCategoryPersonalData" if special else "dpv:PersonalData"
    document: dict[str, Any] = {
        "@context": _CONTEXT | {"keepwell": "urn:keepwell:"},
        "@id": f"urn:uuid:{event.event_id}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": "ISO/IEC TS 27560:2023",
        "dct:identifier": event.event_id,
        "dct:issued": _instant(event.recorded_at),
        "dct:date": _instant(event.occurred_at),
        "dpv:hasDataSubject": {"@type": "dpv:Customer", "dct:identifier": event.customer_id},
        "dpv:hasNotice": _notice(conn, event),
        "dpv:hasPurpose": {"@type": _PURPOSE[family], "dct:title": event.purpose},
        "dpv:hasLegalBasis": {"@type": _BASIS[basis], "dct:title": basis},
        "dpv:hasConsentStatus": _STATUS[event.state],
        "dpv:hasPersonalData": {"@type": data},
        "dpv:hasDataController": _controller(controller),
        "dpv:hasRight": [f"eu-gdpr:{right}" for right in _RIGHTS],
        "dpv:isIndicatedBy": event.actor,
        "dpv:hasIndicationMethod": event.mechanism,
        "keepwell:explicit": event.explicit,
        "keepwell:homeKind": home_kind,
        "keepwell:withdrawal": "Say no where you said yes; nothing else is asked, at any time.",
    }
    if event.expires_at is not None:
        document["dct:valid"] = _instant(event.expires_at)
    if family in _AUTOMATED:
        document["dpv:hasProcessingContext"] = {
            "@type": "dpv:EvaluationScoring",
            "dpv:hasHumanInvolvement": "dpv:HumanInvolvementForDecision",
            "dct:description": "An estimate from your own history, with its reasons. A decision "
            "that matters to you is made by a person, and you can contest it.",
        }
    return document


def _notice(conn: Connection, event: ConsentEvent) -> dict[str, Any]:
    found: dict[str, Any] = {"@type": "dpv:ConsentNotice"}
    if event.notice_id is None:
        return found | {"dct:description": "no notice is on record"}
    found["dct:identifier"] = event.notice_id
    found["dct:hasVersion"] = event.notice_version
    published = find_notice(conn, event.notice_id, event.notice_version or 0, event.notice_locale)
    if published is not None:
        found["dct:language"] = published.locale
        found["keepwell:sha256"] = published.content_hash
        found["dct:description"] = published.content
    elif event.notice_hash is not None:
        found["keepwell:sha256"] = event.notice_hash
    return found


def _controller(stated: Mapping[str, str] | None) -> dict[str, Any]:
    if stated is None:
        return {"@type": "dpv:DataController", "dct:title": "the business that issued this receipt"}
    return {"@type": "dpv:DataController"} | {f"keepwell:{k}": v for k, v in stated.items()}


def _instant(at: Any) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": to_text(at)}
