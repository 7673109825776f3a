"""HTTP: what happened around the models month by month, how groups compare, and noted harms."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from governance.errors import InvalidInput, KeepwellError, NotFound
from serving.http.problems import STATUS
from serving.http.staff.pictures import picture
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.pages.mistakes import mistake
from serving.pages.pictures.gaps import gaps_picture
from serving.pages.staff import review as words
from serving.pages.staff.months import GapView, gap_view, gap_words, month_table
from serving.rights.complaints import list_harms, note_harm
from serving.rights.ethics import ethics_figures
from serving.rights.ethics_groups import gaps

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Reviewer = Annotated[Visit, Depends(Staff(*words.SIGNERS))]
Name = Annotated[str, Query(max_length=100)]
MONTHS, HARMS = "/staff/review/months", "/staff/review/harms"
_KINDS = ("refusals", "withdrawals", "objections", "complaints")


@router.get(MONTHS)
def get_months(
    visit: Reviewer, target: Name = "", attribute: Name = "", measure: Name = ""
) -> Response:
    """Show the last twelve whole months, and one comparison of groups over all audits."""
    keepwell, now = visit.here.keepwell, visit.here.clock()
    target = target if target in keepwell.targets else min(keepwell.targets)
    with keepwell.database.read() as conn:
        found = ethics_figures(keepwell, conn, target=None, now=now)
        view = gap_view(gaps(conn, target), attribute=attribute, measure=measure)
    limit = _limit(visit, view)
    tables = [month_table(kind, getattr(found, kind) or ()) for kind in _KINDS]
    asked = {"target": target, "attribute": view.attribute, "measure": view.measure}
    return visit.answer(
        "review_months.html.j2",
        title="Over time",
        section="review",
        words=words,
        tabs=words.tabs(visit.caller),
        figures=found,
        tables=tables,
        nothing=[each.title for each in tables if not each.rows],
        targets=sorted(keepwell.targets),
        target=target,
        view=view,
        limit=limit,
        src=f"{MONTHS}/gaps.svg?{urlencode(asked)}",
        alt=gap_words(view, limit),
    )


@router.get(f"{MONTHS}/gaps.svg")
def get_gaps(
    visit: Reviewer,
    target: Name,
    attribute: Name = "",
    measure: Name = "",
    narrow: bool = False,
) -> Response:
    """Draw one comparison of groups over all audits of a target; `narrow` for a phone."""
    with visit.here.keepwell.database.read() as conn:
        view = gap_view(gaps(conn, target), attribute=attribute, measure=measure)
    width, height = (380, 280) if narrow else (760, 300)
    drawn = gaps_picture(
        view.audits, view.points, limit=_limit(visit, view), width=width, height=height
    )
    return picture(drawn, about_somebody=False)


@router.get(HARMS)
def get_harms(visit: Reviewer, said: str = "") -> Response:
    """Show every harm noted, and a form for another one."""
    return _harms(visit, said=said)


@router.post(HARMS)
def post_harm(visit: Reviewer) -> Response:
    """Note a harm; refused where the text holds an address or a number to call."""
    try:
        note_harm(
            visit.here.keepwell,
            visit.form.get("target", ""),
            text=visit.form.get("text", ""),
            now=visit.here.clock(),
        )
    except (InvalidInput, NotFound) as refused:
        return _harms(visit, refused=refused)
    return goto(f"{HARMS}?said=noted")


def _harms(visit: Visit, *, said: str = "", refused: KeepwellError | None = None) -> Response:
    keepwell = visit.here.keepwell
    with keepwell.database.read() as conn:
        found = list_harms(conn)
    return visit.answer(
        "review_harms.html.j2",
        title="Harms",
        section="review",
        status=200 if refused is None else STATUS[type(refused)],
        words=words,
        tabs=words.tabs(visit.caller),
        found=found[::-1],
        targets=sorted(keepwell.targets),
        said=words.SAID.get(said, ""),
        refused="" if refused is None else mistake(refused),
        typed={name: visit.form.get(name, "") for name in ("target", "text")},
    )


def _limit(visit: Visit, view: GapView) -> float:
    """Give from where on a gap counts as unequal treatment in this home."""
    policy = visit.here.keepwell.gate_policy
    return policy.max_calibration_gap if view.measure == "calibration" else policy.max_rate_gap
