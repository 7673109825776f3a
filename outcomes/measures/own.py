"""Measures a company declares itself, in `[[measure]]` tables of its settings."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from features.events import is_reserved
from governance.errors import ConfigurationError
from outcomes.measures.definition import Definition, Method

UNITS: Mapping[str, Method] = {
    "share": "share",
    "ratio": "mean",
    "mean": "mean",
    "per person": "mean",
    "count": "total",
    "total": "total",
}
BASES = ("active", "known")
_KEYS = {"name", "unit", "says", "numerator", "denominator"}
_SIDE_KEYS = {"kinds", "where"}
_COMPARE = {
    "is": "= ${0}",
    "is_not": "<> ${0}",
    "at_least": ">= ${0}",
    "above": "> ${0}",
    "at_most": "<= ${0}",
    "below": "< ${0}",
}
_NUMERIC = {"at_least", "above", "at_most", "below"}


class _Side(NamedTuple):
    kinds: tuple[str, ...]
    where: tuple[tuple[str, str, object], ...]


def parse(
    tables: Sequence[object], *, taken: frozenset[str] = frozenset()
) -> tuple[Definition, ...]:
    """Turn `[[measure]]` tables into definitions.

    A table states `name`, `unit` (share: people ÷ people; ratio: events ÷ events; mean: of the
    events' values; per person: events ÷ people; count: of events; total: of values), `numerator`
    with `kinds` and optionally `where` (property = value, or = {at_least = x}; `value` is the
    event's own), and, for share, ratio and per person, a `denominator` of the same form or "active"
    or "known" customers. Raises `ConfigurationError` with every mistake of every table; a name may
    not be one of `taken`.
    """
    problems: list[str] = []
    found: list[Definition] = []
    names: set[str] = set(taken)
    for k, table in enumerate(tables, start=1):
        before = len(problems)
        made = _definition(table, f"measure {k}", names, problems)
        if made is not None and len(problems) == before:
            found.append(made)
    if problems:
        raise ConfigurationError(
            problems, source="[[measure]]", hint="see docs/measures.md for what a measure states"
        )
    return tuple(found)


def _definition(
    table: object, place: str, names: set[str], problems: list[str]
) -> Definition | None:
    if not isinstance(table, Mapping):
        problems.append(f"{place}: must be a table")
        return None
    name = table.get("name")
    if isinstance(name, str) and name:
        place = f"{place} ({name})"
        if name in names:
            problems.append(f"{place}: there is a measure of this name already")
        if not name.replace("_", "").isalnum():
            problems.append(f"{place}: name may hold letters, digits and _ only")
        names.add(name)
    else:
        problems.append(f"{place}: name must be stated")
    problems += [f"{place}: there is no {key!r}" for key in sorted(set(map(str, table)) - _KEYS)]
    unit = table.get("unit")
    if unit not in UNITS:
        problems.append(f"{place}: unit must be one of {', '.join(UNITS)}")
    numerator = _side(table.get("numerator"), f"{place}.numerator", problems)
    base = table.get("denominator")
    denominator: _Side | str | None = None
    if unit in ("share", "ratio", "per person"):
        if base in BASES and unit != "ratio":
            denominator = str(base)
        else:
            denominator = _side(base, f"{place}.denominator", problems)
    elif base is not None:
        problems.append(f"{place}: a {unit} has no denominator")
    if numerator is None or not isinstance(unit, str) or not isinstance(name, str):
        return None
    if unit not in UNITS:
        return None
    return _compose(name, unit, str(table.get("says") or ""), numerator, denominator)


def _side(found: object, place: str, problems: list[str]) -> _Side | None:
    if not isinstance(found, Mapping):
        problems.append(f"{place}: must state kinds = [...]")
        return None
    before = len(problems)
    problems += [f"{place}: there is no {k!r}" for k in sorted(set(map(str, found)) - _SIDE_KEYS)]
    kinds = found.get("kinds")
    if not (isinstance(kinds, list | tuple) and kinds and all(isinstance(k, str) for k in kinds)):
        problems.append(f"{place}: kinds must be a list of event kinds")
        return None
    problems += [f"{place}: {k} is Keepwell's own act" for k in kinds if is_reserved(k)]
    where = found.get("where", {})
    tests: list[tuple[str, str, object]] = []
    if not isinstance(where, Mapping):
        problems.append(f"{place}: where must be a table of properties")
        return None
    for name, wanted in where.items():
        if '"' in str(name):
            problems.append(f"{place}.where: a property's name holds no quotation mark")
        asked = wanted if isinstance(wanted, Mapping) else {"is": wanted}
        for how, value in asked.items():
            if how not in _COMPARE:
                problems.append(
                    f"{place}.where.{name}: {how!r} is not one of {', '.join(_COMPARE)}"
                )
            elif not isinstance(value, str | int | float):
                problems.append(f"{place}.where.{name}: must be a text, a number or true or false")
            elif how in _NUMERIC and isinstance(value, bool | str):
                problems.append(f"{place}.where.{name}: {how} takes a number")
            else:
                tests.append((str(name), how, value))
    return _Side(tuple(kinds), tuple(tests)) if len(problems) == before else None


_PEOPLE = {
    "active": "SELECT period, who FROM active WHERE at_end",
    "known": "SELECT p.period, k.who FROM known AS k JOIN periods AS p ON k.since < p.until",
}
_COUNTED = """
SELECT p.period, e.who, count(*) AS n, count(e.value) AS valued, sum(e.value) AS total
FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
WHERE e.subject <> 'company' AND list_contains({kinds}, e.kind)"""
_SHAPES = {
    "share": "SELECT d.period, d.who, (n.who IS NOT NULL)::INT AS x, 1 AS y FROM below AS d "
    "LEFT JOIN above AS n USING (period, who)",
    "ratio": "SELECT d.period, d.who, coalesce(n.n, 0) AS x, d.n AS y FROM below AS d "
    "LEFT JOIN above AS n USING (period, who)",
    "per person": "SELECT d.period, d.who, coalesce(n.n, 0) AS x, 1 AS y FROM below AS d "
    "LEFT JOIN above AS n USING (period, who)",
    "mean": "SELECT period, who, total AS x, valued AS y FROM above WHERE valued > 0",
    "count": "SELECT period, who, n AS x, 1 AS y FROM above",
    "total": "SELECT period, who, total AS x, 1 AS y FROM above WHERE valued > 0",
}


def _compose(
    name: str, unit: str, says: str, numerator: _Side, denominator: _Side | str | None
) -> Definition:
    params: dict[str, object] = {}
    above = _counted(numerator, "n", params)
    below = ""
    if isinstance(denominator, str):
        below = f", below AS ({_PEOPLE[denominator]})"
    elif denominator is not None:
        below = f", below AS ({_counted(denominator, 'd', params)})"
    over = "" if denominator is None else f" ÷ {_in_words(denominator)}"
    return Definition(
        name=name,
        family="own",
        unit="points" if unit == "mean" else unit,
        method=UNITS[unit],
        says=says or f"{unit}: {_in_words(numerator)}{over}, in the period",
        needs=(" or ".join(numerator.kinds),)
        + ((" or ".join(denominator.kinds),) if isinstance(denominator, _Side) else ()),
        states=("active_window_days",) if denominator == "active" else (),
        params=params,
        sql=f"WITH above AS ({above}){below} {_SHAPES[unit]}",
    )


def _counted(side: _Side, prefix: str, params: dict[str, object]) -> str:
    """SQL over the events of one side; every value of the settings is bound, never written in."""
    params[f"{prefix}_kinds"] = list(side.kinds)
    sql = _COUNTED.replace("{kinds}", f"${prefix}_kinds")
    for k, (name, how, value) in enumerate(side.where):
        column = "e.value"
        if name != "value":
            params[f"{prefix}{k}_path"] = f'$."{name}"'
            column = f"json_extract_string(e.properties, ${prefix}{k}_path)"
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, int | float):
            column, value = f"TRY_CAST({column} AS DOUBLE)", float(value)
        params[f"{prefix}{k}"] = value
        sql += f" AND {column} " + _COMPARE[how].replace("${0}", f"${prefix}{k}")
    return sql + " GROUP BY p.period, e.who"


def _in_words(side: _Side | str) -> str:
    if isinstance(side, str):
        return "customers active at the end" if side == "active" else "customers known"
    tests = [f"{name} {how.replace('_', ' ')} {value}" for name, how, value in side.where]
    return " or ".join(side.kinds) + (f" with {' and '.join(tests)}" if tests else "")


def kinds_of(definitions: Sequence[Definition]) -> frozenset[str]:
    """Every kind that a company's own measures read, so that its properties are loaded."""
    lists: list[Any] = [
        value for d in definitions for name, value in d.params.items() if name.endswith("_kinds")
    ]
    return frozenset(kind for kinds in lists for kind in kinds)
