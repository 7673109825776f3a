"""HTTP: the emotional journey map, its table, its file, its picture, and words people permit."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from features.text.narratives import Excerpt
from governance.errors import NotFound, PermissionRefused
from outcomes.journey.map import Journey
from outcomes.journey.worst import LENSES
from serving.dashboard.journey_look import YEAR, Drawn, drawn_journeys, read_journey
from serving.http.staff.pictures import picture
from serving.http.staff.visit import Staff, StaffRoute, Visit
from serving.journey_words import MOST, words_at
from serving.pages.staff.journey import (
    HOME,
    TITLES,
    Line,
    MapView,
    filters,
    lines_of,
    map_of,
    steps_of,
)
from serving.spreadsheet import csv_text

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Reader = Annotated[Visit, Depends(Staff("outcomes:read"))]
WordReader = Annotated[Visit, Depends(Staff("consent:read", also=("outcomes:read",)))]
Period = Annotated[str, Query(max_length=20)]
Segment = Annotated[str, Query(max_length=300)]
Name = Annotated[str, Query(min_length=1, max_length=80)]
_WIDE, _NARROW = 940, 420


@router.get(HOME)
def get_map(visit: Reader, period: Period = YEAR, segment: Segment = "") -> Response:
    """Show how people fare at each stage and touchpoint."""
    choice = MapView(period or YEAR, segment)
    with visit.here.keepwell.database.read() as conn:
        try:
            drawn = drawn_journeys(conn)
        except NotFound:
            return visit.answer("journey_none.html.j2", title="Journey", section="journey")
        journey = read_journey(conn, choice.period, choice.by)
    _check(journey, choice)
    filled = map_of(journey, choice, with_words=visit.caller.may("consent:read"))
    lenses = [each.name for each in LENSES if _has_curve(journey, choice, each.name)]
    return _page(visit, "journey", drawn, choice, map=filled, lenses=lenses)


@router.get(f"{HOME}/table")
def get_table(visit: Reader, period: Period = YEAR, segment: Segment = "") -> Response:
    """Show every figure of the map as a line."""
    choice = MapView(period or YEAR, segment)
    with visit.here.keepwell.database.read() as conn:
        drawn = drawn_journeys(conn)
        journey = read_journey(conn, choice.period, choice.by)
    _check(journey, choice)
    return _page(visit, "journey_table", drawn, choice, lines=lines_of(journey, choice))


@router.get(f"{HOME}.csv")
def get_file(visit: Reader, period: Period = YEAR, segment: Segment = "") -> Response:
    """Give every figure of the map as a file."""
    choice = MapView(period or YEAR, segment)
    with visit.here.keepwell.database.read() as conn:
        journey = read_journey(conn, choice.period, choice.by)
    _check(journey, choice)
    whom = segment or "everyone"
    told = csv_text(
        [*Line._fields, "segment", "period"],
        ((*line, whom, journey.period.label) for line in lines_of(journey, choice)),
    )
    headers = {
        "Content-Disposition": f'attachment; filename="journey-{_plain(choice.period)}.csv"',
        "Cache-Control": "no-store",
    }
    return Response(told, media_type="text/csv; charset=utf-8", headers=headers)


@router.get(f"{HOME}/curve.svg")
def get_curve(
    visit: Reader,
    lens: Name,
    period: Period = YEAR,
    segment: Segment = "",
    narrow: Annotated[str, Query(max_length=1)] = "",
) -> Response:
    """Draw how people fare from stage to stage, through one lens."""
    from serving.pages.pictures.path import path_picture

    choice = MapView(period or YEAR, segment)
    wanted = next((each for each in LENSES if each.name == lens), None)
    if wanted is None:
        raise NotFound("there is no such look at the journey")
    with visit.here.keepwell.database.read() as conn:
        journey = read_journey(conn, choice.period, choice.by)
    _check(journey, choice)
    drawn = path_picture(
        steps_of(journey, choice, lens),
        high_is_bad=wanted.high_is_bad,
        width=_NARROW if narrow else _WIDE,
    )
    return picture(drawn, about_somebody=False)


@router.get(f"{HOME}/words")
def get_words(
    visit: WordReader, stage: Name, about: Name, period: Period = YEAR, segment: Segment = ""
) -> Response:
    """Ask whether somebody wants to read what people wrote; reading is noted in the log."""
    return _words(visit, MapView(period or YEAR, segment), stage, about)


@router.post(f"{HOME}/words")
def post_words(visit: WordReader) -> Response:
    """Show a few texts of those who permit it, once: nothing keeps them."""
    here, form = visit.here, visit.form
    view = MapView(form.get("period") or YEAR, form.get("segment", ""))
    stage, about = form.get("stage", ""), form.get("about", "")
    try:
        found = words_at(
            here.keepwell, stage, about, seed=secrets.randbelow(2**31), now=here.clock()
        )
    except PermissionRefused:
        return _words(visit, view, stage, about, refused=True)
    return _words(visit, view, stage, about, found=found)


def _words(
    visit: Visit,
    view: MapView,
    stage: str,
    about: str,
    *,
    found: tuple[Excerpt, ...] | None = None,
    refused: bool = False,
) -> Response:
    return visit.answer(
        "journey_words.html.j2",
        title=f"What people wrote: {about.replace('_', ' ')}",
        section="journey",
        stage=stage,
        about=about,
        view=view,
        most=MOST,
        found=found,
        refused=refused,
    )


def _page(
    visit: Visit,
    name: str,
    drawn: Drawn,
    choice: MapView,
    **values: Any,
) -> Response:
    periods, segments = filters(drawn)
    return visit.answer(
        f"{name}.html.j2",
        title="Journey",
        section="journey",
        choice=choice,
        periods=periods,
        segments=segments,
        taken_at=drawn.taken_at,
        titles=TITLES,
        may_mend=visit.caller.may("feedback:write"),
        **values,
    )


def _has_curve(journey: Journey, choice: MapView, lens: str) -> bool:
    return sum(each.value is not None for each in steps_of(journey, choice, lens)) > 1


def _check(journey: Journey, choice: MapView) -> None:
    if choice.segment and choice.group not in journey.segments:
        raise NotFound("nobody of this group is on the map", hint="choose another one")


def _plain(text: str) -> str:
    return "".join(each if each.isalnum() else "-" for each in text)
