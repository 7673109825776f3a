"""The tables of every floor as Parquet, out of one kind of database and into either.

Instants are whole microseconds, JSON is text: what is stored, not what Python makes of it.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    cast,
    column,
    insert,
    inspect,
    select,
    table,
    text,
    type_coerce,
)
from sqlalchemy.sql.expression import ColumnElement

from governance.instants import UtcInstant

_FETCHED = 2_000
_PART_ROWS = 100_000
_PART_BYTES = 32 << 20
_LOADED = 10_000
WORTH_SAYING = 10_000
"""From how many rows on a table is named while a backup or a restore goes on."""


class Part(NamedTuple):
    """Some rows of one table as a Parquet file; a table without rows has one part without any."""

    table: str
    number: int
    rows: int
    content: bytes

    @property
    def name(self) -> str:
        """Where it lies in an archive."""
        return f"tables/{self.table}/{self.number:06d}.parquet"


def dump(conn: Connection, metadatas: Sequence[MetaData]) -> Iterator[Part]:
    """Give every row of every table, in parts of bounded size; one snapshot is the caller's."""
    for metadata in metadatas:
        for each in metadata.sorted_tables:
            yield from _dump(conn, each)


def _dump(conn: Connection, source: Table) -> Iterator[Part]:
    schema = pa.schema([(str(each.name), _arrow(each)) for each in source.columns])
    query = select(*(_stored(each) for each in source.columns))
    number, held = 0, list[pa.Table]()
    with conn.execution_options(stream_results=True, yield_per=_FETCHED).execute(query) as found:
        for rows in found.partitions():
            columns = list(zip(*rows, strict=True))
            arrays = [pa.array(c, t.type) for c, t in zip(columns, schema, strict=True)]
            held.append(pa.Table.from_arrays(arrays, schema=schema))
            if _is_enough(held):
                yield _part(str(source.name), number, schema, held)
                number, held = number + 1, []
    if held or number == 0:
        yield _part(str(source.name), number, schema, held)


def load(conn: Connection, name: str, paths: Sequence[Path]) -> int:
    """Put the parts of one table into the table of that name; gives how many rows.

    The columns of the table must be those of the parts.
    """
    done = 0
    for path in sorted(paths):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_LOADED):
                _insert(conn, name, batch)
                done += batch.num_rows
    return done


def follow_numbers(conn: Connection, names: Sequence[str]) -> None:
    """Let PostgreSQL go on numbering rows after those that were put in."""
    if conn.dialect.name != "postgresql":
        return
    quote = conn.dialect.identifier_preparer.quote
    for name in names:
        for each in inspect(conn).get_pk_constraint(name)["constrained_columns"]:
            found = conn.execute(
                text("SELECT pg_get_serial_sequence(:name, :column)"),
                {"name": quote(name), "column": each},
            ).scalar()
            if found is not None:
                last = conn.execute(select(text(f"max({quote(each)})")).select_from(table(name)))
                number = last.scalar()
                if number is not None:
                    conn.execute(
                        text("SELECT setval(:sequence, :number)"),
                        {"sequence": found, "number": number},
                    )


def _insert(conn: Connection, name: str, batch: pa.RecordBatch) -> None:
    if batch.num_rows == 0:
        return
    rows = zip(*(each.to_pylist() for each in batch.columns), strict=True)
    if conn.dialect.name != "postgresql":
        target = table(name, *(column(field.name) for field in batch.schema))
        statement = str(insert(target).compile(dialect=conn.dialect))
        conn.exec_driver_sql(statement, list(rows))
        return
    from psycopg import sql

    copying = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(name),
        sql.SQL(", ").join(sql.Identifier(field.name) for field in batch.schema),
    )
    cursor: Any = conn.connection.cursor()
    with cursor, cursor.copy(copying) as copy:
        for row in rows:
            copy.write_row(row)


def _is_enough(held: Sequence[pa.Table]) -> bool:
    rows: int = sum(each.num_rows for each in held)
    size: int = sum(each.nbytes for each in held)
    return rows >= _PART_ROWS or size >= _PART_BYTES


def _part(name: str, number: int, schema: pa.Schema, held: Sequence[pa.Table]) -> Part:
    whole = pa.concat_tables(held) if held else schema.empty_table()
    written = io.BytesIO()
    pq.write_table(whole, written, compression="zstd")
    return Part(name, number, whole.num_rows, written.getvalue())


def _arrow(found: Column[Any]) -> pa.DataType:
    kind = found.type.impl if isinstance(found.type, UtcInstant) else found.type
    if isinstance(kind, Integer):
        return pa.int64()
    if isinstance(kind, Boolean):
        return pa.bool_()
    if isinstance(kind, Float):
        return pa.float64()
    return pa.binary() if isinstance(kind, LargeBinary) else pa.string()


def _stored(found: Column[Any]) -> ColumnElement[Any]:
    if isinstance(found.type, UtcInstant):
        return type_coerce(found, BigInteger).label(found.name)
    if isinstance(found.type, JSON):
        return cast(found, Text).label(found.name)
    return found
