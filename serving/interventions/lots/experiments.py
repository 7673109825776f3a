"""A playbook's experiment: from when until when people are drawn into it, and how it ended.

An experiment is opened by the first run that may draw, is limited in time, and ends by itself.
While it runs, some are left alone; once it was stopped for benefit nobody is; once it was stopped
for harm the playbook contacts nobody until a person says otherwise (`resume`).
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from sqlalchemy import Connection, Row, Update, select, update
from sqlalchemy.dialects import postgresql, sqlite

from governance.errors import InvalidInput, NotFound
from governance.instants import to_text
from governance.log.ledger import Ledger
from serving.interventions.tables import experiments, interventions, measurement_plans

STOPPED_FOR_HARM = "stopped_for_harm"
"""Why a playbook contacts nobody: its experiment showed harm."""

_OVER = "its time was over"

Contacts = Literal["drawn", "everyone", "nobody"]


class Tried(Protocol):
    """What of a playbook an experiment needs to know."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def target(self) -> str | None: ...  # noqa: D102
    @property
    def holdout_share(self) -> float: ...  # noqa: D102
    @property
    def holdout_days(self) -> int: ...  # noqa: D102


class TrialExperiment(NamedTuple):
    """One experiment of a playbook.

    `holdout_share` (0-0.5) is what the draw leaves alone; people are drawn in [`started_at`,
    `ends_at`) and those left alone are free again `holdout_days` after their draw. `contacts` says
    whom the playbook may reach now: those `drawn` for it by lot, `everyone`, or `nobody`.
    """

    experiment: str
    playbook: str
    target: str | None
    holdout_share: float
    started_at: datetime
    ends_at: datetime
    status: Literal["running", "ended", "stopped", "none"]
    reason: str
    stopped_for: Literal["benefit", "harm"] | None
    ended_at: datetime | None
    plan_digest: str | None
    looks: int
    resumed_at: datetime | None

    @property
    def contacts(self) -> Contacts:
        """Whom the playbook may reach now; a run after an end draws into a new experiment."""
        if self.stopped_for is not None and self.resumed_at is None:
            return "nobody" if self.stopped_for == "harm" else "everyone"
        return "drawn" if self.holdout_share > 0 else "everyone"

    def at(self, now: datetime) -> "TrialExperiment":
        """Give it as it stands now: whose time is over has ended, whether or not it was noted."""
        if self.status != "running" or now < self.ends_at:
            return self
        return self._replace(status="ended", reason=_OVER, ended_at=self.ends_at)

    @property
    def drawn_share(self) -> float:
        """The share that is left alone by a draw now: 0 where nobody is drawn."""
        return self.holdout_share if self.status == "running" else 0.0


def open_experiment(conn: Connection, playbook: Tried, now: datetime) -> TrialExperiment:
    """Give the experiment a run of this playbook draws into now: the running one, or a new one.

    Service duties, and playbooks that hold nobody out, get one of status `none`, which leaves
    nobody alone. After a stop for benefit the stopped one is given (everyone is contacted), after a
    stop for harm too (nobody is), until a person resumes the playbook. A running experiment keeps
    the share it began with. The row stays locked until the caller's transaction ends, so that two
    runs never draw at once.
    """
    last = _latest(conn, playbook.name, lock=True)
    if playbook.kind == "service":
        return _without(playbook, now)
    if last is not None and last.contacts == "nobody":
        return last
    if playbook.holdout_share == 0:
        if last is not None and last.status == "running":
            _end(conn, last.experiment, "the playbook leaves nobody alone any more", now)
        return _without(playbook, now)
    if last is not None and last.status == "running" and last.ends_at <= now:
        _end(conn, last.experiment, _OVER, last.ends_at)
    elif last is not None and (last.status == "running" or _still_stopped(last)):
        return last
    name = _free_name(conn, playbook.name, now)
    row = {
        "experiment": name,
        "playbook": playbook.name,
        "target": playbook.target,
        "holdout_share": playbook.holdout_share,
        "started_at": now,
        "ends_at": now + timedelta(days=playbook.holdout_days),
        "status": "running",
        "reason": "",
        "plan_digest": _frozen_plan(conn, playbook.name),
        "looks": 0,
    }
    build = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    conn.execute(build(experiments).on_conflict_do_nothing(), row)
    made = _latest(conn, playbook.name, lock=True)
    assert made is not None
    return made


def halted(conn: Connection, playbook: Tried) -> str | None:
    """Say why the playbook may contact nobody now, reading only; None where it may."""
    last = None if playbook.kind == "service" else _latest(conn, playbook.name)
    return STOPPED_FOR_HARM if last is not None and last.contacts == "nobody" else None


def stop(
    conn: Connection,
    ledger: Ledger,
    experiment: str,
    *,
    stopped_for: Literal["benefit", "harm"],
    reason: str,
    now: datetime,
) -> None:
    """Stop a running experiment, free those it left alone, and write it in the log.

    Raises `InvalidInput` for one that is not running.
    """
    found = find_experiment(conn, experiment)
    if found.status != "running":
        raise InvalidInput(f"the experiment {experiment} is {found.status}, it must be running")
    conn.execute(
        _change(experiment).values(
            status="stopped", stopped_for=stopped_for, reason=reason[:200], ended_at=now
        )
    )
    conn.execute(
        update(interventions)
        .where(interventions.c.experiment == experiment)
        .where(interventions.c.holdout_until > now)
        .values(holdout_until=now)
    )
    body = {"experiment": experiment, "stopped_for": stopped_for, "reason": reason}
    ledger.append(conn, "experiment_stopped", body, now=now)


def resume(
    conn: Connection, ledger: Ledger, playbook: str, *, by: str, reason: str, now: datetime
) -> TrialExperiment:
    """Let a playbook whose experiment was stopped go on, with a new experiment at its next run.

    `by` is who answers for it, `reason` why. Raises `NotFound` where nothing was stopped.
    """
    if not reason.strip():
        raise InvalidInput("no reason was given", hint="say why it may go on: --reason TEXT")
    last = _latest(conn, playbook, lock=True)
    if last is None or not _still_stopped(last):
        raise NotFound(
            f"no experiment of {playbook} is stopped", hint="see: keepwell outcomes lift"
        )
    conn.execute(_change(last.experiment).values(resumed_at=now, resumed_by=by))
    body = {"experiment": last.experiment, "by": by, "reason": reason.strip()}
    ledger.append(conn, "experiment_resumed", body, now=now)
    return last._replace(resumed_at=now)


def end_overdue(conn: Connection, ledger: Ledger, *, now: datetime) -> tuple[str, ...]:
    """End every running experiment whose time is over; gives their names."""
    due = [
        each for each in list_experiments(conn) if each.status == "running" and each.ends_at <= now
    ]
    for each in due:
        _end(conn, each.experiment, _OVER, each.ends_at)
        body = {"experiment": each.experiment, "reason": _OVER}
        ledger.append(conn, "experiment_ended", body, now=now)
    return tuple(each.experiment for each in due)


def note_look(conn: Connection, experiment: str) -> None:
    """Count one look at the result of a running experiment."""
    conn.execute(
        _change(experiment)
        .where(experiments.c.status == "running")
        .values(looks=experiments.c.looks + 1)
    )


def find_experiment(conn: Connection, experiment: str) -> TrialExperiment:
    """Give one by name; raises `NotFound`."""
    row = conn.execute(
        select(experiments).where(experiments.c.experiment == experiment)
    ).one_or_none()
    if row is None:
        raise NotFound(
            "there is no experiment of this name", hint="list them: keepwell outcomes lift"
        )
    return _read(row)


def list_experiments(conn: Connection, playbook: str | None = None) -> tuple[TrialExperiment, ...]:
    """Give all experiments, or those of one playbook, the newest first."""
    query = select(experiments).order_by(
        experiments.c.started_at.desc(), experiments.c.experiment.desc()
    )
    if playbook is not None:
        query = query.where(experiments.c.playbook == playbook)
    return tuple(_read(row) for row in conn.execute(query))


def any_running(conn: Connection) -> bool:
    """Tell whether there is an experiment to look at."""
    query = select(experiments.c.experiment).where(experiments.c.status == "running").limit(1)
    return conn.execute(query).first() is not None


def _latest(conn: Connection, playbook: str, *, lock: bool = False) -> TrialExperiment | None:
    query = (
        select(experiments)
        .where(experiments.c.playbook == playbook)
        .order_by(experiments.c.started_at.desc(), experiments.c.experiment.desc())
        .limit(1)
    )
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _read(row)


def _read(row: Row[tuple[object, ...]]) -> TrialExperiment:
    return TrialExperiment(**{name: row._mapping[name] for name in TrialExperiment._fields})


def _still_stopped(last: TrialExperiment) -> bool:
    return last.status == "stopped" and last.resumed_at is None


def _without(playbook: Tried, now: datetime) -> TrialExperiment:
    return TrialExperiment(
        experiment=f"{playbook.name}/everyone",
        playbook=playbook.name,
        target=playbook.target,
        holdout_share=0.0,
        started_at=now,
        ends_at=now,
        status="none",
        reason="nobody is left alone",
        stopped_for=None,
        ended_at=None,
        plan_digest=None,
        looks=0,
        resumed_at=None,
    )


def _free_name(conn: Connection, playbook: str, now: datetime) -> str:
    name = f"{playbook}/{to_text(now)[:10]}"
    taken = {each.experiment for each in list_experiments(conn, playbook)}
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def _frozen_plan(conn: Connection, playbook: str) -> str | None:
    """Give the plan frozen last that no experiment has used yet."""
    used = select(experiments.c.plan_digest).where(experiments.c.plan_digest.is_not(None))
    found: str | None = conn.execute(
        select(measurement_plans.c.plan_digest)
        .where(measurement_plans.c.playbook == playbook)
        .where(measurement_plans.c.plan_digest.not_in(used))
        .order_by(measurement_plans.c.frozen_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found


def _end(conn: Connection, experiment: str, reason: str, at: datetime) -> None:
    conn.execute(_change(experiment).values(status="ended", reason=reason, ended_at=at))


def _change(experiment: str) -> Update:
    return update(experiments).where(experiments.c.experiment == experiment)
