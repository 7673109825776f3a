"""HTTP: what experiments of playbooks showed. Figures over groups, never rows.

The horizon cannot be chosen here (it is that of the frozen plan, else 90 days): figures over
horizons that differ by a day could be subtracted from each other until one person is left.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from serving.access.auth import Principal
from serving.http.context import Caller, Here, Step, fresh
from serving.http.trial_answers import ExperimentsAnswer, LiftAnswer, PlansAnswer, RoiAnswer
from serving.interventions.lots.experiments import list_experiments
from serving.trials.document import (
    experiment_document,
    lift_document,
    plan_document,
    roi_document,
)
from serving.trials.lift import lift_of
from serving.trials.plans import list_plans
from serving.trials.roi import roi_of
from serving.trials.terms import money_terms

router = APIRouter(tags=["outcomes"])

Reader = Annotated[Principal, Depends(Caller("outcomes:read"))]
Name = Annotated[Step, Path(min_length=1, max_length=80)]
Experiment = Annotated[
    str | None, Query(max_length=160, description="One of its experiments; the newest if not said.")
]


@router.get("/v1/outcomes/lift/{playbook}", operation_id="get_lift", response_model=LiftAnswer)
def get_lift(playbook: Name, here: Here, caller: Reader, experiment: Experiment = None) -> Response:
    """Compare treated and held-out customers of a playbook's experiment, as drawn."""
    now = here.clock()
    found = lift_of(
        here.keepwell,
        playbook,
        experiment=experiment,
        horizon_days=None,
        file=None,
        now=now,
    )
    return fresh({"home": here.keepwell.kind, **lift_document(found, today=now.date())})


@router.get("/v1/outcomes/roi/{playbook}", operation_id="get_roi", response_model=RoiAnswer)
def get_roi(
    playbook: Name,
    here: Here,
    caller: Reader,
    cost: Annotated[float, Query(gt=0, description="Wages, tools and messages, all together.")],
    cost_per: Annotated[
        Literal["pilot", "month", "year"], Query(description="What that cost is for.")
    ] = "pilot",
    margin_rate: Annotated[
        float | None, Query(gt=0, le=1, description="Margin per unit of net sales.")
    ] = None,
    service_cost: Annotated[
        float | None, Query(ge=0, description="What one contact with service costs.")
    ] = None,
    experiment: Experiment = None,
) -> Response:
    """Give margin preserved and cost saved against the cost of a playbook's experiment."""
    terms = money_terms(here.keepwell.settings, margin_rate=margin_rate, service_cost=service_cost)
    found = roi_of(
        here.keepwell,
        playbook,
        cost=cost,
        cost_per=cost_per,
        money=terms,
        horizon_days=None,
        experiment=experiment,
        file=None,
        now=here.clock(),
    )
    return fresh({"home": here.keepwell.kind, **roi_document(found)})


@router.get(
    "/v1/outcomes/experiments", operation_id="list_experiments", response_model=ExperimentsAnswer
)
def get_experiments(here: Here, caller: Reader) -> Response:
    """List every experiment of every playbook, the newest first."""
    now = here.clock()
    with here.keepwell.database.read() as conn:
        found = [experiment_document(each.at(now)) for each in list_experiments(conn)]
    return fresh({"experiments": found})


@router.get("/v1/outcomes/plans", operation_id="list_plans", response_model=PlansAnswer)
def get_plans(here: Here, caller: Reader) -> Response:
    """List every measurement plan that was frozen, the newest first."""
    with here.keepwell.database.read() as conn:
        found = [plan_document(each) for each in list_plans(conn)]
    return fresh({"plans": found})
