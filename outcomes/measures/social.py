"""What people do in public: likes, reviews, referrals, taking part."""

from outcomes.measures.definition import Definition

_FAMILY = "social"
ACTIONS = {"like": "likes", "comment": "comments", "share": "shares", "follow": "follows"}

_PER_ACTIVE = """
SELECT a.period, a.who, coalesce(n.n, 0) AS x, 1 AS y
FROM active AS a LEFT JOIN (
    SELECT p.period, e.who, count(*) AS n
    FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
    WHERE e.subject = 'customer' AND e.kind = $kind GROUP BY p.period, e.who) AS n
USING (period, who)
WHERE a.at_end
"""


def _engagement(name: str, kind: str, what: str) -> Definition:
    return Definition(
        name=name,
        family=_FAMILY,
        unit="per person",
        method="mean",
        low=0.0,
        says=f"{what} in the period ÷ customers active at its end",
        needs=(kind, "order or plan_changed or renewed"),
        states=("active_window_days",),
        params={"kind": kind},
        sql=_PER_ACTIVE,
    )


DEFINITIONS = (
    *(
        Definition(
            name=f"social_{plural}",
            family=_FAMILY,
            unit="count",
            method="total",
            says=f"{plural} in the period; denominator: people",
            needs=("social",),
            params={"action": action},
            sql="""
            SELECT p.period, e.who, count(*) AS x, 1 AS y
            FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
            WHERE e.subject <> 'company' AND e.kind = 'social'
                AND (e.properties ->> 'action') = $action
            GROUP BY p.period, e.who""",
        )
        for action, plural in ACTIONS.items()
    ),
    Definition(
        name="rating_mean",
        family=_FAMILY,
        unit="points",
        method="mean",
        low=1.0,
        high=5.0,
        says="mean rating of the period's reviews on 1–5",
        needs=("review",),
        sql="SELECT period, who, stars AS x, rated AS y FROM reviews WHERE rated > 0",
    ),
    Definition(
        name="review_volume",
        family=_FAMILY,
        unit="count",
        method="total",
        says="reviews in the period; denominator: people",
        needs=("review",),
        sql="SELECT period, who, reviews AS x, 1 AS y FROM reviews",
    ),
    Definition(
        name="review_response_rate",
        family=_FAMILY,
        unit="share",
        says="reviews that were answered (`responded` or `responded_at`) ÷ reviews of the period",
        needs=("review",),
        sql="SELECT period, who, responded AS x, reviews AS y FROM reviews",
    ),
    Definition(
        name="brand_advocacy",
        family=_FAMILY,
        unit="share",
        says=(
            "customers with an actual act in the period (referral, review of 4 or 5, mention that "
            "is not negative, community post) ÷ customers active at its end"
        ),
        needs=(
            "referral or review or mention or community_post",
            "order or plan_changed or renewed",
        ),
        states=("active_window_days",),
        sql="""
        SELECT a.period, a.who, (o.who IS NOT NULL)::INT AS x, 1 AS y
        FROM active AS a LEFT JOIN (
            SELECT DISTINCT p.period, e.who
            FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
            WHERE e.subject = 'customer' AND (e.kind IN ('referral', 'community_post')
                OR e.kind = 'review' AND e.value >= 4
                    AND coalesce(TRY_CAST((e.properties ->> '$.scale[1]') AS DOUBLE), 5) = 5
                OR e.kind = 'mention'
                    AND coalesce((e.properties ->> 'sentiment'), '') <> 'negative')) AS o
        USING (period, who)
        WHERE a.at_end""",
    ),
    Definition(
        name="negative_mentions",
        family=_FAMILY,
        unit="share",
        says="public mentions marked negative ÷ mentions of the period that state `sentiment`",
        needs=("mention",),
        wants="mention events with sentiment",
        sql="""
        SELECT p.period, e.who, count(*) FILTER ((e.properties ->> 'sentiment') = 'negative') AS x,
            count(*) AS y
        FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
        WHERE e.subject <> 'company' AND e.kind = 'mention'
            AND (e.properties ->> 'sentiment') IS NOT NULL
        GROUP BY p.period, e.who""",
    ),
    _engagement("visits_per_active", "session", "visits"),
    _engagement("events_per_active", "event_attended", "company events attended"),
    _engagement("community_per_active", "community_post", "community posts"),
)
