"""Further purposes that a score rests on: those its model reads and the person permitted.

A feature that needs a permission is missing for whoever does not give it, so a model that reads
well-being may score somebody without. Whoever did permit it has a contact that rests on it: it is
looked at again before every send, and ends with it. A score made while a permission stood that is
gone by now speaks for nobody.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from governance.consent.registry import ConsentRegistry
from governance.proof import Permit
from governance.tables import decisions

NEVER_SAID = "no_record"
_AT_ONCE = 500


class Behind(NamedTuple):
    """Permits by purpose over those whose scores rest on it, and who is refused for one's end."""

    permits: Mapping[str, Permit]
    refused: Mapping[str, str]


def permits_behind(
    conn: Connection,
    registry: ConsentRegistry,
    read: Mapping[str, Mapping[str, str | None]],
    *,
    now: datetime,
) -> Behind:
    """Look at `read`: by purpose, the customers whose model reads it and their score's decision.

    Not permitting one of them refuses nobody whose score was made without it.
    """
    permits: dict[str, Permit] = {}
    refused: dict[str, str] = {}
    for purpose, scores in sorted(read.items()):
        permits[purpose], no = registry.permit_many(conn, purpose, scores, now=now)
        ended = {scores[customer] for customer, why in no.items() if why != NEVER_SAID}
        resting = _resting_on(conn, purpose, ended - {None})
        for customer, why in no.items():
            if scores[customer] in resting:
                refused.setdefault(customer, f"{purpose}: {why}")
    return Behind(permits, refused)


def _resting_on(conn: Connection, purpose: str, scores: set[str | None]) -> set[str | None]:
    """Give those scores that used what `purpose` permits, or were taken back since."""
    found = set[str | None]()
    asked = sorted(filter(None, scores))
    used = decisions.c.result.contains(f'"{purpose}"', autoescape=True)
    for start in range(0, len(asked), _AT_ONCE):
        query = select(decisions.c.decision_id).where(
            decisions.c.decision_id.in_(asked[start : start + _AT_ONCE]),
            or_(used, decisions.c.result.is_(None)),
        )
        found.update(conn.execute(query).scalars())
    return found
