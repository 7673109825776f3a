"""What all workers of one service have counted, whichever of them is asked.

Each worker keeps its counts in a small file beside those of the others, every second. One that died
leaves its file behind, so that what was counted never shrinks; its gauges go with it.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from serving.http.metering import Counts, Meter, total

PAUSE_SECONDS = 1.0

Figures = Mapping[str, float]


class Told(NamedTuple):
    """What one worker told of itself: its number, its process, counts and gauges."""

    worker: int
    pid: int
    counts: Counts
    figures: Figures

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


class WorkerCounts(threading.Thread):
    """Writes down this worker's counts, and reads those of all.

    Without a `folder` there is one worker, and nothing is written. `figures` gives its gauges.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        worker: int,
        folder: Path | None,
        figures: Callable[[], Figures],
    ) -> None:
        super().__init__(name="worker-counts", daemon=True)
        self._meter = meter
        self._worker = worker
        self._folder = folder
        self._figures = figures
        self._stopped = threading.Event()

    def run(self) -> None:
        """Write once a second until stopped."""
        if self._folder is None:
            return
        self.write(self._folder)
        while not self._stopped.wait(PAUSE_SECONDS):
            self.write(self._folder)

    def write(self, folder: Path) -> None:
        """Replace this worker's file; a folder that is gone is a service that ends."""
        own = folder / f"{self._worker}-{os.getpid()}.json"
        growing = own.with_suffix(".writing")
        try:
            growing.write_text(json.dumps(self._own()), encoding="utf-8")
            growing.replace(own)
        except OSError:
            return

    def told(self) -> list[Told]:
        """Give what every worker told last, this one as of now."""
        own = self._own()
        found = [own]
        for path in () if self._folder is None else sorted(self._folder.glob("*.json")):
            try:
                worker, pid, counts, figures = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if pid != own.pid:
                found.append(Told(worker, pid, Counts(*counts), figures))
        return found

    def stop(self) -> None:
        """Write a last time and no more."""
        self._stopped.set()
        if self._folder is not None:
            self.write(self._folder)

    def _own(self) -> Told:
        return Told(self._worker, os.getpid(), self._meter.counts(), self._figures())


def all_counts(told: list[Told]) -> Counts:
    """Add up what the workers counted, those that are gone too."""
    return total(each.counts for each in told)
