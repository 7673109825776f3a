"""Who a playbook would choose now, without acting: the same policy, nothing recorded."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from features.history import read_all
from governance.errors import InvalidInput
from serving.bootstrap import Keepwell
from serving.interventions.candidates import read_candidates
from serving.interventions.contacts import outside_contacts
from serving.interventions.desk import desk_of
from serving.interventions.playbooks import STARTERS, find_playbook, load_playbooks
from serving.interventions.policy import Candidate, Judged
from serving.interventions.run import simulate
from serving.scoring.champions import open_bundle

_CONTACT_DAYS = 30


def candidates_of(keepwell: Keepwell, scores: Path, *, target: str) -> tuple[Candidate, ...]:
    """Read whom `scores`, a file that a batch wrote, speaks for; its model must lie in this home.

    Raises `InvalidInput` when it holds no score of `target`.
    """
    found = read_candidates(scores, purpose=keepwell.target(target).purpose, further=())
    digests = {each.model_digest for each in found if each.model_digest}
    if not found or len(digests) != 1:
        raise InvalidInput(
            f"{scores.name} holds scores of {len(digests)} models, needs one",
            hint="write it with: keepwell score --out FILE",
        )
    further = open_bundle(keepwell.home, digests.pop()).purposes
    return read_candidates(scores, purpose=keepwell.target(target).purpose, further=further)


def recent_contacts(
    keepwell: Keepwell, candidates: tuple[Candidate, ...], *, now: datetime
) -> dict[str, int]:
    """Count how often each candidate was contacted outside Keepwell within 30 days."""
    with keepwell.database.read() as conn:
        people = [each.customer_id for each in candidates]
        permit, _ = keepwell.registry.permit_many(conn, "operations", people, now=now)
        histories = read_all(conn, keepwell.store, permit)
    return outside_contacts(histories, since=now - timedelta(days=_CONTACT_DAYS), until=now)


def preview(
    keepwell: Keepwell,
    playbook: str,
    scores: Path,
    *,
    file: Path | None,
    clock: Callable[[], datetime],
) -> Judged:
    """Say who would be chosen by `playbook` and why not the others.

    Raises `NotFound` for an unknown playbook, `ConfigurationError` for a file with mistakes.
    """
    found = find_playbook(load_playbooks(file or STARTERS), playbook)
    if found.target is None:
        raise InvalidInput(
            f"{playbook} answers an event, not a score", hint="name an outreach playbook"
        )
    candidates = candidates_of(keepwell, scores, target=found.target)
    return simulate(
        desk_of(keepwell),
        found,
        candidates,
        outside_contacts=recent_contacts(keepwell, candidates, now=clock()),
        clock=clock,
    )
