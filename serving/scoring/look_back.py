"""What today's model says of one customer at the ends of past months, and now.

Each is a score like any other, by what was known then: permission is judged now, and each is
recorded as a decision.
"""

from datetime import datetime

from outcomes.measures.periods import floor, split, step
from serving.bootstrap import Keepwell
from serving.scoring.answers import CustomerScore
from serving.scoring.home_clock import home_clock
from serving.scoring.scorer import Scorer

MONTHS = 12


def look_back(
    keepwell: Keepwell,
    scorer: Scorer,
    customer_id: str,
    target: str,
    *,
    now: datetime,
    reasons_limit: int,
    months: int = MONTHS,
) -> tuple[CustomerScore, ...]:
    """Score one customer at the end of each of the last `months` calendar months, and last now.

    Ends with the first answer that is a refusal: the others would be the same.
    """
    told = []
    for end in (*month_ends(keepwell, now=now, months=months), None):
        answer = scorer.score(
            [customer_id],
            targets=[target],
            reasons_limit=reasons_limit,
            as_of=end,
            may_see_refusals=True,
        )
        [found] = answer.results
        told.append(found)
        if found.status in ("refused", "not_available"):
            break
    return tuple(told)


def month_ends(keepwell: Keepwell, *, now: datetime, months: int) -> list[datetime]:
    """Give the instants at which the last whole months ended, in the home's time zone."""
    with keepwell.database.read() as conn:
        until = home_clock(keepwell, conn, now=now)
    zone = keepwell.settings.zone
    begin = step(floor(until, "month", zone), "month", -months)
    return [each.end for each in split(begin, until, "month", zone) if each.end <= until]
