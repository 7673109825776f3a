"""HTTP: reading a few texts of those who permit that their words are read for research.

They are read while somebody looks, and the log learns that they were; a page is never kept.
"""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from governance.errors import KeepwellError
from serving.http.staff.visit import Staff, StaffRoute, Visit
from serving.text import sample_home, theme_names

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
_MOST = 12
Reading = Annotated[Visit, Depends(Staff("outcomes:read"))]
Drawing = Annotated[Visit, Depends(Staff("consent:read", also=("outcomes:read",)))]


@router.get("/staff/dashboard/texts")
def get_texts(visit: Reading) -> Response:
    """Ask which theme to read about."""
    return _answer(visit)


@router.post("/staff/dashboard/texts")
def post_texts(visit: Drawing) -> Response:
    """Draw texts about a theme and show them once; answered at once, since nothing keeps them."""
    theme = visit.form.get("theme", "")
    try:
        found = sample_home(
            visit.here.keepwell,
            theme,
            size=_MOST,
            seed=secrets.randbelow(2**31),
            now=visit.here.clock(),
        )
    except KeepwellError as error:
        return _answer(visit, theme=theme, wrong=error.message, hint=error.hint or "")
    return _answer(visit, theme=theme, texts=found)


def _answer(visit: Visit, **values: object) -> Response:
    shown = {"theme": "", "texts": None, "wrong": "", "hint": "", **values}
    return visit.answer(
        "texts.html.j2",
        title="What people wrote",
        section="dashboard",
        themes=theme_names(visit.here.keepwell.home.root),
        may_read=visit.caller.may("consent:read"),
        most=_MOST,
        shown=shown,
    )
