"""`Idempotency-Key`: a request sent again gets its first answer, and nothing is done twice.

Routes that change something are made of `AnsweredOnce`; all others cost nothing. Answers that rest
on permission at this moment (scores, what-if, `confirm`) and links are given anew every time.
"""

import json
import re

from fastapi import Request, Response
from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool

from governance.errors import InvalidInput
from serving.access.auth import Principal
from serving.bootstrap import Keepwell
from serving.http.context import Context, Handler, ScopeFirst, caller_of
from serving.http.door import SLASH
from serving.http.problems import MEDIA_TYPE, answer_for
from serving.intake import event_id_of
from serving.interventions.tables import interventions
from serving.locks import lock_customers
from serving.record import kept_answers
from serving.record.kept_answers import CURRENT, Claim, KeptAnswer, digest_of
from serving.tables import review_requests

HEADER = "idempotency-key"
LONGEST_KEY = 255
_KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")
_KEPT_STATUS = frozenset({200, 201, 202, 404, 422})
"""What is worth repeating: what was done, and what is wrong with the request as it is."""


class AnsweredOnce(ScopeFirst):
    """A route whose effect happens once per Idempotency-Key and bearer key."""

    def get_route_handler(self) -> Handler:
        """Give the handler, with the looking up before it and the keeping after it."""
        handle = super().get_route_handler()
        asks = caller_of(self)
        assert asks is not None  # an open route has no bearer key to answer once

        async def once(request: Request) -> Response:
            sent = request.headers.getlist(HEADER)
            if not sent:
                return await handle(request)
            if len(sent) > 1 or not _KEY.fullmatch(sent[0]):
                raise InvalidInput(
                    "the Idempotency-Key is not one",
                    hint=f"send one of 1 to {LONGEST_KEY} printable characters, such as a UUID",
                )
            asked = _Asked(request, sent[0], await asks(request), await request.body())
            found = await run_in_threadpool(asked.claim)
            if isinstance(found, KeptAnswer):
                return asked.replay(found)
            mine = CURRENT.set(found)
            try:
                answer = await handle(request)
            except Exception as error:  # noqa: BLE001 - what is wrong may be kept, too
                answer = answer_for(error, request)
            finally:
                CURRENT.reset(mine)
            await run_in_threadpool(asked.finish, found, answer)
            return answer

        return once


class _Asked:
    """One request with an Idempotency-Key, and whom it concerns."""

    def __init__(self, request: Request, key: str, caller: Principal, body: bytes) -> None:
        here: Context = request.app.state.context
        self.keepwell, self.clock, self.body = here.keepwell, here.clock, body
        self.places = dict(request.path_params)
        self.template: str = request.scope["route"].path_format
        secret = self.keepwell.keys.suppression
        self.name = digest_of(secret, b"key", caller.key_id.encode(), key.encode())
        self.request = digest_of(
            secret,
            request.method.encode(),
            request.url.path.encode("utf-8", "surrogatepass"),
            request.scope["query_string"],
            body,
        )
        self.customer_id: str | None = None

    def claim(self) -> Claim | KeptAnswer:
        """Claim the key, or find what was answered; see `kept_answers.claim`."""
        with self.keepwell.database.write() as conn:
            self.customer_id = _concerned(self.keepwell, conn, self.template, self.places)
            return kept_answers.claim(
                conn,
                self.name,
                request=self.request,
                customer_id=self.customer_id,
                now=self.clock(),
            )

    def finish(self, held: Claim, answer: Response) -> None:
        """Keep the answer, or give the key back where the answer is not one to repeat."""
        body = bytes(answer.body).decode()
        with self.keepwell.database.write() as conn:
            now = self.clock()
            if answer.status_code not in _KEPT_STATUS:
                kept_answers.let_go(conn, held, now=now)
                return
            if self.customer_id is not None:
                lock_customers(conn, [self.customer_id])
            kept_answers.keep(conn, held, KeptAnswer(answer.status_code, self._without_ids(body)))
            if self.customer_id is not None and self.keepwell.suppression.find(
                conn, self.customer_id, now=now
            ):
                kept_answers.forget_answers(conn, [self.customer_id])

    def replay(self, kept: KeptAnswer) -> Response:
        """Answer as the first time."""
        return Response(
            self._with_ids(kept.body),
            status_code=kept.status,
            media_type="application/json" if kept.status < 400 else MEDIA_TYPE,
            headers={"Cache-Control": "no-store", "Idempotency-Replayed": "true"},
        )

    def _without_ids(self, body: str) -> str:
        """Leave out of an answer about events whose they were: the request has it."""
        if self.template != "/v1/events":
            return body
        told = json.loads(body)
        for each in told.get("results", ()):
            del each["event_id"]
        return json.dumps(told, separators=(",", ":"))

    def _with_ids(self, body: str) -> str:
        if self.template != "/v1/events":
            return body
        told = json.loads(body)
        if "results" in told:
            sent = json.loads(self.body)["events"]
            told["results"] = [
                {"event_id": event_id_of(event), **each}
                for event, each in zip(sent, told["results"], strict=True)
            ]
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _concerned(
    keepwell: Keepwell, conn: Connection, template: str, places: dict[str, str]
) -> str | None:
    """Find the customer whom a request concerns; nobody where its answer names nobody."""
    if template.endswith("/erasure"):
        return None  # how much went, and nothing of whom: its answer outlives them
    if "customer_id" in places:
        return keepwell.inside_id(places["customer_id"].replace(SLASH, "/"))
    if "intervention_id" in places:
        theirs = interventions.c.intervention_id == places["intervention_id"]
        found = conn.execute(select(interventions.c.customer_id).where(theirs)).scalar()
        return None if found is None else str(found)
    if "request_id" in places:
        mine = review_requests.c.request_id == places["request_id"]
        person = conn.execute(select(review_requests.c.person_id).where(mine)).scalar()
        return None if person is None else keepwell.persons.customer_of(conn, person)
    return None
