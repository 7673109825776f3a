"""What an audit report says of the home around a model, as it stands when the report is drawn."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select

from features.groups import protected_names
from features.tables import history_buckets, history_segments, sources
from governance.audit.practice import Action, Kept, Practice, PurposeBasis
from governance.audit.provenance import Provenance, Source
from governance.audit.record import DriftStanding, FeatureDrift
from governance.consent.handling import NOT_STATED
from governance.intervals import Interval, from_json
from governance.lineage import people_of
from governance.signing.keys import list_signing_keys
from serving.audit.coverage import permission_today, training_coverage
from serving.bootstrap import Keepwell
from serving.interventions.playbooks.playbook import playbooks_of
from serving.interventions.policy.modes import mode_standing
from serving.scoring.staleness import newest
from serving.watching.retraining import FEWEST

_NAMED = ("risk_scoring", "model_training", "wellbeing_inference", "fairness_audit", "outreach")
_KEPT = {
    "events_days": "events",
    "texts_days": "texts",
    "decisions_days": "decisions",
    "contacts_days": "contacts",
    "consent_history_days": "permissions, after the last word",
    "outbox_days": "outgoing messages",
    "bundles_days": "models that no decision needs",
    "reports_days": "reports",
    "suppression_days": "tokens of erased people",
}


def practice_of(keepwell: Keepwell, conn: Connection, target: str) -> Practice:
    """Read what is in force in this home for a target: from its settings, playbooks and keys."""
    settings, rules = keepwell.settings, keepwell.registry.rules
    bases = []
    for purpose in _NAMED:
        name = f"{purpose}.email" if purpose == "outreach" else purpose
        basis = rules.basis(name, home_kind=keepwell.kind)
        stated = basis.statement or (
            f"assessment sha256 {basis.assessment_hash}" if basis.assessment_hash else ""
        )
        bases.append(PurposeBasis(purpose, basis.kind, stated))
    parties = settings.controller.handling()
    itself = parties.controllers[0]
    stated_party = [part for part in itself[:3] if part != NOT_STATED]
    host = urlsplit(settings.webhook.url or "").hostname
    keys = [each for each in list_signing_keys(conn) if each.revoked_at is None]
    return Practice(
        home_kind=keepwell.kind,
        controller=", ".join(stated_party),
        mode=mode_standing(conn, home_kind=keepwell.kind, stated=settings.mode).effective,
        bases=tuple(bases),
        actions=() if keepwell.kind == "evaluation" else tuple(_actions(keepwell, target)),
        max_contacts=settings.contact.max_per_30_days,
        per_days=30,
        quiet_from=settings.contact.quiet_from,
        quiet_until=settings.contact.quiet_until,
        recipients=(*([host] if host else []), *(each.name for each in parties.recipients)),
        retention=tuple(
            Kept(what, "for good" if days is None else f"{days:,} days")
            for name, what in _KEPT.items()
            for days in [getattr(settings.retention, name)]
        ),
        keep_text=settings.keep_text and keepwell.kind != "evaluation",
        age_required=tuple(sorted(settings.age_required)),
        protected=tuple(sorted(protected_names(conn))),
        review_after_days=settings.monitoring.review_after_days,
        on_stale=settings.monitoring.on_stale,
        reviewers=len(keys),
        min_people=settings.min_people,
    )


def provenance_of(keepwell: Keepwell, model_digest: str, *, now: datetime) -> Provenance:
    """Read where the history came from, and who permits training today, by group where allowed."""
    coverage, reason = training_coverage(keepwell, now=now)
    permission = permission_today(keepwell, now=now)
    with keepwell.database.read() as conn:
        return Provenance(
            sources=tuple(_sources(conn)),
            permission=permission,
            withdrawn_since=_withdrawn(keepwell, conn, model_digest, now),
            coverage=coverage,
            coverage_reason=reason,
        )


def drift_of(conn: Connection, target: str, model_digest: str) -> DriftStanding | None:
    """Read where the last look left a model; None when nobody looked yet."""
    last = newest(conn, target, model_digest)
    if last is None:
        return None
    drift: Mapping[str, Any] = last.result.get("drift") or {}
    realised: Mapping[str, Any] = last.result.get("realised") or {}
    return DriftStanding(
        looked_at=last.monitored_at,
        status=last.status,
        reasons=last.reasons,
        people=int(last.result.get("people", 0)),
        score_psi=_interval((drift.get("scores") or {}).get("psi")),
        features=tuple(
            FeatureDrift(each["feature"], each["outcome"], _interval(each["psi"]))
            for each in drift.get("features", ())
        ),
        auc=_interval(realised.get("auc")),
        gap=_interval(realised.get("gap")),
    )


def _withdrawn(
    keepwell: Keepwell, conn: Connection, model_digest: str, now: datetime
) -> str | None:
    learned = people_of(conn, model_digest)
    if learned is None:
        return None
    known = set(keepwell.persons.customers_of(conn, learned).values())
    permit, _ = keepwell.registry.permit_many(conn, "model_training", known, now=now)
    gone = len(learned) - len(permit.customers)
    if 0 < gone < FEWEST:
        return f"fewer than {FEWEST}"
    return f"at least {gone // FEWEST * FEWEST:,}" if gone else "0"


def _sources(conn: Connection) -> Iterator[Source]:
    s, b = history_segments.c, history_buckets.c
    query = (
        select(
            s.source,
            s.kind,
            s.created_at,
            s.source_hash,
            func.sum(b.rows).label("rows"),
            func.min(b.first_occurred_at).label("first"),
            func.max(b.last_occurred_at).label("last"),
        )
        .join(history_buckets, b.segment_id == s.segment_id)
        .group_by(s.segment_id, s.source, s.kind, s.created_at, s.source_hash)
        .order_by(s.created_at, s.source)
    )
    named = set()
    for row in conn.execute(query):
        named.add(row.source)
        yield Source(
            row.source, row.kind, row.created_at, row.rows, row.first, row.last, row.source_hash
        )
    for row in conn.execute(select(sources).order_by(sources.c.source)):
        if row.source not in named:
            kind = "snapshot" if row.snapshot else "import"
            yield Source(row.source, kind, row.last_imported_at, 0, None, None, "")


def _actions(keepwell: Keepwell, target: str) -> Iterator[Action]:
    for each in playbooks_of(keepwell.home):
        if each.target == target:
            yield Action(
                each.name,
                each.channel,
                each.holdout_share,
                each.holdout_days,
                each.needs_person,
                each.commercial,
            )


def _interval(found: Any) -> Interval | None:
    return from_json(found) if isinstance(found, dict) else None
