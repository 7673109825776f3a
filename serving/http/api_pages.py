"""HTTP: the start page, its style, and the audit reports of a demo.

Pages need no key, so they show nothing about any customer, except in a demo home, whose people are
made up.
"""

import re
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.requests import Request
from starlette.responses import HTMLResponse

from governance.audit.report import report_style
from governance.errors import NotFound
from governance.review.candidates import ModelRecord, find_model
from governance.review.standing import Standing, standing_of
from serving.audit.drawing import report_page
from serving.http.context import Context, Here
from serving.pages.start import StartPage, read_start, render_start
from serving.pages.tour_strip import choices
from serving.tour.cast import seen_cast, three_of
from serving.tour.walk import Walk, walk_token

router = APIRouter(include_in_schema=False)
_STATIC = FilePath(__file__).parents[1] / "pages" / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FILES = {path.name: path for path in _STATIC.iterdir()}
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


@router.get("/")
def get_start(here: Here, request: Request) -> Response:
    """Show what just happened and how to call, at the address this was asked for."""
    keepwell = here.keepwell
    page = read_start(keepwell.home.reports, home_kind=keepwell.kind, now=here.clock())
    if keepwell.kind == "demo":
        page = replace(page, base_url=str(request.base_url).rstrip("/"))
        cast = choices(keepwell.keys, three_of(seen_cast(keepwell)))
        html = render_start(
            page,
            cast=cast,
            enter_token=walk_token(keepwell.keys, Walk("")),
            standing=_standing(here, page),
        )
    else:
        html = render_start(page)
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def _standing(here: Context, page: StartPage) -> Standing | None:
    """Give where the page's model stands by now; None where it tells of none."""
    if page.model is None:
        return None
    with here.keepwell.database.read() as conn:
        try:
            record = find_model(conn, page.model.digest)
        except NotFound:
            return None
        return standing_of(conn, record, now=here.clock())


@router.get("/static/{name}")
def get_static(name: str) -> Response:
    """Give one of the files that pages need."""
    path = _FILES.get(name)
    if path is None:
        raise NotFound("there is no such file")
    return Response(
        path.read_bytes(),
        media_type=_TYPES[path.suffix],
        headers={"Cache-Control": "public, max-age=3600"},
    )


@router.get("/favicon.ico")
def get_mark() -> Response:
    """Give the mark to browsers that look for it where a page names none, as reports do."""
    return get_static("mark.svg")


@router.get("/reports/{digest}")
def get_report(digest: Digest, here: Here) -> Response:
    """Show a demo model's audit report; its style comes from its own address."""
    html = report_page(here.keepwell, _shown(here, digest), now=here.clock())
    apart = _STYLE.sub(f'<link rel="stylesheet" href="/reports/{digest}/style.css">', html)
    return HTMLResponse(apart, headers={"Cache-Control": "no-store"})


@router.get("/reports/{digest}/style.css")
def get_report_style(digest: Digest, here: Here) -> Response:
    """Give the style of a report: styles written into a page are not let through by our policy."""
    return Response(report_style(_shown(here, digest).facts), media_type=_TYPES[".css"])


def _shown(here: Context, digest: str) -> ModelRecord:
    keepwell = here.keepwell
    if keepwell.kind != "demo":
        raise NotFound("there is no such page", hint="read reports with: keepwell audit")
    with keepwell.database.read() as conn:
        return find_model(conn, digest)
