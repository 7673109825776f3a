"""The journey maps of the last look: drawn beforehand, kept as JSON, read one at a time.

A map takes seconds to draw from the histories, and a page has a tenth of one. Kept are figures over
people alone; what people wrote is kept nowhere (see `serving.journey_words`).
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from governance.errors import NotFound
from governance.instants import parse_instant
from governance.intervals import Interval, from_json
from outcomes.journey.map import Journey, JourneyCell, Look, Told
from outcomes.journey.worst import Difference, Worst
from outcomes.measures.definition import ALL, Period
from serving.journey import journey_json
from serving.tables import dashboard_figures

_ZONE = UTC
LAYER = "journey"
YEAR = "year"
_INDEX = "journey#"
_TAKE = "draw it with: keepwell outcomes dashboard"


class Drawn(NamedTuple):
    """Which maps there are: periods by their key with a label each, and segments (`plan=basic`)."""

    taken_at: datetime
    periods: dict[str, str]
    segments: tuple[str, ...]


def keep_journeys(conn: Connection, journeys: Sequence[Journey], *, now: datetime) -> None:
    """Put a look's maps in the place of those of the look before, which stay if there are none."""
    if not journeys:
        return
    conn.execute(delete(dashboard_figures).where(dashboard_figures.c.layer == LAYER))
    index = {
        "periods": {_key(each.period): each.period.label for each in journeys},
        "segments": list(
            dict.fromkeys(
                f"{each.by}={group}"
                for each in journeys
                if each.by is not None
                for group in each.segments
                if group != ALL
            )
        ),
    }
    rows = [_row(_INDEX, index, now)]
    rows += [_row(_name(_key(each.period), each.by), journey_json(each), now) for each in journeys]
    conn.execute(insert(dashboard_figures), rows)


def drawn_journeys(conn: Connection) -> Drawn:
    """Say which maps there are; raises `NotFound` before the first look."""
    body, taken_at = _read(conn, _INDEX)
    return Drawn(taken_at, body["periods"], tuple(body["segments"]))


def read_journey(conn: Connection, period: str, by: str | None = None) -> Journey:
    """Give one map as the last look drew it; raises `NotFound` where there is none."""
    body, _ = _read(conn, _name(period, by))
    label = "" if period == YEAR else period
    start, end = (parse_instant(body[name], _ZONE) for name in ("start", "end"))
    return Journey(
        Period(start, end, label or f"{start:%Y-%m-%d} to {end:%Y-%m-%d}"),
        tuple(body["stages"]),
        body["people"],
        body["by"],
        tuple(_cell(each) for each in body["cells"]),
        tuple(_worst(each) for each in body["worst"]),
    )


def _cell(body: dict[str, Any]) -> JourneyCell:
    told = {
        field: tuple(_told(each) for each in body[field])
        for field in ("pains", "gains", "thinking", "doing")
    }
    looks = {
        name: Look(from_json(look["value"]), look["people"], look["note"])
        for name, look in body["looks"].items()
    }
    return JourneyCell(**{**body, "share": from_json(body["share"]), "looks": looks, **told})


def _told(body: dict[str, Any]) -> Told:
    return Told(body["name"], body["people"], body["out_of"], _interval(body["share"]))


def _worst(body: dict[str, Any]) -> Worst:
    found = tuple(Difference(each["stage"], _interval(each)) for each in body["differences"])
    return Worst(body["lens"], body["stage"], body["why"], tuple(body["compared"]), found)


def _interval(body: dict[str, float]) -> Interval:
    return Interval(body["value"], body["low"], body["high"])


def _read(conn: Connection, name: str) -> tuple[dict[str, Any], datetime]:
    row = conn.execute(select(dashboard_figures).where(dashboard_figures.c.name == name)).first()
    if row is None or row.layer != LAYER:
        raise NotFound("there is no such journey map", hint=_TAKE)
    return json.loads(row.document), row.taken_at


def _row(name: str, body: object, now: datetime) -> dict[str, object]:
    text = json.dumps(body, allow_nan=False, separators=(",", ":"))
    return {"name": name, "layer": LAYER, "taken_at": now, "document": text}


def _key(period: Period) -> str:
    return YEAR if period.series else period.label


def _name(period: str, by: str | None) -> str:
    return f"{_INDEX}{period}#{by or ''}"
