"""HTTP: what people may ask for about their data, and the queue of contested decisions."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from serving.access.auth import Principal
from serving.http.context import Caller, Context, Here, Step, fresh
from serving.http.idempotency import AnsweredOnce
from serving.http.paging import LIMIT, After, paged
from serving.http.rights_answers import (
    ComplaintRecorded,
    ErasureDone,
    ExportAnswer,
    ObjectionDone,
    ReviewRequestAnswer,
    ReviewRequestRecorded,
    ReviewRequestShown,
    ReviewRequestsPage,
)
from serving.http.schemas import (
    ComplaintRequest,
    ReasonRequest,
    ReviewDecisionRequest,
    ReviewRequestRequest,
)
from serving.record.review_requests import ReviewRequest, list_requests, show_request
from serving.rights import acts as rights
from serving.rights import complaints, review_queue
from serving.rights.export_page import render_export

router = APIRouter(tags=["rights"])
once = APIRouter(tags=["rights"], route_class=AnsweredOnce)
CustomerPath = Annotated[Step, Path(min_length=1, max_length=200)]
RequestPath = Annotated[Step, Path(min_length=1, max_length=40)]
Manager = Annotated[Principal, Depends(Caller("rights:manage"))]


@router.get(
    "/v1/customers/{customer_id}/export",
    operation_id="export_customer",
    response_model=ExportAnswer,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
def get_export(
    customer_id: CustomerPath,
    here: Here,
    caller: Manager,
    form: Annotated[Literal["json", "html"], Query(alias="format")] = "json",
) -> Response:
    """Give everything held about a customer: exactly what erasure would delete.

    As JSON for machines, or with `format=html` as a page for the customer.
    """
    found = rights.export(here.keepwell, customer_id, now=here.clock(), key_id=caller.key_id)
    if form == "html":
        return HTMLResponse(render_export(found), headers={"Cache-Control": "no-store"})
    return fresh(found)


@once.post(
    "/v1/customers/{customer_id}/erasure", operation_id="erase_customer", response_model=ErasureDone
)
def post_erasure(customer_id: CustomerPath, here: Here, caller: Manager) -> Response:
    """Erase a customer everywhere. This cannot be undone."""
    done = rights.erase(here.keepwell, customer_id, now=here.clock(), key_id=caller.key_id)
    return fresh({"outcome": "erased", **done})


@once.post(
    "/v1/customers/{customer_id}/objection",
    operation_id="object_to_processing",
    response_model=ObjectionDone,
)
def post_objection(customer_id: CustomerPath, here: Here, caller: Manager) -> Response:
    """Record an objection (art. 21): no marketing outreach, nor the scoring done for it."""
    done = rights.object_to_processing(here.keepwell, customer_id, now=here.clock())
    return fresh({"outcome": "objected", **done})


@once.post(
    "/v1/customers/{customer_id}/review-request",
    operation_id="request_review",
    response_model=ReviewRequestRecorded,
    status_code=202,
)
def post_review_request(
    customer_id: CustomerPath, body: ReviewRequestRequest, here: Here, caller: Manager
) -> Response:
    """Record that a customer contests a decision; contacts that rest on it wait meanwhile."""
    made = review_queue.request_review(
        here.keepwell,
        customer_id,
        reason=body.reason,
        decision_id=body.decision_id,
        clock=here.clock,
    )
    return fresh({"outcome": "recorded", **_shaped(made, here)}, status=202)


@once.post(
    "/v1/customers/{customer_id}/complaints",
    operation_id="create_complaint",
    response_model=ComplaintRecorded,
    status_code=202,
)
def post_complaint(
    customer_id: CustomerPath, body: ComplaintRequest, here: Here, caller: Manager
) -> Response:
    """Record a complaint; the words go into the customer's own history."""
    made = complaints.add_complaint(
        here.keepwell, customer_id, category=body.category, text=body.text, clock=here.clock
    )
    return fresh({"outcome": "recorded", **made.to_json()}, status=202)


@router.get(
    "/v1/review-requests", operation_id="list_review_requests", response_model=ReviewRequestsPage
)
def get_review_requests(
    here: Here,
    caller: Manager,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description=LIMIT)] = 50,
    after: After = None,
    status: Annotated[
        str | None, Query(max_length=16, description="Only those that stand so.")
    ] = None,
) -> Response:
    """List contested decisions, the oldest first; pass `next` as `after` for newer ones."""
    with here.keepwell.database.read() as conn:
        found = list_requests(conn, limit=limit + 1, after=after, status=status)
    page = found[:limit]
    more = page[-1].position.to_text() if len(found) > limit else None
    return paged(request, {"results": [_shaped(each, here) for each in page]}, more, limit=limit)


@router.get(
    "/v1/review-requests/{request_id}",
    operation_id="get_review_request",
    response_model=ReviewRequestShown,
)
def get_review_request(request_id: RequestPath, here: Here, caller: Manager) -> Response:
    """Show one request with what the customer said and what they were answered."""
    return fresh(show_request(here.keepwell, request_id).to_json(now=here.clock()))


@once.post(
    "/v1/review-requests/{request_id}/decision",
    operation_id="decide_review_request",
    response_model=ReviewRequestAnswer,
)
def post_decision(
    request_id: RequestPath, body: ReviewDecisionRequest, here: Here, caller: Manager
) -> Response:
    """Uphold the contested decision, or overturn it with what rests on it, and say why."""
    made = review_queue.decide(
        here.keepwell,
        request_id,
        outcome=body.outcome,
        reason=body.reason,
        decider=caller,
        clock=here.clock,
    )
    return fresh(_shaped(made, here))


@once.post(
    "/v1/review-requests/{request_id}/appeal",
    operation_id="appeal_review_request",
    response_model=ReviewRequestRecorded,
    status_code=202,
)
def post_appeal(
    request_id: RequestPath, body: ReasonRequest, here: Here, caller: Manager
) -> Response:
    """Contest the answer; someone who had no hand in the case so far decides."""
    made = review_queue.appeal(here.keepwell, request_id, reason=body.reason, clock=here.clock)
    return fresh({"outcome": "recorded", **_shaped(made, here)}, status=202)


@once.post(
    "/v1/review-requests/{request_id}/withdrawal",
    operation_id="withdraw_review_request",
    response_model=ReviewRequestAnswer,
)
def post_withdrawal(request_id: RequestPath, here: Here, caller: Manager) -> Response:
    """Take a request back, as the customer asks; needs no body."""
    return fresh(
        _shaped(review_queue.withdraw_request(here.keepwell, request_id, clock=here.clock), here)
    )


def _shaped(found: ReviewRequest, here: Context) -> dict[str, Any]:
    return found.to_json(now=here.clock())
