"""What customers are worth and what winning them costs."""

from collections import Counter
from collections.abc import Sequence

from governance.disclosure.breakdown import decide
from governance.disclosure.published import Register
from governance.intervals import Interval
from outcomes.measures.definition import ALL, Definition, Measure, Period
from outcomes.measures.engine import blank, unit_of, why_missing
from outcomes.measures.estimate import total
from outcomes.measures.events import EventTable
from outcomes.measures.giving import again, body_of, parts_of
from outcomes.measures.periods import longer

_TERMS = ("horizon_days", "margin_share", "discount_rate")
_CAME = ("order or plan_changed or renewed",)
COST_CATEGORIES = ("advertising", "marketing", "sales", "wages", "tools", "agency")

_COHORT_MONEY = """
        SELECT p.period, a.who, {x} AS x, {y} AS y
        FROM acquired AS a JOIN periods AS p ON a.ts >= p.since AND a.ts < p.until
            AND a.ts + getvariable('horizon_us') <= getvariable('observed_us')
        LEFT JOIN money AS m ON m.who = a.who AND m.ts >= a.ts
            AND m.ts < a.ts + getvariable('horizon_us')
        GROUP BY p.period, a.who"""
_ORDERS = "count(m.ts) FILTER (m.kind = 'order')"
_SOLD = "coalesce(sum(m.net) FILTER (m.net > 0), 0)"
_BACK = "-coalesce(sum(m.net) FILTER (m.net < 0), 0)"
_OF_COHORT = "of customers who came in the period and whose horizon is over"

DEFINITIONS = (
    Definition(
        name="cltv_from_acquisition",
        family="value",
        unit="money",
        method="mean",
        says=(
            "Σ margin share · (orders − returns) from the first order on, discounted by "
            f"(1 + rate)^(days ÷ 365), per customer; {_OF_COHORT}"
        ),
        needs=(*_CAME, "order or payment"),
        states=_TERMS,
        sql=_COHORT_MONEY.format(
            x="coalesce(getvariable('margin_share') * sum(m.net / pow(1 + "
            "getvariable('discount_rate'), (m.ts - a.ts) / 365.0 / getvariable('day_us'))), 0)",
            y="1",
        ),
    ),
    Definition(
        name="cltv_residual",
        family="value",
        unit="money",
        method="mean",
        says=(
            "Σ margin share · (orders − returns) after the period's start, discounted to it, per "
            "customer active then; only where the horizon is over"
        ),
        needs=(*_CAME, "order or payment"),
        states=(*_TERMS, "active_window_days"),
        sql="""
        SELECT p.period, a.who, coalesce(getvariable('margin_share') * sum(m.net / pow(1 +
            getvariable('discount_rate'), (m.ts - p.since) / 365.0 / getvariable('day_us'))), 0)
            AS x, 1 AS y
        FROM active AS a JOIN periods AS p ON a.period = p.period AND a.at_start
            AND p.since + getvariable('horizon_us') <= getvariable('observed_us')
        LEFT JOIN money AS m ON m.who = a.who AND m.ts > p.since
            AND m.ts <= p.since + getvariable('horizon_us')
        GROUP BY p.period, a.who""",
    ),
    Definition(
        name="cltv_orders",
        family="value",
        unit="per person",
        method="mean",
        low=0.0,
        says=f"driver: orders within the horizon per customer, {_OF_COHORT}",
        needs=("order",),
        states=("horizon_days",),
        sql=_COHORT_MONEY.format(x=_ORDERS, y="1"),
    ),
    Definition(
        name="cltv_order_value",
        family="value",
        unit="money",
        method="mean",
        says=f"driver: value of orders within the horizon ÷ orders, {_OF_COHORT}",
        needs=("order",),
        states=("horizon_days",),
        sql=_COHORT_MONEY.format(x=_SOLD, y=_ORDERS),
    ),
    Definition(
        name="cltv_repeat",
        family="value",
        unit="share",
        says=f"driver: ordered at least twice within the horizon ÷ customers, {_OF_COHORT}",
        needs=("order",),
        states=("horizon_days",),
        sql=_COHORT_MONEY.format(x=f"({_ORDERS} >= 2)::INT", y="1"),
    ),
    Definition(
        name="cltv_returned",
        family="value",
        unit="ratio",
        method="mean",
        low=0.0,
        says=f"driver: value of returns within the horizon ÷ value of orders, {_OF_COHORT}",
        needs=("order", "return"),
        states=("horizon_days",),
        sql=_COHORT_MONEY.format(x=_BACK, y=_SOLD),
    ),
)

CAC = Definition(
    name="cac",
    family="value",
    unit="money",
    says=(
        "all sales and marketing cost of the period (spend events, wages and tools included) ÷ "
        "customers who came in it; interval from their number, the cost being known"
    ),
    needs=(*_CAME, "spend"),
)
CLTV_TO_CAC = Definition(
    name="cltv_to_cac",
    family="value",
    unit="ratio",
    says="cltv_from_acquisition ÷ cac of the same cohort; interval from the former",
    needs=(*_CAME, "order or payment", "spend"),
    states=_TERMS,
)
COSTS = (CAC, CLTV_TO_CAC)

_SPENT = """
SELECT p.period, coalesce((e.properties ->> 'category'), 'not said') AS category, sum(e.value)
FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
WHERE e.subject = 'company' AND e.kind = 'spend' AND e.value IS NOT NULL
    AND (e.currency IS NULL OR e.currency = getvariable('currency'))
    AND (e.properties IS NULL OR (e.properties ->> 'category') IS NULL
        OR list_contains($categories, (e.properties ->> 'category')))
GROUP BY ALL ORDER BY ALL
"""
_CAME_IN = """
SELECT 'all' AS segment, p.period, a.who, 1 AS x, 1 AS y FROM acquired AS a
JOIN periods AS p ON a.ts >= p.since AND a.ts < p.until
"""


def costs(
    book: EventTable,
    periods: Sequence[Period],
    lifetime: Sequence[Measure],
    register: Register | None = None,
) -> list[Measure]:
    """Give CAC per period, and how often `lifetime` (from acquisition, everyone) pays it back."""
    missing = why_missing(book, CAC)
    if missing:
        return [blank(d, book, p, missing) for d in COSTS for p in periods]
    spent: dict[int, dict[str, float]] = {}
    for period, category, amount in book.rows(_SPENT, {"categories": list(COST_CATEGORIES)}):
        spent.setdefault(int(period), {})[str(category)] = float(amount)
    came = Counter(int(period) for _, period, *_ in book.rows(_CAME_IN))
    worth = {m.period: m for m in lifetime if m.segment == ALL}
    register = register or Register(min_people=book.permit.min_people)
    sizes = {(ALL, k): n for k, n in came.items()}
    parts = parts_of(book, CAC, periods, sizes, book.traces(_CAME_IN))
    verdicts = decide(parts, register, book.permit.min_people, rows=longer(periods))
    found = []
    for k, period in enumerate(periods):
        cost = _cost(book, period, spent.get(k, {}), came.get(k, 0))
        verdict = verdicts.get((ALL, k))
        if verdict is not None and not verdict.shown:
            cost = again(blank(CAC, book, period, verdict.why, hidden=True), verdict)
        elif verdict is not None:
            register.give(parts[ALL, k].figure, body_of(cost))
        found += [cost, _ratio(book, period, worth.get(period), cost)]
    return found


def _cost(book: EventTable, period: Period, spent: dict[str, float], came: int) -> Measure:
    if not spent:
        return blank(CAC, book, period, "not measured: no spend in this period")
    if not came:
        return blank(CAC, book, period, "nobody came in this period")
    amount, count = sum(spent.values()), total(float(came), float(came))
    unsaid = [name for name in ("wages", "tools") if name not in spent and "not said" not in spent]
    note = f"cost of {', '.join(spent)}" + (f"; no {' or '.join(unsaid)} recorded" * bool(unsaid))
    return blank(CAC, book, period, note)._replace(
        value=Interval(amount / came, amount / count.high, amount / count.low),
        numerator=amount,
        denominator=float(came),
        people=came,
        unit=unit_of(CAC, book),
    )


def _ratio(book: EventTable, period: Period, worth: Measure | None, cost: Measure) -> Measure:
    if worth is None or worth.value is None:
        note = "not measured" if worth is None else worth.note
        return blank(CLTV_TO_CAC, book, period, note, hidden=worth is not None and worth.hidden)
    if cost.value is None or cost.value.value <= 0:
        return blank(CLTV_TO_CAC, book, period, cost.note, hidden=cost.hidden)
    per = cost.value.value
    return blank(CLTV_TO_CAC, book, period, cost.note)._replace(
        value=Interval(worth.value.value / per, worth.value.low / per, worth.value.high / per),
        numerator=worth.value.value,
        denominator=per,
        people=worth.people,
    )
