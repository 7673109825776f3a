"""Whom a playbook may be asked about: everyone for whom what triggers it speaks.

Scores of a file, a stage of the journey found in histories, a level of well-being, or ids that a
person names for a duty. Where a playbook names several triggers, all of them must speak.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, select

from features.history import customer_ids, read_ranges
from governance.errors import InvalidInput
from governance.instants import to_micros
from serving.bootstrap import Keepwell
from serving.interventions.playbooks.checks import WELLBEING
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.playbooks.sensitive import sensitive_features
from serving.interventions.playbooks.stages import occasions
from serving.interventions.policy.policy import Candidate
from serving.interventions.tables import interventions
from serving.scoring.answers import TargetScore
from serving.scoring.champions import open_bundle
from serving.scoring.home_clock import home_clock

_COLUMNS = (
    "customer_id", "target", "status", "probability", "decision_id", "model_digest", "expires_at",
)  # fmt: skip
_AT_ONCE = 5_000


class Triggers(NamedTuple):
    """Where to look for whom a playbook may be asked about, as far as it needs each.

    `scores` is a file that a batch wrote; `customers` are ids a person named; `levels` gives how
    customers fare in the playbook's dimension, 0-100, of those who permit it.
    """

    scores: Path | None = None
    customers: Sequence[str] | None = None
    levels: Mapping[str, float] | None = None


class Found(NamedTuple):
    """Candidates, and how many were not even looked at, by reason."""

    candidates: tuple[Candidate, ...]
    not_looked_at: Mapping[str, int]


def find_candidates(
    keepwell: Keepwell, playbook: Playbook, triggers: Triggers, *, clock: Callable[[], datetime]
) -> Found:
    """Find everyone for whom all triggers of a playbook speak.

    Raises `InvalidInput` where what a trigger needs was not given.
    """
    require_given(playbook, triggers)
    parts: list[Mapping[str, Candidate]] = []
    skipped: Counter[str] = Counter()
    if triggers.scores is not None:
        found = candidates_of(keepwell, triggers.scores, playbook=playbook, now=clock())
        parts.append({each.customer_id: each for each in found})
    if playbook.dimension is not None:
        parts.append(_faring(playbook, triggers.levels or {}))
    if triggers.customers is not None:
        named, unknown = _named(keepwell, triggers.customers)
        parts.append(named)
        skipped["unknown"] += unknown
    elif playbook.stage is not None:
        staged, refused = _staged(keepwell, playbook, now=clock())
        parts.append(staged)
        skipped += refused
    return Found(_all_of(parts), dict(skipped))


def require_given(playbook: Playbook, triggers: Triggers) -> None:
    """Refuse, before anything is read, triggers that lack what the playbook needs or hold more."""
    if playbook.target is None and triggers.scores is not None:
        raise InvalidInput(f"{playbook.name} answers no score", hint="leave --scores out")
    if playbook.target is not None and triggers.scores is None:
        raise InvalidInput(
            f"{playbook.name} answers scores of {playbook.target}, and none were given",
            hint=f"write them: keepwell score --target {playbook.target} --out scores.parquet; "
            "then add --scores scores.parquet",
        )
    if playbook.kind != "service" and triggers.customers is not None:
        raise InvalidInput(
            f"{playbook.name} is outreach; whom it answers is for its trigger to say",
            hint="leave --customers out; it names whom a duty concerns",
        )
    if playbook.kind == "service" and playbook.stage is None and triggers.customers is None:
        raise InvalidInput(
            f"{playbook.name} is a duty that no event of the history tells of",
            hint="name the people concerned, an id a line: --customers FILE",
        )


def _all_of(parts: Sequence[Mapping[str, Candidate]]) -> tuple[Candidate, ...]:
    """Put together what is said of each person for whom every part speaks."""
    first, *others = parts
    found = []
    for customer, candidate in first.items():
        if not all(customer in other for other in others):
            continue
        for other in others:
            more = other[customer]
            level = more.level if candidate.level is None else candidate.level
            candidate = replace(candidate, level=level, trigger=more.trigger)
        found.append(candidate)
    return tuple(found)


def candidates_of(
    keepwell: Keepwell, scores: Path, *, playbook: Playbook, now: datetime
) -> tuple[Candidate, ...]:
    """Read whom a file of scores speaks for; its one model must lie in this home.

    A score past its end speaks for nobody. Raises `InvalidInput` for a file without a score of the
    playbook's target.
    """
    assert playbook.target is not None
    purpose = keepwell.target(playbook.target).purpose
    rows = _scored_rows(scores, with_reasons=playbook.reason is not None)
    digests = {row["model_digest"] for row in rows}
    if len(digests) != 1:
        raise InvalidInput(
            f"{scores.name} holds scores of {len(digests)} models, needs one",
            hint="write it with: keepwell score --out FILE",
        )
    model = open_bundle(keepwell.home, digests.pop())
    sensitive = sensitive_features(model.definitions)
    return tuple(
        Candidate(
            customer_id=row["customer_id"],
            probability=row["probability"],
            target=row["target"],
            model_digest=row["model_digest"],
            score_decision_id=row["decision_id"],
            purpose=purpose,
            model_purposes=frozenset({purpose, *model.purposes}),
            sensitive_features=sensitive,
            reasons=_raising(row.get("reasons") or ()),
        )
        for row in rows
        if row["expires_at"] > now
    )


def candidate_of(
    keepwell: Keepwell, customer_id: str, target: str, score: TargetScore
) -> Candidate:
    """Say what one fresh score says, as `candidates_of` does of a file; `customer_id` is inside.

    Raises `InvalidInput` for a score without a model.
    """
    if score.model_digest is None:
        raise InvalidInput("a score by a rule speaks for nobody", hint="ask for one by a model")
    purpose = keepwell.target(target).purpose
    model = open_bundle(keepwell.home, score.model_digest)
    return Candidate(
        customer_id=customer_id,
        probability=score.probability,
        target=target,
        model_digest=score.model_digest,
        score_decision_id=score.decision_id,
        purpose=purpose,
        model_purposes=frozenset({purpose, *model.purposes}),
        sensitive_features=sensitive_features(model.definitions),
        reasons=_raising([each.to_json() for each in score.reasons]),
    )


def _scored_rows(scores: Path, *, with_reasons: bool) -> list[dict[str, Any]]:
    columns = [*_COLUMNS, *(("reasons",) if with_reasons else ())]
    try:
        with pq.ParquetFile(scores) as file:
            found = [
                row
                for batch in file.iter_batches(batch_size=_AT_ONCE, columns=columns)
                for row in batch.to_pylist()
                if row["status"] == "scored"
            ]
        if found and not found[0].keys() >= set(columns):
            raise KeyError(*columns)
    except (pa.ArrowException, OSError, KeyError):
        raise InvalidInput(
            f"{scores.name} is not a file of scores",
            hint="write it with: keepwell score --out FILE.parquet",
        ) from None
    return found


def _raising(reasons: Collection[Mapping[str, Any]]) -> frozenset[str]:
    """Name the features among the reasons, and in their groups, that raise the score."""
    raising = [each for each in reasons if each["contribution"] > 0]
    members = (
        member["feature"]
        for each in raising
        for member in each.get("members") or ()
        if member["contribution"] > 0
    )
    return frozenset({*(each["feature"] for each in raising), *members})


def _faring(playbook: Playbook, levels: Mapping[str, float]) -> dict[str, Candidate]:
    return {
        customer: Candidate(
            customer_id=customer,
            purpose=WELLBEING,
            model_purposes=frozenset({WELLBEING}),
            level=level,
            trigger=f"level_of_{playbook.dimension}",
        )
        for customer, level in levels.items()
    }


def _named(keepwell: Keepwell, customers: Sequence[str]) -> tuple[dict[str, Candidate], int]:
    inside = dict.fromkeys(keepwell.inside_id(each) for each in customers)
    with keepwell.database.read() as conn:
        known = set(customer_ids(conn))
    found = {each: _at("named", each) for each in inside if each in known}
    return found, len(inside) - len(found)


def _at(trigger: str, customer: str) -> Candidate:
    return Candidate(
        customer_id=customer, purpose=None, model_purposes=frozenset(), trigger=trigger
    )


def _staged(
    keepwell: Keepwell, playbook: Playbook, *, now: datetime
) -> tuple[dict[str, Candidate], Counter[str]]:
    """Find who is at the playbook's stage; whose occasion was answered before is only counted."""
    assert playbook.stage is not None
    with keepwell.database.read() as conn:
        as_of = home_clock(keepwell, conn, now=now)
        everyone = customer_ids(conn)
        permit, refused = keepwell.registry.permit_many(conn, "operations", everyone, now=now)
        answered = _answered(conn, playbook)
        found: dict[str, Candidate] = {}
        left = Counter(refused.values())
        for histories in read_ranges(conn, keepwell.store, permit):
            away = set(histories.customers[histories.is_away(to_micros(as_of))].tolist())
            for each in occasions(histories, playbook.stage, days=playbook.stage_days, as_of=as_of):
                trigger = f"{playbook.stage} {each.token}"
                if (each.customer_id, trigger) in answered:
                    left["answered_before"] += 1
                elif each.customer_id not in away:
                    found[each.customer_id] = _at(trigger, each.customer_id)
    return found, left


def _answered(conn: Connection, playbook: Playbook) -> set[tuple[str, str]]:
    """Give the occasions this playbook was run on: each triggers once, whatever came of it."""
    query = select(interventions.c.customer_id, interventions.c.trigger).where(
        interventions.c.playbook == playbook.name, interventions.c.trigger.is_not(None)
    )
    return {(row.customer_id, row.trigger) for row in conn.execute(query)}
