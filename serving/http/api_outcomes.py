"""HTTP: did it help? Figures over groups, never rows.

Periods cannot be chosen freely here: figures over periods that differ by a day could be subtracted
from each other until one person is left.
"""

from dataclasses import asdict, is_dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from governance.instants import to_text
from serving.auth import Principal
from serving.figures import lift_of, measure_home
from serving.http.context import Caller, Here, Step, fresh
from serving.http.outcome_answers import LiftAnswer, MeasuresAnswer

router = APIRouter(tags=["outcomes"])
HORIZON_DAYS = 90


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


@router.get("/v1/outcomes/lift/{playbook}", operation_id="get_lift", response_model=LiftAnswer)
def get_lift(
    playbook: Annotated[Step, Path(min_length=1, max_length=80)],
    here: Here,
    caller: Annotated[Principal, Depends(Caller("outcomes:read"))],
) -> Response:
    """Compare treated and held-out customers of a playbook over 90 days, as assigned."""
    found = lift_of(here.keepwell, playbook, horizon_days=HORIZON_DAYS, file=None, now=here.clock())
    return fresh({"home": here.keepwell.kind, **_plain(found)})


def _plain(found: Any) -> Any:
    """Turn nested records into what JSON can say."""
    if is_dataclass(found) and not isinstance(found, type):
        return _plain(asdict(found))
    if isinstance(found, tuple) and hasattr(found, "_asdict"):
        return _plain(found._asdict())
    if isinstance(found, dict):
        return {str(name): _plain(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [_plain(each) for each in found]
    return found
