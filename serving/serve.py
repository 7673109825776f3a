"""Starts the service of a home: this process becomes BentoML's."""

import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from governance.errors import InvalidInput
from serving.home import Home

_CHECKOUT = Path(__file__).parents[1]


def serve(home: Home, *, host: str = "127.0.0.1", port: int = 3000, workers: int = 1) -> NoReturn:
    """Become the service of `home` on `host:port` with `workers` worker processes.

    Does not return: signals reach the service itself. Raises `InvalidInput` when the port is in
    use. The caller has closed its database before.
    """
    _require_free(host, port)
    environment = {
        **os.environ,
        "KEEPWELL_HOME": str(home.root),
        "KEEPWELL_WORKERS": str(workers),
        "BENTOML_HOME": str(home.var / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "true",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "bentoml", "serve", "serving.service:KeepwellService"]
    command += ["--working-dir", str(_CHECKOUT), "--host", host, "--port", str(port)]
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own interpreter, no shell


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidInput(
                f"cannot listen on {host}:{port}: {error.strerror}",
                hint="choose another with --port, or stop what is listening there",
            ) from None
