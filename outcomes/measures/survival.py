"""How long those who came in a period stayed: Kaplan–Meier curves of cohorts."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from governance.disclosure.breakdown import Cell, decide
from governance.disclosure.published import Register
from governance.instants import DAY_US
from outcomes.measures.definition import ALL, Definition, Measure, Period
from outcomes.measures.engine import blank, why_missing
from outcomes.measures.estimate import kaplan_meier
from outcomes.measures.events import EventTable
from outcomes.measures.giving import again, body_of, parts_of
from outcomes.measures.periods import longer

DAYS = (30, 90, 180, 365, 730)

DEFINITIONS = tuple(
    Definition(
        name=f"survival_{days}d",
        family="staying",
        unit="share",
        says=(
            f"those who came in the period and were still active {days} days later, without a gap "
            "(Kaplan–Meier; whoever is not followed that long counts until then); numerator: who "
            "left by then, denominator: who came"
        ),
        needs=("order or plan_changed or renewed",),
        states=("active_window_days",),
    )
    for days in DAYS
)

_COHORT = """
WITH cohort AS (
    SELECT who, since, until FROM spells WHERE basis = 'any'
    QUALIFY row_number() OVER (PARTITION BY who ORDER BY since) = 1),
followed AS (
    SELECT p.period, c.who, c.until <= getvariable('observed_us') AS ended,
        least(c.until, getvariable('observed_us')) - c.since AS lasted
    FROM cohort AS c JOIN periods AS p ON c.since >= p.since AND c.since < p.until)
SELECT 'all' AS segment, period, who, lasted, ended FROM followed
UNION ALL
SELECT coalesce(g.segment, getvariable('no_group')), period, who, lasted, ended
FROM followed LEFT JOIN groups AS g USING (period, who) WHERE getvariable('grouped')
"""

_TRACE = """
SELECT segment, period, who, least(lasted, $followed) AS x,
    (ended AND lasted <= $followed)::INT AS y FROM cohorts
"""


def survival(
    book: EventTable,
    periods: Sequence[Period],
    definitions: Sequence[Definition],
    register: Register | None = None,
) -> list[Measure]:
    """Give the share still active 30 to 730 days after coming, per cohort.

    A figure is hidden when fewer people came, or are still followed at that age, than the permit
    asks for. Without a contract nobody can be seen to leave before the activity window is over;
    until then nothing is measured.
    """
    missing = why_missing(book, DEFINITIONS[0])
    if missing:
        return [blank(d, book, p, missing) for d in definitions for p in periods]
    cohorts: dict[Cell, list[tuple[float, bool]]] = defaultdict(list)
    book.sql.execute("CREATE OR REPLACE TEMP TABLE cohorts AS " + _COHORT)
    for segment, period, lasted, ended in book.rows(
        "SELECT segment, period, lasted, ended FROM cohorts"
    ):
        cohorts[str(segment), int(period)].append((lasted / DAY_US, bool(ended)))
    contracts = bool(book.rows("SELECT 1 FROM spells WHERE basis = 'contract' LIMIT 1"))
    window = book.terms.active_window_days
    register = register or Register(min_people=book.permit.min_people)
    segments = sorted({s for s, _ in cohorts}, key=lambda s: (s != ALL, s))
    found = []
    for definition in definitions:
        days = int(definition.name.removeprefix("survival_").removesuffix("d"))
        if not contracts and days < window:
            note = f"not measured: without contracts nobody can leave within {window} days"
            found += [blank(definition, book, p, note) for p in periods]
            continue
        at_risk = {
            cell: sum(lasted >= days or ended for lasted, ended in who)
            for cell, who in cohorts.items()
        }
        traces = book.traces(_TRACE, {"followed": days * DAY_US})
        came = {cell: len(who) for cell, who in cohorts.items()}
        parts = parts_of(book, definition, periods, at_risk, traces, people=came)
        verdicts = decide(parts, register, book.permit.min_people, rows=longer(periods))
        for segment in segments or [ALL]:
            for k, period in enumerate(periods):
                who = cohorts.get((segment, k), [])
                verdict = verdicts.get((segment, k))
                if verdict is not None and not verdict.shown:
                    made = blank(
                        definition, book, period, verdict.why, segment=segment, hidden=True
                    )
                    found.append(again(made, verdict))
                elif who:
                    made = _point(book, definition, period, segment, who, days)
                    if verdict is not None:
                        register.give(parts[segment, k].figure, body_of(made))
                    found.append(made)
                elif segment == ALL:
                    found.append(blank(definition, book, period, "nobody came in this period"))
    return found


def _point(
    book: EventTable,
    definition: Definition,
    period: Period,
    segment: str,
    who: Sequence[tuple[float, bool]],
    days: int,
) -> Measure:
    durations = np.array([lasted for lasted, _ in who], np.float64)
    ended = np.array([left for _, left in who], np.bool_)
    point = kaplan_meier(durations, ended, float(days))
    if point is None:
        note = f"nobody was followed for {days} days yet"
        return blank(definition, book, period, note, segment=segment)
    value, left, followed = point
    made = blank(definition, book, period, f"{followed} followed that long", segment=segment)
    return made._replace(
        value=value, numerator=float(left), denominator=float(len(who)), people=len(who)
    )
