"""How people are served when something is wrong. Who served them is never read."""

from outcomes.measures.definition import Definition

_FAMILY = "service"

DEFINITIONS = (
    Definition(
        name="escalation",
        family=_FAMILY,
        unit="share",
        says="tickets opened in the period and ever escalated ÷ tickets opened in the period",
        needs=("ticket_opened",),
        sql="""
        SELECT p.period, t.who, count(*) FILTER (t.escalated) AS x, count(*) AS y
        FROM tickets AS t JOIN periods AS p ON t.ts >= p.since AND t.ts < p.until
        GROUP BY p.period, t.who""",
    ),
    Definition(
        name="unresolved",
        family=_FAMILY,
        unit="share",
        says="tickets opened in the period and not closed by its end ÷ tickets opened in it",
        needs=("ticket_opened", "ticket_closed"),
        sql="""
        SELECT p.period, t.who, count(*) FILTER (t.closed IS NULL OR t.closed >= p.until) AS x,
            count(*) AS y
        FROM tickets AS t JOIN periods AS p ON t.ts >= p.since AND t.ts < p.until
        GROUP BY p.period, t.who""",
    ),
    Definition(
        name="resolution_time",
        family=_FAMILY,
        unit="hours",
        method="mean",
        low=0.0,
        says="Σ (closed − opened) of tickets closed in the period ÷ those tickets",
        needs=("ticket_opened", "ticket_closed"),
        sql="""
        SELECT p.period, t.who, sum(t.closed - t.ts) / 3600000000.0 AS x, count(*) AS y
        FROM tickets AS t JOIN periods AS p ON t.closed >= p.since AND t.closed < p.until
        GROUP BY p.period, t.who""",
    ),
    Definition(
        name="aht",
        family=_FAMILY,
        unit="seconds",
        method="mean",
        low=0.0,
        says=(
            "average handling time: Σ (talk_seconds + hold_seconds + after_work_seconds) ÷ calls, "
            "tickets and chats that state talk_seconds"
        ),
        needs=("call or ticket_closed or chat_message",),
        wants="call, ticket_closed or chat_message events with talk_seconds",
        sql="""
        SELECT p.period, e.who, sum(TRY_CAST((e.properties ->> 'talk_seconds') AS DOUBLE)
            + coalesce(TRY_CAST((e.properties ->> 'hold_seconds') AS DOUBLE), 0)
            + coalesce(TRY_CAST((e.properties ->> 'after_work_seconds') AS DOUBLE), 0)) AS x,
            count(*) AS y
        FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
        WHERE e.subject <> 'company' AND e.kind IN ('call', 'ticket_closed', 'chat_message')
            AND TRY_CAST((e.properties ->> 'talk_seconds') AS DOUBLE) IS NOT NULL
        GROUP BY p.period, e.who""",
    ),
    Definition(
        name="bot_handover",
        family=_FAMILY,
        unit="share",
        says=(
            "bot conversations handed to a person (`handed_over`) ÷ bot conversations (`bot`; "
            "messages of one `conversation`, else of one person's day)"
        ),
        needs=("chat_message",),
        wants="chat_message events with bot = true",
        sql="""
        SELECT period, who, count(*) FILTER (handed) AS x, count(*) AS y
        FROM (SELECT p.period, e.who, bool_or(coalesce(
                  (e.properties ->> 'handed_over') = 'true', false)) AS handed
              FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
              WHERE e.subject <> 'company' AND e.kind = 'chat_message'
              GROUP BY p.period, e.who, coalesce((e.properties ->> 'conversation'),
                  (e.ts // getvariable('day_us'))::VARCHAR)
              HAVING bool_or(coalesce((e.properties ->> 'bot') = 'true', false)))
        GROUP BY period, who""",
    ),
)
