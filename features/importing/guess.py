"""A first mapping for a plain orders file, guessed from names and types, for a person to check."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.importing.expressions import quote_name, quote_text
from features.importing.source import Source, open_source
from governance.errors import InvalidInput

_CUSTOMER = (
    r"(customer|client|user|member|account|buyer|shopper|person|kund\w*|cust)[ _-]*"
    r"(id|no|nr|number|code|key|ref)?",
    r"(e[ _-]?mail)([ _-]*address)?",
)
_ORDER = (
    r"(order|invoice|bill|transaction|receipt|basket|purchase|sale)[ _-]*"
    r"(id|no|nr|number|code|key|ref)",
)
_TIME = (
    r"(order|invoice|purchase|transaction|sale|paid|bought|created|placed)\w*[ _-]*"
    r"(date|time|timestamp|at|on|day)",
    r"(date|time|timestamp|day|created|when|at)",
    r".*(date|time|timestamp|_at)",
)
_AMOUNT = (
    r"(order|invoice|total|net|gross|line|sale|sales|basket)?[ _-]*"
    r"(amount|total|revenue|value|sum|spend|spent|sales|turnover)([ _-]*[a-z]{3})?",
    r".*(amount|total|revenue|value|spent|spend)",
)
_QUANTITY = (r"(quantity|qty|units|pieces|count|number_of_items|items)",)
_PRICE = (r"(unit|item)?[ _-]*(price|cost)([ _-]*[a-z]{3})?",)
_FORMATS = (
    ("%Y%m%d", "year month day without separators"),
    ("%d/%m/%Y %H:%M", "day/month/year with a time"),
    ("%m/%d/%Y %H:%M", "month/day/year with a time"),
    ("%d/%m/%Y", "day/month/year"),
    ("%m/%d/%Y", "month/day/year"),
    ("%d.%m.%Y %H:%M", "day.month.year with a time"),
    ("%d.%m.%Y", "day.month.year"),
    ("%d-%m-%Y", "day-month-year"),
)
_MOSTLY = 0.5
_TIMES = ("TIMESTAMP", "DATE")
_NUMBERS = ("BIGINT", "DOUBLE", "INTEGER", "DECIMAL", "FLOAT", "HUGEINT", "SMALLINT", "TINYINT")


@dataclass(frozen=True)
class GuessedMapping:
    """The text of a mapping file, and in plain words what was taken for what."""

    toml: str
    explanation: tuple[str, ...]


def guess_mapping(path: Path, *, timezone: str = "UTC") -> GuessedMapping:
    """Guess customer, time, amount and order id of a file with one line per order or order line.

    `timezone` is stated for naive times. Raises `InvalidInput` naming the columns there are when
    customer or time cannot be found.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        with open_source(path, scratch=place, store=place) as source:
            spoiled = _spoiled_numbers(source)
            if not spoiled:
                return _guess(source, path, timezone)
        with open_source(path, scratch=place, store=place, numeric=spoiled) as source:
            found = _guess(source, path, timezone)
    said = f"not every value is a number, lines without one are rejected: {', '.join(spoiled)}"
    return GuessedMapping(found.toml, (*found.explanation, said))


def _guess(source: Source, path: Path, timezone: str) -> GuessedMapping:
    names = list(source.types)
    customer = _find(names, _CUSTOMER)
    time, when = _find_time(source, [name for name in names if name != customer])
    if customer is None or time is None:
        missing = " and ".join(
            what for what, found in (("customer", customer), ("time", time)) if found is None
        )
        raise InvalidInput(
            f"{path.name}: no column was recognised as the {missing}; there are {', '.join(names)}",
            hint="write a mapping file by hand: [customer] id and [[event]] occurred_at",
        )
    rest = [name for name in names if name not in (customer, when)]
    order = _find(rest, _ORDER)
    value, explained = _find_value(source, [name for name in rest if name != order])
    said = [
        f"customer: {customer}",
        f"time: {when}, naive times taken in {timezone}",
        explained,
        f"order id: {order}; lines with one id are one order"
        if order is not None
        else "order id: none; every line is an order of its own",
    ]
    lines = [
        "# Guessed from the column names; please check.",
        "",
        "[source]",
        f"path = {_toml(path.name)}",
        f"timezone = {_toml(timezone)}",
        "",
        "[customer]",
        f"id = {_toml(quote_name(customer))}",
        "",
        *_event("order", time, order, value, None if value is None else f"{value} >= 0"),
    ]
    if value is not None and _any(source, f"{value} < 0"):
        said.append("lines with a negative amount: returns")
        lines += ["", *_event("return", time, order, f"-({value})", f"{value} < 0")]
    return GuessedMapping("\n".join(lines) + "\n", tuple(said))


def _event(
    kind: str, time: str, order: str | None, value: str | None, where: str | None
) -> list[str]:
    lines = ["[[event]]", f"kind = {_toml(kind)}"]
    if order is not None:
        lines.append(f"id = {_toml(quote_name(order))}")
    lines.append(f"occurred_at = {_toml(time)}")
    if value is not None:
        lines.append(f"value = {_toml(value)}")
    if where is not None:
        lines.append(f"where = {_toml(where)}")
    return lines


def _find(names: list[str], patterns: tuple[str, ...]) -> str | None:
    for pattern in patterns:
        for name in names:
            spoken = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).lower()
            if re.fullmatch(pattern, spoken):
                return name
    return None


def _find_time(source: Source, names: list[str]) -> tuple[str | None, str | None]:
    """An expression that gives the time, and the column it reads."""
    typed = [name for name in names if source.types[name].startswith(_TIMES)]
    chosen = _find(typed, _TIME) or (typed[0] if typed else None)
    if chosen is not None:
        return quote_name(chosen), chosen
    named = _find(names, _TIME)
    if named is None:
        return None, None
    column = f"CAST({quote_name(named)} AS VARCHAR)"
    for written, _ in _FORMATS:
        expression = f"strptime({column}, {quote_text(written)})"
        tried = f"try_strptime({column}, {quote_text(written)})"
        if _any(source, f"{tried} IS NOT NULL") and not _any(
            source, f"{quote_name(named)} IS NOT NULL AND {tried} IS NULL"
        ):
            return expression, named
    return None, None


def _find_value(source: Source, names: list[str]) -> tuple[str | None, str]:
    numbers = [name for name in names if source.types[name].startswith(_NUMBERS)]
    amount = _find(numbers, _AMOUNT)
    if amount is not None:
        return quote_name(amount), f"amount: {amount}"
    quantity, price = _find(numbers, _QUANTITY), _find(numbers, _PRICE)
    if quantity is not None and price is not None:
        product = f"{quote_name(quantity)} * {quote_name(price)}"
        return product, f"amount: {quantity} times {price}"
    if price is not None:
        return quote_name(price), f"amount: {price}"
    return None, "amount: none found; orders are counted only"


def _spoiled_numbers(source: Source) -> list[str]:
    """Columns named like an amount whose values are numbers but for a few."""
    return [
        name
        for name, kind in source.types.items()
        if kind == "VARCHAR"
        and _find([name], (*_AMOUNT, *_QUANTITY, *_PRICE))
        and _share_of_numbers(source, name) > _MOSTLY
    ]


def _share_of_numbers(source: Source, name: str) -> float:
    column = quote_name(name)
    row = source.connection.execute(
        f"SELECT count(TRY_CAST({column} AS DOUBLE)) / greatest(count({column}), 1) FROM source"
    ).fetchone()
    return 0.0 if row is None else float(row[0])


def _any(source: Source, condition: str) -> bool:
    connection: duckdb.DuckDBPyConnection = source.connection
    found = connection.execute(f"SELECT 1 FROM source WHERE {condition} LIMIT 1").fetchall()
    return bool(found)


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
