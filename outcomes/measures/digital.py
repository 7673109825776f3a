"""Visits, where they come from, how far people get and where they struggle."""

from itertools import pairwise

from outcomes.measures.definition import Definition, Terms

_FAMILY = "digital"
_CONVERSION = """
SELECT p.period, e.who, coalesce(max(e.ts) FILTER (e.kind = $following)
    >= min(e.ts) FILTER (e.kind = $stage), false)::INT AS x, 1 AS y
FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
WHERE e.subject <> 'company' AND e.kind IN ($stage, $following)
GROUP BY p.period, e.who HAVING count(*) FILTER (e.kind = $stage) > 0
"""


def conversions(terms: Terms) -> tuple[Definition, ...]:
    """Define the share reaching each next stage of the funnel, and its end from its beginning."""
    steps = list(pairwise(terms.funnel))
    if len(steps) > 1:
        steps.append((terms.funnel[0], terms.funnel[-1]))
    return tuple(
        Definition(
            name=f"conversion_{stage}_to_{following}",
            family=_FAMILY,
            unit="share",
            says=f"people with a {following} at or after their first {stage} of the period ÷ "
            f"people with a {stage}",
            needs=(stage, following),
            params={"stage": stage, "following": following},
            sql=_CONVERSION,
        )
        for stage, following in steps
    )


DEFINITIONS = (
    Definition(
        name="visits",
        family=_FAMILY,
        unit="count",
        method="total",
        says="sessions that began in the period, by source; denominator: people",
        needs=("session",),
        sql="""
        SELECT p.period, v.who, count(*) AS x, 1 AS y
        FROM visits AS v JOIN periods AS p ON v.ts >= p.since AND v.ts < p.until
        GROUP BY p.period, v.who""",
        parts="""
        SELECT p.period, v.who, v.source AS part, count(*) AS x, 1 AS y
        FROM visits AS v JOIN periods AS p ON v.ts >= p.since AND v.ts < p.until
            AND EXISTS (SELECT 1 FROM visits WHERE source <> '(unknown)')
        GROUP BY p.period, v.who, v.source""",
        part_of="source",
    ),
    Definition(
        name="unique_visitors",
        family=_FAMILY,
        unit="count",
        method="total",
        says="people with a session in the period, by source",
        needs=("session",),
        sql="""
        SELECT DISTINCT p.period, v.who, 1 AS x, 1 AS y
        FROM visits AS v JOIN periods AS p ON v.ts >= p.since AND v.ts < p.until""",
        parts="""
        SELECT DISTINCT p.period, v.who, v.source AS part, 1 AS x, 1 AS y
        FROM visits AS v JOIN periods AS p ON v.ts >= p.since AND v.ts < p.until
            AND EXISTS (SELECT 1 FROM visits WHERE source <> '(unknown)')""",
        part_of="source",
    ),
    Definition(
        name="single_page_rate",
        family=_FAMILY,
        unit="share",
        says=(
            "visits with at most one page ÷ visits whose pages are known (stated, or page views of "
            "that session)"
        ),
        needs=("session",),
        sql="""
        SELECT p.period, v.who, count(*) FILTER (v.pages <= 1) AS x, count(*) AS y
        FROM visits AS v JOIN periods AS p ON v.ts >= p.since AND v.ts < p.until
        WHERE v.pages IS NOT NULL GROUP BY p.period, v.who""",
    ),
    Definition(
        name="cart_abandonment",
        family=_FAMILY,
        unit="share",
        says=(
            "baskets without an order by a day after they were last touched ÷ baskets begun in the "
            "period (cart events at most a day apart are one basket)"
        ),
        needs=("cart",),
        sql="""
        SELECT p.period, b.who, count(*) FILTER (NOT b.bought) AS x, count(*) AS y
        FROM baskets AS b JOIN periods AS p ON b.ts >= p.since AND b.ts < p.until
        WHERE b.bought OR b.last + getvariable('day_us') <= getvariable('observed_us')
        GROUP BY p.period, b.who""",
    ),
    Definition(
        name="dead_ends",
        family=_FAMILY,
        unit="share",
        says=(
            "searches without a result and pages with an error status ÷ searches that state "
            "`results` and pages that state `status`"
        ),
        needs=("search or page_view",),
        wants="search events with results or page_view events with status",
        sql="""
        SELECT p.period, e.who, count(*) FILTER (
            CASE e.kind WHEN 'search' THEN TRY_CAST((e.properties ->> 'results') AS DOUBLE) = 0
                ELSE TRY_CAST((e.properties ->> 'status') AS DOUBLE) >= 400 END) AS x, count(*) AS y
        FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
        WHERE e.subject <> 'company' AND (
            e.kind = 'search' AND TRY_CAST((e.properties ->> 'results') AS DOUBLE) IS NOT NULL
            OR e.kind = 'page_view' AND TRY_CAST((e.properties ->> 'status') AS DOUBLE) IS NOT NULL)
        GROUP BY p.period, e.who""",
    ),
    Definition(
        name="repeated_searches",
        family=_FAMILY,
        unit="share",
        says="searches within ten minutes of the same person's search before ÷ searches",
        needs=("search",),
        sql="""
        SELECT p.period, s.who, count(*) FILTER (s.waited <= 600000000) AS x, count(*) AS y
        FROM (SELECT who, ts, ts - lag(ts) OVER (PARTITION BY who ORDER BY ts, rowid) AS waited
              FROM events WHERE subject <> 'company' AND kind = 'search') AS s
        JOIN periods AS p ON s.ts >= p.since AND s.ts < p.until
        GROUP BY p.period, s.who""",
    ),
    Definition(
        name="rage_retries",
        family=_FAMILY,
        unit="share",
        says=(
            "people who tried the same page or a failing payment three times within a minute ÷ "
            "people with a page view or a failed payment"
        ),
        needs=("page_view or payment_failed",),
        sql="""
        SELECT p.period, t.who, max(coalesce(t.waited <= 60000000, false)::INT) AS x, 1 AS y
        FROM (SELECT who, ts, ts - lag(ts, 2) OVER (PARTITION BY who, kind,
                  coalesce((properties ->> 'page'), '') ORDER BY ts, rowid) AS waited
              FROM events WHERE subject <> 'company' AND kind IN ('page_view', 'payment_failed')
                  AND (kind = 'payment_failed' OR (properties ->> 'page') IS NOT NULL)) AS t
        JOIN periods AS p ON t.ts >= p.since AND t.ts < p.until
        GROUP BY p.period, t.who""",
    ),
)
