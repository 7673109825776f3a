"""Suggested features set against each other: now against the year, one against what is usual."""

from collections.abc import Collection, Iterator

from features.definitions import FeatureDefinition
from features.suggestions.phrases import nouns

_SUPPORT = ("ticket_opened", "call", "chat_message")


def comparisons(names: Collection[str], kinds: Collection[str]) -> Iterator[FeatureDefinition]:
    """Give ratios, differences and totals of features that are there (`names`)."""
    for name, aggregate, of, text, missing in _wanted(names, sorted(kinds)):
        if all(part in names for part in of):
            yield FeatureDefinition(
                name=name, kinds=(), aggregate=aggregate, of=of, text=text, text_missing=missing
            )


def _wanted(
    names: Collection[str], kinds: Collection[str]
) -> Iterator[tuple[str, str, tuple[str, ...], str, str]]:
    for kind in kinds:
        one, several = nouns(kind)
        none = f"no {several} in the last 365 days to compare with"
        for short, long in ((7, 30), (30, 365)) if f"{kind}_count_7d" in names else ():
            yield (
                f"{kind}_count_{short}d_share_of_{long}d",
                "ratio",
                (f"{kind}_count_{short}d", f"{kind}_count_{long}d"),
                f"{{percent}} of the {several} of the last {long} days fall in the last {short}",
                f"no {several} in the last {long} days to compare with",
            )
        yield (
            f"{kind}_value_30d_share_of_365d",
            "ratio",
            (f"{kind}_value_sum_30d", f"{kind}_value_sum_365d"),
            f"{{percent}} of the amount of {several} of the last 365 days falls in the last 30",
            none,
        )
        yield (
            f"{kind}_value_per_active_month_365d",
            "ratio",
            (f"{kind}_value_sum_365d", f"{kind}_active_months_365d"),
            f"{several} worth {{value}} per month that has any, in the last 365 days",
            none,
        )
        yield (
            f"{kind}_value_last_less_mean_365d",
            "difference",
            (f"{kind}_value_last_all", f"{kind}_value_mean_365d"),
            f"amount of the latest {one} was {{higher}} than the average of the last 365 days",
            none,
        )
        yield (
            f"{kind}_days_past_usual_gap",
            "difference",
            (f"days_since_last_{kind}", f"{kind}_gap_median_days"),
            f"{{past}} the usual gap between {several}",
            f"too few {several} to speak of a rhythm",
        )
    yield (
        "return_value_share_of_order_value_365d",
        "ratio",
        ("return_value_sum_365d", "order_value_sum_365d"),
        "returns worth {percent} of what the orders of the last 365 days were worth",
        "no orders with an amount in the last 365 days",
    )
    support = tuple(f"{kind}_count_90d" for kind in _SUPPORT if kind in kinds)
    if len(support) > 1:
        yield (
            "support_contact_count_90d",
            "total",
            support,
            "calls for help (tickets, calls, chats) in the last 90 days: {value}",
            "",
        )
    signs = tuple(
        f"{name}_count_90d"
        for name, needed in (
            ("cart_abandoned", {"cart", "order"}),
            ("search_dead_end", {"search", "page_view"}),
            ("search_repeated", {"search"}),
            ("payment_failed_retried", {"payment_failed"}),
            ("ticket_unresolved", {"ticket_opened", "ticket_closed"}),
        )
        if needed <= set(kinds)
    )
    if len(signs) > 1:
        yield (
            "struggle_count_90d",
            "total",
            signs,
            "signs in the last 90 days that something did not work: {value}",
            "",
        )
