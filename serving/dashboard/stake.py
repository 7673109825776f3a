"""The figures of what is at stake: margin at risk, and how much of it can be reached at all."""

from governance.errors import KeepwellError
from serving.bootstrap import Keepwell
from serving.crm.at_stake import AtStake
from serving.dashboard.desk import ALL, Added, Desk, Place
from serving.dashboard.figure import Cell, Column, Figure

_COLUMNS = (
    Column("row", "Of whom"),
    Column("value", "At risk"),
    Column("low", "If every chance were at its low"),
    Column("high", "at its high"),
    Column("people", "People"),
)
_EVERYONE, _REACHED, _OTHERS = "everyone", "can be contacted", "cannot be contacted"


def stake(keepwell: Keepwell, found: AtStake | KeepwellError, desk: Desk) -> Figure:
    """Add up what is at stake over everyone who permits scoring, and over who may be contacted.

    Its bounds are what would be at stake if every probability were at its low or its high.
    """
    empty = Figure(
        name="margin_at_risk",
        layer="executive",
        title="Margin at risk, and how much of it can be reached",
        unit="money",
        shape="bars",
        about="probability of leaving × margin of a year, added up over everyone who permits "
        "scoring; reached is whoever permits some channel now",
        columns=_COLUMNS,
        scale=keepwell.settings.currency,
        goal="down",
    )
    if isinstance(found, KeepwellError):
        return empty._replace(note=found.message)
    if not found.customers:
        return empty._replace(note="nobody with a score permits scoring now")
    cells = _cells(found, desk)
    return empty._replace(
        about=f"{empty.about}; it says how likely it is that someone {found.outcome}; "
        "its bounds add up the bounds of every chance, and are no interval of the sum: that is "
        "far narrower, unless all are wrong alike",
        cells=tuple(cells),
        note=f"margin: {found.assumption}",
    )


def _cells(found: AtStake, desk: Desk) -> list[Cell]:
    spans = found.spans
    groups = {
        ALL: [True] * len(found.customers),
        _REACHED: found.reachable.tolist(),
        _OTHERS: (~found.reachable).tolist(),
    }
    adds: dict[Place, Added] = {}
    sums: dict[Place, Cell] = {}
    for group, inside in groups.items():
        rows = [k for k, there in enumerate(inside) if there]
        if not rows:
            continue
        own = spans[rows]
        people = [found.customers[k] for k in rows]
        adds[group, 0] = Added(people, (own[:, 0].tolist(),))
        value, low, high = own.sum(axis=0).tolist()
        row = _EVERYONE if group == ALL else group
        sums[group, 0] = Cell(row=row, value=value, low=low, high=high, people=len(rows))
    return list(desk.tell("margin at risk", adds, lambda place: sums[place]).values())
