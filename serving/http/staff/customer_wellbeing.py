"""HTTP: how one customer may be faring, by dimension; only of those who explicitly permit it."""

import threading
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Response

from governance.errors import InsufficientData
from serving.bootstrap import Keepwell
from serving.database import Database
from serving.http.context import Clock
from serving.http.staff.looking import CustomerPath, ScoreReader, look, part
from serving.http.staff.visit import StaffRoute, Visit
from serving.noise_memory import NoiseMemory

if TYPE_CHECKING:
    from serving.wellbeing import PersonWellbeing

router = APIRouter(include_in_schema=False, route_class=StaffRoute)


@router.get("/staff/customers/{customer_id}/wellbeing")
def get_wellbeing(customer_id: CustomerPath, visit: ScoreReader, months: bool = False) -> Response:
    """Show each dimension with its interval and what was heard, now or month by month.

    One look is one line in the log.
    """
    with look(visit, customer_id) as seen:
        pass
    cannot, found = "", None
    try:
        found = _estimate(visit, seen.known.inside, months=months)
    except InsufficientData as error:
        cannot = f"Nothing can be said: {error.message}."
    series = found.series if found is not None else ()
    return part(
        visit,
        seen,
        "wellbeing",
        "/wellbeing",
        refusal=found.reason if found is not None and found.status == "refused" else "",
        newest=series[-1] if series else None,
        explained=found.scheme.explain() if found is not None else "",
        series=[each for each in series if len(each.missing) < len(each.dimensions)],
        months=months,
        cannot=cannot,
    )


def prepare(visit: Visit) -> None:
    """Begin to learn what answers are worth while somebody still reads another part."""
    keepwell = visit.here.keepwell
    memory = memory_of(keepwell)
    if visit.caller.may("score:read") and not memory.begun:
        work = partial(_prepare, keepwell, memory, visit.here.clock)
        threading.Thread(target=work, name="wellbeing", daemon=True).start()


def _prepare(keepwell: Keepwell, memory: NoiseMemory, clock: Clock) -> None:
    from serving.wellbeing_reading import begin_learning  # brings in what fits models

    begin_learning(keepwell, memory, clock=clock)


def _estimate(visit: Visit, customer_id: str, *, months: bool) -> "PersonWellbeing":
    from serving.wellbeing import wellbeing_of  # brings in what fits models

    return wellbeing_of(
        visit.here.keepwell,
        customer_id,
        as_of=None,
        every="month" if months else None,
        clock=visit.here.clock,
        memory=memory_of(visit.here.keepwell),
    )


def memory_of(keepwell: Keepwell) -> NoiseMemory:
    """Give what this process remembers for a home."""
    return _MEMORIES.setdefault(keepwell.database, NoiseMemory())


_MEMORIES: WeakKeyDictionary[Database, NoiseMemory] = WeakKeyDictionary()
