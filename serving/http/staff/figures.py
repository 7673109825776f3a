"""HTTP: one figure of the dashboard: its page, its picture and its file."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from governance.errors import NotFound
from serving.dashboard.shelf import read_figure
from serving.dashboard.table_file import csv_of, file_name
from serving.http.staff.dashboard import Chosen, Looking, notes_of
from serving.http.staff.pictures import picture
from serving.http.staff.visit import StaffRoute
from serving.pages.staff.dashboard import filters_of, taken, title_of
from serving.pages.staff.dashboard_notes import marks_of, noted, version_of
from serving.pages.staff.figure_card import card_of
from serving.pages.staff.figure_picture import drawn, has_picture
from serving.pages.staff.figure_table import groups_of, table_of

router = APIRouter(include_in_schema=False, route_class=StaffRoute)


@router.get("/staff/figures/{name}.svg")
def get_picture(
    visit: Looking,
    name: str,
    view: Chosen,
    wide: Annotated[str, Query(max_length=1)] = "",
) -> Response:
    """Draw what is shown of a figure."""
    zone = visit.here.keepwell.settings.zone
    with visit.here.keepwell.database.read() as conn:
        figure = read_figure(conn, name, segment=view.segment)
        marks = marks_of(notes_of(visit, conn), zone)
    if not has_picture(figure, view.cells(figure)):
        raise NotFound("nothing of this figure can be drawn", hint="its page says why")
    return picture(drawn(figure, view, marks, wide=bool(wide)), about_somebody=False)


@router.get("/staff/figures/{name}.csv")
def get_file(visit: Looking, name: str, view: Chosen) -> Response:
    """Give what is shown of a figure as a file."""
    with visit.here.keepwell.database.read() as conn:
        figure = read_figure(conn, name, segment=view.segment)
    called = file_name(figure, segment=view.segment, every=view.every)
    return Response(
        csv_of(figure, view.cells(figure)),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{called}"',
            "Cache-Control": "no-store",
        },
    )


@router.get("/staff/figures/{name}")
def get_figure(visit: Looking, name: str, view: Chosen) -> Response:
    """Show one figure: picture, table, groups, and what it means."""
    here, zone = visit.here, visit.here.keepwell.settings.zone
    now = here.clock()
    with here.keepwell.database.read() as conn:
        figure = read_figure(conn, name)
        notes = notes_of(visit, conn)
    period, groups = groups_of(figure, view)
    chosen = filters_of([figure], view)
    told = noted(
        notes,
        view,
        chosen.spells,
        zone=zone,
        now=now,
        writer="",
        may_write=False,
        may_remove_all=False,
    )
    return visit.answer(
        "figure.html.j2",
        title=figure.title,
        section="dashboard",
        heading=title_of(figure, view),
        back=f"/staff/dashboard/{figure.layer}{view.query()}",
        layer=figure.layer,
        card=card_of(figure, view, marks=version_of(marks_of(notes, zone)), wide=True),
        table=table_of(figure, view),
        period=period,
        groups=groups,
        filters=chosen,
        notes=told.lines if figure.shape == "trend" else (),
        taken=None if figure.taken_at is None else taken(figure.taken_at, now),
        here=f"/staff/figures/{figure.name}",
    )
