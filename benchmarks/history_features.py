"""What the history benchmark computes: 77 features at the first of twelve months.

All cut-offs are midnights UTC, so that windows begin and end with calendar days. That is what a
company asks for, and it lets a peer count days before it looks at cut-offs; Keepwell's kernel makes
no use of it.
"""

from datetime import UTC, datetime

from features.definitions import FeatureDefinition
from governance.instants import to_micros

START = datetime(2024, 11, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
"""The first instant of the data, and the instant before which everything happened."""

CUT_DATES = tuple(
    datetime(2025 + (11 + k) // 12, (11 + k) % 12 + 1, 1, tzinfo=UTC) for k in range(12)
)
CUTS = tuple(to_micros(date) for date in CUT_DATES)
"""Twelve first days of the month, the last at `END`; µs since 1970 in `CUTS`."""

WINDOWS = (7, 30, 90, 365)
KINDS = ("order", "return", "session", "page_view", "ticket_opened", "payment", "search")
"""Every kind of event in the data."""

VALUED = ("order", "return", "payment")
"""Kinds whose events carry an amount."""

CONTACT = ("order", "session", "page_view", "ticket_opened")
"""Kinds counted together as any activity."""


def definitions() -> tuple[FeatureDefinition, ...]:
    """Give the features: amounts, numbers and rhythm over 7, 30, 90 and 365 days."""
    found = [
        _feature(f"{kind}_count", (kind,), "count", days)
        for kind in ("order", "session", "page_view", "ticket_opened", "payment", "return")
        for days in WINDOWS
    ]
    found += [_feature(f"{k}_sum", (k,), "sum", d, "value") for k in VALUED for d in WINDOWS]
    found += [_feature("order_mean", ("order",), "mean", days, "value") for days in WINDOWS]
    found += [
        _feature(f"order_{name}", ("order",), name, days, "value")
        for name in ("min", "max", "std")
        for days in (90, 365)
    ]
    found.append(_feature("payment_std", ("payment",), "std", 365, "value"))
    found += [
        _feature(f"{kind}_last", (kind,), "last", None, "value") for kind in ("order", "payment")
    ]
    found += [
        _feature(f"days_since_{kind}", (kind,), "days_since_last", None)
        for kind in ("order", "session", "payment", "ticket_opened", "page_view", "return")
    ]
    found += [
        _feature("session_active_days", ("session",), "active_days", d) for d in (30, 90, 365)
    ]
    found.append(_feature("order_active_days", ("order",), "active_days", 365))
    found += [_feature("contact_active_days", CONTACT, "active_days", d) for d in (30, 90)]
    found += [_feature("contact_count", CONTACT, "count", d) for d in (30, 90)]
    for aggregate in ("gap_mean_days", "gap_median_days"):
        found.append(_feature(f"order_{aggregate}", ("order",), aggregate, 365))
        found.append(_feature(f"session_{aggregate}", ("session",), aggregate, 90))
    found.append(_feature("order_recency", ("order",), "recency_over_gap", 365, parameter=30.0))
    found.append(_feature("session_recency", ("session",), "recency_over_gap", 90, parameter=7.0))
    found += [
        _feature(f"{kind}_trend", (kind,), "trend", days)
        for kind, days in (("order", 90), ("session", 30), ("page_view", 30))
    ]
    found += [
        _feature(f"{kind}_decayed", (kind,), "decayed_count", 365, parameter=half_life)
        for kind, half_life in (("order", 90.0), ("session", 30.0))
    ]
    found += [
        _feature(f"{above}_per_{below}", (above, below), "share", days)
        for above, below, days in (
            ("return", "order", 365),
            ("ticket_opened", "order", 90),
            ("page_view", "session", 30),
        )
    ]
    return tuple(found)


def _feature(
    name: str,
    kinds: tuple[str, ...],
    aggregate: str,
    days: int | None,
    column: str = "",
    parameter: float | None = None,
) -> FeatureDefinition:
    return FeatureDefinition(
        name if days is None else f"{name}_{days}d",
        kinds,
        aggregate,
        window_days=days,
        column=column,
        parameter=parameter,
    )
