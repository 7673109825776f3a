"""Trained models as they were submitted: facts, gate verdict, audit report, where the files lie."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select

from governance.canonical import canonical, digest
from governance.errors import NotFound
from governance.instants import to_text
from governance.log.ledger import Ledger
from governance.model.card import ModelFacts
from governance.model.gate import GateVerdict
from governance.tables import ledger_entries, models, reviews

_SUBMITTED = (
    "model_digest", "target", "horizon_days", "author", "home_kind", "mlflow_run_id", "bundle",
    "facts", "gate_outcome", "gate_reasons", "report_json", "submitted_by",
)  # fmt: skip


class Candidate(NamedTuple):
    """A trained model as it is put before a reviewer; `bundle` names its folder.

    `submitted_by` is the machine's own name of who trained it, beside the author that was stated.
    """

    facts: ModelFacts
    bundle: str
    verdict: GateVerdict
    report_json: str | None = None
    submitted_by: str = ""


class ModelRecord(NamedTuple):
    """A submitted model; `status` is candidate, approved or rejected by the newest review."""

    model_digest: str
    target: str
    horizon_days: int
    created_at: datetime
    author: str
    home_kind: str
    mlflow_run_id: str | None
    bundle: str
    facts: ModelFacts
    verdict: GateVerdict
    report_json: str | None
    status: str
    submitted_by: str

    @property
    def authors(self) -> frozenset[str]:
        """Everyone who had a hand in it and may not sign it, in small letters."""
        return frozenset(
            each.strip().casefold() for each in (self.author, self.submitted_by) if each.strip()
        )


def submit(conn: Connection, ledger: Ledger, candidate: Candidate, *, now: datetime) -> ModelRecord:
    """Put a model before the reviewers.

    The same bytes again replace facts, gate and report until somebody has signed; what a signature
    is about stays as it was signed.
    """
    facts = candidate.facts
    body = {
        "model_digest": facts.model_digest,
        "target": facts.target,
        "gate": candidate.verdict.outcome,
    }
    if _is_reviewed(conn, facts.model_digest):
        ledger.append(conn, "model_submitted", body, now=now)
        return find_model(conn, facts.model_digest)
    row = {
        "model_digest": facts.model_digest,
        "target": facts.target,
        "horizon_days": facts.horizon_days,
        "created_at": facts.created_at,
        "author": facts.author,
        "home_kind": facts.home_kind,
        "mlflow_run_id": facts.mlflow_run_id,
        "bundle": candidate.bundle,
        "facts": facts.to_text(),
        "gate_outcome": candidate.verdict.outcome,
        "gate_reasons": canonical(candidate.verdict.to_json()),
        "report_json": candidate.report_json,
        "status": "candidate",
        "submitted_by": candidate.submitted_by,
    }
    conn.execute(delete(models).where(models.c.model_digest == facts.model_digest))
    conn.execute(insert(models), row)
    ledger.append(conn, "model_submitted", body | {"digest": _row_digest(row)}, now=now)
    return find_model(conn, facts.model_digest)


def check_models(conn: Connection) -> tuple[str, ...]:
    """Compare every submitted model with what the ledger holds of it; names those that differ.

    Finds facts, a report, an author or a verdict of the gate that were changed behind the ledger's
    back. Verify the ledger itself first.
    """
    logged = select(ledger_entries.c.body).where(ledger_entries.c.kind == "model_submitted")
    promised = {}
    for text in conn.execute(logged.order_by(ledger_entries.c.seq)).scalars():
        body = json.loads(text)
        if "digest" in body:
            promised[body["model_digest"]] = body["digest"]
    held = {
        row["model_digest"]: _row_digest(row) for row in conn.execute(select(models)).mappings()
    }
    names = sorted(held.keys() | promised.keys())
    return tuple(f"model {each}" for each in names if held.get(each) != promised.get(each))


def _row_digest(row: Mapping[Any, Any]) -> str:
    """Give the digest of everything that was submitted; the status follows the reviews."""
    told = {name: row[name] for name in _SUBMITTED} | {"created_at": to_text(row["created_at"])}
    return digest(told)


def find_model(conn: Connection, ref: str) -> ModelRecord:
    """Find a model by digest, a unique beginning of one (6 digits or more), or a target's newest.

    Raises `NotFound`.
    """
    newest = models.c.created_at.desc()
    named = conn.execute(select(models).where(models.c.target == ref).order_by(newest)).first()
    if named is not None:
        return _model(named)
    found: Sequence[Row[Any]] = []
    if len(ref) >= 6 and all(c in "0123456789abcdef" for c in ref):
        found = conn.execute(
            select(models).where(models.c.model_digest.startswith(ref)).limit(2)
        ).all()
    if len(found) != 1:
        raise NotFound(
            "several models begin like this" if found else f"there is no model {ref!r}",
            hint="name a target, or a digest as `keepwell review list` shows it",
        )
    return _model(found[0])


def fairness_outcomes(conn: Connection, digests: Collection[str]) -> dict[str, str]:
    """Say of each of these models whether its audit showed that it treats groups alike.

    pass, fail, insufficient_evidence or not_assessed; the last, too, where no audit is on record.
    """
    query = select(models.c.model_digest, models.c.report_json).where(
        models.c.model_digest.in_(sorted(digests))
    )
    found = dict.fromkeys(digests, "not_assessed")
    for model_digest, report in conn.execute(query):
        if report is not None:
            found[model_digest] = str(json.loads(report)["fairness"]["outcome"])
    return found


def list_models(conn: Connection, *, target: str | None = None) -> list[ModelRecord]:
    """Give the submitted models, newest first."""
    query = select(models).order_by(models.c.created_at.desc(), models.c.model_digest)
    if target is not None:
        query = query.where(models.c.target == target)
    return [_model(row) for row in conn.execute(query)]


def _model(row: Row[Any]) -> ModelRecord:
    gate = json.loads(row.gate_reasons)
    verdict = GateVerdict(gate["outcome"], tuple(gate["reasons"]), tuple(gate["conditions"]))
    return ModelRecord(
        model_digest=row.model_digest,
        target=row.target,
        horizon_days=row.horizon_days,
        created_at=row.created_at,
        author=row.author,
        home_kind=row.home_kind,
        mlflow_run_id=row.mlflow_run_id,
        bundle=row.bundle,
        facts=ModelFacts.from_json(row.facts),
        verdict=verdict,
        report_json=row.report_json,
        status=row.status,
        submitted_by=row.submitted_by,
    )


def _is_reviewed(conn: Connection, model_digest: str) -> bool:
    query = select(reviews.c.review_id).where(reviews.c.model_digest == model_digest).limit(1)
    return conn.execute(query).first() is not None
