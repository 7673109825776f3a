"""Where on their way someone is when an event happens, and by what means it reached them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from governance.errors import ConfigurationError


class Stage(NamedTuple):
    """One stage of the journey and the kinds of events that happen in it."""

    name: str
    kinds: tuple[str, ...]


STAGES = (
    Stage(
        "visit",
        ("session", "page_view", "search", "email_delivered", "email_opened", "email_clicked"),
    ),
    Stage("purchase", ("cart", "order", "payment", "payment_failed")),
    Stage("delivery", ("shipped", "delivered", "return")),
    Stage(
        "use",
        ("goal_set", "goal_reached", "savings", "community_post", "social", "mention", "referral"),
    ),
    Stage(
        "support", ("ticket_opened", "ticket_escalated", "ticket_closed", "chat_message", "call")
    ),
    Stage("renewal", ("plan_changed", "renewed")),
    Stage("leaving", ("cancelled", "unsubscribed", "spam_complaint")),
)
"""The stages of a home that states none of its own, in the order people pass them."""

FOLLOWING = frozenset({"survey", "review", "narrative", "diary", "transcript"})
"""Kinds that belong where their writer was just before: answers and texts about it."""

FOLLOWING_DAYS = 30

PASSIVE = frozenset({"email_delivered", "email_bounced", "contact_outside", "profile"})
"""What happens to people without their doing anything: nobody stayed because a mail arrived."""

TOUCHPOINTS: Mapping[str, str] = {
    "session": "website",
    "page_view": "website",
    "search": "website",
    "cart": "website",
    "order": "order",
    "payment": "payment",
    "payment_failed": "payment",
    "shipped": "parcel",
    "delivered": "parcel",
    "return": "return",
    "email_delivered": "e-mail",
    "email_opened": "e-mail",
    "email_clicked": "e-mail",
    "unsubscribed": "e-mail",
    "spam_complaint": "e-mail",
    "ticket_opened": "help desk",
    "ticket_escalated": "help desk",
    "ticket_closed": "help desk",
    "chat_message": "chat",
    "call": "telephone",
    "survey": "survey",
    "review": "review",
    "plan_changed": "contract",
    "renewed": "contract",
    "cancelled": "contract",
    "community_post": "community",
    "social": "social media",
    "mention": "social media",
    "referral": "friends",
}
"""By what means a kind of event reaches people, where it states no `channel`."""

STRUGGLES = frozenset({"payment_failed", "ticket_escalated", "return", "spam_complaint"})
"""Kinds that count as a pain by themselves; text is not needed to see them."""

JOYS = frozenset({"goal_reached", "referral", "renewed"})
"""Kinds that count as a gain by themselves."""


def touchpoint_of(kind: str) -> str:
    """Name the touchpoint of a kind; a kind of a company's own is called by its name."""
    return TOUCHPOINTS.get(kind, kind.replace("_", " "))


def stages_of(stated: Mapping[str, Sequence[str]]) -> tuple[Stage, ...]:
    """Give the stages a company states, in their order, or the usual ones where it states none.

    Raises `ConfigurationError` with every mistake: fewer than two stages, one without kinds, a kind
    in two stages.
    """
    if not stated:
        return STAGES
    found = tuple(Stage(name, tuple(kinds)) for name, kinds in stated.items())
    wrong = [] if len(found) > 1 else ["one stage is stated, must be at least two"]
    wrong += [f"{each.name}: names no kind of event" for each in found if not each.kinds]
    where: dict[str, str] = {}
    for each in found:
        for kind in each.kinds:
            if kind in where:
                wrong.append(f"{kind} is in {where[kind]} and in {each.name}, must be in one")
            where[kind] = each.name
    if wrong:
        raise ConfigurationError(wrong, source="keepwell.toml")
    return found
