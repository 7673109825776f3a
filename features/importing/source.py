"""A company's own file as a DuckDB table `source` with typed columns and line numbers.

CSV and JSON lines come in as text first. A column becomes a number or a time only where every
value in the whole file is one, so that an id with letters further down stays whole; columns that a
mapping counts with become numbers anyway, and values that are none are noted.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.importing.expressions import quote_name, quote_text
from governance.errors import InvalidInput

LINE = "__line"
_FIRST_LINES = 2_000
_MEMORY_LIMIT = "1500MB"  # beyond it DuckDB works on disk, in the scratch folder
_RAW = "__raw_"

_NAIVE = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"
_ZONED = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}(:?\d{2})?)"


@dataclass(frozen=True)
class Source:
    """An open source: the connection holding `source`, its columns and what could not be read.

    `types` maps a column to its SQL type; `spoiled` maps a column that should be a number to the
    SQL condition under which a line's value is not; `unreadable` lists lines whose structure is
    broken.
    """

    connection: duckdb.DuckDBPyConnection
    types: dict[str, str]
    spoiled: dict[str, str]
    unreadable: tuple[int, ...]


@contextmanager
def open_source(
    path: Path,
    *,
    scratch: Path,
    store: Path,
    delimiter: str | None = None,
    header: bool = True,
    columns: Collection[str] = (),
    numeric: Collection[str] = (),
    textual: Collection[str] = (),
) -> Iterator[Source]:
    """Open .csv .csv.gz .tsv .txt .parquet .jsonl; `numeric` names columns to count with.

    `textual` names columns of a text file that stay text whatever their values look like.

    The connection can reach this file, `scratch` and `store` (where segments lie), nothing else.
    `delimiter` is one character, or `whitespace` for any run of blanks. Raises `InvalidInput` for
    a file that is missing, empty or of another kind.
    """
    if not path.is_file():
        raise InvalidInput(f"there is no file {path}", hint="state the path with --source")
    if path.stat().st_size == 0:
        raise InvalidInput(f"{path.name} is empty", hint="name a file with at least one line")
    kind = _kind(path)
    connection = duckdb.connect(
        config={"temp_directory": str(scratch), "memory_limit": _MEMORY_LIMIT}
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        unreadable: tuple[int, ...] = ()
        try:
            if kind == "parquet":
                _open_parquet(connection, path)
            elif kind == "jsonl":
                unreadable = _open_lines(connection, path)
            elif delimiter in ("whitespace", " "):
                _open_blanks(connection, path, header=header, columns=columns)
            else:
                unreadable = _open_csv(connection, path, delimiter, header, columns)
        except duckdb.Error as problem:
            raise InvalidInput(
                f"{path.name} cannot be read as {kind}: {str(problem).splitlines()[0][:200]}",
                hint="check delimiter and header in [source]",
            ) from None
        types, spoiled = _type_columns(connection, numeric, textual)
        connection.execute(f"SET allowed_paths = [{quote_text(str(path))}]")
        connection.execute(f"SET allowed_directories = [{quote_text(str(store))}]")
        connection.execute("SET enable_external_access = false")
        yield Source(connection, types, spoiled, unreadable)
    except duckdb.InvalidInputException as problem:
        if "string encoding" not in str(problem):
            raise
        raise InvalidInput(  # without what the database says: it repeats the text
            f"{path.name} holds text that is not UTF-8",
            hint="write its text columns as UTF-8; half a surrogate pair is no character",
        ) from None
    finally:
        connection.close()


def _kind(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    for ending, kind in (
        (".parquet", "parquet"),
        (".jsonl", "jsonl"),
        (".ndjson", "jsonl"),
        (".csv", "csv"),
        (".tsv", "csv"),
        (".txt", "csv"),
    ):
        if name.endswith(ending):
            return kind
    raise InvalidInput(
        f"{path.name} is of a kind that is not read",
        hint="use .csv .csv.gz .tsv .txt .parquet or .jsonl",
    )


def _open_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute(
        f"CREATE VIEW raw AS SELECT file_row_number + 1 AS {LINE}, * EXCLUDE (file_row_number) "
        f"FROM read_parquet({quote_text(str(path))}, file_row_number = true)"
    )


def _open_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    delimiter: str | None,
    header: bool,
    columns: Collection[str],
) -> tuple[int, ...]:
    options = ["all_varchar = true", f"header = {str(header).lower()}", "store_rejects = true"]
    if delimiter is None and path.name.lower().removesuffix(".gz").endswith(".tsv"):
        delimiter = "\t"
    if delimiter is not None:
        options.append(f"delim = {quote_text(delimiter)}")
    if columns:
        options.append(f"names = [{', '.join(quote_text(name) for name in columns)}]")
    connection.execute(
        f"CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS {LINE}, * "
        f"FROM read_csv({quote_text(str(path))}, {', '.join(options)})"
    )
    found = connection.execute("SELECT DISTINCT line FROM reject_errors ORDER BY line").fetchall()
    unreadable = tuple(int(line) - int(header) for (line,) in found)
    if unreadable:  # numbered without them so far
        gaps = ", ".join(f"({line - 1 - k})" for k, line in enumerate(unreadable))
        connection.execute(
            f"UPDATE raw SET {LINE} = {LINE} + "
            f"(SELECT count(*) FROM (VALUES {gaps}) AS gap(before) WHERE before < {LINE})"
        )
    return unreadable


def _open_blanks(
    connection: duckdb.DuckDBPyConnection, path: Path, *, header: bool, columns: Collection[str]
) -> None:
    connection.execute(
        "CREATE TEMP TABLE whole AS SELECT row_number() OVER () AS line, "
        r"regexp_split_to_array(trim(line, ' ' || chr(9) || chr(13)), '\s+') AS parts "
        f"FROM read_csv({quote_text(str(path))}, columns = {{'line': 'VARCHAR'}}, "
        "auto_detect = false, header = false, delim = chr(1), quote = '', escape = '')".replace(
            "chr(1)", "'\x01'"
        )
    )
    row = connection.execute("SELECT parts FROM whole WHERE line = 1").fetchone()
    if row is None:
        raise InvalidInput(f"{path.name} is empty", hint="name a file with at least one line")
    names = list(columns) or (
        list(row[0]) if header else [f"column{k}" for k in range(len(row[0]))]
    )
    parts = ", ".join(f"parts[{k}] AS {quote_name(name)}" for k, name in enumerate(names, 1))
    connection.execute(
        f"CREATE TEMP TABLE raw AS SELECT line - {int(header)} AS {LINE}, {parts} "
        f"FROM whole WHERE line > {int(header)}"
    )


def _open_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, ...]:
    connection.execute(
        f"CREATE TEMP TABLE whole AS SELECT row_number() OVER () AS {LINE}, json "
        f"FROM read_ndjson_objects({quote_text(str(path))}, ignore_errors = true)"
    )
    usable = "json IS NOT NULL AND json_type(json) = 'OBJECT'"
    keys = connection.execute(
        f"SELECT DISTINCT unnest(json_keys(json)) AS key FROM whole WHERE {usable} ORDER BY key"
    ).fetchall()
    parts = ", ".join(
        f"json_extract_string(json, {quote_text(_pointer(key))}) AS {quote_name(key)}"
        for (key,) in keys
    )
    if not keys:
        raise InvalidInput(f"{path.name} holds no JSON object", hint="one object per line")
    connection.execute(f"CREATE TEMP TABLE raw AS SELECT {LINE}, {parts} FROM whole WHERE {usable}")
    found = connection.execute(
        f"SELECT {LINE} FROM whole WHERE NOT coalesce({usable}, false) ORDER BY {LINE}"
    ).fetchall()
    return tuple(int(line) for (line,) in found)


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _type_columns(
    connection: duckdb.DuckDBPyConnection, numeric: Collection[str], textual: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Create `source` over `raw`; give each column's type and what spoils a number."""
    described = connection.execute("DESCRIBE raw").fetchall()
    types = {str(row[0]): str(row[1]) for row in described if row[0] != LINE}
    texts = [name for name, found in types.items() if found == "VARCHAR"]
    lenient = {name for name in texts if name in numeric}
    found = _sniff(connection, [name for name in texts if name not in textual])
    parts, spoiled = [LINE], {}
    for name in types:
        column = quote_name(name)
        if name in lenient:
            raw = quote_name(_RAW + name)
            parts += [
                f"TRY_CAST(nullif(trim({column}), '') AS DOUBLE) AS {column}",
                f"nullif(trim({column}), '') AS {raw}",
            ]
            types[name] = "DOUBLE"
            spoiled[name] = f"({raw} IS NOT NULL AND {column} IS NULL)"
        elif name in found:
            types[name] = found[name]
            parts.append(f"TRY_CAST(nullif(trim({column}), '') AS {found[name]}) AS {column}")
        elif name in texts:
            parts.append(f"CASE WHEN trim({column}) <> '' THEN {column} END AS {column}")
        else:
            parts.append(column)
    connection.execute(f"CREATE TEMP VIEW source AS SELECT {', '.join(parts)} FROM raw")
    return types, spoiled


def _sniff(connection: duckdb.DuckDBPyConnection, texts: Collection[str]) -> dict[str, str]:
    """The type that every value of a text column has, where that is not text.

    Columns whose first lines already show that they are text are not looked at further.
    """
    first = f"(SELECT * FROM raw LIMIT {_FIRST_LINES})"
    undecided = _types_of(connection, texts, first, may_be_empty=True)
    return _types_of(connection, list(undecided), "raw", may_be_empty=False)


def _types_of(
    connection: duckdb.DuckDBPyConnection,
    texts: Collection[str],
    lines: str,
    *,
    may_be_empty: bool,
) -> dict[str, str]:
    if not texts:
        return {}
    tests = []
    for name in texts:
        value = f"nullif(trim({quote_name(name)}), '')"
        tests += [
            f"count({value})",
            f"count(*) FILTER (TRY_CAST({value} AS BIGINT) IS NOT NULL "
            f"AND regexp_full_match({value}, '-?(0|[1-9][0-9]*)'))",
            f"count(*) FILTER (TRY_CAST({value} AS DOUBLE) IS NOT NULL "
            f"AND NOT regexp_matches({value}, '^[-+]?0[0-9]'))",
            f"count(*) FILTER (regexp_full_match({value}, '{_NAIVE}') "
            f"AND TRY_CAST({value} AS TIMESTAMP) IS NOT NULL)",
            f"count(*) FILTER (regexp_full_match({value}, '{_ZONED}') "
            f"AND TRY_CAST({value} AS TIMESTAMPTZ) IS NOT NULL)",
            f"count(*) FILTER (lower({value}) IN ('true', 'false'))",
        ]
    [row] = connection.execute(f"SELECT {', '.join(tests)} FROM {lines}").fetchall()
    kinds = ("BIGINT", "DOUBLE", "TIMESTAMP", "TIMESTAMPTZ", "BOOLEAN")
    found = {}
    for k, name in enumerate(texts):
        some, *counts = row[6 * k : 6 * k + 6]
        for kind, count in zip(kinds, counts, strict=True):
            if count == some and (some or may_be_empty):
                found[name] = kind
                break
    return found
