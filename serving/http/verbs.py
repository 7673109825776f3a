"""What every address does without saying so: HEAD as GET without a body, and OPTIONS."""

from starlette.responses import Response

from serving.http.addresses import allowed_at
from serving.http.door import App, Message, Receive, Scope, Send


class Verbs:
    """Answers OPTIONS, and HEAD with what GET would say; costs others one comparison."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or answer it."""
        method = scope.get("method")
        if method == "HEAD":
            await self.app({**scope, "method": "GET"}, receive, _without_body(send))
        elif method == "OPTIONS" and (allowed := allowed_at(scope["app"], scope["path"])):
            await Response(None, 204, {"Allow": allowed})(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _without_body(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sent
