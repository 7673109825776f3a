"""Starts the service of a home: this process loads everything, then watches over its workers."""

import ctypes
import gc
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from governance.errors import InvalidInput
from serving.home import Home

_ARENAS = -8  # M_ARENA_MAX of glibc's mallopt
_MODULES = (
    "_bentoml_impl.server.app",
    "httptools",
    "uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "features.kernel",
    "serving.worker",
)


def be_frugal() -> None:
    """Have numeric libraries use one thread each; call it before any of them is loaded."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        ctypes.CDLL(None).mallopt(_ARENAS, 2)
    except (AttributeError, OSError):
        return  # not glibc: its own allocator has to do


def serve(
    home: Home,
    *,
    host: str = "127.0.0.1",
    port: int = 3000,
    workers: int = 1,
    listening: Callable[[], None] = lambda: None,
) -> None:
    """Serve `home` on `host:port` with `workers` worker processes until a signal asks to stop.

    `listening` is called once the port is this process's. Raises `InvalidInput` when it is in use.
    The caller has closed its database before.
    """
    listener = _listen(host, port)
    listening()
    os.environ["KEEPWELL_HOME"] = str(home.root)
    os.environ["BENTOML_HOME"] = str(home.var / "bentoml")
    os.environ["BENTOML_DO_NOT_TRACK"] = "true"
    load()
    from serving.settings import load_settings
    from serving.worker import work
    from serving.workers import Workers

    stated = load_settings(home.settings_file).service
    root = Path(home.root)
    with tempfile.TemporaryDirectory(prefix="keepwell-serve-") as counts:
        Workers(
            lambda worker, alive: work(
                root, listener, worker=worker, alive=alive, counts=Path(counts)
            ),
            number=workers,
            listener=listener,
            drain_seconds=stated.drain_seconds + stated.drain_notice_seconds,
        ).run()
        gc.unfreeze()  # or the native modules complain of what they find at the end


def become(root: Path, *, port: int) -> NoReturn:
    """Serve the home at `root` from a fresh process in the place of this one.

    For a process that has worked before: its threads would not survive the start of workers.
    """
    command = [sys.executable, "-c", "from serving.cli import main; main()"]
    command += ["--home", str(root), "serve", "--port", str(port)]
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, no shell


def load() -> None:
    """Import what every worker needs, once, and leave the collector nothing to look at in it."""
    from importlib import import_module

    from training.lightgbm_alone import import_alone

    import_alone()
    for name in _MODULES:
        import_module(name)
    gc.collect()
    gc.freeze()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InvalidInput(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint="choose another with --port, or stop what is listening there",
        ) from None
    return listener
