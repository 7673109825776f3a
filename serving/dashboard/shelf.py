"""Where the figures of the last look are kept and read; nothing is worked out on the way.

A figure is a row with its words and the cells of everyone, and one row for the cells of each
segment: a page reads no more than it shows.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from governance.errors import NotFound
from governance.pseudonym import slices
from serving.dashboard.figure import LAYERS, Cell, Column, Figure, Layer
from serving.tables import dashboard_figures

DUE = timedelta(days=1)
_TAKE = "take one with: keepwell outcomes dashboard"
_PART = "#"


def read_layer(conn: Connection, layer: Layer, *, segment: str | None = None) -> tuple[Figure, ...]:
    """Give the figures of a layer as the last look found them, in their order; none before one.

    With a `segment` only its cells and everyone's are read.
    """
    rows = conn.execute(_LAYER, {"asked": layer}).all()
    placed = sorted(((json.loads(row.document), row) for row in rows), key=lambda p: p[0]["place"])
    return _whole(conn, placed, segment)


def read_figure(conn: Connection, name: str, *, segment: str | None = None) -> Figure:
    """Give one figure as the last look found it; raises `NotFound` where there is none."""
    row = conn.execute(_FIGURE, {"asked": name}).first()
    if row is None or _PART in name:
        raise NotFound("the dashboard has no such figure", hint=_TAKE)
    return _whole(conn, [(json.loads(row.document), row)], segment)[0]


def taken_at(conn: Connection) -> datetime | None:
    """Say when the last look was taken; None before the first."""
    found: datetime | None = conn.execute(_TAKEN).scalar_one()
    return found


def is_due(conn: Connection, *, now: datetime) -> bool:
    """Say whether the last look is missing, or a day old."""
    last = taken_at(conn)
    return last is None or now - last >= DUE


def keep(conn: Connection, figures: Iterable[Figure], *, now: datetime) -> int:
    """Put a look's figures in the place of those of the look before; says how many there are.

    A figure that says when it was taken is of an earlier look, and keeps that time.
    """
    rows: list[dict[str, object]] = []
    kept = 0
    for place, figure in enumerate(figures):
        kept += 1
        at = figure.taken_at or now
        cells: dict[str, list[Cell]] = defaultdict(list)
        for cell in figure.cells:
            cells[cell.segment].append(_finite(cell))
        groups = tuple(sorted(cells.keys() - {""}))
        body = figure._replace(cells=tuple(cells[""]), groups=groups)._asdict()
        for name in ("name", "layer", "taken_at"):
            del body[name]
        rows.append(_row(figure, figure.name, {"place": place, **body}, at))
        for k, group in enumerate(groups):
            rows.append(_row(figure, _part(figure.name, k), cells[group], at))
    conn.execute(delete(dashboard_figures).where(_OURS))
    if rows:
        conn.execute(insert(dashboard_figures), rows)
    return kept


def _row(figure: Figure, name: str, document: object, at: datetime) -> dict[str, object]:
    """Write some JSON; cells are rows without names, which is half as long."""
    said = json.dumps(document, allow_nan=False, separators=(",", ":"))
    layer = figure.layer if name == figure.name else _PART
    return {"name": name, "layer": layer, "taken_at": at, "document": said}


def _finite(cell: Cell) -> Cell:
    """Leave out numbers that are none: a bound that is infinite says nothing."""
    value, low, high = (
        each if each is not None and isfinite(each) else None
        for each in (cell.value, cell.low, cell.high)
    )
    note = cell.note if value is not None or cell.value is None else "cannot say"
    return cell._replace(value=value, low=low, high=high, note=note)


def _part(name: str, k: int) -> str:
    return f"{name}{_PART}{k}"


def _whole(
    conn: Connection, placed: Sequence[tuple[dict[str, Any], Row[Any]]], segment: str | None
) -> tuple[Figure, ...]:
    """Put together what is kept in several rows; of all segments where none is named."""
    wanted = {
        row.name: [
            _part(row.name, k)
            for k, group in enumerate(body.get("groups", ()))
            if segment is None or group == segment
        ]
        for body, row in placed
    }
    names = [name for parts in wanted.values() for name in parts]
    cells: dict[str, list[Any]] = {}
    for some in slices(names):
        rows = conn.execute(_PARTS, {"asked": some})
        cells |= {name: json.loads(document) for name, document in rows}
    found = []
    for body, row in placed:
        own = [*body["cells"], *(cell for part in wanted[row.name] for cell in cells[part])]
        told = {key: value for key, value in body.items() if key != "place"} | {
            "columns": tuple(Column(*each) for each in body["columns"]),
            "cells": tuple(Cell._make(each) for each in own),
            "groups": tuple(body.get("groups", ())),
        }
        found.append(Figure(name=row.name, layer=row.layer, taken_at=row.taken_at, **told))
    return tuple(found)


_OURS = dashboard_figures.c.layer.in_((*LAYERS, _PART))  # see kept_results for what else is there
_COLUMNS = select(dashboard_figures).where(_OURS)
_LAYER = _COLUMNS.where(dashboard_figures.c.layer == bindparam("asked"))
_FIGURE = _COLUMNS.where(dashboard_figures.c.name == bindparam("asked"))
_PARTS = select(dashboard_figures.c.name, dashboard_figures.c.document).where(
    dashboard_figures.c.name.in_(bindparam("asked", expanding=True))
)
_TAKEN = select(func.max(dashboard_figures.c.taken_at)).where(_OURS)
