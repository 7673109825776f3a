"""The HTTP contract: scores, events, decisions, models; customers and interventions beside it.

Handlers are plain functions run in worker threads: they read the request, call one function of this
floor and shape the answer. Errors become problem documents in `problems`.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from starlette.responses import PlainTextResponse

from governance.log.decision import load
from governance.review.reviews import champion, list_models
from serving.access.auth import Principal
from serving.bootstrap import Keepwell
from serving.http import (
    api_addresses,
    api_consents,
    api_customers,
    api_dashboard,
    api_feedback,
    api_interventions,
    api_journey,
    api_messages,
    api_notice,
    api_outcomes,
    api_pages,
    api_preferences,
    api_rights,
    api_scores,
    api_survey,
    api_trials,
    problems,
    tour,
)
from serving.http.answers import ContestableDecision, ModelsPage, ReplayAnswer
from serving.http.context import Caller, Clock, Context, Here, KeyFirst, Step, fresh
from serving.http.idempotency import AnsweredOnce
from serving.http.metering import Meter, Metered
from serving.http.metrics import Metrics
from serving.http.openapi import document_of
from serving.http.paging import LIMIT, After, cut, paged
from serving.http.schemas import (
    EventsRequest,
    EventsResponse,
)
from serving.http.staff.routers import STAFF_ROUTERS
from serving.http.verbs import Verbs
from serving.intake import take_events
from serving.record.kept_answers import mark_effects
from serving.record.replay import replay
from serving.record.review_requests import contests_of
from serving.record.tellable import tellable
from serving.scoring.scorer import Scorer
from serving.scoring.shapes import decision_json, model_json

router = APIRouter()
once = APIRouter(route_class=AnsweredOnce)
DecisionPath = Annotated[Step, Path(min_length=1, max_length=40)]


def create_app(keepwell: Keepwell, scorer: Scorer, *, clock: Clock) -> FastAPI:
    """Build the application of one opened home; `clock` gives the wall-clock instant."""
    app = FastAPI(
        title="Keepwell",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.meter = meter = Meter()
    app.state.context = context = Context(keepwell, scorer, clock, meter)
    app.state.metrics = Metrics(keepwell, meter, scorer)
    app.add_middleware(Verbs)
    app.add_middleware(KeyFirst, context=context, open_paths=_asks_itself)
    app.add_middleware(Metered, meter=meter)
    problems.install(app)
    mark_effects(keepwell.database)
    app.include_router(api_scores.router)  # first: addresses are tried in their order
    app.include_router(router)
    app.include_router(once)
    app.include_router(api_customers.router)
    app.include_router(api_consents.router)
    app.include_router(api_consents.once)
    app.include_router(api_preferences.router)
    app.include_router(api_rights.router)
    app.include_router(api_rights.once)
    app.include_router(api_interventions.router)
    app.include_router(api_interventions.once)
    app.include_router(api_addresses.router)
    app.include_router(api_messages.router)
    app.include_router(api_messages.once)
    app.include_router(api_notice.router)
    app.include_router(api_outcomes.router)
    app.include_router(api_journey.router)
    app.include_router(api_dashboard.router)
    app.include_router(api_dashboard.once)
    app.include_router(api_feedback.router)
    app.include_router(api_feedback.once)
    app.include_router(api_trials.router)
    app.include_router(api_survey.router)
    app.include_router(api_pages.router)
    app.include_router(tour.router)
    for each in STAFF_ROUTERS:
        app.include_router(each)
    return app


def _asks_itself(path: str) -> bool:
    """Whether an address needs no key, or looks at it in the thread that does the work."""
    return path == "/v1/scores" or not (path.startswith("/v1/") or path == "/metrics")


@once.post("/v1/events", operation_id="send_events", response_model=EventsResponse, tags=["events"])
def post_events(
    body: EventsRequest,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("events:write"))],
) -> Response:
    """Take events in; sending the same ones again changes nothing."""
    outcome = take_events(
        here.keepwell,
        body.events,
        clock=here.clock,
        tells_erased=caller.may("consent:read"),
    )
    here.meter.count("keepwell_events_total", [each.status for each in outcome.results])
    return fresh(
        {
            "results": [each._asdict() for each in outcome.results],
            "written": outcome.count("written"),
            "duplicates": outcome.count("duplicate"),
            "conflicts": outcome.count("conflict"),
            "rejected": outcome.count("rejected"),
        }
    )


@router.get(
    "/v1/decisions/{decision_id}",
    operation_id="get_decision",
    response_model=ContestableDecision,
    tags=["decisions"],
)
def get_decision(
    decision_id: DecisionPath,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("score:read"))],
) -> Response:
    """Show one decision as it was recorded; its result is there while permission is."""
    with here.keepwell.database.read() as conn:
        found = load(conn, decision_id)
        contests = contests_of(conn, decision_id)
        [found] = tellable(here.keepwell, conn, [found], now=here.clock())
    sees = caller.may("consent:read")
    tells = sees or found.outcome != "refused"  # a contest would tell a refusal from a stranger
    contested = contests[-1].status if contests and tells else None
    return fresh({**decision_json(found, may_see_refusals=sees), "contested": contested})


@router.get(
    "/v1/decisions/{decision_id}/replay",
    operation_id="replay_decision",
    response_model=ReplayAnswer,
    tags=["decisions"],
)
def get_replay(
    decision_id: DecisionPath,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("audit:sign"))],
) -> Response:
    """Compute a decision again: the same, or what differs, or why it cannot be said."""
    return fresh(replay(here.keepwell, decision_id, now=here.clock())._asdict())


@router.get("/v1/models", operation_id="list_models", response_model=ModelsPage, tags=["models"])
def get_models(
    here: Here,
    caller: Annotated[Principal, Depends(Caller("score:read"))],
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description=LIMIT)] = 50,
    after: After = None,
) -> Response:
    """List the submitted models, newest first, and say which of them answer now."""
    now = here.clock()
    with here.keepwell.database.read() as conn:
        serving = {
            approval.model_digest
            for name in here.keepwell.targets
            if (approval := champion(conn, name, now=now)) is not None
        }
        found = list_models(conn)
    page, more = cut(found, lambda each: each.model_digest, limit=limit, after=after)
    results = [model_json(each, serves=each.model_digest in serving) for each in page]
    return paged(request, {"results": results}, more, limit=limit)


@router.get("/metrics", include_in_schema=False)
def get_metrics(
    request: Request, caller: Annotated[Principal, Depends(Caller("admin"))]
) -> Response:
    """Say how the workers answered and how the models do, in Prometheus's form."""
    here: Context = request.app.state.context
    metrics: Metrics = request.app.state.metrics
    text = metrics.text(now=here.clock())
    return PlainTextResponse(text, headers={"Cache-Control": "no-store"})


@router.get("/v1/openapi.json", include_in_schema=False)
def get_openapi_document(
    request: Request, caller: Annotated[Principal, Depends(Caller())]
) -> Response:
    """Describe every address; any valid key may read it."""
    return fresh(document_of(request.app))
