"""Playbooks put to work, or only looked at: whom they are asked about, and what becomes of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from serving.bootstrap import Keepwell
from serving.crm.score_rows import JUDGED, batches, kept_results
from serving.crm.stakes import stakes_of
from serving.interventions.choosing.candidates import (
    Found,
    Triggers,
    find_candidates,
    require_given,
)
from serving.interventions.choosing.run import Ask, InterventionRun, run_together, simulate
from serving.interventions.delivery.desk import desk_of
from serving.interventions.playbooks.playbook import Playbook, find_playbook, playbooks_of
from serving.interventions.policy.contacts import recent_contacts
from serving.interventions.policy.modes import mode_standing
from serving.interventions.policy.policy import Candidate, Judged
from serving.settings import Mode
from serving.wellbeing_levels import dimension_levels

Clock = Callable[[], datetime]
Progress = Callable[[str], None]


class Preview(NamedTuple):
    """Whom one playbook would choose now, and why not the others; nothing was recorded.

    `not_looked_at` counts people its trigger could not be asked about, by reason.
    `sensitive_features` are those its model reads, where that is what keeps it from selling.
    `mode` is the mode in force: in observe a run would contact nobody all the same.
    """

    playbook: Playbook
    judged: Judged
    not_looked_at: Mapping[str, int]
    sensitive_features: tuple[str, ...]
    mode: Mode

    @property
    def cost(self) -> float:
        """What contacting those chosen would cost, in the home's currency."""
        return len(self.judged.eligible) * self.playbook.cost

    @property
    def expected(self) -> float | None:
        """How many more would stay if the playbook's own expectation held; None without one."""
        effect = self.playbook.expected_effect
        return None if effect is None else len(self.judged.eligible) * effect


class PlaybookRun(NamedTuple):
    """What one playbook's run came to, beside what `Preview` says of it."""

    playbook: Playbook
    done: InterventionRun
    not_looked_at: Mapping[str, int]
    sensitive_features: tuple[str, ...]


def preview_playbook(
    keepwell: Keepwell,
    playbook: Playbook,
    *,
    scores: Path | None = None,
    customers: Sequence[str] | None = None,
    clock: Clock,
    progress: Progress = lambda _: None,
) -> Preview:
    """Say who would be chosen and why not the others, by the very policy that a run asks."""
    triggers = Triggers(scores, customers)
    require_given(playbook, triggers)
    found = _found(keepwell, playbook, triggers, clock, progress)
    people = [each.customer_id for each in found.candidates]
    stakes = stakes_of(keepwell, [playbook], people, now=clock())
    judged = simulate(
        desk_of(keepwell),
        playbook,
        found.candidates,
        outside_contacts=recent_contacts(keepwell, people, now=clock()),
        clock=clock,
        effect=stakes.effects.get(playbook.name),
        margins=stakes.margins,
    )
    with keepwell.database.read() as conn:
        mode = mode_standing(conn, home_kind=keepwell.kind, stated=keepwell.settings.mode)
    sensitive = _sensitive(playbook, found.candidates)
    return Preview(playbook, judged, found.not_looked_at, sensitive, mode.effective)


def run_playbooks(
    keepwell: Keepwell,
    names: Sequence[str],
    *,
    file: Path | None = None,
    scores: Path | None = None,
    customers: Sequence[str] | None = None,
    clock: Clock,
    progress: Progress = lambda _: None,
) -> tuple[PlaybookRun, ...]:
    """Decide about everyone the playbooks speak for, and record it; nothing is sent here.

    What the mode in force allows becomes of it: `observe` refuses, `advise` proposes to a person,
    `act` queues. A score past its end, or taken back since it was written, speaks for nobody. Each
    person gets at most one outreach of all the playbooks asked together. Raises `NotFound` for an
    unknown playbook and `InvalidInput` where a trigger lacks what it needs.
    """
    known = playbooks_of(keepwell.home, file)
    playbooks = [find_playbook(known, name) for name in dict.fromkeys(names)]
    triggers = {
        each.name: Triggers(
            scores if each.target is not None or len(playbooks) == 1 else None, customers
        )
        for each in playbooks
    }
    for each in playbooks:
        require_given(each, triggers[each.name])
    asked = [_found(keepwell, each, triggers[each.name], clock, progress) for each in playbooks]
    people = sorted({c.customer_id for found in asked for c in found.candidates})
    stakes = stakes_of(keepwell, playbooks, people, now=clock())
    done = run_together(
        desk_of(keepwell),
        [
            Ask(playbook, found.candidates, stakes.effects.get(playbook.name))
            for playbook, found in zip(playbooks, asked, strict=True)
        ],
        outside_contacts=recent_contacts(keepwell, people, now=clock()),
        clock=clock,
        margins=stakes.margins,
    )
    return tuple(
        PlaybookRun(each, run, found.not_looked_at, _sensitive(each, found.candidates))
        for each, run, found in zip(playbooks, done, asked, strict=True)
    )


def _found(
    keepwell: Keepwell,
    playbook: Playbook,
    triggers: Triggers,
    clock: Clock,
    progress: Progress,
) -> Found:
    """Find whom a playbook is asked about; of scores only those that may still be used."""
    levels, refused = None, dict[str, int]()
    if playbook.dimension is not None:
        levels, refused = dimension_levels(
            keepwell, playbook.dimension, clock=clock, progress=progress
        )
    found = find_candidates(keepwell, playbook, triggers._replace(levels=levels), clock=clock)
    candidates = found.candidates
    if triggers.scores is not None:
        current = _current(keepwell, triggers.scores, now=clock())
        candidates = tuple(c for c in candidates if c.score_decision_id in current)
    return Found(candidates, {**found.not_looked_at, **refused})


def _sensitive(playbook: Playbook, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    if not playbook.commercial or not candidates:
        return ()
    return candidates[0].sensitive_features


def _current(keepwell: Keepwell, scores: Path, *, now: datetime) -> set[str]:
    """Name the decisions of a file whose score may still be used."""
    current: set[str] = set()
    for batch in batches(scores, JUDGED):
        fresh = [row["decision_id"] for row in batch.to_pylist() if row["expires_at"] > now]
        with keepwell.database.read() as conn:
            current |= kept_results(conn, fresh)
    return current
