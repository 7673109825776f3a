"""How long each page of staff takes at a company's size: `python -m benchmarks.pages`.

Makes a demo home of `--customers` people in a temporary directory (or uses a copy of `--home`),
takes the dashboard's figures, serves it with one worker, logs in as a person does, and asks for
every page round after round, each beside the least page there is (the login, which reads nothing)
within the same round. Prints the median and the 95th percentile of the time to the last byte, the
ratio to the least page with its 95 % interval, and the size. The bar is 100 ms and 300 kB.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import httpx
import numpy as np

ROOT = Path(__file__).parents[1]
KEEPWELL = [sys.executable, "-c", "from serving.cli import main; main()"]
SCOPES = (
    "score:read", "consent:read", "intervention:read", "intervention:approve", "outcomes:read",
    "feedback:write", "audit:sign", "rights:manage", "admin",
)  # fmt: skip
LEAST = "/staff/login"
START = (
    "/", "/staff", "/staff/dashboard/executive", "/staff/dashboard/operational",
    "/staff/dashboard/research", "/staff/customers", "/staff/approvals", "/staff/experiments",
    "/staff/feedback", "/staff/journey", "/staff/review",
)  # fmt: skip
"""Pages that are asked for by name; one page of each kind that they lead to is added."""
MORE = ("/staff/figures", "/staff/decisions", "/staff/review/models", "/staff/review/complaints")
"""Parts whose pages differ from those above; what follows in an address is an id."""
BAR_MS, BAR_KB = 100.0, 300.0
_LINK = re.compile(r'(?:href|src)="(/staff/[^"#]+)"')
_WORDS = frozenset(step for path in (*START, *MORE) for step in path.split("/"))


class Timed(NamedTuple):
    """One page: seconds of each round, of the least page in the same rounds, and its bytes."""

    path: str
    seconds: np.ndarray
    least: np.ndarray
    size: int


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--customers", type=int, default=10_000)
    asked.add_argument("--rounds", type=int, default=20)
    asked.add_argument("--home", type=Path, help="a demo home made before; a copy of it is served")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="keepwell-pages-") as folder:
        home = Path(folder) / "home"
        if given.home is None:
            _run(home, "demo", "--customers", str(given.customers), "--seed", "1", "--no-serve")
        else:
            shutil.copytree(given.home, home)
        _run(home, "outcomes", "dashboard")
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        made = _run(home, "keys", "create", "--owner", "benchmark", *scopes)
        key = re.findall(r"kw_\w+_[\w-]+", made)[0]
        with served(home) as browser:
            browser.post("/staff/login", data={"key": key})
            paths = [*START, *_found(browser)]
            timed = [_time(browser, path, given.rounds) for path in paths]
    _print(timed)


@contextmanager
def served(home: Path) -> Iterator[httpx.Client]:
    """Serve a home with one worker and give a browser without cookies yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [*KEEPWELL, "--home", str(home), "serve", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "BENTOML_DO_NOT_TRACK": "true"},
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as browser:
            deadline = time.monotonic() + 180
            while not _ready(browser):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the service did not start")
                time.sleep(0.2)
            yield browser
    finally:
        process.terminate()
        process.wait(timeout=60)


def _ready(browser: httpx.Client) -> bool:
    try:
        return browser.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _found(browser: httpx.Client) -> list[str]:
    """Give one address of each kind that the pages lead to: a customer, a picture, a file."""
    known: dict[str, str] = {_kind(path): path for path in START}
    waiting = list(START)
    while waiting:
        answer = browser.get(waiting.pop(0))
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        for link in _LINK.findall(answer.text):
            path = link.replace("&amp;", "&")
            if _kind(path) not in known:
                known[_kind(path)] = path
                waiting.append(path)
    return [path for path in known.values() if path not in START]


def _kind(path: str) -> str:
    """Give an address with its ids and filters taken out."""
    steps = path.partition("?")[0].strip("/").split("/")
    return "/".join(step if step in _WORDS else f"…{Path(step).suffix}" for step in steps)


def _time(browser: httpx.Client, path: str, rounds: int) -> Timed:
    browser.get(path)  # the first time, a picture loads what draws it
    own, least = np.empty(rounds), np.empty(rounds)
    size = 0
    for k in range(rounds):
        least[k] = _seconds(browser, LEAST)[0]
        own[k], size = _seconds(browser, path)
    return Timed(path, own, least, size)


def _seconds(browser: httpx.Client, path: str) -> tuple[float, int]:
    begun = time.perf_counter()
    answer = browser.get(path)
    spent = time.perf_counter() - begun
    if answer.status_code not in (200, 303, 307):
        raise SystemExit(f"{path} answered {answer.status_code}")
    return spent, len(answer.content)


def _run(home: Path, *words: str) -> str:
    done = subprocess.run(
        [*KEEPWELL, "--home", str(home), *words], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def _print(timed: list[Timed]) -> None:
    rng = np.random.default_rng(1)
    print(f"{'page':60} {'p50 ms':>8} {'p95 ms':>8} {'ratio to login':>22} {'kB':>7}")
    for each in timed:
        ratios = np.median(each.seconds) / np.median(each.least)
        drawn = rng.integers(0, len(each.least), (1_000, len(each.least)))
        spread = np.median(each.seconds[drawn], axis=1) / np.median(each.least[drawn], axis=1)
        low, high = np.quantile(spread, (0.025, 0.975))
        p50, p95 = 1000 * np.quantile(each.seconds, (0.5, 0.95))
        size = each.size / 1000
        over = " over the bar" if p50 > BAR_MS or size > BAR_KB else ""
        between = f"{ratios:.1f} [{low:.1f}, {high:.1f}]"
        name = quote(_kind(each.path), safe="/….")
        print(f"{name[:60]:60} {p50:8.1f} {p95:8.1f} {between:>22} {size:7.1f}{over}")


if __name__ == "__main__":
    main()
