"""A problem as a page, for whoever reads pages: a person at a browser cannot use JSON."""

import json
from typing import Any

from starlette.responses import JSONResponse, Response

from serving.http.page_requests import page
from serving.pages.staff.frame import render_alone

_FOR_PROGRAMS = ("/v1/", "/metrics")


def for_reader(problem: JSONResponse, scope: Any) -> Response:
    """Give the problem as it is to programs, and as a page to a browser outside of the API."""
    headers = dict(scope.get("headers", ()))
    wants_page = b"text/html" in headers.get(b"accept", b"")
    if not wants_page or scope["path"].startswith(_FOR_PROGRAMS):
        return problem
    told = json.loads(bytes(problem.body))
    detail, hint = told["detail"], told.get("hint", "")
    if problem.status_code in (404, 405):
        detail, hint = "Nothing is at this address.", ""
    html = render_alone("lost.html.j2", detail=detail, hint=hint)
    made = page(html, status=problem.status_code)
    for name in ("Retry-After", "Allow", "RateLimit", "RateLimit-Policy"):
        if name in problem.headers:
            made.headers[name] = problem.headers[name]
    return made
