"""A home's measures and lift: its histories handed to the plain functions of `outcomes`."""

from datetime import datetime, timedelta
from pathlib import Path

from features.history import observed_until, read_all
from governance.errors import InsufficientData
from outcomes.assignments import PlaybookLift, playbook_lift
from outcomes.measures import PURPOSE, Measure, Period, measure_all
from serving.bootstrap import Keepwell
from serving.interventions.playbooks import STARTERS, find_playbook, load_playbooks

_YEAR = timedelta(days=365)


def measure_home(
    keepwell: Keepwell, *, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[Period, tuple[Measure, ...]]:
    """Give every measure the histories can answer over [start, end); the last year by default.

    Raises `InsufficientData` where nothing was imported.
    """
    with keepwell.database.read() as conn:
        permit = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now)
        last = observed_until(conn)
        if last is None:
            raise InsufficientData("there is no history", hint="import data first")
        histories = read_all(conn, keepwell.store, permit)
    stop = end or last
    period = Period(start or stop - _YEAR, stop)
    return period, measure_all(histories, permit, period)


def lift_of(
    keepwell: Keepwell, playbook: str, *, horizon_days: int, file: Path | None, now: datetime
) -> PlaybookLift:
    """Compare treated and held-out customers of a playbook, as assigned."""
    found = find_playbook(load_playbooks(file or STARTERS), playbook)
    with keepwell.database.read() as conn:
        permit = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now)
        last = observed_until(conn)
        histories = read_all(conn, keepwell.store, permit)
    return playbook_lift(
        histories,
        permit,
        playbook=found.name,
        horizon_days=horizon_days,
        observed_until=min(last or now, now),
        holdout_share=found.holdout_share,
    )
