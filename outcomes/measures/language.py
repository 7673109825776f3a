"""How people sound in what they write, where they permit it to be judged."""

from outcomes.measures.definition import Definition

_FAMILY = "sentiment"
_SCALE = "−1 very negative to 1 very positive"

_SHARE = """
SELECT p.period, e.who, count(*) FILTER ($sign * e.mood >= 0.05) AS x, count(*) AS y
FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
WHERE e.mood IS NOT NULL GROUP BY p.period, e.who
"""

DEFINITIONS = (
    Definition(
        name="positive_language",
        family=_FAMILY,
        unit="share",
        says="texts of the period that sound positive (≥ 0.05) ÷ texts that could be judged",
        params={"sign": 1},
        wellbeing=True,
        sql=_SHARE,
    ),
    Definition(
        name="negative_language",
        family=_FAMILY,
        unit="share",
        says="texts of the period that sound negative (≤ −0.05) ÷ texts that could be judged",
        params={"sign": -1},
        wellbeing=True,
        sql=_SHARE,
    ),
    Definition(
        name="sentiment_delta",
        family=_FAMILY,
        unit="points",
        method="mean",
        low=-2.0,
        high=2.0,
        says=(
            f"mean sentiment ({_SCALE}) after − before, same people, period against the equal "
            "window before it; a change, called an effect only against a holdout"
        ),
        wellbeing=True,
        sql="""
        SELECT p.period, e.who, avg(e.mood) FILTER (e.ts >= p.since)
            - avg(e.mood) FILTER (e.ts < p.since) AS x, 1 AS y
        FROM events AS e JOIN periods AS p ON e.ts >= 2 * p.since - p.until AND e.ts < p.until
        WHERE e.mood IS NOT NULL GROUP BY p.period, e.who
        HAVING bool_or(e.ts >= p.since) AND bool_or(e.ts < p.since)""",
    ),
    Definition(
        name="incident_sentiment",
        family=_FAMILY,
        unit="points",
        method="mean",
        low=-2.0,
        high=2.0,
        says=(
            f"mean sentiment ({_SCALE}) during incidents of the period − in the equal time before "
            "each, same people"
        ),
        needs=("incident",),
        wellbeing=True,
        sql="""
        SELECT period, who, avg(during - earlier) AS x, 1 AS y
        FROM (SELECT p.period, e.who, avg(e.mood) FILTER (e.ts >= i.ts) AS during,
                  avg(e.mood) FILTER (e.ts < i.ts) AS earlier
              FROM incidents AS i JOIN periods AS p ON i.ts >= p.since AND i.ts < p.until
              JOIN events AS e ON e.ts >= 2 * i.ts - i.resolved AND e.ts < i.resolved
              WHERE e.mood IS NOT NULL GROUP BY p.period, e.who, i.incident)
        WHERE during IS NOT NULL AND earlier IS NOT NULL
        GROUP BY period, who""",
    ),
)
