"""Carries due messages out while the service runs; any number of workers may have one."""

import random
import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from governance.errors import KeepwellError
from serving.bootstrap import Keepwell
from serving.interventions.desk import desk_of
from serving.interventions.dispatch import dispatch, http_client
from serving.interventions.webhook import Endpoint

PAUSE_SECONDS = 2.0
_AT_ONCE = 100

log = structlog.get_logger("keepwell.courier")


class Courier(threading.Thread):
    """Looks every two seconds for messages that are due and sends them, one after another."""

    def __init__(
        self, keepwell: Keepwell, endpoint: Endpoint, *, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(name="courier", daemon=True)
        self._desk = desk_of(keepwell)
        self._endpoint = endpoint
        self._clock = clock
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send until stopped; what goes wrong is logged by its kind and tried again later."""
        with http_client() as client:
            rng = random.Random()  # noqa: S311 - spreads retries, guards nothing
            while not self._stopped.wait(PAUSE_SECONDS):
                try:
                    dispatch(
                        self._desk,
                        self._endpoint,
                        client,
                        clock=self._clock,
                        rng=rng,
                        limit=_AT_ONCE,
                    )
                except KeepwellError as error:
                    log.error("sending failed", code=error.code, message=error.message)
                except Exception as error:  # noqa: BLE001 - a courier must not die of one bad day
                    log.error("sending failed", kind=type(error).__name__)

    def stop(self) -> None:
        """Finish the message at hand and end."""
        self._stopped.set()
        self.join(timeout=self._endpoint.timeout_s + 5)


def start_courier(keepwell: Keepwell, *, clock: Callable[[], datetime]) -> Courier | None:
    """Start sending for a home that has somewhere to send to; None otherwise.

    Demo and evaluation homes contact no one from the service.
    """
    webhook = keepwell.settings.webhook
    if webhook.url is None or keepwell.kind != "production":
        return None
    endpoint = Endpoint(webhook.url, keepwell.keys.webhook, webhook.timeout_seconds)
    courier = Courier(keepwell, endpoint, clock=clock)
    courier.start()
    return courier
