"""What a playbook's experiment brought in money: three lines, their intervals, every assumption."""

from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.disclosure.breakdown import NEAR
from governance.disclosure.published import Figure, Register, cell_of, person_keys, trace_of
from governance.errors import InvalidInput
from governance.instants import DAY_US, to_micros
from governance.intervals import Interval
from outcomes.randomised.lift import sample_ratio
from outcomes.roi import MIN_UNITS, Roi, roi
from serving.bootstrap import Keepwell
from serving.interventions.lots.experiments import TrialExperiment
from serving.interventions.playbooks.playbook import Playbook, find_playbook, playbooks_of
from serving.published import give, person_key
from serving.trials.lift import UNNAMED, Drawn, choose, follow, horizon_of
from serving.trials.plans import find_plan
from serving.trials.terms import Assumption, MoneyTerms

CostPer = Literal["pilot", "month", "year"]
_DAYS_OF: dict[str, float] = {"month": 365.25 / 12, "year": 365.25}
_SERVICE = ("ticket_opened", "call", "chat_message")
_DRAWS, _SEED = 2_000, 20260101
_EVER = 2**62


class HomeRoi(NamedTuple):
    """The return of one experiment, or why there is none (`roi` is None then).

    `verdict` is that of `roi` unless the experiment still runs or its arms cannot be compared.
    """

    playbook: str
    experiment: str
    horizon_days: int
    roi: Roi | None
    verdict: Literal["pays", "does not pay", "cannot say", "withheld"]
    reason: str
    waiting: int
    assumptions: tuple[Assumption, ...]
    note: str


class _Counted(NamedTuple):
    """Whose horizon is over, with what each brought and cost: arrays (n,)."""

    treated: NDArray[np.bool_]
    people: NDArray[np.int64]
    sales: NDArray[np.float64]
    sent: NDArray[np.float64]
    service: NDArray[np.float64]
    waiting: int
    days: float


def roi_of(
    keepwell: Keepwell,
    playbook: str,
    *,
    cost: float,
    cost_per: CostPer,
    money: MoneyTerms,
    horizon_days: int | None,
    file: Path | None,
    now: datetime,
    experiment: str | None = None,
) -> HomeRoi:
    """Give the three lines of a playbook's experiment over `horizon_days` after each draw.

    `cost` is wages, tools and messages, of the whole pilot or per month or year of its time; a
    monthly or yearly one is brought to the pilot's own length and said so. With too few people the
    verdict is "cannot say". Raises `InvalidInput` without a margin rate.
    """
    found = find_playbook(playbooks_of(keepwell.home, file), playbook)
    if money.margin_rate is None:
        raise InvalidInput(
            "no margin rate is stated, and sales are not margin",
            hint="state --margin-rate 0.35, or margin_feature and margin_share in [costs]",
        )
    if not 0 < cost < float("inf"):
        raise InvalidInput(
            f"cost == {cost:g}, must be above 0", hint="count wages, tools and messages"
        )

    def work_out() -> tuple[HomeRoi, Register]:
        with keepwell.database.read() as conn:
            trial, _ = choose(conn, playbook, experiment, now=now)
            plan = None if trial is None else find_plan(conn, trial.plan_digest)
            drawn = follow(keepwell, conn, playbook, trial, now=now)
        days = horizon_of(plan, horizon_days)
        counted = _count(drawn, days)
        whole = cost if cost_per == "pilot" else cost * counted.days / _DAYS_OF[cost_per]
        terms = (*_cost_terms(keepwell, cost, cost_per, whole, counted), *money.assumptions)
        made = _return(keepwell, found, trial, drawn, counted, whole, money, days)
        return made._replace(assumptions=(*terms, *_fixed(days))), drawn.register

    return give(keepwell, work_out, now=now)


def _count(drawn: Drawn, horizon_days: int) -> _Counted:
    people = drawn.people
    until = to_micros(drawn.until)
    ripe = people.at + horizon_days * DAY_US <= until
    window = {"start": 0, "end": horizon_days}
    followed = drawn.followed
    spans = people.at[ripe]
    length = (int(spans.max()) - int(spans.min())) / DAY_US if len(spans) else 0.0
    return _Counted(
        treated=people.treated[ripe],
        people=people.customer[ripe],
        sales=followed.net_sales(**window)[ripe],
        sent=followed.count("intervention_sent", **window)[ripe],
        service=followed.count(*_SERVICE, **window)[ripe],
        waiting=int((~ripe).sum()),
        days=length + horizon_days,
    )


def _return(
    keepwell: Keepwell,
    playbook: Playbook,
    trial: TrialExperiment | None,
    drawn: Drawn,
    counted: _Counted,
    cost: float,
    money: MoneyTerms,
    horizon_days: int,
) -> HomeRoi:
    arm = counted.treated
    sizes = {"treated": int(arm.sum()), "holdout": int((~arm).sum())}
    empty = HomeRoi(
        playbook=playbook.name,
        experiment=UNNAMED if trial is None else trial.experiment,
        horizon_days=horizon_days,
        roi=None,
        verdict="withheld",
        reason="",
        waiting=counted.waiting,
        assumptions=(),
        note="",
    )
    if min(sizes.values()) < MIN_UNITS:
        reason = (
            f"{sizes['treated']} treated and {sizes['holdout']} left alone have their "
            f"{horizon_days} days behind them, a return needs at least {MIN_UNITS} in each; "
            f"{counted.waiting:,} are within them"
        )
        return empty._replace(verdict="cannot say", reason=reason)
    share = playbook.holdout_share if trial is None else trial.holdout_share
    if 0 < share < 1:
        ratio = sample_ratio(sizes, {"treated": 1 - share, "holdout": share})
        if ratio.outcome == "mismatch":
            return empty._replace(reason="the arms' sizes are not those of the draw")
    rate = money.margin_rate or 0.0
    margin = counted.sales * rate - counted.sent * money.incentive
    service = counted.service * money.service_cost
    made = roi(
        margin[arm],
        margin[~arm],
        treated_service_cost=service[arm],
        control_service_cost=service[~arm],
        cost=cost,
        period_days=horizon_days,
        currency=keepwell.settings.currency,
        rng=np.random.default_rng(_SEED),
        draws=_DRAWS,
    )
    shown, note = _shielded(keepwell, drawn, counted, made, empty, cost, money)
    if shown is None:
        return empty._replace(verdict="cannot say", reason=note, note=note)
    running = (trial is not None and trial.status == "running") or counted.waiting > 0
    if running:
        reason = f"it is not over: {counted.waiting:,} people are within their horizon"
        return empty._replace(
            roi=shown._replace(verdict="cannot say"), verdict="cannot say", reason=reason, note=note
        )
    reason = {
        "pays": "the whole interval of the net lies above 0",
        "does not pay": "the whole interval of the net lies below 0",
        "cannot say": "0 lies within the interval of the net",
    }[shown.verdict]
    return empty._replace(roi=shown, verdict=shown.verdict, reason=reason, note=note)


def _shielded(
    keepwell: Keepwell,
    drawn: Drawn,
    counted: _Counted,
    made: Roi,
    about: HomeRoi,
    cost: float,
    money: MoneyTerms,
) -> tuple[Roi | None, str]:
    """Give the return, the one given before, or none, so that no few people can be told from it.

    Compared is what people brought, not what it is worth by this rate or that.
    """
    ids = [str(drawn.histories.customers[each]) for each in counted.people]
    keys = person_keys(ids, person_key(keepwell))
    columns = (counted.treated, counted.sales, counted.sent, counted.service)
    terms = (money.margin_rate, money.incentive, money.service_cost, round(cost, 2))
    figure = Figure(
        f"roi {about.playbook}",
        cell_of(about.experiment, about.horizon_days, terms),
        0,
        _EVER,
        len(ids),
        trace_of(keys, *columns),
    )
    if drawn.register.standing(figure) != "near":
        drawn.register.give(figure, made._asdict())
        return made, ""
    before = drawn.register.before(figure)
    if before is None:
        return None, NEAR.format(drawn.register.min_people)
    body = dict(before.body)
    for name in ("margin_preserved", "cost_saved", "net", "net_roi"):
        body[name] = Interval(*body[name])
    return Roi(**body), before.said()


def _cost_terms(
    keepwell: Keepwell, cost: float, cost_per: CostPer, whole: float, counted: _Counted
) -> tuple[Assumption, ...]:
    currency = keepwell.settings.currency
    if cost_per == "pilot":
        value = f"{cost:,.2f} {currency} for the whole pilot"
        return (Assumption("pilot cost: wages, tools and messages", value, "as stated"),)
    value = (
        f"{cost:,.2f} {currency} a {cost_per} × {counted.days:.0f} days = {whole:,.2f} {currency}"
    )
    said = "as stated, brought to the pilot's length: first draw to the last horizon's end"
    return (Assumption("pilot cost: wages, tools and messages", value, said),)


def _fixed(horizon_days: int) -> tuple[Assumption, ...]:
    return (
        Assumption(
            "period",
            f"{horizon_days} days after each person's draw; nothing is stretched to a year",
            "--horizon-days",
        ),
        Assumption(
            "what would have happened anyway", "that of the people left alone by lot", "the draw"
        ),
        Assumption(
            "net sales",
            "orders less returns in the home's currency (payments where nobody orders)",
            "the histories",
        ),
        Assumption("intervals", f"percentile bootstrap over people, {_DRAWS:,} draws", "95 %"),
    )
