"""The worker processes of the service: started from one that has loaded everything, watched, ended.

What is loaded before the split is in memory once, and a worker that dies is replaced in a moment.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

import structlog

LASTED_SECONDS = 10.0
"""A worker that ends sooner is not replaced at once: what ended it may end the next."""
LONGEST_PAUSE_SECONDS = 30.0
GRACE_SECONDS = 15.0
"""What a worker may take beyond its draining before it is killed."""
_LOOK_SECONDS = 0.5

log = structlog.get_logger("keepwell.workers")

Work = Callable[[int, int], None]
"""What one worker does: its number, and a descriptor that ends when the first process does."""


class Workers:
    """Keeps `number` processes at `work` until a signal asks to stop.

    `drain_seconds` is how long each may take to finish then. `listener` is closed here at that
    moment, so that the last worker to stop accepting is the last to hold it.
    """

    def __init__(
        self, work: Work, *, number: int, listener: socket.socket, drain_seconds: float
    ) -> None:
        self._work = work
        self._number = number
        self._listener = listener
        self._patience = drain_seconds + GRACE_SECONDS
        self._running: dict[int, tuple[int, float]] = {}  # pid: worker, started
        self._due: dict[int, float] = dict.fromkeys(range(number), 0.0)  # worker: start then
        self._ends: dict[int, int] = {}
        self._stopping = False
        self._alive, self._held = os.pipe()
        self._woken, self._wake = socket.socketpair()

    def run(self) -> None:
        """Start the workers, replace those that die, and end them all when asked to."""
        for end in (self._woken, self._wake):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, _nothing)
        while not self._stopping:
            self._start_due()
            self._wait(_LOOK_SECONDS)
            self._reap()
        self._listener.close()
        self._end()

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True

    def _wait(self, seconds: float) -> None:
        ready, _, _ = select.select([self._woken], [], [], seconds)
        if ready:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)

    def _start_due(self) -> None:
        now = time.monotonic()
        for worker in [each for each, at in self._due.items() if at <= now]:
            del self._due[worker]
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if pid == 0:
                self._become(worker)
            self._running[pid] = worker, now

    def _become(self, worker: int) -> None:
        """Be a worker to the end of this process."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            self._woken.close()
            self._wake.close()
            os.close(self._held)
            self._work(worker, self._alive)
            code = 0
        except BaseException as error:  # noqa: BLE001 - this process has nobody else to tell
            told = getattr(error, "message", "")  # our own errors alone have one
            log.error("a worker failed", worker=worker, kind=type(error).__name__, message=told)
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid not in self._running:
                continue
            worker, started = self._running.pop(pid)
            if self._stopping:
                continue
            now = time.monotonic()
            lasted = now - started >= LASTED_SECONDS
            self._ends[worker] = 0 if lasted else self._ends.get(worker, 0) + 1
            pause = 0.0 if lasted else min(LONGEST_PAUSE_SECONDS, 2.0 ** self._ends[worker] / 2)
            self._due[worker] = now + pause
            code = os.waitstatus_to_exitcode(status)
            log.error("a worker ended", worker=worker, code=code, again_in_seconds=pause)

    def _end(self) -> None:
        deadline = time.monotonic() + self._patience
        self._send(signal.SIGTERM)
        while self._running and time.monotonic() < deadline:
            self._wait(_LOOK_SECONDS)
            self._reap()
        if self._running:
            log.error("workers did not end in time", workers=len(self._running))
            self._send(signal.SIGKILL)
            for pid in list(self._running):
                os.waitpid(pid, 0)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _nothing(_: int, __: FrameType | None) -> None:
    """Have the wake-up descriptor written when a worker ends."""
