"""HTTP: contacts that wait for a person, and the sender's last question before it sends."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from serving.access.auth import Principal
from serving.approval.proposal import open_proposal
from serving.http.answers import InterventionShown, InterventionsPage, VerdictAnswer
from serving.http.context import Caller, Here, Step, fresh
from serving.http.idempotency import AnsweredOnce
from serving.http.paging import LIMIT, After, paged
from serving.http.schemas import ApprovalRequest, ReasonRequest
from serving.interventions.deciding import oversight, views
from serving.interventions.deciding.oversight import AS_PROPOSED, Change, Verdict
from serving.interventions.delivery.desk import Status, desk_of

router = APIRouter(tags=["interventions"])
once = APIRouter(tags=["interventions"], route_class=AnsweredOnce)
InterventionPath = Annotated[Step, Path(min_length=1, max_length=40)]


@router.get(
    "/v1/interventions", operation_id="list_interventions", response_model=InterventionsPage
)
def get_interventions(
    here: Here,
    caller: Annotated[Principal, Depends(Caller("intervention:read"))],
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description=LIMIT)] = 50,
    after: After = None,
    status: Annotated[Status | None, Query(description="Only those that stand so.")] = None,
) -> Response:
    """List interventions, the newest first; pass `next` as `after` for older ones.

    The probability is for keys with `score:read`.
    """
    with here.keepwell.database.read() as conn:
        found = views.list_interventions(conn, limit=limit + 1, after=after, status=status)
        registry = here.keepwell.registry
        found = views.without_refused(conn, registry, found, now=here.clock())
    page = found[:limit]
    sees, sees_scores = caller.may("consent:read"), caller.may("score:read")
    more = page[-1].position.to_text() if len(found) > limit else None
    results = [each.to_json(may_see_refusals=sees, sees_scores=sees_scores) for each in page]
    return paged(request, {"results": results}, more, limit=limit)


@router.get(
    "/v1/interventions/{intervention_id}",
    operation_id="get_intervention",
    response_model=InterventionShown,
)
def get_intervention(
    intervention_id: InterventionPath,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("intervention:read"))],
) -> Response:
    """Show one contact: why, what was decided before, and the very message that would leave.

    The estimate with its reasons is for keys with `score:read`, the history for `consent:read`.
    For a key that may approve it is noted when it was opened.
    """
    found = open_proposal(
        here.keepwell,
        desk_of(here.keepwell),
        intervention_id,
        to_decide=caller.may("intervention:approve"),
        now=here.clock(),
    )
    sees = caller.may("consent:read")
    return fresh(
        found.to_json(sees_refusals=sees, sees_scores=caller.may("score:read"), sees_history=sees)
    )


@once.post(
    "/v1/interventions/{intervention_id}/approve",
    operation_id="approve_intervention",
    response_model=VerdictAnswer,
)
def post_approve(
    intervention_id: InterventionPath,
    body: ApprovalRequest,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("intervention:approve"))],
) -> Response:
    """Say yes to a proposed contact, to other words if there are some; permission is read again."""
    words = body.message
    return _told(
        oversight.approve(
            desk_of(here.keepwell),
            intervention_id,
            approver=caller.owner,
            reason=body.reason,
            now=here.clock(),
            change=AS_PROPOSED if words is None else Change(words.subject, words.body),
        ),
        caller,
    )


@once.post(
    "/v1/interventions/{intervention_id}/reject",
    operation_id="reject_intervention",
    response_model=VerdictAnswer,
)
def post_reject(
    intervention_id: InterventionPath,
    body: ReasonRequest,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("intervention:approve"))],
) -> Response:
    """Say no to a proposed contact, with the reason."""
    return _told(
        oversight.reject(
            desk_of(here.keepwell),
            intervention_id,
            approver=caller.owner,
            reason=body.reason,
            now=here.clock(),
        ),
        caller,
    )


@router.post(
    "/v1/interventions/{intervention_id}/confirm",
    operation_id="confirm_intervention",
    response_model=VerdictAnswer,
)
def post_confirm(
    intervention_id: InterventionPath,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("intervention:read"))],
) -> Response:
    """Ask, right before sending, whether the contact may still be made at this moment."""
    return _told(
        oversight.confirm(desk_of(here.keepwell), intervention_id, now=here.clock()), caller
    )


def _told(verdict: Verdict, caller: Principal) -> Response:
    return fresh(verdict.to_json(may_see_refusals=caller.may("consent:read")))
