"""Every setting there is: its name, its variable, what it may be and what it means, in one table.

`page` gives docs/settings.md, `effective` says what holds in a home
and where it comes from.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from features.targets.target import Target
from governance.model.gate import GatePolicy
from serving.settings import (
    NOT_SETTINGS,
    PREFIX,
    Settings,
    TargetSettings,
    from_environment,
    literal,
    load_settings,
)

Source = Literal["default", "keepwell.toml", "environment"]
HIDDEN = "•••"
"""Stands for what is not shown."""

_SECRET = re.compile(r"secret|password|passwd|token|credential|(^|[._-])key$", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)([^/@\s]*)@|\?.*")
_GATE = GatePolicy()
_STATED, _FOLLOWS = "must be stated", "follows from kind and name"
_IN_WORDS = ("", _STATED, _FOLLOWS)
_LIMITS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}"}
_WORDS: Mapping[Any, str] = {
    bool: "true or false", int: "whole number", float: "number", str: "text", Any: "anything",
}  # fmt: skip


class Row(NamedTuple):
    """One setting: `name` as in `keepwell.toml`, the variable that goes over it, and the rest.

    `variable` is None where a list of tables holds it: those come from the file alone.
    """

    table: str
    name: str
    variable: str | None
    kind: str
    default: str
    meaning: str


class Effective(NamedTuple):
    """What one setting is in a home, and where that comes from."""

    name: str
    value: Any
    source: Source

    @property
    def spelt(self) -> str:
        """The value as `keepwell.toml` spells it; empty where there is none."""
        return "" if self.value is None else literal(self.value)


def rows() -> Iterator[Row]:
    """Give every setting, table by table."""
    return _rows(Settings, "", PREFIX)


def _rows(model: type[BaseModel], table: str, variable: str | None) -> Iterator[Row]:
    nested: list[tuple[type[BaseModel], str, str | None]] = []
    for name, field in model.model_fields.items():
        inside, how = _record_in(field.annotation)
        shown = field.alias or name
        own = f"{table}.{shown}" if table else shown
        below = None if variable is None else f"{variable}{shown.upper()}__"
        if inside is not None and how == "one":
            nested.append((inside, own, below))
            continue
        if inside is not None and how == "named":
            nested.append((inside, f"{own}.NAME", f"{below}NAME__"))
        elif inside is not None:
            nested.append((inside, f"[{own}]", None))
        yield Row(
            table,
            shown,
            None if below is None or how == "list" else below.removesuffix("__"),
            _kind(field),
            _default(field) or _followed(table, name),
            field.description or "",
        )
    for inside, own, below in nested:
        yield from _rows(inside, own, below)


def _record_in(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """Find the record a setting is or holds: one, one per name, or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, "one"
    origin, inside = get_origin(annotation), get_args(annotation)
    records = [each for each in inside if isinstance(each, type) and issubclass(each, BaseModel)]
    if not records:
        return None, ""
    if origin in (Union, UnionType):
        return records[0], "one"
    return records[0], "named" if origin is not tuple else "list"


def _kind(field: FieldInfo) -> str:
    limits = [
        _LIMITS[name].format(f"{value:,}")
        for each in field.metadata
        for name in _LIMITS
        if (value := getattr(each, name, None)) is not None
    ]
    return ", ".join([_in_words(field.annotation), *limits])


def _in_words(annotation: Any) -> str:
    origin, inside = get_origin(annotation), [a for a in get_args(annotation) if a is not Ellipsis]
    if annotation in _WORDS:
        return _WORDS[annotation]
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in inside)
    if origin in (Union, UnionType):
        return " or ".join(
            dict.fromkeys(_in_words(each) for each in inside if each is not NoneType)
        )
    if origin in (tuple, frozenset):
        return f"list of {_in_words(inside[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "table"
    if hasattr(annotation, "__metadata__"):
        return _in_words(inside[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return (
        str(getattr(annotation, "__name__", annotation))
        .replace("IPv4Network", "network")
        .replace("IPv6Network", "network")
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return _STATED
    value = field.get_default(call_default_factory=True)
    if value is None or value == "" or (not value and isinstance(value, Mapping | tuple)):
        return ""
    if isinstance(value, Mapping):
        return ", ".join(value)
    if isinstance(value, tuple | frozenset):
        return ", ".join(sorted(map(str, value)))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _followed(table: str, name: str) -> str:
    """Say what holds where a setting has no default of its own."""
    if table == "gate":
        value = getattr(_GATE, name, None)
        return "" if value is None else literal(value)
    if table == "targets.NAME" and name in ("kind", "horizon_days", "horizons", "purpose"):
        return _FOLLOWS
    return ""


def effective(path: Path, environment: Mapping[str, str] | None = None) -> tuple[Effective, ...]:
    """Say what holds in the home whose `keepwell.toml` is `path`, and where it comes from.

    Passwords within addresses and what is named like a secret are not shown. Raises
    `ConfigurationError` where the settings are mistaken.
    """
    surroundings = os.environ if environment is None else environment
    settings = load_settings(path, surroundings, own_features=False)
    stated = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    in_file = {name for name, _ in _flat(stated)}
    outside = {".".join(place) for place, _ in from_environment(surroundings)}
    targets = settings.declared_targets()[0]
    found = []
    for name, value in _flat(settings.model_dump(mode="json", by_alias=True)):
        if value is None:
            value = _resolved(name, targets)
        source: Source = "default"
        if _is_stated(name, outside):
            source = "environment"
        elif _is_stated(name, in_file):
            source = "keepwell.toml"
        found.append(Effective(name, _masked(name, value), source))
    return tuple(found)


def _resolved(name: str, targets: Mapping[str, Target]) -> Any:
    """Give what the gate and the targets take where a setting leaves it to them."""
    if name.startswith("gate."):
        return getattr(_GATE, name.removeprefix("gate."), None)
    above, _, last = name.rpartition(".")
    target = targets.get(above.removeprefix("targets."))
    if target is None or last not in TargetSettings.model_fields:
        return None
    value = getattr(target, last)
    if isinstance(value, tuple):
        return list(value) or None
    return value if value != "" else None


def _is_stated(name: str, places: set[str]) -> bool:
    """Whether a place states this setting, or one above it in its short form."""
    steps = name.split(".")
    return any(".".join(steps[:k]) in places for k in range(1, len(steps) + 1))


def _flat(found: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        place = f"{above}{name}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{place}.")
        else:
            yield place, value


def _masked(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if _SECRET.search(name):
        return HIDDEN
    return _IN_URL.sub(_hide, value) if "://" in value else value


def _hide(found: re.Match[str]) -> str:
    return f"{HIDDEN}@" if found[0].endswith("@") else f"?{HIDDEN}"


def page() -> str:
    """Give the Markdown page of every setting."""
    lines = [
        "# Settings",
        "",
        "Written by `make docs` from the settings themselves. Each lies in `keepwell.toml` of the "
        "home, or in the environment, which goes over the file. All mistakes are told at once. "
        "`keepwell settings` shows what holds in a home, and where it comes from.",
        "",
        "A variable whose name ends in `_FILE` names a file that holds the value "
        f"(`{PREFIX}DATABASE_URL_FILE=/run/secrets/database_url`), so that no secret stands in the "
        "environment. Lists and tables are written as in the file: "
        f"`{PREFIX}AGE_REQUIRED='[\"outreach.email\"]'`. `NAME` stands for a name of your own.",
    ]
    before: str | None = None
    for row in rows():
        if row.table != before:
            lines += ["", f"## {_heading(row.table)}", ""]
            lines += ["| setting | variable | is | default | meaning |", "|---|---|---|---|---|"]
            before = row.table
        variable = "" if row.variable is None else f"`{row.variable}`"
        default = row.default if row.default in _IN_WORDS else f"`{row.default}`"
        lines.append(f"| `{row.name}` | {variable} | {row.kind} | {default} | {row.meaning} |")
    lines += ["", "## What else the environment may say", "", "| variable | meaning |", "|---|---|"]
    lines += [f"| `{PREFIX}{name}` | {meaning} |" for name, meaning in NOT_SETTINGS.items()]
    return "\n".join(lines) + "\n"


def _heading(table: str) -> str:
    if not table:
        return "At the top of the file"
    return f"`[{table}]`"
