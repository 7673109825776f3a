"""People who contest a decision, until another person has looked again (art. 22 GDPR).

A request holds every contact that rests on the decision. Whoever decides is the owner of a key, and
neither the one who approved such a contact nor anyone who decided on this case before.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from features.events import keepwell_event
from features.live import append
from governance.errors import InvalidInput, NotFound, PermissionRefused
from governance.log.decision import load, new_decision_id
from serving.access.auth import Principal
from serving.bootstrap import Keepwell
from serving.interventions.deciding.contest import approvers, hold, release, stop
from serving.links import lock_linked
from serving.record.restore import note_journal
from serving.record.review_journal import note_review
from serving.record.review_requests import (
    DECIDED,
    REQUESTED,
    ReviewRequest,
    ids_of,
    load_request,
    open_of,
    requests_of,
)
from serving.rights.customers import require_known
from serving.tables import review_requests

Clock = Callable[[], datetime]
OUTCOMES = ("upheld", "overturned")
_MINE = review_requests.c


def request_review(
    keepwell: Keepwell,
    customer_id: str,
    *,
    reason: str,
    clock: Clock,
    decision_id: str | None = None,
) -> ReviewRequest:
    """Record that a customer contests a decision, and hold every contact that rests on it.

    Without a decision everything is held that rests on a score. Raises `NotFound` for an unknown
    customer, or a decision that is not about this one; `InvalidInput` for a second open request.
    """
    inside = keepwell.inside_id(customer_id)
    with keepwell.database.write() as conn:
        lock_linked(conn, [inside])
        now = clock()
        require_known(keepwell, conn, inside)
        person = keepwell.persons.person_id(conn, inside)
        if decision_id is not None:
            _require_theirs(keepwell, conn, inside, decision_id)
        if any(each.decision_id == decision_id for each in open_of(conn, person)):
            raise InvalidInput(
                "this is contested already, and nobody has decided yet",
                hint="see: keepwell rights review list",
            )
        return _file(keepwell, conn, inside, person, decision_id, None, reason, now)


def appeal(keepwell: Keepwell, request_id: str, *, reason: str, clock: Clock) -> ReviewRequest:
    """Contest an answer: someone else looks once more. Raises `InvalidInput` for an open request.

    An overturned decision cannot be appealed: there is nothing left of it. Nor is one without
    what the customer says.
    """
    if not reason.strip():
        raise InvalidInput("an appeal needs what the customer says")
    with keepwell.database.write() as conn:
        first = load_request(conn, request_id)
        inside = _customer(keepwell, conn, first)
        lock_linked(conn, [inside])
        now = clock()
        if load_request(conn, request_id).status != "upheld":
            raise InvalidInput(
                f"the request is {first.status}; only a decision that was upheld can be appealed"
            )
        if conn.execute(select(_MINE.request_id).where(_MINE.appeal_of == request_id)).first():
            raise InvalidInput("there is an appeal already", hint="keepwell rights review list")
        return _file(
            keepwell, conn, inside, first.person_id, first.decision_id, request_id, reason, now
        )


def decide(
    keepwell: Keepwell,
    request_id: str,
    *,
    outcome: str,
    reason: str,
    decider: Principal,
    clock: Clock,
) -> ReviewRequest:
    """Answer a request: the contested decision is upheld, or overturned with what rests on it.

    Raises `PermissionRefused` for someone who had a hand in the case before, `InvalidInput` for
    another outcome, no reason or a request that is not open, `NotFound` for an unknown one.
    """
    decider.require("rights:manage")
    if outcome not in OUTCOMES:
        raise InvalidInput(f"{outcome!r} is neither {' nor '.join(OUTCOMES)}")
    if not reason.strip():
        raise InvalidInput("an answer needs its reason", hint="the customer will read it")
    with keepwell.database.write() as conn:
        inside = _customer(keepwell, conn, load_request(conn, request_id))
        lock_linked(conn, [inside])
        now = clock()
        found = _require_open(conn, request_id)
        if decider.owner.casefold() in _hands(conn, inside, found):
            raise PermissionRefused(
                "whoever decides here approved the contact, or decided on this case before",
                purpose="review",
                reason="not_independent",
                hint="have the owner of another key with rights:manage decide",
            )
        ended = _end(conn, found, outcome, now, decider=decider)
        append(conn, [_words(DECIDED, inside, ended, {"outcome": outcome, "reason": reason}, now)])
        if outcome == "overturned":
            note_review(keepwell, inside, ended, now=now, key_id=decider.key_id)
            note_journal(keepwell, conn)
            touched = stop(conn, ids_of(conn, inside), found.decision_id, now=now)
        else:
            touched = _release(conn, inside, found)
        body = {
            "person": found.person_id,
            "request": request_id,
            "outcome": outcome,
            "key": decider.key_id,
            "contacts": touched,
        }
        keepwell.ledger.append(conn, "review_decided", body, now=now)
    return ended


def had_a_hand(keepwell: Keepwell, request_id: str, owner: str) -> bool:
    """Whether this person approved such a contact or decided on the case, and so may not now."""
    with keepwell.database.read() as conn:
        found = load_request(conn, request_id)
        customer_id = keepwell.persons.customer_of(conn, found.person_id)
        return customer_id is not None and owner.casefold() in _hands(conn, customer_id, found)


def withdraw_request(keepwell: Keepwell, request_id: str, *, clock: Clock) -> ReviewRequest:
    """Take a request back, as the customer asks; what it held goes on as before."""
    with keepwell.database.write() as conn:
        inside = _customer(keepwell, conn, load_request(conn, request_id))
        lock_linked(conn, [inside])
        now = clock()
        found = _require_open(conn, request_id)
        ended = _end(conn, found, "withdrawn", now)
        _release(conn, inside, found)
        body = {"person": found.person_id, "request": request_id, "outcome": "withdrawn"}
        keepwell.ledger.append(conn, "review_decided", body, now=now)
    return ended


def _file(
    keepwell: Keepwell,
    conn: Connection,
    customer_id: str,
    person: str,
    decision_id: str | None,
    appeal_of: str | None,
    reason: str,
    now: datetime,
) -> ReviewRequest:
    made = ReviewRequest(
        request_id=new_decision_id(),
        person_id=person,
        decision_id=decision_id,
        appeal_of=appeal_of,
        received_at=now,
        due_at=now + timedelta(days=keepwell.settings.rights.review_days),
        status="open",
        decided_by=None,
        decided_at=None,
    )
    conn.execute(insert(review_requests), made._asdict())
    note_review(keepwell, customer_id, made, now=now)
    note_journal(keepwell, conn)
    said = {"reason": reason, "decision": decision_id, "appeal_of": appeal_of}
    append(conn, [_words(REQUESTED, customer_id, made, said, now)])
    held = hold(conn, ids_of(conn, customer_id), decision_id, now=now)
    body = {
        "person": person,
        "request": made.request_id,
        "decision": decision_id,
        "appeal_of": appeal_of,
        "contacts": held,
    }
    keepwell.ledger.append(conn, "review_requested", body, now=now)
    return made


def _words(
    kind: str, customer_id: str, request: ReviewRequest, said: dict[str, Any], now: datetime
) -> Any:
    return keepwell_event(
        kind,
        customer_id,
        event_id=request.request_id,
        occurred_at=now,
        known_at=now,
        properties={name: each for name, each in said.items() if each is not None},
    )


def _end(
    conn: Connection,
    found: ReviewRequest,
    status: str,
    now: datetime,
    *,
    decider: Principal | None = None,
) -> ReviewRequest:
    by = {} if decider is None else {"decided_by": decider.owner, "decided_key": decider.key_id}
    mine = _MINE.request_id == found.request_id
    changed = {"status": status, "decided_at": now, **by}
    conn.execute(update(review_requests).where(mine).values(changed))
    return load_request(conn, found.request_id)


def _release(conn: Connection, customer_id: str, found: ReviewRequest) -> int:
    others = {each.decision_id for each in open_of(conn, found.person_id)}
    return release(conn, ids_of(conn, customer_id), found.decision_id, still_contested=others)


def _hands(conn: Connection, customer_id: str, found: ReviewRequest) -> set[str]:
    """Name, in lower case, everyone who approved a contact or decided earlier on this case.

    Asking anew about the same decision is the same case as appealing.
    """
    names = approvers(conn, ids_of(conn, customer_id), found.decision_id)
    earlier = {each.request_id: each for each in requests_of(conn, found.person_id)}
    chain: set[str] = set()
    before = found.appeal_of
    while before in earlier:
        chain.add(before)
        before = earlier[before].appeal_of
    for each in earlier.values():
        same = found.decision_id is not None and each.decision_id == found.decision_id
        if each.decided_by is not None and (same or each.request_id in chain):
            names.add(each.decided_by)
    return {name.casefold() for name in names}


def _require_theirs(
    keepwell: Keepwell, conn: Connection, customer_id: str, decision_id: str
) -> None:
    """Raise `NotFound` unless the decision is about this customer, by any id of theirs."""
    persons = {keepwell.persons.find(conn, each) for each in ids_of(conn, customer_id)} - {None}
    try:
        person = load(conn, decision_id).person_id
    except NotFound:
        person = None
    if person is None or person not in persons:
        raise NotFound(
            "no such decision about this customer", hint="see: keepwell rights export CUSTOMER"
        )


def _require_open(conn: Connection, request_id: str) -> ReviewRequest:
    found = load_request(conn, request_id)
    if found.status != "open":
        raise InvalidInput(
            f"the request is {found.status}, only an open one can be decided",
            hint="an upheld decision can be appealed: keepwell rights appeal",
        )
    return found


def _customer(keepwell: Keepwell, conn: Connection, found: ReviewRequest) -> str:
    customer_id = keepwell.persons.customer_of(conn, found.person_id)
    if customer_id is None:
        raise NotFound("the customer who asked was erased", hint="nothing is left to decide on")
    return customer_id
