"""HTTP: the feedback hub, from what could be better to whether it got better."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from governance.instants import parse_instant
from serving.access.auth import Principal
from serving.feedback import desk
from serving.feedback.items import FeedbackItem, list_items, load_item
from serving.http.context import Caller, Context, Here, Step, fresh
from serving.http.feedback_schemas import (
    ActionRequest,
    AssignRequest,
    CloseRequest,
    FeedbackAnswer,
    FeedbackPage,
    FeedbackRequest,
)
from serving.http.idempotency import AnsweredOnce
from serving.http.paging import LIMIT, After, paged

router = APIRouter(tags=["feedback"])
once = APIRouter(tags=["feedback"], route_class=AnsweredOnce)
ItemPath = Annotated[Step, Path(min_length=1, max_length=40)]
Reader = Annotated[Principal, Depends(Caller("outcomes:read"))]
Writer = Annotated[Principal, Depends(Caller("feedback:write"))]


@router.get("/v1/feedback", operation_id="list_feedback", response_model=FeedbackPage)
def get_feedback(
    here: Here,
    caller: Reader,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description=LIMIT)] = 50,
    after: After = None,
    status: Annotated[
        Literal["open", "assigned", "acted", "closed"] | None,
        Query(description="Only those that stand so."),
    ] = None,
) -> Response:
    """List items, the newest first; pass `next` as `after` for older ones."""
    with here.keepwell.database.read() as conn:
        found = list_items(conn, limit=limit + 1, after=after, status=status)
    now, page = here.clock(), found[:limit]
    more = page[-1].position.to_text() if len(found) > limit else None
    results = [each.to_json(now=now) for each in page]
    return paged(request, {"results": results}, more, limit=limit)


@router.get("/v1/feedback/{item_id}", operation_id="get_feedback", response_model=FeedbackAnswer)
def get_item(item_id: ItemPath, here: Here, caller: Reader) -> Response:
    """Show one item with its figures before and after."""
    with here.keepwell.database.read() as conn:
        return _told(load_item(conn, item_id), here)


@once.post(
    "/v1/feedback", operation_id="open_feedback", response_model=FeedbackAnswer, status_code=201
)
def post_item(body: FeedbackRequest, here: Here, caller: Writer) -> Response:
    """Open an item and take its figure as it is now; its words must name nobody."""
    made = desk.open_item(
        here.keepwell,
        title=body.title,
        source=body.source,
        measure=body.measure,
        days=body.days,
        now=here.clock(),
    )
    return _told(made, here, status=201)


@once.post(
    "/v1/feedback/{item_id}/assign", operation_id="assign_feedback", response_model=FeedbackAnswer
)
def post_assign(item_id: ItemPath, body: AssignRequest, here: Here, caller: Writer) -> Response:
    """Give an item an owner and a deadline."""
    due_at = parse_instant(body.due_at, here.keepwell.settings.zone)
    made = desk.assign(here.keepwell, item_id, owner=body.owner, due_at=due_at, now=here.clock())
    return _told(made, here)


@once.post(
    "/v1/feedback/{item_id}/act", operation_id="act_on_feedback", response_model=FeedbackAnswer
)
def post_act(item_id: ItemPath, body: ActionRequest, here: Here, caller: Writer) -> Response:
    """Say what was done; from now on an equal window runs until it is measured again."""
    return _told(desk.act(here.keepwell, item_id, action=body.action, now=here.clock()), here)


@once.post(
    "/v1/feedback/{item_id}/remeasure",
    operation_id="remeasure_feedback",
    response_model=FeedbackAnswer,
)
def post_remeasure(item_id: ItemPath, here: Here, caller: Writer) -> Response:
    """Take the same figure over an equal window after the act, and say what changed."""
    return _told(desk.remeasure(here.keepwell, item_id, now=here.clock()), here)


@once.post(
    "/v1/feedback/{item_id}/close", operation_id="close_feedback", response_model=FeedbackAnswer
)
def post_close(item_id: ItemPath, body: CloseRequest, here: Here, caller: Writer) -> Response:
    """Close an item that was measured again, or one with a stated reason why not."""
    made = desk.close(here.keepwell, item_id, reason=body.reason, by=caller.owner, now=here.clock())
    return _told(made, here)


def _told(item: FeedbackItem, here: Context, *, status: int = 200) -> Response:
    return fresh(item.to_json(now=here.clock()), status=status)
