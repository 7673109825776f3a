"""A service in processes of its own, as `keepwell serve` starts it, and what tests do to it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A running service: `client` asks it, `output` holds what it wrote."""

    process: "subprocess.Popen[bytes]"
    client: httpx.Client
    port: int
    output: Path

    def workers(self) -> list[int]:
        """Give the process ids of the workers."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def metric(self, line: str) -> float:
        """Read one line of `/metrics`, named with its labels; 0 where it is not told."""
        address = f"{self.client.base_url}/metrics"
        text = httpx.get(address, headers=self.client.headers, timeout=30).text
        found = re.search(f"^{re.escape(line)} (.+)$", text, re.M)
        return float(found[1]) if found else 0.0

    def stop(self) -> int:
        """Ask it to end and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@contextmanager
def running(home: Path, key: str, output: Path, *, workers: int = 1) -> Iterator[Running]:
    """Serve the home until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    code = "from serving.cli import main; main()"
    command = [sys.executable, "-c", code, "--home", str(home), "serve", "--port", str(port)]
    with output.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--workers", str(workers)],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "BENTOML_DO_NOT_TRACK": "true"},
        )
    headers = {"Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        found = Running(process, client, port, output)
        try:
            until(lambda: _answers(client), found)
            yield found
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    process.kill()


def until(holds: Callable[[], bool], service: Running, *, seconds: float = 120) -> None:
    """Wait until something holds; fails with what the service wrote."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, service.output.read_text()
        assert service.process.poll() is None, service.output.read_text()
        time.sleep(0.05)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
