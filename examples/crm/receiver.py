# ruff: noqa: D101, D102, T201 - an example to copy, which prints
"""Takes Keepwell's messages, checks every signature and prints what came.

WEBHOOK_SECRET=$(keepwell --home shop webhook secret) python examples/crm/receiver.py 4000
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

checker = Webhook(os.environ["WEBHOOK_SECRET"])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            checker.verify(body, {name.lower(): each for name, each in self.headers.items()})
            print("verified", body.decode(), flush=True)
            self.send_response(204)  # only a 2xx says "done": anything else comes again
        except WebhookVerificationError:
            self.send_response(401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
