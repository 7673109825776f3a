"""`POST /v1/scores` beside what one could do with less: `python -m benchmarks.serving`.

Makes a demo home in a temporary directory and serves it with `keepwell serve`, one worker. Beside
it run the least there is, uvicorn and FastAPI around `predict` and `pred_contrib` of the same
bundle's LightGBM text for a row of numbers the caller already has, and `mlflow models serve` of
the same text (which gives no reasons). All three are loaded in turn, round after round, by a
process of its own; ratios are taken within a round.

Ours looks at the key, asks for permission, reads the history, computes the features, blends,
calibrates, says why, and commits the decision with its entry in the signed log. How long a durable
commit takes on this disk, and a bare loop of Python on this machine, is printed beside.
"""

import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np

ROOT = Path(__file__).parents[1]
KEEPWELL = [sys.executable, "-c", "from serving.cli import main; main()"]
BARE = """
import sys, lightgbm, numpy as np, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

booster = lightgbm.Booster(model_file=sys.argv[1])
app = FastAPI()

class Row(BaseModel):
    values: list[float | None]

@app.post("/score")
def score(row: Row) -> dict[str, object]:
    x = np.array([row.values], dtype=float)
    probability = booster.predict(x, num_threads=1)[0]
    contributions = booster.predict(x, pred_contrib=True, num_threads=1)[0]
    return {"probability": float(probability), "contributions": contributions.tolist()}

uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
"""
MLFLOW = """
import sys, lightgbm, mlflow
mlflow.lightgbm.save_model(lightgbm.Booster(model_file=sys.argv[1]), sys.argv[2],
                           pip_requirements=["lightgbm"])
"""
AT_ONCE = (1, 32)
RESAMPLES = 2_000


class Peer(NamedTuple):
    """A service that is loaded: where, with what, and which process to weigh."""

    name: str
    port: int
    path: str
    bodies: Path
    key: str
    process: subprocess.Popen[bytes]


class Round(NamedTuple):
    """One round of one peer: latencies (n,) in seconds, requests per second."""

    latencies: np.ndarray
    per_second: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--no-mlflow", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Path(folder)
        home = place / "home"
        keepwell(home, "demo", "--customers", str(given.customers), "--no-serve")
        print(f"a durable commit takes {1e3 * commit_seconds(home / 'var'):.2f} ms on this disk")
        bundle = serving_bundle(home)
        peers = [stack.enter_context(each) for each in services(home, place, bundle, given)]
        weigh("when ready", peers[0])
        for concurrency in AT_ONCE:
            rounds: dict[str, list[Round]] = {peer.name: [] for peer in peers}
            for _ in range(given.rounds + 1):  # the first warms up
                for peer in peers:
                    rounds[peer.name].append(load(peer, concurrency, given.seconds, place))
            report(concurrency, {name: each[1:] for name, each in rounds.items()})
        batches(peers[0], home, place, given.seconds)
        weigh("after all of it", peers[0])


def services(home: Path, place: Path, bundle: Path, given: argparse.Namespace) -> Iterator[Any]:
    """Start what is compared, ours first."""
    people = scored_people(home)
    key = keepwell(home, "keys", "create", "--scope", "score:read", "--owner", "bench")["key"]
    width = len(json.loads((bundle / "manifest.json").read_text())["features"])
    rows = np.random.default_rng(0).normal(size=(500, width)).tolist()
    asked = [{"inputs": [{"customer_id": each}], "targets": ["churn"]} for each in people]
    port = free_port()
    serve = [*KEEPWELL, "--home", str(home), "serve", "--port", str(port)]
    yield running(
        "keepwell", serve, port, "/v1/scores", "/readyz", lines(place, "ours", asked), key
    )
    port = free_port()
    bare = [sys.executable, "-c", BARE, str(bundle / "lightgbm.txt"), str(port)]
    sent = lines(place, "bare", [{"values": row} for row in rows])
    yield running("bare", bare, port, "/score", "/openapi.json", sent)
    if given.no_mlflow:
        return
    saved = place / "model"
    subprocess.run(
        [sys.executable, "-c", MLFLOW, str(bundle / "lightgbm.txt"), str(saved)], check=True
    )
    port = free_port()
    served = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(saved)]
    served += ["--env-manager", "local", "-p", str(port), "--workers", "1"]
    names = [f"Column_{k}" for k in range(width)]
    frames = [{"dataframe_split": {"columns": names, "data": [row]}} for row in rows]
    yield running("mlflow", served, port, "/invocations", "/ping", lines(place, "mlflow", frames))


def load(peer: Peer, concurrency: int, seconds: float, place: Path) -> Round:
    """Load one service from another process."""
    out = place / "latencies.npy"
    command = [sys.executable, "-m", "benchmarks.load", str(peer.port), peer.path, str(seconds)]
    command += ["--concurrency", str(concurrency), "--bodies", str(peer.bodies)]
    command += ["--key", peer.key, "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    found = json.loads(done.stdout)
    return Round(np.load(out), found["requests"] / found["seconds"])


def report(concurrency: int, rounds: dict[str, list[Round]]) -> None:
    """Print each peer's figures, and ours over theirs with a 95 % interval over the rounds."""
    print(f"\n{concurrency} at a time, {len(rounds['keepwell'])} rounds in turn")
    for name, each in rounds.items():
        middle, slow = 1e3 * np.quantile(
            np.concatenate([one.latencies for one in each]), [0.5, 0.99]
        )
        speed = np.mean([one.per_second for one in each])
        print(f"  {name:9} {speed:8.0f} per second   p50 {middle:7.2f} ms   p99 {slow:7.2f} ms")
    ours = np.array([one.per_second for one in rounds["keepwell"]])
    for name in rounds.keys() - {"keepwell"}:
        ratio = ours / np.array([one.per_second for one in rounds[name]])
        drawn = np.random.default_rng(0).choice(ratio, (RESAMPLES, len(ratio))).mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        print(f"  keepwell ÷ {name}: {ratio.mean():.2f} [{low:.2f}, {high:.2f}] of its throughput")


def batches(peer: Peer, home: Path, place: Path, seconds: float) -> None:
    """Ask for a hundred customers at a time, and print scores per second."""
    people = scored_people(home)
    hundreds = [
        {
            "inputs": [{"customer_id": each} for each in np.roll(people, k)[:100]],
            "targets": ["churn"],
        }
        for k in range(0, len(people), 37)
    ]
    asked = peer._replace(bodies=lines(place, "hundreds", hundreds))
    load(asked, 1, 2.0, place)
    before = cpu_seconds(peer.process)
    found = load(asked, 1, seconds * 2, place)
    scores = 100 * len(found.latencies)
    used = cpu_seconds(peer.process) - before
    print(
        f"\nbatches of 100: {100 * found.per_second:,.0f} scores per second, "
        f"{scores / used:,.0f} per second of one core"
    )


def commit_seconds(folder: Path) -> float:
    """Median seconds of a durable SQLite commit of one small row in `folder`."""
    path, taken = folder / "commit-bench.db", []
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=FULL")
    conn.execute("CREATE TABLE t (x)")
    for k in range(200):
        conn.execute("BEGIN IMMEDIATE")
        conn.execute("INSERT INTO t VALUES (?)", (k,))
        begun = time.perf_counter()
        conn.execute("COMMIT")
        taken.append(time.perf_counter() - begun)
    conn.close()
    for each in folder.glob("commit-bench.db*"):
        each.unlink()
    return float(np.median(taken))


def weigh(when: str, peer: Peer) -> None:
    """Print the proportional memory of every process of a service."""
    sizes = {pid: pss_mb(pid) for pid in family(peer.process.pid)}
    each = " + ".join(f"{size:.0f}" for size in sizes.values())
    print(f"\nmemory {when}: {sum(sizes.values()):.0f} MB ({each})")


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                found += family(int(child))
    return found


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor time a service has used, with its children."""
    ticks = 0
    for pid in family(process.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    """Proportional memory of a process in MB; 0 when it has ended."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    for line in told.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def keepwell(home: Path, *words: str) -> Any:
    """Run a command of ours and give its JSON."""
    command = [*KEEPWELL, "--home", str(home), "--json", *words]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def scored_people(home: Path) -> list[str]:
    """Give customers who permit scoring and can be scored, as the batch of the demo found them."""
    import pyarrow.parquet as pq

    table = pq.read_table(home / "var" / "scores.parquet").to_pylist()
    return [row["customer_id"] for row in table if row.get("probability") is not None]


def serving_bundle(home: Path) -> Path:
    """Give the bundle that serves the demo's churn target."""
    models = keepwell(home, "review", "list")
    digest = next(each["model_digest"] for each in models["models"] if each["status"] == "approved")
    return home / "var" / "bundles" / str(digest)


def lines(place: Path, name: str, documents: list[Any]) -> Path:
    """Write one JSON document per line."""
    path = place / f"{name}.jsonl"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in documents))
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    name: str,
    command: list[str],
    port: int,
    path: str,
    ready: str,
    bodies: Path,
    key: str = "none",
) -> Iterator[Peer]:
    """Run a service until the block is left; gives it once it answers."""
    environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "true", "PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}{ready}").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if process.poll() is not None or time.perf_counter() - begun > 120:
                raise SystemExit(f"{name} did not start")
            time.sleep(0.05)
        print(f"{name} was ready after {time.perf_counter() - begun:.1f} s")
        yield Peer(name, port, path, bodies, key, process)
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    main()
