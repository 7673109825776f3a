"""Tells runs that are alive from runs whose process was killed before it could close them."""

import fcntl
import os
from pathlib import Path


class Running:
    """One locked file per run under `folder`.

    The system lets go of a lock when its process ends, however it ends: a run is alive exactly
    while somebody holds its file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, int] = {}

    def hold(self, run_id: str) -> None:
        """Mark the run as alive until `release`, or until this process ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        held = os.open(self._path(run_id), os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        self._held[run_id] = held

    def release(self, run_id: str) -> None:
        """Take the mark away; one that is not there is no mistake."""
        self._path(run_id).unlink(missing_ok=True)
        held = self._held.pop(run_id, None)
        if held is not None:
            os.close(held)

    def alive(self, run_id: str) -> bool:
        """Whether a process holds the run now, this one or another."""
        try:
            probe = os.open(self._path(run_id), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(probe)
        return False

    def _path(self, run_id: str) -> Path:
        return self.folder / run_id
