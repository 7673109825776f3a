"""Builds everything once: a home on disk becomes one frozen `Keepwell` that others are handed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from features.given import given_targets
from features.home_features import HomeFeatures
from features.labels import Target
from features.links import other_ids
from features.own_features import own_features as read_own_features
from features.store import HistoryStore
from governance.consent.purposes import Basis, PurposeRules
from governance.consent.registry import ConsentRegistry
from governance.errors import ConfigurationError, IntegrityBroken, NotFound
from governance.log.journal import Journal
from governance.log.ledger import Ledger, entries
from governance.model.gate import GatePolicy
from governance.pseudonym import PersonIds, Pseudonymiser, Suppression
from serving import tables
from serving.database import Database, sqlite_url
from serving.home import Home, keep_private
from serving.keys import HomeKeys, create_keys, load_keys
from serving.migrate import migrate
from serving.opening import open_database, usable
from serving.settings import HomeKind, Settings, load_settings, write_settings

_MADE = "home_created"
"""The first entry of a home's log, which says of what kind it is."""


@dataclass(frozen=True)
class Keepwell:
    """A home, opened: its settings, its database and the collaborators built on them.

    `kind` is what the database says; everything a demo or evaluation home puts out says so.
    """

    home: Home
    kind: HomeKind
    created_at: datetime
    settings: Settings
    keys: HomeKeys
    database: Database
    registry: ConsentRegistry
    ledger: Ledger
    persons: PersonIds
    pseudonymiser: Pseudonymiser
    suppression: Suppression
    journal: Journal
    store: HistoryStore
    features: HomeFeatures
    targets: Mapping[str, Target]
    gate_policy: GatePolicy

    def target(self, name: str, *, horizon_days: int | None = None) -> Target:
        """Look a target up by name, with another horizon if one is given; raises `NotFound`."""
        found = self.targets.get(name)
        if found is None:
            raise NotFound(
                f"there is no target of this name; there is {', '.join(sorted(self.targets))}",
                hint="add it to keepwell.toml as [targets.NAME]",
            )
        return found if horizon_days is None else found.within(horizon_days)

    def inside_id(self, customer_id: str) -> str:
        """Give the id this home knows a customer by: a pseudonym in an evaluation home."""
        return self.pseudonymiser.of(customer_id) if self.kind == "evaluation" else customer_id

    def close(self) -> None:
        """Return every database connection."""
        self.database.close()


def create_home(root: Path, settings: Settings, *, now: datetime) -> Keepwell:
    """Make a home of `settings.kind` at `root`, or open the one that is there.

    Directories, keys and tables are made where they are missing; nothing is replaced. Raises
    `ConfigurationError` if a home of another kind lives there.
    """
    home = Home(root.resolve())
    for directory in home.directories:
        directory.mkdir(parents=True, exist_ok=True)
    keep_private(home.var)
    if not home.settings_file.exists():
        write_settings(home.settings_file, settings)
    keys = create_keys(home.keys)
    effective = load_settings(home.settings_file)
    database = _database(home, effective)
    with usable(database):
        migrate(database)
    with database.write() as conn:
        if conn.execute(select(tables.home.c.kind)).first() is None:
            conn.execute(
                insert(tables.home).values(
                    id=1, kind=settings.kind, created_at=now, journal_position=0
                )
            )
            Ledger(keys.ledger).append(conn, _MADE, {"kind": settings.kind}, now=now)
    database.close()
    opened = open_home(root)
    if opened.kind != settings.kind:
        opened.close()
        raise ConfigurationError(
            [f"this is {_one(opened.kind)} home, not {_one(settings.kind)} one"],
            source=str(home.root),
            hint="a home keeps its kind for life: choose another directory",
        )
    return opened


def _one(kind: HomeKind) -> str:
    return f"an {kind}" if kind == "evaluation" else f"a {kind}"


def open_home(root: Path, *, own_features: bool = True) -> Keepwell:
    """Open the home at `root`; raises `NotFound` where there is none.

    Without `own_features` what the company added to the catalogue is left aside, mistakes and all.

    The kind written in the database is the truth: a `keepwell.toml` that says otherwise raises
    `ConfigurationError`, so that editing a line never turns an evaluation home into one that
    contacts people.
    """
    home = Home(root.resolve())
    settings = load_settings(home.settings_file, own_features=own_features)
    if not home.keys.is_dir():
        raise NotFound(
            f"{home.root} is not a Keepwell home",
            hint=f"make one with: keepwell --home {home.root} init",
        )
    keep_private(home.var)
    database = _database(home, settings)
    try:
        return _open(home, settings, database)
    except BaseException:
        database.close()
        raise


def _open(home: Home, settings: Settings, database: Database) -> Keepwell:
    with usable(database):
        migrate(database)
    kind, created_at, given = _identity(home, database)
    if kind != settings.kind:
        raise ConfigurationError(
            [f"kind is {settings.kind!r}, but this home was made as {kind!r}"],
            source=home.settings_file.name,
            hint=f'write kind = "{kind}"; a home keeps its kind for life',
        )
    keys = load_keys(home.keys)
    suppression = Suppression(
        keys.suppression, keep=timedelta(days=settings.retention.suppression_days)
    )
    journal = Journal(home.journal / "journal.jsonl", keys.journal)
    registry = ConsentRegistry(
        purpose_rules(settings),
        home_kind=kind,
        suppression=suppression,
        journal=journal,
        other_ids=other_ids,
    )
    return Keepwell(
        home=home,
        kind=kind,
        created_at=created_at,
        settings=settings,
        keys=keys,
        database=database,
        registry=registry,
        ledger=Ledger(keys.ledger),
        persons=PersonIds(),
        pseudonymiser=Pseudonymiser(keys.pseudonym),
        suppression=suppression,
        journal=journal,
        store=HistoryStore(home.history),
        features=_features(home, settings),
        targets=_targets(settings, given),
        gate_policy=_gate_policy(settings),
    )


def purpose_rules(settings: Settings) -> PurposeRules:
    """Say which basis carries which purpose: the defaults, with the settings over them."""
    stated = {
        purpose: Basis(each.basis, each.assessment, each.statement)
        for purpose, each in settings.purposes.items()
    }
    return PurposeRules(stated, settings.age_required, settings.min_people)


def _features(home: Home, settings: Settings) -> HomeFeatures:
    text = home.settings_file.read_text(encoding="utf-8") if settings.feature else ""
    own = read_own_features(text, timezone=settings.timezone)
    return HomeFeatures(settings.timezone, own, home.root)


def _targets(settings: Settings, given: Sequence[str]) -> Mapping[str, Target]:
    """Name what can be predicted; a label that came with the data is its own target.

    What `keepwell.toml` states about a target goes before what its name suggests.
    """
    stated = settings.targets if "targets" in settings.model_fields_set else {}
    from_labels = {name: Target(name=name, kind="given") for name in given if name not in stated}
    from_settings, mistakes = settings.declared_targets()
    if mistakes:
        raise ConfigurationError(mistakes, source="keepwell.toml")
    return from_settings | from_labels


def _gate_policy(settings: Settings) -> GatePolicy:
    return GatePolicy(**settings.gate.model_dump(exclude_none=True, exclude={"fairness_blocks"}))


def _database(home: Home, settings: Settings) -> Database:
    return open_database(settings.database_url or sqlite_url(home.database_file))


def _identity(home: Home, database: Database) -> tuple[HomeKind, datetime, list[str]]:
    try:
        with database.read() as conn:
            row = conn.execute(select(tables.home.c.kind, tables.home.c.created_at)).first()
            given = given_targets(conn)
            logged = [each for each in entries(conn, limit=1) if each.kind == _MADE]
    except (OperationalError, ProgrammingError):
        row = None
    if row is None:
        raise NotFound(
            f"the database of {home.root} does not say what kind of home this is",
            hint=f"make the home with: keepwell --home {home.root} init",
        )
    if any(json.loads(each.body)["kind"] != row.kind for each in logged):
        raise IntegrityBroken(
            f"the database says that this is {_one(row.kind)} home, its log says otherwise",
            hint="a home keeps its kind for life: restore the last backup",
        )
    return row.kind, row.created_at, given
