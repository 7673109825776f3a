"""A playbook put to work on a file of scores: who is held out, who is proposed or queued."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from governance.errors import InvalidInput
from serving.bootstrap import Keepwell
from serving.crm.score_rows import JUDGED, batches, kept_results
from serving.interventions.desk import desk_of
from serving.interventions.playbooks import STARTERS, find_playbook, load_playbooks
from serving.interventions.preview import candidates_of, recent_contacts
from serving.interventions.run import InterventionRun, run_interventions


def run_playbook(
    keepwell: Keepwell,
    playbook: str,
    scores: Path,
    *,
    file: Path | None,
    clock: Callable[[], datetime],
) -> InterventionRun:
    """Decide about everyone whose score still counts, and record it; nothing is sent here.

    What the settings' `mode` allows becomes of it: `observe` refuses, `advise` proposes to a
    person, `act` queues. A score past its end, or taken back since it was written, speaks for
    nobody. Raises `NotFound` for an unknown playbook, `InvalidInput` for one that answers no score.
    """
    found = find_playbook(load_playbooks(file or STARTERS), playbook)
    if found.target is None:
        raise InvalidInput(
            f"{playbook} answers an event, not a score", hint="name an outreach playbook"
        )
    current = _current(keepwell, scores, now=clock())
    candidates = tuple(
        each
        for each in candidates_of(keepwell, scores, target=found.target)
        if each.score_decision_id in current
    )
    recent = recent_contacts(keepwell, candidates, now=clock())
    return run_interventions(
        desk_of(keepwell), found, candidates, outside_contacts=recent, clock=clock
    )


def _current(keepwell: Keepwell, scores: Path, *, now: datetime) -> set[str]:
    """Name the decisions of a file whose score may still be used."""
    current: set[str] = set()
    for batch in batches(scores, JUDGED):
        fresh = [row["decision_id"] for row in batch.to_pylist() if row["expires_at"] > now]
        with keepwell.database.read() as conn:
            current |= kept_results(conn, fresh)
    return current
