"""The mapping file: how a company's own table becomes events, as a checked, frozen record."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from features.events import SUBJECTS, is_reserved
from features.importing.expressions import as_column, columns_of, syntax_problem
from features.surveys import complete_survey, instrument_problems
from governance.errors import ConfigurationError, InvalidInput

Expressions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EventMapping:
    """One [[event]] of a mapping; every text but `kind`, `subject` and `constants` is SQL.

    `constants` are properties with the same value on every event, such as a survey's scale.
    """

    kind: str
    occurred_at: str
    id: str | None = None
    known_at: str | None = None
    value: str | None = None
    currency: str | None = None
    text: str | None = None
    properties: Expressions = ()
    where: str | None = None
    subject: str = "customer"
    corrects: str | None = None
    retracts: str | None = None
    constants: tuple[tuple[str, Any], ...] = ()

    @property
    def scale(self) -> tuple[float, float] | None:
        """Lowest and highest answer of a survey."""
        found = dict(self.constants).get("scale")
        return None if found is None else (float(found[0]), float(found[1]))

    @property
    def instrument(self) -> str | None:
        """Which survey it is."""
        found = dict(self.constants).get("instrument")
        return None if found is None else str(found)


@dataclass(frozen=True)
class SnapshotMapping:
    """The [snapshot]: one row per customer whose columns are known just before `as_of`."""

    as_of: str
    labels: Expressions = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceMapping:
    """A whole mapping file. `name` identifies the source across imports (the file's own name)."""

    name: str
    customer_id: str
    path: str | None = None
    folder: Path = Path()
    timezone: str | None = None
    delimiter: str | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    attributes: Expressions = ()
    protected: Expressions = ()
    events: tuple[EventMapping, ...] = ()
    snapshot: SnapshotMapping | None = None

    @property
    def source_path(self) -> Path | None:
        """Where the mapping says its file is, beside the mapping itself."""
        return None if self.path is None else self.folder / self.path

    def expressions(self) -> list[tuple[str, str]]:
        """Every SQL expression with the place in the file it stands at."""
        found = [("customer.id", self.customer_id)]
        found += [(f"customer.attributes.{name}", text) for name, text in self.attributes]
        found += [(f"customer.protected.{name}", text) for name, text in self.protected]
        for number, event in enumerate(self.events, start=1):
            place = f"event {number} ({event.kind})"
            for name in _EVENT_EXPRESSIONS:
                text = getattr(event, name)
                if text is not None:
                    found.append((f"{place}.{name}", text))
            found += [(f"{place}.properties.{name}", text) for name, text in event.properties]
        if self.snapshot is not None:
            found += [(f"snapshot.labels.{name}", text) for name, text in self.snapshot.labels]
        return found


class Draft(NamedTuple):
    """A mapping as far as it could be understood, and its mistakes."""

    mapping: SourceMapping
    mistakes: tuple[str, ...]


def draft_mapping(path: Path) -> Draft:
    """Read a mapping file with its mistakes, for what else its source shows to be wrong."""
    return _draft(_text_of(path), path.stem, path.parent)


def load_mapping(path: Path) -> SourceMapping:
    """Read and check a mapping file; every mistake is raised at once as `ConfigurationError`."""
    return parse_mapping(_text_of(path), name=path.stem, folder=path.parent)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInput(
            f"the mapping {path} cannot be read ({type(problem).__name__})",
            hint="name a TOML file",
        ) from None


def parse_mapping(text: str, *, name: str, folder: Path = Path()) -> SourceMapping:
    """Check the TOML text of a mapping; every mistake is raised at once as `ConfigurationError`."""
    mapping, mistakes = _draft(text, name, folder)
    if mistakes:
        raise ConfigurationError(
            mistakes,
            source=f"mapping {name}",
            hint="the documentation lists every key of a mapping file",
        )
    return mapping


def _draft(text: str, name: str, folder: Path) -> Draft:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(
            [f"not TOML: {problem}"], source=f"mapping {name}", hint="check quotes and brackets"
        ) from None
    reader = _Reader()
    mapping = reader.mapping(found, name, folder)
    return Draft(mapping, tuple(reader.problems))


_EVENT_EXPRESSIONS = (
    "occurred_at",
    "id",
    "known_at",
    "value",
    "currency",
    "text",
    "where",
    "corrects",
    "retracts",
)
_EVENT_KEYS = {
    *_EVENT_EXPRESSIONS,
    *("kind", "properties", "subject", "instrument", "scale", "polarity", "dimension"),
}
_CURRENCY = re.compile(r"[A-Z]{3}")


class _Reader:
    """Walks the TOML and notes every problem on the way."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def mapping(self, found: Mapping[str, Any], name: str, folder: Path) -> SourceMapping:
        self.keys(found, {"source", "customer", "event", "snapshot"}, "the file")
        source = self.table(found, "source")
        customer = self.table(found, "customer")
        known = {"name", "path", "timezone", "delimiter", "header", "columns"}
        self.keys(source, known, "source")
        self.keys(customer, {"id", "attributes", "protected"}, "customer")
        raw_events = found.get("event", [])
        if not isinstance(raw_events, list) or not all(isinstance(e, dict) for e in raw_events):
            self.problems.append("event must be written as [[event]]")
            raw_events = []
        snapshot = self.snapshot(found)
        if not raw_events and snapshot is None:
            self.problems.append("there is neither an [[event]] nor a [snapshot]")
        attributes = self.expressions(customer, "attributes", "customer")
        if attributes and not raw_events:
            self.problems.append(
                "customer.attributes need an [[event]] for their time; "
                "a [snapshot] takes its columns by itself"
            )
        events = tuple(self.event(raw, k) for k, raw in enumerate(raw_events, start=1))
        self.derived(attributes, events, snapshot)
        needs_customer = snapshot is not None or any(e.subject != "company" for e in events)
        return SourceMapping(
            name=self.text(source, "name", "source") or name,
            path=self.text(source, "path", "source"),
            folder=folder,
            timezone=self.timezone(source),
            delimiter=self.text(source, "delimiter", "source"),
            header=self.flag(source, "header", default=True),
            columns=self.texts(source, "columns", "source"),
            customer_id=self.sql(customer, "id", "customer", required=needs_customer) or "NULL",
            attributes=attributes,
            protected=self.expressions(customer, "protected", "customer"),
            events=events,
            snapshot=snapshot,
        )

    def event(self, raw: Mapping[str, Any], number: int) -> EventMapping:
        kind = raw.get("kind")
        place = f"event {number}" + (f" ({kind})" if isinstance(kind, str) else "")
        self.keys(raw, _EVENT_KEYS, place)
        if not isinstance(kind, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", kind):
            self.problems.append(
                f"{place}: kind must be stated in lower case letters, digits and underscores"
            )
            kind = "unknown"
        elif is_reserved(kind):
            self.problems.append(f"{place}: only Keepwell writes {kind}")
        subject = raw.get("subject", "customer")
        if subject not in SUBJECTS:
            self.problems.append(f"{place}: subject must be one of {', '.join(SUBJECTS)}")
            subject = "customer"
        if "corrects" in raw and "retracts" in raw:
            self.problems.append(f"{place}: an event corrects or retracts another, never both")
        return EventMapping(
            kind=kind,
            occurred_at=self.sql(raw, "occurred_at", place, required=True) or "NULL",
            id=self.sql(raw, "id", place),
            known_at=self.sql(raw, "known_at", place),
            value=self.sql(raw, "value", place),
            currency=self.currency(raw, place),
            text=self.sql(raw, "text", place),
            properties=self.expressions(raw, "properties", place),
            where=self.sql(raw, "where", place),
            subject=subject,
            corrects=self.sql(raw, "corrects", place),
            retracts=self.sql(raw, "retracts", place),
            constants=self.constants(raw, kind, place),
        )

    def constants(
        self, raw: Mapping[str, Any], kind: str, place: str
    ) -> tuple[tuple[str, Any], ...]:
        stated = {
            name: raw[name]
            for name in ("instrument", "scale", "polarity", "dimension")
            if name in raw
        }
        if kind != "survey":
            if stated:
                self.problems.append(f"{place}: {', '.join(stated)} belong to a survey")
            return ()
        problems = instrument_problems(stated)
        self.problems += [f"{place}: {problem}" for problem in problems]
        if "value" not in raw:
            self.problems.append(f"{place}: a survey needs a value")
        return () if problems else tuple(sorted(complete_survey(stated).items()))

    def snapshot(self, found: Mapping[str, Any]) -> SnapshotMapping | None:
        if "snapshot" not in found:
            return None
        raw = self.table(found, "snapshot")
        self.keys(raw, {"as_of", "labels", "exclude"}, "snapshot")
        as_of = raw.get("as_of")
        if as_of is None:
            self.problems.append("snapshot: as_of must be stated")
        return SnapshotMapping(
            as_of=str(as_of),
            labels=self.expressions(raw, "labels", "snapshot"),
            exclude=self.texts(raw, "exclude", "snapshot"),
        )

    def derived(
        self,
        attributes: Expressions,
        events: Sequence[EventMapping],
        snapshot: SnapshotMapping | None,
    ) -> None:
        """Note what would become a feature and reads a column that a label reads, too."""
        told = [(f"customer.attributes.{name}", text) for name, text in attributes]
        for number, event in enumerate(events, start=1):
            place = f"event {number} ({event.kind})"
            told += [(f"{place}.properties.{name}", text) for name, text in event.properties]
            told += [
                (f"{place}.{name}", text)
                for name in ("value", "text", "where")
                if (text := getattr(event, name)) is not None
            ]
        for name, label in () if snapshot is None else snapshot.labels:
            answers = {column.casefold() for column in columns_of(label)}
            for place, text in told:
                shared = sorted(c for c in columns_of(text) if c.casefold() in answers)
                if shared:
                    self.problems.append(
                        f"{place} reads {', '.join(shared)}, which snapshot.labels.{name} reads, "
                        "too: a feature would tell the label"
                    )

    def keys(self, found: Mapping[str, Any], known: set[str], place: str) -> None:
        for key in sorted(set(found) - known):
            self.problems.append(f"{place}: {key!r} is not known here")

    def table(self, found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        raw = found.get(name, {})
        if isinstance(raw, dict):
            return raw
        self.problems.append(f"{name} must be written as [{name}]")
        return {}

    def text(self, found: Mapping[str, Any], name: str, place: str) -> str | None:
        raw = found.get(name)
        if raw is None or (isinstance(raw, str) and raw):
            return raw
        self.problems.append(f"{place}.{name} must be a text")
        return None

    def flag(self, found: Mapping[str, Any], name: str, *, default: bool) -> bool:
        raw = found.get(name, default)
        if isinstance(raw, bool):
            return raw
        self.problems.append(f"source.{name} must be true or false")
        return default

    def texts(self, found: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
        raw = found.get(name, [])
        if isinstance(raw, list) and all(isinstance(each, str) for each in raw):
            return tuple(raw)
        self.problems.append(f"{place}.{name} must be a list of texts")
        return ()

    def sql(
        self, found: Mapping[str, Any], name: str, place: str, *, required: bool = False
    ) -> str | None:
        raw = found.get(name)
        if raw is None:
            if required:
                self.problems.append(f"{place}: {name} must be stated")
            return None
        if not isinstance(raw, str):
            self.problems.append(f"{place}.{name} must be a text with a SQL expression")
            return None
        sql = as_column(raw.strip())
        problem = syntax_problem(sql)
        if problem:
            self.problems.append(f"{place}.{name}: {problem}")
            return None
        return sql

    def expressions(self, found: Mapping[str, Any], name: str, place: str) -> Expressions:
        raw = found.get(name, {})
        if not isinstance(raw, dict):
            self.problems.append(f"{place}.{name} must be a table of name = expression")
            return ()
        pairs = [(key, self.sql(raw, key, f"{place}.{name}")) for key in sorted(raw)]
        return tuple((key, text) for key, text in pairs if text is not None)

    def currency(self, raw: Mapping[str, Any], place: str) -> str | None:
        found = raw.get("currency")
        if isinstance(found, str) and _CURRENCY.fullmatch(found):
            return f"'{found}'"
        return self.sql(raw, "currency", place)

    def timezone(self, source: Mapping[str, Any]) -> str | None:
        found = self.text(source, "timezone", "source")
        if found is None:
            return None
        try:
            ZoneInfo(found)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.problems.append(f"source.timezone {found!r} is not a known time zone")
            return None
        return found


def binding_problems(mapping: SourceMapping, columns: Sequence[str]) -> list[str]:
    """List columns named outside expressions that the source does not have."""
    if mapping.snapshot is None:
        return []
    return [
        f"snapshot.exclude: there is no column {name!r}"
        for name in mapping.snapshot.exclude
        if name not in columns
    ]
