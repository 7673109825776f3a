"""What readings of well-being are worth, remembered for minutes, while nobody took back their part.

Learning it takes seconds at a company's size, and it is the same for everyone looked at. It lies in
this process's memory alone, and is learned again as soon as one of the people it was learned from
has said another word about it.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from features.wellbeing.noise import Noise
from features.wellbeing.scheme import Scheme
from governance.consent.registry import ConsentRegistry
from governance.proof import Permit

KEPT = timedelta(minutes=10)


class Learned(NamedTuple):
    """What was learned, and the permit over those from whom."""

    noise: Noise
    permit: Permit


class NoiseMemory:
    """Remembers what was learned for one home; share one per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[Scheme, Learned] | None = None

    def of(
        self,
        registry: ConsentRegistry,
        conn: Connection,
        scheme: Scheme,
        learn: Callable[[], Learned],
        *,
        now: datetime,
    ) -> Noise:
        """Give what was learned under this scheme, or learn it; one at a time."""
        with self._lock:
            if self._kept is not None:
                kept_scheme, kept = self._kept
                fresh = now - kept.permit.judged_at < KEPT and kept_scheme == scheme
                if fresh and not registry.changed_since(conn, kept.permit):
                    return kept.noise
            self._kept = None
            learned = learn()
            self._kept = scheme, learned
            return learned.noise
