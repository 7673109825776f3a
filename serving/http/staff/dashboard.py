"""HTTP: the dashboard, layer by layer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection

from serving.dashboard.figure import LAYERS, Layer
from serving.dashboard.notes import Note, all_notes
from serving.dashboard.shelf import read_layer, taken_at
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.pages.staff.dashboard import page_of
from serving.pages.staff.dashboard_notes import Draft, marks_of, noted, version_of
from serving.pages.staff.figure_view import View, read_view

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Looking = Annotated[Visit, Depends(Staff("outcomes:read"))]
WRITERS = ("feedback:write", "admin")
_SAID = {
    "noted": "The note is kept, and stands in the pictures of its time.",
    "removed": "The note is gone.",
}


def asked(
    segment: Annotated[str, Query(max_length=400)] = "",
    every: Annotated[str, Query(max_length=10)] = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> View:
    """Read what was chosen from the address."""
    return read_view(segment, every, first, last)


Chosen = Annotated[View, Depends(asked)]


@router.get("/staff/dashboard")
def get_dashboard(visit: Looking, view: Chosen) -> Response:
    """Lead to the first layer."""
    return goto(f"/staff/dashboard/{LAYERS[0]}{view.query()}")


@router.get("/staff/dashboard/{layer}")
def get_layer(visit: Looking, layer: Layer, view: Chosen, said: str = "") -> Response:
    """Show a layer as the last look found it."""
    return show_layer(visit, layer, view, said=_SAID.get(said, ""))


def show_layer(
    visit: Visit,
    layer: Layer,
    view: View,
    *,
    said: str = "",
    draft: Draft = Draft(),  # noqa: B008 - a record that nothing changes
    status: int = 200,
) -> Response:
    """Answer with a layer; `draft` is a note that could not be kept, and why."""
    here, zone = visit.here, visit.here.keepwell.settings.zone
    now = here.clock()
    with here.keepwell.database.read() as conn:
        figures = read_layer(conn, layer, segment=view.segment)
        at = taken_at(conn)
        notes = notes_of(visit, conn)
    marks = version_of(marks_of(notes, zone))
    filled = page_of(layer, figures, view, taken_at=at, now=now, marks=marks)
    told = noted(
        notes,
        view,
        filled.filters.spells,
        zone=zone,
        now=now,
        writer=visit.caller.owner,
        may_write=any(visit.caller.may(scope) for scope in WRITERS),
        may_remove_all=visit.caller.may("admin"),
    )
    return visit.answer(
        "dashboard.html.j2",
        title=f"{layer.capitalize()} dashboard",
        section="dashboard",
        status=status,
        page=filled,
        noted=told,
        draft=draft,
        said=said,
    )


def notes_of(visit: Visit, conn: Connection) -> tuple[Note, ...]:
    """Read every note, as pictures and pages number them."""
    return all_notes(conn, now=visit.here.clock())
