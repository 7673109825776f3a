"""HTTP: scores, the hottest path: key, permission and score are looked at in one transaction."""

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from governance.errors import InvalidInput
from governance.instants import parse_instant
from serving.http.context import Context, bearer_key, identify
from serving.http.problems import says_json
from serving.http.schemas import ScoreRequest, ScoreResponse, body_of, read_body
from serving.scoring.questions import Question
from serving.scoring.shapes import score_json

router = APIRouter(tags=["scores"])
_HEADERS = {"Cache-Control": "no-store"}


@router.post(
    "/v1/scores",
    operation_id="create_scores",
    response_model=ScoreResponse,
    openapi_extra=body_of(ScoreRequest),
)
async def post_scores(request: Request) -> Response:
    """Probabilities with intervals and reasons, for customers who permit it."""
    here: Context = request.app.state.context
    authorization = request.headers.get("authorization", "")
    sent = await request.body()
    try:
        if not says_json(request.headers.get("content-type", "")):
            raise RequestValidationError([{"loc": ("body",), "type": "json_type", "msg": ""}])
        question = _question(here, authorization, sent)
    except Exception:
        await run_in_threadpool(_know, here, authorization)
        raise
    answer = await here.scorer.answer(question)
    here.meter.count("keepwell_scores_total", [each.status for each in answer.results])
    shaped = to_json(score_json(answer, here.keepwell.kind))
    return Response(shaped, media_type="application/json", headers=_HEADERS)


def _question(here: Context, authorization: str, sent: bytes) -> Question:
    body = read_body(ScoreRequest, sent)
    as_of = None
    if body.as_of is not None:
        as_of = parse_instant(body.as_of, here.keepwell.settings.zone)
        if as_of > here.clock():
            raise InvalidInput("as_of lies in the future", hint="leave it out to score now")
    return Question(
        tuple(each.customer_id for each in body.inputs),
        here.scorer.targets(body.targets),
        body.reasons,
        as_of,
        key=bearer_key(authorization),
    )


def _know(here: Context, authorization: str) -> None:
    """Tell nobody what is wrong with a request before their key was looked at."""
    identify(here, authorization).require("score:read")
