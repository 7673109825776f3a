"""Backups and restores that die by SIGKILL at a named point, each in a real child process."""

import os
from datetime import UTC, datetime
from pathlib import Path

import serving.backup.archive as archive
import serving.backup.restore as restoring
import serving.backup.take as taking
from serving.bootstrap import open_home
from tests.serving.dying import after, die

TAKING = ("begun", "half_way", "manifest", "naming")
RESTORING = ("unpacked", "completed", "loading", "filled", "moving", "moved")
NOW = datetime(2026, 6, 2, tzinfo=UTC)


def take_and_die(root: str, path: str, point: str) -> None:
    if point == "begun":
        archive.Writing.add_bytes = after(archive.Writing.add_bytes)  # type: ignore[method-assign]
    elif point == "half_way":
        taking.dump = die  # type: ignore[attr-defined]
    elif point == "manifest":
        archive.Writing.finish = after(archive.Writing.finish)  # type: ignore[method-assign]
    elif point == "naming":
        os.link = die
    taking.take_backup(open_home(Path(root)), Path(path), now=NOW)


def restore_and_die(path: str, root: str, database_url: str, point: str) -> None:
    if point == "unpacked":
        restoring.unpack = after(restoring.unpack)  # type: ignore[attr-defined]
    elif point == "completed":
        restoring._complete = after(restoring._complete)
    elif point == "loading":
        restoring._load = after(restoring._load)
    elif point == "filled":
        restoring.follow_numbers = after(restoring.follow_numbers)  # type: ignore[attr-defined]
    elif point == "moving":
        restoring._settle_in = die
    elif point == "moved":
        Path.replace = after(Path.replace)  # type: ignore[method-assign]
    restoring.restore_backup(Path(path), Path(root), now=NOW, database_url=database_url or None)
