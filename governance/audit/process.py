"""What the report says of the time around a model: exposure, refusals, complaints, approvals."""

from collections.abc import Sequence
from typing import Any

from governance.audit.format import Rows, count, number, percent, points, words
from governance.audit.process_record import Approvals, Exposure, GapAt, MonthlyCount, Requests
from governance.audit.record import AuditReport
from governance.instants import to_text

_MODELS = 5
"""So many models stand side by side, the newest."""


class Grid:
    """Counts by month, one column per name, as a table's head and rows."""

    def __init__(self, title: str, first: str, counts: Sequence[MonthlyCount] | None) -> None:
        self.title, self.measured = title, counts is not None
        found = counts or ()
        names = sorted({each.name for each in found})
        cells = {(each.month, each.name): each.n for each in found}
        self.head = [first, *(words(name) for name in names)]
        self.rows: Rows = [
            (month, *(number(cells.get((month, name), 0)) for name in names))
            for month in sorted({each.month for each in found})
        ]


def process_tables(report: AuditReport) -> dict[str, Any]:
    """Give the tables of sections 9, 10 and 12 that come from the process figures."""
    found = report.process
    if found is None:
        return {
            "exposure_rows": [], "process_grids": [], "request_rows": [], "approval_rows": [],
            "gap_head": [], "gap_rows": [], "harm_rows": [],
        }  # fmt: skip
    return {
        "exposure_rows": [_exposure(each) for each in found.exposure or ()],
        "process_grids": [
            Grid("Refused, by reason", "month", found.refusals),
            Grid("Withdrawn, by purpose", "month", found.withdrawals),
            Grid("Objected, by purpose", "month", found.objections),
            Grid("Complaints, by category", "month", found.complaints),
        ],
        "request_rows": [_requests(each) for each in found.requests or ()],
        "approval_rows": [_approvals(each) for each in found.approvals or ()],
        **_over_time(found.gaps or ()),
        "harm_rows": [
            (to_text(each.noted_at)[:10], each.text)
            for each in found.harms or ()
            if each.target == report.facts.target
        ],
    }


def not_measured(report: AuditReport) -> dict[str, str]:
    """Say what this report does not know, in words; only what was really not measured."""
    found, said = report.process, {}
    if not report.fairness.proxies:
        said["proxies"] = "Whether a feature stands in for a protected attribute was not measured."
    if found is None or found.exposure is None:
        reason = "" if found is None else found.exposure_reason
        said["exposure"] = "Who was contacted and helped, by group, was not measured" + (
            f": {reason}." if reason else " for this model."
        )
    if report.drift is None:
        said["drift"] = (
            "Whether today's customers still resemble those of the training was not measured."
        )
    parts = [told for name, told in _PARTS.items() if not found or getattr(found, name) is None]
    if parts:
        said["process"] = f"Not measured for this model: {', '.join(parts)}."
    if report.practice is None:
        said["practice"] = "Which settings are in force in this home was not read."
    if report.provenance is None:
        said["provenance"] = "Sources, and who is missing by group, were not read."
    return said


_PARTS = {
    "harms": "harms",
    "refusals": "refusals",
    "withdrawals": "withdrawals",
    "objections": "objections",
    "complaints": "complaints",
    "requests": "requests for human review and appeals",
    "approvals": "approval times and overrides",
}


def _over_time(gaps: Sequence[GapAt]) -> dict[str, Any]:
    """Put each comparison's gaps side by side, one column per model, oldest first."""
    trained = {each.model_digest: each.trained_at for each in gaps}
    models = sorted(trained, key=lambda digest: trained[digest])[-_MODELS:]
    if len(models) < 2:
        return {"gap_head": [], "gap_rows": []}
    cells = {(each.attribute, each.group, each.measure, each.model_digest): each for each in gaps}
    names = sorted({key[:3] for key in cells if key[3] in models})
    rows: Rows = []
    for attribute, group, measure in names:
        line = [cells.get((attribute, group, measure, digest)) for digest in models]
        shown = [
            "not compared" if each is None else f"{points(each.difference)}, {words(each.verdict)}"
            for each in line
        ]
        rows.append((f"{words(attribute)}: {group}", words(measure), *shown))
    head = ["group", "measure", *(f"{to_text(trained[d])[:10]}, {d[:8]}" for d in models)]
    return {"gap_head": head, "gap_rows": rows}


def _exposure(each: Exposure) -> Sequence[object]:
    name = f"{words(each.attribute)}: {each.group}"
    if each.n is None:
        return (name, count(None), "", "", "", "", "")
    return (
        name,
        f"{each.n:,}",
        number(each.contacted),
        "" if each.contacted is None else percent(each.contact_rate),
        *("none, or too few" if n is None else f"{n:,}" for n in (each.treated, each.held_out)),
        "cannot say" if each.effect is None else points(each.effect),
    )


def _requests(each: Requests) -> Sequence[object]:
    counts = (each.received, each.open, each.upheld, each.overturned, each.withdrawn, each.overdue)
    days = "cannot say" if each.median_days is None else f"{each.median_days:.1f}"
    return (each.month, words(each.kind), *(number(n) for n in counts), days)


def _approvals(each: Approvals) -> Sequence[object]:
    waited, lay = (
        "cannot say" if found is None else f"{found:,.0f}"
        for found in (each.median_minutes, each.median_seconds)
    )
    counts = (number(n) for n in (each.approved, each.changed, each.rejected))
    quick = "cannot say" if each.quick_rate is None else percent(each.quick_rate)
    return (each.month, *counts, percent(each.override_rate), waited, lay, quick)
