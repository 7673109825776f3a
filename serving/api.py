"""The HTTP contract: scores, events, decisions and models; customers and interventions beside it.

Handlers are plain functions run in worker threads: they read the request, call one function of this
floor and shape the answer. Errors become problem documents in `problems`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from governance.errors import InvalidInput
from governance.instants import parse_instant, to_text
from serving import api_customers, problems
from serving.auth import Principal
from serving.bootstrap import Keepwell
from serving.context import Caller, Clock, Context, Here, fresh
from serving.intake import take_events
from serving.schemas import (
    EventsRequest,
    EventsResponse,
    Problem,
    ScoreRequest,
    ScoreResponse,
)
from serving.scorer import CustomerScore, ScoreAnswer, Scorer, TargetScore

router = APIRouter()


def create_app(keepwell: Keepwell, scorer: Scorer, *, clock: Clock) -> FastAPI:
    """Build the application of one opened home; `clock` gives the wall-clock instant."""
    app = FastAPI(
        title="Keepwell",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses={
            status: {"model": Problem, "content": {problems.MEDIA_TYPE: {}}}
            for status in (401, 403, 404, 413, 422, 429, 503)
        },
    )
    app.state.context = Context(keepwell, scorer, clock)
    problems.install(app)
    app.include_router(router)
    app.include_router(api_customers.router)
    return app


@router.post("/v1/scores", response_model=ScoreResponse, tags=["scores"])
def post_scores(
    body: ScoreRequest,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("score:read"))],
) -> Response:
    """Probabilities with intervals and reasons, for customers who permit it."""
    as_of = None
    if body.as_of is not None:
        as_of = parse_instant(body.as_of, here.keepwell.settings.zone)
        if as_of > here.clock():
            raise InvalidInput("as_of lies in the future", hint="leave it out to score now")
    answer = here.scorer.score(
        [each.customer_id for each in body.inputs],
        targets=body.targets,
        reasons_limit=body.reasons,
        as_of=as_of,
        may_see_refusals=caller.may("consent:read"),
    )
    return fresh(score_json(answer, here.keepwell.kind))


@router.post("/v1/events", response_model=EventsResponse, tags=["events"])
def post_events(
    body: EventsRequest,
    here: Here,
    caller: Annotated[Principal, Depends(Caller("events:write"))],
) -> Response:
    """Take events in; sending the same ones again changes nothing."""
    outcome = take_events(here.keepwell, body.events, clock=here.clock)
    return fresh(
        {
            "results": [each._asdict() for each in outcome.results],
            "written": outcome.count("written"),
            "duplicates": outcome.count("duplicate"),
            "conflicts": outcome.count("conflict"),
            "rejected": outcome.count("rejected"),
        }
    )


@router.get("/v1/openapi.json", include_in_schema=False)
def get_openapi_document(
    request: Request, caller: Annotated[Principal, Depends(Caller())]
) -> Response:
    """Describe every address; any valid key may read it."""
    app: FastAPI = request.app
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    document.setdefault("components", {})["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "bearerFormat": "kw_<id>_<secret>"}
    }
    document["security"] = [{"key": []}]
    return fresh(document)


def score_json(answer: ScoreAnswer, home_kind: str) -> dict[str, Any]:
    """Shape the answer to a scoring request as the HTTP contract has it."""
    results = [_customer_json(each) for each in answer.results]
    refused = sum(each["status"] in ("refused", "not_available") for each in results)
    return {
        "results": results,
        "num_errors": refused,
        "as_of": to_text(answer.as_of),
        "home": home_kind,
    }


def _customer_json(found: CustomerScore) -> dict[str, Any]:
    shaped: dict[str, Any] = {
        "customer_id": found.customer_id,
        "status": found.status,
        "decision_id": found.decision_id,
    }
    if found.reason is not None:
        shaped["reason"] = found.reason
    if found.model_digest is not None:
        shaped["model_digest"] = found.model_digest
    if found.scores:
        shaped["scores"] = {name: _score_json(each) for name, each in found.scores.items()}
    return shaped


def _score_json(found: TargetScore) -> dict[str, Any]:
    if found.method == "rule":
        return {
            "method": "rule",
            "rule": found.rule,
            "horizon_days": found.horizon_days,
            "decision_id": found.decision_id,
        }
    return {
        "probability": found.probability,
        "low": found.low,
        "high": found.high,
        "horizon_days": found.horizon_days,
        "method": found.method,
        "model_digest": found.model_digest,
        "decision_id": found.decision_id,
        "reasons": [each._asdict() for each in found.reasons],
    }
