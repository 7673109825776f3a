"""The OpenAPI 3.1 document: what FastAPI knows of the handlers, and what it does not.

Added here: the scope each operation asks for, every problem it may answer with, headers, examples,
and the webhooks. The document is put together once, when it is first asked for.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from serving.http.context import Caller
from serving.http.idempotency import LONGEST_KEY, AnsweredOnce
from serving.http.problems import MEDIA_TYPE
from serving.http.schemas import Problem, ScoreRequest, SentEvent, schemas_of
from serving.http.webhook_schemas import webhooks
from serving.version import product_version

_ABOUT = (
    "Predictive churn and well-being, acted upon only with permission. Every request needs a "
    "bearer key; errors are problem documents (RFC 9457); lists come in pages; `docs/api.md` has "
    "the conventions."
)
_TAGS = {
    "scores": "How likely it is, with intervals and reasons, for customers who permit it.",
    "events": "What happened, as it happens.",
    "decisions": "Every verdict as it was recorded.",
    "models": "What was trained, and what answers.",
    "customers": "Who there is, and what is known of one.",
    "consents": "What customers permit, and the notices they were shown.",
    "rights": "Export, erasure, objection, a second look.",
    "interventions": "Contacts that wait for a person or a sender.",
    "outcomes": "Did it help? Figures over groups, never rows.",
    "feedback": "What could be better, who mends it, and whether it got better.",
    "running": "Whether the service is there and ready, and how it does.",
}
_READS_ITSELF = {"create_scores": "score:read"}
"""Operations that look at their key in the thread that does the work, with the scope it needs."""
_MADE_BEFORE = frozenset({"get_report"})
"""What somebody must have made before it can be given."""

_COMPARED = ("get_lift", "get_measures", "get_roi", "get_journey")
"""Operations whose figures are compared with those given before."""
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
_RATES = {
    "RateLimit-Policy": {
        "description": "How much a key may ask for, where the home limits that.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "How much of it is left, and for how many seconds.",
        "schema": {"type": "string"},
    },
}
_REQUEST_ID = {
    "X-Request-Id": {
        "description": "Names this request in our log; yours comes back if you sent one.",
        "schema": {"type": "string", "maxLength": 64},
    }
}


class _Refusal(NamedTuple):
    """A problem that operations share: its name among the components and what it means."""

    name: str
    meaning: str
    headers: Mapping[str, Any] = {}


_REFUSALS = {
    "400": _Refusal("Unreadable", "The body is not JSON in UTF-8, or nested too deeply."),
    "401": _Refusal(
        "Unauthenticated",
        "No key, or one that is unknown, expired or revoked.",
        {"WWW-Authenticate": {"schema": {"type": "string"}}},
    ),
    "403": _Refusal("Forbidden", "The key lacks the scope, or whoever owns it may not do this."),
    "404": _Refusal("NotFound", "There is nothing of this name."),
    "408": _Refusal("TooSlow", "The body did not arrive in time."),
    "409": _Refusal(
        "Conflict",
        "The same Idempotency-Key is in use at this moment (then with Retry-After), its answer is "
        "no longer kept, what is to be decided was decided before, or there are too few data to "
        "say anything.",
        _RETRY,
    ),
    "413": _Refusal("TooLarge", "The body is larger than the home's limit."),
    "414": _Refusal("AddressTooLong", "The address is longer than any of ours."),
    "415": _Refusal("NotJson", "The body was not sent as application/json."),
    "422": _Refusal("Invalid", "Something in the request is not what it must be: see `errors`."),
    "429": _Refusal("TooMany", "Too many requests, or too many at once.", {**_RETRY, **_RATES}),
    "431": _Refusal("HeadTooLarge", "There are more headers, or longer ones, than are read."),
    "500": _Refusal("Unexpected", "Something unexpected happened; nothing is told of it."),
    "503": _Refusal("Unavailable", "The home cannot answer this now.", _RETRY),
}
_EXAMPLES = Path(__file__).with_name("examples.json")
"""A request and an answer by operation; the people in them are made up."""
_ALWAYS = ("401", "403", "408", "413", "414", "422", "429", "431", "500", "503")
_WITH_BODY = ("400", "415")


def document_of(app: FastAPI) -> dict[str, Any]:
    """Give the document of an application; made at the first call and kept beside it."""
    found: dict[str, Any] | None = getattr(app.state, "openapi_document", None)
    if found is None:
        found = app.state.openapi_document = _document(app)
    return found


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=product_version(),
        summary="Customers who may be struggling, and what to do about it.",
        description=_ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=app.routes,
        tags=[{"name": name, "description": about} for name, about in _TAGS.items()],
        servers=[{"url": "/"}],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(schemas_of(ScoreRequest))
    schemas.update(schemas_of(Problem))
    schemas.update(schemas_of(SentEvent))  # each is checked by itself, so the handler takes any
    schemas["EventsRequest"]["properties"]["events"]["items"] = {
        "$ref": "#/components/schemas/SentEvent"
    }
    components["headers"] = {name.replace("-", ""): each for name, each in _REQUEST_ID.items()}
    components["responses"] = {each.name: _problem(each) for each in _REFUSALS.values()}
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "kw_<id>_<secret>",
            "description": "Made by `keepwell keys create`. What an operation lists is the scope "
            "the key must have; `admin` has every scope except audit:sign.",
        }
    }
    examples = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    for route, operation in _operations(app, document["paths"]):
        _complete(route, operation)
        _show(operation, examples)
    document["paths"] |= _running()
    document["security"] = [{"key": []}]
    document["webhooks"] = webhooks(schemas)
    return document


def _operations(
    app: FastAPI, paths: Mapping[str, Any]
) -> Iterator[tuple[APIRoute, dict[str, Any]]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route, paths[route.path_format][method.lower()]


def _complete(route: APIRoute, operation: dict[str, Any]) -> None:
    """Add to one operation what FastAPI does not know of it."""
    name = operation["operationId"]
    scope = _READS_ITSELF.get(name) or _scope_of(route)
    operation["security"] = [{"key": [scope] if scope else []}]
    operation["summary"] = (route.description or "").split("\n")[0].rstrip(".")
    if scope:
        operation["description"] = (
            f"{operation.get('description', '')}\n\nScope: `{scope}`.".strip()
        )
    answers = operation["responses"]
    answers.pop("422", None)
    codes = [*_ALWAYS]
    if "requestBody" in operation:
        codes += _WITH_BODY
    named = any(each["in"] == "path" for each in operation.get("parameters", ()))
    if named or name in _MADE_BEFORE:
        codes.append("404")
    if isinstance(route, AnsweredOnce):
        operation.setdefault("parameters", []).append(_idempotency_key())
    if isinstance(route, AnsweredOnce) or name in _COMPARED:
        codes.append("409")
    [status] = [each for each in answers if each.startswith("2")]
    answers[status]["description"] = _said(route)
    answers[status]["headers"] = _headers(route, operation)
    for code in sorted(codes):
        answers[code] = {"$ref": f"#/components/responses/{_REFUSALS[code].name}"}


def _scope_of(route: APIRoute) -> str | None:
    """Say which scope a route's own dependency asks for."""
    return next(
        (each.call.scope for each in route.dependant.dependencies if isinstance(each.call, Caller)),
        None,
    )


def _said(route: APIRoute) -> str:
    model = route.response_model
    about = model.__doc__ if isinstance(model, type) and issubclass(model, BaseModel) else None
    return (about or "Done.").strip().split("\n")[0]


def _headers(route: APIRoute, operation: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"X-Request-Id": {"$ref": "#/components/headers/XRequestId"}, **_RATES}
    if any(each["name"] == "after" for each in operation.get("parameters", ())):
        about = 'Where the next page is (`rel="next"`), as in `next`; left out on the last.'
        found["Link"] = {"description": about, "schema": {"type": "string"}}
    if isinstance(route, AnsweredOnce):
        about = "`true` where this is the answer to an earlier request with the same key."
        found["Idempotency-Replayed"] = {"description": about, "schema": {"const": "true"}}
    return found


def _idempotency_key() -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Any text of your own, such as a UUID. Sent again within 24 hours, with "
        "the same request and bearer key, it gives the first answer and does nothing.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_KEY,
            "pattern": "^[!-~]+$",
        },
        "example": "4f1c1e0a-6a51-4e0e-9b7e-7d7f0c1f7a11",
    }


def _show(operation: dict[str, Any], examples: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the examples of an operation where its request and its answer are described."""
    name = operation["operationId"]
    if "requestBody" in operation:
        operation["requestBody"]["content"]["application/json"]["example"] = examples["requests"][
            name
        ]
    [status] = [each for each in operation["responses"] if each.startswith("2")]
    operation["responses"][status]["content"]["application/json"]["example"] = examples["answers"][
        name
    ]


def _problem(refusal: _Refusal) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": refusal.meaning,
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/XRequestId"}, **refusal.headers},
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def _running() -> dict[str, Any]:
    """Describe what is answered beside the application, and what is no JSON."""
    refused = {"$ref": "#/components/responses/Unavailable"}
    text = {"text/plain": {"schema": {"type": "string"}}}

    def probe(name: str, summary: str, status: str) -> dict[str, Any]:
        told = {"operationId": name, "summary": summary, "tags": ["running"], "security": []}
        said = {
            "type": "object",
            "required": ["status"],
            "properties": {"status": {"const": status}},
        }
        content = {"application/json": {"schema": said, "example": {"status": status}}}
        answers = {"200": {"description": "Yes.", "content": content}, "503": refused}
        return {"get": {**told, "responses": answers}}

    return {
        "/livez": probe("get_liveness", "Say whether the process is alive", "alive"),
        "/readyz": probe("get_readiness", "Say whether database and model are there", "ready"),
        "/metrics": {
            "get": {
                "operationId": "get_metrics",
                "summary": "Say how the service and its models do, in Prometheus's form",
                "description": "Scope: `admin`.",
                "tags": ["running"],
                "security": [{"key": ["admin"]}],
                "responses": {
                    "200": {"description": "Every figure.", "content": text},
                    "401": {"$ref": "#/components/responses/Unauthenticated"},
                    "403": {"$ref": "#/components/responses/Forbidden"},
                    "503": refused,
                },
            }
        },
    }
