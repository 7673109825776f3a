"""The features that a history's own kinds of event suggest, without a line of code from anyone."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from features.definitions import FeatureDefinition
from features.events import MISSING, is_reserved
from features.history import Histories

WINDOWS_DAYS = (30, 90, 180, 365)
GAP_PRIOR_DAYS = 60.0
MOST_CATEGORIES = 50

NOUNS: Mapping[str, tuple[str, str]] = {
    "page_view": ("page view", "page views"),
    "search": ("search", "searches"),
    "payment_failed": ("failed payment", "failed payments"),
    "ticket_opened": ("opened ticket", "opened tickets"),
    "ticket_escalated": ("escalated ticket", "escalated tickets"),
    "ticket_closed": ("closed ticket", "closed tickets"),
    "survey": ("survey answer", "survey answers"),
    "staff": ("staff count", "staff counts"),
    "unsubscribed": ("unsubscription", "unsubscriptions"),
    "cancelled": ("cancellation", "cancellations"),
    "renewed": ("renewal", "renewals"),
}
_SAMPLE = 2_000
_MOST_PROPERTIES = 6
TRADE = frozenset({"order", "payment"})
"""Kinds whose rhythm and amounts are looked at most closely."""


def catalogue(histories: Histories) -> tuple[FeatureDefinition, ...]:
    """Suggest features for the kinds, values, properties and texts that `histories` hold.

    Keepwell's own acts never become features. Sentiment needs the purpose `wellbeing_inference`.
    Order and names depend only on which kinds, instruments and properties there are.
    """
    found: list[FeatureDefinition] = []
    for code, kind in enumerate(histories.kinds):
        rows = np.flatnonzero(histories.kind == code)
        if is_reserved(kind) or not len(rows):
            continue
        if kind == "profile":
            found += _profile(histories, rows)
            continue
        valued = bool((histories.value_micros[rows] != MISSING).any())
        found += _rhythm(kind)
        if kind == "survey":
            found += _surveys(histories, rows)
        elif valued:
            found += _amounts(kind)
        if kind in TRADE:
            found += _contents(kind, histories, rows)
        if _has_text(histories, rows):
            found += _sentiment(kind)
    kinds = set(histories.kinds)
    if {"order", "return"} <= kinds:
        found += _returns()
    return tuple(found)


def nouns(kind: str) -> tuple[str, str]:
    """Say a kind of event in words, for one and for several."""
    plain = kind.replace("_", " ")
    return NOUNS.get(kind, (plain, f"{plain}s"))


def _rhythm(kind: str) -> Iterator[FeatureDefinition]:
    one, several = nouns(kind)
    gap = f"{kind}_gap_median_days"
    close = kind in TRADE

    def define(name: str, aggregate: str, **own: Any) -> FeatureDefinition:
        return FeatureDefinition(
            name=name, kinds=(kind,), aggregate=aggregate, nouns=(one, several), **own
        )

    for days in (*WINDOWS_DAYS, None):
        yield define(
            f"{kind}_count{_suffix(days)}", "count", window_days=days, text=f"{{count}}{_in(days)}"
        )
    yield define(
        f"days_since_last_{kind}",
        "days_since_last",
        text=f"last {one} was {{value}} days ago",
        text_missing=f"no {one} so far",
        usual=gap if close else "",
    )
    yield define(
        f"days_since_first_{kind}",
        "days_since_first",
        text=f"first {one} was {{value}} days ago",
        text_missing=f"no {one} so far",
    )
    for days in (90, 365):
        yield define(
            f"{kind}_active_days{_suffix(days)}",
            "active_days",
            window_days=days,
            text=f"{several} on {{value}} days{_in(days)}",
        )
    for days in (30, 90):
        yield define(
            f"{kind}_trend_{days}d",
            "trend",
            window_days=days,
            text=f"{several} in the last {days} days against the {days} before: {{value}} "
            "(-1 only before, 1 only now)",
        )
    for half_life in (30, 90) if close else (90,):
        yield define(
            f"{kind}_decayed_count_{half_life}d",
            "decayed_count",
            parameter=float(half_life),
            text=f"{{value}} {several}, each counting half as much every {half_life} days",
        )
    if not close:
        return
    for days in (365, None):
        yield define(
            f"{kind}_active_months{_suffix(days)}",
            "active_months",
            window_days=days,
            text=f"{several} in {{value}} different months{_in(days)}",
        )
    missing = f"too few {several} to speak of a rhythm"
    for name, aggregate, parameter, text in (
        ("gap_mean_days", "gap_mean_days", None, "on average {value} days between days with "),
        (
            "gap_median_days",
            "gap_median_days",
            None,
            "usually {value} days between days with ",
        ),
        (
            "gap_std_days",
            "gap_std_days",
            None,
            "days between vary by about {value} for days with ",
        ),
        (
            "gap_shrunk_days",
            "gap_shrunk_days",
            GAP_PRIOR_DAYS,
            "expected rhythm of about {value} days between days with ",
        ),
    ):
        yield define(
            f"{kind}_{name}",
            aggregate,
            parameter=parameter,
            text=text + several,
            text_missing=missing,
        )
    yield define(
        f"{kind}_recency_over_gap",
        "recency_over_gap",
        parameter=GAP_PRIOR_DAYS,
        text=f"silent for {{value}} times the expected gap between days with {several}",
        text_missing=missing,
    )


def _amounts(kind: str) -> Iterator[FeatureDefinition]:
    one, several = nouns(kind)
    close = kind in TRADE

    def define(name: str, aggregate: str, days: int | None, text: str) -> FeatureDefinition:
        return FeatureDefinition(
            name=f"{kind}_value_{name}{_suffix(days)}",
            kinds=(kind,),
            aggregate=aggregate,
            window_days=days,
            column="value",
            text=text + _in(days),
            text_missing=f"no {one} with an amount{_in(days)}",
            nouns=(one, several),
        )

    for days in (*WINDOWS_DAYS, None) if close else (90, 365):
        yield define("sum", "sum", days, f"{several} worth {{value}}")
    for days in (90, 365, None) if close else (365,):
        yield define("mean", "mean", days, f"{{value}} per {one} on average")
    if close:
        for days in (365, None):
            yield define("max", "max", days, f"largest {one} {{value}}")
        yield define("std", "std", None, f"amounts of {several} vary by about {{value}}")
        yield define("last", "last", None, f"latest {one} was worth {{value}}")


def _contents(
    kind: str, histories: Histories, rows: np.ndarray[Any, Any]
) -> Iterator[FeatureDefinition]:
    """What lies in the basket: sums of numbers, and how many different things."""
    one, several = nouns(kind)
    some = rows[:: max(1, len(rows) // _SAMPLE)]
    values: dict[str, list[Any]] = {}
    for own in _property_sets(histories, some):
        for name, value in own.items():
            each = value if isinstance(value, list) else [value]
            values.setdefault(name, []).extend(x for x in each if x is not None)
    for name in sorted(values)[:_MOST_PROPERTIES]:
        numeric = all(isinstance(value, bool | int | float) for value in values[name])
        spoken = name.replace("_", " ")
        for aggregate, days in (
            ("sum", 90),
            ("sum", 365),
            ("mean", 90),
            ("mean", None),
            ("last", None),
        ):
            what = f"total {spoken}" if numeric else f"number of different values of {spoken}"
            said = {
                "sum": f"{what} over {several}",
                "mean": f"{what} per {one} on average",
                "last": f"{what} in the latest {one}",
            }
            short = name if numeric else f"distinct_{name}"
            yield FeatureDefinition(
                name=f"{kind}_{short}_{aggregate}{_suffix(days)}",
                kinds=(kind,),
                aggregate=aggregate,
                window_days=days,
                column=f"property:{name}" if numeric else f"distinct:{name}",
                text=f"{said[aggregate]}{_in(days)} was {{value}}",
                text_missing=f"no {one}{_in(days)}",
            )


def _surveys(histories: Histories, rows: np.ndarray[Any, Any]) -> Iterator[FeatureDefinition]:
    instruments = sorted(
        {str(own["instrument"]) for own in _property_sets(histories, rows) if "instrument" in own}
    )
    for instrument in instruments:
        for name, aggregate, days, text in (
            ("level_mean_365d", "mean", 365, "average answer over the last 365 days"),
            ("level_last", "last", None, "latest answer"),
        ):
            yield FeatureDefinition(
                name=f"survey_{instrument}_{name}",
                kinds=("survey",),
                aggregate=aggregate,
                window_days=days,
                column="level",
                where=(("instrument", instrument),),
                text=f"{text} to {instrument} was {{value}} on a scale where 1 is best",
                text_missing=f"no answer to {instrument}{_in(days)}",
            )


def _sentiment(kind: str) -> Iterator[FeatureDefinition]:
    _, several = nouns(kind)
    for aggregate, days in (("mean", 90), ("mean", 365), ("min", 365), ("last", None)):
        said = {"mean": "average tone", "min": "most negative tone", "last": "latest tone"}
        yield FeatureDefinition(
            name=f"{kind}_sentiment_{aggregate}{_suffix(days)}",
            kinds=(kind,),
            aggregate=aggregate,
            window_days=days,
            column="sentiment",
            purposes=("risk_scoring", "wellbeing_inference"),
            text=f"{said[aggregate]} of {several}{_in(days)} was {{value}} (-1 to 1)",
            text_missing=f"no text in {several}{_in(days)}",
        )


def _returns() -> Iterator[FeatureDefinition]:
    for days in (90, 365, None):
        yield FeatureDefinition(
            name=f"returns_per_order{_suffix(days)}",
            kinds=("return", "order"),
            aggregate="share",
            window_days=days,
            text=f"{{value}} returns per order{_in(days)}",
            text_missing=f"no order{_in(days)}",
        )


def _profile(histories: Histories, rows: np.ndarray[Any, Any]) -> Iterator[FeatureDefinition]:
    values: dict[str, set[Any]] = {}
    for own in _property_sets(histories, rows):
        for name, value in own.items():
            if value is not None:
                values.setdefault(name, set()).add(json.dumps(value))
    for name in sorted(values):
        known = [json.loads(written) for written in values[name]]
        spoken = name.replace("_", " ")
        if all(isinstance(value, bool | int | float) for value in known):
            yield FeatureDefinition(
                name=f"profile_{name}",
                kinds=("profile",),
                aggregate="last",
                column=f"property:{name}",
                text=f"{spoken} is {{value}}",
                text_missing=f"{spoken} is not known",
            )
        elif all(isinstance(value, str) for value in known) and len(known) <= MOST_CATEGORIES:
            yield FeatureDefinition(
                name=f"profile_{name}",
                kinds=("profile",),
                aggregate="category",
                column=f"property:{name}",
                categories=tuple(sorted(known)),
                text=f"{spoken} is {{value}}",
                text_missing=f"{spoken} is not known",
            )


def _property_sets(histories: Histories, rows: np.ndarray[Any, Any]) -> Iterator[Mapping[str, Any]]:
    for written in sorted({text for text in histories.pick("properties", rows) if text}):
        yield json.loads(written)


def _has_text(histories: Histories, rows: np.ndarray[Any, Any]) -> bool:
    if "text" not in histories.strings:
        return False
    return any(text for text in histories.pick("text", rows))


def _suffix(days: int | None) -> str:
    return "_all" if days is None else f"_{days}d"


def _in(days: int | None) -> str:
    return " so far" if days is None else f" in the last {days} days"
