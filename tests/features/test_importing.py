"""A company's own file comes in: once, whole, and with every bad line named."""

import csv
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.catalogue import catalogue
from features.dataset import build_dataset
from features.events import Event, content_digest
from features.given import read_given_labels
from features.groups import protected
from features.history import (
    customer_ids,
    from_events,
    observed_until,
    read_all,
    read_customer,
)
from features.importing.mapping import draft_mapping, load_mapping, parse_mapping
from features.importing.result import ImportResult
from features.importing.run import import_source, refuse
from features.labels import Target
from features.live import append
from features.store import HistoryStore
from governance.errors import ConfigurationError, InvalidInput
from governance.instants import to_micros
from serving.database import Database
from tests.features.sample import DAY, at, evaluation_permit, permit, pseudonyms

EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ORDERS = """
[source]
timezone = "UTC"
[customer]
id = "client"
[[event]]
kind = "order"
id = "bill"
occurred_at = "day"
value = "qty * price"
currency = "EUR"
properties = { item = "item" }
where = "qty > 0"
"""
PLAIN = """
[source]
timezone = "UTC"
[customer]
id = "client"
[[event]]
kind = "order"
occurred_at = "day"
value = "price"
"""


class Home:
    """A database and a store to import into."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.store = HistoryStore(folder / "history")

    def take(self, mapping: str, source: str, *, file: str = "s.csv", **own: Any) -> ImportResult:
        path = self.folder / file
        path.write_text(source.strip() + "\n", encoding="utf-8")
        return import_source(
            parse_mapping(mapping, name=own.pop("name", "m")),
            path,
            database=self.database,
            store=self.store,
            now=own.pop("now", NOW),
            rejects_path=self.folder / "rejects.csv",
            **own,
        )

    def rejects(self) -> list[tuple[str, str, str]]:
        with (self.folder / "rejects.csv").open(encoding="utf-8") as file:
            return [(r["line"], r["reason"], r["column"]) for r in csv.DictReader(file)]

    def events_of(self, customer_id: str) -> list[dict[str, Any]]:
        with self.database.read() as conn:
            found = read_customer(conn, permit("risk_scoring", [customer_id]), customer_id)
        return found.events(0) if len(found) else []


@pytest.fixture
def home(database: Database, tmp_path: Path) -> Home:
    return Home(database, tmp_path)


def test_lines_with_one_id_are_one_event(home: Home) -> None:
    result = home.take(
        ORDERS,
        """
client,bill,day,qty,price,item
c0,b1,2024-01-02 10:05,2,1.5,cup
c0,b1,2024-01-02 10:00,1,2.25,pot
c1,b2,2024-01-03,1,4,pot
c1,b3,2024-01-03,-1,4,pot
""",
    )
    assert (result.rows_read, result.events_written, result.customers) == (4, 2, 2)
    assert (result.not_selected, result.rejected) == (1, 0)
    (first,) = home.events_of("c0")
    assert (first["event_id"], first["value"]) == ("b1", 5.25)
    assert first["occurred_at"] == "2024-01-02T10:00:00.000000Z"
    assert first["properties"] == {"item": ["cup", "pot"]}
    assert home.events_of("c1")[0]["properties"] == {"item": "pot"}


def test_every_bad_line_is_named_and_the_rest_comes_in(home: Home) -> None:
    result = home.take(
        ORDERS.replace('timezone = "UTC"', ""),
        """
client,bill,day,qty,price,item
c0,b1,2024-01-02T10:00:00Z,2,1.5,cup
,b2,2024-01-02T10:00:00Z,2,1.5,cup
c0,b3,2024-01-02 10:00,2,1.5,cup
c0,b4,soon,2,1.5,cup
c0,b5,2031-01-02T10:00:00Z,2,1.5,cup
c0,b6,2024-01-02T10:00:00Z,2,dear,cup
c0,b7,2024-01-02T10:00:00Z,2,1e12,cup
c0,b8,1024-01-02T10:00:00Z,2,1,cup
c0,b9
c0,b10,2024-01-05T10:00:00+02:00,2,1,cup
""",
    )
    assert home.rejects() == [
        ("2", "no customer", "customer.id"),
        ("3", "naive time without a zone", "occurred_at"),
        ("4", "unparsable time", "occurred_at"),
        ("5", "future time", "occurred_at"),
        ("6", "non-numeric value", "value"),
        ("7", "value beyond 1e12", "value"),
        ("8", "time before 1900", "occurred_at"),
        ("9", "unreadable line", ""),
    ]
    assert (result.rows_read, result.rejected, result.events_written) == (10, 8, 2)
    assert [e["event_id"] for e in home.events_of("c0")] == ["b1", "b10"]


def test_the_rejects_file_holds_nothing_about_anyone(home: Home) -> None:
    home.take(PLAIN, "client,day,price\nanna.secret,whenever,1")
    assert "secret" not in (home.folder / "rejects.csv").read_text()
    assert "whenever" not in (home.folder / "rejects.csv").read_text()


def test_importing_twice_writes_nothing(home: Home) -> None:
    source = "client,day,price\nc0,2024-01-02,5\nc0,2024-01-02,5\nc1,2024-01-03,7"
    first = home.take(PLAIN, source)
    second = home.take(PLAIN, source)
    assert (first.events_written, first.repeated_lines) == (3, 1)  # true duplicates both count
    assert (second.events_written, second.duplicates) == (0, 3)
    assert len(list(home.store.root.glob("*.parquet"))) == 1


def test_a_longer_file_adds_only_what_is_new_and_known_only_now(home: Home) -> None:
    home.take(PLAIN, "client,day,price\nc0,2024-01-02,5")
    result = home.take(PLAIN, "client,day,price\nc0,2024-01-02,5\nc0,2024-01-02,5\nc0,2024-01-09,5")
    assert (result.events_written, result.duplicates) == (2, 1)
    assert [e["known_at"][:10] for e in home.events_of("c0")] == [
        "2024-01-02",
        "2026-03-01",
        "2026-03-01",
    ]


def test_another_source_is_first_imported_when_it_is(home: Home) -> None:
    home.take(PLAIN, "client,day,price\nc0,2024-01-02,5")
    home.take(PLAIN, "client,day,price\nc0,2024-01-09,5", name="other")
    assert [e["known_at"][:10] for e in home.events_of("c0")] == ["2024-01-02", "2024-01-09"]


def test_known_at_may_be_stated(home: Home) -> None:
    stated = PLAIN + 'known_at = "loaded"'
    home.take(stated, "client,day,price,loaded\nc0,2024-01-02,5,2024-01-04\nc0,2024-01-03,5,")
    assert [e["known_at"][:10] for e in home.events_of("c0")] == ["2024-01-04", "2024-01-03"]


def test_the_same_id_with_other_content_is_a_conflict_and_not_written(home: Home) -> None:
    head = "client,bill,day,qty,price,item\n"
    home.take(ORDERS, head + "c0,b1,2024-01-02,2,1.5,cup")
    result = home.take(ORDERS, head + "c0,b1,2024-01-02,2,1.75,cup")
    assert (result.conflicts, result.events_written) == (1, 0)
    assert home.rejects() == [("1", "same id with other content", "id")]
    assert home.events_of("c0")[0]["value"] == 3.0


def test_what_came_in_live_is_not_imported_again(home: Home) -> None:
    event = Event(
        "c0",
        "order",
        at(1),
        at(1),
        event_id="b1",
        value=3.0,
        currency="EUR",
        properties={"item": "cup"},
    )
    with home.database.write() as conn:
        append(conn, [event])
    result = home.take(ORDERS, "client,bill,day,qty,price,item\nc0,b1,2024-01-02,2,1.5,cup")
    assert (result.duplicates, result.conflicts, result.events_written) == (1, 0, 0)


def test_what_was_imported_is_a_duplicate_when_it_comes_in_live(home: Home) -> None:
    home.take(ORDERS, "client,bill,day,qty,price,item\nc0,b1,2024-01-02,2,1.5,cup")
    same = Event(
        "c0",
        "order",
        at(1),
        NOW,
        event_id="b1",
        value=3.0,
        currency="EUR",
        properties={"item": "cup"},
    )
    with home.database.write() as conn:
        assert append(conn, [same]) == ["duplicate"]


def test_a_dry_run_writes_nothing(home: Home) -> None:
    result = home.take(PLAIN, "client,day,price\nc0,2024-01-02,5", dry_run=True)
    assert (result.events_written, result.kinds, result.dry_run) == (1, {"order": 1}, True)
    assert home.events_of("c0") == []
    assert home.take(PLAIN, "client,day,price\nc0,2024-01-02,5").events_written == 1


def test_digests_in_sql_and_python_agree(home: Home) -> None:
    mapping = (
        PLAIN
        + """
text = "words"
properties = { n = "n", x = "x", tag = "tag", when = "day" }
[[event]]
kind = "survey"
instrument = "nps"
occurred_at = "day"
value = "n"
"""
    )
    home.take(
        mapping,
        'client,day,price,words,n,x,tag\nc0,2024-01-02,5.25,"naïve ""quote"" /\\",7,0.1,é\n'
        "c0,2024-01-03,,,8,1234.5,\n",
        keep_text=True,
    )
    with home.database.read() as conn:
        found = read_customer(conn, permit("risk_scoring"), "c0")
    for k, record in enumerate(found.events(0)):
        event = Event(
            "c0",
            record["kind"],
            datetime.fromisoformat(record["occurred_at"]),
            NOW,
            value=record["value"],
            text=record.get("text"),
            properties=record["properties"],
        )
        assert found.digests[k].astype(">u8").tobytes() == content_digest(event)


def test_batch_reads_what_online_reads(home: Home) -> None:
    rng = np.random.default_rng(1)
    lines = [
        f"c{rng.integers(8)},2024-01-{rng.integers(1, 28):02d},{rng.integers(100) / 4}"
        for _ in range(300)
    ]
    home.take(PLAIN, "client,day,price\n" + "\n".join(lines[:200]))
    home.take(PLAIN, "client,day,price\n" + "\n".join(lines), name="other")
    with home.database.read() as conn:
        whole = read_all(conn, home.store, permit("risk_scoring"))
        for k, customer_id in enumerate(whole.customers):
            alone = read_customer(conn, permit("risk_scoring"), customer_id)
            for name in ("occurred_at", "known_at", "value_micros", "digests", "occurrence"):
                batch = getattr(whole, name)[whole.events_of(k)]
                assert np.array_equal(getattr(alone, name), batch)


def test_digests_may_be_left_out_where_one_segment_holds_everything(home: Home) -> None:
    home.take(PLAIN, "client,day,price\nc0,2024-01-02,5\nc1,2024-01-02,5")
    with home.database.read() as conn:
        found = read_all(conn, home.store, permit("risk_scoring"), digests=False)
    assert (len(found.digests), found.value.tolist()) == (0, [5.0, 5.0])
    with pytest.raises(InvalidInput):
        found.digest(0, 10**17)


def test_an_unseen_mapping_over_json_lines(home: Home) -> None:
    mapping = """
[source]
timezone = "America/New_York"
[customer]
id = "who"
attributes = { tier = "tier" }
protected = { band = "age // 10 * 10" }
[[event]]
kind = "ticket_opened"
id = "ref"
occurred_at = "opened"
text = "note"
subject = "customer"
[[event]]
kind = "ticket_closed"
id = "ref"
occurred_at = "closed"
where = "closed IS NOT NULL"
[[event]]
kind = "spend"
subject = "company"
occurred_at = "opened"
value = "cost"
where = "cost IS NOT NULL"
[[event]]
kind = "survey"
instrument = "calm"
scale = [0, 4]
polarity = "low_is_good"
dimension = "emotional"
occurred_at = "opened"
value = "calm"
where = "calm IS NOT NULL"
"""
    rows = [
        {
            "who": 7,
            "ref": "t1",
            "opened": "2024-06-01 12:00",
            "closed": "2024-06-02T12:00:00Z",
            "note": "broken",
            "tier": "gold",
            "age": 42,
        },
        {"who": 7, "ref": "t2", "opened": "2024-06-03 12:00", "cost": 12.5, "tier": "gold"},
        {"who": 8, "ref": "t3", "opened": "2024-06-03 12:00", "calm": 5},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\nnot json"
    result = home.take(mapping, text, file="t.jsonl", timezone="UTC")
    assert result.kinds == {"profile": 1, "spend": 1, "ticket_closed": 1, "ticket_opened": 3}
    assert home.rejects() == [("3", "wrong scale", "value"), ("4", "unreadable line", "")]
    with home.database.read() as conn:
        groups = protected(conn, permit("fairness_audit", ["7", "8"]))
    assert groups == {"band": {"7": "40"}}
    first = home.events_of("7")[0]
    assert first["occurred_at"] == "2024-06-01T16:00:00.000000Z"


def test_mistakes_against_the_source_are_listed_at_once(home: Home) -> None:
    mapping = PLAIN.replace('"price"', '"prize"').replace('"day"', '"price"')
    with pytest.raises(ConfigurationError) as raised:
        home.take(mapping.replace('"client"', '"klient"'), "client,day,price\nc0,2024-01-02,5")
    assert len(raised.value.problems) == 3


def test_pseudonyms_replace_ids_everywhere_and_text_stays_outside(home: Home) -> None:
    mapping = PLAIN + 'text = "note"'
    source = "client,day,price,note\nanna,2024-01-02,5,secret\nbert,2024-01-02,5,secret"
    home.take(
        mapping, source, rename=lambda ids: [f"p_{k}" for k in range(len(ids))], keep_text=False
    )
    assert [len(home.events_of(c)) for c in ("anna", "p_0", "p_1")] == [0, 1, 1]
    assert "text" not in home.events_of("p_0")[0]
    assert not any(b"anna" in p.read_bytes() for p in home.store.root.glob("*.parquet"))


def test_erased_people_do_not_come_back(home: Home) -> None:
    source = "client,day,price\nc0,2024-01-02,5\nc1,2024-01-02,5"
    result = home.take(PLAIN, source, suppressed=lambda _, ids: {"c0"} & set(ids))
    assert (result.suppressed, result.events_written, result.customers) == (1, 1, 1)
    assert home.events_of("c0") == []


def test_ids_keep_their_leading_zeros_and_lose_a_floating_point(home: Home) -> None:
    home.take(PLAIN, "client,day,price\n007,2024-01-02,5\n12,2024-01-02,5")
    assert len(home.events_of("007")) == 1
    floats = PLAIN.replace('"client"', '"client * 1.0::DOUBLE"')
    home.take(floats, "client,day,price\n5,2024-01-02,5\n6,2024-01-02,5", name="other")
    assert len(home.events_of("5")) == 1


def test_a_failed_commit_leaves_no_event(home: Home) -> None:
    path = home.folder / "s.csv"
    path.write_text("client,day,price\nc0,2024-01-02,5\n")

    def fail(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    def import_and_fail() -> None:
        mapping = parse_mapping(PLAIN, name="m")
        import_source(
            mapping, path, database=home.database, store=home.store, now=NOW, published=fail
        )

    with pytest.raises(KeyboardInterrupt):
        import_and_fail()
    assert home.events_of("c0") == []
    assert home.take(PLAIN, "client,day,price\nc0,2024-01-02,5").events_written == 1


def test_a_missing_file_and_an_unknown_kind_are_said_plainly(home: Home) -> None:
    with pytest.raises(InvalidInput, match="no file"):
        import_source(
            parse_mapping(PLAIN, name="m"),
            home.folder / "none.csv",
            database=home.database,
            store=home.store,
            now=NOW,
        )


def take_real(home: Home, name: str, path: Path) -> tuple[ImportResult, ImportResult]:
    """Import a real file twice, into a home that keeps pseudonyms."""
    mapping = load_mapping(EXAMPLES / f"{name}.toml")

    def once() -> ImportResult:
        return import_source(
            mapping,
            path,
            database=home.database,
            store=home.store,
            now=NOW,
            rename=pseudonyms,
        )

    return once(), once()


def test_online_retail(
    sqlite_database: Database, tmp_path: Path, data_dir: Callable[[str], Path]
) -> None:
    home = Home(sqlite_database, tmp_path)
    path = data_dir("online_retail") / "online_retail.parquet"
    first, second = take_real(home, "online_retail", path)
    assert (first.rows_read, first.repeated_lines, first.customers) == (541_909, 5_268, 4_372)
    assert first.kinds == {"order": 18_536, "profile": 4_372, "return": 3_654}
    assert (second.events_written, second.conflicts) == (0, 0)
    with sqlite_database.read() as conn:
        ended = observed_until(conn)
    assert ended == datetime(2011, 12, 9, 12, 50, tzinfo=UTC)


def test_cdnow(sqlite_database: Database, tmp_path: Path, data_dir: Callable[[str], Path]) -> None:
    home = Home(sqlite_database, tmp_path)
    first, second = take_real(home, "cdnow", data_dir("cdnow") / "CDNOW_master.txt")
    assert (first.rows_read, first.repeated_lines, first.customers) == (69_659, 255, 23_570)
    assert (first.events_written, first.rejected, second.events_written) == (69_659, 0, 0)


def test_telco(sqlite_database: Database, tmp_path: Path, data_dir: Callable[[str], Path]) -> None:
    home = Home(sqlite_database, tmp_path)
    first, second = take_real(home, "ibm_telco", data_dir("ibm_telco") / "Telco-Customer-Churn.csv")
    assert (first.rows_read, first.events_written, second.events_written) == (7_043, 7_043, 0)
    with sqlite_database.read() as conn:
        everyone = customer_ids(conn)
        labels = read_given_labels(conn, "churn", evaluation_permit("model_training", everyone))
        groups = protected(conn, evaluation_permit("fairness_audit", everyone))
        found = read_all(conn, home.store, evaluation_permit("risk_scoring", everyone))
    assert sum(labels.values.values()) == 1_869
    assert sum(value == "Male" for value in groups["gender"].values()) == 3_555
    assert not {"gender", "SeniorCitizen", "Churn"} & set(found.properties_at(0))


def test_histories_at_hand_equal_those_read_back(home: Home) -> None:
    home.take(PLAIN, "client,day,price\nc0,2024-01-02,5\nc0,2024-01-02,5")
    two = [Event("c0", "order", at(1), at(1), value=5.0)] * 2
    with home.database.read() as conn:
        found = read_customer(conn, permit("risk_scoring"), "c0")
    assert found.digest(0, 10**17) == from_events(two).digest(0, 10**17)


def test_a_bad_number_is_rejected_also_where_a_line_is_chosen_by_it(home: Home) -> None:
    result = home.take(
        ORDERS,
        """
client,bill,day,qty,price,item
c0,b1,2024-01-02,2,1.5,cup
c0,b2,2024-01-02,two,1.5,cup
c0,b3,2024-01-02,-2,1.5,cup
""",
    )
    assert (result.events_written, result.rejected, result.not_selected) == (1, 1, 1)
    assert home.rejects() == [("2", "non-numeric value", "value")]


def test_one_word_is_a_column_whatever_it_means_in_sql(home: Home) -> None:
    mapping = '[customer]\nid = "user"\n[[event]]\nkind = "call"\noccurred_at = "at"\n'
    home.take(mapping, "user,at\nc0,2024-01-02T00:00:00Z\n")
    assert len(home.events_of("c0")) == 1


def test_an_empty_file_is_said_to_be_empty(home: Home, tmp_path: Path) -> None:
    (tmp_path / "nothing.csv").touch()
    with pytest.raises(InvalidInput, match="is empty"):
        import_source(
            parse_mapping(PLAIN, name="m"),
            tmp_path / "nothing.csv",
            database=home.database,
            store=home.store,
            now=NOW,
        )


def test_mistakes_of_the_mapping_and_of_its_columns_are_told_together(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "s.csv").write_text("client,day\nc0,2024-01-02\n")
    (tmp_path / "m.toml").write_text(
        '[source]\npath = "s.csv"\nzone = "UTC"\n[customer]\nid = "clnt"\n'
        '[[event]]\nkind = "order"\noccurred_at = "day +"\n'
    )
    with pytest.raises(ConfigurationError) as found:
        refuse(draft_mapping(tmp_path / "m.toml"), None, store=home.store)
    assert found.value.problems == (
        "source: 'zone' is not known here",
        "event 1 (order).occurred_at: not a SQL expression: it ends too early",
        "customer.id: there is no column clnt",
    )


@pytest.mark.parametrize("written", ["1.234,50", "7"])
def test_amounts_with_a_decimal_comma_are_read_as_the_mapping_says(
    home: Home, written: str
) -> None:
    mapping = PLAIN.replace(
        '"price"', "\"CAST(replace(replace(price, '.', ''), ',', '.') AS DOUBLE)\""
    )
    result = home.take(
        mapping.replace("[source]", '[source]\ndelimiter = ";"'),
        f"client;day;price\nc0;2024-01-02;{written}\nc0;2024-01-03;{'?' if ',' in written else 8}",
    )
    assert home.events_of("c0")[0]["value"] == (1234.5 if "," in written else 7)
    assert result.rejected == (1 if "," in written else 0)


def test_what_no_store_can_keep_is_rejected_with_its_reason(home: Home) -> None:
    mapping = """
[source]
timezone = "UTC"
[customer]
id = "who"
[[event]]
kind = "review"
id = "n"
occurred_at = "day"
text = "said"
properties = { tag = "tag" }
"""
    lines = [
        {"who": "c\0", "n": "1", "day": "2024-01-02", "said": "a", "tag": "x"},
        {"who": "c0", "n": "2", "day": "2024-01-02", "said": "a\0b", "tag": "x"},
        {"who": "c0", "n": "3", "day": "2024-01-02", "said": "a", "tag": "x\0"},
        {"who": "c0", "n": "4", "day": "2024-01-02", "said": "a \\u0000", "tag": "\\u0000"},
        {"who": "c0", "n": "5", "day": "2024-01-02", "said": "\ud800", "tag": "x"},
    ]
    result = home.take(mapping, "\n".join(map(json.dumps, lines)), file="s.jsonl")
    assert result.events_written == 1
    assert home.rejects() == [
        ("1", "holds the character NUL", "customer.id"),
        ("2", "holds the character NUL", "text"),
        ("3", "holds the character NUL", "properties.tag"),
        ("5", "unreadable line", ""),
    ]


def test_a_parquet_file_with_broken_text_is_refused_without_repeating_it(home: Home) -> None:
    offsets, text = np.array([0, 8], np.int32).tobytes(), b"anna\xed\xa0\x80b"
    broken = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(text))
    table = pa.table({"client": broken, "day": ["2024-01-02"], "price": [1.0]})
    pq.write_table(table, home.folder / "s.parquet")
    with pytest.raises(InvalidInput, match="not UTF-8") as caught:
        import_source(
            parse_mapping(PLAIN, name="m"),
            home.folder / "s.parquet",
            database=home.database,
            store=home.store,
            now=NOW,
        )
    assert "anna" not in str(caught.value)


def test_what_comes_in_live_while_an_import_runs_is_not_written_twice(home: Home) -> None:
    head = "client,bill,day,qty,price,item\n"
    early = Event("c0", "order", at(1), at(1), event_id="b1", value=3.0, currency="EUR")
    late = Event("c1", "order", at(2), at(2), event_id="b2", value=4.0, currency="EUR")
    other = Event("c1", "order", at(3), at(3), event_id="b3", value=99.0, currency="EUR")

    def meanwhile(said: str) -> None:
        events = {"writing": [early], "written": [late, other]}.get(said.split()[0], [])
        with home.database.write() as conn:
            append(conn, events)

    lines = ["c0,b1,2024-01-02,1,3,", "c1,b2,2024-01-03,1,4,", "c1,b3,2024-01-04,1,5,"]
    lines += ["c1,b4,2024-01-05,1,6,", "c2,b5,2024-01-05,1,6,"]
    result = home.take(ORDERS, head + "\n".join(lines), progress=meanwhile)
    assert (result.events_written, result.duplicates, result.conflicts) == (2, 2, 1)
    assert home.rejects() == [("3", "same id with other content", "id")]
    everyone = {c: [e["event_id"] for e in home.events_of(c)] for c in ("c0", "c1", "c2")}
    assert everyone == {"c0": ["b1"], "c1": ["b2", "b3", "b4"], "c2": ["b5"]}
    with home.database.read() as conn:
        whole = read_all(conn, home.store, permit("risk_scoring"))
    assert np.diff(whole.offsets).tolist() == [1, 3, 1]


def test_who_is_erased_while_an_import_runs_does_not_come_back(home: Home) -> None:
    gone: set[str] = set()

    def meanwhile(said: str) -> None:
        if said.startswith("written"):
            gone.add("c0")

    source = "client,day,price\nc0,2024-01-02,5\nc1,2024-01-02,5"
    result = home.take(PLAIN, source, progress=meanwhile, suppressed=lambda _, ids: gone & set(ids))
    assert (result.events_written, result.suppressed) == (1, 1)
    assert home.events_of("c0") == []
    with home.database.read() as conn:
        assert customer_ids(conn) == ["c1"]
    assert not any(b"c0" in path.read_bytes() for path in home.store.root.glob("*.parquet"))


def test_two_imports_at_once_write_every_event_once(home: Home) -> None:
    source = "client,day,price\n" + "\n".join(f"c{k % 4},2024-01-02,{k}" for k in range(200))
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda k: home.take(PLAIN, source, file=f"{k}.csv"), range(2)))
    assert sorted(result.events_written for result in done) == [0, 200]
    assert sorted(result.duplicates for result in done) == [0, 200]


def test_back_filling_late_rows_leaves_an_earlier_training_set_as_it_was(home: Home) -> None:
    rows = [f"c{k % 4},b{k},2024-0{1 + k % 6}-1{k % 9},1,{k},cup" for k in range(60)]
    head = "client,bill,day,qty,price,item\n"

    def training_set() -> tuple[str, int]:
        permits = {
            "model_training": permit("model_training"),
            "risk_scoring": permit("risk_scoring"),
        }
        with home.database.read() as conn:
            found = read_all(conn, home.store, permits["model_training"])
        dataset = build_dataset(
            found,
            Target(name="churn", kind="inactivity", horizon_days=30, active_window_days=90),
            [to_micros(datetime(2024, month, 20, tzinfo=UTC)) for month in (3, 4)],
            [definition for definition in catalogue(found) if "order" in definition.name],
            permits=permits,
            observed_until=to_micros(datetime(2024, 7, 1, tzinfo=UTC)),
            known_until=to_micros(NOW),
        )
        return dataset.manifest_digest, len(dataset)

    home.take(ORDERS, head + "\n".join(rows[:40]))
    before = training_set()
    late = home.take(ORDERS, head + "\n".join(rows), now=NOW + DAY)
    assert (late.events_written, late.duplicates) == (20, 40)
    assert training_set() == before
    assert before[1] > 0
