"""The visible events of everyone, as one in-process table to be asked in SQL.

Ids do not come along: a person is a number here. Texts do not either: what is kept of a text is how
it sounds, and only where its writer permits `wellbeing_inference`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import numpy as np
import pyarrow as pa

from features.history import Histories
from features.surveys import INSTRUMENTS
from features.text.narratives import permitted_events
from features.text.sentiment import LANGUAGES, sentiment
from governance.disclosure.published import Trace, person_keys, traces_of
from governance.instants import from_micros, to_micros
from governance.proof import AggregatePermit, Permit
from outcomes.measures.definition import Period, Terms
from outcomes.measures.per_period import PER_PERIOD
from outcomes.measures.prepare import EVENTS, PREPARED
from outcomes.measures.segments import BY_ATTRIBUTE, BY_KIND, NO_GROUPS

PURPOSE = "aggregate"
WITHOUT_PROPERTIES = frozenset({"order", "return", "payment"})
"""Kinds whose properties (baskets, invoice lines) no measure of the catalogue reads."""

_CELLS = "SELECT DISTINCT segment, period FROM added ORDER BY ALL"
_ADDED = """
SELECT cell, who, coalesce(x::DOUBLE, 'nan') AS x, coalesce(y::DOUBLE, 'nan') AS y
FROM added JOIN (SELECT segment, period, row_number() OVER (ORDER BY segment, period) - 1 AS cell
    FROM (SELECT DISTINCT segment, period FROM added)) USING (segment, period)
"""


class EventTable:
    """Events that count at one instant of knowledge, loaded from histories part by part.

    `permit` must be for figures over groups; what was not known before `as_of` (the permit's own
    instant if not said) is left out. Sentiment is judged for whoever `wellbeing` covers, of texts
    since `mood_since` (µs); without it nothing is known about how texts sound. `full` names further
    kinds whose properties a company's own measures read. `key` makes the hashes by which figures
    are compared with those given before. Use as a context manager.
    """

    def __init__(
        self,
        permit: AggregatePermit,
        terms: Terms,
        *,
        as_of: datetime | None = None,
        wellbeing: Permit | None = None,
        mood_since: int = 0,
        full: frozenset[str] = frozenset(),
        key: bytes = b"",
    ) -> None:
        permit.require(PURPOSE)
        if wellbeing is not None:
            wellbeing.require("wellbeing_inference")
        terms.check()
        self.permit = permit
        self.terms = terms
        self._as_of = to_micros(min(as_of or permit.judged_at, permit.judged_at))
        self._wellbeing = wellbeing
        self._mood_since = mood_since
        self._bare = WITHOUT_PROPERTIES - full
        self._people = 0
        self._key = key
        self._keys = [person_keys((), key)]
        self.by: str | None = None
        self._prepared = False
        self._observed: int | None = None
        self._kinds: frozenset[str] = frozenset()
        self._currency: tuple[str | None, int] = (None, 0)
        from duckdb import connect  # slow to load, and most requests measure nothing

        self.sql = connect()
        self.sql.execute(EVENTS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sql.close()

    def add(self, histories: Histories) -> None:
        """Load the events of some histories that are visible; each person comes once."""
        rows = np.flatnonzero(histories.visible(self._as_of))
        owners = histories.customer_of_event[rows].astype(np.int32) + self._people
        if histories.subject == "company":
            owners = np.full(len(rows), -1, np.int32)
        else:
            self._keys.append(person_keys([str(each) for each in histories.customers], self._key))
        self._people += len(histories)
        kinds = pa.array(np.array(histories.kinds, np.object_), pa.string())
        properties = _strings(histories, "properties", rows)
        bare = [code for code, kind in enumerate(histories.kinds) if kind in self._bare]
        if bare:
            dropped = pa.array(np.isin(histories.kind[rows], bare))
            properties = pa.compute.if_else(dropped, pa.scalar(None, pa.string()), properties)
        value = histories.value[rows]
        incoming = pa.table(
            {
                "who": owners,
                "subject": pa.array([histories.subject] * len(rows), pa.string()),
                "kind": kinds.take(pa.array(histories.kind[rows])),
                "ts": histories.occurred_at[rows],
                "value": pa.array(value, mask=np.isnan(value)),
                "currency": _strings(histories, "currency", rows),
                "ref": _strings(histories, "event_id", rows),
                "properties": properties,
                "mood": self._moods(histories, rows, properties),
            }
        )
        self.sql.register("incoming", incoming)
        self.sql.execute("INSERT INTO events SELECT * FROM incoming")
        self.sql.unregister("incoming")
        self._prepared = False

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds there is at least one visible event of."""
        self._prepare()
        return self._kinds

    @property
    def attributes(self) -> frozenset[str]:
        """Attributes that people can be grouped by: properties of profiles and plan events."""
        found = self.rows(
            "SELECT DISTINCT unnest(json_keys(properties)) FROM events WHERE subject <> 'company' "
            "AND kind IN ('profile', 'plan_changed', 'renewed') AND properties IS NOT NULL"
        )
        return frozenset(name for (name,) in found if '"' not in name)

    @property
    def currency(self) -> tuple[str | None, int]:
        """The currency of most orders, and how many events of the table are in another.

        Those others are left out of every figure in money.
        """
        self._prepare()
        return self._currency

    @property
    def observed_until(self) -> datetime | None:
        """Instant of the latest event of the world; None for an empty table."""
        self._prepare()
        return None if self._observed is None else from_micros(self._observed)

    @property
    def observed_since(self) -> datetime | None:
        """Instant of the first event; None for an empty table."""
        ((first,),) = self.rows("SELECT min(ts) FROM events")
        return None if first is None else from_micros(first)

    def set_periods(self, periods: Sequence[Period], *, by: str | None = None) -> None:
        """Work out who was active, how they answered and which group they were in, per period.

        `by` is the name of an attribute (of profile, plan_changed or renewed events; the value
        known at the period's start, else the first one in it) or `kind:NAME` (had such an event in
        the year before the start).
        """
        for period in periods:
            period.check()
        self._prepare()
        self.by = by
        self._set("grouped", by is not None)
        self.sql.execute("CREATE OR REPLACE TABLE periods (period INTEGER, since BIGINT, until "
                         "BIGINT)")  # fmt: skip
        for k, period in enumerate(periods):
            bounds = [k, to_micros(period.start), to_micros(period.end)]
            self.sql.execute("INSERT INTO periods VALUES (?, ?, ?)", bounds)
        for statement in PER_PERIOD:
            self.sql.execute(statement)
        kind = by.removeprefix("kind:") if by is not None and by.startswith("kind:") else None
        self._set("no_group", "(none)" if kind is None else f"no {kind}")
        if by is None:
            self.sql.execute(NO_GROUPS)
        elif kind is not None:
            self.sql.execute(BY_KIND, {"kind": kind})
        else:
            self.sql.execute(BY_ATTRIBUTE, {"path": f'$."{by}"'})

    def rows(self, query: str, params: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Ask in SQL."""
        found: list[tuple[Any, ...]] = self.sql.execute(query, params or {}).fetchall()
        return found

    def traces(
        self, query: str, params: Mapping[str, object] | None = None
    ) -> dict[tuple[str, int], Trace]:
        """Give the trace of each (segment, period) of a query for segment, period, who, x, y.

        `x` and `y` are what a person adds to the figure of that segment and period.
        """
        self.sql.execute("CREATE OR REPLACE TEMP TABLE added AS " + query, params or {})
        cells = [(str(name), int(k)) for name, k in self.rows(_CELLS)]
        rows = self.sql.execute(_ADDED).fetchnumpy()
        keys = np.concatenate(self._keys)[rows["who"]]
        return dict(
            zip(cells, traces_of(rows["cell"], len(cells), keys, rows["x"], rows["y"]), strict=True)
        )

    def _prepare(self) -> None:
        if self._prepared:
            return
        terms = self.terms
        self._set("day_us", 86_400_000_000)
        self._set("window_us", terms.active_window_days * 86_400_000_000)
        self._set("horizon_us", terms.horizon_days * 86_400_000_000)
        self._set("lift_us", terms.lift_horizon_days * 86_400_000_000)
        self._set("margin_share", terms.margin_share)
        self._set("discount_rate", terms.discount_rate)
        self.sql.execute("CREATE OR REPLACE TABLE instruments (instrument VARCHAR, low DOUBLE, "
                         "high DOUBLE, polarity VARCHAR)")  # fmt: skip
        for name, (low, high, polarity, _) in INSTRUMENTS.items():
            self.sql.execute("INSERT INTO instruments VALUES (?, ?, ?, ?)",
                             [name, low, high, polarity])  # fmt: skip
        ((self._observed,),) = self.rows(
            "SELECT max(ts) FROM events WHERE NOT (starts_with(kind, 'intervention_') OR "
            "starts_with(kind, 'rights_') OR kind = 'consent_changed')"
        )
        self._set("observed_us", self._observed or 0)
        ((currency,),) = self.rows(
            "SELECT mode(currency) FROM events WHERE currency IS NOT NULL "
            "AND kind IN ('order', 'payment', 'spend', 'plan_changed')"
        )
        self._set("currency", currency)
        ((others,),) = self.rows(
            "SELECT count(*) FROM events WHERE value IS NOT NULL AND currency <> "
            "getvariable('currency')"
        )
        self._currency = (currency, int(others))
        self._kinds = frozenset(k for (k,) in self.rows("SELECT DISTINCT kind FROM events"))
        for statement in PREPARED:
            self.sql.execute(statement)
        self._prepared = True

    def _set(self, name: str, value: object) -> None:
        self.sql.execute(f"SET VARIABLE {name} = $value", {"value": value})

    def _moods(self, histories: Histories, rows: Any, properties: Any) -> Any:
        """How each text sounds, −1 to 1; nothing without permission or in a language unknown."""
        moods = np.full(len(rows), np.nan)
        if self._wellbeing is not None and "text" in histories.strings:
            allowed = permitted_events(histories, self._wellbeing)
            asked = np.flatnonzero(
                allowed[rows] & (histories.occurred_at[rows] >= self._mood_since)
            )
            texts = histories.pick("text", rows[asked])
            readable = [_readable(p) for p in properties.take(pa.array(asked)).to_pylist()]
            known = [text if ok else None for text, ok in zip(texts, readable, strict=True)]
            moods[asked] = [np.nan if m is None else m for m in sentiment(known)]
        return pa.array(moods, mask=np.isnan(moods))


def _readable(properties: str | None) -> bool:
    """Whether a text's stated language is one the word list knows; unstated counts as known."""
    if not properties or '"language"' not in properties:
        return True
    stated = json.loads(properties).get("language")
    return stated is None or str(stated).split("-")[0].lower() in LANGUAGES


def _strings(histories: Histories, column: str, rows: Any) -> Any:
    """One column of strings at these rows, as Arrow."""
    found = histories.strings.get(column)
    if found is None:
        return pa.nulls(len(rows), pa.string())
    if isinstance(found, list):
        return pa.array([found[row] for row in rows], pa.string())
    taken = found.take(pa.array(rows)).cast(pa.string())
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
