"""What every HTTP handler works with: the opened home, whoever calls, and how answers look."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from serving.access.auth import Principal, Unauthenticated, authenticate, note_use
from serving.bootstrap import Keepwell
from serving.http.door import SLASH, App, Receive, Scope, Send
from serving.http.metering import Meter
from serving.http.problems import of_exception
from serving.scoring.scorer import Scorer

Clock = Callable[[], datetime]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Step = Annotated[str, AfterValidator(lambda sent: sent.replace(SLASH, "/"))]
"""One step of a path, with a slash where `%2F` was sent."""
PRINCIPAL = "keepwell.principal"


@dataclass(frozen=True)
class Context:
    """What the handlers of one application work with."""

    keepwell: Keepwell
    scorer: Scorer
    clock: Clock
    meter: Meter


async def context_of(request: Request) -> Context:
    """Give the handlers of one request what they work with; async, so that no thread is asked."""
    found: Context = request.app.state.context
    return found


class Caller:
    """A dependency: whoever calls must hold a valid key with this scope; gives the `Principal`.

    Without a scope any valid key will do. `KeyFirst` has looked at the key by then.
    """

    def __init__(self, scope: str | None = None) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:
        """Give the authenticated caller; raises `Unauthenticated` or `ScopeMissing`."""
        principal: Principal | None = request.scope.get(PRINCIPAL)
        if principal is None:
            raise Unauthenticated("no bearer key was sent")
        if self.scope is not None:
            principal.require(self.scope)
        return principal


class ScopeFirst(APIRoute):
    """A route that says which scope is missing before it says what is wrong with a body."""

    def get_route_handler(self) -> Handler:
        """Give the handler, with the `Caller` asked before it reads the body."""
        handle = super().get_route_handler()
        asks = caller_of(self)
        if asks is None:
            return handle

        async def first(request: Request) -> Response:
            await asks(request)
            return await handle(request)

        return first


def caller_of(route: APIRoute) -> Caller | None:
    """Find what a route asks of whoever calls it; None where it is open."""
    asked = (each.call for each in route.dependant.dependencies)
    return next((each for each in asked if isinstance(each, Caller)), None)


class KeyFirst:
    """Looks at the key of a request before anything reads its body; passes `open_paths` on."""

    def __init__(self, app: App, *, context: Context, open_paths: Callable[[str], bool]) -> None:
        self.app = app
        self.context = context
        self.open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request with a valid key pass, and whoever needs none."""
        if scope["type"] == "http" and not self.open_paths(scope["path"]):
            sent = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
            try:
                scope[PRINCIPAL] = await run_in_threadpool(identify, self.context, sent)
            except Exception as error:  # noqa: BLE001 - outside of the application's own handlers
                await of_exception(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def identify(context: Context, authorization: str) -> Principal:
    """Find out whose key an `Authorization` header carries; raises `Unauthenticated`."""
    key = bearer_key(authorization)
    now = context.clock()
    with context.keepwell.database.read() as conn:
        principal, due = authenticate(conn, key, now=now)
    if due:
        with context.keepwell.database.write() as conn:
            note_use(conn, principal.key_id, now=now)
    return principal


def bearer_key(authorization: str) -> str:
    """Take the key out of an `Authorization` header; raises `Unauthenticated` without one."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated(
            "no bearer key was sent", hint="send the header: Authorization: Bearer kw_…"
        )
    return key.strip()


Here = Annotated[Context, Depends(context_of)]


def fresh(content: Any, *, status: int = 200) -> Response:
    """Answer with JSON that no cache may keep."""
    return JSONResponse(content, status_code=status, headers={"Cache-Control": "no-store"})
