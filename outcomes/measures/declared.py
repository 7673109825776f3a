"""What people say of their lives and what they report: goals, savings, belonging, meaning."""

from outcomes.measures.definition import Definition
from outcomes.measures.surveys import change, level

_FAMILY = "declared"

_INSTRUMENTS = {
    "values_alignment": "the company acts by the values I hold",
    "perceived_value": "what I get is worth what it costs me",
    "financial_stress": "how much money worries me (high is bad)",
    "social_connection": "I feel connected with others",
    "social_trust": "social capital: I can trust the people here",
    "reciprocity": "social capital: people here help each other",
    "belonging": "social capital: I belong here",
    "meaning": "what I do here has meaning to me",
    "autonomy": "basic needs: I decide for myself",
    "competence": "basic needs: I am up to what I want to do",
    "relatedness": "basic needs: I am close to people who matter to me",
    "hedonic": "well-being as feeling well (apart from eudaimonic)",
    "eudaimonic": "well-being as living well (apart from hedonic)",
    "happiness": "reported happiness",
}

INSTRUMENTS = frozenset(_INSTRUMENTS)


def _total(name: str, kind: str, unit: str, says: str) -> Definition:
    return Definition(
        name=name,
        family=_FAMILY,
        unit=unit,
        method="total",
        says=says,
        needs=(kind,),
        params={"kind": kind},
        sql="""
        SELECT p.period, e.who, sum(e.value) AS x, 1 AS y
        FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
        WHERE e.subject <> 'company' AND e.kind = $kind AND e.value IS NOT NULL
            AND (e.currency IS NULL OR e.currency = getvariable('currency')
                OR getvariable('currency') IS NULL)
        GROUP BY p.period, e.who""",
    )


DEFINITIONS = (
    Definition(
        name="goal_achievement",
        family=_FAMILY,
        unit="share",
        says="goals set in the period and reached since ÷ goals set in the period",
        needs=("goal_set",),
        sql="""
        SELECT p.period, g.who, sum(g.reached::INT) AS x, count(*) AS y
        FROM goals AS g JOIN periods AS p ON g.ts >= p.since AND g.ts < p.until
        GROUP BY p.period, g.who""",
    ),
    Definition(
        name="savings",
        family=_FAMILY,
        unit="money",
        method="mean",
        says="amount saved in the period per person who reports saving",
        needs=("savings",),
        sql="""
        SELECT p.period, e.who, sum(e.value) AS x, 1 AS y
        FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
        WHERE e.subject <> 'company' AND e.kind = 'savings' AND e.value IS NOT NULL
        GROUP BY p.period, e.who""",
    ),
    Definition(
        name="savings_change",
        family=_FAMILY,
        unit="money",
        method="mean",
        says=(
            "amount saved after − before, same people, period against the equal window before it; "
            "a change, called an effect only against a holdout"
        ),
        needs=("savings",),
        sql="""
        SELECT p.period, e.who, sum(CASE WHEN e.ts >= p.since THEN e.value ELSE -e.value END) AS x,
            1 AS y
        FROM events AS e JOIN periods AS p ON e.ts >= 2 * p.since - p.until AND e.ts < p.until
        WHERE e.subject <> 'company' AND e.kind = 'savings' AND e.value IS NOT NULL
        GROUP BY p.period, e.who
        HAVING bool_or(e.ts >= p.since) AND bool_or(e.ts < p.since)""",
    ),
    _total("social_impact_hours", "volunteered", "hours", "hours volunteered in the period"),
    _total("social_impact_donations", "donated", "money", "donations in the period"),
    *(
        each
        for name, says in _INSTRUMENTS.items()
        for each in (level(name, says, family=_FAMILY), change(name, family=_FAMILY))
    ),
    Definition(
        name="social_capital",
        family=_FAMILY,
        unit="0–100",
        method="mean",
        low=0.0,
        high=100.0,
        says=(
            "mean of social_trust, reciprocity and belonging, each on 0–100, of people who "
            "answered all three"
        ),
        needs=("survey",),
        instrument="belonging",
        sql="""
        SELECT period, who, avg(100 * (score - low) / (high - low)) AS x, 1 AS y FROM answers
        WHERE instrument IN ('social_trust', 'reciprocity', 'belonging') AND high > low
        GROUP BY period, who HAVING count(*) = 3""",
    ),
)
