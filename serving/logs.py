"""How this floor logs: one JSON line per happening, on standard error, free of personal data.

Every line a request causes carries its id, whichever thread writes it.
"""

import logging
import sys
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict

from serving.logs_allowed import only_allowed

REQUEST_ID: ContextVar[str] = ContextVar("keepwell_request_id", default="")
"""The id of the request that is being answered; empty outside of one."""


class _Stderr:
    """Standard error as it is now; a line it does not take is lost, and nothing else with it."""

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # the pipe is closed, the disk full
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


LOST_RATHER_THAN_RAISED = _Stderr()


def log_to_stderr() -> None:
    """Write logs to standard error: standard output belongs to what was asked for."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            with_request_id,
            only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, LOST_RATHER_THAN_RAISED)),
    )


_WITH_HANDLERS = (
    "uvicorn", "uvicorn.error", "uvicorn.access", "bentoml", "circus", "sqlalchemy.engine",
)  # fmt: skip
"""Packages' loggers that somebody may have given handlers of their own."""


def take_over_others(level: int = logging.WARNING) -> None:
    """Have what uvicorn, BentoML and other packages log leave in the same form.

    Of theirs the logger's name, the level and the kind of an exception are kept: their messages and
    arguments may quote what was sent.
    """
    root = logging.getLogger()
    root.handlers[:] = [_Others()]
    root.setLevel(level)
    for name in _WITH_HANDLERS:
        found = logging.getLogger(name)
        found.handlers[:], found.propagate = [], True
        found.setLevel(level)
    logging.captureWarnings(True)


def with_request_id(_: Any, __: str, event: EventDict) -> EventDict:
    """Add the id of the request under way, where there is one."""
    found = REQUEST_ID.get()
    if found:
        event["request_id"] = found
    return event


class _Others(logging.Handler):
    """Passes a record of another package on, without its words."""

    def emit(self, record: logging.LogRecord) -> None:
        told = {"logger": record.name, "where": f"{record.module}:{record.lineno}"}
        if record.exc_info and record.exc_info[0] is not None:
            told["kind"] = record.exc_info[0].__name__
        log = structlog.get_logger("keepwell.others")
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("another package reports", **told)
