"""HTTP: contested decisions and complaints before whoever answers them."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Response

from governance.errors import InvalidInput, KeepwellError, NotFound, PermissionRefused
from serving.http.problems import STATUS
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.pages.mistakes import mistake
from serving.pages.staff import review as words
from serving.record.review_requests import list_requests, show_request
from serving.rights import review_queue
from serving.rights.complaints import (
    CATEGORIES,
    CLOSED,
    add_complaint,
    close_complaint,
    list_complaints,
    show_complaint,
)

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Keeper = Annotated[Visit, Depends(Staff(*words.KEEPERS))]
Id = Annotated[str, Path(min_length=1, max_length=40)]
RequestStatus = Literal["open", "upheld", "overturned", "withdrawn", "all"]
ComplaintStatus = Literal["open", "resolved", "rejected", "withdrawn", "all"]
REQUESTS, COMPLAINTS = "/staff/review/requests", "/staff/review/complaints"
_PAGE = 50


@router.get(REQUESTS)
def get_requests(
    visit: Keeper,
    status: RequestStatus = "open",
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Show the queue, the oldest first."""
    wanted = None if status == "all" else status
    with visit.here.keepwell.database.read() as conn:
        found = list_requests(conn, limit=_PAGE + 1, after=after, status=wanted)
    shown = found[:_PAGE]
    last = shown[-1].position.to_text() if len(found) > _PAGE else ""
    return visit.answer(
        "review_requests.html.j2",
        title="Contested decisions",
        section="review",
        words=words,
        tabs=words.tabs(visit.caller),
        found=shown,
        state=status,
        more=f"{REQUESTS}?status={status}&after={quote(last, safe='')}" if last else "",
        now=visit.here.clock(),
    )


@router.get(f"{REQUESTS}/{{request_id}}")
def get_request(request_id: Id, visit: Keeper, said: str = "") -> Response:
    """Show one request with what the customer said, and how it may be answered."""
    return _request(visit, request_id, said=said)


@router.post(f"{REQUESTS}/{{request_id}}/decision")
def post_decision(request_id: Id, visit: Keeper) -> Response:
    """Uphold or overturn the contested decision, and say why."""
    reason = visit.form.get("reason", "")
    try:
        review_queue.decide(
            visit.here.keepwell,
            request_id,
            outcome=visit.form.get("outcome", ""),
            reason=reason,
            decider=visit.caller,
            clock=visit.here.clock,
        )
    except (InvalidInput, PermissionRefused) as refused:
        return _request(visit, request_id, refused=refused, typed=reason)
    return goto(f"{REQUESTS}/{request_id}?said=decided")


@router.post(f"{REQUESTS}/{{request_id}}/appeal")
def post_appeal(request_id: Id, visit: Keeper) -> Response:
    """Contest an answer for the customer: somebody else looks once more."""
    reason = visit.form.get("reason", "")
    try:
        made = review_queue.appeal(
            visit.here.keepwell, request_id, reason=reason, clock=visit.here.clock
        )
    except InvalidInput as refused:
        return _request(visit, request_id, refused=refused, typed=reason)
    return goto(f"{REQUESTS}/{made.request_id}?said=appealed")


@router.post(f"{REQUESTS}/{{request_id}}/withdrawal")
def post_withdrawal(request_id: Id, visit: Keeper) -> Response:
    """Take a request back, as the customer asks."""
    try:
        review_queue.withdraw_request(visit.here.keepwell, request_id, clock=visit.here.clock)
    except InvalidInput as refused:
        return _request(visit, request_id, refused=refused)
    return goto(f"{REQUESTS}/{request_id}?said=withdrawn")


@router.get(COMPLAINTS)
def get_complaints(visit: Keeper, status: ComplaintStatus = "open") -> Response:
    """Show complaints without their words, the oldest first."""
    return _complaints(visit, status=status)


@router.post(COMPLAINTS)
def post_complaint(visit: Keeper) -> Response:
    """Record a complaint; the words go into the customer's own history."""
    form = visit.form
    try:
        made = add_complaint(
            visit.here.keepwell,
            form.get("customer", "").strip(),
            category=form.get("category", ""),
            text=form.get("text", ""),
            clock=visit.here.clock,
        )
    except (InvalidInput, NotFound) as refused:
        return _complaints(visit, refused=refused)
    return goto(f"{COMPLAINTS}/{made.complaint_id}?said=recorded")


@router.get(f"{COMPLAINTS}/{{complaint_id}}")
def get_complaint(complaint_id: Id, visit: Keeper, said: str = "") -> Response:
    """Show one complaint with its words."""
    return _complaint(visit, complaint_id, said=said)


@router.post(f"{COMPLAINTS}/{{complaint_id}}/closing")
def post_closing(complaint_id: Id, visit: Keeper) -> Response:
    """Answer a complaint and close it."""
    text = visit.form.get("text", "")
    try:
        close_complaint(
            visit.here.keepwell,
            complaint_id,
            outcome=visit.form.get("outcome", ""),
            text=text,
            by=visit.caller,
            clock=visit.here.clock,
        )
    except InvalidInput as refused:
        return _complaint(visit, complaint_id, refused=refused, typed=text)
    return goto(f"{COMPLAINTS}/{complaint_id}?said=closed")


def _request(
    visit: Visit,
    request_id: str,
    *,
    said: str = "",
    refused: KeepwellError | None = None,
    typed: str = "",
) -> Response:
    keepwell = visit.here.keepwell
    found = show_request(keepwell, request_id)
    return visit.answer(
        "review_request.html.j2",
        title="Contested decision",
        section="review",
        status=200 if refused is None else STATUS[type(refused)],
        words=words,
        tabs=words.tabs(visit.caller),
        here=f"{REQUESTS}/{request_id}",
        found=found,
        had_a_hand=review_queue.had_a_hand(keepwell, request_id, visit.caller.owner),
        may_read_customers=visit.caller.may("consent:read"),
        said=words.SAID.get(said, ""),
        refused="" if refused is None else mistake(refused),
        typed=typed,
        now=visit.here.clock(),
    )


def _complaints(
    visit: Visit, *, status: str = "open", refused: KeepwellError | None = None
) -> Response:
    wanted = None if status == "all" else status
    with visit.here.keepwell.database.read() as conn:
        found = list_complaints(conn, status=wanted)
    return visit.answer(
        "review_complaints.html.j2",
        title="Complaints",
        section="review",
        status=200 if refused is None else STATUS[type(refused)],
        words=words,
        tabs=words.tabs(visit.caller),
        found=found,
        state=status,
        categories=CATEGORIES,
        refused="" if refused is None else mistake(refused),
        typed={name: visit.form.get(name, "") for name in ("customer", "category", "text")},
    )


def _complaint(
    visit: Visit,
    complaint_id: str,
    *,
    said: str = "",
    refused: KeepwellError | None = None,
    typed: str = "",
) -> Response:
    return visit.answer(
        "review_complaint.html.j2",
        title="Complaint",
        section="review",
        status=200 if refused is None else STATUS[type(refused)],
        words=words,
        tabs=words.tabs(visit.caller),
        here=f"{COMPLAINTS}/{complaint_id}",
        found=show_complaint(visit.here.keepwell, complaint_id),
        outcomes=CLOSED,
        may_read_customers=visit.caller.may("consent:read"),
        said=words.SAID.get(said, ""),
        refused="" if refused is None else mistake(refused),
        typed=typed,
    )
