"""How many people a plan could draw now: its size is worth nothing where they are not there."""

from datetime import datetime

from features.history import customer_ids
from serving.bootstrap import Keepwell
from serving.interventions.choosing.candidates import candidates_of
from serving.interventions.playbooks.playbook import Playbook


def most_people(keepwell: Keepwell, playbook: Playbook, *, now: datetime) -> int:
    """Give an upper bound of the people a playbook could be tried on, permission not yet asked.

    Those of the home's own scores that are in the playbook's band, where it answers a score and
    there are some; else everyone with a history. Raises `InvalidInput` for scores of something
    else.
    """
    if playbook.target is None or not keepwell.home.scores.is_file():
        with keepwell.database.read() as conn:
            return len(customer_ids(conn))
    found = candidates_of(keepwell, keepwell.home.scores, playbook=playbook, now=now)
    return sum(
        each.probability is not None
        and playbook.min_probability <= each.probability <= playbook.max_probability
        and playbook.asks_for(each.reasons)
        for each in found
    )
