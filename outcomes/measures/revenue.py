"""Recurring revenue kept, and what an ordering customer brought in."""

from outcomes.measures.definition import Definition

_NEEDS = ("plan_changed or renewed",)
_MRR = "monthly amount of plan events (value ÷ months of the interval)"


def _share(name: str, says: str, sql: str) -> Definition:
    return Definition(
        name=name, family="revenue", unit="share", says=f"{says}; {_MRR}", needs=_NEEDS, sql=sql
    )


DEFINITIONS = (
    _share(
        "grr",
        "(start MRR − contraction − churned) ÷ start MRR, of customers with MRR at the start",
        "SELECT period, who, least(at_start, at_end) AS x, at_start AS y "
        "FROM recurring WHERE at_start > 0",
    ),
    Definition(
        name="nrr",
        family="revenue",
        unit="ratio",
        method="mean",
        low=0.0,
        says=(
            "(start MRR − contraction − churned + expansion) ÷ start MRR, of customers with MRR at "
            f"the start; {_MRR}"
        ),
        needs=_NEEDS,
        sql="SELECT period, who, at_end AS x, at_start AS y FROM recurring WHERE at_start > 0",
    ),
    _share(
        "mrr_contraction",
        "MRR lost from those who pay less ÷ start MRR",
        "SELECT period, who, CASE WHEN at_end > 0 THEN greatest(at_start - at_end, 0) ELSE 0 END "
        "AS x, at_start AS y FROM recurring WHERE at_start > 0",
    ),
    _share(
        "mrr_churned",
        "MRR lost from those who pay nothing any more ÷ start MRR",
        "SELECT period, who, CASE WHEN at_end <= 0 THEN at_start ELSE 0 END AS x, at_start AS y "
        "FROM recurring WHERE at_start > 0",
    ),
    Definition(
        name="mrr_expansion",
        family="revenue",
        unit="ratio",
        method="mean",
        low=0.0,
        says=f"MRR gained from those who pay more ÷ start MRR; {_MRR}",
        needs=_NEEDS,
        sql="SELECT period, who, greatest(at_end - at_start, 0) AS x, at_start AS y "
        "FROM recurring WHERE at_start > 0",
    ),
    Definition(
        name="order_value",
        family="revenue",
        unit="money",
        method="mean",
        says="value of orders − value of returns, per customer with an order in the period",
        needs=("order",),
        sql="""
        SELECT p.period, m.who, sum(m.net) AS x, 1 AS y
        FROM money AS m JOIN periods AS p ON m.ts >= p.since AND m.ts < p.until
        GROUP BY p.period, m.who HAVING count(*) FILTER (m.kind = 'order') > 0""",
    ),
    Definition(
        name="churned_value",
        family="revenue",
        unit="share",
        says=(
            "net sales, in the year before the period, of customers who left in it ÷ of all active "
            "at its start (with one margin share: the share of margin that left)"
        ),
        needs=("order or payment",),
        states=("active_window_days",),
        sql="""
        SELECT a.period, a.who, CASE WHEN a.at_end THEN 0 ELSE greatest(sum(m.net), 0) END AS x,
            greatest(sum(m.net), 0) AS y
        FROM active AS a JOIN periods AS p USING (period)
        JOIN money AS m ON m.who = a.who AND m.ts <= p.since
            AND m.ts > p.since - 365 * getvariable('day_us')
        WHERE a.at_start GROUP BY a.period, a.who, a.at_end""",
    ),
)
