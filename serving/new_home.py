"""A new home, with the key that vouches for its reviewers."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from governance.errors import ConfigurationError
from governance.signing.keys import create_enrolment_key
from serving.bootstrap import create_home
from serving.settings import HomeKind, Settings
from serving.settings_mistakes import mistakes_of


class MadeHome(NamedTuple):
    """A home's kind and, once in the life of a production home, its enrolment key."""

    kind: HomeKind
    enrolment_key: str | None


def make_home(
    root: Path,
    *,
    evaluation: bool,
    timezone: str | None,
    currency: str | None,
    now: datetime,
) -> MadeHome:
    """Make a home, or find the one of the same kind that is there.

    Raises `ConfigurationError` for a time zone or currency that is none.
    """
    stated = {"timezone": timezone, "currency": currency}
    try:
        settings = Settings.model_validate(
            {
                "kind": "evaluation" if evaluation else "production",
                **{name: value for name, value in stated.items() if value is not None},
            }
        )
    except ValidationError as problem:
        raise ConfigurationError(mistakes_of(problem, Settings), source="the new home") from None
    keepwell = create_home(root, settings, now=now)
    secret = None
    if keepwell.kind == "production":
        with keepwell.database.write() as conn:
            secret = create_enrolment_key(conn, keepwell.ledger, now=now)
    keepwell.close()
    return MadeHome(keepwell.kind, secret)
