"""Where reports lie on disk, each as a page and its JSON twin."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from governance.errors import NotFound
from serving.bootstrap import Keepwell
from serving.reporting.document import report_document
from serving.reporting.page import report_html
from serving.reporting.periods import Kind
from serving.reporting.record import Report

_NAMES: dict[Kind, str] = {"week": "weekly", "quarter": "quarterly"}


class Written(NamedTuple):
    """A report on disk."""

    html: Path
    twin: Path


def write_report(keepwell: Keepwell, found: Report, out: Path | None = None) -> Written:
    """Write the page and its twin into `out`, or among the home's reports; the log learns it.

    A report of the same week or quarter is replaced.
    """
    folder = out or keepwell.home.reports
    folder.mkdir(parents=True, exist_ok=True)
    html = folder / f"{_NAMES[found.kind]}-{found.period.label}.html"
    twin = html.with_suffix(".json")
    document = report_document(found)
    html.write_text(report_html(found), encoding="utf-8")
    twin.write_text(json.dumps(document, indent=1, allow_nan=False), encoding="utf-8")
    body = {
        "kind": found.kind,
        "period": found.period.label,
        "samples": sum(map(len, found.samples.values())),
    }
    with keepwell.database.write() as conn:
        keepwell.ledger.append(conn, "report_made", body, now=found.made_at)
    return Written(html, twin)


def newest_report(keepwell: Keepwell, kind: Kind) -> dict[str, Any]:
    """Read the newest report of this kind among the home's own, without texts people wrote.

    Raises `NotFound` where none was made.
    """
    known = sorted(keepwell.home.reports.glob(f"{_NAMES[kind]}-*.json"))
    if not known:
        raise NotFound(
            f"no {_NAMES[kind]} report was made yet",
            hint=f"make one with: keepwell outcomes report --{_NAMES[kind]}",
        )
    found: dict[str, Any] = json.loads(known[-1].read_text(encoding="utf-8"))
    found["research"]["samples"] = {}
    return found
