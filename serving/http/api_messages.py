"""HTTP: messages that wait or were given up, and sending them again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from serving.access.auth import Principal
from serving.http.context import Caller, Here, Step, fresh
from serving.http.idempotency import AnsweredOnce
from serving.http.message_answers import MessageReplayed, MessagesPage
from serving.http.paging import LIMIT, After, paged
from serving.interventions.delivery.desk import desk_of
from serving.interventions.delivery.message_desk import MessageStatus, list_messages, replay

router = APIRouter(tags=["interventions"])
once = APIRouter(tags=["interventions"], route_class=AnsweredOnce)
MessagePath = Annotated[Step, Path(min_length=1, max_length=40)]
Admin = Annotated[Principal, Depends(Caller("admin"))]


@router.get("/v1/messages", operation_id="list_messages", response_model=MessagesPage)
def get_messages(
    here: Here,
    caller: Admin,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description=LIMIT)] = 50,
    after: After = None,
    status: Annotated[MessageStatus | None, Query(description="Only those that stand so.")] = None,
) -> Response:
    """List messages, the newest first, without whom they are about or what they say."""
    with here.keepwell.database.read() as conn:
        found = list_messages(conn, limit=limit + 1, after=after, status=status)
    page = found[:limit]
    more = page[-1].position.to_text() if len(found) > limit else None
    return paged(request, {"results": [each.to_json() for each in page]}, more, limit=limit)


@once.post(
    "/v1/messages/{message_id}/replay",
    operation_id="replay_message",
    response_model=MessageReplayed,
)
def post_replay(message_id: MessagePath, here: Here, caller: Admin) -> Response:
    """Let a dead message be sent again, under the same id, if permission still holds."""
    desk, by = desk_of(here.keepwell), f"key {caller.key_id}"
    return fresh(replay(desk, message_id, by=by, now=here.clock())._asdict())
