"""One worker process: uvicorn around our application, ended without breaking off an answer."""

import asyncio
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any, cast

import uvicorn

from serving.front import FRONT
from serving.http.protocol import BoundedHead
from serving.logs_allowed import quiet_hooks
from serving.service import KeepwellService

_QUIET_SECONDS = 0.5
"""How long an accepted connection may take to send its first request once nobody is let in."""
_LOOK_SECONDS = 0.02


class Server(uvicorn.Server):
    """Ends in order: says so, lets nobody in, answers whoever is in, then closes."""

    def __init__(self, config: uvicorn.Config, *, drain_seconds: float, notice: float) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._notice = notice

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was accepted, within the time given, then close."""
        FRONT.drain()
        await asyncio.sleep(self._notice)
        waiting = [each.dup() for each in sockets or ()]
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        for each in waiting:
            await self._let_in(each)
        deadline = time.monotonic() + self._drain_seconds
        busy_at = time.monotonic()
        while self.server_state.connections and (now := time.monotonic()) < deadline:
            if self.server_state.tasks:
                busy_at = now
            elif now - busy_at >= _QUIET_SECONDS:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        left = max(deadline - time.monotonic(), 0.0)
        self.config.timeout_graceful_shutdown = int(left) + 1
        await super().shutdown()

    async def _let_in(self, listener: socket.socket) -> None:
        """Take those whom the system let in already: they would be cut off when it closes."""
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = cast(Any, self.config.http_protocol_class)(
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )
            return made

        listener.setblocking(False)
        with listener:
            while True:
                try:
                    accepted, _ = listener.accept()
                except BlockingIOError:
                    return
                await loop.connect_accepted_socket(protocol, accepted)


def work(root: Path, listener: socket.socket, *, worker: int, alive: int, counts: Path) -> None:
    """Serve the home at `root` until told to stop, or until the first process is gone.

    `alive` is a descriptor that ends with the first process; `counts` a folder of the service.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_early)  # uvicorn puts its own in their place
    quiet_hooks()
    FRONT.open(root, worker=worker, counts=counts)
    settings = FRONT.keepwell.settings.service
    config = uvicorn.Config(
        FRONT.entrance(cast(Any, KeepwellService).to_asgi()),
        loop="uvloop",
        http=BoundedHead,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
        lifespan="on",
        timeout_keep_alive=settings.keep_alive_seconds,
    )
    server = Server(
        config, drain_seconds=settings.drain_seconds, notice=settings.drain_notice_seconds
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.get_loop().add_reader(alive, _orphaned, server, runner.get_loop(), alive)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stopped_already)
        runner.run(server.serve(sockets=[listener]))


def _stop_early(_: int, __: Any) -> None:
    os._exit(0)


def _stopped_already(_: int, __: Any) -> None:
    """Take the signal that uvicorn raises once more after it ended for it."""


def _orphaned(server: Server, loop: asyncio.AbstractEventLoop, alive: int) -> None:
    loop.remove_reader(alive)
    server.should_exit = True
