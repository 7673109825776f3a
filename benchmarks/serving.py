"""`POST /v1/scores` beside a bare endpoint: `python -m benchmarks.serving [--requests 300]`.

Makes a demo home in a temporary directory and serves it with `keepwell serve`. Beside it runs the
least one could do: uvicorn and FastAPI around `predict` and `pred_contrib` of the same bundle's
LightGBM text, for a row of numbers the caller already has. Requests alternate over loopback, one at
a time, each service over one kept connection. Ours looks at the key, asks for permission, reads the
history, computes the features, blends, calibrates, says why, and commits the decision with its
entry in the signed log; the ratio is what all of that costs.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--customers", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        keepwell(home, "demo", "--customers", str(given.customers), "--no-serve")
        key = keepwell(home, "keys", "create", "--scope", "score:read")["key"]
        people = scored_people(home)
        bundle = max((home / "var" / "bundles").iterdir(), key=lambda path: path.stat().st_mtime)
        width = len(json.loads((bundle / "manifest.json").read_text())["features"])
        ours_port, bare_port = free_port(), free_port()
        serve = [*KEEPWELL, "--home", str(home), "serve", "--port", str(ours_port)]
        bare = [sys.executable, "-c", BARE, str(bundle / "lightgbm.txt"), str(bare_port)]
        with (
            running(serve, ours_port, "/readyz", {"Authorization": f"Bearer {key}"}) as ours,
            running(bare, bare_port, "/openapi.json", {}) as plain,
        ):
            compare(ours, plain, people, width, given.requests)


def compare(
    ours: httpx.Client, plain: httpx.Client, people: list[str], width: int, requests: int
) -> None:
    """Ask both in turn, after a few calls to warm up, and print what they took."""
    rows = np.random.default_rng(0).normal(size=(requests + 20, width)).tolist()
    taken: dict[str, list[float]] = {"keepwell": [], "bare": []}
    for number, row in enumerate(rows):
        asked = {"inputs": [{"customer_id": people[number % len(people)]}]}
        for name, client, path, body in (
            ("keepwell", ours, "/v1/scores", asked),
            ("bare", plain, "/score", {"values": row}),
        ):
            start = time.perf_counter()
            answer = client.post(path, json=body)
            seconds = time.perf_counter() - start
            answer.raise_for_status()
            if name == "keepwell":
                assert answer.json()["results"][0]["status"] == "scored"
            if number >= 20:
                taken[name].append(1e3 * seconds)
    at = {name: np.quantile(each, [0.5, 0.99]) for name, each in taken.items()}
    for name, (median, slow) in at.items():
        print(f"{name:10} p50 {median:6.2f} ms   p99 {slow:6.2f} ms   ({requests} requests)")
    ratio = at["keepwell"] / at["bare"]
    print(f"{'ratio':10} p50 {ratio[0]:6.2f}      p99 {ratio[1]:6.2f}")


def keepwell(home: Path, *words: str) -> Any:
    """Run a command of ours and give its JSON."""
    command = [*KEEPWELL, "--home", str(home), "--json", *words]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def scored_people(home: Path) -> list[str]:
    """Give customers who permit scoring and can be scored, as the batch of the demo found them."""
    import pyarrow.parquet as pq

    table = pq.read_table(home / "var" / "scores.parquet").to_pylist()
    return [row["customer_id"] for row in table if row.get("probability") is not None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str], port: int, ready: str, headers: dict[str, str]
) -> Iterator[httpx.Client]:
    """Run a service until the block is left; gives a client once it answers."""
    environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "true"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            for _ in range(300):
                try:
                    if client.get(ready).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.2)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    main()
