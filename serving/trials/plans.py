"""Measurement plans of this home: frozen before the start, with their digest in the log."""

import json
from dataclasses import asdict, fields
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, Row, insert, select

from governance.canonical import digest
from governance.errors import IntegrityBroken, InvalidInput, NotFound
from governance.tables import ledger_entries
from outcomes.trials.plan import Plan
from serving.access.auth import authenticate
from serving.bootstrap import Keepwell
from serving.interventions.lots.experiments import list_experiments
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.tables import experiments, measurement_plans

SCOPE = "intervention:approve"


class FrozenPlan(NamedTuple):
    """A plan as it was frozen, by whom, and the experiment that followed it (None: none yet)."""

    plan_digest: str
    playbook: str
    plan: Plan
    frozen_at: datetime
    frozen_by: str
    experiment: str | None


def fits(plan: Plan, playbook: Playbook) -> list[str]:
    """List where a plan and its playbook contradict each other."""
    return [
        f"{name} == {ours}, the playbook has {theirs} ({where})"
        for name, ours, theirs, where in (
            ("playbook", plan.playbook, playbook.name, "name"),
            ("holdout_share", plan.holdout_share, playbook.holdout_share, "holdout_share"),
            ("enrol_days", plan.enrol_days, playbook.holdout_days, "holdout_days"),
        )
        if ours != theirs
    ]


def freeze(
    keepwell: Keepwell, plan: Plan, playbook: Playbook, *, key: str | None, now: datetime
) -> FrozenPlan:
    """Write a plan down for good, its digest in the log; the next experiment follows it.

    `key` needs the scope `intervention:approve`, its owner answers for the plan; demo homes freeze
    without one. Raises `InvalidInput` for a plan with problems, for one that comes after the start
    of the experiment, and for the same plan twice.
    """
    problems = [*plan.problems(), *fits(plan, playbook)]
    if problems:
        raise InvalidInput(
            "; ".join(problems), hint="see them one by one: keepwell outcomes plan check FILE"
        )
    with keepwell.database.write() as conn:
        by = who(keepwell, conn, key, now=now)
        running = [
            each
            for each in list_experiments(conn, playbook.name)
            if each.status == "running" and each.ends_at > now
        ]
        if running:
            raise InvalidInput(
                f"the experiment {running[0].experiment} has begun, a plan comes before the start",
                hint=f"freeze it for the next one, after {running[0].ends_at:%Y-%m-%d}",
            )
        if find_plan(conn, plan.digest) is not None:
            raise InvalidInput(
                f"this plan is frozen already ({plan.digest[:12]})",
                hint="see it: keepwell outcomes plan show",
            )
        row = {
            "plan_digest": plan.digest,
            "playbook": plan.playbook,
            "body": plan.body(),
            "frozen_at": now,
            "frozen_by": by,
        }
        conn.execute(insert(measurement_plans), row)
        body = {
            "plan_digest": plan.digest,
            "playbook": plan.playbook,
            "playbook_digest": record_digest(playbook),
            "by": by,
        }
        keepwell.ledger.append(conn, "plan_frozen", body, now=now)
    return FrozenPlan(plan.digest, plan.playbook, plan, now, by, None)


def record_digest(playbook: Playbook) -> str:
    """Give the sha256 of what a playbook says: band, words, cost, all that is not left unsaid."""
    said = {
        each.name: getattr(playbook, each.name)
        for each in fields(playbook)
        if getattr(playbook, each.name) != each.default
    }
    if playbook.survey is not None:
        said["survey"] = asdict(playbook.survey)
    return digest(json.loads(json.dumps(said)))


def is_as_frozen(conn: Connection, plan: FrozenPlan, playbook: Playbook) -> bool | None:
    """Say whether a playbook still is what it was when its plan was frozen, as the log has it.

    None where the log has nothing of it.
    """
    mine = ledger_entries.c
    bodies = conn.execute(
        select(mine.body).where(
            mine.kind == "plan_frozen", mine.body.contains(plan.plan_digest, autoescape=True)
        )
    ).scalars()
    known = [json.loads(each).get("playbook_digest") for each in bodies]
    return known[-1] == record_digest(playbook) if known and known[-1] else None


def who(keepwell: Keepwell, conn: Connection, key: str | None, *, now: datetime) -> str:
    """Give who answers for a step of an experiment: the owner of the key; the demo for itself."""
    if key is None:
        if keepwell.kind == "demo":
            return "the demo itself"
        raise InvalidInput(
            "no key was given, and somebody has to answer for this",
            hint=f"make one: keepwell keys create --scope {SCOPE} --owner NAME",
        )
    principal, _ = authenticate(conn, key, now=now)
    principal.require(SCOPE)
    return principal.owner


def find_plan(conn: Connection, plan_digest: str | None) -> FrozenPlan | None:
    """Give the plan of this digest; None where there is none."""
    if plan_digest is None:
        return None
    row = conn.execute(
        select(measurement_plans).where(measurement_plans.c.plan_digest == plan_digest)
    ).one_or_none()
    return None if row is None else _read(conn, row)


def list_plans(conn: Connection, playbook: str | None = None) -> tuple[FrozenPlan, ...]:
    """Give all frozen plans, or those of one playbook, the newest first."""
    query = select(measurement_plans).order_by(
        measurement_plans.c.frozen_at.desc(), measurement_plans.c.plan_digest
    )
    if playbook is not None:
        query = query.where(measurement_plans.c.playbook == playbook)
    return tuple(_read(conn, row) for row in conn.execute(query).all())


def latest_plan(conn: Connection, digest_or_playbook: str) -> FrozenPlan:
    """Give the plan whose digest starts so, else the newest of a playbook; raises `NotFound`."""
    for each in list_plans(conn):
        if each.playbook == digest_or_playbook or (
            len(digest_or_playbook) >= 8 and each.plan_digest.startswith(digest_or_playbook)
        ):
            return each
    raise NotFound(
        "no plan of this playbook or digest is frozen",
        hint="write one: keepwell outcomes plan new PLAYBOOK > plan.toml",
    )


def _read(conn: Connection, row: Row[tuple[object, ...]]) -> FrozenPlan:
    found = row._mapping
    if sha256(str(found["body"]).encode()).hexdigest() != found["plan_digest"]:
        raise IntegrityBroken(
            f"the plan {str(found['plan_digest'])[:12]} is not the one that was frozen",
            hint="restore the last backup; the log holds the digest: keepwell ledger verify",
        )
    plan = Plan.from_json(json.loads(found["body"]))
    experiment = conn.execute(
        select(experiments.c.experiment).where(experiments.c.plan_digest == found["plan_digest"])
    ).scalar()
    return FrozenPlan(
        found["plan_digest"], found["playbook"], plan, found["frozen_at"], found["frozen_by"],
        experiment,
    )  # fmt: skip
