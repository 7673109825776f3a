"""Scores, events, withdrawals, yeses and reads at once: the short form of `benchmarks.soak`."""

import asyncio
from pathlib import Path

import httpx

from benchmarks.soak import Soak, Soaking
from governance.log.ledger import verify
from tests.serving.conftest import Shop
from tests.serving.running import running


def test_promises_hold_while_everything_happens_at_once(regular: Shop, tmp_path: Path) -> None:
    people = ["ann", "bob", "cat", "dan", "eve", "fay"]
    for each in people[1:]:
        regular.order(each, 40, 20, 3)
    regular.permit("bob", "risk_scoring")
    key = regular.key()

    async def soak(port: int) -> Soak:
        url, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            return await Soaking(client, people, rate=40).run(4.0)

    with running(regular.keepwell.home.root, key, tmp_path / "log", workers=2) as service:
        found = asyncio.run(soak(service.port))
    assert (found.failures, found.lost, found.scored_without_permission) == ({}, 0, 0)
    assert found.withdrawals > 0
    assert found.events
    with regular.keepwell.database.read() as conn:
        assert verify(conn, regular.keepwell.ledger.public_key).outcome == "intact"
