"""The record of processing activities (art. 30 GDPR), written from what the home really does.

Who answers for the data, why each kind is used and on what basis, who receives it, how long it is
kept and what protects it: from settings, published notices, models that serve and playbooks.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Connection

from governance.audit.practice import Kept
from governance.consent.handling import NOT_STATED, Party
from governance.consent.notices import current_notices
from governance.consent.processing import handled
from governance.consent.purposes import NAMED_PURPOSES, family_of
from governance.errors import ConfigurationError, IntegrityBroken, NotFound
from governance.instants import to_text
from governance.review.candidates import find_model
from governance.review.reviews import champion
from serving.bootstrap import Keepwell
from serving.interventions.playbooks.playbook import playbooks_of
from serving.rights.retention import retention_in_words
from serving.scoring.champions import open_bundle

SECURITY = (
    "Access by keys with scopes, kept as hashes; every use of a right is in a signed, chained log "
    "in which any change is found.",
    "Permission is read in the transaction that uses the data; without it nothing is computed.",
    "The log, logs of the service and metrics hold random ids, never customers' own.",
    "Protected attributes lie apart; the fairness audit alone reads them.",
    "Secrets lie in files that only the owner may read; signing keys are enrolled per person.",
    "Erasures, withdrawals, objections and ended keys outlive a restored backup: they are done "
    "again before anything is served.",
    "Figures over fewer people than the limit are not told.",
    "No model serves without a signature by someone other than its author.",
)


class Activity(NamedTuple):
    """What is done for one purpose; `used_by` names what in this home does it."""

    purpose: str
    title: str
    basis: str
    statement: str
    data: tuple[str, ...]
    special: tuple[str, ...]
    source: str
    automated: bool
    logic: str
    consequence: str
    notice: str
    used_by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ProcessingRecord:
    """Everything art. 30 (1) asks for; `missing` names what the company has not stated."""

    home_kind: str
    made_at: str
    controllers: tuple[Party, ...]
    authority: Party | None
    jurisdiction: str
    storage_locations: tuple[str, ...]
    people: str
    activities: tuple[Activity, ...]
    recipients: tuple[str, ...]
    transfers: str
    retention: tuple[Kept, ...]
    security: tuple[str, ...]
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        plain = asdict(self)
        for name in ("controllers", "activities", "retention"):
            plain[name] = [each._asdict() for each in getattr(self, name)]
        plain["authority"] = None if self.authority is None else self.authority._asdict()
        return plain


def processing_record(keepwell: Keepwell, conn: Connection, *, now: datetime) -> ProcessingRecord:
    """Write the record as things stand now."""
    parties = keepwell.settings.controller.handling()
    host = urlsplit(keepwell.settings.webhook.url or "").hostname
    post = keepwell.settings.email.host
    uses = _uses(keepwell, conn, now)
    places = ", ".join(parties.storage_locations)
    return ProcessingRecord(
        home_kind=keepwell.kind,
        made_at=to_text(now),
        controllers=parties.controllers,
        authority=parties.authority,
        jurisdiction=parties.jurisdiction,
        storage_locations=parties.storage_locations,
        people="customers and visitors of the company",
        activities=tuple(
            _activity(keepwell, conn, purpose, uses) for purpose in _purposes(keepwell, conn, uses)
        ),
        recipients=(
            *(f"{each.name} ({each.kind.replace('_', ' ')})" for each in parties.recipients),
            *([f"{host}, told whom to contact and how; never a score"] if host else []),
            *([f"{post}, the mail server that takes e-mails to customers"] if post else []),
        ),
        transfers=f"The data lie in {places}." if places else NOT_STATED,
        retention=retention_in_words(keepwell.settings.retention),
        security=SECURITY,
        missing=tuple(_missing(keepwell)),
    )


def _purposes(keepwell: Keepwell, conn: Connection, uses: Mapping[str, Any]) -> list[str]:
    """List the purposes this home has, the named ones first, families by their members."""
    stated = [each for each in keepwell.settings.purposes if "." in each]
    further = sorted({*stated, *current_notices(conn), *uses} - set(NAMED_PURPOSES))
    return [*NAMED_PURPOSES, *further]


def _activity(
    keepwell: Keepwell, conn: Connection, purpose: str, uses: Mapping[str, list[str]]
) -> Activity:
    about = handled(family_of(purpose))
    basis = keepwell.registry.rules.basis(purpose, home_kind=keepwell.kind)
    assessed = basis.assessment_hash
    notice = current_notices(conn).get(purpose)
    return Activity(
        purpose=purpose,
        title=about.title,
        basis=basis.kind,
        statement=f"assessment sha256 {assessed}" if assessed else basis.statement,
        data=tuple(each.title for each in about.data),
        special=tuple(each.title for each in about.data if each.special),
        source=about.source,
        automated=about.automated,
        logic=about.logic,
        consequence=about.consequence,
        notice="" if notice is None else f"{notice.notice_id} version {notice.version}",
        used_by=tuple(uses.get(purpose, ())),
    )


def _uses(keepwell: Keepwell, conn: Connection, now: datetime) -> dict[str, list[str]]:
    """Say which serving models and playbooks use each purpose."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(keepwell.targets):
        approval = champion(conn, name, now=now)
        if approval is None:
            continue
        found["model_training"].append(f"model {name}")
        for purpose in _purposes_of_model(keepwell, approval.model_digest):
            found[purpose].append(f"model {name}")
        if find_model(conn, approval.model_digest).facts.home_kind == "production":
            found["fairness_audit"].append(f"audit of {name}")
    if keepwell.kind != "evaluation":
        for each in playbooks_of(keepwell.home):
            for purpose in (each.contact_purpose, *each.purposes):
                found[purpose].append(f"playbook {each.name.replace('_', ' ')}")
    return dict(found)


def _purposes_of_model(keepwell: Keepwell, digest: str) -> list[str]:
    try:
        loaded = open_bundle(keepwell.home, digest)
    except (ConfigurationError, IntegrityBroken, NotFound):
        return []
    return sorted({loaded.model.purpose, *loaded.purposes})


def _missing(keepwell: Keepwell) -> list[str]:
    stated = keepwell.settings.controller
    open_parts = [
        ("name", stated.name), ("address", stated.address), ("contact", stated.contact),
    ]  # fmt: skip
    missing = [name for name, value in open_parts if value == NOT_STATED]
    missing += [] if stated.jurisdiction else ["jurisdiction"]
    missing += [] if stated.storage_locations else ["storage_locations"]
    missing += [] if stated.authority else ["authority"]
    return missing
