"""What several measures share, worked out for each set of periods, as SQL.

`active`, `leavers`, `recurring` (amounts per month), `answers` and `earlier` (each person's newest
answer in the period and in the equal window before it), `reviews`. A period is [since, until).
"""

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
