"""The frame of a staff page: who looks, where they may go, and how figures are written."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from governance.intervals import Interval
from serving.access.auth import Principal
from serving.pages.staff.in_words import count, number
from serving.scoring.chance import percent

STATIC = Path(__file__).parents[1] / "static"


class Section(NamedTuple):
    """One part of the staff pages; any of `scopes` opens it."""

    name: str
    title: str
    href: str
    scopes: tuple[str, ...]

    def opens_to(self, caller: Principal) -> bool:
        """Whether the holder of a key may look there."""
        return any(caller.may(scope) for scope in self.scopes)


SECTIONS = (
    Section("dashboard", "Dashboard", "/staff/dashboard", ("outcomes:read",)),
    Section("customers", "Customers", "/staff/customers", ("consent:read",)),
    Section("approvals", "Approvals", "/staff/approvals", ("intervention:read",)),
    Section("experiments", "Experiments", "/staff/experiments", ("outcomes:read",)),
    Section("feedback", "Feedback", "/staff/feedback", ("outcomes:read",)),
    Section("journey", "Journey", "/staff/journey", ("outcomes:read",)),
    Section("review", "Review", "/staff/review", ("audit:sign", "rights:manage", "admin")),
)
_MOST_ROLES = 2
_ROLES = (
    ("admin", "administrator"),
    ("audit:sign", "ethics reviewer"),
    ("rights:manage", "keeper of rights"),
    ("intervention:approve", "approver"),
    ("feedback:write", "feedback desk"),
    ("outcomes:read", "analyst"),
    ("consent:read", "customer care"),
)


class Frame(NamedTuple):
    """Who looks at a page, and what of the rest of the pages opens to them.

    `csrf` goes into every form; `stamp` says whose data this is where it is nobody's.
    """

    owner: str
    roles: tuple[str, ...]
    sections: tuple[Section, ...]
    csrf: str
    home_kind: str
    currency: str

    @property
    def stamp(self) -> str:
        """What every page of a home without real customers says."""
        return {
            "demo": "Demo · simulated people, real code",
            "evaluation": "Evaluation · pseudonymised data · contact is impossible",
        }.get(self.home_kind, "")


def frame_of(caller: Principal, *, csrf: str, home_kind: str, currency: str) -> Frame:
    """Say who looks, by the scopes of their key."""
    roles = tuple(role for scope, role in _ROLES if scope in caller.scopes)[:_MOST_ROLES]
    opened = tuple(each for each in SECTIONS if each.opens_to(caller))
    return Frame(caller.owner, roles or ("caller",), opened, csrf, home_kind, currency)


def render_staff(
    template: str, frame: Frame, *, title: str, section: str = "", **values: Any
) -> str:
    """Fill `templates/staff/<template>`; `section` is the name of the part it belongs to."""
    found = environment().get_template(f"staff/{template}")
    return found.render(frame=frame, title=title, section=section, **values)


def render_alone(template: str, **values: Any) -> str:
    """Fill a page of nobody's session: the login, and what went wrong."""
    return environment().get_template(f"staff/{template}").render(**values)


@cache
def environment() -> Environment:
    """Give the templates of staff pages with their filters."""
    made = Environment(
        loader=PackageLoader("serving.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = static
    made.filters |= FILTERS
    return made


@cache
def static(name: str) -> str:
    """Give the address of a file pages need; it changes with the file."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:8]}"


def between(value: Interval, *, scale: float = 1.0, digits: int = 1) -> str:
    """Write the ends of an interval: `12.3 to 14.1`."""
    return f"{number(scale * value.low, digits)} to {number(scale * value.high, digits)}"


def instant(at: datetime) -> str:
    """Write an instant to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


FILTERS: Mapping[str, Any] = {
    "count": count,
    "percent": percent,
    "between": between,
    "instant": instant,
    "minute": lambda text: str(text)[:16].replace("T", " ") + " UTC",
    "day": lambda at: f"{at:%Y-%m-%d}",
    "words": lambda text: str(text).replace("_", " "),
    "short": lambda text: str(text)[:12],
}
