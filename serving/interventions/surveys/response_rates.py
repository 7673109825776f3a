"""How many of those who were asked have answered, by playbook."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from governance.intervals import Interval, wilson
from governance.proof import AggregatePermit
from serving.interventions.playbooks.question import Question
from serving.interventions.tables import interventions


class ResponseRate(NamedTuple):
    """Invited and answered of one survey; `rate` is answered ÷ invited with its 95 % interval.

    Invited are those to whom the message was handed over. Where fewer than the aggregate permit
    asks for were invited, `invited`, `answered` and `rate` are None.
    """

    playbook: str
    instrument: str
    invited: int | None
    answered: int | None
    rate: Interval | None


def response_rates(
    conn: Connection, permit: AggregatePermit, *, since: datetime | None = None
) -> Sequence[ResponseRate]:
    """Count what became of every survey sent, or of those sent at or after `since`."""
    permit.require(permit.purpose)
    c = interventions.c
    query = (
        select(
            c.playbook,
            c.survey,
            func.count().label("invited"),
            func.count(c.answered_at).label("answered"),
        )
        .where(c.survey.is_not(None), c.sent_at.is_not(None))
        .group_by(c.playbook, c.survey)
        .order_by(c.playbook)
    )
    if since is not None:
        query = query.where(c.sent_at >= since)
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for row in conn.execute(query):
        key = row.playbook, Question.from_text(row.survey).instrument
        invited, answered = sums.get(key, (0, 0))
        sums[key] = invited + row.invited, answered + row.answered
    return [
        ResponseRate(*key, invited, answered, wilson(answered, invited))
        if invited >= permit.min_people
        else ResponseRate(*key, None, None, None)
        for key, (invited, answered) in sums.items()
    ]
