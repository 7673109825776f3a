"""A receiver on this machine for the demo: it checks every signature and remembers what came."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

_LARGEST_BODY = 1_000_000


class Received(NamedTuple):
    """One message that arrived with a good signature."""

    message_id: str
    content: Mapping[str, Any]


class DemoReceiver:
    """Stands in for the company's own system; use it as a context manager.

    A message that comes again under the same id is acknowledged and not acted upon twice. What
    comes without a good signature gets 401 and is counted in `refused`.
    """

    def __init__(self, secret: bytes, *, port: int = 0) -> None:
        self._verifier = Webhook(secret)
        self._lock = threading.Lock()
        self._received: dict[str, Received] = {}
        self.refused = 0
        self.repeated = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                if not 0 < length <= _LARGEST_BODY:
                    self._answer(413)
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                self._answer(receiver._take(self.rfile.read(length), headers))

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent: addresses and bodies are nobody's business."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where messages are to be sent."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"

    @property
    def received(self) -> tuple[Received, ...]:
        """Every message that came, once, in order of arrival."""
        with self._lock:
            return tuple(self._received.values())

    def __enter__(self) -> "DemoReceiver":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def _take(self, body: bytes, headers: dict[str, str]) -> int:
        try:
            self._verifier.verify(body, headers, json_parse=False)
            content = json.loads(body)
        except (WebhookVerificationError, ValueError):
            with self._lock:
                self.refused += 1
            return 401
        message_id = headers["webhook-id"]
        with self._lock:
            if message_id in self._received:
                self.repeated += 1
            else:
                self._received[message_id] = Received(message_id, content)
        return 204
