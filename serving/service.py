"""The BentoML service: `bentoml serve serving.service:KeepwellService`, or `keepwell serve`.

BentoML runs the processes and answers the probes; `Door` takes every other request to our own
application. Its metrics (labelled with raw paths, so with customers' ids), its access log, tracing
and pages are off or out of reach.
"""

import gc
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import bentoml

from serving.bootstrap import Keepwell, open_home
from serving.courier import Courier, Keeper, start_courier
from serving.http.api import create_app
from serving.http.door import App, Door, Receive, Scope, Send
from serving.logs import log_to_stderr
from serving.rights.acts import settle
from serving.scoring.scorer import Scorer

WORKERS = int(os.environ.get("KEEPWELL_WORKERS", "1"))


class Front:
    """What one worker process serves: opened once, when the worker starts."""

    def __init__(self) -> None:
        self._opened: tuple[Keepwell, App] | None = None
        self._courier: Courier | None = None
        self._keeper: Keeper | None = None
        self._opening = threading.Lock()

    def open(self) -> None:
        """Open the home named by `KEEPWELL_HOME`, load its models and settle the memory."""
        with self._opening:
            if self._opened is not None:
                return
            log_to_stderr()
            keepwell = open_home(Path(os.environ.get("KEEPWELL_HOME", ".")))
            settle(keepwell, now=_now())
            scorer = Scorer(keepwell, clock=_now)
            scorer.warm()
            self._opened = keepwell, create_app(keepwell, scorer, clock=_now)
            self._courier = start_courier(keepwell, clock=_now)
            self._keeper = Keeper(keepwell, clock=_now)
            self._keeper.start()
            gc.collect()
            gc.freeze()  # what serves for the life of the process is not looked at again
            gc.set_threshold(50_000, 50, 100)

    def door(self, outer: App) -> App:
        """Stand before `outer`, with the limits of the home's settings."""
        keepwell, app = self._required()
        limits = keepwell.settings.limits
        return Door(outer, inner=app, body_bytes=limits.body_bytes, concurrency=limits.concurrency)

    def ready(self) -> bool:
        """Whether the database answers."""
        keepwell, _ = self._required()
        with keepwell.database.read() as conn:
            conn.exec_driver_sql("SELECT 1")
        return True

    def close(self) -> None:
        """Let the courier finish its message and return the database connections."""
        for background in (self._courier, self._keeper):
            if background is not None:
                background.stop()
        if self._opened is not None:
            self._opened[0].close()

    def _required(self) -> tuple[Keepwell, App]:
        if self._opened is None:
            raise RuntimeError("the worker has not started yet")
        return self._opened


class _DoorOf:
    """The middleware BentoML builds before the worker has started: its `Door` comes with use."""

    def __init__(self, app: App, *, front: Front) -> None:
        self.outer = app
        self.front = front
        self.door: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self.outer(scope, receive, send)
            return
        if self.door is None:
            self.door = self.front.door(self.outer)
        await self.door(scope, receive, send)


FRONT = Front()


@bentoml.service(
    name="keepwell",
    workers=WORKERS,
    traffic={"timeout": 30},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
class KeepwellService:
    """Scores, events, permissions and rights of one home."""

    def __init__(self) -> None:
        FRONT.open()

    def __is_ready__(self) -> bool:
        return FRONT.ready()

    @bentoml.on_shutdown
    def close(self) -> None:
        """Let go of the database."""
        FRONT.close()


cast(Any, KeepwellService).add_asgi_middleware(_DoorOf, front=FRONT)  # the decorator made it one


def _now() -> datetime:
    return datetime.now(UTC)
