"""Every measure there is, and the taking of all or some of them.

definitions(terms)                 the table: name, family, unit, definition
measure(book, periods, ...)        the figures, for everyone and by group
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from governance.disclosure.published import Register
from governance.errors import InvalidInput
from governance.proof import AggregatePermit
from outcomes.measures import (
    acting,
    company,
    declared,
    digital,
    email,
    indices,
    language,
    retention,
    revenue,
    service,
    social,
    survival,
    value,
)
from outcomes.measures import surveys as asked
from outcomes.measures.definition import ALL, Definition, Measure, Period, Terms
from outcomes.measures.engine import take
from outcomes.measures.events import EventTable

FAMILIES = (
    "staying",
    "revenue",
    "value",
    "surveys",
    "representativeness",
    "service",
    "sentiment",
    "digital",
    "e-mail",
    "social",
    "declared",
    "indices",
    "company",
    "acting",
    "own",
)

REFUSED: Mapping[str, tuple[str, str]] = {
    "ces": (
        "`ces` is two instruments whose good ends lie opposite",
        "say ces_effort_mean (low is good) or ces_ease_mean (high is good)",
    ),
    "burnout": (
        "burn-out is not detected in individuals: employees are never scored one by one",
        "employee_turnover and employee_engagement are figures over at least 10 people",
    ),
}
"""Names that are asked for and will not be measured, each with the reason and what there is."""

_TRUST = asked.level("public_trust", "trust in the company", family="company", name="public_trust")
_PARTS_OF = {"customer_happiness_index": "happiness", "empathy_deficit_index": "empathy"}


class Taken(NamedTuple):
    """The figures, with the terms they rest on and what no figure alone could say."""

    measures: tuple[Measure, ...]
    notes: tuple[str, ...]


def definitions(terms: Terms, own: Sequence[Definition] = ()) -> tuple[Definition, ...]:
    """List every measure in the order of the families; `own` are a company's."""
    everything = (
        *retention.DEFINITIONS,
        *survival.DEFINITIONS,
        *revenue.DEFINITIONS,
        *value.DEFINITIONS,
        *value.COSTS,
        *asked.DEFINITIONS,
        *(d for name in sorted(asked.BASIC) for d in asked.representativeness(name)),
        *service.DEFINITIONS,
        *language.DEFINITIONS,
        *digital.conversions(terms),
        *digital.DEFINITIONS,
        *email.DEFINITIONS,
        *social.DEFINITIONS,
        *declared.DEFINITIONS,
        *indices.DEFINITIONS,
        _TRUST,
        asked.change("public_trust", family="company"),
        *company.DEFINITIONS,
        *acting.DEFINITIONS,
        *own,
    )
    return tuple(sorted(everything, key=lambda d: FAMILIES.index(d.family)))


def measure(
    book: EventTable,
    periods: Sequence[Period],
    *,
    employees: AggregatePermit,
    by: str | None = None,
    names: Collection[str] = (),
    own: Sequence[Definition] = (),
    register: Register | None = None,
    progress: Callable[[str], None] = lambda said: None,
) -> Taken:
    """Take all measures, or those `names`, over each period, for everyone and `by` group.

    `employees` is the permit for figures about staff. A survey instrument of the company's own that
    occurs in the events is measured too. What the `register` holds against a figure hides it, and
    what is given is noted there. Raises `InvalidInput` for a name there is not.
    """
    chosen = _choose(book, names, own)
    _check_group(book, by)
    wanted = {d.name for d in chosen}
    needed = {
        part
        for index, attribute in _PARTS_OF.items()
        if index in wanted
        for part in getattr(book.terms, attribute)
    }
    extra = {d.name: d for d in definitions(book.terms, own)}
    parts = [extra[name] for name in sorted(needed - wanted) if name in extra]
    if "cltv_to_cac" in wanted and "cltv_from_acquisition" not in wanted:
        parts.append(extra["cltv_from_acquisition"])
    beside = {d.instrument for d in chosen if d.instrument and d.family != "representativeness"}
    named = wanted | {d.name for d in parts}
    for name in sorted(i for i in beside if i is not None):
        parts += [d for d in asked.representativeness(name) if d.name not in named][:1]
    book.set_periods(periods, by=by)
    found = _take(book, periods, [*chosen, *parts], employees, progress, register)
    if wanted & set(_PARTS_OF):
        found += _indices(book, periods, found, wanted, employees, by, progress)
        book.set_periods(periods, by=by)
    found = asked.with_coverage(found, [*chosen, *parts])
    order = {d.name: k for k, d in enumerate(chosen)}
    kept = sorted(
        (m for m in found if m.name in wanted),
        key=lambda m: (order[m.name], m.segment != ALL, m.segment, m.period.start),
    )
    return Taken(tuple(kept), _notes(book))


def _check_group(book: EventTable, by: str | None) -> None:
    """Raise `InvalidInput` for a group that nobody could be in."""
    if by is None:
        return
    there = book.attributes
    if by.startswith("kind:"):
        there = frozenset(f"kind:{kind}" for kind in book.kinds)
    if by not in there:
        shown = ", ".join(sorted(there)[:20]) or "none"
        raise InvalidInput(f"there are no groups by {by!r}", hint=f"there are: {shown}")


def _choose(
    book: EventTable, names: Collection[str], own: Sequence[Definition]
) -> list[Definition]:
    everything = list(definitions(book.terms, own))
    known = frozenset({*declared.INSTRUMENTS, "public_trust"})
    asked_about = [
        str(name)
        for (name,) in book.rows(
            "SELECT DISTINCT (properties ->> 'instrument') FROM events WHERE kind = 'survey' "
            "AND subject <> 'company' AND (properties ->> 'instrument') IS NOT NULL"
        )
    ]
    taken = {d.name for d in everything}
    everything += [d for d in asked.others(asked_about, known) if d.name not in taken]
    seen = sorted(set(asked_about) - asked.BASIC)
    everything += [d for name in seen for d in asked.representativeness(name)]
    everything.sort(key=lambda d: FAMILIES.index(d.family))
    if not names:
        return everything
    for name in names:
        if name in REFUSED:
            raise InvalidInput(REFUSED[name][0], hint=REFUSED[name][1])
    there = {d.name for d in everything} | set(FAMILIES)
    unknown = sorted(set(names) - there)
    if unknown:
        raise InvalidInput(
            f"there is no measure {', '.join(unknown)}",
            hint="list them with: keepwell outcomes measures --list",
        )
    return [d for d in everything if d.name in names or d.family in names]


def _take(
    book: EventTable,
    periods: Sequence[Period],
    chosen: Sequence[Definition],
    employees: AggregatePermit,
    progress: Callable[[str], None],
    register: Register | None = None,
) -> list[Measure]:
    found: list[Measure] = []
    for definition in chosen:
        if definition.sql is not None or definition.parts is not None:
            progress(definition.name)
            found += take(book, definition, periods, register)
    curves = [d for d in chosen if d in survival.DEFINITIONS]
    if curves:
        found += survival.survival(book, periods, curves, register)
    if any(d in value.COSTS for d in chosen):
        lifetime = [m for m in found if m.name == "cltv_from_acquisition"]
        wanted = {d.name for d in chosen}
        costs = value.costs(book, periods, lifetime, register)
        found += [m for m in costs if m.name in wanted]
    own_people = [d for d in chosen if d in company.DEFINITIONS]
    return found + company.company(book, periods, own_people, employees=employees)


def _indices(
    book: EventTable,
    periods: Sequence[Period],
    found: Sequence[Measure],
    wanted: Collection[str],
    employees: AggregatePermit,
    by: str | None,
    progress: Callable[[str], None],
) -> list[Measure]:
    cells = sorted(
        {(m.segment, m.period) for m in found if m.name in book.terms.happiness}
        | {(m.segment, m.period) for m in found if m.name in book.terms.empathy},
        key=lambda cell: (cell[0] != ALL, cell[0], cell[1].start),
    )
    made = []
    if "customer_happiness_index" in wanted:
        made += [indices.happiness(book, book.terms, found, p, s) for s, p in cells]
    if "empathy_deficit_index" in wanted:
        progress("the twelve months before")
        baselines = _baselines(book, periods, employees, by)
        made += [indices.empathy(book, book.terms, found, baselines, p, s) for s, p in cells]
    return made


def _baselines(
    book: EventTable,
    periods: Sequence[Period],
    employees: AggregatePermit,
    by: str | None,
) -> indices.Baselines:
    before = {period: indices.windows_before(period) for period in periods}
    windows = list(dict.fromkeys(w for ws in before.values() for w in ws))
    parts = [d for d in definitions(book.terms) if d.name in book.terms.empathy]
    book.set_periods(windows, by=by)
    levels: dict[tuple[str, str, Period], float] = {}
    for m in _take(book, windows, parts, employees, lambda said: None):
        if m.value is not None:
            levels[m.name, m.segment, m.period] = m.value.value
    return {
        (name, segment, period): [
            levels[name, segment, w] for w in before[period] if (name, segment, w) in levels
        ]
        for name, segment in {(n, s) for n, s, _ in levels}
        for period in periods
    }


def _notes(book: EventTable) -> tuple[str, ...]:
    main, others = book.currency
    if not others:
        return ()
    return (f"money is in {main}; {others} amounts in other currencies are left out",)
