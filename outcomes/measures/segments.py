"""Groups of people as of a period's start, as SQL."""

NO_GROUPS = """
CREATE OR REPLACE TABLE groups (period INTEGER, who INTEGER, segment VARCHAR)
"""

BY_ATTRIBUTE = """
CREATE OR REPLACE TABLE groups AS
SELECT period, who, coalesce(
    arg_max(stated, ts) FILTER (ts <= since), arg_min(stated, ts) FILTER (ts > since)) AS segment
FROM (SELECT who, ts, json_extract_string(properties, $path) AS stated FROM events
      WHERE subject <> 'company' AND kind IN ('profile', 'plan_changed', 'renewed')) AS stated
JOIN periods ON ts < until
WHERE stated IS NOT NULL
GROUP BY period, who
"""

BY_KIND = """
CREATE OR REPLACE TABLE groups AS
SELECT DISTINCT period, who, $kind AS segment
FROM events JOIN periods ON ts <= since AND ts > since - 365 * getvariable('day_us')
WHERE subject <> 'company' AND kind = $kind
"""
