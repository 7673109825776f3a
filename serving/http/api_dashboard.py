"""HTTP: the dashboard as the last look found it, and the notes beside its trends.

Nothing is worked out here, and nothing can be asked for that no page shows.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from governance.instants import parse_instant, to_text
from serving.access.auth import Principal
from serving.dashboard.figure import DEFAULT_EVERY, Every, Figure, Layer
from serving.dashboard.notes import Note, add_note, all_notes, remove_note
from serving.dashboard.shelf import read_layer, taken_at
from serving.http.context import Caller, Here, Step, fresh
from serving.http.dashboard_schemas import (
    AnnotationAnswer,
    AnnotationRemoved,
    AnnotationRequest,
    AnnotationsAnswer,
    DashboardAnswer,
)
from serving.http.idempotency import AnsweredOnce

router = APIRouter(tags=["outcomes"])
once = APIRouter(tags=["outcomes"], route_class=AnsweredOnce)
Reader = Annotated[Principal, Depends(Caller("outcomes:read"))]
Writer = Annotated[Principal, Depends(Caller("feedback:write"))]
NotePath = Annotated[Step, Path(min_length=1, max_length=40)]


@router.get("/v1/outcomes/dashboard", operation_id="get_dashboard", response_model=DashboardAnswer)
def get_dashboard(
    here: Here,
    caller: Reader,
    layer: Annotated[Layer, Query(description="Which layer.")] = "executive",
    segment: Annotated[
        str,
        Query(max_length=400, description="Of whom: an attribute and its value, `plan=basic`."),
    ] = "",
    every: Annotated[Every, Query(description="Which calendar trends follow.")] = DEFAULT_EVERY,
) -> Response:
    """Give a layer's figures as the last look found them, of everyone or of one segment."""
    with here.keepwell.database.read() as conn:
        figures = read_layer(conn, layer, segment=segment)
        at = taken_at(conn)
    return fresh(
        {
            "home": here.keepwell.kind,
            "layer": layer,
            "segment": segment,
            "every": every,
            "taken_at": None if at is None else to_text(at),
            "figures": [_told(figure, segment, every) for figure in figures],
        }
    )


@router.get(
    "/v1/outcomes/annotations",
    operation_id="list_annotations",
    response_model=AnnotationsAnswer,
)
def get_annotations(here: Here, caller: Reader) -> Response:
    """List every note: those that people wrote, and what Keepwell itself did."""
    with here.keepwell.database.read() as conn:
        found = all_notes(conn, now=here.clock())
    return fresh({"annotations": [_noted(note) for note in found]})


@once.post(
    "/v1/outcomes/annotations",
    operation_id="add_annotation",
    response_model=AnnotationAnswer,
    status_code=201,
)
def post_annotation(body: AnnotationRequest, here: Here, caller: Writer) -> Response:
    """Write a note on what happened; its words must name nobody."""
    made = add_note(
        here.keepwell,
        text=body.text,
        happened_at=parse_instant(body.happened_at, here.keepwell.settings.zone),
        by=caller.owner,
        now=here.clock(),
    )
    return fresh(_noted(made), status=201)


@once.delete(
    "/v1/outcomes/annotations/{annotation_id}",
    operation_id="remove_annotation",
    response_model=AnnotationRemoved,
)
def delete_annotation(annotation_id: NotePath, here: Here, caller: Writer) -> Response:
    """Take a note of one's own away, or any with `admin`; the log keeps that there was one."""
    remove_note(here.keepwell, annotation_id, by=caller, now=here.clock())
    return fresh({"annotation_id": annotation_id, "outcome": "removed"})


def _told(figure: Figure, segment: str, every: Every) -> dict[str, Any]:
    """Tell what the page of the same choice shows, and of whom and by which calendar it is."""
    cells = [cell._asdict() for cell in figure.shown(segment=segment, every=every)]
    for cell in cells:
        del cell["segment"], cell["every"]
    return {
        "name": figure.name,
        "title": figure.title,
        "about": figure.about,
        "shape": figure.shape,
        "unit": figure.unit,
        "scale": figure.scale,
        "goal": figure.goal,
        "note": figure.note,
        "segment": segment if figure.is_told(segment) else "",
        "every": figure.calendar(every) if figure.calendars else None,
        "segments": [each for each in figure.segments if each],
        "cells": cells,
    }


def _noted(note: Note) -> dict[str, Any]:
    return {
        "annotation_id": note.note_id or None,
        "happened_at": to_text(note.happened_at),
        "text": note.text,
        "written_by": note.written_by or None,
        "written_at": None if note.written_at is None else to_text(note.written_at),
    }
