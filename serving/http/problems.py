"""Errors over HTTP: RFC 9457 problem documents, and the one place where codes are mapped.

A problem says what was found, what was expected and what to do. Nothing a caller sent is echoed or
logged: a rejected value may be someone's data.
"""

import errno
import re
import sqlite3
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from governance.errors import (
    ConfigurationError,
    GateRefused,
    InsufficientData,
    IntegrityBroken,
    InvalidInput,
    KeepwellError,
    NotFound,
    PermissionRefused,
)
from serving.access.auth import ScopeMissing, Unauthenticated
from serving.access.sessions import ForeignForm
from serving.http.addresses import allowed_at
from serving.http.problem_pages import for_reader
from serving.interventions.deciding.oversight import AlreadyDecided
from serving.logs import REQUEST_ID
from serving.record.kept_answers import AnswerGone, KeyInUse

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "1"
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}")
STATUS: Mapping[type[KeepwellError], int] = {
    Unauthenticated: 401,
    ScopeMissing: 403,
    ForeignForm: 403,
    PermissionRefused: 403,
    NotFound: 404,
    GateRefused: 409,
    InsufficientData: 409,
    AlreadyDecided: 409,
    KeyInUse: 409,
    AnswerGone: 409,
    InvalidInput: 422,
    ConfigurationError: 503,
    IntegrityBroken: 503,
}
_HINTS = {
    404: "the addresses are listed at /v1/openapi.json",
    405: "the addresses and their methods are listed at /v1/openapi.json",
}

log = structlog.get_logger("keepwell.http")


class Busy(KeepwellError):
    """More requests are being worked on than this process takes; try again shortly."""

    code = "busy"


class TooLarge(KeepwellError):
    """The body is larger than the home's limit."""

    code = "body_too_large"


class TooSlow(KeepwellError):
    """The body did not arrive in time."""

    code = "body_too_slow"


class AddressTooLong(KeepwellError):
    """The path and the query together are longer than any of ours."""

    code = "address_too_long"


class HeadTooLarge(KeepwellError):
    """The headers are more or larger than a request of ours needs."""

    code = "headers_too_large"


class TooMany(Busy):
    """A key calls more often than it may, or an address sent too many wrong ones.

    `policy` and `left` are the fields RateLimit-Policy and RateLimit of the IETF's draft.
    """

    code = "too_many_requests"

    def __init__(
        self, message: str, *, hint: str, retry_after: int, policy: str, left: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.headers = {
            "Retry-After": str(max(retry_after, 1)),
            "RateLimit-Policy": policy,
            "RateLimit": left,
        }


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FULL = frozenset({sqlite3.SQLITE_FULL, "53100"})  # of PostgreSQL: disk_full
_CODES: Mapping[type[KeepwellError], int] = {
    **STATUS,
    Busy: 429,
    TooLarge: 413,
    TooSlow: 408,
    AddressTooLong: 414,
    HeadTooLarge: 431,
}


class ProblemResponse(JSONResponse):
    """One problem document with its own media type."""

    media_type = MEDIA_TYPE


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    errors: Sequence[Mapping[str, str]] = (),
) -> ProblemResponse:
    """Build a problem document: `type`, `title`, `status`, `detail` and, where known, `hint`."""
    body: dict[str, Any] = {
        "type": f"urn:keepwell:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if request_id := REQUEST_ID.get():
        body["instance"] = f"urn:keepwell:request:{request_id}"
    if hint:
        body["hint"] = hint
    if errors:
        body["errors"] = list(errors)
    headers: dict[str, str] = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="keepwell"'
    if status in (429, 503) or code == KeyInUse.code:
        headers["Retry-After"] = RETRY_SECONDS
    return ProblemResponse(body, status_code=status, headers=headers)


def of_error(error: KeepwellError) -> ProblemResponse:
    """Turn one of our own errors into its problem document."""
    status = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), 500)
    if status >= 500:  # what is wrong with the home is for those who run it
        log.error("request failed", code=error.code, message=error.message)
        return problem(status, error.code, "the service cannot answer this now", hint=error.hint)
    found = problem(status, error.code, error.message, hint=error.hint)
    if isinstance(error, TooMany):
        found.headers.update(error.headers)
    return found


def of_exception(error: BaseException) -> ProblemResponse:
    """Answer for something unexpected; its kind and place are logged, its text never."""
    if isinstance(error, KeepwellError):
        return of_error(error)
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f"{place.tb_frame.f_globals.get('__name__')}:{place.tb_lineno}"
    log.error("request failed", kind=type(error).__name__, where=where)
    if is_out_of_room(error):
        return problem(
            507, "no_room", "there is no room left to write; nothing was kept", hint="make room"
        )
    if isinstance(error, DBAPIError | PoolTimeout):
        return problem(
            503, "database_unavailable", "the database does not answer", hint="try again shortly"
        )
    return problem(500, "unexpected", "something unexpected happened; nothing was kept of it")


def is_out_of_room(error: BaseException) -> bool:
    """Whether a disk is full, or a file may not grow: of the database, the journal or another."""
    found = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(found, OSError):
        return found.errno in _NO_ROOM
    code = getattr(found, "sqlite_errorcode", None) or getattr(found, "sqlstate", None)
    return code in _FULL


def answer_for(error: Exception, request: Request) -> ProblemResponse:
    """Answer for anything a handler may raise, FastAPI's own errors among it."""
    if isinstance(error, RequestValidationError):
        return _not_json(error) if _is_not_json(error, request) else _malformed(error)
    if isinstance(error, HTTPException):
        return _http(error)
    return of_exception(error)


def wrong_method(allowed: str) -> ProblemResponse:
    """Say which methods an address takes."""
    found = problem(405, "method_not_allowed", _detail(405), hint=_HINTS[405])
    found.headers["Allow"] = allowed
    return found


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document, or a page that says the same."""

    async def ours(request: Request, error: Exception) -> Response:
        answer = answer_for(error, request)
        if answer.status_code == 405:
            answer.headers["Allow"] = allowed_at(app, request.scope["path"])
        return for_reader(answer, request.scope)

    app.add_exception_handler(Exception, ours)
    app.add_exception_handler(KeepwellError, ours)
    app.add_exception_handler(RequestValidationError, ours)
    app.add_exception_handler(HTTPException, ours)


def says_json(content_type: str) -> bool:
    """Whether a `Content-Type` header stands for JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _is_not_json(error: RequestValidationError, request: Request) -> bool:
    """Whether a body could not be read because it was sent as something else."""
    if says_json(request.headers.get("content-type", "")):
        return False
    return any(each["loc"] == ("body",) and each["type"] != "missing" for each in error.errors())


def _not_json(error: RequestValidationError) -> ProblemResponse:
    return problem(
        415,
        "unsupported_media_type",
        "the body was not sent as JSON",
        hint="send the header: Content-Type: application/json",
        errors=[_finding(each) for each in error.errors()],
    )


def _malformed(error: RequestValidationError) -> ProblemResponse:
    return problem(
        422,
        "invalid_input",
        "the request is not what it must be",
        errors=[_finding(each) for each in error.errors()],
    )


def _http(error: HTTPException) -> ProblemResponse:
    status = error.status_code
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    found = problem(status, code, _detail(status), hint=_HINTS.get(status, ""))
    for name, value in (error.headers or {}).items():
        found.headers[name] = value
    return found


def _detail(status: int) -> str:
    return {
        400: "the body cannot be read: it must be JSON in UTF-8, nested no deeper than it needs",
        404: "nothing is at this address",
        405: "this address does not take this method",
    }.get(status, HTTPStatus(status).phrase.lower())


def _finding(error: Mapping[str, Any]) -> dict[str, str]:
    """Say where and what, as a JSON pointer and a sentence; what was sent is left out."""
    where, *steps = error["loc"]
    if error["type"] == "extra_forbidden":
        steps[-1:] = ["…"]  # a name of the sender's own making, as the keys of `set` are
    if "set" in steps[:-1]:
        steps = [*steps[: steps.index("set") + 1], "…"]
    place = "".join(f"/{_step(step)}" for step in steps)
    if error["type"] == "json_invalid":
        return {"in": "body", "pointer": "", "detail": "the body is not JSON"}
    if where == "body" and not steps and error["type"] != "missing":
        detail = "the body must be a JSON object, sent with Content-Type: application/json"
        return {"in": "body", "pointer": "", "detail": detail}
    return {"in": str(where), "pointer": place, "detail": str(error["msg"])}


def _step(step: object) -> str:
    """Name a field or a place; a field nobody knows may bear someone's data as its name."""
    plain = isinstance(step, int) or _FIELD.fullmatch(str(step))
    return str(step) if plain else "…"
