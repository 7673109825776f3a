"""Log lines carry known fields with harmless values, whoever writes them and whatever breaks."""

import ast
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from serving import logs
from serving.database import Database
from serving.http.problems import of_exception
from serving.logs import log_to_stderr, take_over_others
from serving.logs_allowed import ALLOWED, MASK, only_allowed
from tests.serving.canary import ID, MARKS, NAME, TEXT

ROOT = Path(__file__).parents[2]
FLOORS = ("serving", "training", "outcomes", "features", "governance")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Give what is logged from here on; everything is as before afterwards."""
    written, root = io.StringIO(), logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stderr=written))
    log_to_stderr()
    take_over_others()
    yield written
    monkeypatch.undo()
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def line(said: io.StringIO) -> dict[str, Any]:
    [found] = said.getvalue().splitlines()
    return dict(json.loads(found))


def allowed(**fields: Any) -> dict[str, Any]:
    return dict(only_allowed(None, "", fields))


@pytest.mark.parametrize("name", ["customer_id", "email", "params", "exc_info", "token", "text"])
def test_a_field_nobody_knows_is_left_out_and_counted(name: str) -> None:
    assert allowed(event="it happened", **{name: ID}) == {"event": "it happened", "dropped": 1}


@pytest.mark.parametrize("name", sorted(set(ALLOWED) - {"message"}))
@pytest.mark.parametrize("value", [ID, NAME + "\n", {"a": ID}, ID.encode(), [NAME], f"no {ID}"])
def test_no_field_carries_a_customer(name: str, value: object) -> None:
    assert allowed(**{name: value}) == {name: MASK}


def test_a_message_loses_addresses_line_breaks_and_its_tail() -> None:
    found = allowed(message=f"cannot write to {ID}:\nforged line\u2028" + "a" * 1_000)["message"]
    assert found.startswith(f"cannot write to {MASK} forged line ")
    assert len(found) == 300


def test_a_line_break_forges_no_line(said: io.StringIO) -> None:
    structlog.get_logger().error("it failed", message='x\n{"event": "all is well"}')
    assert line(said)["event"] == "it failed"


def test_a_line_written_in_a_hurry_carries_no_customer(said: io.StringIO) -> None:
    structlog.get_logger().error("it failed", customer_id=ID, error=f"{NAME}: {TEXT}")
    assert (line(said)["event"], line(said)["dropped"]) == ("it failed", 2)
    assert not any(mark in said.getvalue() for mark in MARKS)


def test_a_line_that_cannot_be_written_takes_nothing_with_it(said: io.StringIO) -> None:
    said.close()
    structlog.get_logger().error("it failed")


@pytest.mark.parametrize(
    "logger", ["uvicorn.error", "bentoml", "sqlalchemy.engine", "asyncio", "httpx", "anything"]
)
def test_other_packages_say_where_and_not_what(said: io.StringIO, logger: str) -> None:
    try:
        raise ValueError(f"{NAME} said {TEXT}")
    except ValueError:
        logging.getLogger(logger).exception("about %s", ID, extra={"customer": NAME})
    assert (line(said)["logger"], line(said)["kind"]) == (logger, "ValueError")
    assert not any(mark in said.getvalue() for mark in MARKS)


def test_warnings_say_where_and_not_what(said: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(f"{NAME} is deprecated", UserWarning, stacklevel=1)
    assert line(said)["logger"] == "py.warnings"
    assert not any(mark in said.getvalue() for mark in MARKS)


def test_an_error_of_the_database_shows_no_parameters(
    said: io.StringIO, sqlite_database: Database
) -> None:
    with pytest.raises(DBAPIError) as failed, sqlite_database.read() as conn:
        conn.execute(text("SELECT * FROM nowhere WHERE a = :a"), {"a": ID})
    answer = of_exception(failed.value)
    assert line(said)["kind"] == "OperationalError"
    assert not any(mark in said.getvalue() + bytes(answer.body).decode() for mark in MARKS)


def test_what_nobody_caught_shows_its_kind_alone() -> None:
    """In a process of its own, because the hooks are the process's."""
    code = (
        "import threading\n"
        "from serving.logs import log_to_stderr\n"
        "from serving.logs_allowed import quiet_hooks\n"
        "log_to_stderr(); quiet_hooks()\n"
        "class Last:\n"
        "    def __del__(self): raise KeyError('Zelda Quince')\n"
        "def fail(): raise ValueError('Zelda Quince')\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "Last()\n"
        "fail()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    lines = [json.loads(each) for each in done.stderr.splitlines()]
    assert [each["kind"] for each in lines] == ["ValueError", "KeyError", "ValueError"]
    assert "Quince" not in done.stderr
    assert done.returncode == 1


@pytest.fixture(scope="module")
def calls() -> list[tuple[str, ast.Call]]:
    """Give every call by which our own code logs, and where it stands."""
    texts = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
    }
    return [
        (f"{place}:{call.lineno}", call)
        for place, text in texts.items()
        if "log." in text
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("debug", "info", "warning", "error", "critical", "exception")
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "log"
    ]


def test_every_field_our_own_code_logs_is_on_the_list(calls: list[tuple[str, ast.Call]]) -> None:
    """Or a line would lose it in production, where it is needed."""
    used = {(keyword.arg, place) for place, call in calls for keyword in call.keywords}
    assert {each for each in used if each[0] is not None and each[0] not in ALLOWED} == set()
    assert len(used) > 10


def test_what_happened_is_a_sentence_with_nothing_put_into_it(
    calls: list[tuple[str, ast.Call]],
) -> None:
    for place, call in calls:
        event = call.args[0]
        assert isinstance(event, ast.Constant), place
        assert allowed(event=event.value)["event"] != MASK, place
