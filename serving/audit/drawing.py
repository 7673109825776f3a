"""Draws the audit report of a model afresh: what was judged then, and everything known today."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection

from governance.audit.card_page import render_card_html, render_markdown
from governance.audit.record import AuditReport
from governance.audit.report import render_html, report_style, to_json
from governance.audit.seal import seal
from governance.errors import NotFound
from governance.fairness.record import FairnessResult, Limits
from governance.review.candidates import ModelRecord, find_model
from governance.review.last_signed import last_signed, sign_offs_of
from serving.audit.context import drift_of, practice_of, provenance_of
from serving.bootstrap import Keepwell
from serving.rights.ethics import ethics_figures


class Drawn(NamedTuple):
    """A report on disk: its page, its sealed JSON twin, and where asked for the model card."""

    report: AuditReport
    html: Path
    twin: Path
    card: Path | None = None
    card_html: Path | None = None


def draw_report(
    keepwell: Keepwell,
    model: str,
    *,
    now: datetime,
    card: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Drawn:
    """Draw a submitted model's report and write it down; with `card` its model card, too.

    Facts, comparisons of groups and the gate's verdict are those of the day it was judged, letter
    by letter; sign-offs, permission, drift and process figures are today's. Raises `NotFound` for
    an unknown model or one without a report.
    """
    with keepwell.database.read() as conn:
        record = find_model(conn, model)
    progress("reading who permits what")
    report = gather(keepwell, record, now=now)
    progress("drawing")
    sealed = seal(to_json(report), keepwell.keys.ledger)
    place = _place(keepwell, record)
    html, twin = place.with_suffix(".html"), place.with_suffix(".json")
    _write(html, render_html(report))
    _write(twin, json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False))
    drawn = Drawn(report, html, twin)
    if card:
        page = place.with_name(f"card-{record.target}-{record.model_digest[:12]}.md")
        judged = report.facts, report.fairness, report.verdict
        _write(page, render_markdown(*judged))
        _write(page.with_suffix(".html"), render_card_html(*judged))
        drawn = drawn._replace(card=page, card_html=page.with_suffix(".html"))
    body = {
        "model_digest": record.model_digest,
        "verdict": report.outcome,
        "seal": sealed["seal"]["digest"],
    }
    with keepwell.database.write() as conn:
        keepwell.ledger.append(conn, "audit_report", body, now=now)
    return drawn


def report_page(keepwell: Keepwell, record: ModelRecord, *, now: datetime) -> str:
    """Give the page of a report: as it was drawn last, or afresh where somebody signed since.

    It says when it was drawn; `draw_report` brings it up to date. What is drawn here is kept for
    the next reader. Raises `NotFound` for a model without a report.
    """
    with keepwell.database.read() as conn:
        signed = [each.review.signed_at for each in sign_offs_of(conn, record.model_digest)]
    place = _place(keepwell, record)
    kept = place.with_name(f"page-{place.name}.html")
    for path in sorted((place.with_suffix(".html"), kept), key=_drawn_at, reverse=True):
        if all(each < _drawn_at(path) for each in signed):
            with suppress(FileNotFoundError):
                html = path.read_text(encoding="utf-8")
                if report_style(record.facts) in html:
                    return html
    html = render_html(gather(keepwell, record, now=now))
    fresh = kept.with_suffix(f".{uuid4().hex}")
    _write(fresh, html)
    fresh.replace(kept)
    return html


def _drawn_at(path: Path) -> datetime:
    with suppress(FileNotFoundError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return datetime.min.replace(tzinfo=UTC)


def judged(conn: Connection, record: ModelRecord, *, now: datetime) -> AuditReport:
    """Give what a reviewer decides on, and no more: what was judged, signed, and signed before.

    A model without a report counts as one whose groups were not compared.
    """
    stored: dict[str, Any] | None = json.loads(record.report_json) if record.report_json else None
    fairness = FairnessResult(
        outcome="not_assessed", reason="it was submitted without a report", limits=Limits()
    )
    if stored is not None:
        fairness = FairnessResult.from_json(stored["fairness"])
    digest = record.model_digest
    return AuditReport(
        facts=record.facts,
        fairness=fairness,
        verdict=record.verdict,
        generated_at=now,
        stored=stored,
        before=last_signed(conn, record.target, other_than=digest, before=record.created_at),
        sign_offs=sign_offs_of(conn, digest),
    )


def gather(keepwell: Keepwell, record: ModelRecord, *, now: datetime) -> AuditReport:
    """Bring together what a report says of a model; raises `NotFound` for one without a report."""
    if record.report_json is None:
        raise NotFound("this model was submitted without a report", hint="train it again")
    digest = record.model_digest
    provenance = provenance_of(keepwell, digest, now=now)
    with keepwell.database.read() as conn:
        return replace(
            judged(conn, record, now=now),
            practice=practice_of(keepwell, conn, record.target),
            provenance=provenance,
            drift=drift_of(conn, record.target, digest),
            process=ethics_figures(keepwell, conn, target=record.target, now=now),
        )


def _place(keepwell: Keepwell, record: ModelRecord) -> Path:
    return keepwell.home.reports / f"audit-{record.target}-{record.model_digest[:12]}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
