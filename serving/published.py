"""Figures over groups leave through here: compared with those given before, then noted."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from governance.disclosure.published import Register
from governance.errors import InsufficientData
from governance.pseudonym import keyed_token
from serving.bootstrap import Keepwell

Found = TypeVar("Found")
_TRIES = 5
DASHBOARD = "dashboard "
"""How the names of figures begin that the dashboard alone gives; there are new ones every day."""


def person_key(keepwell: Keepwell) -> bytes:
    """Give the key by which people are hashed to compare figures, and for nothing else."""
    return keyed_token(keepwell.keys.pseudonym, "published figures", "").encode()


def give(
    keepwell: Keepwell, work_out: Callable[[], tuple[Found, Register]], *, now: datetime
) -> Found:
    """Give what was worked out, once the register knows it; anew where others gave meanwhile."""
    for _ in range(_TRIES):
        found, register = work_out()
        if not register.changed:
            return found
        with keepwell.database.write() as conn:
            if register.save(conn, now=now):
                return found
    raise InsufficientData(
        f"others asked for figures during each of {_TRIES} attempts", hint="try again in a moment"
    )
