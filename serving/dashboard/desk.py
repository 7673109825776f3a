"""Where a look's figures over people are compared with all that were given, before they leave."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from governance.disclosure.breakdown import ALL, Part, Verdict, decide
from governance.disclosure.published import (
    Figure,
    Given,
    Register,
    cell_of,
    load_register,
    person_keys,
    trace_of,
)
from governance.instants import to_micros
from outcomes.measures.definition import Period
from outcomes.measures.periods import longer
from serving.bootstrap import Keepwell
from serving.dashboard.figure import Cell
from serving.published import DASHBOARD, person_key

Place = tuple[str, int]
"""Group (or `ALL`) and number of the period; 0 where there is none."""

_ALWAYS = (0, 2**62)
__all__ = ["ALL", "Added", "Desk", "Place"]


class Added(NamedTuple):
    """Who is in a figure, each once (n,), and the numbers that each adds to it, arrays (n,)."""

    people: Sequence[str]
    numbers: tuple[Sequence[float], ...]


def open_desk(keepwell: Keepwell, *, now: datetime) -> "Desk":
    """Bring what the dashboard gave so far; `PermissionRefused` where no basis carries figures."""
    with keepwell.database.read() as conn:
        permit = keepwell.registry.aggregate_permit(conn, "aggregate", now=now)
        register = load_register(conn, min_people=permit.min_people, only=DASHBOARD)
    return Desk(register, person_key(keepwell))


class Desk(NamedTuple):
    """What was given so far, and the key by which people are hashed to compare with it."""

    register: Register
    key: bytes

    def tell(
        self,
        name: str,
        adds: Mapping[Place, Added],
        make: Callable[[Place], Cell],
        *,
        periods: Sequence[Period] = (),
        disjoint: bool = True,
    ) -> dict[Place, Cell]:
        """Give each place's cell: as `make` has it, as it was given before, or hidden, saying why.

        Figures of one `name` can be subtracted from each other. `disjoint`: nobody is in two groups
        of a period, so that groups add up to `ALL`. Without `periods` a figure is compared with all
        that were ever given under its name.
        """
        parts = {
            place: Part(len(added.people), self._figure(name, place, added, periods))
            for place, added in adds.items()
        }
        verdicts = decide(
            parts,
            self.register,
            self.register.min_people,
            disjoint=disjoint,
            rows=longer(periods) if periods else [[0]],
        )
        found = {}
        for place, part in parts.items():
            verdict, cell = verdicts.get(place), make(place)
            if verdict is None or verdict.shown:
                if verdict is not None:
                    self.register.give(part.figure, _body(cell))
                found[place] = cell
            else:
                found[place] = _instead(cell, verdict)
        return found

    def _figure(self, name: str, place: Place, added: Added, periods: Sequence[Period]) -> Figure:
        group, k = place
        since, until = _ALWAYS
        if periods:
            since, until = to_micros(periods[k].start), to_micros(periods[k].end)
        trace = trace_of(person_keys(added.people, self.key), *added.numbers)
        which = cell_of(group, since, until)
        return Figure(f"{DASHBOARD}{name}", which, since, until, len(added.people), trace)


def _instead(cell: Cell, verdict: Verdict) -> Cell:
    if verdict.before is None:
        return cell._replace(
            value=None, low=None, high=None, people=None, note=verdict.why, hidden=True
        )
    return _again(cell, verdict.before)


def _again(cell: Cell, before: Given) -> Cell:
    body = before.body
    return cell._replace(
        value=body["value"],
        low=body["low"],
        high=body["high"],
        people=body["people"],
        note=", ".join(filter(None, (cell.note, before.said()))),
    )


def _body(cell: Cell) -> dict[str, float | int | None]:
    return {"value": cell.value, "low": cell.low, "high": cell.high, "people": cell.people}
