"""The words suggested features are named and told in."""

import re
from collections.abc import Mapping

from features.events import KINDS

NOUNS: Mapping[str, tuple[str, str]] = {
    "page_view": ("page view", "page views"),
    "search": ("search", "searches"),
    "cart": ("filled cart", "filled carts"),
    "payment_failed": ("failed payment", "failed payments"),
    "ticket_opened": ("opened ticket", "opened tickets"),
    "ticket_escalated": ("escalated ticket", "escalated tickets"),
    "ticket_closed": ("closed ticket", "closed tickets"),
    "email_delivered": ("delivered email", "delivered emails"),
    "email_opened": ("opened email", "opened emails"),
    "email_clicked": ("clicked email", "clicked emails"),
    "email_bounced": ("bounced email", "bounced emails"),
    "survey": ("survey answer", "survey answers"),
    "plan_changed": ("change of plan", "changes of plan"),
    "goal_set": ("goal set", "goals set"),
    "goal_reached": ("goal reached", "goals reached"),
    "savings": ("saving", "savings"),
    "social": ("social post", "social posts"),
    "contact_outside": ("contact by the company", "contacts by the company"),
    "staff": ("staff count", "staff counts"),
    "cancelled": ("cancellation", "cancellations"),
    "renewed": ("renewal", "renewals"),
}


def nouns(kind: str) -> tuple[str, str]:
    """Say a kind of event in words, for one and for several."""
    plain = spoken(kind)
    own = plain if kind in KINDS else f"{plain} event"
    return NOUNS.get(kind, (own, f"{own}s"))


def spoken(name: str) -> str:
    """Say the name of a kind or property with spaces: MonthlyCharges is Monthly Charges."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\s_]+", apart)).strip() or name


def slug(text: str) -> str:
    """Make a part of a name: small letters and digits, _ between."""
    return re.sub(r"[\W_]+", "_", text.casefold()).strip("_")


def suffix(days: int | None) -> str:
    """End a name with its window."""
    return "_all" if days is None else f"_{days}d"


def within(days: int | None) -> str:
    """End a sentence with its window."""
    return " so far" if days is None else f" in the last {days} days"
