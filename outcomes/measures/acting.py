"""What our own acts and offers led to: lift against a holdout, recommendations."""

from outcomes.measures.definition import Definition

_OFFERS = """
SELECT p.period, o.who, count(*) FILTER (CASE WHEN $converted THEN o.converted ELSE o.accepted END)
    AS x, count(*) AS y
FROM offers AS o JOIN periods AS p ON o.ts >= p.since AND o.ts < p.until
GROUP BY p.period, o.who
"""
_OFFERS_BY_FIT = """
SELECT p.period, o.who, o.fit AS part, count(*) FILTER (
    CASE WHEN $converted THEN o.converted ELSE o.accepted END) AS x, count(*) AS y
FROM offers AS o JOIN periods AS p ON o.ts >= p.since AND o.ts < p.until
GROUP BY p.period, o.who, o.fit
"""


def _offers(name: str, says: str, *, converted: bool) -> Definition:
    return Definition(
        name=name,
        family="acting",
        unit="share",
        says=says,
        needs=("recommendation_shown",),
        params={"converted": converted},
        sql=_OFFERS,
        parts=_OFFERS_BY_FIT,
        part_of="preference",
    )


DEFINITIONS = (
    Definition(
        name="retention_lift",
        family="acting",
        unit="share",
        method="difference",
        says=(
            "ordered again within the horizon: share of those assigned to treatment in the period "
            "− share of those held out at random, as assigned (intention to treat); ×100 is "
            "percentage points. numerator and denominator: of the treated"
        ),
        needs=("intervention_assigned", "order"),
        states=("lift_horizon_days",),
        parts="""
        SELECT p.period, a.who, a.playbook AS part, EXISTS (SELECT 1 FROM events AS o
            WHERE o.kind = 'order' AND o.who = a.who AND o.ts > a.ts
                AND o.ts <= a.ts + getvariable('lift_us'))::INT AS x, a.treated::INT AS y
        FROM assigned AS a JOIN periods AS p ON a.ts >= p.since AND a.ts < p.until
        WHERE a.ts + getvariable('lift_us') <= getvariable('observed_us')""",
        part_of="playbook",
    ),
    _offers(
        "recommendation_acceptance",
        "recommendations shown in the period and accepted since ÷ shown, by preference match",
        converted=False,
    ),
    _offers(
        "recommendation_conversion",
        "recommendations accepted and followed by an order within 7 days ÷ shown in the period, by "
        "preference match",
        converted=True,
    ),
)
