"""HTTP: models before their reviewers, what is known of one, and signing it."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from governance.audit.changes import changes_tables
from governance.audit.report import report_digest, report_style
from governance.audit.words import first_page
from governance.errors import GateRefused, InvalidInput, KeepwellError, PermissionRefused
from governance.review.candidates import find_model
from governance.review.last_signed import sign_offs
from governance.review.reviews import LONGEST
from governance.review.standing import list_reviews, standing_of, standings
from serving.audit.drawing import draw_report, judged, report_page
from serving.http.api_pages import Digest
from serving.http.page_requests import page
from serving.http.problems import STATUS
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.pages.staff import review as words
from serving.signing_desk import review_in_person

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Reviewer = Annotated[Visit, Depends(Staff(*words.SIGNERS))]
AnyReviewer = Annotated[Visit, Depends(Staff(*words.SIGNERS, *words.KEEPERS))]
MODELS = "/staff/review/models"
_EARLIER = 20
_MOST_DECISIONS = 200


@router.get("/staff/review")
def get_models(visit: AnyReviewer, all: bool = False) -> Response:
    """Show what waits, what serves and what was before; to keepers of rights, their own desk."""
    tabs = words.tabs(visit.caller)
    if tabs[0][1] != "/staff/review":
        return goto(tabs[0][1])
    keepwell = visit.here.keepwell
    with keepwell.database.read() as conn:
        found = standings(conn, now=visit.here.clock(), earlier=None if all else _EARLIER + 1)
    serving = [each for each in found if each.state == "serves"]
    earlier = [each for each in found if each.state not in ("waits", "serves")]
    return visit.answer(
        "review.html.j2",
        title="Models",
        section="review",
        words=words,
        tabs=tabs,
        waiting=[each for each in found if each.state == "waits"],
        serving=serving,
        earlier=earlier if all else earlier[:_EARLIER],
        more="" if all or len(earlier) <= _EARLIER else "/staff/review?all=true",
        without=sorted(set(keepwell.targets) - {each.record.target for each in serving}),
    )


@router.get("/staff/review/decisions")
def get_decisions(visit: Reviewer) -> Response:
    """Show every verdict of a reviewer, newest first, and whether its signature fits."""
    with visit.here.keepwell.database.read() as conn:
        found = sign_offs(conn, list_reviews(conn, limit=_MOST_DECISIONS))
    return visit.answer(
        "review_decisions.html.j2",
        title="Past decisions",
        section="review",
        words=words,
        tabs=words.tabs(visit.caller),
        found=found,
        most=_MOST_DECISIONS,
        now=visit.here.clock(),
    )


@router.get(f"{MODELS}/{{digest}}")
def get_model(digest: Digest, visit: Reviewer, said: str = "") -> Response:
    """Show one model as its reviewer decides on it."""
    return _model(visit, digest, said=said)


@router.get(f"{MODELS}/{{digest}}/report")
def get_report(digest: Digest, visit: Reviewer) -> Response:
    """Show the audit report, with a way back to signing."""
    with visit.here.keepwell.database.read() as conn:
        record = find_model(conn, digest)
    html = report_page(visit.here.keepwell, record, now=visit.here.clock())
    return page(words.report_in_session(html, here=f"{MODELS}/{digest}"))


@router.get(f"{MODELS}/{{digest}}/report.css")
def get_report_style(digest: Digest, visit: Reviewer) -> Response:
    """Give the style of a report: our policy lets none through that is inside a page."""
    with visit.here.keepwell.database.read() as conn:
        record = find_model(conn, digest)
    headers = {"Cache-Control": "private, max-age=300"}
    style = report_style(record.facts)
    return Response(style, media_type="text/css; charset=utf-8", headers=headers)


@router.post(f"{MODELS}/{{digest}}/report")
def post_report(digest: Digest, visit: Reviewer) -> Response:
    """Draw the report again, with what is known today."""
    draw_report(visit.here.keepwell, digest, now=visit.here.clock())
    return goto(f"{MODELS}/{digest}?said=drawn")


@router.post(f"{MODELS}/{{digest}}/sign")
def post_signature(digest: Digest, visit: Reviewer) -> Response:
    """Sign a model with the key typed into the form; where that is refused, say why."""
    form = visit.form
    typed = words.Typed(
        form.get("outcome", ""),
        form.get("reason", ""),
        form.get("conditions", ""),
        form.get("days", ""),
    )
    try:
        review_in_person(
            visit.here.keepwell,
            digest,
            outcome="approve" if _outcome(typed) == "approve" else "reject",
            caller=visit.caller,
            key=form.get("key", ""),
            reason=typed.reason,
            now=visit.here.clock(),
            conditions=[each.strip() for each in typed.conditions.splitlines() if each.strip()],
            valid_for=_days(typed),
        )
    except (PermissionRefused, GateRefused, InvalidInput) as refused:
        return _model(visit, digest, refused=refused, typed=typed)
    told = "approved" if typed.outcome == "approve" else "rejected"
    return goto(f"{MODELS}/{digest}?said={told}#content")


def _model(
    visit: Visit,
    digest: str,
    *,
    said: str = "",
    refused: KeepwellError | None = None,
    typed: words.Typed = words.Typed(),  # noqa: B008 - a value
) -> Response:
    now = visit.here.clock()
    with visit.here.keepwell.database.read() as conn:
        record = find_model(conn, digest)
        standing = standing_of(conn, record, now=now)
        report = judged(conn, record, now=now)
    return visit.answer(
        "review_model.html.j2",
        title=f"{record.target.replace('_', ' ').capitalize()} {digest[:12]}",
        section="review",
        status=200 if refused is None else STATUS[type(refused)],
        words=words,
        tabs=words.tabs(visit.caller),
        here=f"{MODELS}/{digest}",
        record=record,
        standing=standing,
        report=report,
        answers=first_page(report),
        changes=changes_tables(report),
        signed_digest=report_digest(report.substance),
        is_author=visit.caller.owner.strip().casefold() in record.authors,
        longest=LONGEST.days,
        said=words.signed_words(said, standing.state),
        refused="" if refused is None else words.why_not_signed(refused),
        typed=typed,
        now=now,
    )


def _outcome(typed: words.Typed) -> str:
    if typed.outcome not in ("approve", "reject"):
        raise InvalidInput("say first whether you approve or reject it")
    return typed.outcome


def _days(typed: words.Typed) -> timedelta:
    if not typed.days.isascii() or not typed.days.isdigit() or len(typed.days) > 4:
        raise InvalidInput("how long the approval holds is a whole number of days")
    return timedelta(days=int(typed.days))
