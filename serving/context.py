"""What every HTTP handler works with: the opened home, whoever calls, and how answers look."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from starlette.responses import JSONResponse

from serving.auth import Principal, Unauthenticated, authenticate, note_use
from serving.bootstrap import Keepwell
from serving.scorer import Scorer

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Context:
    """What the handlers of one application work with."""

    keepwell: Keepwell
    scorer: Scorer
    clock: Clock


async def context_of(request: Request) -> Context:
    """Give the handlers of one request what they work with; async, so that no thread is asked."""
    found: Context = request.app.state.context
    return found


class Caller:
    """A dependency: whoever calls must hold a valid key with this scope; gives the `Principal`.

    Without a scope any valid key will do.
    """

    def __init__(self, scope: str | None = None) -> None:
        self.scope = scope

    def __call__(self, request: Request) -> Principal:
        """Authenticate one request; raises `Unauthenticated` or `ScopeMissing`."""
        context: Context = request.app.state.context
        principal = identify(context, request.headers.get("authorization", ""))
        if self.scope is not None:
            principal.require(self.scope)
        return principal


def identify(context: Context, authorization: str) -> Principal:
    """Find out whose key an `Authorization` header carries; raises `Unauthenticated`."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated(
            "no bearer key was sent", hint="send the header: Authorization: Bearer kw_…"
        )
    now = context.clock()
    with context.keepwell.database.read() as conn:
        principal, due = authenticate(conn, key.strip(), now=now)
    if due:
        with context.keepwell.database.write() as conn:
            note_use(conn, principal.key_id, now=now)
    return principal


Here = Annotated[Context, Depends(context_of)]


def fresh(content: Any, *, status: int = 200) -> Response:
    """Answer with JSON that no cache may keep."""
    return JSONResponse(content, status_code=status, headers={"Cache-Control": "no-store"})
