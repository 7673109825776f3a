"""The page of features: every aggregate, and what the histories of a usual shop suggest."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from features.catalogue import catalogue
from features.definitions import AGGREGATES, DERIVED, FeatureDefinition, meaning
from features.events import KINDS, Event
from features.history import Histories, from_events
from serving.reference.markdown import code, table

_START = datetime(2026, 1, 1, tzinfo=UTC)
_PEOPLE = 24
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "order": {"value": 20.0, "properties": {"sku": ["a", "b"], "items": 2}},
    "payment": {"value": 20.0, "properties": {"method": "card"}},
    "return": {"value": 5.0},
    "payment_failed": {},
    "session": {"properties": {"device": "app"}},
    "page_view": {"properties": {"page": "help"}},
    "search": {},
    "cart": {"value": 30.0},
    "ticket_opened": {"text": "please help", "properties": {"topic": "delivery"}},
    "ticket_escalated": {},
    "ticket_closed": {},
    "survey": {"value": 3.0, "properties": {"instrument": "csat", "scale": [1, 5]}},
    "email_delivered": {},
    "email_opened": {},
    "email_clicked": {},
}
"""One event of each kind that a shop with an app, a help desk and a newsletter records."""


def page() -> str:
    """Give the Markdown page."""
    found = catalogue(_usual_shop())
    lines = [
        "# Every feature",
        "",
        "Written by `make docs` from the definitions themselves. [Features](../features.md) says "
        "how they are made, [two clocks](../explanation/two-clocks.md) which events they may see.",
        "",
        "A feature is an *aggregate* of events of some *kinds* within a *window* that ends just "
        "before `as_of`: `[as_of − window, as_of)`, of what was known by then. Which features a "
        "home has follows from what its histories hold; `keepwell features list` prints them.",
        "",
        "## Aggregates",
        "",
        *table(
            ("aggregate", "over", "formula"),
            (
                (code(name), "features" if name in DERIVED else "events", says)
                for name, says in AGGREGATES.items()
            ),
        ),
        "",
        "## Kinds of event with a meaning of their own",
        "",
        ", ".join(code(kind) for kind in sorted(KINDS)) + ". Any other name is taken as it is.",
        "",
        "## What a usual shop gets",
        "",
        f"A shop that records {', '.join(code(kind) for kind in _USUAL)} gets these "
        f"{len(found)} features without a line of configuration. “…” stands for the number.",
    ]
    for kind, group in groupby(found, key=_heading):
        lines += ["", f"### {kind}", "", *_rows(group)]
    return "\n".join(lines) + "\n"


def _heading(definition: FeatureDefinition) -> str:
    if definition.of:
        return "Made of other features"
    return "Of " + " and ".join(code(kind) for kind in definition.kinds)


def _rows(found: Iterator[FeatureDefinition]) -> Iterator[str]:
    yield from table(
        ("feature", "in words", "aggregate", "window", "needs"),
        (
            (
                code(each.name),
                meaning(each),
                _computed(each),
                f"{each.window_days} days" if each.window_days else "everything",
                ", ".join(map(code, each.purposes)),
            )
            for each in found
        ),
    )


def _computed(definition: FeatureDefinition) -> str:
    parts = [code(definition.aggregate)]
    if definition.of:
        parts.append("of " + ", ".join(map(code, definition.of)))
    if definition.column:
        parts.append(f"of {code(definition.column)}")
    if definition.where:
        parts.append(
            "where " + ", ".join(f"`{name} = {value}`" for name, value in definition.where)
        )
    if definition.parameter is not None:
        parts.append(f"({definition.parameter:g} days)")
    return " ".join(parts)


def _usual_shop() -> Histories:
    """Give ten days of everything a usual shop records, for a handful of made-up people."""
    found = []
    for person in range(_PEOPLE):
        for day in (10, 20):
            for step, (kind, fields) in enumerate(_USUAL.items()):
                at = _START + timedelta(days=day, hours=step, minutes=person)
                found.append(Event(f"C{person:02}", kind, at, at, **fields))
    return from_events(found)
