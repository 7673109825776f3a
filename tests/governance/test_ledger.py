"""The log: whatever is changed is found, and where."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from governance.canonical import canonical
from governance.errors import IntegrityBroken, InvalidInput
from governance.log.chain import GENESIS, entry_digest, link_of, merkle_root
from governance.log.ledger import Ledger, SignedHead, entries, head, verify
from governance.tables import ledger_entries, metadata
from serving.database import Database, create_tables, sqlite_url

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
LEDGER = Ledger(KEY)
COLUMNS = [column.name for column in ledger_entries.columns]
ENTRIES = 6


def fill(conn: Connection, count: int = ENTRIES) -> None:
    for number in range(count):
        LEDGER.append(conn, "decision", {"commitment": f"{number:064x}"}, now=NOW)


def test_an_untouched_log_is_intact(database: Database) -> None:
    with database.write() as conn:
        fill(conn)
        found = verify(conn, LEDGER.public_key)
    assert (found.entries, found.outcome, found.first_bad) == (ENTRIES, "intact", None)


def test_an_empty_log_is_intact(database: Database) -> None:
    with database.read() as conn:
        assert verify(conn, LEDGER.public_key).outcome == "intact"


def test_each_entry_hangs_on_the_one_before(database: Database) -> None:
    with database.write() as conn:
        fill(conn, 3)
        found = entries(conn)
    assert [e.prev_hash for e in found] == [GENESIS, found[0].link, found[1].link]


def _changed(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    return value[:-1] + ("0" if value[-1] != "0" else "1")


@pytest.mark.parametrize("row", range(1, ENTRIES + 1))
@pytest.mark.parametrize("column", COLUMNS)
def test_any_change_of_any_column_of_any_row_is_found_and_located(
    sqlite_database: Database, column: str, row: int
) -> None:
    with sqlite_database.write() as conn:
        fill(conn)
        old = conn.execute(
            text(f"SELECT {column} FROM ledger_entries WHERE seq = {row}")
        ).scalar_one()
        new = old + 100 if column == "seq" else _changed(old)
        conn.execute(
            text(f"UPDATE ledger_entries SET {column} = :new WHERE seq = {row}"), {"new": new}
        )
        found = verify(conn, LEDGER.public_key)
    assert (found.outcome, found.first_bad) == ("broken", row)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", [None, "", "x", -1, 3.5, b"\x00"])
def test_values_of_another_type_are_found(fast_path: Path, column: str, value: Any) -> None:
    """Without the constraints an attacker would drop first."""
    database = Database(sqlite_url(fast_path / "loose.db"))
    with database.write() as conn:
        conn.execute(text(f"CREATE TABLE ledger_entries ({', '.join(COLUMNS)})"))
        conn.execute(text("CREATE TABLE ledger_head (id, seq, link)"))
        conn.execute(text("INSERT INTO ledger_head VALUES (1, 0, :link)"), {"link": GENESIS})
        fill(conn)
        conn.execute(
            text(f"UPDATE ledger_entries SET {column} = :value WHERE seq = 4"), {"value": value}
        )
        found = verify(conn, LEDGER.public_key)
    database.close()
    assert found.outcome == "broken"


def test_signatures_written_another_way_are_found(sqlite_database: Database) -> None:
    with sqlite_database.write() as conn:
        fill(conn)
        conn.execute(text("UPDATE ledger_entries SET signature = upper(signature) WHERE seq = 6"))
        assert verify(conn, LEDGER.public_key).first_bad == 6


TAMPERINGS: dict[str, tuple[str, int]] = {
    "deletion": ("DELETE FROM ledger_entries WHERE seq = 3", 3),
    "deletion and renumbering": (
        "DELETE FROM ledger_entries WHERE seq = 3;"
        "UPDATE ledger_entries SET seq = seq - 1 WHERE seq > 3",
        3,
    ),
    "insertion": (
        "UPDATE ledger_entries SET seq = -seq WHERE seq > 3;"
        "UPDATE ledger_entries SET seq = 1 - seq WHERE seq < 0;"
        "INSERT INTO ledger_entries SELECT 4, recorded_at, kind, body, prev_hash, entry_hash,"
        " signature FROM ledger_entries WHERE seq = 3",
        4,
    ),
    "insertion before all": (
        "INSERT INTO ledger_entries SELECT 0, recorded_at, kind, body, prev_hash, entry_hash,"
        " signature FROM ledger_entries WHERE seq = 3",
        1,
    ),
    "reordering": (
        "UPDATE ledger_entries SET seq = -1 WHERE seq = 3;"
        "UPDATE ledger_entries SET seq = 3 WHERE seq = 4;"
        "UPDATE ledger_entries SET seq = 4 WHERE seq = -1",
        3,
    ),
    "truncation": ("DELETE FROM ledger_entries WHERE seq > 4", 5),
    "head row edited": ("UPDATE ledger_head SET link = 'x'", ENTRIES),
    "head row gone": ("DELETE FROM ledger_head", ENTRIES),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_with_rows_is_found_and_located(database: Database, tampering: str) -> None:
    statements, first_bad = TAMPERINGS[tampering]
    with database.write() as conn:
        fill(conn)
        for statement in statements.split(";"):
            conn.execute(text(statement))
        found = verify(conn, LEDGER.public_key)
    assert found.outcome == ("truncated" if tampering == "truncation" else "broken")
    assert found.first_bad == first_bad


def _truncate_with_head(conn: Connection) -> None:
    link = entries(conn)[3].link
    conn.execute(text("DELETE FROM ledger_entries WHERE seq > 4"))
    conn.execute(text("UPDATE ledger_head SET seq = 4, link = :link"), {"link": link})


def test_a_careful_truncation_is_found_against_an_exported_head(database: Database) -> None:
    with database.write() as conn:
        fill(conn)
        exported = SignedHead.from_json(head(conn, KEY).to_json())
        _truncate_with_head(conn)
        assert verify(conn, LEDGER.public_key).outcome == "intact"
        found = verify(conn, LEDGER.public_key, exported)
    assert (found.outcome, found.first_bad) == ("truncated", 5)


def test_a_log_that_grew_again_after_a_truncation_is_found(database: Database) -> None:
    with database.write() as conn:
        fill(conn)
        exported = head(conn, KEY)
        _truncate_with_head(conn)
        for _ in range(4):
            LEDGER.append(conn, "other", {}, now=NOW)
        found = verify(conn, LEDGER.public_key, exported)
    assert (found.outcome, found.first_bad) == ("broken", 6)


def test_a_log_that_only_grew_fits_its_older_head(database: Database) -> None:
    with database.write() as conn:
        fill(conn)
        exported = head(conn, KEY)
        fill(conn)
        assert verify(conn, LEDGER.public_key, exported).outcome == "intact"


def test_a_head_that_was_not_signed_here_is_refused(database: Database) -> None:
    with database.write() as conn:
        fill(conn)
        forged = head(conn, KEY)._replace(seq=2)
        with pytest.raises(IntegrityBroken):
            verify(conn, LEDGER.public_key, forged)


def test_a_chain_rewritten_without_the_key_is_found_where_it_begins(
    sqlite_database: Database,
) -> None:
    """The attacker recomputes every hash after the edit, but cannot sign."""
    with sqlite_database.write() as conn:
        fill(conn)
        signatures = [entry.signature for entry in entries(conn)]
        link = entries(conn)[1].link
        for row in entries(conn, after=2):
            body = '{"commitment":"forged"}' if row.seq == 3 else row.body
            micros = int(row.recorded_at.timestamp() * 1_000_000)
            entry_hash = entry_digest(row.seq, micros, row.kind, body, link)
            fields = {"body": body, "prev_hash": link, "entry_hash": entry_hash, "seq": row.seq}
            conn.execute(
                text(
                    "UPDATE ledger_entries SET body = :body, prev_hash = :prev_hash,"
                    " entry_hash = :entry_hash WHERE seq = :seq"
                ),
                fields,
            )
            link = link_of(entry_hash, signatures[row.seq - 1])
        conn.execute(text("UPDATE ledger_head SET link = :link"), {"link": link})
        found = verify(conn, LEDGER.public_key)
    assert (found.outcome, found.first_bad) == ("broken", 3)


def test_another_homes_key_does_not_verify(database: Database) -> None:
    with database.write() as conn:
        fill(conn)
        found = verify(conn, Ed25519PrivateKey.generate().public_key())
    assert (found.outcome, found.first_bad) == ("broken", 1)


def test_an_append_that_was_rolled_back_leaves_no_gap(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as conn:
        _append_and_fail(conn)
    with database.write() as conn:
        fill(conn)
        assert verify(conn, LEDGER.public_key).outcome == "intact"


def _append_and_fail(conn: Connection) -> None:
    fill(conn)
    raise RuntimeError


def test_many_workers_never_fork_the_chain(database: Database) -> None:
    together = Barrier(4)

    def work(worker: int) -> None:
        together.wait()
        for _ in range(10):
            with database.write() as conn:
                LEDGER.append(conn, "work", {"worker": worker}, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with database.read() as conn:
        found = verify(conn, LEDGER.public_key)
    assert (found.entries, found.outcome) == (40, "intact")


def test_a_log_whose_head_row_is_gone_takes_no_more_entries(database: Database) -> None:
    with database.write() as conn:
        fill(conn)
        conn.execute(text("DELETE FROM ledger_head"))
        with pytest.raises(IntegrityBroken, match="head row"):
            fill(conn, 1)


def test_a_batch_is_one_entry_with_the_root_of_its_leaves(database: Database) -> None:
    with database.write() as conn:
        entry = LEDGER.append_batch(conn, "decisions", ["a", "b", "c"], {"run": 1}, now=NOW)
    root = merkle_root(["a", "b", "c"])
    assert entry.body == canonical({"leaves": 3, "root": root, "run": 1})


@pytest.mark.parametrize(
    "other", [["a", "c", "b"], ["a", "b"], ["a", "b", "c", "c"], ["a", "b", "d"], []]
)
def test_the_root_knows_order_and_number_of_its_leaves(other: list[str]) -> None:
    assert merkle_root(other) != merkle_root(["a", "b", "c"])


def test_the_root_is_that_of_rfc_6962() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    one_empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    eight = [bytes.fromhex(leaf) for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )]  # fmt: skip
    assert merkle_root([]) == empty
    assert merkle_root([b""]) == one_empty_leaf
    assert merkle_root(eight) == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": NOW}, {1: "x"}, {"x": {1, 2}}])
def test_what_has_no_exact_text_is_not_logged(sqlite_database: Database, body: Any) -> None:
    with sqlite_database.write() as conn, pytest.raises(InvalidInput):
        LEDGER.append(conn, "x", body, now=NOW)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(body: dict[str, Any]) -> None:
    assert canonical(body) == canonical(dict(reversed(body.items())))


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_edited_byte_is_found(
    fresh: Callable[[], sqlite3.Connection], bodies: list[str], data: st.DataObject
) -> None:
    with closing(fresh()) as raw:
        path = Path(raw.execute("PRAGMA database_list").fetchone()[2])
        with closing(Database(sqlite_url(path))) as database:
            with database.write() as conn:
                for number, body in enumerate(bodies):
                    LEDGER.append(conn, "note", {"text": body}, now=NOW + timedelta(seconds=number))
            row = data.draw(st.integers(1, len(bodies)))
            editable = [c for c in COLUMNS if c not in ("seq", "recorded_at")]
            column = data.draw(st.sampled_from(editable))
            (old,) = raw.execute(
                f"SELECT {column} FROM ledger_entries WHERE seq = ?", (row,)
            ).fetchone()
            at = data.draw(st.integers(0, len(old) - 1))
            letters = st.characters(min_codepoint=32, max_codepoint=126)
            edited = old[:at] + data.draw(letters.filter(lambda c: c != old[at])) + old[at + 1 :]
            raw.execute(f"UPDATE ledger_entries SET {column} = ? WHERE seq = ?", (edited, row))
            raw.commit()
            with database.read() as conn:
                found = verify(conn, LEDGER.public_key)
    assert (found.outcome, found.first_bad) == ("broken", row)


@pytest.fixture
def fresh(fast_path: Path) -> Callable[[], sqlite3.Connection]:
    made: list[Path] = []

    def another() -> sqlite3.Connection:
        path = fast_path / f"{len(made)}.db"
        made.append(path)
        database = Database(sqlite_url(path))
        create_tables(database, metadata)
        database.close()
        return sqlite3.connect(path)

    return another
