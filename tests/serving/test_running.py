"""`keepwell serve` with several workers: numbers add up, nobody is cut off, models change."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.settings import Settings
from tests.serving.conftest import Clock, Shop, register_model, save_bundle
from tests.serving.homes import new_home
from tests.serving.running import Running, running, until

ANN = {"inputs": [{"customer_id": "ann"}]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    clock = Clock()
    keepwell = new_home(tmp_path_factory.mktemp("shop") / "home", Settings(), now=clock())
    made = Shop(keepwell, clock)
    made.order("ann", 80, 60, 40)
    made.permit("ann")
    made.approve_model()
    yield made
    keepwell.close()


@pytest.fixture(scope="module")
def service(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    output = tmp_path_factory.mktemp("serve") / "serve.log"
    with running(shop.keepwell.home.root, shop.key(), output, workers=2) as found:
        yield found


def test_one_scrape_tells_of_all_workers(service: Running) -> None:
    before = service.metric('keepwell_scores_total{status="scored"}')
    for _ in range(20):  # each over a connection of its own, so that both workers take some
        httpx.post(f"{service.client.base_url}/v1/scores", json=ANN, headers=service.client.headers)
    scored = 'keepwell_scores_total{status="scored"}'
    until(lambda: service.metric(scored) == before + 20, service, seconds=10)
    assert service.metric("keepwell_workers") == 2


def test_an_answer_and_its_log_line_carry_the_callers_id(service: Running) -> None:
    sent = {"X-Request-Id": "order-17.retry_1"}
    answer = service.client.post("/v1/scores", json=ANN, headers=sent)
    assert answer.headers["x-request-id"] == "order-17.retry_1"
    until(lambda: "order-17.retry_1" in service.output.read_text(), service, seconds=10)
    [text] = [
        each for each in service.output.read_text().splitlines() if "order-17.retry_1" in each
    ]
    line = json.loads(text)
    assert (line["route"], line["status"]) == ("/v1/scores", 200)


def test_a_killed_worker_is_replaced_while_the_other_goes_on(service: Running) -> None:
    before = service.workers()
    restarts = service.metric("keepwell_worker_restarts_total")
    os.kill(before[0], signal.SIGKILL)
    until(lambda: service.metric("keepwell_worker_restarts_total") > restarts, service)
    until(lambda: service.metric("keepwell_workers") == 2, service)
    assert before[1] in service.workers()


def test_a_new_model_takes_over_without_an_error_or_a_wait(shop: Shop, service: Running) -> None:
    load = Load(service)
    old = load.first()
    new = shop.approve_model(intercept=0.5)
    until(lambda: load.newest() == new, service)
    load.stop()
    assert (old != new, load.statuses) == (True, {200})
    assert load.slowest < 3.0  # trying a model takes longer than that on a busy machine


def test_a_damaged_new_model_leaves_the_old_one_serving_and_is_told(
    shop: Shop, service: Running
) -> None:
    load = Load(service)
    old = load.first()
    new = save_bundle(shop.keepwell, intercept=0.7)
    damage(shop.keepwell.home.bundles / new / "risk.json")
    with shop.keepwell.database.write() as conn:
        register_model(conn, shop.keepwell, new, now=shop.clock())
    shop.review("approve")
    damaged = 'keepwell_model_damaged{target="churn"}'
    until(lambda: service.metric(damaged) == 1, service)
    load.stop()
    assert (set(load.models), load.statuses) == ({old}, {200})
    assert service.client.get("/readyz").status_code == 200
    assert new in service.output.read_text()


def test_no_worker_outlives_the_first_process(service: Running) -> None:
    workers = service.workers()
    service.process.kill()
    service.process.wait(timeout=10)
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in workers if alive(pid)] == []


def test_told_to_stop_it_answers_everyone_it_let_in(shop: Shop, tmp_path: Path) -> None:
    with running(shop.keepwell.home.root, shop.key(), tmp_path / "log", workers=2) as service:
        loads = [Load(service) for _ in range(4)]
        for load in loads:
            load.first()
        code = service.stop()
        for load in loads:
            load.thread.join(timeout=10)
    assert code == 0
    assert {status for load in loads for status in load.statuses} == {200}
    assert [each for load in loads for each in load.broken] == []


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def damage(file: Path) -> None:
    """Flip one bit in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


class Load:
    """Asks for Ann's score over and over from a thread until told to stop or refused."""

    def __init__(self, service: Running) -> None:
        self.statuses: set[int] = set()
        self.models: Counter[str] = Counter()
        self.broken: list[str] = []
        self.slowest = 0.0
        self._last = ""
        self._service = service
        self._stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def first(self) -> str:
        until(lambda: bool(self._last), self._service)
        return self._last

    def newest(self) -> str:
        return self._last

    def stop(self) -> None:
        self._stopped.set()
        self.thread.join()

    def _run(self) -> None:
        headers = self._service.client.headers
        with httpx.Client(base_url=self._service.client.base_url, headers=headers) as client:
            while not self._stopped.is_set():
                started = time.perf_counter()
                try:
                    answer = client.post("/v1/scores", json=ANN, timeout=30)
                except httpx.ConnectError:
                    return  # nobody is there any more
                except httpx.TransportError as error:
                    self.broken.append(repr(error))  # let in, and cut off
                    return
                self.slowest = max(self.slowest, time.perf_counter() - started)
                self.statuses.add(answer.status_code)
                self._last = str(answer.json()["results"][0]["model_digest"])
                self.models[self._last] += 1
