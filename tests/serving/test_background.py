"""What runs beside the requests: it ends with its message, waits its turn and begins modestly."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from serving.bootstrap import open_home
from serving.courier import Courier, Keeper
from serving.daily_look import alone
from serving.database import Database
from serving.interventions.delivery.dispatch import Dispatched
from serving.interventions.delivery.webhook import Endpoint
from serving.serve import be_frugal
from serving.settings import Settings
from tests.serving.conftest import START, Shop
from tests.serving.homes import new_home


class Post:
    """A stand-in for sending: a message takes until it is let go."""

    def __init__(self) -> None:
        self.sent = 0
        self.at_it = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, *_: Any, **__: Any) -> Dispatched:
        self.at_it.set()
        self.let_go.wait(10)
        self.sent += 1
        return Dispatched({"delivered": 1}, switched_off=False)


def test_a_courier_told_to_stop_finishes_the_message_at_hand_and_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post()
    monkeypatch.setattr("serving.courier.dispatch", post)
    monkeypatch.setattr("serving.courier.PAUSE_SECONDS", 0.01)
    courier = Courier(shop.keepwell, Endpoint("http://127.0.0.1:9", b"key"), clock=shop.clock)
    courier.start()
    post.at_it.wait(10)
    stopping = threading.Thread(target=courier.stop)
    stopping.start()
    post.let_go.set()
    stopping.join(10)
    assert (post.sent, courier.is_alive()) == (1, False)


def test_a_courier_that_fails_says_so_and_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = list[str]()
    twice = threading.Event()

    def fails(*_: Any, **__: Any) -> Dispatched:
        if len(failed) >= 2:
            twice.set()
        raise RuntimeError("the line is down")

    monkeypatch.setattr("serving.courier.dispatch", fails)
    monkeypatch.setattr("serving.courier.PAUSE_SECONDS", 0.01)
    endpoint = Endpoint("http://127.0.0.1:9", b"key")
    courier = Courier(shop.keepwell, endpoint, clock=shop.clock, failed=failed.append)
    courier.start()
    assert twice.wait(10)
    courier.stop()
    assert set(failed) == {"sending"}


def test_a_service_that_has_just_started_looks_at_no_model(
    regular: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.courier.subprocess.Popen", lambda _: pytest.fail("too soon"))
    keeper = Keeper(regular.keepwell, clock=regular.clock)
    regular.pass_days(9 / 24 / 60)
    keeper.look_at_models()


def test_one_process_of_a_machine_looks_at_the_models(shop: Shop) -> None:
    with alone(shop.keepwell) as first, alone(shop.keepwell) as second:
        assert (first, second) == (True, False)
    with alone(shop.keepwell) as later:
        assert later


def test_one_of_several_hosts_over_one_database_looks_at_the_models(
    tmp_path: Path, postgres_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Database(postgres_uri)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("DROP DATABASE IF EXISTS hosts WITH (FORCE)"))
        conn.execute(text("CREATE DATABASE hosts"))
    server.close()
    url = server.engine.url.set(database="hosts").render_as_string(hide_password=False)
    one = new_home(tmp_path / "home", Settings(database_url=url), now=START)
    other = open_home(tmp_path / "home")
    monkeypatch.setattr("serving.daily_look.flock", lambda *_: None)  # on machines of their own
    with alone(one) as first, alone(other) as second:
        assert (first, second) == (True, False)
    with alone(other) as later:
        assert later
    one.close()
    other.close()


def test_what_serves_loads_nothing_that_only_training_needs() -> None:
    code = (
        "import sys; from serving.serve import be_frugal, load; be_frugal(); load(); "
        "print(sorted({'sklearn', 'pandas', 'mlflow', 'shap', 'fairlearn', 'matplotlib', 'duckdb', "
        "'optuna', 'pyspark', 'alembic', 'scipy.stats', 'scipy.optimize'} & sys.modules.keys()), "
        "len(__import__('threading').enumerate()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] 1"


def test_numeric_libraries_use_one_thread_each_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    be_frugal()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == ("4", "1")


def test_a_worker_that_fails_at_once_is_not_started_over_and_over() -> None:
    code = (
        "import os, signal, socket, threading; from serving.workers import Workers\n"
        "def work(worker, alive): os.write(1, b'started '); raise OSError('customer 17850')\n"
        "signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))\n"
        "signal.setitimer(signal.ITIMER_REAL, 2.0)\n"
        "Workers(work, number=1, listener=socket.socket(), drain_seconds=1).run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("started") == 2  # at once, and a second later
    assert "17850" not in done.stdout + done.stderr
