"""From lines of a source to staged events, in SQL: one pass per kind, bad lines set aside.

`staged` holds good events before identity, permission and history are looked at; `rejected` holds
line, event, reason and column of what cannot be an event.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import duckdb

from features.events import CLOCK_TOLERANCE, EARLIEST, LARGEST_VALUE, MICROS
from features.importing.expressions import columns_of, quote_name, quote_text, text_columns_of
from features.importing.mapping import EventMapping, SourceMapping
from features.importing.source import LINE, Source
from governance.instants import to_micros

STAGED = """
CREATE TEMP TABLE staged (
    subject VARCHAR, customer VARCHAR, kind VARCHAR, event_id VARCHAR, line BIGINT,
    occurred_at BIGINT, known_at BIGINT, value_micros BIGINT, currency VARCHAR, text VARCHAR,
    properties VARCHAR, corrects VARCHAR, retracts VARCHAR
)
"""
REJECTED = "CREATE TEMP TABLE rejected (line BIGINT, event VARCHAR, reason VARCHAR, col VARCHAR)"

COMPANY = "company"
"""Whose history company events (spend, releases) belong to."""

_ZONED = r"(Z|[+-]\d{2}(:?\d{2})?)$"
_LONGEST_ID = 200
_TEXTS = ("currency", "text", "corrects", "retracts")
_NUL_IN_JSON = r"""'(^|[^\\])(\\\\)*\\u0000'"""
_NO_COLUMN = re.compile('Referenced column "(.+)" (?:was )?not found')


class Clock(NamedTuple):
    """What times are read with: the moment of import and the zone of naive times, if stated."""

    now: datetime
    timezone: str | None


def bind_problems(mapping: SourceMapping, source: Source) -> list[str]:
    """Try every expression against the source; list those it cannot evaluate."""
    problems = []
    for place, text in mapping.expressions():
        kind, problem = expression_type(source.connection, text)
        if problem:
            problems.append(f"{place}: {problem}")
        elif place.endswith(("occurred_at", "known_at")) and _is_number(kind):
            problems.append(
                f"{place} is a number ({kind}); turn it into a time, for instance with "
                "strptime(CAST(x AS VARCHAR), '%Y%m%d') or to_timestamp(x)"
            )
        elif place.endswith(".where") and kind != "BOOLEAN":
            problems.append(f"{place} is {kind}, must be true or false")
    return problems


def expression_type(connection: duckdb.DuckDBPyConnection, text: str) -> tuple[str, str]:
    """Give the SQL type of an expression over one source line, or what is wrong with it."""
    try:
        found = connection.execute(f"DESCRIBE SELECT {LINE}, ({text}) AS x FROM source").fetchall()
    except duckdb.Error as problem:
        said = str(problem).splitlines()[0][:300]
        column = _NO_COLUMN.search(said)
        return "", f"there is no column {column[1]}" if column else said.split(" Error: ")[-1]
    return str(found[1][1]), ""


def stage_events(mapping: SourceMapping, source: Source, clock: Clock) -> None:
    """Fill `staged` and `rejected` from every [[event]]; lines with one id become one event."""
    ordered = sorted(mapping.events, key=lambda event: (event.subject, event.kind))
    for _, group in groupby(ordered, key=lambda event: (event.subject, event.kind)):
        _stage_kind(mapping, source, tuple(group), clock)


def customer_sql(source: Source, text: str) -> str:
    """SQL for an id as text: whole floating numbers lose their .0, blanks are NULL."""
    kind, _ = expression_type(source.connection, text)
    value = f"TRY({text})"
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"CAST(CAST({value} AS BIGINT) AS VARCHAR)"
        value = f"CASE WHEN {value} = floor({value}) THEN {whole} ELSE CAST({value} AS VARCHAR) END"
    return f"nullif(trim(CAST({value} AS VARCHAR)), '')"


def time_sql(source: Source, text: str, timezone: str | None) -> tuple[str, str]:
    """SQL for an instant in µs, NULL where it cannot be read; and for whether it lacks a zone."""
    kind, _ = expression_type(source.connection, text)
    value = f"TRY({text})"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"epoch_us({value})", "false"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        if timezone is None:
            return "CAST(NULL AS BIGINT)", f"({value} IS NOT NULL)"
        zone = quote_text(timezone)
        return f"epoch_us(timezone({zone}, CAST({value} AS TIMESTAMP)))", "false"
    written = f"trim(CAST({value} AS VARCHAR))"
    zoned = f"regexp_matches({written}, '[0-9]:[0-9].*{_ZONED}')"
    plain = f"TRY_CAST({written} AS TIMESTAMP)"
    naive = (
        "CAST(NULL AS BIGINT)"
        if timezone is None
        else f"epoch_us(timezone({quote_text(timezone)}, {plain}))"
    )
    micros = f"CASE WHEN {zoned} THEN epoch_us(TRY_CAST({written} AS TIMESTAMPTZ)) ELSE {naive} END"
    lacks = f"(NOT {zoned} AND {plain} IS NOT NULL)" if timezone is None else "false"
    return micros, lacks


def json_object_sql(parts: Sequence[tuple[str, str]]) -> str:
    """SQL for a JSON object without spaces or nulls, keys sorted; NULL when it would be empty.

    `parts` are keys with SQL that gives JSON text.
    """
    if not parts:
        return "CAST(NULL AS VARCHAR)"
    pairs = [
        f"{quote_text(json.dumps(key, ensure_ascii=False) + ':')} || {value}"
        for key, value in sorted(parts)
    ]
    return f"nullif('{{' || concat_ws(',', {', '.join(pairs)}) || '}}', '{{}}')"


def json_sql(text: str | None) -> str:
    """SQL for an expression's value as JSON text; NULL where it has none."""
    if text is None:
        return "CAST(NULL AS VARCHAR)"
    return f"nullif(CAST(to_json(TRY({text})) AS VARCHAR), 'null')"


def _stage_kind(
    mapping: SourceMapping, source: Source, events: Sequence[EventMapping], clock: Clock
) -> None:
    names = sorted({name for event in events for name, _ in event.properties})
    fixed = sorted({name for event in events for name, _ in event.constants})
    lines = " UNION ALL BY NAME ".join(
        _lines_sql(mapping, source, event, (names, fixed), clock) for event in events
    )
    connection = source.connection
    grouped = any(event.id is not None for event in events)
    subject, kind = quote_text(events[0].subject), quote_text(events[0].kind)
    connection.execute(f"CREATE TEMP TABLE lines AS {lines}")
    connection.execute(
        f"INSERT INTO rejected SELECT line, {kind}, reason, col FROM lines WHERE reason IS NOT NULL"
    )
    columns = ("currency", "text", "corrects", "retracts")
    properties = [(name, quote_name(f"p_{name}")) for name in names]
    constants = [(name, quote_name(f"c_{name}")) for name in fixed]
    single = f"""
        INSERT INTO staged SELECT {subject}, customer, {kind}, event_id, line, occurred_at,
            known_at, value_micros, currency, text, {json_object_sql(properties + constants)},
            corrects, retracts
        FROM lines WHERE reason IS NULL
    """
    if not grouped:
        connection.execute(single)
    else:
        connection.execute(single + " AND event_id IS NULL")
        lists = [
            (
                name,
                f"CASE WHEN count(*) = 1 THEN any_value({column}) "
                f"WHEN count({column}) > 0 THEN '[' || string_agg(coalesce({column}, 'null'), ',' "
                "ORDER BY line) || ']' END",
            )
            for name, column in properties
        ] + [(name, f"any_value({column})") for name, column in constants]
        firsts = {name: f"arg_min({name}, line) FILTER ({name} IS NOT NULL)" for name in columns}
        connection.execute(
            f"""
            INSERT INTO staged SELECT {subject}, customer, {kind}, event_id, min(line),
                min(occurred_at), max(known_at), CAST(sum(value_micros) AS BIGINT),
                {firsts["currency"]}, {firsts["text"]},
                {json_object_sql(lists)},
                {firsts["corrects"]}, {firsts["retracts"]}
            FROM lines WHERE reason IS NULL AND event_id IS NOT NULL
            GROUP BY customer, event_id
            """
        )
    connection.execute("DROP TABLE lines")


def _lines_sql(
    mapping: SourceMapping,
    source: Source,
    event: EventMapping,
    names: tuple[Sequence[str], Sequence[str]],
    clock: Clock,
) -> str:
    """SQL for the lines one [[event]] selects, each with what it would be or why it cannot."""
    customer = (
        quote_text(COMPANY)
        if event.subject == "company"
        else customer_sql(source, mapping.customer_id)
    )
    occurred, naive = time_sql(source, event.occurred_at, clock.timezone)
    known, known_naive, known_stated = "CAST(NULL AS BIGINT)", "false", "false"
    if event.known_at is not None:
        known, known_naive = time_sql(source, event.known_at, clock.timezone)
        known_stated = f"(TRY({event.known_at}) IS NOT NULL)"
    value, spoiled = _value_sql(source, event)
    identity = "CAST(NULL AS VARCHAR)" if event.id is None else customer_sql(source, event.id)
    if event.instrument is not None:
        identity = f"{quote_text(event.instrument + ':')} || {identity}"
    own, fixed = dict(event.properties), dict(event.constants)
    beside = [f"{json_sql(own.get(name))} AS {quote_name(f'p_{name}')}" for name in names[0]]
    for name in names[1]:
        written = json.dumps(fixed[name], separators=(",", ":")) if name in fixed else None
        constant = "CAST(NULL AS VARCHAR)" if written is None else quote_text(written)
        beside.append(f"{constant} AS {quote_name(f'c_{name}')}")
    reads = f"""
        SELECT {LINE} AS line, {customer} AS customer, {identity} AS event_id,
            {occurred} AS occurred_at, {naive} AS naive, {known} AS known_at,
            {known_naive} AS known_naive, {known_stated} AS known_stated,
            {value} AS number, {spoiled} AS spoiled, {_text_sql(event.currency)} AS currency,
            {_text_sql(event.text)} AS text, {_text_sql(event.corrects)} AS corrects,
            {_text_sql(event.retracts)} AS retracts,
            {", ".join(["NULL AS nothing", *beside])}
        FROM source WHERE {_wanted_sql(event, spoiled)}
    """
    reason, column = _judgement_sql(event, mapping.customer_id, to_micros(clock.now))
    return f"""
        SELECT * EXCLUDE (nothing, naive, known_naive, known_stated, spoiled, number),
            CASE WHEN reason IS NULL THEN CAST(round(number * {MICROS}) AS BIGINT) END
                AS value_micros
        FROM (SELECT *, {reason} AS reason, {column} AS col FROM ({reads}))
    """


def _wanted_sql(event: EventMapping, spoiled: str) -> str:
    """SQL for the lines of an event; one that cannot be told for a spoiled number is set aside."""
    if event.where is None:
        return "true"
    return f"coalesce(TRY({event.where}), {spoiled})"


def _judgement_sql(event: EventMapping, customer_id: str, now: int) -> tuple[str, str]:
    """SQL for the first reason a line cannot be an event, and for the mapping key concerned."""
    latest = now + CLOCK_TOLERANCE // timedelta(microseconds=1)
    tests = [
        ("customer IS NULL", "no customer", "customer.id"),
        (f"length(customer) > {_LONGEST_ID}", "customer id too long", "customer.id"),
        (f"length(event_id) > {_LONGEST_ID}", "event id too long", "id"),
        ("naive", "naive time without a zone", "occurred_at"),
        ("occurred_at IS NULL", "unparsable time", "occurred_at"),
        (f"occurred_at > {latest}", "future time", "occurred_at"),
        (f"occurred_at < {to_micros(EARLIEST)}", "time before 1900", "occurred_at"),
        ("known_naive", "naive time without a zone", "known_at"),
        ("known_stated AND known_at IS NULL", "unparsable time", "known_at"),
        (f"known_at > {latest}", "future time", "known_at"),
        ("spoiled", "non-numeric value", "value"),
        ("NOT isfinite(number)", "non-numeric value", "value"),
        (f"abs(number) > {LARGEST_VALUE}", "value beyond 1e12", "value"),
    ]
    tests += [
        (f"contains({column}, chr(0))", "holds the character NUL", key)
        for column, key, expression in (
            ("customer", "customer.id", customer_id),
            ("event_id", "id", event.id),
            *((name, name, getattr(event, name)) for name in _TEXTS),
        )
        if expression is not None
    ]
    tests += [
        (
            f"regexp_matches({quote_name(f'p_{name}')}, {_NUL_IN_JSON})",
            "holds the character NUL",
            f"properties.{name}",
        )
        for name, _ in event.properties
    ]
    if event.scale is not None:
        low, high = event.scale
        tests += [
            ("number IS NULL", "no answer", "value"),
            (f"number < {low} OR number > {high}", "wrong scale", "value"),
        ]

    reasons = " ".join(f"WHEN {test} THEN {quote_text(reason)}" for test, reason, _ in tests)
    keys = " ".join(f"WHEN {test} THEN {quote_text(key)}" for test, _, key in tests)
    return f"CASE {reasons} END", f"CASE {keys} END"


def _value_sql(source: Source, event: EventMapping) -> tuple[str, str]:
    """SQL for a value as a DOUBLE, and for whether it should be a number but is none."""
    if event.value is None:
        return "CAST(NULL AS DOUBLE)", "false"
    kind, _ = expression_type(source.connection, event.value)
    value = f"TRY_CAST(TRY({event.value}) AS DOUBLE)"
    conditions = [
        condition for name, condition in source.spoiled.items() if name in columns_of(event.value)
    ]
    for name in sorted(text_columns_of(event.value)):
        conditions.append(f"({quote_name(name)} IS NOT NULL AND {value} IS NULL)")
    if not _is_number(kind):
        conditions.append(f"(TRY({event.value}) IS NOT NULL AND {value} IS NULL)")
    return value, " OR ".join(conditions) or "false"


def _text_sql(text: str | None) -> str:
    return "CAST(NULL AS VARCHAR)" if text is None else f"nullif(CAST(TRY({text}) AS VARCHAR), '')"


def _is_number(kind: str) -> bool:
    return kind.startswith(("DECIMAL", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT")) or kind in (
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
        "BOOLEAN",
    )
