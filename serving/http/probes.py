"""The probes an orchestrator asks: is this process alive, and can it do its work?"""

import asyncio

from starlette.responses import JSONResponse, Response

from serving.http.door import PROBES, App, Receive, Scope, Send
from serving.http.problems import problem
from serving.readiness import DRAINING, Readiness

_READY = "/readyz"


class Probes:
    """Answers the probes; everything else goes to `otherwise`.

    `/livez` and `/healthz` say that the process answers at all, `/readyz` whether to send it
    requests: 503 with a problem document that says what to do where it is not.
    """

    def __init__(self, otherwise: App, *, readiness: Readiness) -> None:
        self.otherwise = otherwise
        self.readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one probe."""
        if scope["type"] != "http" or scope["path"] not in PROBES:
            await self.otherwise(scope, receive, send)
            return
        answer = await self._ready() if scope["path"] == _READY else _fine("alive")
        await answer(scope, receive, send)

    async def _ready(self) -> Response:
        found = DRAINING
        if not self.readiness.draining:
            loop = asyncio.get_running_loop()
            obstacle = await loop.run_in_executor(None, self.readiness.obstacle)
            if obstacle is None:
                return _fine("ready")
            found = obstacle
        return problem(503, found.code, found.found, hint=found.hint)


def _fine(status: str) -> Response:
    return JSONResponse({"status": status}, headers={"Cache-Control": "no-store"})
