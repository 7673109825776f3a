"""Who stays: active, retention, churn and its reasons. Survival curves are in `survival`."""

from outcomes.measures.definition import Definition

_ACTIVE = ("order or plan_changed or renewed or cancelled",)
_SAYS_ACTIVE = "active: a contract in force, or an order within the window"
_WINDOW = ("active_window_days",)

DEFINITIONS = (
    Definition(
        name="active",
        family="staying",
        unit="share",
        says=f"customers active at the period's end ÷ customers known by then; {_SAYS_ACTIVE}",
        needs=_ACTIVE,
        states=_WINDOW,
        sql="""
        SELECT p.period, k.who, coalesce(a.at_end, false)::INT AS x, 1 AS y
        FROM known AS k JOIN periods AS p ON k.since < p.until
        LEFT JOIN active AS a ON a.period = p.period AND a.who = k.who""",
    ),
    Definition(
        name="retention",
        family="staying",
        unit="share",
        says=f"active at start and end ÷ active at start; {_SAYS_ACTIVE}",
        needs=_ACTIVE,
        states=_WINDOW,
        sql="SELECT period, who, at_end::INT AS x, 1 AS y FROM active WHERE at_start",
    ),
    Definition(
        name="churn",
        family="staying",
        unit="share",
        says="active at start, not at end ÷ active at start; 1 − retention",
        needs=_ACTIVE,
        states=_WINDOW,
        complement_of="retention",
        sql="SELECT period, who, (NOT at_end)::INT AS x, 1 AS y FROM active WHERE at_start",
    ),
    Definition(
        name="churn_voluntary",
        family="staying",
        unit="share",
        says="left for any reason but a failed payment ÷ active at start",
        needs=(*_ACTIVE, "cancelled or payment_failed"),
        states=_WINDOW,
        sql="""
        SELECT period, who, coalesce(NOT l.involuntary, false)::INT AS x, 1 AS y
        FROM active LEFT JOIN leavers AS l USING (period, who) WHERE at_start""",
    ),
    Definition(
        name="churn_involuntary",
        family="staying",
        unit="share",
        says=(
            "left over a failed payment (the reason given when cancelled, else the last payment "
            "failed) ÷ active at start"
        ),
        needs=(*_ACTIVE, "cancelled or payment_failed"),
        states=_WINDOW,
        sql="""
        SELECT period, who, coalesce(l.involuntary, false)::INT AS x, 1 AS y
        FROM active LEFT JOIN leavers AS l USING (period, who) WHERE at_start""",
    ),
    Definition(
        name="churn_contractual",
        family="staying",
        unit="share",
        says="contract in force at start, none at end ÷ contract in force at start",
        needs=("plan_changed or renewed or cancelled",),
        sql="SELECT period, who, (NOT contract_end)::INT AS x, 1 AS y FROM active "
        "WHERE contract_start",
    ),
    Definition(
        name="churn_noncontractual",
        family="staying",
        unit="share",
        says="without a contract: active at start, fallen silent by the end ÷ active at start",
        needs=("order",),
        states=_WINDOW,
        sql="SELECT period, who, (NOT at_end)::INT AS x, 1 AS y FROM active "
        "WHERE at_start AND NOT contract_start",
    ),
)
