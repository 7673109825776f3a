"""How customers and groups are faring, of those who permit `wellbeing_inference` and no one else.

What a reading is worth is learned from a sample of them at each call and kept nowhere but, where
many look, in `noise_memory`, so that a withdrawal leaves nothing behind.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from features.groups import protected
from features.history import Histories, read_customer
from features.stated_groups import stated_groups
from features.wellbeing.durability import DURABLE_DAYS, Durability, Trial, durability, trial_rows
from features.wellbeing.groups import (
    Figure,
    Gap,
    GroupSums,
    equity,
    group_figures,
    group_sums,
)
from features.wellbeing.noise import Noise
from features.wellbeing.scheme import PURPOSE, Scheme
from features.wellbeing.states import WellbeingTable, wellbeing_at
from governance.consent.registry import Refusal
from governance.disclosure.published import Register, load_register
from governance.errors import InsufficientData, InvalidInput
from governance.instants import from_micros, to_micros
from governance.intervals import Interval
from governance.proof import AggregatePermit, Permit
from outcomes.measures.definition import Period
from outcomes.measures.periods import Every, longer
from outcomes.trials.assignments import first_assignments
from serving.bootstrap import Keepwell
from serving.interventions.playbooks.playbook import find_playbook, playbooks_of
from serving.links import lock_linked, person_permit
from serving.noise_memory import NoiseMemory
from serving.published import DASHBOARD, give, person_key
from serving.wellbeing_reading import (
    TRIES,
    Progress,
    blocks,
    instant_of,
    is_unchanged,
    learn,
    learn_apart,
    permit_all,
    restless,
    scheme_of,
    spans_of,
)


class DimensionEstimate(NamedTuple):
    """One dimension of one person at one instant; `points` is None for "not enough signal"."""

    points: Interval | None
    coverage: float
    evidence: float


class PersonEstimate(NamedTuple):
    """One person at one instant; `overall` (the index) is None where no dimension has a value."""

    as_of: datetime
    overall: Interval | None
    missing: tuple[str, ...]
    dimensions: Mapping[str, DimensionEstimate]


class PersonWellbeing(NamedTuple):
    """One customer's series, oldest first; empty and with a `reason` where it is refused."""

    customer_id: str
    status: str
    reason: str
    scheme: Scheme
    noise: Noise | None
    series: tuple[PersonEstimate, ...]


class CompanyWellbeing(NamedTuple):
    """Figures over groups and periods, gaps between groups, and who was looked at.

    `refused` counts customers who do not permit it, by reason.
    """

    scheme: Scheme
    noise: Noise
    figures: tuple[Figure, ...]
    gaps: tuple[Gap, ...]
    permitted: int
    refused: Mapping[str, int]


class LastingEffect(NamedTuple):
    """What a playbook changed in well-being, so many days after the assignment."""

    playbook: str
    effects: tuple[Durability, ...]
    permitted: int
    refused: Mapping[str, int]


def wellbeing_of(
    keepwell: Keepwell,
    customer_id: str,
    *,
    as_of: datetime | None,
    every: Every | None,
    clock: Callable[[], datetime],
    progress: Progress = lambda _: None,
    memory: NoiseMemory | None = None,
) -> PersonWellbeing:
    """Estimate one customer now, or at the end of each of the last calendar periods.

    Permission is judged now, in the transaction that reads the history and logs the verdict. With
    a `memory` what readings are worth is not learned anew at each look; then `StillLearning` may be
    raised, too.
    """
    scheme = scheme_of(keepwell)
    inside = keepwell.inside_id(customer_id)
    with keepwell.database.read() as conn:
        now = clock()
        instant = instant_of(keepwell, conn, as_of, now)
        answer = person_permit(keepwell, conn, inside, PURPOSE, now=now)
        noise = None
        if isinstance(answer, Permit):
            noise = (
                learn(keepwell, conn, scheme, instant, now, progress)
                if memory is None
                else memory.of(
                    keepwell.registry, conn, partial(learn_apart, keepwell, clock), scheme, now=now
                )
            )
    with keepwell.database.write() as conn:
        lock_linked(conn, [inside])
        now = clock()
        answer = person_permit(keepwell, conn, inside, PURPOSE, now=now)
        if isinstance(answer, Refusal) or noise is None:
            reason = answer.reason if isinstance(answer, Refusal) else "permission_changed"
            _log(keepwell, conn, inside, "refused", reason, now)
            return PersonWellbeing(customer_id, "refused", reason, scheme, None, ())
        histories = read_customer(conn, answer, inside)
        series: tuple[PersonEstimate, ...] = ()
        if len(histories):
            ends = [span.end for span in spans_of(keepwell, instant, every)]
            series = _series(wellbeing_at(histories, scheme, noise, ends, permit=answer))
        said = bool(series) and series[-1].overall is not None
        status = "estimated" if said else "insufficient_data"
        _log(keepwell, conn, inside, status, "", now)
    return PersonWellbeing(customer_id, status, "", scheme, noise, series)


def wellbeing_of_company(
    keepwell: Keepwell,
    *,
    by: str | None,
    every: Every | None,
    as_of: datetime | None,
    clock: Callable[[], datetime],
    progress: Progress = lambda _: None,
) -> CompanyWellbeing:
    """Give figures over the last year or each of the last calendar periods, by group if asked.

    `by` names an attribute of the profile, or a protected one: that is looked at only of those who
    permit `fairness_audit` too. Whoever withdraws meanwhile is not in the figures; one that would
    differ in a few people from what was given is given as it was then, or not at all.
    """
    company = partial(_company, keepwell, by, every, as_of, clock, progress)
    return give(keepwell, company, now=clock())


def _company(
    keepwell: Keepwell,
    by: str | None,
    every: Every | None,
    as_of: datetime | None,
    clock: Callable[[], datetime],
    progress: Progress,
) -> tuple[CompanyWellbeing, Register]:
    scheme = scheme_of(keepwell)
    for _ in range(TRIES):
        with keepwell.database.read() as conn:
            now = clock()
            instant = instant_of(keepwell, conn, as_of, now)
            permit, refused = permit_all(keepwell, conn, now)
            aggregate = keepwell.registry.aggregate_permit(conn, "aggregate", now=now)
            register = load_register(conn, min_people=aggregate.min_people, but=DASHBOARD)
            noise = learn(keepwell, conn, scheme, instant, now, progress)
            fixed = _protected_groups(keepwell, conn, by, permit, now)
            spans = spans_of(keepwell, instant, every)
            sums: GroupSums | None = None
            stated = 0
            for histories in blocks(keepwell, conn, permit, progress):
                groups = fixed
                if by is not None and fixed is None:
                    groups = stated_groups(histories, by, to_micros(instant))
                    stated += len(groups)
                part = group_sums(
                    histories,
                    scheme,
                    noise,
                    spans,
                    permit=permit,
                    known_until=to_micros(instant),
                    groups=groups,
                    key=person_key(keepwell),
                )
                sums = part if sums is None else sums + part
        if is_unchanged(keepwell, permit):
            break
    else:
        raise restless()
    if sums is None:
        raise InsufficientData("nobody who permits it has a history", hint="import events first")
    if by is not None and fixed is None and not stated:
        raise InvalidInput(
            f"no customer has an attribute {by!r}",
            hint="name one that [customer] attributes or protected of a mapping state",
        )
    found = group_figures(
        sums,
        scheme,
        noise,
        aggregate=aggregate,
        by=by,
        register=register,
        series="the last year" if every is None and as_of is None else "",
        rows=longer([Period(from_micros(s.start), from_micros(s.end)) for s in spans]),
    )
    figures = _begun(found)
    gaps = equity(figures) if by is not None else ()
    counted = len(permit.customers), Counter(refused.values())
    return CompanyWellbeing(scheme, noise, figures, gaps, *counted), register


def lasting_effect(
    keepwell: Keepwell,
    playbook: str,
    *,
    as_of: datetime | None,
    clock: Callable[[], datetime],
    progress: Progress = lambda _: None,
) -> LastingEffect:
    """Compare treated and held-out customers of a playbook 30 and 180 days after assignment."""
    scheme = scheme_of(keepwell)
    found = find_playbook(playbooks_of(keepwell.home), playbook)
    for _ in range(TRIES):
        with keepwell.database.read() as conn:
            now = clock()
            instant = instant_of(keepwell, conn, as_of, now)
            permit, refused = permit_all(keepwell, conn, now)
            aggregate = keepwell.registry.aggregate_permit(conn, "aggregate", now=now)
            noise = learn(keepwell, conn, scheme, instant, now, progress)
            trial = Trial({}, {})
            for histories in blocks(keepwell, conn, permit, progress):
                trial += trial_rows(
                    histories,
                    scheme,
                    noise,
                    _assigned(histories, aggregate, found.name),
                    permit=permit,
                    known_until=to_micros(instant),
                    days=DURABLE_DAYS,
                )
        if is_unchanged(keepwell, permit):
            break
    else:
        raise restless()
    effects = durability(trial, aggregate=aggregate)
    return LastingEffect(found.name, effects, len(permit.customers), Counter(refused.values()))


def _begun(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Leave out the periods that were over before anything was heard."""
    heard = [each.span for each in figures if each.value is not None or each.hidden]
    first = min(heard, default=max(each.span for each in figures))
    return tuple(each for each in figures if each.span >= first)


def _protected_groups(
    keepwell: Keepwell, conn: Connection, by: str | None, permit: Permit, now: datetime
) -> Mapping[str, str] | None:
    """Groups by a protected attribute; None where `by` is none."""
    if by is None:
        return None
    audit, _ = keepwell.registry.permit_many(conn, "fairness_audit", permit.customers, now=now)
    return protected(conn, audit).get(by)


def _assigned(
    histories: Histories, aggregate: AggregatePermit, playbook: str
) -> dict[str, tuple[int, bool]]:
    found = first_assignments(histories, aggregate, playbook=playbook)
    return {
        str(histories.customers[k]): (int(at), bool(treated))
        for k, at, treated in zip(found.customer, found.at, found.treated, strict=True)
    }


def _series(table: WellbeingTable) -> tuple[PersonEstimate, ...]:
    def points(value: Any, low: Any, high: Any) -> Interval | None:
        return None if value != value else Interval(float(value), float(low), float(high), 0.9)

    return tuple(
        PersonEstimate(
            as_of=from_micros(int(as_of)),
            overall=points(table.index[0, t], table.index_low[0, t], table.index_high[0, t]),
            missing=table.missing(0, t),
            dimensions={
                name: DimensionEstimate(
                    points(table.value[0, t, d], table.low[0, t, d], table.high[0, t, d]),
                    float(table.coverage[0, t, d]),
                    float(table.evidence[0, t, d]),
                )
                for d, name in enumerate(table.scheme.names)
            },
        )
        for t, as_of in enumerate(table.as_ofs)
    )


def _log(
    keepwell: Keepwell, conn: Connection, customer_id: str, outcome: str, reason: str, now: datetime
) -> None:
    """Note under the random person id that it was asked for; never what was found."""
    person = keepwell.persons.find(conn, customer_id)
    body = {"person": person, "purpose": PURPOSE, "outcome": outcome, "reason": reason}
    keepwell.ledger.append(conn, "wellbeing_asked", body, now=now)
