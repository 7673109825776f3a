"""HTTP: customers, and what would be if."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from governance.errors import InvalidInput
from governance.instants import parse_instant
from serving.access.auth import Principal
from serving.http.context import Caller, Here, ScopeFirst, Step, fresh
from serving.http.customer_answers import CustomerAnswer, CustomersPage
from serving.http.paging import AFTER, LIMIT, paged
from serving.http.schemas import WhatIfRequest, WhatIfResponse
from serving.rights import customers
from serving.scoring.shapes import what_if_json

router = APIRouter(tags=["customers"], route_class=ScopeFirst)
CustomerPath = Annotated[Step, Path(min_length=1, max_length=200)]


@router.get("/v1/customers", operation_id="list_customers", response_model=CustomersPage)
def get_customers(
    here: Here,
    caller: Annotated[Principal, Depends(Caller("consent:read"))],
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1_000, description=LIMIT)] = 100,
    after: Annotated[str, Query(max_length=200, description=AFTER)] = "",
) -> Response:
    """List customers in order of id; pass `next` as `after` for more."""
    page, more = customers.list_customers(here.keepwell, limit=limit, after=after)
    return paged(request, {"results": [{"customer_id": each} for each in page]}, more, limit=limit)


@router.get(
    "/v1/customers/{customer_id}", operation_id="get_customer", response_model=CustomerAnswer
)
def get_customer(
    customer_id: CustomerPath,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("consent:read"))],
) -> Response:
    """Show a customer's history, permissions, decisions and contacts.

    What was estimated (`result`, `probability`) is for keys with `score:read`.
    """
    sees = caller.may("score:read")
    return fresh(
        customers.show_customer(here.keepwell, customer_id, clock=here.clock, sees_scores=sees)
    )


@router.post(
    "/v1/customers/{customer_id}/what-if",
    operation_id="ask_what_if",
    response_model=WhatIfResponse,
    tags=["scores"],
)
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
