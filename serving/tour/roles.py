"""The keys with which a visitor of a demo looks around as one of its people.

A key is made once for each role and used by everybody who enters by it. Whoever reviews gets one of
their own, since it signs: it is shown once, and when there are many the oldest ends.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from serving.access.auth import KeyRecord, Principal, create_key, list_keys, revoke_key
from serving.access.key_issue import machine_user
from serving.access.sessions import count_sessions
from serving.bootstrap import Keepwell
from serving.tour.over import TourOver

_REVIEWERS, _EVER = 10, 200
_AT_ONCE = 200
_LASTS = timedelta(days=30)

RoleName = Literal["retention", "scientist", "reviewer"]


class StaffRole(NamedTuple):
    """One of the people a visitor may be: what they are called, may do, and see first."""

    name: RoleName
    title: str
    does: str
    scopes: tuple[str, ...]
    first: str

    @property
    def owner(self) -> str:
        """Whose key it is, as keys and the log name them."""
        return f"Visitor as {self.title.lower()} (demo)"


STAFF_ROLES = (
    StaffRole(
        "retention",
        "Head of retention",
        "Is it working? What waits for a yes, and what was learnt.",
        (
            "outcomes:read", "score:read", "consent:read", "intervention:read",
            "intervention:approve", "feedback:write",
        ),
        "/staff/dashboard",
    ),
    StaffRole(
        "scientist",
        "Data scientist",
        "How sure are the scores, what drifts, what was tried by lot.",
        ("outcomes:read", "score:read", "consent:read"),
        "/staff/experiments",
    ),
    StaffRole(
        "reviewer",
        "Ethics reviewer",
        "Read the audit, sign or refuse the model, look into complaints.",
        ("audit:sign", "outcomes:read", "score:read", "consent:read", "rights:manage"),
        "/staff/review",
    ),
)  # fmt: skip


class Entered(NamedTuple):
    """Who a visitor is now; `signing_key` is the only copy there will be, empty for others."""

    role: StaffRole
    caller: Principal
    signing_key: str


def find_role(name: str) -> StaffRole | None:
    """Give the role of this name; None where there is none."""
    return next((each for each in STAFF_ROLES if each.name == name), None)


def enter(keepwell: Keepwell, role: StaffRole, *, now: datetime) -> Entered:
    """Give a visitor the key of a role, made where there is none yet; logged like every key.

    Raises `TourOver` when very many look around at once, or reviewed before.
    """
    signs = "audit:sign" in role.scopes
    with keepwell.database.write() as conn:
        ever = [each for each in list_keys(conn) if each.owner == role.owner]
        mine = [each for each in ever if each.state(now) == "valid"]
        looking = count_sessions(conn, [each.key_id for each in mine], now=now)
        if looking >= _AT_ONCE or len(ever) >= _EVER:
            raise TourOver(
                f"very many visitors look around as {role.title.lower()}",
                hint="try again in an hour, or make the demo anew: keepwell demo",
            )
        if mine and not signs:
            return Entered(role, _principal(mine[-1]), "")
        for each in mine[: max(0, len(mine) - _REVIEWERS + 1)]:
            revoke_key(conn, keepwell.ledger, each.key_id, now=now)
        made = create_key(
            conn, keepwell.ledger, role.scopes,
            owner=role.owner, now=now, expires_at=now + _LASTS, enrolled_by=machine_user(),
        )  # fmt: skip
    caller = Principal(made.key_id, made.owner, frozenset(made.scopes))
    return Entered(role, caller, made.key if signs else "")


def _principal(found: KeyRecord) -> Principal:
    return Principal(found.key_id, found.owner, frozenset(found.scopes))
