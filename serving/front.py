"""What one worker process serves: opened once when the worker starts, closed when it ends."""

import gc
import threading
from datetime import UTC, datetime
from pathlib import Path

from serving.bootstrap import Keepwell, open_home
from serving.courier import Courier, Keeper, start_courier
from serving.http.api import create_app
from serving.http.door import App, Door
from serving.http.limits import Shape
from serving.http.metrics import Metrics
from serving.http.probes import Probes
from serving.http.rates import Rates
from serving.http.requests import Requests
from serving.http.worker_counts import WorkerCounts
from serving.logs import LOST_RATHER_THAN_RAISED, log_to_stderr, take_over_others
from serving.model_watch import ModelWatch
from serving.readiness import Readiness
from serving.rights.acts import settle
from serving.scoring.scorer import Scorer


class Front:
    """The opened home with its application and everything that runs beside the requests."""

    def __init__(self) -> None:
        self._opened: tuple[Keepwell, App, Metrics, Readiness] | None = None
        self._beside: list[Courier | Keeper | ModelWatch | WorkerCounts] = []
        self._opening = threading.Lock()

    @property
    def keepwell(self) -> Keepwell:
        """The home; raises `RuntimeError` before it is opened."""
        return self._required()[0]

    def open(self, root: Path, *, worker: int = 0, counts: Path | None = None) -> None:
        """Open the home at `root`, load its models and settle the memory; once.

        The first `worker` looks after the home beside its requests. `counts` is where several
        workers leave what they counted.
        """
        with self._opening:
            if self._opened is not None:
                return
            log_to_stderr()
            take_over_others()
            keepwell = open_home(root)
            settle(keepwell, now=_now())
            scorer = Scorer(keepwell, clock=_now)
            scorer.warm()
            champions = scorer.champions
            readiness = Readiness(keepwell, champions, clock=_now)
            app = create_app(keepwell, scorer, clock=_now)
            metrics: Metrics = app.state.metrics
            self._opened = keepwell, app, metrics, readiness

            def failed(job: str) -> None:
                metrics.meter.count("keepwell_background_failures_total", [job])

            self._start(metrics.join(worker, counts))
            self._start(ModelWatch(keepwell, champions, clock=_now))
            if worker == 0:
                self._start(Keeper(keepwell, clock=_now, failed=failed))
            courier = start_courier(keepwell, clock=_now, failed=failed)
            if courier is not None:
                self._beside.append(courier)
            gc.collect()
            gc.freeze()  # what serves for the life of the process is not looked at again
            gc.set_threshold(50_000, 50, 100)

    def entrance(self, outer: App) -> App:
        """Stand before `outer`, which is BentoML's, with the limits of the home's settings."""
        keepwell, app, metrics, readiness = self._required()
        limits, service = keepwell.settings.limits, keepwell.settings.service
        door = Door(
            Probes(outer, readiness=readiness),
            inner=app,
            body_bytes=limits.body_bytes,
            concurrency=limits.concurrency,
            shape=Shape.stated(limits),
            rates=Rates.stated(limits),
        )
        metrics.in_progress = lambda: door.inside
        metrics.ready = lambda: readiness.obstacle() is None
        return Requests(
            door,
            meter=metrics.meter,
            draining=lambda: readiness.draining,
            access_log=LOST_RATHER_THAN_RAISED.write if service.access_log else None,
        )

    def ready(self) -> bool:
        """Whether this worker can do what it is there for."""
        return self._required()[3].obstacle() is None

    def drain(self) -> None:
        """Say from now on that this worker is about to end."""
        self._required()[3].draining = True

    def close(self) -> None:
        """Let the courier finish its message and return the database connections."""
        for each in self._beside:
            each.stop()
        if self._opened is not None:
            self._opened[3].close()
            self._opened[0].close()

    def _start(self, thread: Keeper | ModelWatch | WorkerCounts) -> None:
        thread.start()
        self._beside.append(thread)

    def _required(self) -> tuple[Keepwell, App, Metrics, Readiness]:
        if self._opened is None:
            raise RuntimeError("the worker has not started yet")
        return self._opened


FRONT = Front()


def _now() -> datetime:
    return datetime.now(UTC)
