"""What each person adds to the figures of the map, asked of the table of one period."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from outcomes.journey.stages import JOYS, PASSIVE, STRUGGLES
from outcomes.journey.table import JourneyTable

FOLLOWED_DAYS = 30
"""How long someone is given to go on, or to come back on another day, before they dropped off."""


class Place(NamedTuple):
    """A cell of the map: a stage (empty: anywhere), a touchpoint or `ALL`, a group or `ALL`."""

    stage: str
    touchpoint: str
    segment: str


class Sample(NamedTuple):
    """Who adds to a figure, (n,) in ascending order, and what, (n,)."""

    who: NDArray[np.int64]
    x: NDArray[np.float64]


Samples = Mapping[Place, Sample]

_HERE = """
CREATE OR REPLACE TEMP TABLE here AS
WITH within AS (FROM staged WHERE ts >= $since AND ts < $until)
FROM within UNION ALL SELECT * REPLACE ('all' AS touchpoint) FROM within
"""

_ANYWHERE = """
SELECT '' AS name, '' AS stage, touchpoint, who, count(*) AS x FROM here
WHERE touchpoint = 'all' GROUP BY ALL
"""

_VOLUME = """
SELECT '' AS name, stage, touchpoint, who, count(*) AS x FROM here GROUP BY ALL
"""

_SENTIMENT = """
SELECT '' AS name, stage, touchpoint, who, round(avg(mood), 6) AS x FROM here WHERE mood IS NOT NULL
GROUP BY ALL
"""

_ANSWERS = """
SELECT '' AS name, stage, touchpoint, who,
    round(avg(CASE WHEN (polarity = 'low_is_good') = $low THEN 100 * (score - low) / (high - low)
        ELSE 100 * (high - score) / (high - low) END), 6) AS x
FROM here JOIN answers_all AS a USING (seq, who)
WHERE list_contains($instruments, instrument) AND high > low AND score BETWEEN low AND high
GROUP BY ALL
"""

_DROP_OFF = """
WITH arrived AS (
    SELECT stage, touchpoint, who, min(ts) AS ts FROM here
    WHERE NOT passive AND ts + $followed_us <= getvariable('observed_us') GROUP BY ALL)
SELECT '' AS name, f.stage, f.touchpoint, f.who, (count(a.ts) = 0)::INT AS x
FROM arrived AS f LEFT JOIN (FROM staged WHERE NOT passive) AS a
    ON f.who = a.who AND a.ts > f.ts AND a.ts <= f.ts + $followed_us
        AND (a.stage <> f.stage OR a.ts >= f.ts + getvariable('day_us'))
GROUP BY ALL
"""

_WRITING = """
SELECT '' AS name, stage, touchpoint, who, count(*) AS x
FROM here JOIN (SELECT DISTINCT seq FROM wrote) AS w USING (seq) WHERE touchpoint = 'all'
GROUP BY ALL
"""

_SAID = """
SELECT name, stage, touchpoint, who, count(*) AS x
FROM here JOIN said USING (seq)
WHERE touchpoint = 'all' AND CASE $sounding WHEN 'badly' THEN mood <= -0.05
    WHEN 'well' THEN mood >= 0.05 ELSE theme END
GROUP BY ALL
"""

_DID = """
SELECT kind AS name, stage, touchpoint, who, count(*) AS x
FROM here WHERE touchpoint = 'all' AND list_contains($kinds, kind) = $among GROUP BY ALL
"""

_QUERIES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "anywhere": (_ANYWHERE, {}),
    "volume": (_VOLUME, {}),
    "sentiment": (_SENTIMENT, {}),
    "satisfaction": (_ANSWERS, {"low": False, "instruments": ["csat"]}),
    "effort": (_ANSWERS, {"low": True, "instruments": ["ces_effort", "ces_ease"]}),
    "drop_off": (_DROP_OFF, {"followed_us": FOLLOWED_DAYS * 86_400_000_000}),
    "writing": (_WRITING, {}),
    "thinking": (_SAID, {"sounding": "any way"}),
    "felt badly": (_SAID, {"sounding": "badly"}),
    "felt well": (_SAID, {"sounding": "well"}),
    "doing": (_DID, {"kinds": sorted(PASSIVE), "among": False}),
    "struggled": (_DID, {"kinds": sorted(STRUGGLES), "among": True}),
    "enjoyed": (_DID, {"kinds": sorted(JOYS), "among": True}),
}

_ADDED = """
CREATE OR REPLACE TEMP TABLE added AS
SELECT name, stage, touchpoint, 'all' AS segment, who, x::DOUBLE AS x FROM each_one
UNION ALL
SELECT name, stage, touchpoint, coalesce(segment, getvariable('no_group')), who, x::DOUBLE
FROM each_one LEFT JOIN (FROM groups WHERE period = 0) AS g USING (who)
WHERE getvariable('grouped')
"""

_CELLS = """
SELECT name, stage, touchpoint, segment, count(*) FROM added GROUP BY ALL
ORDER BY name, stage, touchpoint, segment
"""
_ROWS = "SELECT who, x FROM added ORDER BY name, stage, touchpoint, segment, who"


def open_period(table: JourneyTable, since: int, until: int) -> None:
    """Choose the steps of [since, until), in µs, as what is asked next."""
    table.sql.execute(_HERE, {"since": since, "until": until})


def samples(table: JourneyTable, of: str) -> dict[str, dict[Place, Sample]]:
    """Give what people add to a figure, by what it is about and by cell.

    `of` is a key of the queries above. Figures that are about the cell alone have the name "".
    """
    query, params = _QUERIES[of]
    table.sql.execute("CREATE OR REPLACE TEMP TABLE each_one AS " + query, dict(params))
    table.sql.execute(_ADDED)
    cells = table.rows(_CELLS)
    rows: dict[str, Any] = table.sql.execute(_ROWS).fetchnumpy()
    found: dict[str, dict[Place, Sample]] = {}
    start = 0
    for name, stage, touchpoint, segment, size in cells:
        part = slice(start, start + size)
        sample = Sample(rows["who"][part].astype(np.int64), rows["x"][part].astype(np.float64))
        found.setdefault(str(name), {})[Place(stage, touchpoint, segment)] = sample
        start += size
    return found
