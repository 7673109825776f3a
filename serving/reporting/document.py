"""A report as plain JSON: the twin of the page, with every figure and its interval."""

from typing import Any

from governance.instants import to_text
from governance.intervals import as_json
from outcomes.themes import ThemeFigure
from serving.feedback.items import FeedbackItem
from serving.journey import journey_json
from serving.reporting.record import Line, ModelLine, Report

STAMPS = {"demo": "simulated", "evaluation": "evaluation"}
"""What everything says that comes out of a home whose people are not real customers served."""


def report_document(found: Report) -> dict[str, Any]:
    """Give plain JSON; what is not measured is null, and says why."""
    return {
        "home": found.home,
        "stamp": STAMPS.get(found.home),
        "kind": found.kind,
        "period": found.period.label,
        "start": to_text(found.period.start),
        "end": to_text(found.period.end),
        "made_at": to_text(found.made_at),
        "currency": found.currency,
        "executive": {
            "measures": _lines(found, "executive"),
            "experiments": [each._asdict() for each in found.trials],
            "at_risk": None if found.at_risk is None else found.at_risk._asdict(),
            "why_no_at_risk": found.notes["at_risk"],
        },
        "indices": _lines(found, "indices"),
        "operational": {
            "measures": _lines(found, "operational"),
            "contacts": [each._asdict() for each in found.contacts],
            "approvals": {
                **found.approvals._asdict(),
                "override_rate": as_json(found.approvals.override_rate),
                "quick_rate": as_json(found.approvals.quick_rate),
            },
            "feedback": {
                "counts": dict(found.feedback),
                "overdue": [_item(each, found) for each in found.overdue],
                "measured_again": [_item(each, found) for each in found.measured_again],
            },
        },
        "research": {
            "themes": [_theme(each) for each in found.themes],
            "keywords": [
                {"words": each.words, "people": each.people, "share": as_json(each.share)}
                for each in found.keywords
            ],
            "samples": {theme: list(texts) for theme, texts in found.samples.items()},
            "why_no_samples": found.notes["samples"],
            "models": [_model(each) for each in found.models],
            "cohorts": [each.to_json() for each in found.cohorts],
        },
        "journey": journey_json(found.journey),
    }


def _lines(found: Report, layer: str) -> list[dict[str, Any]]:
    return [_line(each) for each in found.lines if each.layer == layer]


def _line(line: Line) -> dict[str, Any]:
    return {**line.now.to_json(), "earlier": [each.to_json() for each in line.measures[:-1]]}


def _item(item: FeedbackItem, found: Report) -> dict[str, Any]:
    return item.to_json(now=found.made_at)


def _theme(theme: ThemeFigure) -> dict[str, Any]:
    return {
        "theme": theme.theme,
        "people": theme.people,
        "texts": theme.texts,
        "share": as_json(theme.share),
        "sentiment": as_json(theme.sentiment),
        "measured": theme.measured,
        "hidden": theme.hidden,
        "note": theme.note,
    }


def _model(model: ModelLine) -> dict[str, Any]:
    return {
        **model._asdict(),
        "tested_at": to_text(model.tested_at),
        "auc": model.auc.to_json(),
        "ece": model.ece.to_json(),
        "watched_at": None if model.watched_at is None else to_text(model.watched_at),
    }
