"""Where the figures of the last look are kept and read; nothing is worked out on the way."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from governance.errors import NotFound
from serving.dashboard.figure import LAYERS, Cell, Column, Figure, Layer
from serving.tables import dashboard_figures

_TAKE = "take one with: keepwell outcomes dashboard"


def read_layer(conn: Connection, layer: Layer) -> tuple[Figure, ...]:
    """Give the figures of a layer as the last look found them, in their order; none before one."""
    rows = conn.execute(_LAYER, {"asked": layer}).all()
    return tuple(figure for _, figure in sorted(map(_placed, rows), key=lambda each: each[0]))


def read_figure(conn: Connection, name: str) -> Figure:
    """Give one figure as the last look found it; raises `NotFound` where there is none."""
    row = conn.execute(_FIGURE, {"asked": name}).first()
    if row is None:
        raise NotFound("the dashboard has no such figure", hint=_TAKE)
    return _placed(row)[1]


def taken_at(conn: Connection) -> datetime | None:
    """Say when the last look was taken; None before the first."""
    found: datetime | None = conn.execute(_TAKEN).scalar_one()
    return found


def keep(conn: Connection, figures: Iterable[Figure], *, now: datetime) -> int:
    """Put a look's figures in the place of those of the look before; says how many there are."""
    rows = [
        {
            "name": figure.name,
            "layer": figure.layer,
            "taken_at": now,
            "document": _document(place, figure),
        }
        for place, figure in enumerate(figures)
    ]
    conn.execute(delete(dashboard_figures).where(_OURS))
    if rows:
        conn.execute(insert(dashboard_figures), rows)
    return len(rows)


def _document(place: int, figure: Figure) -> str:
    """Write a figure as JSON, its cells as rows without names, which is half as long."""
    body = figure._asdict()
    for name in ("name", "layer", "taken_at"):
        del body[name]
    return json.dumps({"place": place, **body}, allow_nan=False, separators=(",", ":"))


def _placed(row: Row[Any]) -> tuple[int, Figure]:
    body = json.loads(row.document)
    place: int = body.pop("place")
    columns = tuple(Column(*each) for each in body.pop("columns"))
    cells = tuple(Cell._make(each) for each in body.pop("cells"))
    told = Figure(
        name=row.name,
        layer=row.layer,
        taken_at=row.taken_at,
        columns=columns,
        cells=cells,
        **body,
    )
    return place, told


_OURS = dashboard_figures.c.layer.in_(LAYERS)  # other kept results lie in the same table
_COLUMNS = select(dashboard_figures).where(_OURS)
_LAYER = _COLUMNS.where(dashboard_figures.c.layer == bindparam("asked"))
_FIGURE = _COLUMNS.where(dashboard_figures.c.name == bindparam("asked"))
_TAKEN = select(func.max(dashboard_figures.c.taken_at)).where(_OURS)
