"""What readings of well-being are worth, remembered for hours, while nobody took back their part.

Learning it takes seconds at a company's size, and it is the same for everyone looked at: it is
done beside the requests, in one thread. It lies in this process's memory alone, and is learned
again as soon as one of the people it was learned from has said another word about it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

from features.wellbeing.scheme import Scheme
from governance.consent.registry import ConsentRegistry
from governance.errors import InsufficientData
from governance.proof import Permit

if TYPE_CHECKING:  # what learns it brings in more than a worker should begin with
    from features.wellbeing.noise import Noise

KEPT = timedelta(hours=6)
PATIENCE_SECONDS = 3.0


class StillLearning(InsufficientData):
    """It is not known yet what readings are worth; it will be in some seconds."""

    code = "still_learning"


class Learned(NamedTuple):
    """What was learned under a scheme, and the permit over those from whom."""

    scheme: Scheme
    noise: "Noise"
    permit: Permit


Learn = Callable[[], Learned]


class NoiseMemory:
    """Remembers what was learned for one home; share one per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._future: Future[Learned] | None = None

    @property
    def begun(self) -> bool:
        """Whether anything was learned or is being learned."""
        return self._future is not None

    def begin(self, learn: Learn, scheme: Scheme, *, now: datetime) -> "Future[Learned]":
        """Learn beside the requests, unless that is under way or was done under this scheme."""
        with self._lock:
            if self._future is None or not _holds(self._future, scheme, now):
                self._future = Future()
                threading.Thread(
                    target=_work, args=(learn, self._future), name="noise", daemon=True
                ).start()
            return self._future

    def of(
        self,
        registry: ConsentRegistry,
        conn: Connection,
        learn: Learn,
        scheme: Scheme,
        *,
        now: datetime,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> "Noise":
        """Give what was learned; raises `StillLearning` where that takes longer than patience."""
        for _ in range(2):
            found = self.begin(learn, scheme, now=now)
            try:
                learned = found.result(patience_seconds)
            except TimeoutError:
                break
            if not registry.changed_since(conn, learned.permit):
                return learned.noise
            self._forget(found)
        raise StillLearning(
            "it is still being learned what answers are worth", hint="look again in some seconds"
        )

    def _forget(self, found: "Future[Learned]") -> None:
        with self._lock:
            if self._future is found:
                self._future = None


def _work(learn: Learn, promise: "Future[Learned]") -> None:
    try:
        promise.set_result(learn())
    except BaseException as error:  # noqa: BLE001 - whoever waits is told
        promise.set_exception(error)


def _holds(found: "Future[Learned]", scheme: Scheme, now: datetime) -> bool:
    if not found.done():
        return True
    if found.exception() is not None:
        return False
    learned = found.result()
    return learned.scheme == scheme and now - learned.permit.judged_at < KEPT
