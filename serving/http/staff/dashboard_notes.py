"""HTTP: adding a note beside the trends, and taking one away again."""

from datetime import date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from governance.errors import InvalidInput
from serving.dashboard.figure import LAYERS, Layer
from serving.dashboard.notes import add_note, remove_note
from serving.http.staff.dashboard import WRITERS, show_layer
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.pages.staff.dashboard_notes import Draft
from serving.pages.staff.figure_view import View, read_view

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Writing = Annotated[Visit, Depends(Staff(*WRITERS, also=("outcomes:read",)))]


@router.post("/staff/dashboard/notes")
def post_note(visit: Writing) -> Response:
    """Keep a note; one that cannot be kept comes back with what is wrong."""
    here, form = visit.here, visit.form
    layer, view = _where(visit)
    text, day = form.get("text", ""), form.get("day", "")
    try:
        happened = datetime.combine(_day(day), time(), here.keepwell.settings.zone)
        add_note(
            here.keepwell,
            text=text,
            happened_at=happened,
            by=visit.caller.owner,
            now=here.clock(),
        )
    except InvalidInput as error:
        wrong = ": ".join(part for part in (error.message, error.hint) if part)
        return show_layer(visit, layer, view, draft=Draft(text, day, wrong), status=422)
    return goto(_address(layer, view, "noted"))


@router.post("/staff/dashboard/notes/{note_id}/remove")
def post_removal(visit: Writing, note_id: str) -> Response:
    """Take away a note of one's own; an administrator takes away any."""
    remove_note(visit.here.keepwell, note_id, by=visit.caller, now=visit.here.clock())
    return goto(_address(*_where(visit), "removed"))


def _where(visit: Visit) -> tuple[Layer, View]:
    """Read from which view a form was sent."""
    form = visit.form
    layer = next((each for each in LAYERS if each == form.get("layer")), LAYERS[0])
    names = ("segment", "every", "from", "to")
    return layer, read_view(*(form.get(name, "") for name in names))


def _address(layer: Layer, view: View, said: str) -> str:
    query = view.query()
    return f"/staff/dashboard/{layer}{query}{'&' if query else '?'}said={said}#notes"


def _day(sent: str) -> date:
    try:
        return date.fromisoformat(sent)
    except ValueError:
        raise InvalidInput("the day cannot be read", hint="write it as 2026-05-31") from None
