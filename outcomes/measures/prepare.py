"""What several measures share, worked out once from the events, as SQL.

Per home: `spells` (when each customer was active), `contracts` (amounts per month), `money`,
`answers_all`, `tickets`, `mails`, `visits`, `baskets`, `offers`, `goals`, `incidents`, `assigned`.
Per set of periods: `active`, `leavers`, `recurring`, `answers`, `earlier`, `reviews`.
Instants are µs since 1970 UTC; a period is [since, until).
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
    SELECT who, ts, coalesce((properties ->> 'ticket'), ref) AS ticket,
        coalesce((properties ->> 'escalated') = 'true', false) AS raised,
        lead(ts) OVER (PARTITION BY who ORDER BY ts, rowid) AS following
    FROM events WHERE subject <> 'company' AND kind = 'ticket_opened'),
steps AS (
    SELECT who, ts, kind, (properties ->> 'ticket') AS ticket, ref FROM events
    WHERE subject <> 'company' AND kind IN ('ticket_escalated', 'ticket_closed'))
SELECT o.who, o.ts, o.raised OR coalesce(bool_or(s.kind = 'ticket_escalated'), false) AS escalated,
    min(s.ts) FILTER (s.kind = 'ticket_closed') AS closed
FROM opened AS o LEFT JOIN steps AS s ON s.who = o.who AND s.ts >= o.ts AND (
    s.ticket = o.ticket OR s.ref = o.ticket
    OR s.ticket IS NULL AND s.ts < coalesce(o.following, 4611686018427387904)
        AND NOT EXISTS (SELECT 1 FROM opened AS n WHERE n.who = s.who AND n.ticket = s.ref))
GROUP BY o.who, o.ts, o.ticket, o.raised, o.following
"""

_MAILS = """
CREATE OR REPLACE TABLE mails AS
WITH delivered AS (
    SELECT who, ts, coalesce((properties ->> 'message'), ref) AS message,
        lead(ts) OVER (PARTITION BY who ORDER BY ts, rowid) AS following
    FROM events WHERE subject = 'customer' AND kind = 'email_delivered'),
acts AS (
    SELECT who, ts, kind, (properties ->> 'message') AS message,
        coalesce((properties ->> 'machine') = 'true', false) AS machine
    FROM events WHERE subject = 'customer' AND kind IN ('email_opened', 'email_clicked'))
SELECT d.who, d.ts,
    coalesce(bool_or(a.kind = 'email_opened' AND NOT a.machine), false) AS opened,
    coalesce(bool_or(a.kind = 'email_opened' AND a.machine), false) AS machine_opened,
    coalesce(bool_or(a.kind = 'email_clicked' AND NOT a.machine), false) AS clicked
FROM delivered AS d LEFT JOIN acts AS a ON a.who = d.who AND a.ts >= d.ts AND (
    a.message = d.message
    OR a.message IS NULL AND a.ts < coalesce(d.following, 4611686018427387904))
GROUP BY d.who, d.ts, d.message, d.following
"""

_VISITS = """
CREATE OR REPLACE TABLE visits AS
WITH started AS (
    SELECT who, ts, coalesce((properties ->> 'source'), '(unknown)') AS source,
        coalesce((properties ->> 'session'), ref) AS session,
        TRY_CAST((properties ->> 'pages') AS DOUBLE) AS stated,
        lead(ts) OVER (PARTITION BY who ORDER BY ts, rowid) AS following
    FROM events WHERE subject <> 'company' AND kind = 'session'),
views AS (
    SELECT who, ts, (properties ->> 'session') AS session FROM events
    WHERE subject <> 'company' AND kind = 'page_view')
SELECT s.who, s.ts, s.source, CASE WHEN s.stated IS NOT NULL THEN s.stated
    WHEN EXISTS (SELECT 1 FROM views) THEN count(v.ts) END AS pages
FROM started AS s LEFT JOIN views AS v ON v.who = s.who AND (
    v.session = s.session
    OR v.session IS NULL AND v.ts >= s.ts AND v.ts < coalesce(s.following, 4611686018427387904))
GROUP BY s.who, s.ts, s.source, s.session, s.stated, s.following
"""

_BASKETS = """
CREATE OR REPLACE TABLE baskets AS
WITH cut AS (
    SELECT who, ts, CASE WHEN ts - lag(ts) OVER (PARTITION BY who ORDER BY ts, rowid)
        <= getvariable('day_us') THEN 0 ELSE 1 END AS fresh, rowid AS seq
    FROM events WHERE subject <> 'company' AND kind = 'cart'),
numbered AS (
    SELECT who, ts, sum(fresh) OVER (PARTITION BY who ORDER BY ts, seq) AS basket FROM cut)
SELECT b.who, b.ts, b.last, EXISTS (SELECT 1 FROM events AS o WHERE o.kind = 'order'
    AND o.who = b.who AND o.ts >= b.ts AND o.ts <= b.last + getvariable('day_us')) AS bought
FROM (SELECT who, min(ts) AS ts, max(ts) AS last FROM numbered GROUP BY who, basket) AS b
"""

_OFFERS = """
CREATE OR REPLACE TABLE offers AS
WITH shown AS (
    SELECT who, ts, coalesce((properties ->> 'recommendation'), ref) AS offer,
        CASE (properties ->> 'match') WHEN 'true' THEN 'matches preferences'
            WHEN 'false' THEN 'does not match' ELSE 'match not stated' END AS fit,
        lead(ts) OVER (PARTITION BY who ORDER BY ts, rowid) AS following
    FROM events WHERE subject <> 'company' AND kind = 'recommendation_shown'),
accepted AS (
    SELECT who, ts, (properties ->> 'recommendation') AS offer
    FROM events WHERE subject <> 'company' AND kind = 'recommendation_accepted'),
matched AS (
    SELECT s.who, s.ts, s.fit, s.offer, min(a.ts) AS taken
    FROM shown AS s LEFT JOIN accepted AS a ON a.who = s.who AND a.ts >= s.ts AND (
        a.offer = s.offer
        OR a.offer IS NULL AND a.ts < coalesce(s.following, 4611686018427387904))
    GROUP BY s.who, s.ts, s.fit, s.offer)
SELECT who, ts, fit, taken IS NOT NULL AS accepted, taken IS NOT NULL AND EXISTS (
    SELECT 1 FROM events AS o WHERE o.kind = 'order' AND o.who = m.who AND o.ts >= m.taken
        AND o.ts < m.taken + 7 * getvariable('day_us')) AS converted
FROM matched AS m
"""

_GOALS = """
CREATE OR REPLACE TABLE goals AS
WITH set_ AS (
    SELECT who, ts, coalesce((properties ->> 'goal'), ref) AS goal,
        lead(ts) OVER (PARTITION BY who ORDER BY ts, rowid) AS following
    FROM events WHERE subject <> 'company' AND kind = 'goal_set'),
reached AS (
    SELECT who, ts, (properties ->> 'goal') AS goal
    FROM events WHERE subject <> 'company' AND kind = 'goal_reached')
SELECT s.who, s.ts, count(r.ts) > 0 AS reached
FROM set_ AS s LEFT JOIN reached AS r ON r.who = s.who AND r.ts >= s.ts AND (
    r.goal = s.goal OR r.goal IS NULL AND r.ts < coalesce(s.following, 4611686018427387904))
GROUP BY s.who, s.ts, s.goal, s.following
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

_ACTIVE = """
CREATE OR REPLACE TABLE active AS
SELECT period, who,
    bool_or(basis = 'any' AND s.since <= p.since AND p.since < s.until) AS at_start,
    bool_or(basis = 'any' AND s.since <= p.until AND p.until < s.until) AS at_end,
    bool_or(basis = 'contract' AND s.since <= p.since AND p.since < s.until) AS contract_start,
    bool_or(basis = 'contract' AND s.since <= p.until AND p.until < s.until) AS contract_end
FROM spells AS s JOIN periods AS p ON s.since <= p.until AND s.until > p.since
GROUP BY period, who
"""

_LEAVERS = """
CREATE OR REPLACE TABLE leavers AS
SELECT a.period, a.who, coalesce(
    last((e.properties ->> 'reason') IN ('payment_failed', 'non_payment', 'involuntary')
        ORDER BY e.ts, e.rowid) FILTER (e.kind = 'cancelled' AND e.ts >= p.since
        AND (e.properties ->> 'reason') IS NOT NULL),
    last(e.kind = 'payment_failed' ORDER BY e.ts, e.rowid) FILTER (e.kind <> 'cancelled'),
    false) AS involuntary
FROM active AS a JOIN periods AS p USING (period)
LEFT JOIN events AS e ON e.who = a.who AND e.ts <= p.until
    AND e.kind IN ('cancelled', 'payment', 'payment_failed', 'order')
WHERE a.at_start AND NOT a.at_end
GROUP BY a.period, a.who
"""

_RECURRING = """
CREATE OR REPLACE TABLE recurring AS
SELECT period, who, last(mrr ORDER BY ts, seq) FILTER (ts <= since) AS at_start,
    last(mrr ORDER BY ts, seq) AS at_end
FROM contracts JOIN periods ON ts <= until
WHERE mrr IS NOT NULL
GROUP BY period, who
"""

_NEWEST = """
CREATE OR REPLACE TABLE answers AS
SELECT period, who, instrument, score, low, high, polarity, threshold
FROM answers_all JOIN periods ON ts >= since AND ts < until
QUALIFY row_number() OVER (PARTITION BY period, who, instrument ORDER BY ts DESC, seq DESC) = 1
"""

_EARLIER = """
CREATE OR REPLACE TABLE earlier AS
SELECT period, who, instrument, score, low, high
FROM answers_all JOIN periods ON ts >= 2 * since - until AND ts < since
QUALIFY row_number() OVER (PARTITION BY period, who, instrument ORDER BY ts DESC, seq DESC) = 1
"""

_REVIEWS = """
CREATE OR REPLACE TABLE reviews AS
SELECT p.period, e.who, count(*) AS reviews, sum(e.value) AS stars,
    count(e.value) AS rated,
    count(*) FILTER (coalesce((e.properties ->> 'responded') = 'true', false)
        OR (e.properties ->> 'responded_at') IS NOT NULL) AS responded
FROM events AS e JOIN periods AS p ON e.ts >= p.since AND e.ts < p.until
WHERE e.subject <> 'company' AND e.kind = 'review'
    AND coalesce(TRY_CAST((e.properties ->> '$.scale[0]') AS DOUBLE), 1) = 1
    AND coalesce(TRY_CAST((e.properties ->> '$.scale[1]') AS DOUBLE), 5) = 5
GROUP BY p.period, e.who
"""

PER_PERIOD = (_ACTIVE, _LEAVERS, _RECURRING, _NEWEST, _EARLIER, _REVIEWS)
"""Run in this order whenever `periods` changes."""
