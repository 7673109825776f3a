"""HTTP: the live tour of a demo, and its people's pages by one click; nowhere but in demo homes.

There is no login: a form carries a sealed token that this home wrote, and is taken from its own
pages alone. What a button does is answered by a redirect to what it came to.
"""

from collections.abc import Mapping
from typing import get_args

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from governance.errors import KeepwellError, NotFound
from serving.access.sessions import ForeignForm
from serving.http.context import Context, Handler, Here
from serving.http.page_requests import page, read_form
from serving.http.problems import answer_for
from serving.http.same_origin import require_own_page
from serving.http.staff.login import open_for
from serving.http.staff.visit import goto
from serving.pages.start import read_start
from serving.pages.tour import (
    render_key,
    render_nobody,
    render_problem,
    render_tour,
    tour_address,
)
from serving.pages.tour_strip import Step
from serving.tour import acts
from serving.tour.acts import Stage
from serving.tour.cast import seen_cast, three_of
from serving.tour.own_link import own_notice
from serving.tour.roles import enter, find_role
from serving.tour.sights import look
from serving.tour.walk import Walk, read_walk, walk_token


class TourRoute(APIRoute):
    """A route of the tour: there is none outside a demo, and its errors are pages."""

    def get_route_handler(self) -> Handler:
        """Give the handler, with its errors written as pages."""
        handle = super().get_route_handler()

        async def found(request: Request) -> Response:
            here: Context = request.app.state.context
            if here.keepwell.kind != "demo":
                raise NotFound("there is no such page")
            try:
                if request.method == "POST":
                    require_own_page(request)
                return await handle(request)
            except KeepwellError as error:
                status = answer_for(error, request).status_code
                if status >= 500:
                    raise
                return _shown(render_problem(error.message, error.hint or ""), status=status)

        return found


router = APIRouter(include_in_schema=False, route_class=TourRoute)


@router.get("/demo")
def get_tour(here: Here, walk: str = "", step: str = "event") -> Response:
    """Show one step of a walk; without one, whom there is to follow."""
    keepwell = here.keepwell
    if not walk:
        return _shown(render_nobody(keepwell.keys, three_of(seen_cast(keepwell))))
    found = _walk(here, walk)
    shown: Step = next((each for each in get_args(Step) if each == step), "event")
    sights = look(_stage(here), found, opens=shown == "intervention")
    start = read_start(keepwell.home.reports, home_kind=keepwell.kind, now=here.clock())
    return _shown(render_tour(sights, shown, token=walk, start=start))


@router.post("/demo/act")
async def post_act(request: Request) -> Response:
    """Do what a button says, and lead to what it came to."""
    form = read_form(await request.body())
    return await run_in_threadpool(_act, request.app.state.context, form)


def _act(here: Context, form: Mapping[str, str]) -> Response:
    stage, walk = _stage(here), _walk(here, form.get("walk", ""))
    stage.player(walk.customer_id)
    done, step = _done(stage, walk, form)
    return goto(tour_address(walk_token(here.keepwell.keys, done), step))


def _done(stage: Stage, walk: Walk, form: Mapping[str, str]) -> tuple[Walk, Step]:
    reason = form.get("reason", "")
    match form.get("act"):
        case "begin":
            return acts.begin(stage, walk.customer_id), "event"
        case "order":
            return acts.happen(stage, walk, "order"), "score"
        case "complain":
            return acts.happen(stage, walk, "complaint"), "score"
        case "withdraw":
            return acts.withdraw(stage, walk), "permission"
        case "give":
            return acts.give_back(stage, walk), "permission"
        case "ask":
            return acts.ask(stage, walk), "intervention"
        case "instead":
            return acts.ask_instead(stage, walk), "intervention"
        case "approve":
            return acts.approve(stage, walk, reason), "intervention"
        case "reject":
            return acts.reject(stage, walk, reason), "intervention"
        case _:
            raise NotFound("no button of the tour does that", hint="begin on the first page")


@router.post("/demo/enter")
async def post_enter(request: Request) -> Response:
    """Let a visitor look around as one of the people of the demo."""
    form = read_form(await request.body())
    return await run_in_threadpool(_enter, request.app.state.context, request, form)


def _enter(here: Context, request: Request, form: Mapping[str, str]) -> Response:
    keepwell = here.keepwell
    if read_walk(keepwell.keys, form.get("walk", "")) is None:
        raise ForeignForm("this form is not of this home", hint="load the first page again")
    if form.get("role") == "customer":
        return goto(own_notice(keepwell, now=here.clock()))
    role = find_role(form.get("role", ""))
    if role is None:
        raise NotFound("nobody of the demo has that role", hint="begin on the first page")
    entered = enter(keepwell, role, now=here.clock())
    answer = goto(role.first)
    if entered.signing_key:
        answer = _shown(render_key(entered))
    return open_for(here, request, entered.caller, answer)


def _shown(html: str, *, status: int = 200) -> Response:
    return page(html, status=status, script=True)


def _stage(here: Context) -> Stage:
    return Stage(here.keepwell, here.scorer, here.clock)


def _walk(here: Context, token: str) -> Walk:
    found = read_walk(here.keepwell.keys, token)
    if found is None:
        raise NotFound("this link is of another demo, or not whole", hint="begin on the first page")
    return found
