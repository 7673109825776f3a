"""HTTP: the feedback hub, from what could be better to whether it got better."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from governance.errors import InsufficientData, InvalidInput, NotFound
from governance.instants import parse_instant
from serving.feedback import desk
from serving.feedback.citations import releases_citing
from serving.feedback.items import FeedbackItem, board, counts, list_items, load_item
from serving.feedback.last_look import last_suggestions, take_suggestions
from serving.http.staff.pictures import picture
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.pages.mistakes import mistake
from serving.pages.staff import feedback as words
from serving.pages.staff.feedback import Typed

HOME = "/staff/feedback"
_PAGE = 25
_CLOSED_SHOWN = 5

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Reader = Annotated[Visit, Depends(Staff("outcomes:read"))]
Writer = Annotated[Visit, Depends(Staff("feedback:write", also=("outcomes:read",)))]
ItemId = Annotated[str, Path(min_length=1, max_length=40)]
Subject = Annotated[str, Query(alias="from", max_length=120)]


@router.get(HOME)
def get_board(visit: Reader) -> Response:
    """Show the board: what is overdue first."""
    here, now = visit.here, visit.here.clock()
    with here.keepwell.database.read() as conn:
        columns = board(conn, now=now)
        count = counts(conn, now=now)
    columns["closed"] = columns["closed"][:_CLOSED_SHOWN]
    return visit.answer(
        "feedback.html.j2",
        title="Feedback",
        section="feedback",
        words=words,
        columns=columns,
        count=count,
        now=now,
        may_write=visit.caller.may("feedback:write"),
    )


@router.get(f"{HOME}/closed")
def get_closed(
    visit: Reader, after: Annotated[str | None, Query(max_length=240)] = None
) -> Response:
    """List what was closed, the newest first."""
    with visit.here.keepwell.database.read() as conn:
        found = list_items(conn, limit=_PAGE + 1, after=after, status="closed")
    following = found[_PAGE - 1].position.to_text() if len(found) > _PAGE else None
    return visit.answer(
        "feedback_closed.html.j2",
        title="Closed feedback",
        section="feedback",
        words=words,
        items=found[:_PAGE],
        more="" if following is None else f"{HOME}/closed?after={following}",
    )


@router.get(f"{HOME}/suggestions")
def get_suggestions(visit: Reader, said: str = "") -> Response:
    """Show what the last look found that could be looked into."""
    with visit.here.keepwell.database.read() as conn:
        look = last_suggestions(conn)
    return visit.answer(
        "feedback_suggestions.html.j2",
        title="What could be better",
        section="feedback",
        words=words,
        look=look,
        groups=() if look is None else words.groups_of(look.suggestions),
        said=words.SAID.get(said, ""),
        may_write=visit.caller.may("feedback:write"),
    )


@router.post(f"{HOME}/suggestions")
def post_suggestions(visit: Reader) -> Response:
    """Look anew at what people write, answer and complain about; this takes seconds."""
    take_suggestions(visit.here.keepwell, now=visit.here.clock())
    return goto(f"{HOME}/suggestions?said=looked")


@router.get(f"{HOME}/new")
def get_new(visit: Writer, source: Subject = "") -> Response:
    """Ask what could be better."""
    return _new(visit, Typed(source=source))


@router.post(f"{HOME}/new")
def post_new(visit: Writer) -> Response:
    """Open an item and take its figure as it is now, which takes seconds."""
    form, here = visit.form, visit.here
    typed = Typed(
        form.get("title", ""), form.get("source", ""), form.get("measure", ""),
        "30" if form.get("days") == "30" else "90",
    )  # fmt: skip
    try:
        made = desk.open_item(
            here.keepwell,
            title=typed.title.strip() or None,
            source=typed.source.strip() or None,
            measure=typed.measure.strip() or None,
            days=int(typed.days),
            now=here.clock(),
        )
    except (InvalidInput, InsufficientData, NotFound) as error:
        return _new(visit, typed, problem=mistake(error))
    return goto(f"{HOME}/{made.item_id}?said=opened")


@router.get(f"{HOME}/{{item_id}}")
def get_item(visit: Reader, item_id: ItemId, said: str = "") -> Response:
    """Show one item: where it came from, what was done, what changed."""
    return _item(visit, item_id, done=said)


@router.get(f"{HOME}/{{item_id}}/change.svg")
def get_picture(visit: Reader, item_id: ItemId) -> Response:
    """Draw the figure before and after, each with its interval."""
    from serving.pages.pictures.ranges import ranges_picture

    with visit.here.keepwell.database.read() as conn:
        ranges = words.ranges_of(load_item(conn, item_id))
    if not ranges:
        raise NotFound("there is nothing to draw yet", hint="measure again first")
    return picture(ranges_picture(ranges, nothing=None), about_somebody=False)


@router.post(f"{HOME}/{{item_id}}/assign")
def post_assign(visit: Writer, item_id: ItemId) -> Response:
    """Give an item an owner and a day."""
    here, form = visit.here, visit.form

    def act() -> FeedbackItem:
        due_at = parse_instant(form.get("due_at", ""), here.keepwell.settings.zone)
        owner = form.get("owner", "")
        return desk.assign(here.keepwell, item_id, owner=owner, due_at=due_at, now=here.clock())

    return _done(visit, item_id, act, "assigned")


@router.post(f"{HOME}/{{item_id}}/act")
def post_act(visit: Writer, item_id: ItemId) -> Response:
    """Say what was done."""
    here, action = visit.here, visit.form.get("action", "")
    return _done(
        visit,
        item_id,
        lambda: desk.act(here.keepwell, item_id, action=action, now=here.clock()),
        "acted",
    )


@router.post(f"{HOME}/{{item_id}}/remeasure")
def post_remeasure(visit: Writer, item_id: ItemId) -> Response:
    """Take the same figure over an equal window after the act, which takes seconds."""
    here = visit.here
    return _done(
        visit,
        item_id,
        lambda: desk.remeasure(here.keepwell, item_id, now=here.clock()),
        "remeasured",
    )


@router.post(f"{HOME}/{{item_id}}/close")
def post_close(visit: Writer, item_id: ItemId) -> Response:
    """Close an item that was measured again, or say why it was not."""
    here, by = visit.here, visit.caller.owner
    reason = visit.form.get("reason", "").strip() or None
    return _done(
        visit,
        item_id,
        lambda: desk.close(here.keepwell, item_id, reason=reason, by=by, now=here.clock()),
        "closed",
    )


def _done(visit: Visit, item_id: str, act: Callable[[], FeedbackItem], said: str) -> Response:
    try:
        made = act()
    except (InvalidInput, InsufficientData) as error:
        return _item(visit, item_id, said=mistake(error), failed=True)
    return goto(f"{HOME}/{made.item_id}?said={said}")


def _new(visit: Visit, typed: Typed, *, problem: str = "") -> Response:
    with visit.here.keepwell.database.read() as conn:
        look = last_suggestions(conn)
    return visit.answer(
        "feedback_new.html.j2",
        title="Something could be better",
        section="feedback",
        status=422 if problem else 200,
        words=words,
        typed=typed,
        subjects=() if look is None else tuple(each.subject for each in look.suggestions),
        problem=problem,
    )


def _item(
    visit: Visit, item_id: str, *, done: str = "", said: str = "", failed: bool = False
) -> Response:
    here, now = visit.here, visit.here.clock()
    with here.keepwell.database.read() as conn:
        found = load_item(conn, item_id)
        cited = releases_citing(here.keepwell, conn, found.item_id, now=now)
    return visit.answer(
        "feedback_item.html.j2",
        title=found.title,
        section="feedback",
        status=422 if failed else 200,
        words=words,
        item=found,
        steps=words.steps_of(found),
        ranges=words.ranges_of(found),
        cited=cited,
        said=said or words.said_words(done, found),
        failed=failed,
        form=visit.form if failed else {},
        now=now,
        may_write=visit.caller.may("feedback:write"),
    )
