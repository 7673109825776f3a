"""What must be shown before Keepwell may contact people by itself, and what of it is missing.

For *advise*: an impact assessment, named by its hash. For *act*: advise is unlocked; every model
that serves was shown to treat groups alike (unless the company took `act` out of
`fairness_blocks`); people decided on enough proposals and took the time to read them; and an
experiment was looked at that shows no harm.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from governance.errors import GateRefused, InvalidInput
from governance.intervals import Interval, as_json
from governance.review.candidates import fairness_outcomes
from governance.review.reviews import champion
from serving.interventions.deciding.attention import QUICK_SECONDS, oversight
from serving.interventions.lots.experiments import list_experiments
from serving.interventions.policy.modes import list_unlocks, unlocked_mode
from serving.interventions.tables import interventions

LEAST_DECIDED = 30
"""So many proposals people must have decided since advise was unlocked."""

LEAST_SECONDS = QUICK_SECONDS
"""In the median a decision must have taken so long: less is a rubber stamp."""

LEAST_PER_ARM = 30
"""So many people an experiment must have in each arm before its silence says anything."""

_LEAST_BYTES = 500


class Tried(NamedTuple):
    """An experiment as evidence: people in each arm, looks at its result, why it was stopped."""

    experiment: str
    contacted: int
    left_alone: int
    looks: int
    stopped_for: str | None
    halted: bool

    @property
    def speaks(self) -> bool:
        """Whether it was large enough, looked at, and showed no harm."""
        enough = min(self.contacted, self.left_alone) >= LEAST_PER_ARM
        return enough and self.looks > 0 and self.stopped_for != "harm"


class ActEvidence(NamedTuple):
    """Everything that mode act rests on; figures over people who decide and people contacted.

    `models` maps the digest of every serving model to what its fairness audit said.
    """

    advise_unlocked: bool
    fairness_required: bool
    models: Mapping[str, str]
    decided: int
    override_rate: Interval | None
    median_seconds: float | None
    quick_rate: Interval | None
    experiments: tuple[Tried, ...]

    def missing(self) -> tuple[str, ...]:
        """Say what is still missing, each in a sentence; empty when it suffices."""
        found = []
        if not self.advise_unlocked:
            found.append("advise is not unlocked")
        if not self.models:
            found.append("no approved model serves")
        if self.fairness_required:
            found += [
                f"fairness of the model {digest[:12]} is {outcome}, it must pass"
                for digest, outcome in sorted(self.models.items())
                if outcome != "pass"
            ]
        if self.decided < LEAST_DECIDED:
            found.append(f"people decided {self.decided} proposals, at least {LEAST_DECIDED} count")
        elif self.median_seconds is None:
            found.append("nobody opened a proposal before deciding on it")
        elif self.median_seconds < LEAST_SECONDS:
            found.append(
                f"a decision took {self.median_seconds:.0f} seconds in the median, at least "
                f"{LEAST_SECONDS:.0f} are needed: less is a rubber stamp"
            )
        found += [
            f"the experiment {each.experiment} was stopped for harm"
            for each in self.experiments
            if each.halted
        ]
        if not any(each.speaks for each in self.experiments):
            found.append(
                f"no experiment with {LEAST_PER_ARM} people in each arm was looked at without harm"
            )
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Give plain figures, as they are signed."""
        return self._asdict() | {
            "models": dict(self.models),
            "override_rate": as_json(self.override_rate),
            "quick_rate": as_json(self.quick_rate),
            "experiments": [each._asdict() for each in self.experiments],
        }


def act_evidence(
    conn: Connection,
    targets: Collection[str],
    *,
    home_kind: str,
    fairness_required: bool,
    now: datetime,
) -> ActEvidence:
    """Gather what mode act would rest on now."""
    advised = [
        each.unlocked_at
        for each in list_unlocks(conn)
        if each.mode == "advise" and each.revoked_at is None
    ]
    decided = oversight(conn, now=now, since=min(advised, default=None))
    approved = [champion(conn, target, now=now) for target in sorted(targets)]
    digests = {each.model_digest for each in approved if each is not None}
    return ActEvidence(
        advise_unlocked=unlocked_mode(conn, home_kind=home_kind) != "observe",
        fairness_required=fairness_required,
        models=fairness_outcomes(conn, digests),
        decided=decided.decided,
        override_rate=decided.override_rate,
        median_seconds=decided.median_seconds,
        quick_rate=decided.quick_rate,
        experiments=_tried(conn),
    )


def require_enough(evidence: ActEvidence) -> None:
    """Pass, or raise `GateRefused` with everything that is missing."""
    missing = evidence.missing()
    if missing:
        raise GateRefused(
            "mode act stays locked: " + "; ".join(missing),
            reasons=missing,
            hint="see what each needs in docs/policy.md, and where you stand: keepwell mode show",
        )


def assessment(path: Path) -> dict[str, Any]:
    """Name an impact assessment by its hash; its words stay with whoever wrote them.

    Raises `InvalidInput` for a file that is too short to assess anything.
    """
    content = path.read_bytes()
    if len(content.strip()) < _LEAST_BYTES:
        raise InvalidInput(
            f"{path.name} holds {len(content)} bytes, an impact assessment needs {_LEAST_BYTES}",
            hint="`keepwell audit` drafts one in its report: complete it and have it decided",
        )
    return {
        "assessment_sha256": hashlib.sha256(content).hexdigest(),
        "assessment_bytes": len(content),
    }


def _tried(conn: Connection) -> tuple[Tried, ...]:
    c = interventions.c
    rows = conn.execute(
        select(c.experiment, c.arm, func.count(c.customer_id.distinct())).group_by(
            c.experiment, c.arm
        )
    )
    arms = {(experiment, arm): number for experiment, arm, number in rows}
    return tuple(
        Tried(
            experiment=each.experiment,
            contacted=arms.get((each.experiment, "treated"), 0),
            left_alone=arms.get((each.experiment, "holdout"), 0),
            looks=each.looks,
            stopped_for=each.stopped_for,
            halted=each.contacts == "nobody",
        )
        for each in list_experiments(conn)
    )
