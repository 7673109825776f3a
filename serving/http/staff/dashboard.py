"""HTTP: the dashboard, layer by layer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from serving.dashboard.figure import LAYERS, Layer
from serving.dashboard.shelf import read_layer, taken_at
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.pages.staff.dashboard import page_of
from serving.pages.staff.figure_choice import Choice, read_choice

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Looking = Annotated[Visit, Depends(Staff("outcomes:read"))]


def asked(
    segment: Annotated[str, Query(max_length=400)] = "",
    every: Annotated[str, Query(max_length=10)] = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> Choice:
    """Read what was chosen from the address."""
    return read_choice(segment, every, first, last)


Chosen = Annotated[Choice, Depends(asked)]


@router.get("/staff/dashboard")
def get_dashboard(visit: Looking, choice: Chosen) -> Response:
    """Lead to the first layer."""
    return goto(f"/staff/dashboard/{LAYERS[0]}{choice.query()}")


@router.get("/staff/dashboard/{layer}")
def get_layer(visit: Looking, layer: Layer, choice: Chosen) -> Response:
    """Show a layer as the last look found it."""
    here = visit.here
    with here.keepwell.database.read() as conn:
        figures = read_layer(conn, layer, segment=choice.segment)
        at = taken_at(conn)
    filled = page_of(layer, figures, choice, taken_at=at, now=here.clock())
    return visit.answer(
        "dashboard.html.j2",
        title=f"{layer.capitalize()} dashboard",
        section="dashboard",
        page=filled,
    )
