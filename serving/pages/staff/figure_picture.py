"""The picture of a figure: the drawing that its shape asks for, filled with what is shown."""

from collections.abc import Sequence

from serving.dashboard.figure import Cell, Figure
from serving.pages.pictures.bars import Bar, bars_picture, histogram_picture, spreads_picture
from serving.pages.pictures.calibration import Bin, calibration_picture
from serving.pages.pictures.curves import Curve, Step, curves_picture
from serving.pages.pictures.labels import MOST_LINES
from serving.pages.pictures.ranges import Range, ranges_picture
from serving.pages.pictures.trend import Mark, TrendPoint, lines_picture
from serving.pages.staff.figure_view import View
from serving.pages.staff.figure_words import axis, interval, named, period, place, said, when

NARROW, WIDE = 380, 780
_LOW, _HIGH = 180, 280
MOST_BARS = 12
WHOLE = "overall"
"""The row that puts the others together, and is drawn first."""
_AROUND_NOTHING = frozenset({"points", "money", "ratio", "count"})


def has_picture(figure: Figure, cells: Sequence[Cell]) -> bool:
    """Whether there is anything to draw: a single number is better written."""
    told = [cell for cell in cells if cell.value is not None]
    if figure.shape == "headline":
        return len(told) > 1 and any(cell.low is not None for cell in told)
    if figure.shape == "histogram":
        return any(cell.value for cell in told)
    return bool(told)


def drawn(
    figure: Figure, view: View, marks: Sequence[tuple[str, int]] = (), *, wide: bool = False
) -> bytes:
    """Draw what is shown of a figure as SVG; `marks` are days of notes with their numbers."""
    cells = view.cells(figure)
    width, height = (WIDE, _HIGH) if wide else (NARROW, _LOW)
    if as_bars(figure, cells):
        told = [
            Bar(_row(cell), cell.value, cell.low, cell.high, said(cell.value, figure))
            for cell in pictured(figure, cells)
        ]
        return bars_picture(told, width=width)
    match figure.shape:
        case "trend":
            placed_marks = placed(marks, cells)
            return lines_picture(
                _lines(cells), placed_marks, width=width, height=height, write=axis(figure, cells)
            )
        case "histogram":
            spreads = {
                named(row): _bars(figure, cells, row)
                for row in dict.fromkeys(cell.row for cell in cells)
            }
            if len(spreads) > 1:
                return spreads_picture(spreads, width=width)
            (only,) = spreads.values()
            return histogram_picture(only, width=width, height=height, write=axis(figure, cells))
        case "survival":
            return curves_picture(
                _curves(cells), unit="days since they came", width=width, height=height + 30
            )
        case "calibration":
            return calibration_picture(_bins(cells), width=width, height=height + 30)
    ranges = [
        Range(_row(cell), cell.value, cell.low, cell.high, said(cell.value, figure))
        for cell in cells
    ]
    nothing = 0.0 if figure.unit in _AROUND_NOTHING else None
    return ranges_picture(ranges, nothing=nothing, width=width, write=axis(figure, cells))


def as_bars(figure: Figure, cells: Sequence[Cell]) -> bool:
    """Whether the last period is drawn as lying bars: of kinds, many lines, or a single period."""
    if figure.shape != "trend":
        return figure.shape == "bars"
    rows = {cell.row for cell in cells if cell.value is not None}
    times = {cell.start for cell in cells if cell.value is not None}
    return len(rows) > 1 and (len(rows) > MOST_LINES or len(times) < 2)


def pictured(figure: Figure, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Give the cells that the picture shows: of bars with periods those of the last one told."""
    told = [cell.start for cell in cells if cell.value is not None]
    if not told or not as_bars(figure, cells):
        return cells
    last = max(told)
    there = tuple(cell for cell in cells if cell.start == last)
    if last:
        there = tuple(sorted(there, key=lambda c: -(c.value or 0)))
    return there[:MOST_BARS]


def alternative(figure: Figure, cells: tuple[Cell, ...], about: str) -> str:
    """Say in words what the picture shows."""
    bars = as_bars(figure, cells)
    cells = pictured(figure, cells)
    told = [cell for cell in cells if cell.value is not None]
    if not told:
        return f"{figure.title}: nothing to show."
    missing = len(cells) - len(told)
    gaps = f" {missing} not shown." if missing else ""
    if figure.shape in ("trend", "survival") and not bars:
        lines = []
        for row in dict.fromkeys(cell.row for cell in told):
            line = [cell for cell in told if cell.row == row]
            name = f"{named(row)}: " if row else ""
            lines.append(
                f"{name}{said(line[0].value, figure)} {_when(figure, line[0])}, "
                f"{said(line[-1].value, figure)} {_when(figure, line[-1])}"
            )
        return f"{figure.title}{about}. {'; '.join(lines)}.{gaps}"
    values = "; ".join(f"{_name(cell, figure)} {_ranged(cell, figure)}".strip() for cell in told)
    return f"{figure.title}{about}. {values}.{gaps}"


def placed(marks: Sequence[tuple[str, int]], cells: Sequence[Cell]) -> list[Mark]:
    """Find the period in which each note's day lies; those outside are left out."""
    spans = sorted({(cell.start[:10], cell.end[:10]) for cell in cells if cell.start})
    return [
        Mark(place, number)
        for day, number in marks
        for place, (start, end) in enumerate(spans)
        if start <= day < end
    ]


def _lines(cells: Sequence[Cell]) -> dict[str, list[TrendPoint]]:
    spans = {cell.start: period(cell) for cell in sorted(cells, key=lambda cell: cell.start)}
    lines = {}
    for row in drawn_rows(cells):
        there = {cell.start: cell for cell in cells if cell.row == row}
        lines[named(row)] = [
            TrendPoint(label, *_values(there[start])) if start in there else TrendPoint(label, None)
            for start, label in spans.items()
        ]
    return lines


def _bars(figure: Figure, cells: Sequence[Cell], row: str) -> list[Bar]:
    return [Bar(_span(c, figure), c.value, c.low, c.high) for c in cells if c.row == row]


def _bins(cells: Sequence[Cell]) -> dict[str, list[Bin]]:
    models: dict[str, list[Bin]] = {}
    for cell in cells:
        models.setdefault(named(cell.row), []).append(
            Bin(cell.x or 0.0, cell.value, cell.low, cell.high)
        )
    return models


def _curves(cells: Sequence[Cell]) -> list[Curve]:
    here = Step(0.0, 1.0, 1.0, 1.0)
    return [
        Curve(named(row), (here, *(Step(c.x or 0.0, *_values(c)) for c in cells if c.row == row)))
        for row in drawn_rows(cells)
    ]


def drawn_rows(cells: Sequence[Cell]) -> list[str]:
    """Give the rows that are drawn; of more than a picture can tell apart some, evenly."""
    rows = list(dict.fromkeys(cell.row for cell in cells if cell.value is not None))
    if len(rows) <= MOST_LINES:
        return sorted(rows, key=lambda row: row != WHOLE)
    last = len(rows) - 1
    return [rows[round(k * last / (MOST_LINES - 1))] for k in range(MOST_LINES)]


def _values(cell: Cell) -> tuple[float | None, float | None, float | None]:
    return cell.value, cell.low, cell.high


def _span(cell: Cell, figure: Figure) -> str:
    """Name the range of a standing bar by where it begins."""
    return cell.row if cell.x is None else place(cell.x, figure)


def _row(cell: Cell) -> str:
    return named(cell.row) or cell.period


def _name(cell: Cell, figure: Figure) -> str:
    if cell.x is None:
        return _row(cell)
    return f"{named(cell.row)} {'' if cell.x_to is None else 'from '}{_span(cell, figure)}:".strip()


def _when(figure: Figure, cell: Cell) -> str:
    return f"after {cell.x:g} days" if figure.shape == "survival" else when(cell)


def _ranged(cell: Cell, figure: Figure) -> str:
    ends = interval(cell, figure)
    return f"{said(cell.value, figure)} ({ends})" if ends else said(cell.value, figure)
