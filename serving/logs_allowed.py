"""What may leave in a log line: known fields with values that name nobody; nothing else.

A field that nobody put on this list is left out and counted, a value that is not of its kind is
masked. So a line written in a hurry cannot carry a customer's address out of the house.
"""

import re
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict

MASK = "…"
_LONGEST = 300
_ADDRESS = re.compile(r"\S+@\S+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


def _matches(pattern: str) -> Callable[[Any], Any]:
    fits = re.compile(pattern).fullmatch

    def kept(value: Any) -> Any:
        return value if isinstance(value, str) and fits(value) else MASK

    return kept


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) else MASK


def _words(value: Any) -> Any:
    """Keep a message of one of our own errors, which holds no personal data; to be safe: less."""
    if not isinstance(value, str):
        return MASK
    return _ADDRESS.sub(MASK, _CONTROL.sub(" ", value))[:_LONGEST]


def _status(value: Any) -> Any:
    return value if isinstance(value, int) else _name(value)


_name = _matches(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
ALLOWED: dict[str, Callable[[Any], Any]] = {
    "event": _matches(r"[A-Za-z][A-Za-z ,'-]{0,79}"),  # one of our sentences, nothing put into it
    "level": _name,
    "timestamp": _matches(r"[0-9T:.Z+-]{10,40}"),
    "request_id": _matches(r"[A-Za-z0-9._-]{1,64}"),
    "code": _status,  # of an error, or of a process that ended
    "kind": _matches(r"[A-Za-z_][A-Za-z0-9_]{0,63}"),  # the class of an exception
    "where": _matches(r"[A-Za-z0-9_.<>-]{1,120}:[0-9]{1,7}"),  # module and line
    "logger": _matches(r"[A-Za-z0-9_.-]{1,80}"),
    "message": _words,
    "target": _name,
    "status": _status,
    "digest": _matches(r"[0-9a-f]{8,64}"),
    "worker": _number,
    "workers": _number,
    "again_in_seconds": _number,
    "dropped": _number,
}
"""Every field that is logged, and what makes of its value what may be seen."""


def only_allowed(_: Any, __: str, event: EventDict) -> EventDict:
    """Leave what is known and harmless; `dropped` says how many fields were not."""
    kept = {name: ALLOWED[name](value) for name, value in event.items() if name in ALLOWED}
    if len(kept) < len(event):
        kept["dropped"] = len(event) - len(kept)
    return kept


def quiet_hooks() -> None:
    """Have what nobody caught logged by its kind and place, never with its words.

    Python would print the exception's text, and the lines around it, on standard error.
    """

    def uncaught(
        kind: type[BaseException], _: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt | SystemExit):
            _tell(kind, trace)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: Any) -> None:
        uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable


def _tell(kind: type[BaseException], trace: TracebackType | None) -> None:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "?:0"
    if trace is not None:
        where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
    structlog.get_logger("keepwell").error("nobody caught this", kind=kind.__name__, where=where)
