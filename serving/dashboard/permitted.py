"""The figure of what people permit, purpose by purpose, and how that changed from look to look."""

from collections.abc import Sequence
from datetime import datetime

from outcomes.measures.periods import DEFAULT_COUNT, floor, label, step
from serving.bootstrap import Keepwell
from serving.dashboard.figure import EVERY, FEW, Cell, Column, Figure
from serving.permission.coverage import Coverage, PurposeCoverage

NAME = "permission_coverage"
_COLUMNS = (
    Column("period", "Period"),
    Column("row", "Purpose"),
    Column("value", "Share who permit it"),
    Column("people", "People who permit it"),
)


def permitted(
    keepwell: Keepwell, coverage: Coverage, before: Sequence[Cell], *, now: datetime
) -> Figure:
    """Put what people permit now beside what earlier looks found, `before`.

    Of each week, month and quarter the last look counts; there is nothing of times before the
    first. Everybody is counted, so a share has no interval.
    """
    cells = []
    for every in EVERY:
        zone = keepwell.settings.zone
        begun = floor(now, every, zone)
        oldest = f"{step(begun, every, -DEFAULT_COUNT[every]):%Y-%m-%d}"
        place = Cell(
            every=every,
            period=label(begun, every),
            start=f"{begun:%Y-%m-%d}",
            end=f"{step(begun, every):%Y-%m-%d}",
        )
        cells += [c for c in before if c.every == every and oldest <= c.start < place.start]
        cells += [_cell(place, coverage, each) for each in coverage.purposes]
    return Figure(
        name=NAME,
        layer="operational",
        title="What people permit",
        unit="share",
        shape="trend",
        about="people who permit a purpose ÷ people this home knows, at the last look of the "
        "period; everybody is counted, so there is no interval",
        columns=_COLUMNS,
        cells=tuple(cells),
        goal="",
    )


def _cell(place: Cell, coverage: Coverage, found: PurposeCoverage) -> Cell:
    own = place._replace(row=found.purpose)
    if found.permitted is None or not coverage.people:
        return own._replace(note=FEW, hidden=True)
    share = min(1.0, found.permitted / coverage.people)
    return own._replace(value=share, people=found.permitted)
