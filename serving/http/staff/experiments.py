"""HTTP: what was tried by lot, and whether it helped. Figures over groups, never rows."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from governance.errors import KeepwellError, NotFound
from serving.http.staff.pictures import picture
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.interventions.lots.experiments import find_experiment, list_experiments, resume
from serving.pages.staff import experiments as words
from serving.reporting.trial_look import last_look, last_looks, take_look
from serving.trials.document import roi_document
from serving.trials.plans import SCOPE, latest_plan, list_plans
from serving.trials.roi import roi_of
from serving.trials.terms import money_terms

HOME = "/staff/experiments"
_ONE = f"{HOME}/{{playbook}}/{{draw}}"

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Reader = Annotated[Visit, Depends(Staff("outcomes:read"))]
Approver = Annotated[Visit, Depends(Staff(SCOPE, also=("outcomes:read",)))]
Playbook = Annotated[str, Path(min_length=1, max_length=80)]
Draw = Annotated[str, Path(min_length=1, max_length=80)]


@router.get(HOME)
def get_experiments(visit: Reader) -> Response:
    """List every experiment, the newest first, with what the last look at each found."""
    here, now = visit.here, visit.here.clock()
    with here.keepwell.database.read() as conn:
        trials = [each.at(now) for each in list_experiments(conn)]
        looks = last_looks(conn)
        plans = [each for each in list_plans(conn) if each.experiment is None]
    rows = words.rows_of(trials, looks)
    return visit.answer(
        "experiments.html.j2",
        title="Experiments",
        section="experiments",
        running=[each for each in rows if each.trial.status == "running"],
        over=[each for each in rows if each.trial.status != "running"],
        plans=plans,
        words=words,
    )


@router.get("/staff/measurement-plans/{digest}")
def get_plan(visit: Reader, digest: Annotated[str, Path(min_length=8, max_length=64)]) -> Response:
    """Show a frozen plan on one page, for printing."""
    with visit.here.keepwell.database.read() as conn:
        found = latest_plan(conn, digest)
    return visit.answer(
        "measurement_plan.html.j2",
        title=f"Measurement plan for {found.playbook}",
        section="experiments",
        found=found,
        plan=found.plan,
        href="" if found.experiment is None else words.href_of(found.experiment),
    )


@router.get(_ONE)
def get_experiment(
    visit: Reader,
    playbook: Playbook,
    draw: Draw,
    said: str = "",
    cost: Annotated[float | None, Query(gt=0, allow_inf_nan=False)] = None,
    cost_per: Literal["pilot", "month", "year"] = "pilot",
    margin_rate: Annotated[float | None, Query(gt=0, le=1)] = None,
) -> Response:
    """Show one experiment; with a cost its return is worked out, which takes a moment."""
    here, now = visit.here, visit.here.clock()
    name = f"{playbook}/{draw}"
    with here.keepwell.database.read() as conn:
        trial = find_experiment(conn, name).at(now)
        look = last_look(conn, name)
        others = [
            each.at(now)
            for each in list_experiments(conn, trial.playbook)
            if each.experiment != trial.experiment
        ]
    returned, problem = None if look is None else look.trial.roi, ""
    if cost is not None:
        try:
            made = roi_of(
                here.keepwell,
                trial.playbook,
                cost=cost,
                cost_per=cost_per,
                money=money_terms(here.keepwell.settings, margin_rate=margin_rate),
                horizon_days=None,
                file=None,
                experiment=name,
                now=now,
            )
            returned = roi_document(made)
        except KeepwellError as error:
            returned, problem = None, error.message
    lift = None if look is None else look.lift
    ranges = [] if lift is None else words.ranges_of(lift["outcomes"])
    return visit.answer(
        "experiment.html.j2",
        title=f"{trial.playbook.replace('_', ' ').capitalize()}, tried by lot",
        section="experiments",
        words=words,
        trial=trial,
        look=look,
        lift=lift,
        verdict=words.verdict_of(look),
        ranges=ranges,
        others=[(each, words.href_of(each.experiment)) for each in others],
        returned=returned,
        problem=problem,
        cost=cost,
        cost_per=cost_per,
        margin_rate=margin_rate,
        needs_rate=money_terms(here.keepwell.settings).margin_rate is None,
        said=words.SAID.get(said, ""),
        may_resume=visit.caller.may(SCOPE)
        and trial.stopped_for is not None
        and trial.resumed_at is None,
        href=words.href_of(name),
    )


@router.get(f"{_ONE}/lift.svg")
def get_picture(visit: Reader, playbook: Playbook, draw: Draw, of: str = "") -> Response:
    """Draw the differences of the last look: of all outcomes, or of the groups by risk."""
    from serving.pages.pictures.ranges import ranges_picture

    with visit.here.keepwell.database.read() as conn:
        look = last_look(conn, f"{playbook}/{draw}")
    if look is None or look.lift is None:
        raise NotFound("there is nothing to draw yet", hint="compare the experiment first")
    if of == "groups":
        ranges = words.ranges_of(look.lift["segments"], named="segment")
    else:
        ranges = words.ranges_of(look.lift["outcomes"])
    return picture(ranges_picture(ranges), about_somebody=False)


@router.post(f"{_ONE}/compare")
def post_compare(visit: Reader, playbook: Playbook, draw: Draw) -> Response:
    """Compare the arms as they are known now, and keep what came of it."""
    name = f"{playbook}/{draw}"
    take_look(visit.here.keepwell, name, now=visit.here.clock())
    return goto(f"{words.href_of(name)}?said=compared")


@router.post(f"{_ONE}/resume")
def post_resume(visit: Approver, playbook: Playbook, draw: Draw) -> Response:
    """Let a playbook whose experiment was stopped go on; a person answers for it."""
    here = visit.here
    with here.keepwell.database.write() as conn:
        resume(
            conn,
            here.keepwell.ledger,
            playbook,
            by=visit.caller.owner,
            reason=visit.form.get("reason", ""),
            now=here.clock(),
        )
    return goto(f"{words.href_of(f'{playbook}/{draw}')}?said=resumed")
