"""HTTP: did it help? Figures over groups, never rows.

Periods cannot be chosen freely here: figures over periods that differ by a day could be subtracted
from each other until one person is left.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from governance.instants import to_text
from serving.access.auth import Principal
from serving.figures import measure_home
from serving.http.context import Caller, Here, fresh
from serving.http.outcome_answers import MeasuresAnswer

router = APIRouter(tags=["outcomes"])


@router.get("/v1/outcomes/measures", operation_id="get_measures", response_model=MeasuresAnswer)
def get_measures(
    here: Here, caller: Annotated[Principal, Depends(Caller("outcomes:read"))]
) -> Response:
    """Give every measure of the last year of history, each with its interval and definition."""
    found = measure_home(here.keepwell, start=None, end=None, now=here.clock())
    period = found.periods[0]
    return fresh(
        {
            "start": to_text(period.start),
            "end": to_text(period.end),
            "home": here.keepwell.kind,
            "notes": found.taken.notes,
            "measures": [each.to_json() for each in found.taken.measures],
        }
    )
