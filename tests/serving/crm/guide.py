"""Runs the shell blocks of a document in order, as somebody would paste them.

An interpreter that has imported everything once stands by and forks for each `keepwell` command, so
that a guide of twenty commands takes seconds and not minutes. The commands themselves are the real
ones, with the words that are shown.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[3]
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def sections(document: Path) -> list[tuple[str, list[str]]]:
    """Give (heading, blocks) of a document, in order; what comes before has no heading."""
    parts = re.split(r"^## (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    headings, texts = ["", *parts[1::2]], parts[0::2]
    return [(heading, _BLOCK.findall(text)) for heading, text in zip(headings, texts, strict=True)]


def free_port() -> int:
    """Give a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def checkout(folder: Path) -> Iterator[Path]:
    """Give a directory that looks like the checkout, where `keepwell` starts at once."""
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / "examples").symlink_to(ROOT / "examples")
    address = folder / "keepwell.socket"
    shim = folder / ".venv/bin/keepwell"
    shim.write_text(f"#!{sys.executable} -IS\n{_SHIM.format(address=str(address))}")
    shim.chmod(0o755)
    for name in ("openapi-python-client", "ruff"):
        (folder / ".venv/bin" / name).symlink_to(Path(sys.executable).parent / name)
    (folder / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / ".venv/bin/python").chmod(0o755)
    standing_by = subprocess.Popen(
        [sys.executable, __file__, str(address)], cwd=ROOT, start_new_session=True
    )
    try:
        yield folder
    finally:
        _end(standing_by)


def run(script: str, folder: Path, *, seconds: float) -> str:
    """Run a script, end whatever it started, and give what it said."""
    output = folder / "said.txt"
    with output.open("wb") as said:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "BENTOML_DO_NOT_TRACK": "true"},
        )
        try:
            process.wait(timeout=seconds)
        finally:
            _end(process)
    text = output.read_text()
    assert process.returncode == 0, text
    return text


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything in its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


_SHIM = """
import array, json, os, socket, sys, time
for _ in range(3000):
    try:
        home = socket.socket(socket.AF_UNIX)
        home.connect({address!r})
        break
    except OSError:
        home.close()
        time.sleep(0.1)
told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
fds = array.array("i", [0, 1, 2])
home.sendmsg([len(told).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
home.sendall(told)
sys.exit(home.recv(1)[0])
"""


def _stand_by(address: str) -> None:
    """Import everything, then fork for each command that comes."""
    import serving.cli
    import serving.cli.console
    import serving.rights.acts
    import serving.scoring.batch  # noqa: F401

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    while True:
        caller, _ = listening.accept()
        if os.fork() == 0:
            _become(caller)
        caller.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _become(caller: socket.socket) -> None:
    """Be the command: its words, place, environment and files; the caller waits for the code."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    length, fds, _, _ = socket.recv_fds(caller, 4, 3)
    told = b""
    while len(told) < int.from_bytes(length, "big"):
        told += caller.recv(1 << 16)
    words, place, environment = json.loads(told)
    watcher = os.fork()
    if watcher:
        _, status = os.waitpid(watcher, 0)
        caller.send(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))
        os._exit(0)
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
    os.chdir(place)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["keepwell", *words]
    from serving.cli import main

    main()


if __name__ == "__main__":
    _stand_by(sys.argv[1])
