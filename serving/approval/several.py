"""Deciding on several proposals in one go: only what was opened before, one outcome for each.

One that cannot be decided neither holds up nor touches the others. How long they lay before whoever
decides is given back, so that a pile waved through in seconds is told as what it is.
"""

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from governance.errors import InvalidInput, KeepwellError
from serving.interventions.deciding.attention import is_quick
from serving.interventions.deciding.oversight import Verdict
from serving.interventions.deciding.views import find_intervention
from serving.interventions.delivery.desk import Desk


class Each(NamedTuple):
    """What came of one: the verdict, or the `problem` that kept it from being decided."""

    intervention_id: str
    verdict: Verdict | None
    problem: str
    seconds: float | None


class Decided(NamedTuple):
    """What came of all, in the order they were named."""

    each: tuple[Each, ...]

    @property
    def seconds(self) -> list[float]:
        """How long each that was decided lay before whoever decided."""
        return [one.seconds for one in self.each if one.seconds is not None]

    @property
    def quick(self) -> int:
        """How many were decided in less time than reading takes."""
        return sum(map(is_quick, self.seconds))

    @property
    def median_seconds(self) -> float | None:
        """How long the median one lay there; None when nothing was decided."""
        return median(self.seconds) if self.seconds else None


def decide_each(
    desk: Desk, intervention_ids: Sequence[str], act: Callable[[str], Verdict]
) -> Decided:
    """Let `act` decide on each; several at once only where every one was opened before.

    Raises `InvalidInput` naming those that were not, before anything is decided, and what `act`
    raises where there is one alone.
    """
    ids = list(dict.fromkeys(intervention_ids))
    if len(ids) == 1:
        verdict = act(ids[0])
        return Decided((Each(ids[0], verdict, "", _seconds(desk, ids[0])),))
    _require_opened(desk, ids)
    return Decided(tuple(_one(desk, each, act) for each in ids))


def _one(desk: Desk, intervention_id: str, act: Callable[[str], Verdict]) -> Each:
    try:
        verdict = act(intervention_id)
    except KeepwellError as error:
        return Each(intervention_id, None, error.message, None)
    return Each(intervention_id, verdict, "", _seconds(desk, intervention_id))


def _require_opened(desk: Desk, ids: Sequence[str]) -> None:
    with desk.database.read() as conn:
        unseen = [each for each in ids if find_intervention(conn, each).looked_at is None]
    if unseen:
        raise InvalidInput(
            f"{len(unseen)} of {len(ids)} were not opened by anybody: {', '.join(unseen)}",
            hint="read each first: keepwell interventions show ID",
        )


def _seconds(desk: Desk, intervention_id: str) -> float | None:
    with desk.database.read() as conn:
        found: float | None = find_intervention(conn, intervention_id).decided_seconds
        return found
