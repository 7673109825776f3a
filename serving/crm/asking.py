"""Playbooks asked about one customer, right after their score: the same policy as in a run."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from serving.bootstrap import Keepwell
from serving.interventions.choosing.candidates import candidate_of
from serving.interventions.choosing.run import Ask, run_together
from serving.interventions.delivery.desk import Desk
from serving.interventions.playbooks.playbook import find_playbook, playbooks_of
from serving.interventions.policy.contacts import recent_contacts
from serving.scoring.answers import CustomerScore


class Asked(NamedTuple):
    """The verdicts, one for each playbook, and the intervention one of them led to, or empty."""

    decisions: tuple[str, ...]
    contact: str


def ask_playbooks(
    keepwell: Keepwell,
    desk: Desk,
    names: Sequence[str],
    found: CustomerScore,
    target: str,
    *,
    clock: Callable[[], datetime],
) -> Asked:
    """Decide what becomes of one customer, of all these playbooks the best one at most.

    Without a score no playbook speaks for them, and nothing is decided. What experiments showed of
    effects is left to runs: to find it out everybody's history is read. Raises `NotFound` for an
    unknown playbook, `InvalidInput` for one that answers another target.
    """
    score = found.scores.get(target)
    if score is None or score.probability is None:
        return Asked((), "")
    inside = keepwell.inside_id(found.customer_id)
    known = playbooks_of(keepwell.home)
    playbooks = [find_playbook(known, name) for name in names]
    candidate = candidate_of(keepwell, inside, target, score)
    begun = clock()
    runs = run_together(
        desk,
        [Ask(each, (candidate,)) for each in playbooks],
        outside_contacts=recent_contacts(keepwell, [inside], now=begun),
        clock=clock,
    )
    contacts = [each.intervention_id for run in runs for each in run.assigned]
    decided = tuple(each for run in runs for each in run.decisions)
    return Asked(decided, contacts[0] if contacts else "")
