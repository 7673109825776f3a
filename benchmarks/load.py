"""Loads one address from a process of its own: `python -m benchmarks.load PORT PATH SECONDS …`.

Requests are lines of a file, sent in turn over as many kept connections as there are asked for at a
time; each connection sends its next one when it has its answer (a closed loop, one machine,
loopback). Writes every request's own latency: tails come from what was measured, not from a sketch.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import uvloop


class Load(NamedTuple):
    """What is sent where, by how many at a time, for how many seconds."""

    port: int
    path: str
    key: str
    bodies: list[bytes]
    concurrency: int
    seconds: float


async def run(load: Load) -> tuple[np.ndarray, float]:
    """Send until the time is over; gives the latencies in seconds and how long it took."""
    taken: list[float] = []
    turns = itertools.cycle(load.bodies)
    begun = time.perf_counter()
    until = begun + load.seconds
    await asyncio.gather(
        *(_one_after_another(load, turns, until, taken) for _ in range(load.concurrency))
    )
    return np.array(taken), time.perf_counter() - begun


async def _one_after_another(
    load: Load, turns: Iterator[bytes], until: float, taken: list[float]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1:{load.port}\r\n"
        f"Authorization: Bearer {load.key}\r\nContent-Type: application/json\r\nContent-Length: "
    ).encode()
    try:
        while (sent := time.perf_counter()) < until:
            body = next(turns)
            writer.write(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            await _answer(reader)
            taken.append(time.perf_counter() - sent)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    status, _, fields = head.partition(b"\r\n")
    if b" 200 " not in status + b" ":
        raise SystemExit(f"{status.decode()} came back")
    length = fields.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--bodies", type=Path, required=True)
    parser.add_argument("--key", default="none")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    bodies = given.bodies.read_bytes().splitlines()
    load = Load(given.port, given.path, given.key, bodies, given.concurrency, given.seconds)
    taken, seconds = uvloop.run(run(load))
    np.save(given.out, taken)
    print(json.dumps({"requests": len(taken), "seconds": seconds}))


if __name__ == "__main__":
    main()
