"""Features a company adds to the catalogue: `[[feature]]` tables in `keepwell.toml`, without code.

[[feature]]
name = "app_sessions_30d"
kinds = ["session"]
aggregate = "count"
window_days = 30
where = { device = "app" }
text = "{value} sessions in the app in the last 30 days"
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from features.definition_checks import check_definitions, did_you_mean
from features.definitions import (
    AGGREGATES,
    CLOCK_COLUMNS,
    DERIVED,
    NEEDS_COLUMN,
    NEEDS_PARAMETER,
    PLACEHOLDERS,
    BadDefinition,
    FeatureDefinition,
)
from features.derived import NO_FEATURE
from governance.consent.purposes import family_of
from governance.errors import ConfigurationError, InvalidInput

KEYS: Mapping[str, str] = {
    "name": "a word",
    "kinds": "a list of kinds of event",
    "aggregate": "a word",
    "window_days": "a whole number",
    "column": "a word",
    "where": "a table of properties and their values",
    "categories": "a list of words",
    "purposes": "a list of purposes",
    "parameter": "a number",
    "empty": "a number",
    "text": "a sentence",
    "text_missing": "a sentence",
    "of": "a list of features",
    "function": "file.py:name",
}
"""What a `[[feature]]` table may hold, and what each is."""

_LISTS = frozenset({"kinds", "categories", "purposes", "of"})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
_HEADER = re.compile(r"\s*\[\[\s*(\"?)feature\1\s*\]\]")
_KEY = re.compile(r"\s*(?:\[\s*feature\.)?\"?(\w+)\"?\s*[=.\]]")
_WORDS = tuple(each for each in PLACEHOLDERS if each != "{count}")  # which needs nouns
_CLOCKS = frozenset(prefix.rstrip(":") for prefix in CLOCK_COLUMNS)


class Mistake(NamedTuple):
    """One thing to mend: line of the file (0 where it is not known), feature and message."""

    line: int
    feature: str
    message: str

    @property
    def missing_parts(self) -> frozenset[str]:
        """The features it says are none, if that is the mistake."""
        parts, none, _ = self.message.removeprefix("is made of ").partition(NO_FEATURE)
        return frozenset(parts.split(", ")) if none else frozenset()

    def __str__(self) -> str:
        """Say it as a person looks for it."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}feature {self.feature}: {self.message}"


class OwnFeature(NamedTuple):
    """One definition of a company's own and the lines where its keys stand; `""` is its header."""

    definition: FeatureDefinition
    lines: Mapping[str, int]


class Draft(NamedTuple):
    """Own features as far as they could be understood, and everything to mend.

    With anything to mend none of them is used; those that could be made are there to be looked at.
    """

    features: tuple[OwnFeature, ...]
    mistakes: tuple[Mistake, ...]


def draft_own_features(text: str, *, timezone: str = "UTC") -> Draft:
    """Read the `[[feature]]` tables of a settings file that is TOML; never raises for their sake.

    `timezone` completes a column that names a clock alone (`hour`, `weekday`, `weekend`).
    """
    tables = tomllib.loads(text).get("feature", [])
    if not isinstance(tables, list) or not all(isinstance(each, Mapping) for each in tables):
        return Draft((), (Mistake(0, "?", "own features are written as [[feature]]"),))
    features: list[OwnFeature] = []
    mistakes: list[Mistake] = []
    named: dict[str, int] = {}
    for table, lines in zip(tables, _lines(text, len(tables)), strict=True):
        name = str(table.get("name") or "without a name")
        wrong = [*_table_mistakes(table)]
        made, further = _definition(table, timezone)
        said = {key for key, _ in wrong}
        wrong += [each for each in further if each[0] not in said]
        if name in named:
            wrong.append(("name", f"another feature has this name (line {named[name]})"))
        named.setdefault(name, lines.get("name", lines[""]))
        mistakes += [Mistake(lines.get(key, lines[""]), name, message) for key, message in wrong]
        if made is not None:
            features.append(OwnFeature(made, lines))
    lines_of = {each.definition.name: each.lines for each in reversed(features)}
    for problem in check_definitions([each.definition for each in features]):
        if "in a circle" in problem.message:
            own = lines_of[problem.feature]
            mistakes.append(Mistake(own.get("of", own[""]), problem.feature, problem.message))
    return Draft(tuple(features), tuple(sorted(mistakes)))


def own_features(text: str, *, timezone: str = "UTC") -> tuple[OwnFeature, ...]:
    """Read own features; raises `ConfigurationError` with every mistake and its line."""
    draft = draft_own_features(text, timezone=timezone)
    if draft.mistakes:
        raise ConfigurationError([str(each) for each in draft.mistakes], source="keepwell.toml")
    return draft.features


def _table_mistakes(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the keys of one table and the shape of their values."""
    for key in table:
        if key not in KEYS:
            yield key, f"{key} is not a key of a feature{did_you_mean(key, KEYS)}"
    for key in ("name", "aggregate"):
        if key not in table:
            yield key, f"{key} is not stated"
    for key, value in table.items():
        if key in KEYS and not _fits(key, value):
            yield key, f"{key} must be {KEYS[key]}"
    name = table.get("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        yield "name", "name must be small letters, digits and _, a letter first"
    yield from _unused(table)
    if "#" in str(table.get("function", "")):
        yield "function", "function is file.py:name; Keepwell adds the digest itself"
    for key in ("text", "text_missing"):
        for word in re.findall(r"\{[^{}]*\}", str(table.get(key, ""))):
            if word not in _WORDS:
                yield key, f"{word} means nothing in a sentence; known are {', '.join(_WORDS)}"
    purposes = table.get("purposes", [])
    for purpose in purposes if isinstance(purposes, list) else []:
        try:
            family_of(str(purpose))
        except InvalidInput as error:
            near = did_you_mean(str(purpose), ("risk_scoring", "wellbeing_inference"))
            yield "purposes", f"{error.message}{near}"


def _unused(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys that the aggregate would not look at: most likely another one was meant."""
    aggregate = table.get("aggregate")
    if aggregate not in AGGREGATES:
        return
    used = {
        "of": aggregate in DERIVED,
        "function": aggregate == "function",
        "column": aggregate in NEEDS_COLUMN,
        "parameter": aggregate in NEEDS_PARAMETER,
        "categories": aggregate in ("category", "mode"),
        "where": aggregate not in DERIVED,
        "window_days": aggregate not in DERIVED,
    }
    for key, wanted in used.items():
        if key in table and not wanted:
            yield key, f"{aggregate} does not use {key}"


def _fits(key: str, value: object) -> bool:
    if key in _LISTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if key == "where":
        return isinstance(value, Mapping) and all(
            isinstance(each, str | bool | int | float) for each in value.values()
        )
    if key == "window_days":
        return isinstance(value, int) and not isinstance(value, bool)
    if key in ("parameter", "empty"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _definition(
    table: Mapping[str, Any], timezone: str
) -> tuple[FeatureDefinition | None, list[tuple[str, str]]]:
    """Make a definition of the keys that can be read, or list what makes it impossible."""
    stated: dict[str, Any] = {
        key: tuple(value) if key in _LISTS else value
        for key, value in table.items()
        if key in KEYS and _fits(key, value)
    }
    stated["where"] = tuple((key, str(value)) for key, value in stated.get("where", {}).items())
    for key in ("parameter", "empty"):
        if key in stated:
            stated[key] = float(stated[key])
    stated["purposes"] = tuple(dict.fromkeys(("risk_scoring", *stated.get("purposes", ()))))
    if stated.get("column") in _CLOCKS:
        stated["column"] = f"{stated['column']}:{timezone}"
    stated = {"name": "?", "aggregate": "?", "kinds": ()} | stated
    stated["text"] = stated.get("text") or f"{stated['name'].replace('_', ' ')} is {{value}}"
    try:
        return FeatureDefinition(**stated), []
    except BadDefinition as error:
        return None, [(key, _nearer(key, table, message)) for key, message in error.mistakes]


def _nearer(key: str, table: Mapping[str, Any], message: str) -> str:
    """Name the aggregate that was probably meant, instead of all."""
    word = str(table.get("aggregate"))
    near = did_you_mean(word, AGGREGATES) if key == "aggregate" else ""
    return f"there is no aggregate {word!r}{near}" if near else message


def _lines(text: str, count: int) -> list[dict[str, int]]:
    """Find the line of each table's header and keys; 0 where the file is written unusually."""
    found: list[dict[str, int]] = []
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if _HEADER.match(line):
            found.append({"": number})
            inside = True
        elif line.lstrip().startswith("[") and not re.match(r"\s*\[\s*feature\.", line):
            inside = inside and not re.match(r"\s*\[[^\]]*\]\s*(#.*)?$", line)
        elif inside and (key := _KEY.match(line)):
            found[-1].setdefault(key[1], number)
    return found if len(found) == count else [{"": 0} for _ in range(count)]
