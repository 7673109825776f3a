"""Mistakes at the command line that once were "something unexpected": each has a sentence now."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.test_cli import Commands


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    made = Commands(tmp_path_factory.mktemp("mistakes") / "home")
    assert made("init").code == 0
    return made


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a port on which something listens already."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    "url",
    ["mysql://ann:geheim@db/x", "::::", "postgresql+psycopg://ann:geheim@db:port/x", "postgresql"],
)
def test_a_database_address_that_is_none_is_named_without_its_password(
    home: Commands, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPWELL_DATABASE_URL", url)
    told = home("keys", "list")
    assert (told.code, told.error["code"]) == (2, "configuration")
    assert "expected postgresql+psycopg://" in told.error["message"]
    assert "geheim" not in told.out + told.err


def test_a_database_in_a_folder_that_is_not_there_is_named(
    home: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "missing/keepwell.db"
    monkeypatch.setenv("KEEPWELL_DATABASE_URL", f"sqlite:///{missing}")
    told = home("keys", "list")
    assert told.code == 2
    assert (
        told.error["message"]
        == f"the database file {missing} cannot be used: unable to open database file"
    )


def test_a_file_that_is_no_database_is_named(
    home: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 1_000)
    monkeypatch.setenv("KEEPWELL_DATABASE_URL", f"sqlite:///{tmp_path / 'notes.txt'}")
    assert "file is not a database" in home("keys", "list").error["message"]


@pytest.mark.parametrize("password", ["geheim", "ge@heim"])
def test_a_postgresql_that_does_not_answer_is_named_without_its_password(
    home: Commands, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://ann:{password}@127.0.0.1:{unused.getsockname()[1]}/x"
        monkeypatch.setenv("KEEPWELL_DATABASE_URL", url)
        told = home("keys", "list")
    assert (told.code, told.error["code"]) == (2, "database_unusable")
    assert "database_url" in told.error["hint"]
    assert "heim" not in told.out + told.err


@pytest.mark.parametrize("hours", ["99999999999999", "nan", "inf"])
def test_an_overlap_without_end_is_refused(home: Commands, hours: str) -> None:
    made = home("keys", "create", "--scope", "score:read").json
    told = home("keys", "rotate", made["id"], "--overlap-hours", hours)
    assert (told.code, "expected 0 to 87,600" in told.error["message"]) == (2, True)


@pytest.mark.parametrize("words", [("score",), ("dossier",), ("rights", "export")])
def test_an_id_that_is_no_text_is_refused(home: Commands, words: tuple[str, ...]) -> None:
    told = home(*words, "ann\udcff")
    assert (told.code, "not UTF-8" in told.error["message"]) == (2, True)


def test_a_host_that_spells_nothing_is_said_by_doctor_and_test(
    home: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPWELL_WEBHOOK__URL", "https://xn--/")
    assert "name a host" in home("webhook", "test").error["message"]
    checks = {each["name"]: each for each in home("doctor").json["checks"]}
    assert "name a host" in checks["webhook"]["found"]


def test_nothing_is_said_to_be_served_where_the_port_is_taken(home: Commands, taken: int) -> None:
    told = home("serve", "--port", taken)
    assert told.code == 2
    assert "serving http" not in told.err


def test_doctor_says_that_the_home_is_closed_to_others(home: Commands) -> None:
    checks = {each["name"]: each for each in home("doctor").json["checks"]}
    assert checks["files"]["found"] == "var is open to its owner alone"


def test_restoring_into_a_database_that_is_none_is_named(home: Commands, tmp_path: Path) -> None:
    archive, fresh = tmp_path / "home.tar", Commands(tmp_path / "fresh")
    assert home("backup", archive).code == 0
    told = fresh("restore", archive, "--database-url", "mysql://ann:geheim@db/x")
    assert (told.code, told.error["code"]) == (2, "configuration")
    assert not fresh.home.exists()
