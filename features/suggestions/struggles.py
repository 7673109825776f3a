"""Signs that something did not work: what was begun and not answered, tried again, sent back."""

from collections.abc import Collection, Iterator

from features.definitions import FeatureDefinition
from features.suggestions.phrases import suffix, within

_HOUR = 1 / 24

_UNANSWERED = (
    # name, first kind, the kind that answers it, days it may take, what it is called
    ("cart_abandoned", "cart", "order", 1.0, "filled carts without an order within a day"),
    (
        *("search_dead_end", "search", "page_view", _HOUR),
        "searches that led to no page within an hour",
    ),
    (
        *("ticket_unresolved", "ticket_opened", "ticket_closed", 7.0),
        "tickets that were not closed within 7 days",
    ),
    (
        *("payment_failed_unmended", "payment_failed", "payment", 7.0),
        "failed payments without a payment within 7 days",
    ),
)
_REPEATED = (
    ("search_repeated", "search", _HOUR, "searches within an hour of the one before"),
    (
        "payment_failed_retried",
        "payment_failed",
        _HOUR,
        "payments that failed again within an hour",
    ),
    ("ticket_reopened", "ticket_opened", 7.0, "tickets opened within 7 days of the one before"),
)
_SHARES = (
    ("returns_per_order", "return", "order", "returns per order"),
    ("failures_per_payment", "payment_failed", "payment", "failed payments per payment"),
    ("escalations_per_ticket", "ticket_escalated", "ticket_opened", "escalations per ticket"),
    ("opens_per_email", "email_opened", "email_delivered", "emails opened per delivered one"),
    ("clicks_per_email", "email_clicked", "email_delivered", "emails clicked per delivered one"),
    ("bounces_per_email", "email_bounced", "email_delivered", "emails bounced per delivered one"),
    ("orders_per_session", "order", "session", "orders per session"),
    ("orders_per_cart", "order", "cart", "orders per filled cart"),
)


def struggles(kinds: Collection[str]) -> Iterator[FeatureDefinition]:
    """Give the signs that two kinds of event at hand can show, and each one's share."""
    for name, first, second, limit, said in _UNANSWERED:
        if first in kinds and second in kinds:
            for days in (30, 90):
                yield _count(name, "unanswered", (first, second), limit, said, days)
    for name, kind, limit, said in _REPEATED:
        if kind in kinds:
            for days in (30, 90):
                yield _count(name, "repeats", (kind,), limit, said, days)
    for name, above, below, said in _SHARES:
        if above in kinds and below in kinds:
            for window in (90, 365, None) if name == "returns_per_order" else (90, 365):
                yield FeatureDefinition(
                    name=f"{name}{suffix(window)}",
                    kinds=(above, below),
                    aggregate="share",
                    window_days=window,
                    text=f"{said}{within(window)}: {{value}}",
                    text_missing=f"nothing to count {said} by{within(window)}",
                )


def _count(
    name: str, aggregate: str, kinds: tuple[str, ...], limit: float, said: str, days: int
) -> FeatureDefinition:
    return FeatureDefinition(
        name=f"{name}_count{suffix(days)}",
        kinds=kinds,
        aggregate=aggregate,
        window_days=days,
        parameter=limit,
        text=f"{said}{within(days)}: {{value}}",
    )
