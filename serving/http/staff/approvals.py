"""HTTP: the approval queue, where a person says yes or no to each proposed contact."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from governance.errors import InvalidInput
from serving.approval import queue
from serving.approval.proposal import open_proposal
from serving.approval.several import decide_each
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.interventions.deciding import attention
from serving.interventions.deciding.oversight import (
    AS_PROPOSED,
    AlreadyDecided,
    Change,
    Verdict,
    approve,
    reject,
    require_reason,
)
from serving.interventions.deciding.views import find_intervention
from serving.interventions.delivery.desk import desk_of
from serving.pages.mistakes import mistake
from serving.pages.staff import approvals as words
from serving.pages.staff.approvals import Typed

HOME = "/staff/approvals"
_PAGE = 25
_MOST_AT_ONCE = 15
_PICK = "pick."

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Reader = Annotated[Visit, Depends(Staff("intervention:read"))]
Approver = Annotated[Visit, Depends(Staff("intervention:approve", also=("intervention:read",)))]
Id = Annotated[str, Path(min_length=1, max_length=40)]
After = Annotated[str | None, Query(max_length=240)]
Few = Annotated[int, Query(ge=0, le=_MOST_AT_ONCE)]


@router.get(HOME)
def get_waiting(
    visit: Reader,
    after: After = None,
    said: str = "",
    done: Few = 0,
    failed: Few = 0,
    quick: Few = 0,
) -> Response:
    """Show what waits for a person, what runs out first at the top."""
    told = words.SAID.get(said, "")
    if done or failed:
        told = words.several_words(done, failed, quick)
    return _waiting(visit, after=after, said=told)


@router.post(HOME)
def post_several(visit: Approver) -> Response:
    """Decide on several at once, each of which somebody has opened before."""
    picked = [name.removeprefix(_PICK) for name in visit.form if name.startswith(_PICK)]
    if not picked:
        return goto(f"{HOME}?said=none")
    desk, reason = desk_of(visit.here.keepwell), visit.form.get("reason", "")
    yes = visit.form.get("act") == "approve"

    def act(intervention_id: str) -> Verdict:
        return _decide(visit, intervention_id, reason, AS_PROPOSED if yes else None)

    try:
        require_reason(reason)
        found = decide_each(desk, picked, act)
    except InvalidInput as error:
        return _waiting(visit, said=mistake(error), failed=True)
    done = sum(each.verdict is not None for each in found.each)
    return goto(f"{HOME}?done={done}&failed={len(found.each) - done}&quick={found.quick}")


@router.get(f"{HOME}/decided")
def get_decided(visit: Reader, after: After = None) -> Response:
    """Show what people decided, and what became of it."""
    here, now = visit.here, visit.here.clock()
    with here.keepwell.database.read() as conn:
        found = queue.decided(here.keepwell, conn, limit=_PAGE + 1, after=after, now=now)
    following = found[_PAGE - 1].position.to_text() if len(found) > _PAGE else None
    return visit.answer(
        "approvals_decided.html.j2",
        title="Decided",
        section="approvals",
        words=words,
        decided=found[:_PAGE],
        more="" if following is None else f"{HOME}/decided?after={following}",
        sees_refusals=visit.caller.may("consent:read"),
    )


@router.get(f"{HOME}/next")
def get_next(visit: Reader) -> Response:
    """Lead to what runs out first."""
    with visit.here.keepwell.database.read() as conn:
        found = queue.next_waiting(conn, now=visit.here.clock())
    return goto(HOME if found is None else f"{HOME}/{found}")


@router.get(f"{HOME}/{{intervention_id}}")
def get_proposal(visit: Reader, intervention_id: Id, said: str = "", of: str = "") -> Response:
    """Show one contact; for whoever may decide it is noted that they opened it."""
    to_decide = visit.caller.may("intervention:approve")
    return _proposal(
        visit, intervention_id, to_decide=to_decide, said=words.SAID.get(said, ""), of=of[:40]
    )


@router.post(f"{HOME}/{{intervention_id}}")
def post_decision(visit: Approver, intervention_id: Id) -> Response:
    """Say yes or no, and go on to the next one waiting."""
    form = visit.form
    typed = Typed(
        form.get("subject", ""), form.get("body", "").replace("\r\n", "\n"), form.get("reason", "")
    )
    yes = form.get("act") == "approve"
    change = Change(typed.subject, typed.body) if "body" in form else AS_PROPOSED
    try:
        verdict = _decide(visit, intervention_id, typed.reason, change if yes else None)
    except AlreadyDecided:
        return goto(f"{HOME}/{intervention_id}?said=already")
    except InvalidInput as error:
        return _proposal(visit, intervention_id, to_decide=False, said=mistake(error), typed=typed)
    with visit.here.keepwell.database.read() as conn:
        row = find_intervention(conn, intervention_id)
        following = queue.next_waiting(conn, after=intervention_id, now=visit.here.clock())
    said = _said(verdict, changed=row.message_before is not None)
    if following is None:
        return goto(f"{HOME}?said={said}")
    return goto(f"{HOME}/{following}?said={said}&of={intervention_id}")


def _said(verdict: Verdict, *, changed: bool) -> str:
    if verdict.status != "queued":
        return "rejected" if verdict.status == "rejected" else "cancelled"
    return "pressing" if verdict.pressing else "changed" if changed else "approved"


def _decide(visit: Visit, intervention_id: str, reason: str, change: Change | None) -> Verdict:
    """Say yes with these words, or no where there are none."""
    desk, now, by = desk_of(visit.here.keepwell), visit.here.clock(), visit.caller.owner
    if change is None:
        return reject(desk, intervention_id, approver=by, reason=reason, now=now)
    return approve(desk, intervention_id, approver=by, reason=reason, now=now, change=change)


def _waiting(
    visit: Visit, *, after: str | None = None, said: str = "", failed: bool = False
) -> Response:
    here, now = visit.here, visit.here.clock()
    with here.keepwell.database.read() as conn:
        found = queue.waiting(here.keepwell, conn, limit=_PAGE + 1, after=after, now=now)
        held = queue.held(here.keepwell, conn, limit=_PAGE, now=now)
        count = queue.count_waiting(conn, now=now)
        rate = attention.oversight(conn, now=now, since=now - words.SINCE)
    following = found[_PAGE - 1].position.to_text() if len(found) > _PAGE else None
    return visit.answer(
        "approvals.html.j2",
        title="Approvals",
        section="approvals",
        status=422 if failed else 200,
        words=words,
        waiting=found[:_PAGE],
        held=held,
        count=count,
        more="" if following is None else f"{HOME}?after={following}",
        rate=rate,
        now=now,
        said=said,
        failed=failed,
        may_decide=visit.caller.may("intervention:approve"),
        sees_scores=visit.caller.may("score:read"),
        most=_MOST_AT_ONCE,
    )


def _proposal(
    visit: Visit,
    intervention_id: str,
    *,
    to_decide: bool,
    said: str,
    of: str = "",
    typed: Typed | None = None,
) -> Response:
    here, now = visit.here, visit.here.clock()
    desk = desk_of(here.keepwell)
    found = open_proposal(here.keepwell, desk, intervention_id, to_decide=to_decide, now=now)
    with here.keepwell.database.read() as conn:
        place = queue.place_of(conn, intervention_id, now=now)
    sees = visit.caller.may("consent:read")
    return visit.answer(
        "approval.html.j2",
        title=f"{found.view.playbook.replace('_', ' ').capitalize()} to {found.view.customer_id}",
        section="approvals",
        status=200 if typed is None else 422,
        words=words,
        found=found,
        form=words.words_of(found, typed),
        changing=typed is not None,
        place=place,
        said=said,
        of=of,
        now=now,
        may_decide=visit.caller.may("intervention:approve"),
        sees_scores=visit.caller.may("score:read"),
        sees_history=sees,
        sees_refusals=sees,
        quiet=found.leaves_at > now,
    )
