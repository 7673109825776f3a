"""Brings newly approved models into memory beside the requests, so that none waits for one."""

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from features.text.language import prepare
from serving.bootstrap import Keepwell
from serving.scoring.champions import Champions

PAUSE_SECONDS = 0.5

log = structlog.get_logger("keepwell.models")


class ModelWatch(threading.Thread):
    """Looks twice a second which models are approved; tries and loads what is new.

    The model that served before goes on until the new one is in memory, and beyond where that one
    is damaged.
    """

    def __init__(
        self, keepwell: Keepwell, champions: Champions, *, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(name="model-watch", daemon=True)
        self._keepwell = keepwell
        self._champions = champions
        self._clock = clock
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until stopped."""
        self._champions.load_beside()
        self._prepare()
        while not self._stopped.wait(PAUSE_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - the next look may be better
                log.error("looking for models failed", kind=type(error).__name__)

    def look(self) -> None:
        """Bring in what is approved and not in memory, one model after another."""
        with self._keepwell.database.read() as conn:
            now = self._clock()
            found = {
                name: self._champions.missing(conn, name, now=now)
                for name in self._keepwell.targets
            }
        for name, digest in found.items():
            if digest is None:
                continue
            self._champions.load(digest)
            self._prepare()
            if digest not in self._champions.damaged:
                log.info("a model was loaded", target=name, digest=digest)

    def _prepare(self) -> None:
        if self._champions.reads_texts:
            prepare()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self.join(timeout=5)
