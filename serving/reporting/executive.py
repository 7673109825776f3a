"""The first layer: what acting brought, and what is at stake."""

from datetime import datetime

from governance.errors import KeepwellError
from serving.bootstrap import Keepwell
from serving.crm.at_stake import at_stake
from serving.interventions.lots.experiments import list_experiments
from serving.interventions.playbooks.playbook import STARTERS
from serving.reporting.record import AtRisk, Trial
from serving.trials.document import lift_document, roi_document
from serving.trials.lift import HomeLift, lift_of
from serving.trials.roi import roi_of
from serving.trials.terms import money_terms


def trials(keepwell: Keepwell, *, now: datetime) -> tuple[Trial, ...]:
    """Give lift and return of every playbook that was tried, by its newest experiment."""
    with keepwell.database.read() as conn:
        known = list_experiments(conn)
    return tuple(
        trial_of(keepwell, playbook, now=now)
        for playbook in sorted({each.playbook for each in known})
    )


def at_risk(keepwell: Keepwell, *, now: datetime) -> tuple[AtRisk | None, str]:
    """Add up the margin at stake in the home's last file of scores; else say why not.

    The list itself, with its customers, is `keepwell crm weekly`.
    """
    scores = keepwell.home.scores
    if not scores.is_file():
        name = f"var/{scores.name}"
        return None, f"there is no {name}; make it with: keepwell score --out {name}"
    try:
        found = at_stake(keepwell, scores, clock=lambda: now)
        with keepwell.database.read() as conn:
            least = keepwell.registry.aggregate_permit(conn, "aggregate", now=now).min_people
    except KeepwellError as error:
        return None, error.message
    if len(found.customers) < least:
        return None, "too few people to show"
    value, low, high = found.spans.sum(axis=0).tolist()
    reached = float(found.spans[found.reachable, 0].sum())
    made = AtRisk(
        customers=len(found.customers),
        value=value,
        low=low,
        high=high,
        contactable=reached / value if value else 0.0,
        currency=keepwell.settings.currency,
        assumption=found.assumption,
        as_of=found.as_of,
    )
    return made, ""


def trial_of(
    keepwell: Keepwell, playbook: str, *, experiment: str | None = None, now: datetime
) -> Trial:
    """Give lift and return of one experiment of a playbook, of its newest unless one is named."""
    own = keepwell.home.playbooks
    file = own if own.is_file() else STARTERS
    money = money_terms(keepwell.settings)
    made = Trial(playbook, None, None, "", "")
    try:
        found = lift_of(
            keepwell,
            playbook,
            experiment=experiment,
            horizon_days=None,
            file=file,
            now=now,
            money=money,
        )
    except KeepwellError as error:
        return made._replace(why_no_lift=error.message, why_no_roi="there is no lift to count")
    today = now.astimezone(keepwell.settings.zone).date()
    made = made._replace(lift=lift_document(found, today=today))
    cost = _cost(keepwell, found)
    if cost is None:
        return made._replace(why_no_roi=_why_no_cost(keepwell, found))
    try:
        returned = roi_of(
            keepwell,
            playbook,
            cost=cost,
            cost_per="pilot",
            money=money,
            horizon_days=None,
            experiment=experiment,
            file=file,
            now=now,
        )
    except KeepwellError as error:
        return made._replace(why_no_roi=error.message)
    return made._replace(roi=roi_document(returned), why_no_roi=returned.reason)


def _why_no_cost(keepwell: Keepwell, found: HomeLift) -> str:
    costs = keepwell.settings.costs
    if costs is None or not costs.contact_cost:
        return "what a contact costs is not stated; set contact_cost of [costs] in keepwell.toml"
    return "of nobody who was contacted are the days over that are looked at"


def _cost(keepwell: Keepwell, found: HomeLift) -> float | None:
    """What contacting everyone treated costs by `[costs]`; wages are in it as far as stated."""
    costs = keepwell.settings.costs
    if costs is None or not costs.contact_cost or not found.lift.treated:
        return None
    return costs.contact_cost * found.lift.treated
