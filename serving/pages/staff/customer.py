"""One customer's pages: their parts, and plain words for what the record says in codes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from serving.access.auth import Principal
from serving.customer_file.timeline import Happened
from serving.refusals import channel_words
from serving.scoring.whatif import GroupDifference

_MOST_VALUES = 4
_SHOWN = 0.005
_OF_SCORES = ("stratum", "propensity", "probability")
_LONGEST = 60
_PARTS = (
    ("Overview", "", ()),
    ("Timeline", "/timeline", ()),
    ("Scores", "/scores", ("score:read",)),
    ("What if", "/what-if", ("score:read",)),
    ("Well-being", "/wellbeing", ("score:read",)),
    ("Permissions", "/permissions", ()),
    ("Contacts", "/contacts", ("intervention:read",)),
    ("Decisions", "/decisions", ()),
)
_PURPOSES: Mapping[str, str] = {
    "risk_scoring": "Estimating whether they may leave",
    "model_training": "Learning from their history",
    "wellbeing_inference": "Estimating how they are faring",
    "research_text": "Reading what they wrote, to learn from it",
    "fairness_audit": "Checking that nobody is treated worse",
    "operations": "Serving them: orders, bills, help",
}


class Header(NamedTuple):
    """What stands on top of every part: whose page, where it lies, and the parts that open."""

    customer_id: str
    href: str
    tabs: tuple[tuple[str, str], ...]


class Line(NamedTuple):
    """One event of the timeline in words."""

    at: datetime
    title: str
    details: tuple[str, ...]
    text: str | None
    note: str


class Day(NamedTuple):
    """The events of one day, the newest first."""

    day: date
    lines: tuple[Line, ...]


class Differences(NamedTuple):
    """Where a difference in log-odds comes from: the larger parts, and the others together."""

    shown: tuple[GroupDifference, ...]
    others: int
    rest: float
    total: float


def customer_href(customer_id: str) -> str:
    """Give the address of a customer's page; a slash in an id stays inside its step."""
    return f"/staff/customers/{quote(customer_id, safe='')}"


def decision_href(decision_id: str) -> str:
    """Give the address of a decision's dossier."""
    return f"/staff/decisions/{quote(decision_id, safe='')}"


def header(caller: Principal, customer_id: str) -> Header:
    """Name the parts of a customer's page that open to whoever looks."""
    href = customer_href(customer_id)
    tabs = tuple(
        (title, f"{href}{path}") for title, path, scopes in _PARTS if all(map(caller.may, scopes))
    )
    return Header(customer_id, href, tabs)


def with_query(href: str, **values: Any) -> str:
    """Add what is not empty to an address."""
    kept = {name: value for name, value in values.items() if value not in (None, "", 0)}
    return f"{href}?{urlencode(kept)}" if kept else href


def purpose_words(purpose: str) -> str:
    """Name a purpose as a member of staff would."""
    family, _, member = purpose.partition(".")
    if member and family == "outreach":
        return f"Writing to them by {channel_words(member)}"
    if member and family == "sharing":
        return f"Sharing data with {member}"
    return _PURPOSES.get(purpose, purpose.replace("_", " ").capitalize())


def sentence(clause: str) -> str:
    """Make a clause a sentence."""
    return f"{clause[:1].upper()}{clause[1:]}." if clause else ""


def days(events: Iterable[Happened], *, sees_scores: bool) -> tuple[Day, ...]:
    """Put events, newest first, under their days (UTC).

    What Keepwell notes of a score about its own acts is for whoever may see scores.
    """
    return tuple(
        Day(day, tuple(_line(each, sees_scores) for each in some))
        for day, some in groupby(events, key=lambda each: each.occurred_at.date())
    )


def _line(event: Happened, sees_scores: bool) -> Line:
    notes = [
        "by Keepwell" if event.own_act else "",
        f"under {event.under}" if event.under else "",
        "corrected since" if event.replaced else "",
    ]
    title = event.kind.replace("_", " ")
    return Line(
        event.occurred_at,
        f"{title[:1].upper()}{title[1:]}",
        tuple(_details(event, hidden=_OF_SCORES if event.own_act and not sees_scores else ())),
        event.text,
        ", ".join(filter(None, notes)),
    )


def _details(event: Happened, *, hidden: Collection[str]) -> Iterable[str]:
    if event.value is not None:
        amount = f"{event.value:,.2f}" if event.currency else f"{event.value:,.4g}"
        yield f"{amount} {event.currency or ''}".strip()
    for name, value in event.properties.items():
        if value not in (None, "", [], {}) and name not in hidden:
            yield f"{name.replace('_', ' ')}: {_short(value)}"


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        more = f" and {len(value) - _MOST_VALUES} more" if len(value) > _MOST_VALUES else ""
        return ", ".join(map(_short, value[:_MOST_VALUES])) + more
    text = str(value).replace("_", " ") if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def differences(found: Sequence[GroupDifference]) -> Differences:
    """Show the differences that a hundredth can show; the others are told together."""
    shown = tuple(each for each in found if abs(each.contribution) >= _SHOWN)
    total = sum(each.contribution for each in found)
    rest = total - sum(each.contribution for each in shown)
    return Differences(shown, len(found) - len(shown), rest, total)


def signed(log_odds: float) -> str:
    """Write log-odds with their sign: `+0.42`, `−0.70`."""
    return f"{log_odds:+.2f}".replace("-", "−")


def number(value: float | None) -> str:
    """Write a feature's value as short as it can be read."""
    return "missing" if value is None else f"{value:,.4g}"
