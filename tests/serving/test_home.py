"""Making and opening homes: kinds are for life, keys are private."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from governance.errors import ConfigurationError, IntegrityBroken, NotFound
from serving.bootstrap import create_home, open_home
from serving.home import keep_private
from serving.settings import PurposeSettings, Settings
from serving.tables import home

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_new_home_opens_again_with_its_kind(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(kind="evaluation"), now=NOW).close()
    keepwell = open_home(tmp_path)
    assert (keepwell.kind, keepwell.created_at) == ("evaluation", NOW)
    keepwell.close()


def test_making_a_home_twice_keeps_its_keys(tmp_path: Path) -> None:
    first = create_home(tmp_path, Settings(), now=NOW)
    again = create_home(tmp_path, Settings(), now=NOW)
    assert first.keys.suppression == again.keys.suppression
    first.close()
    again.close()


def test_keys_can_be_read_by_the_owner_alone(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(), now=NOW).close()
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "var/keys").iterdir()}
    assert modes == {0o600}


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


@pytest.mark.usefixtures("usual_umask")
def test_what_a_home_holds_is_closed_to_others(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(), now=NOW).close()
    assert mode(tmp_path / "var") == 0o700


def test_a_home_that_others_could_read_is_closed_when_it_is_opened(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(), now=NOW).close()
    (tmp_path / "var").chmod(0o755)
    open_home(tmp_path).close()
    assert mode(tmp_path / "var") == 0o700


def test_another_users_folder_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    assert not keep_private(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_home_from_before_there_were_links_gets_their_key(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(), now=NOW).close()
    (tmp_path / "var/keys/links.key").unlink()
    open_home(tmp_path).close()
    assert len((tmp_path / "var/keys/links.key").read_bytes()) == 32


def test_a_missing_key_is_never_made_anew(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(), now=NOW).close()
    (tmp_path / "var/keys/journal.key").unlink()
    with pytest.raises(ConfigurationError, match=r"journal\.key is missing"):
        open_home(tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(), now=NOW).close()
    (tmp_path / "var/keys/ledger.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"ledger\.key can be read by others"):
        open_home(tmp_path)


def test_a_directory_that_is_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        open_home(tmp_path)
    assert "init" in caught.value.hint


def test_a_home_cannot_become_another_kind_by_editing_its_settings(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(kind="evaluation"), now=NOW).close()
    (tmp_path / "keepwell.toml").write_text('kind = "production"\n')
    with pytest.raises(ConfigurationError, match="made as 'evaluation'"):
        open_home(tmp_path)


def test_nor_by_editing_its_database_beside(tmp_path: Path) -> None:
    made = create_home(tmp_path, Settings(kind="demo"), now=NOW)
    with made.database.write() as conn:
        conn.execute(update(home).values(kind="production"))
    made.close()
    (tmp_path / "keepwell.toml").write_text('kind = "production"\n')
    with pytest.raises(IntegrityBroken, match="its log says otherwise"):
        open_home(tmp_path)


def test_a_home_cannot_be_made_again_as_another_kind(tmp_path: Path) -> None:
    create_home(tmp_path, Settings(), now=NOW).close()
    with pytest.raises(ConfigurationError, match="production home, not a demo"):
        create_home(tmp_path, Settings(kind="demo"), now=NOW)


def test_legitimate_interest_without_its_assessment_does_not_open(tmp_path: Path) -> None:
    settings = Settings(purposes={"risk_scoring": PurposeSettings(basis="legitimate_interest")})
    with pytest.raises(ConfigurationError, match="sha256"):
        create_home(tmp_path, settings, now=NOW)
