"""The last comparison of each experiment, kept with its time.

Comparing reads the histories of everyone who was drawn, which takes seconds; a page shows what the
last look found and says when that was. The daily look takes one of every experiment.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from serving.bootstrap import Keepwell
from serving.interventions.lots.experiments import (
    TrialExperiment,
    find_experiment,
    list_experiments,
)
from serving.kept_results import KeptResult, keep_result, kept_result, kept_results
from serving.reporting.executive import trial_of
from serving.reporting.record import Trial

DUE = timedelta(days=1)


class TrialLook(NamedTuple):
    """What one experiment showed and returned when it was last compared, and when that was."""

    taken_at: datetime
    trial: Trial

    @property
    def lift(self) -> Mapping[str, Any] | None:
        """The document of `outcomes lift`, None where nothing could be compared."""
        return self.trial.lift


def take_look(keepwell: Keepwell, experiment: str, *, now: datetime) -> TrialLook:
    """Compare the arms of one experiment and keep what came of it; raises `NotFound`."""
    with keepwell.database.read() as conn:
        found = find_experiment(conn, experiment)
    trial = trial_of(keepwell, found.playbook, experiment=experiment, now=now)
    with keepwell.database.write() as conn:
        keep_result(conn, "experiment", experiment, trial._asdict(), now=now)
    return TrialLook(now, trial)


def newest_looks(keepwell: Keepwell, *, now: datetime) -> tuple[TrialLook, ...]:
    """Compare the newest experiment of every playbook and keep what came of it."""
    with keepwell.database.read() as conn:
        newest = {each.playbook: each for each in reversed(list_experiments(conn))}
    return tuple(
        take_look(keepwell, each.experiment, now=now) for _, each in sorted(newest.items())
    )


def take_looks(keepwell: Keepwell, *, now: datetime) -> int:
    """Compare every experiment whose last look is missing or a day old.

    Those that were over at their last look are left as they are.
    """
    with keepwell.database.read() as conn:
        due = [each for each in list_experiments(conn) if _is_due(conn, each, now)]
    for each in due:
        take_look(keepwell, each.experiment, now=now)
    return len(due)


def last_look(conn: Connection, experiment: str) -> TrialLook | None:
    """Give the last comparison of one experiment; None before the first."""
    kept = kept_result(conn, "experiment", experiment)
    return None if kept is None else _look(kept)


def last_looks(conn: Connection) -> dict[str, TrialLook]:
    """Give the last comparison of every experiment that was compared, by its name."""
    return {name: _look(kept) for name, kept in kept_results(conn, "experiment").items()}


def _is_due(conn: Connection, trial: TrialExperiment, now: datetime) -> bool:
    kept = last_look(conn, trial.experiment)
    if kept is None:
        return True
    if now - kept.taken_at < DUE:
        return False
    lift = kept.lift
    return lift is None or bool(lift["waiting"]) or lift["course"]["status"] == "running"


def _look(kept: KeptResult) -> TrialLook:
    return TrialLook(kept.taken_at, Trial(**kept.document))
