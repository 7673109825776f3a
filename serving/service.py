"""The BentoML service: `bentoml serve serving.service:KeepwellService`, or `keepwell serve`.

BentoML owns the life of the service and its packaging. Our own application answers every request:
BentoML's metrics (labelled with raw paths, so with customers' ids), its access log, tracing and
pages are off or out of reach. This module is light: what it starts is imported by the worker.
"""

import os
from pathlib import Path
from typing import Any, cast

import bentoml

WORKERS = int(os.environ.get("KEEPWELL_WORKERS", "1"))
_LONGEST_S = 10  # BentoML keeps the state of each request for so long; `keepwell serve` is without
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # one request, one core; read when the libraries load


class Entrance:
    """What BentoML builds before the worker has started: the real entrance comes with use."""

    def __init__(self, app: Any) -> None:
        self.outer = app
        self.inner: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self.outer(scope, receive, send)
            return
        if self.inner is None:
            from serving.front import FRONT

            self.inner = FRONT.entrance(self.outer)
        await self.inner(scope, receive, send)


@bentoml.service(
    name="keepwell",
    workers=WORKERS,
    traffic={"timeout": _LONGEST_S},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
class KeepwellService:
    """Scores, events, permissions and rights of one home."""

    def __init__(self) -> None:
        from serving.caches import place_caches
        from training.lightgbm_alone import import_alone

        home = Path(os.environ.get("KEEPWELL_HOME", "."))
        place_caches(home.resolve())
        import_alone()
        from serving.front import FRONT

        shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")  # BentoML's, of all its workers
        FRONT.open(
            home,
            worker=max((bentoml.server_context.worker_index or 1) - 1, 0),
            counts=None if shared is None else Path(shared),
        )

    def __is_ready__(self) -> bool:
        from serving.front import FRONT

        return FRONT.ready()

    @bentoml.on_shutdown
    def close(self) -> None:
        """Let go of the database."""
        from serving.front import FRONT

        FRONT.close()


cast(Any, KeepwellService).add_asgi_middleware(Entrance)  # the decorator made it one
