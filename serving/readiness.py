"""Whether a worker can do what it is there for, and what to do about it where it cannot."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from governance.errors import KeepwellError
from governance.review.reviews import champion
from serving.bootstrap import Keepwell
from serving.migrate import is_newer
from serving.record.restore import standing
from serving.scoring.champions import Champions

KEPT_SECONDS = 1.0
"""How long an answer is given again without looking."""
PATIENCE_SECONDS = 2.0
"""How long the database may take before it counts as away."""


class Obstacle(NamedTuple):
    """Why a worker is not ready: a code, what was found, and what to do."""

    code: str
    found: str
    hint: str


DRAINING = Obstacle("draining", "this worker is finishing what it has begun", "ask another worker")
NO_DATABASE = Obstacle(
    "database_unavailable",
    "the database does not answer",
    "start it, or mend database_url; the service goes on by itself",
)
LOST = Obstacle(
    "journal_lost",
    "the journal of erasures and withdrawals is gone, cut short or another",
    "put it back from where it is kept; where no copy is left: keepwell ledger accept-lost-journal",
)
NEWER = Obstacle(
    "database_is_newer",
    "a newer version has brought the database further than this one knows",
    "end this process; the newer version serves",
)
BROKEN = Obstacle("unreadable", "the home cannot be read", "see the log, then: keepwell doctor")


class Readiness:
    """Looks at most once a second, in a thread of its own: a probe never waits for long."""

    def __init__(
        self, keepwell: Keepwell, champions: Champions, *, clock: Callable[[], datetime]
    ) -> None:
        self._keepwell = keepwell
        self._champions = champions
        self._clock = clock
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._asking = threading.Lock()
        self._last: tuple[float, Obstacle | None] | None = None
        self.draining = False

    def obstacle(self) -> Obstacle | None:
        """Say why this worker is not ready; None where it is. Waits two seconds at most."""
        if self.draining:
            return DRAINING
        if not self._asking.acquire(timeout=PATIENCE_SECONDS):
            return NO_DATABASE
        try:
            now = time.monotonic()
            if self._last is None or now - self._last[0] >= KEPT_SECONDS:
                self._last = now, self._look()
            return self._last[1]
        finally:
            self._asking.release()

    def close(self) -> None:
        """Look no more."""
        self._looker.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> Obstacle | None:
        look = self._looker.submit(self._found)
        try:
            return look.result(timeout=PATIENCE_SECONDS)
        except (SQLAlchemyError, TookTooLong):
            look.cancel()
            return NO_DATABASE
        except (KeepwellError, OSError, ValueError):
            return BROKEN

    def _found(self) -> Obstacle | None:
        with self._keepwell.database.read() as conn:
            if is_newer(conn):
                return NEWER
            if standing(self._keepwell, conn) == "lost":
                return LOST
            return self._without_model(conn)

    def _without_model(self, conn: Connection) -> Obstacle | None:
        """Every target with an approved model must have one that answers; one at least there is."""
        now, approved = self._clock(), 0
        first = next(iter(sorted(self._keepwell.targets)), "churn")
        for name in sorted(self._keepwell.targets):
            approval = champion(conn, name, now=now)
            if approval is None:
                continue
            approved += 1
            if not self._champions.can_answer(conn, name, now=now):
                return Obstacle(
                    "model_damaged",
                    f"the model approved for {name} cannot be loaded",
                    f"restore var/bundles from a backup, or: keepwell train {name}",
                )
        if approved:
            return None
        return Obstacle(
            "no_model",
            "no model is approved, so nothing can be scored; events and permissions are taken",
            f"keepwell train {first}, then keepwell review approve {first}",
        )
