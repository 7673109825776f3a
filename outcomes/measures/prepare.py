"""What several measures share, worked out once from the events of a home, as SQL.

`spells` (when each customer was active), `contracts` (amounts per month), `money`, `answers_all`,
`tickets`, `mails`, `visits`, `baskets`, `offers`, `goals`, `incidents`, `assigned`. Instants are µs
since 1970 UTC.
"""

EVENTS = """
CREATE TABLE events (who INTEGER, subject VARCHAR, kind VARCHAR, ts BIGINT, value DOUBLE,
    currency VARCHAR, ref VARCHAR, properties JSON, mood DOUBLE)
"""

_COVERAGE = """
CREATE OR REPLACE TABLE coverage AS
SELECT who, 'order' AS basis, ts AS since, ts + getvariable('window_us') AS until
FROM events WHERE subject = 'customer' AND kind = 'order'
UNION ALL
SELECT who, 'contract', ts, coalesce(following, 4611686018427387904)
FROM (SELECT who, kind, ts,
          lead(ts) OVER (PARTITION BY who ORDER BY ts, kind = 'cancelled', rowid) AS following
      FROM events WHERE subject = 'customer' AND kind IN ('plan_changed', 'renewed', 'cancelled'))
WHERE kind <> 'cancelled'
"""

_SPELLS = """
CREATE OR REPLACE TABLE spells AS
SELECT who, basis, min(since) AS since, max(until) AS until
FROM (SELECT *, sum(fresh) OVER (PARTITION BY who, basis ORDER BY since, until) AS island
      FROM (SELECT *, CASE WHEN since <= max(until) OVER (PARTITION BY who, basis
                    ORDER BY since, until ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                THEN 0 ELSE 1 END AS fresh
            FROM (FROM coverage UNION ALL SELECT who, 'any', since, until FROM coverage)))
GROUP BY who, basis, island
"""

_KNOWN = """
CREATE OR REPLACE TABLE known AS
SELECT who, min(ts) AS since FROM events WHERE subject = 'customer' GROUP BY who
"""

_ACQUIRED = """
CREATE OR REPLACE TABLE acquired AS
SELECT who, min(since) AS ts FROM spells WHERE basis = 'any' GROUP BY who
"""

_CONTRACTS = """
CREATE OR REPLACE TABLE contracts AS
SELECT who, ts, rowid AS seq, CASE WHEN kind = 'cancelled' THEN 0.0 ELSE coalesce(
    TRY_CAST((properties ->> 'mrr') AS DOUBLE),
    value / coalesce(TRY_CAST((properties ->> 'months') AS DOUBLE),
        CASE (properties ->> 'interval') WHEN 'year' THEN 12.0 WHEN 'quarter' THEN 3.0
            WHEN 'week' THEN 12.0 / 52 ELSE 1.0 END)) END AS mrr
FROM events
WHERE subject = 'customer' AND kind IN ('plan_changed', 'renewed', 'cancelled')
    AND (currency IS NULL OR currency = getvariable('currency'))
"""

_MONEY = """
CREATE OR REPLACE VIEW money AS
SELECT who, ts, kind, CASE kind WHEN 'return' THEN -value ELSE value END AS net
FROM events
WHERE subject = 'customer' AND value IS NOT NULL
    AND (currency IS NULL OR currency = getvariable('currency'))
    AND (kind IN ('order', 'return')
        OR kind = 'payment' AND NOT EXISTS (SELECT 1 FROM events WHERE kind = 'order'))
"""

_ANSWERS = """
CREATE OR REPLACE TABLE answers_all AS
SELECT who, ts, seq, instrument, score,
    coalesce(TRY_CAST((stated ->> '$.scale[0]') AS DOUBLE), i.low) AS low,
    coalesce(TRY_CAST((stated ->> '$.scale[1]') AS DOUBLE), i.high) AS high,
    coalesce((stated ->> 'polarity'), i.polarity) AS polarity,
    TRY_CAST((stated ->> 'threshold') AS DOUBLE) AS threshold
FROM (SELECT who, ts, rowid AS seq, (properties ->> 'instrument') AS instrument, value AS score,
          properties AS stated
      FROM events WHERE subject <> 'company' AND kind = 'survey' AND value IS NOT NULL)
LEFT JOIN instruments AS i USING (instrument)
"""

_TICKETS = """
CREATE OR REPLACE TABLE tickets AS
WITH opened AS (
    SELECT rowid AS seq, who, ts, coalesce((properties ->> 'ticket'), ref) AS ticket,
        coalesce((properties ->> 'escalated') = 'true', false) AS raised
    FROM events WHERE subject <> 'company' AND kind = 'ticket_opened'),
steps AS (
    SELECT e.who, e.ts, e.kind, coalesce((e.properties ->> 'ticket'), o.ticket) AS ticket
    FROM events AS e LEFT JOIN (SELECT DISTINCT who, ticket FROM opened) AS o
        ON o.who = e.who AND o.ticket = e.ref
    WHERE e.subject <> 'company' AND e.kind IN ('ticket_escalated', 'ticket_closed')),
matched AS (
    SELECT o.seq, s.kind, s.ts FROM steps AS s JOIN opened AS o
        ON s.who = o.who AND s.ticket = o.ticket AND s.ts >= o.ts
    UNION ALL
    SELECT o.seq, s.kind, s.ts FROM (FROM steps WHERE ticket IS NULL) AS s
    ASOF JOIN opened AS o ON s.who = o.who AND s.ts >= o.ts),
settled AS (
    SELECT seq, bool_or(kind = 'ticket_escalated') AS escalated,
        min(ts) FILTER (kind = 'ticket_closed') AS closed
    FROM matched GROUP BY seq)
SELECT o.who, o.ts, o.raised OR coalesce(s.escalated, false) AS escalated, s.closed
FROM opened AS o LEFT JOIN settled AS s USING (seq)
"""

_MAILS = """
CREATE OR REPLACE TABLE mails AS
WITH delivered AS (
    SELECT rowid AS seq, who, ts, coalesce((properties ->> 'message'), ref) AS message
    FROM events WHERE subject = 'customer' AND kind = 'email_delivered'),
acts AS (
    SELECT who, ts, kind, (properties ->> 'message') AS message,
        coalesce((properties ->> 'machine') = 'true', false) AS machine
    FROM events WHERE subject = 'customer' AND kind IN ('email_opened', 'email_clicked')),
matched AS (
    SELECT d.seq, a.kind, a.machine FROM acts AS a JOIN delivered AS d
        ON a.who = d.who AND a.message = d.message AND a.ts >= d.ts
    UNION ALL
    SELECT d.seq, a.kind, a.machine FROM (FROM acts WHERE message IS NULL) AS a
    ASOF JOIN delivered AS d ON a.who = d.who AND a.ts >= d.ts),
reached AS (
    SELECT seq, bool_or(kind = 'email_opened' AND NOT machine) AS opened,
        bool_or(kind = 'email_opened' AND machine) AS machine_opened,
        bool_or(kind = 'email_clicked' AND NOT machine) AS clicked
    FROM matched GROUP BY seq)
SELECT d.who, d.ts, coalesce(r.opened, false) AS opened,
    coalesce(r.machine_opened, false) AS machine_opened, coalesce(r.clicked, false) AS clicked
FROM delivered AS d LEFT JOIN reached AS r USING (seq)
"""

_VISITS = """
CREATE OR REPLACE TABLE visits AS
WITH started AS (
    SELECT rowid AS seq, who, ts, coalesce((properties ->> 'source'), '(unknown)') AS source,
        coalesce((properties ->> 'session'), ref) AS session,
        TRY_CAST((properties ->> 'pages') AS DOUBLE) AS stated
    FROM events WHERE subject <> 'company' AND kind = 'session'),
views AS (
    SELECT who, ts, (properties ->> 'session') AS session FROM events
    WHERE subject <> 'company' AND kind = 'page_view'),
matched AS (
    SELECT s.seq FROM views AS v JOIN started AS s ON v.who = s.who AND v.session = s.session
    UNION ALL
    SELECT s.seq FROM (FROM views WHERE session IS NULL) AS v
    ASOF JOIN started AS s ON v.who = s.who AND v.ts >= s.ts),
seen AS (SELECT seq, count(*) AS pages FROM matched GROUP BY seq)
SELECT s.who, s.ts, s.source, CASE WHEN s.stated IS NOT NULL THEN s.stated
    WHEN EXISTS (SELECT 1 FROM views) THEN coalesce(n.pages, 0) END AS pages
FROM started AS s LEFT JOIN seen AS n USING (seq)
"""

_BASKETS = """
CREATE OR REPLACE TABLE baskets AS
WITH cut AS (
    SELECT who, ts, rowid AS seq,
        CASE WHEN ts - lag(ts) OVER (PARTITION BY who ORDER BY ts, rowid)
            <= getvariable('day_us') THEN 0 ELSE 1 END AS fresh
    FROM events WHERE subject <> 'company' AND kind = 'cart'),
numbered AS (
    SELECT who, ts, sum(fresh) OVER (PARTITION BY who ORDER BY ts, seq) AS basket FROM cut),
whole AS (SELECT who, min(ts) AS ts, max(ts) AS last FROM numbered GROUP BY who, basket)
SELECT b.who, b.ts, b.last, coalesce(o.ts <= b.last + getvariable('day_us'), false) AS bought
FROM whole AS b ASOF LEFT JOIN (SELECT who, ts FROM events WHERE kind = 'order') AS o
    ON b.who = o.who AND b.ts <= o.ts
"""

_OFFERS = """
CREATE OR REPLACE TABLE offers AS
WITH shown AS (
    SELECT rowid AS seq, who, ts, coalesce((properties ->> 'recommendation'), ref) AS offer,
        CASE (properties ->> 'match') WHEN 'true' THEN 'matches preferences'
            WHEN 'false' THEN 'does not match' ELSE 'match not stated' END AS fit
    FROM events WHERE subject <> 'company' AND kind = 'recommendation_shown'),
accepted AS (
    SELECT who, ts, (properties ->> 'recommendation') AS offer
    FROM events WHERE subject <> 'company' AND kind = 'recommendation_accepted'),
matched AS (
    SELECT s.seq, a.ts FROM accepted AS a JOIN shown AS s
        ON a.who = s.who AND a.offer = s.offer AND a.ts >= s.ts
    UNION ALL
    SELECT s.seq, a.ts FROM (FROM accepted WHERE offer IS NULL) AS a
    ASOF JOIN shown AS s ON a.who = s.who AND a.ts >= s.ts),
taken AS (SELECT seq, min(ts) AS ts FROM matched GROUP BY seq),
followed AS (
    SELECT s.who, s.ts, s.fit, coalesce(t.ts, 4611686018427387904) AS taken
    FROM shown AS s LEFT JOIN taken AS t USING (seq))
SELECT f.who, f.ts, f.fit, f.taken < 4611686018427387904 AS accepted,
    coalesce(o.ts < f.taken + 7 * getvariable('day_us'), false) AS converted
FROM followed AS f ASOF LEFT JOIN (SELECT who, ts FROM events WHERE kind = 'order') AS o
    ON f.who = o.who AND f.taken <= o.ts
"""

_GOALS = """
CREATE OR REPLACE TABLE goals AS
WITH meant AS (
    SELECT rowid AS seq, who, ts, coalesce((properties ->> 'goal'), ref) AS goal
    FROM events WHERE subject <> 'company' AND kind = 'goal_set'),
done AS (
    SELECT who, ts, (properties ->> 'goal') AS goal
    FROM events WHERE subject <> 'company' AND kind = 'goal_reached'),
matched AS (
    SELECT m.seq FROM done AS d JOIN meant AS m
        ON d.who = m.who AND d.goal = m.goal AND d.ts >= m.ts
    UNION ALL
    SELECT m.seq FROM (FROM done WHERE goal IS NULL) AS d
    ASOF JOIN meant AS m ON d.who = m.who AND d.ts >= m.ts)
SELECT who, ts, seq IN (SELECT seq FROM matched) AS reached FROM meant
"""

_INCIDENTS = """
CREATE OR REPLACE TABLE incidents AS
SELECT incident, min(ts) FILTER (phase = 'started') AS ts,
    coalesce(min(ts) FILTER (phase = 'responded'), min(responded)) AS responded,
    coalesce(min(ts) FILTER (phase = 'resolved'), min(resolved)) AS resolved,
    bool_and(negative) AS negative
FROM (SELECT ts, coalesce((properties ->> 'incident'), ref, rowid::VARCHAR) AS incident,
          coalesce((properties ->> 'phase'), 'started') AS phase,
          epoch_us(TRY_CAST((properties ->> 'responded_at') AS TIMESTAMPTZ)) AS responded,
          epoch_us(TRY_CAST((properties ->> 'resolved_at') AS TIMESTAMPTZ)) AS resolved,
          coalesce((properties ->> 'negative') <> 'false', true) AS negative
      FROM events WHERE subject = 'company' AND kind = 'incident')
GROUP BY incident
"""

_ASSIGNED = """
CREATE OR REPLACE TABLE assigned AS
SELECT who, playbook, min(ts) AS ts, arg_min(arm, ts) = 'treated' AS treated
FROM (SELECT who, ts, (properties ->> 'playbook') AS playbook, (properties ->> 'arm') AS arm
      FROM events WHERE subject = 'customer' AND kind = 'intervention_assigned')
GROUP BY who, playbook
"""

PREPARED = (
    _COVERAGE,
    _SPELLS,
    _KNOWN,
    _ACQUIRED,
    _CONTRACTS,
    _MONEY,
    _ANSWERS,
    _TICKETS,
    _MAILS,
    _VISITS,
    _BASKETS,
    _OFFERS,
    _GOALS,
    _INCIDENTS,
    _ASSIGNED,
)
"""Run in this order after the events are loaded."""
