"""What became of e-mail that was delivered. Openings by machines are counted apart."""

from outcomes.measures.definition import Definition

_FAMILY = "e-mail"


_OF_DELIVERED = """
SELECT p.period, m.who, count(*) FILTER (CASE $act WHEN 'opened' THEN m.opened
    WHEN 'machine_opened' THEN m.machine_opened ELSE m.clicked END) AS x, count(*) AS y
FROM mails AS m JOIN periods AS p ON m.ts >= p.since AND m.ts < p.until
GROUP BY p.period, m.who
"""


def _of_delivered(name: str, act: str, says: str, *, outcome: bool = True) -> Definition:
    return Definition(
        name=name,
        family=_FAMILY,
        unit="share",
        says=says,
        needs=("email_delivered",),
        params={"act": act},
        sql=_OF_DELIVERED,
        outcome=outcome,
    )


def _act(name: str, kind: str, says: str, *, undelivered: bool = False) -> Definition:
    return Definition(
        name=name,
        family=_FAMILY,
        unit="share",
        says=says,
        needs=("email_delivered",),
        params={"kind": kind, "undelivered": undelivered},
        sql="""
        SELECT period, who, CASE WHEN $undelivered THEN acts ELSE least(acts, delivered) END AS x,
            delivered + CASE WHEN $undelivered THEN acts ELSE 0 END AS y
        FROM (SELECT p.period, e.who, count(*) FILTER (e.kind = $kind) AS acts,
                  count(*) FILTER (e.kind = 'email_delivered') AS delivered
              FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
              WHERE e.subject = 'customer' AND e.kind IN ($kind, 'email_delivered')
              GROUP BY p.period, e.who)
        WHERE delivered > 0 OR $undelivered""",
    )


DEFINITIONS = (
    _of_delivered(
        "email_open_rate",
        "opened",
        "messages opened at least once by a person ÷ delivered in the period; openings flagged "
        "`machine` left out; never an outcome",
        outcome=False,
    ),
    _of_delivered(
        "email_machine_open_rate",
        "machine_opened",
        "messages opened by a machine (prefetch, scanner) ÷ delivered in the period; never an "
        "outcome",
        outcome=False,
    ),
    _of_delivered(
        "email_click_rate",
        "clicked",
        "messages clicked at least once by a person ÷ delivered in the period",
    ),
    _act(
        "email_bounce_rate",
        "email_bounced",
        "bounced ÷ sent (delivered + bounced) in the period",
        undelivered=True,
    ),
    _act("email_unsubscribe_rate", "unsubscribed", "unsubscribed ÷ delivered in the period"),
    _act("email_complaint_rate", "spam_complaint", "marked as spam ÷ delivered in the period"),
)
