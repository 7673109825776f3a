"""Everything at once for a while, at a bounded rate: `python -m benchmarks.soak --minutes 10`.

A home of made-up people is served by `keepwell serve`, and this process, another one, scores,
sends events, withdraws and grants, reads and exports, all mixed. Afterwards it must hold:

- nothing was answered with a 5xx, or refused for being too much;
- every event that was acknowledged is there: sent again, it is a duplicate;
- nobody was scored between the answer to a withdrawal and the sending of the next yes;
- the log is intact, and the memory of the service is as large in the last third as in the second.

With `KEEPWELL_DATABASE_URL` the home lives on PostgreSQL. Exits with 1 when anything does not hold.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.serving import (
    KEEPWELL,
    ROOT,
    family,
    free_port,
    keepwell,
    pss_mb,
    running,
    scored_people,
)

PURPOSE = "risk_scoring"
FLAT = 1.05
"""The memory of the last third over that of the second, at most."""
_PAUSE = 5.0

Weigh = Callable[[], dict[int, float]]
"""Gives the memory in MB of each process of the service."""


@dataclass
class Soak:
    """What happened: answers by kind and status, and what must never have happened."""

    seconds: float = 0.0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    withdrawals: int = 0
    scored_without_permission: int = 0
    lost: int = 0
    memory_mb: list[dict[int, float]] = field(default_factory=list)

    @property
    def failures(self) -> dict[str, int]:
        """Answers that nobody should get here, by kind and status."""
        return {
            f"{kind} {status}": n
            for (kind, status), n in sorted(self.statuses.items())
            if status >= 500 or status == 429
        }

    @property
    def lasting_mb(self) -> dict[int, list[float]]:
        """Memory over time of each process that was there from the first look to the last."""
        lasting = set.intersection(*map(set, self.memory_mb)) if self.memory_mb else set()
        return {pid: [each[pid] for each in self.memory_mb] for pid in sorted(lasting)}

    @property
    def growth(self) -> float:
        """Memory of the last third over that of the second; 1 where it was not weighed."""
        third = len(self.memory_mb) // 3
        if not third:
            return 1.0
        total = np.sum(list(self.lasting_mb.values()), axis=0)
        return float(np.median(total[-third:]) / np.median(total[third:-third]))


class Soaking:
    """Asks a service everything at once; `wanderers` are those who withdraw and come back."""

    def __init__(
        self, client: httpx.AsyncClient, people: Sequence[str], *, rate: float, seed: int = 0
    ) -> None:
        self.client = client
        self.people = people
        self.wanderers = people[: max(len(people) // 10, 1)]
        self.rate = rate
        self.found = Soak()
        self._rng = random.Random(seed)
        self._out: dict[str, int] = {}  # who is out now, and for which time
        self._turns = Counter[str]()
        self._sent = 0

    async def run(self, seconds: float, weigh: Weigh | None = None) -> Soak:
        """Ask for so long, then look whether every acknowledged event is there."""
        acts: Sequence[tuple[Callable[[], Coroutine[Any, Any, None]], float]] = (
            (self._score, 0.5),
            (self._send_events, 0.2),
            (self._wander, 0.1),
            (self._read, 0.2),
        )
        begun = time.perf_counter()
        weighing = asyncio.create_task(self._weigh(weigh))
        running: set[asyncio.Task[None]] = set()
        number = 0
        while time.perf_counter() - begun < seconds:
            number += 1
            [act] = self._rng.choices([act for act, _ in acts], [share for _, share in acts])
            running.add(asyncio.create_task(act()))
            running = {each for each in running if not each.done()}
            await asyncio.sleep(max(0.0, begun + number / self.rate - time.perf_counter()))
        await asyncio.gather(*running)
        weighing.cancel()
        self.found.seconds = time.perf_counter() - begun
        self.found.lost = await self._missing()
        return self.found

    async def _ask(self, kind: str, method: str, path: str, **more: Any) -> httpx.Response:
        begun = time.perf_counter()
        answer = await self.client.request(method, path, **more)
        self.found.latencies.append(time.perf_counter() - begun)
        self.found.statuses[kind, answer.status_code] += 1
        return answer

    async def _score(self) -> None:
        some = self._rng.sample(self.people, self._rng.choice((1, 1, 1, 5)))
        if self._rng.random() < 0.3:
            some[0] = self._rng.choice(self.wanderers)
        before = {each: self._out.get(each) for each in some}
        asked = {"inputs": [{"customer_id": each} for each in some], "targets": ["churn"]}
        answer = await self._ask("score", "POST", "/v1/scores", json=asked)
        if answer.status_code != 200:
            return
        for found in answer.json()["results"]:
            time_out = before[found["customer_id"]]
            still_out = time_out is not None and time_out == self._out.get(found["customer_id"])
            if found["status"] == "scored" and still_out:
                self.found.scored_without_permission += 1

    async def _send_events(self) -> None:
        events = []
        for _ in range(self._rng.choice((1, 1, 10))):
            self._sent += 1
            events.append(
                {
                    "customer_id": self._rng.choice(self.people),
                    "kind": "order",
                    "event_id": f"soak-{self._sent}",
                    "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "value": 10.0,
                }
            )
        answer = await self._ask("events", "POST", "/v1/events", json={"events": events})
        if answer.status_code == 200:
            results = answer.json()["results"]
            self.found.events += [
                event
                for event, result in zip(events, results, strict=True)
                if result["status"] in ("written", "duplicate")
            ]

    async def _wander(self) -> None:
        customer = self._rng.choice(self.wanderers)
        if self._turns[customer] % 2:  # another task is at it
            return
        self._turns[customer] += 1
        path = f"/v1/customers/{customer}/consents/{PURPOSE}"
        gone = await self._ask("withdraw", "DELETE", path)
        if gone.status_code == 200:
            self.found.withdrawals += 1
            self._out[customer] = self._turns[customer]
        await asyncio.sleep(self._rng.random())
        self._out.pop(customer, None)
        said = {"mechanism": "checkbox_ticked", "evidence": "soak form", "explicit": True}
        await self._ask("grant", "PUT", path, json=said)
        self._turns[customer] += 1

    async def _read(self) -> None:
        customer = self._rng.choice(self.people)
        path = self._rng.choice(
            (
                f"/v1/customers/{customer}",
                f"/v1/customers/{customer}/consents",
                f"/v1/customers/{customer}/export",
                "/v1/customers?limit=50",
                "/v1/interventions?limit=20",
                "/v1/models",
                "/readyz",
            )
        )
        await self._ask("read", "GET", path)

    async def _missing(self) -> int:
        """Send every acknowledged event again; gives how many are not known any more."""
        missing = 0
        for start in range(0, len(self.found.events), 500):
            some = self.found.events[start : start + 500]
            answer = await self.client.post("/v1/events", json={"events": some})
            answer.raise_for_status()
            missing += sum(each["status"] != "duplicate" for each in answer.json()["results"])
        return missing

    async def _weigh(self, weigh: Weigh | None) -> None:
        while weigh is not None:
            await asyncio.sleep(_PAUSE)
            self.found.memory_mb.append(weigh())


def report(found: Soak, *, verified: str) -> bool:
    """Print what happened; tells whether everything held."""
    middle, slow = 1e3 * np.quantile(found.latencies, [0.5, 0.99])
    asked = sum(found.statuses.values())
    print(f"{asked:,} requests in {found.seconds:.0f} s ({asked / found.seconds:.0f} per second)")
    print(f"p50 {middle:.1f} ms, p99 {slow:.1f} ms, slowest {1e3 * max(found.latencies):.0f} ms")
    for (kind, status), n in sorted(found.statuses.items()):
        print(f"  {kind:9} {status}  {n:,}")
    for pid, sizes in found.lasting_mb.items():
        thirds = [np.median(each) for each in np.array_split(sizes, 3)]
        print(f"  process {pid}: " + ", ".join(f"{each:.0f}" for each in thirds) + " MB by thirds")
    held = {
        f"answers with 5xx or 429: {found.failures or 'none'}": not found.failures,
        f"lost of {len(found.events):,} acknowledged events: {found.lost}": not found.lost,
        f"scored after one of {found.withdrawals:,} withdrawals: "
        f"{found.scored_without_permission}": not found.scored_without_permission,
        f"log: {verified}": verified == "intact",
        f"memory grew × {found.growth:.3f}, at most {FLAT}": found.growth <= FLAT,
    }
    for what, holds in held.items():
        print(f"{'held' if holds else 'BROKEN':7} {what}")
    return all(held.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=50.0, help="requests per second")
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        keepwell(home, "demo", "--customers", str(given.customers), "--no-serve")
        key = keepwell(home, "keys", "create", "--scope", "admin", "--owner", "soak")["key"]
        people, port = scored_people(home), free_port()
        serve = [*KEEPWELL, "--home", str(home), "serve", "--port", str(port)]
        serve += ["--workers", str(given.workers)]
        with running("keepwell", serve, port, "", "/readyz", home, key) as peer:
            found = asyncio.run(_soak(peer.port, key, people, given, lambda: _memory(peer.process)))
        done = subprocess.run(
            [*KEEPWELL, "--home", str(home), "--json", "ledger", "verify"],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        verified = str(json.loads(done.stdout)["outcome"])
    sys.exit(0 if report(found, verified=verified) else 1)


async def _soak(port: int, key: str, people: Sequence[str], given: Any, weigh: Weigh) -> Soak:
    headers = {"Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        return await Soaking(client, people, rate=given.rate).run(60 * given.minutes, weigh)


def _memory(process: subprocess.Popen[bytes]) -> dict[int, float]:
    return {pid: pss_mb(pid) for pid in family(process.pid)}


if __name__ == "__main__":
    main()
