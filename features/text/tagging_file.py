"""Reads tagging rules from TOML and lists everything wrong with them at once, with lines."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from features.text.emotions import EMOTIONS
from features.text.phrases import Phrases, phrase_problem
from features.text.tagging import LAYERS, Rule, Rules, Theme
from governance.errors import ConfigurationError, InvalidInput, NotFound

DEFAULTS = Path(__file__).with_name("tagging.toml")
FILE_NAME = "tagging.toml"
LARGEST_FILE = 1_000_000

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_TABLE = re.compile(r"^\s*\[\[\s*(rule|theme)\s*\]\]")
_PHRASES = ("any", "all", "unless")
_KEYS: Mapping[str, tuple[type, ...]] = {
    "layer": (str,),
    "tag": (str,),
    "any": (list,),
    "all": (list,),
    "unless": (list,),
    "emotion": (str,),
    "at_least": (int, float),
    "below": (int, float),
    "above": (int, float),
    "kinds": (list,),
    "even_negated": (bool,),
    "empathy": (int,),
}
_CONDITIONS = ("any", "all", "emotion", "below", "above")
_MOST_EMPATHY = 5


class Mistake(NamedTuple):
    """One mistake and the line it is on (0: the file as a whole)."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


def load_rules(path: Path) -> Rules:
    """Read a file of rules; raises `NotFound`, or `ConfigurationError` with every mistake."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InvalidInput(f"{path.name} is larger than {LARGEST_FILE:,} bytes")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no file {path.name!r}", hint="check the path") from None
    except UnicodeDecodeError:
        raise ConfigurationError(["not readable as UTF-8"], source=path.name) from None
    return parse_rules(text, source=path.name)


def parse_rules(text: str, *, source: str) -> Rules:
    """Read rules from TOML text; all mistakes raise one `ConfigurationError` naming `source`."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError([f"not readable as TOML: {problem}"], source=source) from None
    mistakes = [
        Mistake(_line_of_key(text, name), f"{name!r} is not known at the top; [[rule]], [[theme]]")
        for name in found.keys() - {"rule", "theme"}
    ]
    lines = _tables(text)
    rules: list[Rule] = []
    themes: list[Theme] = []
    for number, table in enumerate(_listed(found, "rule", mistakes)):
        block = _Block(text, lines["rule"], number)
        wrong = [Mistake(block.line_of(key), said) for key, said in _rule_problems(table)]
        mistakes += wrong
        if not wrong:
            rules.append(_rule(table, block.first))
    for number, table in enumerate(_listed(found, "theme", mistakes)):
        block = _Block(text, lines["theme"], number)
        wrong = [Mistake(block.line_of(key), said) for key, said in _theme_problems(table)]
        if any(each.name == table.get("name") for each in themes):
            wrong.append(Mistake(block.line_of("name"), "another theme has this name"))
        mistakes += wrong
        if not wrong:
            themes.append(Theme(table["name"], Phrases(table["any"])))
    if not mistakes and not rules and not themes:
        mistakes.append(Mistake(0, "there is no [[rule]] and no [[theme]] in it"))
    if mistakes:
        raise ConfigurationError([str(each) for each in sorted(mistakes)], source=source)
    version = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Rules(tuple(rules), tuple(themes), f"tags-{version}")


class _Block:
    """The lines of one table, to point at the key that is wrong."""

    def __init__(self, text: str, starts: Sequence[tuple[int, int]], number: int) -> None:
        self.first, last = starts[number] if number < len(starts) else (0, 0)
        self._lines = text.splitlines()[self.first : last]

    def line_of(self, key: str) -> int:
        written = re.compile(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*=")
        for offset, line in enumerate(self._lines, start=1):
            if written.match(line):
                return self.first + offset
        return self.first


def _tables(text: str) -> dict[str, list[tuple[int, int]]]:
    """Give for each kind of table the lines (first, last) of every one, counted from 1."""
    lines = text.splitlines()
    starts = [(k, m.group(1)) for k, line in enumerate(lines, 1) if (m := _TABLE.match(line))]
    ends = [line for line, _ in [*starts, (len(lines) + 1, "")]][1:]
    found: dict[str, list[tuple[int, int]]] = {"rule": [], "theme": []}
    for (first, kind), end in zip(starts, ends, strict=True):
        found[kind].append((first, end - 1))
    return found


def _line_of_key(text: str, name: str) -> int:
    written = re.compile(rf"^\s*(?:\[+\s*)?[\"']?{re.escape(name)}\b")
    return next((k for k, line in enumerate(text.splitlines(), 1) if written.match(line)), 0)


def _listed(
    found: Mapping[str, Any], name: str, mistakes: list[Mistake]
) -> list[Mapping[str, Any]]:
    tables = found.get(name, [])
    if isinstance(tables, list) and all(isinstance(each, dict) for each in tables):
        return tables
    mistakes.append(Mistake(0, f"{name}s are written as [[{name}]] tables"))
    return []


def _rule_problems(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [
        (key, f"{key!r} is not a key of a rule; known are {', '.join(_KEYS)}")
        for key in table.keys() - _KEYS.keys()
    ]
    usable = dict(table)
    for key, kinds in _KEYS.items():
        value = table.get(key)
        if key in table and (
            not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
        ):
            found.append((key, f"{key} must be {_IN_WORDS[kinds[0]]}"))
            del usable[key]
    if usable.get("layer") not in LAYERS and ("layer" in usable or "layer" not in table):
        found.append(("layer", f"layer must be one of {', '.join(LAYERS)}"))
    if ("tag" in usable or "tag" not in table) and not _NAME.fullmatch(usable.get("tag", "")):
        found.append(("tag", "tag must be lower-case words joined by _, up to 60 characters"))
    for key in _PHRASES:
        if key in usable:
            found += [(key, said) for said in _phrase_problems(key, usable[key])]
    if "kinds" in usable and not all(isinstance(each, str) and each for each in usable["kinds"]):
        found.append(("kinds", "kinds must be a list of event kinds"))
    if not any(key in table for key in _CONDITIONS):
        found.append(("tag", f"it states no condition: one of {', '.join(_CONDITIONS)} is needed"))
    if "emotion" in usable and usable["emotion"] not in EMOTIONS:
        found.append(("emotion", f"emotion must be one of {', '.join(EMOTIONS)}"))
    return found + _number_problems(usable)


_IN_WORDS = {str: "text in quotes", list: "a list", int: "a number", bool: "true or false"}


def _number_problems(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    limits = (
        ("at_least", 0, 1),
        ("below", -1, 1),
        ("above", -1, 1),
        ("empathy", 0, _MOST_EMPATHY),
    )
    found = [
        (key, f"{key} == {table[key]}, must be within {low} to {high}")
        for key, low, high in limits
        if key in table and not low <= table[key] <= high
    ]
    if "at_least" in table and "emotion" not in table:
        found.append(("at_least", "at_least belongs to an emotion, which is not stated"))
    if "below" in table and "above" in table and table["above"] >= table["below"]:
        found.append(("above", "no polarity is above `above` and below `below` at once"))
    return found


def _theme_problems(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [
        (key, f"{key!r} is not a key of a theme; known are name, any")
        for key in table.keys() - {"name", "any"}
    ]
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        found.append(("name", "name must be lower-case words joined by _, up to 60 characters"))
    if not isinstance(table.get("any"), list):
        found.append(("any", "any must be a list of phrases"))
    else:
        found += [("any", said) for said in _phrase_problems("any", table["any"])]
    return found


def _phrase_problems(key: str, phrases: Sequence[object]) -> list[str]:
    if not phrases:
        return [f"{key} is an empty list"]
    found = []
    for place, phrase in enumerate(phrases, start=1):
        said = phrase_problem(phrase) if isinstance(phrase, str) else "must be text in quotes"
        if said is not None:
            found.append(f"{key}, phrase {place}: {said}")
    return found


def _rule(table: Mapping[str, Any], line: int) -> Rule:
    return Rule(
        layer=table["layer"],
        tag=table["tag"],
        anyone=Phrases(table["any"]) if "any" in table else None,
        every=tuple(Phrases([each]) for each in table.get("all", ())),
        unless=Phrases(table["unless"]) if "unless" in table else None,
        emotion=table.get("emotion"),
        at_least=float(table.get("at_least", 0.5)),
        below=table.get("below"),
        above=table.get("above"),
        kinds=frozenset(table.get("kinds", ())),
        even_negated=table.get("even_negated", False),
        empathy=table.get("empathy", 0),
        line=line,
    )
