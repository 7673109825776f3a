"""HTTP: the journey map and the reports. Figures over groups, never rows.

As with measures, periods cannot be chosen freely here; a report is the one that was made.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from serving.access.auth import Principal
from serving.http.context import Caller, Here, fresh
from serving.http.journey_answers import JourneyAnswer, ReportAnswer
from serving.journey import journey_json, journey_of
from serving.reporting.shelf import newest_report

router = APIRouter(tags=["outcomes"])
Reader = Annotated[Principal, Depends(Caller("outcomes:read"))]


@router.get("/v1/outcomes/journey", operation_id="get_journey", response_model=JourneyAnswer)
def get_journey(
    here: Here,
    caller: Reader,
    by: Annotated[
        str | None,
        Query(min_length=1, max_length=80, description="Also by group: an attribute of profiles."),
    ] = None,
) -> Response:
    """Draw the journey map of the last year of history: stages and touchpoints, with intervals."""
    found = journey_of(here.keepwell, now=here.clock(), by=by)
    return fresh({"home": here.keepwell.kind, **journey_json(found)})


@router.get("/v1/outcomes/report", operation_id="get_report", response_model=ReportAnswer)
def get_report(
    here: Here,
    caller: Reader,
    kind: Annotated[Literal["week", "quarter"], Query(description="Which report.")] = "week",
) -> Response:
    """Give the newest weekly or quarterly report that was made, without texts people wrote."""
    return fresh(newest_report(here.keepwell, kind))
