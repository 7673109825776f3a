"""The events of a home, each at its stage and touchpoint of the journey, to be asked in SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from features.history import Histories
from features.text.narratives import permitted_events, text_rows
from features.text.tagging import Rules, tag, themes_of
from governance.proof import AggregatePermit, Permit
from outcomes.journey.stages import FOLLOWING, FOLLOWING_DAYS, PASSIVE, Stage, touchpoint_of
from outcomes.measures.definition import Terms
from outcomes.measures.events import WITHOUT_PROPERTIES, EventTable

_DAY_US = 86_400_000_000
_TOLD_LAYERS = ("emotion", "outcome")

_TEXTS = """
CREATE TABLE wrote (seq BIGINT);
CREATE TABLE said (seq BIGINT, name VARCHAR, theme BOOLEAN)
"""
_KEEP = {
    "wrote": "INSERT INTO wrote SELECT seq FROM incoming",
    "said": "INSERT INTO said SELECT seq, name, theme FROM incoming",
}

_STAGES = """
CREATE OR REPLACE TABLE stages (kind VARCHAR, stage VARCHAR, touchpoint VARCHAR, passive BOOLEAN)
"""

_STAGED = """
CREATE OR REPLACE TABLE staged AS
WITH placed AS (
    SELECT e.rowid AS seq, e.who, e.ts, e.kind, e.mood,
        CASE WHEN (e.properties ->> 'stage') IN (SELECT stage FROM stages)
            THEN (e.properties ->> 'stage') ELSE s.stage END AS stage,
        nullif(lower(trim(e.properties ->> 'channel')), '') AS channel,
        coalesce(s.touchpoint, replace(e.kind, '_', ' ')) AS usual,
        coalesce(s.passive, false) AS passive, list_contains($following, e.kind) AS follows
    FROM events AS e LEFT JOIN stages AS s USING (kind)
    WHERE e.subject <> 'company' AND NOT (starts_with(e.kind, 'intervention_')
        OR starts_with(e.kind, 'rights_') OR e.kind = 'consent_changed')),
steps AS (SELECT * FROM placed WHERE stage IS NOT NULL AND NOT follows),
told AS (
    SELECT p.* REPLACE (coalesce(p.stage,
        CASE WHEN p.ts - s.ts <= $following_us THEN s.stage END,
        CASE WHEN p.ts - v.ts <= $following_us THEN v.stage END) AS stage)
    FROM (FROM placed WHERE follows) AS p
    ASOF LEFT JOIN (FROM steps WHERE stage <> $first) AS s ON p.who = s.who AND p.ts >= s.ts
    ASOF LEFT JOIN (FROM steps WHERE stage = $first) AS v ON p.who = v.who AND p.ts >= v.ts)
SELECT seq, who, ts, kind, mood, stage, coalesce(channel, usual) AS touchpoint, passive
FROM (FROM steps UNION ALL FROM told) WHERE stage IS NOT NULL
"""


class JourneyTable(EventTable):
    """An `EventTable` that knows where each event belongs and what its text is about.

    Texts are read for their themes, which are counted over groups; emotion and outcome are read
    only of those whom `wellbeing` covers. An answer or a review belongs to the stage its writer was
    in within 30 days before (the first stage, a visit, only where there was no other), unless it
    states a `stage`; what belongs nowhere is left out.
    """

    def __init__(
        self,
        permit: AggregatePermit,
        rules: Rules,
        stages: Sequence[Stage],
        *,
        as_of: datetime | None = None,
        wellbeing: Permit | None = None,
        mood_since: int = 0,
        key: bytes = b"",
    ) -> None:
        super().__init__(
            permit,
            Terms(),
            as_of=as_of,
            wellbeing=wellbeing,
            mood_since=mood_since,
            full=WITHOUT_PROPERTIES,  # any kind may state its channel
            key=key,
        )
        self.rules, self.stages = rules, tuple(stages)
        self.sql.execute(_TEXTS)

    def add(self, histories: Histories) -> None:
        """Load the events of some histories that are visible, and what their texts are about."""
        ((first,),) = self.rows("SELECT count(*) FROM events")
        super().add(histories)
        if histories.subject == "company":
            return
        rows = np.flatnonzero(histories.visible(self._as_of))
        place = np.full(len(histories.occurred_at), -1, np.int64)
        place[rows] = first + np.arange(len(rows))
        texts = [
            (row, text)
            for row, text in text_rows(histories, self.permit.judged_at)
            if place[row] >= 0
        ]
        self._insert("wrote", {"seq": [int(place[row]) for row, _ in texts]})
        said = self._said(histories, [(int(place[row]), row, text) for row, text in texts])
        seq, names, themes = zip(*said, strict=True) if said else ((), (), ())
        self._insert("said", {"seq": seq, "name": names, "theme": themes})

    def place(self) -> None:
        """Put every event where it belongs; to be called once all histories are there."""
        self._prepare()
        self.sql.execute(_STAGES)
        for stage in self.stages:
            for kind in stage.kinds:
                row = [kind, stage.name, touchpoint_of(kind), kind in PASSIVE]
                self.sql.execute("INSERT INTO stages VALUES (?, ?, ?, ?)", row)
        known = {kind for stage in self.stages for kind in stage.kinds}
        for kind in sorted(FOLLOWING - known):
            row = [kind, None, touchpoint_of(kind), False]
            self.sql.execute("INSERT INTO stages VALUES (?, ?, ?, ?)", row)
        params = {
            "following": sorted(FOLLOWING - known),
            "following_us": FOLLOWING_DAYS * _DAY_US,
            "first": self.stages[0].name,
        }
        self.sql.execute(_STAGED, params)

    def keys_of(self, who: Any) -> Any:
        """Give the hashes (n,) by which these people are told apart in figures."""
        return np.concatenate(self._keys)[who]

    def _insert(self, name: str, columns: Mapping[str, Sequence[object]]) -> None:
        if not len(columns["seq"]):
            return
        self.sql.register("incoming", pa.table({k: pa.array(v) for k, v in columns.items()}))
        self.sql.execute(_KEEP[name])
        self.sql.unregister("incoming")

    def _said(
        self, histories: Histories, texts: Sequence[tuple[int, int, str]]
    ) -> list[tuple[int, str, bool]]:
        """Give (place of the event, what is said, whether it is a theme) of each text."""
        readable = None if self._wellbeing is None else permitted_events(histories, self._wellbeing)
        found = []
        for seq, row, text in texts:
            themes = themes_of(text, self.rules)
            found += [(seq, theme, True) for theme in themes]
            if readable is None or not readable[row]:
                continue
            read = tag(text, self.rules, kind=histories.kinds[histories.kind[row]])
            told = {name for layer in _TOLD_LAYERS for name in read.tags(layer)}
            found += [(seq, name, False) for name in sorted(told - set(themes))]
        return found
