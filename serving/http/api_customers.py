"""HTTP: customers, what they permit, and what would be if."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from governance.consent_record import ConsentChange
from governance.errors import InvalidInput
from governance.instants import parse_instant, to_text
from serving import consents, customers
from serving.auth import Principal
from serving.http.context import Caller, Here, Step, fresh
from serving.http.schemas import ConsentRequest, WhatIfRequest, WhatIfResponse
from serving.shapes import consent_event_json, state_json, what_if_json

router = APIRouter(tags=["customers"])
CustomerPath = Annotated[Step, Path(min_length=1, max_length=200)]
PurposePath = Annotated[Step, Path(min_length=1, max_length=100)]


@router.get("/v1/customers")
def get_customers(
    here: Here,
    caller: Annotated[Principal, Depends(Caller("consent:read"))],
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """List customers in order of id; pass `next` as `after` for more."""
    page, more = customers.list_customers(here.keepwell, limit=limit, after=after)
    return fresh({"results": [{"customer_id": each} for each in page], "next": more})


@router.get("/v1/customers/{customer_id}")
def get_customer(
    customer_id: CustomerPath,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("consent:read"))],
) -> Response:
    """Show a customer's history, permissions, decisions and contacts."""
    return fresh(customers.show_customer(here.keepwell, customer_id, clock=here.clock))


@router.get("/v1/customers/{customer_id}/consents")
def get_consents(
    customer_id: CustomerPath,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("consent:read"))],
) -> Response:
    """Say where a customer stands on every purpose, and everything they ever said."""
    keepwell, inside = here.keepwell, here.keepwell.inside_id(customer_id)
    with keepwell.database.read() as conn:
        states = keepwell.registry.states(conn, inside, now=here.clock())
        history = keepwell.registry.history(conn, inside)
    return fresh(
        {
            "customer_id": customer_id,
            "consents": [state_json(each) for each in states],
            "history": [consent_event_json(each) for each in history],
        }
    )


@router.put("/v1/customers/{customer_id}/consents/{purpose}")
def put_consent(
    customer_id: CustomerPath,
    purpose: PurposePath,
    body: ConsentRequest,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("consent:write"))],
) -> Response:
    """Record that a customer permits one purpose, with the act and its evidence."""
    zone = here.keepwell.settings.zone
    change = ConsentChange(
        customer_id=here.keepwell.inside_id(customer_id),
        purpose=purpose,
        state="given",
        occurred_at=None if body.occurred_at is None else parse_instant(body.occurred_at, zone),
        actor=f"key {caller.key_id}",
        mechanism=body.mechanism,
        evidence=body.evidence,
        explicit=body.explicit,
        expires_at=None if body.expires_at is None else parse_instant(body.expires_at, zone),
        notice_id=body.notice_id,
        notice_version=body.notice_version,
        notice_hash=body.notice_hash,
        notice_locale=body.notice_locale,
        guardian_evidence=body.guardian_evidence,
    )
    event = consents.change_consent(here.keepwell, change, clock=here.clock)
    return fresh({"customer_id": customer_id, **consent_event_json(event)})


@router.delete("/v1/customers/{customer_id}/consents/{purpose}")
def delete_consent(
    customer_id: CustomerPath,
    purpose: PurposePath,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("consent:write"))],
) -> Response:
    """Withdraw a permission; in force when this answers. Needs no body."""
    event = consents.withdraw(
        here.keepwell,
        here.keepwell.inside_id(customer_id),
        purpose,
        actor=f"key {caller.key_id}",
        clock=here.clock,
    )
    return fresh(
        {
            "customer_id": customer_id,
            "purpose": purpose,
            "state": event.state,
            "event_id": event.event_id,
            "effective_at": to_text(event.recorded_at),
        }
    )


@router.post("/v1/customers/{customer_id}/what-if", response_model=WhatIfResponse, tags=["scores"])
def post_what_if(
    customer_id: CustomerPath,
    body: WhatIfRequest,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("score:read"))],
) -> Response:
    """Say what the score would be with some features otherwise, as a comparison of customers."""
    as_of = None
    if body.as_of is not None:
        as_of = parse_instant(body.as_of, here.keepwell.settings.zone)
        if as_of > here.clock():
            raise InvalidInput("as_of lies in the future", hint="leave it out to ask now")
    answer = here.scorer.what_if(
        customer_id,
        body.set,
        target=body.target,
        as_of=as_of,
        may_see_refusals=caller.may("consent:read"),
    )
    return fresh(what_if_json(answer, here.keepwell.kind))
