"""The features of a home, and what is to be mended in those the company wrote itself."""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from features.definitions import FeatureDefinition
from features.history import Histories, customer_ids, read_all, read_sample
from features.home_features import HomeFeatures
from features.own_features import Mistake, draft_own_features
from governance.errors import ConfigurationError, InsufficientData, InvalidInput, NotFound
from serving.bootstrap import Keepwell, open_home

PURPOSE = "model_training"


class Examined(NamedTuple):
    """How many own features there are, what is to be mended, and what could not be looked at."""

    features: int
    mistakes: tuple[Mistake, ...]
    remark: str


def list_features(keepwell: Keepwell, *, now: datetime) -> tuple[FeatureDefinition, ...]:
    """Give every feature of this home: the catalogue its histories suggest, then its own.

    Looks at the histories of those who permit `model_training`. Raises `InsufficientData` when
    nobody does, `ConfigurationError` for own features that do not fit.
    """
    sample = _histories(keepwell, now, whole=False)
    return keepwell.features.definitions(sample, sample=True)


def examine_features(root: Path, file: Path, *, now: datetime) -> Examined:
    """Look for everything wrong with the own features in `file`, beside the histories of a home.

    Where the home cannot be opened, or nobody permits it, the file alone is looked at and `remark`
    says so. Functions are looked for beside the file. Raises `InvalidInput` for a file that is not
    there or no TOML.
    """
    try:
        text = file.read_text(encoding="utf-8")
        settings = tomllib.loads(text)
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(f"{file.name} cannot be read") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file.name} is not readable as TOML: {error}") from None
    timezone = str(settings.get("timezone", "UTC"))
    draft = draft_own_features(text, timezone=timezone)
    broken = {each.feature for each in draft.mistakes}
    tables = settings.get("feature", [])
    count = len(tables) if isinstance(tables, list) else 0
    try:
        keepwell = open_home(root, own_features=False)
        try:
            histories = _histories(keepwell, now, whole=True)
        finally:
            keepwell.close()
    except (ConfigurationError, NotFound, InsufficientData) as error:
        return Examined(count, draft.mistakes, f"not laid beside histories: {error.message}")
    once = {each.definition.name: each for each in reversed(draft.features)}
    _, further = HomeFeatures(timezone, tuple(once.values())[::-1], file.parent).examine(histories)
    told = {each for each in further if not broken.intersection(each.missing_parts)}
    return Examined(count, tuple(sorted({*draft.mistakes, *told})), "")


def _histories(keepwell: Keepwell, now: datetime, *, whole: bool) -> Histories:
    with keepwell.database.read() as conn:
        permit, refused = keepwell.registry.permit_many(conn, PURPOSE, customer_ids(conn), now=now)
        if not permit.customers:
            raise InsufficientData(
                f"nobody permits {PURPOSE}; {len(refused):,} customers are known",
                hint="record what customers permit: keepwell consent import FILE",
            )
        if whole:
            return read_all(conn, keepwell.store, permit, digests=False)
        return read_sample(conn, keepwell.store, permit)
