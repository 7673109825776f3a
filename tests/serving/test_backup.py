"""A home comes back from its backup, with what people asked for since; or nothing comes at all."""

import io
import os
import shutil
import signal
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select, text

import serving.backup.take as taking
import serving.permission.consents as consents
from features.compaction import tidy
from governance.errors import IntegrityBroken, InvalidInput
from governance.log.ledger import entries
from governance.proof import Permit
from serving.backup.archive import Manifest, Member, unpack, write_archive
from serving.backup.restore import EMBEDDED, Restored, check_backup, restore_backup
from serving.backup.take import Taken, take_backup
from serving.bootstrap import Keepwell, open_home
from serving.database import Database, sqlite_url
from serving.migrate import metadatas, upgrade
from serving.permission.consents import withdraw
from serving.record.replay import replay
from serving.record.restore import note_journal
from serving.rights.acts import erase, object_to_processing, settle
from serving.rights.review_queue import request_review
from serving.settings import Settings
from tests.conftest import long_form
from tests.serving.conftest import Clock, Shop
from tests.serving.holding import check_home, places_of
from tests.serving.homes import new_home
from tests.serving.lived import ANN, BOB, CLEO, PEOPLE, live
from tests.serving.running import running
from tests.serving.test_cli import Commands
from tests.serving.test_faults import no_file_may_grow
from tests.serving.workbench import Workbench, copy_database, make_workbench

OWN_TO_A_RESTORE = {"ledger_entries", "ledger_head"}
"""Tables that hold one row more: that this home was restored."""


@dataclass
class Drill:
    """A filled home to back up, and an empty place to restore it into."""

    bench: Workbench
    keepwell: Keepwell
    folder: Path
    clock: Clock
    opened: list[Keepwell] = field(default_factory=list)

    @property
    def archive(self) -> Path:
        return self.folder / "home.tar"

    @property
    def target(self) -> Path:
        return self.folder / "restored"

    def back_up(self, **given: Any) -> Taken:
        return take_backup(self.keepwell, self.archive, now=self.clock(), **given)

    def empty_database(self, kind: str = "") -> str:
        """Name a database without tables: of the home's own kind, or of `kind`."""
        server = self.bench.server
        if server is None or kind == "sqlite":
            return EMBEDDED
        copy_database(server, "template1", "bench_restored")
        return server.engine.url.set(database="bench_restored").render_as_string(False)

    def restored(self) -> Keepwell:
        """Open the restored home; it is closed with this drill."""
        self.opened.append(open_home(self.target))
        return self.opened[-1]

    def permits(self, customer_id: str) -> bool:
        """Whether the restored home may score someone."""
        restored = self.restored()
        with restored.database.read() as conn:
            found = restored.registry.permit(
                conn, customer_id, "risk_scoring", now=self.clock() + timedelta(minutes=1)
            )
        return isinstance(found, Permit)

    def restore(self, *, journal: bool = True, **given: Any) -> Restored:
        if self.bench.server is not None:
            given.setdefault("database_url", self.empty_database())
        kept = self.keepwell.journal.path
        return restore_backup(
            self.archive,
            self.target,
            now=self.clock(),
            journal=kept if journal and kept.exists() else None,
            **given,
        )


@contextmanager
def drill_with(bench: Workbench, folder: Path) -> Iterator[Drill]:
    keepwell = bench.fresh()
    found = Drill(bench, keepwell, folder, Clock(bench.now + timedelta(seconds=1)))
    with keepwell.database.write() as conn:  # what other tests do not fill
        conn.execute(text("UPDATE api_keys SET last_used_at = created_at"))
    tidy(keepwell.database, keepwell.store, now=found.clock())
    try:
        yield found
    finally:
        for each in (keepwell, *found.opened):
            each.close()


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return make_workbench(tmp_path_factory.mktemp("lived"), None, live)


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory, postgres_uri: str) -> Iterator[Workbench]:
    found = make_workbench(tmp_path_factory.mktemp("lived"), postgres_uri, live)
    yield found
    assert found.server is not None
    found.server.close()


@pytest.fixture(params=["sqlite", "postgres"])
def drill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drill]:
    """Give a drill on each kind of database."""
    with drill_with(request.getfixturevalue(f"on_{request.param}"), tmp_path) as found:
        yield found


@pytest.fixture
def small(on_sqlite: Workbench, tmp_path: Path) -> Iterator[Drill]:
    """Give a drill on SQLite alone, for what has nothing to do with the database."""
    with drill_with(on_sqlite, tmp_path) as found:
        yield found


def contents(keepwell: Keepwell, known: dict[str, set[str]] | None = None) -> dict[str, list[Any]]:
    """Every row of every table, in some order; of the `known` tables and columns alone if given."""
    with keepwell.database.read() as conn:
        return {
            table.name: sorted(map(repr, conn.execute(select(*columns)).all()))
            for metadata in metadatas()
            for table in metadata.sorted_tables
            if table.name not in OWN_TO_A_RESTORE
            for columns in [
                [c for c in table.c if known is None or c.name in known.get(table.name, ())]
            ]
            if columns
        }


@pytest.mark.parametrize("into", ["sqlite", "postgres"])
def test_every_row_comes_back_into_either_kind_of_database(
    drill: Drill, on_postgres: Workbench, into: str
) -> None:
    drill.back_up()
    before = contents(drill.keepwell)
    database = Drill(on_postgres, drill.keepwell, drill.folder, drill.clock).empty_database(into)
    drill.restore(database_url=database)
    restored = drill.restored()
    assert restored.database.is_sqlite == (into == "sqlite")
    assert contents(restored) == before
    check_home(restored, now=drill.clock(), customers=PEOPLE)


def test_a_decision_made_before_replays_in_the_restored_home(small: Drill) -> None:
    with small.keepwell.database.read() as conn:
        statement = text("SELECT decision_id FROM decisions WHERE outcome = 'scored' LIMIT 1")
        decision = conn.execute(statement).scalar_one()
    small.back_up()
    small.restore()
    restored = small.restored()
    assert replay(restored, decision, now=small.clock()).outcome == "same"


def test_what_people_asked_for_after_the_backup_is_done_again(drill: Drill) -> None:
    drill.back_up()
    withdraw(drill.keepwell, ANN, "risk_scoring", actor="customer", clock=drill.clock)
    object_to_processing(drill.keepwell, CLEO, now=drill.clock())
    erase(drill.keepwell, BOB, now=drill.clock())
    done = drill.restore()
    assert (done.journal, done.erased) == ("settled", 1)
    restored = drill.restored()
    with restored.database.read() as conn:
        assert places_of(conn, BOB) == []
        may_write = {
            each: isinstance(
                restored.registry.permit(conn, each, "outreach.email", now=drill.clock()), Permit
            )
            for each in PEOPLE
        }
        assert may_write == {ANN: True, BOB: False, CLEO: False}
    check_home(restored, now=drill.clock() + timedelta(minutes=2), customers=PEOPLE)


def test_the_log_says_that_it_was_restored_and_from_what(small: Drill) -> None:
    taken = small.back_up()
    small.restore()
    restored = small.restored()
    with restored.database.read() as conn:
        last = entries(conn, limit=1_000)[-1]
    assert (last.kind, taken.digest in last.body) == ("restored", True)


def test_without_its_journal_a_restored_home_serves_nothing_until_it_is_there(
    small: Drill,
) -> None:
    withdraw(small.keepwell, ANN, "risk_scoring", actor="customer", clock=small.clock)
    small.back_up()
    erase(small.keepwell, BOB, now=small.clock())
    assert small.restore(journal=False).journal == "lost"
    restored = small.restored()
    with pytest.raises(IntegrityBroken, match="gone, cut short or another"):
        settle(restored, now=small.clock())
    shutil.copyfile(small.keepwell.journal.path, restored.journal.path)
    assert settle(restored, now=small.clock()) == 1


def test_a_journal_that_lies_in_its_place_is_taken_as_it_is(small: Drill) -> None:
    small.back_up()
    erase(small.keepwell, BOB, now=small.clock())
    place = small.target / "var/journal/journal.jsonl"
    place.parent.mkdir(parents=True)
    shutil.copyfile(small.keepwell.journal.path, place)
    before = place.stat().st_ino
    done = small.restore(journal=False)
    assert (done.journal, done.erased, place.stat().st_ino) == ("settled", 1, before)


def test_of_two_journals_neither_is_guessed(small: Drill) -> None:
    small.back_up()
    erase(small.keepwell, BOB, now=small.clock())
    place = small.target / "var/journal/journal.jsonl"
    place.parent.mkdir(parents=True)
    place.write_text("another\n")
    with pytest.raises(InvalidInput, match="and another was named"):
        small.restore()
    assert place.read_text() == "another\n"


def test_a_journal_that_was_edited_is_not_taken(small: Drill) -> None:
    withdraw(small.keepwell, ANN, "risk_scoring", actor="customer", clock=small.clock)
    small.back_up()
    journal = small.keepwell.journal.path
    journal.write_text(journal.read_text().replace("risk_scoring", "risk_scorinG"))
    with pytest.raises(IntegrityBroken, match="line 1 of the journal"):
        small.restore()
    assert not small.target.exists()


def test_what_happens_while_it_is_taken_is_not_in_it_but_not_lost(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "WORTH_SAYING", 0)  # every table is named, one act at each
    acts: list[Callable[[], object]] = [
        lambda: erase(drill.keepwell, BOB, now=drill.clock()),
        lambda: withdraw(drill.keepwell, ANN, "risk_scoring", actor="customer", clock=drill.clock),
        lambda: Shop(drill.keepwell, drill.clock).order("customer-dan", 3, 2, 1),
        lambda: tidy(drill.keepwell.database, drill.keepwell.store, now=drill.clock()),
    ]

    def meanwhile(_: str) -> None:
        if acts:
            acts.pop(0)()

    before = contents(drill.keepwell)
    drill.back_up(progress=meanwhile)
    assert not acts
    assert check_backup(drill.archive).rows["live_events"] == len(before["live_events"])
    drill.restore()
    restored = drill.restored()
    with restored.database.read() as conn:
        assert places_of(conn, BOB) == places_of(conn, "customer-dan") == []
    check_home(restored, now=drill.clock() + timedelta(minutes=2), customers=PEOPLE)


def test_every_no_that_was_answered_while_it_was_taken_counts_afterwards(drill: Drill) -> None:
    stopped, answered = Event(), list[str]()

    def speak(number: int) -> None:
        shop = Shop(drill.keepwell, drill.clock)
        while not stopped.is_set():
            who = f"writer-{number}-{len(answered)}"
            shop.permit(who, "risk_scoring")
            withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
            answered.append(who)

    writers = [Thread(target=speak, args=(k,)) for k in range(3)]
    for each in writers:
        each.start()
    drill.back_up()
    stopped.set()
    for each in writers:
        each.join()
    drill.restore()
    check_home(drill.restored(), now=drill.clock() + timedelta(minutes=2), customers=PEOPLE)
    assert not {who for who in answered if drill.permits(who)}


def test_a_no_between_the_journal_and_its_commit_is_waited_for(
    on_postgres: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with drill_with(on_postgres, tmp_path) as drill:
        _back_up_between(drill, monkeypatch)
        drill.restore()
        assert not drill.permits(ANN)


def _back_up_between(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone else's later line had the database know the journal beyond a no that is not in it."""
    journalled, go_on, note = Event(), Event(), note_journal

    def waiting(*given: Any) -> None:
        journalled.set()
        go_on.wait(10)
        note(*given)

    monkeypatch.setattr(consents, "note_journal", waiting)
    said = {"actor": "customer", "clock": drill.clock}
    no = Thread(target=withdraw, args=(drill.keepwell, ANN, "risk_scoring"), kwargs=said)
    no.start()
    journalled.wait(10)
    request_review(drill.keepwell, CLEO, reason="I do not think so", clock=drill.clock)
    Timer(0.3, go_on.set).start()
    drill.back_up()
    no.join()


def test_a_history_file_that_goes_meanwhile_is_looked_for_anew(
    small: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, really = [], taking._open

    def gone_once(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise FileNotFoundError
        return really(*given)

    monkeypatch.setattr(taking, "_open", gone_once)
    small.back_up()
    assert check_backup(small.archive).rows["history_buckets"] == len(calls) - 1


def test_a_restored_home_is_for_its_owner_alone(small: Drill) -> None:
    small.back_up()
    small.restore()
    assert (small.target / "var").stat().st_mode & 0o777 == 0o700


def test_the_file_is_for_its_owner_alone(small: Drill) -> None:
    small.back_up()
    assert small.archive.stat().st_mode & 0o777 == 0o600


def test_no_backup_is_overwritten(small: Drill) -> None:
    small.back_up()
    before = small.archive.read_bytes()
    with pytest.raises(InvalidInput, match="is there already"):
        small.back_up()
    assert small.archive.read_bytes() == before


def test_a_full_disk_leaves_no_backup_and_no_home(small: Drill) -> None:
    with no_file_may_grow(50_000), pytest.raises(OSError, match="File too large"):
        small.back_up()
    assert list(small.folder.glob("home*")) == []
    small.back_up()
    with no_file_may_grow(20_000), pytest.raises((OSError, InvalidInput)):
        small.restore()
    assert not small.target.exists()


def test_the_journal_is_never_in_a_backup(small: Drill) -> None:
    withdraw(small.keepwell, ANN, "risk_scoring", actor="customer", clock=small.clock)
    small.back_up()
    assert not any("var/journal" in name for name in check_backup(small.archive).members)


def test_without_keys_none_is_in_it_and_they_must_be_named(small: Drill) -> None:
    small.back_up(keys=False)
    assert not any("var/keys" in name for name in check_backup(small.archive).members)
    with pytest.raises(InvalidInput, match="without the home's keys"):
        small.restore()
    assert not small.target.exists()
    assert small.restore(keys=small.keepwell.home.keys).journal == "settled"


def test_mlflows_runs_come_along_when_asked(small: Drill) -> None:
    artifact = small.keepwell.home.mlruns / "artifacts/1/card.json"
    artifact.parent.mkdir(parents=True)
    artifact.write_text("{}")
    database = Database(sqlite_url(small.keepwell.home.mlruns / "mlflow.db"))
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE runs (name TEXT)")
        conn.exec_driver_sql("INSERT INTO runs VALUES ('first')")
    small.back_up(mlruns=True)
    database.close()
    small.restore()
    copy = Database(sqlite_url(small.target / "mlruns/mlflow.db"))
    with copy.read() as conn:
        assert conn.exec_driver_sql("SELECT name FROM runs").scalars().all() == ["first"]
    copy.close()
    assert (small.target / "mlruns/artifacts/1/card.json").read_text() == "{}"


def test_a_home_that_is_not_empty_is_left_alone(small: Drill) -> None:
    small.back_up()
    small.target.mkdir()
    (small.target / "mine.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="is not empty"):
        small.restore()
    assert [each.name for each in small.target.iterdir()] == ["mine.txt"]


def test_a_database_that_is_not_empty_is_left_alone(drill: Drill) -> None:
    drill.back_up()
    before = contents(drill.keepwell)
    with pytest.raises(InvalidInput, match="not empty"):
        drill.restore(database_url=drill.keepwell.database.url)
    assert contents(drill.keepwell) == before
    assert not drill.target.exists()


def places_in(archive: Path) -> dict[str, int]:
    with tarfile.open(archive) as tar:
        return {each.name: each.offset_data for each in tar if each.size}


@pytest.mark.parametrize(
    "part", ["tables/consent_events/", "home/var/history/", "home/var/keys/ledger", "home/keepwell"]
)
def test_a_damaged_member_is_named_and_nothing_is_restored(small: Drill, part: str) -> None:
    small.back_up()
    [(name, at)] = [(n, at) for n, at in places_in(small.archive).items() if n.startswith(part)][:1]
    content = bytearray(small.archive.read_bytes())
    content[at + 3] ^= 1
    small.archive.write_bytes(content)
    with pytest.raises(IntegrityBroken, match=name):
        small.restore()
    assert not small.target.exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_an_archive_cut_short_is_none(small: Drill, share: float) -> None:
    small.back_up()
    whole = small.archive.read_bytes()
    end = max(places_in(small.archive).values())
    small.archive.write_bytes(whole[: int(end * share)])
    with pytest.raises(IntegrityBroken):
        small.restore()
    assert not small.target.exists()


def test_an_edited_manifest_is_noticed(small: Drill) -> None:
    small.back_up()
    content = small.archive.read_bytes()
    small.archive.write_bytes(content.replace(b'"kind": "production"', b'"kind": "evaluation"'))
    with pytest.raises(IntegrityBroken):
        check_backup(small.archive)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": [1]},
        {"rows": {"customers": "x"}},
        {"rows": {"customers": True}},
        {"revision": 5},
        {"taken_at": "tomorrow"},
        {"taken_at": 5},
        {"journal_position": None},
        {"journal_seal": 1},
        {"has_keys": "yes"},
        {"members": {"home/keepwell.toml": Member("0", "1")}},  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_a_manifest_with_wrong_types_is_damaged(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "taken_at": "2026-06-01T00:00:00Z", "version": "1", "kind": "production",
        "revision": "0001", "dialect": "sqlite", "journal_position": 0, "journal_seal": None,
        "has_keys": True, "has_mlruns": False,
    }  # fmt: skip
    Manifest.from_bytes(Manifest(**right).to_bytes())
    with pytest.raises(IntegrityBroken, match=r"manifest\.json not as written"):
        Manifest.from_bytes(Manifest(**right | wrong).to_bytes())


def link_out() -> tarfile.TarInfo:
    made = tarfile.TarInfo("home/var")
    made.type, made.linkname = tarfile.SYMTYPE, "/tmp"
    return made


@pytest.mark.parametrize(
    "info",
    [
        tarfile.TarInfo("../evil"),
        tarfile.TarInfo("/evil"),
        tarfile.TarInfo("home/../../evil"),
        tarfile.TarInfo("home/./evil"),
        tarfile.TarInfo("elsewhere/evil"),
        tarfile.TarInfo("home\\evil"),
        link_out(),
    ],
    ids=lambda info: info.name,
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, info: tarfile.TarInfo) -> None:
    archive, into = tmp_path / "evil.tar", tmp_path / "deep/into"
    into.mkdir(parents=True)
    with tarfile.open(archive, "w") as tar:
        tar.addfile(info, io.BytesIO())
    with pytest.raises(IntegrityBroken, match="no backup of a home does"):
        unpack(archive, into)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [archive]


def test_a_member_no_manifest_names_is_refused(small: Drill) -> None:
    small.back_up()
    manifest = check_backup(small.archive)
    more = small.folder / "more.tar"
    with write_archive(more, mtime=0) as writing:
        _copy_members(small.archive, writing.add_bytes)
        writing.add_bytes("home/more.toml", b"")
        writing.finish(manifest)
    with pytest.raises(IntegrityBroken, match=r"home/more\.toml"):
        check_backup(more)


def test_a_backup_of_the_revision_before_is_brought_up_to_date(small: Drill) -> None:
    small.back_up()
    known = _as_of_revision("0005", small.archive, small.folder)
    before = contents(small.keepwell, known)
    small.restore()
    restored = small.restored()
    assert contents(restored, known) == before


def test_a_backup_of_a_newer_version_is_refused(small: Drill) -> None:
    small.back_up()
    _as_of_revision("9999", small.archive, small.folder)
    with pytest.raises(InvalidInput, match="revision '9999'"):
        small.restore()
    assert not small.target.exists()


def _as_of_revision(revision: str, archive: Path, folder: Path) -> dict[str, set[str]]:
    """Rewrite an archive as if its database had been at `revision`; gives the columns it knew."""
    scratch, known = Database("sqlite://"), dict[str, set[str]]()
    if revision < "9":
        with scratch.write() as conn:
            upgrade(conn, revision)
            for (name,) in conn.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type='table'"
            ):
                found = conn.exec_driver_sql("SELECT name FROM pragma_table_info(?)", (name,))
                known[name] = set(found.scalars())
    scratch.close()
    whole, old = check_backup(archive), folder / "old.tar"
    with write_archive(old, mtime=0) as writing:

        def add(name: str, content: bytes) -> None:
            if name.startswith("tables/") and known:
                columns = known.get(name.split("/")[1])
                if columns is None:
                    return
                written = io.BytesIO()
                table = pq.read_table(io.BytesIO(content))
                pq.write_table(
                    table.select([c for c in table.column_names if c in columns]), written
                )
                content = written.getvalue()
            writing.add_bytes(name, content)

        _copy_members(archive, add)
        rows = {name: n for name, n in whole.rows.items() if not known or name in known}
        fields = {**whole.__dict__, "revision": revision, "rows": rows}
        writing.finish(Manifest(**{**fields, "members": dict(writing.members)}))
    old.replace(archive)
    return known


def _copy_members(archive: Path, add: Callable[[str, bytes], None]) -> None:
    with tarfile.open(archive) as tar:
        for each in tar:
            file = tar.extractfile(each)
            assert file is not None
            if each.name != "manifest.json":
                add(each.name, file.read())


def test_on_the_command_line(small: Drill) -> None:
    withdraw(small.keepwell, ANN, "risk_scoring", actor="customer", clock=small.clock)
    kw, new = Commands(small.keepwell.home.root), Commands(small.target)
    told = kw("backup", small.archive)
    assert (told.code, told.json["has_keys"], Path(told.json["path"])) == (0, True, small.archive)
    assert kw("backup", small.archive).error["code"] == "invalid_input"
    assert new("restore", small.archive, "--check").json["outcome"] == "whole"
    assert not small.target.exists()
    told = new("restore", small.archive)
    assert (told.code, told.json["journal"]) == (1, "lost")
    assert new("consent", "show", ANN).code == 1
    shutil.rmtree(small.target)
    told = new("restore", small.archive, "--journal", small.keepwell.home.journal)
    assert (told.code, told.json["journal"], told.json["erased"]) == (0, "settled", 0)
    assert new("consent", "show", ANN).code == 0
    assert kw.plain("backup", small.folder).code == 0
    assert len(list(small.folder.glob("keepwell-2*.tar"))) == 1


def test_a_service_under_load_is_backed_up_killed_and_restored(tmp_path: Path) -> None:
    long_form()
    clock, said_no = Clock(), list[str]()
    shop = Shop(new_home(tmp_path / "home", Settings(), now=clock()), clock)
    for each in [f"person-{k}" for k in range(200)]:
        shop.permit(each)
    shop.approve_model()
    archive, home = tmp_path / "home.tar", Commands(tmp_path / "home")
    with running(shop.keepwell.home.root, shop.key(), tmp_path / "serve.log") as service:

        def speak(k: int) -> None:
            order = {"customer_id": f"person-{k}", "kind": "order", "occurred_at": "2026-05-20"}
            service.client.post("/v1/events", json={"events": [order]})
            if service.client.delete(f"/v1/customers/person-{k}/consents/risk_scoring").is_success:
                said_no.append(f"person-{k}")

        with ThreadPoolExecutor(4) as people:
            spoken = [people.submit(speak, k) for k in range(200)]
            assert home("backup", archive).code == 0
            for answer in spoken:
                answer.result()
        for pid in (*service.workers(), service.process.pid):
            os.kill(pid, signal.SIGKILL)
        service.process.wait()
    assert len(said_no) == 200
    new = Commands(tmp_path / "restored")
    assert new("restore", archive, "--journal", shop.keepwell.journal.path).code == 0
    restored = open_home(tmp_path / "restored")
    with restored.database.read() as conn:
        for each in said_no:
            found = restored.registry.permit(conn, each, "risk_scoring", now=datetime.now(UTC))
            assert not isinstance(found, Permit)
    check_home(restored, now=datetime.now(UTC))
    restored.close()
    shop.keepwell.close()
