"""A home's models: trained here and put before a reviewer; back-tests beside them."""

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from features.labels import Target
from serving.access.key_issue import machine_user
from serving.audit.drawing import draw_report
from serving.bootstrap import Keepwell
from training.backtest import Backtest
from training.backtest_log import log_backtest
from training.evaluation.costs import Costs
from training.mitigation import Ask
from training.origins import run_backtest
from training.pipeline import TrainResult, train
from training.request import TrainRequest, Workshop
from training.tracking import Tracking

_CHECKOUT = Path(__file__).parents[1]


def train_model(
    keepwell: Keepwell,
    target: Target,
    *,
    test_as_of: datetime | None = None,
    trials: int | None = None,
    split_file: Path | None = None,
    exclude: tuple[str, ...] = (),
    seed: int = 0,
    author: str | None = None,
    mitigate: Ask | None = None,
    command: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> TrainResult:
    """Train, judge and submit one model of `target`, and draw its report; it ends as a candidate.

    `author` is who trains it (the user of this machine, if not said): the one person who may not
    sign it. `mitigate` says how gaps between groups are to be narrowed, if at all. Raises what
    `training.pipeline.train` raises.
    """
    request = TrainRequest(
        target=target,
        author=author or machine_user(),
        submitted_by=machine_user(),
        home_kind=keepwell.kind,
        test_as_of=test_as_of,
        split_file=split_file,
        inside_id=keepwell.inside_id,
        exclude=exclude,
        features=keepwell.features,
        seed=seed,
        costs=costs_of(keepwell),
        mitigate=mitigate,
        command=command,
        commit=_commit(),
        lock_hash=_lock_hash(),
    )
    if trials is not None:
        request = replace(request, trials=trials)
    found = train(request, workshop(keepwell), now=now, progress=progress)
    draw_report(keepwell, found.facts.model_digest, now=now, progress=progress)
    return found


def backtest_model(
    keepwell: Keepwell,
    target: Target,
    *,
    origins: int,
    trials: int | None = None,
    include_last: bool = False,
    seed: int = 0,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Backtest, str]:
    """Train anew at several past moments and test each one horizon later.

    Gives the back-test and the id of its MLflow run; no model comes out of it. Raises what
    `training.origins.run_backtest` raises.
    """
    request = TrainRequest(
        target=target,
        author=machine_user(),
        home_kind=keepwell.kind,
        inside_id=keepwell.inside_id,
        features=keepwell.features,
        seed=seed,
    )
    if trials is not None:
        request = replace(request, trials=trials)
    place = workshop(keepwell)
    found = run_backtest(
        request, place, origins=origins, include_last=include_last, now=now, progress=progress
    )
    command = f"keepwell backtest {target.name} --origins {origins} --seed {seed}"
    return found, log_backtest(place.tracking, found, command=command, commit=_commit())


def costs_of(keepwell: Keepwell) -> Costs | None:
    """Give the costs and margins that `[costs]` states; None where it states none."""
    stated = keepwell.settings.costs
    if stated is None:
        return None
    return Costs(**stated.model_dump(), currency=keepwell.settings.currency)


def workshop(keepwell: Keepwell) -> Workshop:
    """Say where training reads and writes in this home."""
    return Workshop(
        database=keepwell.database,
        registry=keepwell.registry,
        ledger=keepwell.ledger,
        store=keepwell.store,
        tracking=Tracking(keepwell.home.mlruns),
        bundles=keepwell.home.bundles,
        reports=keepwell.home.reports,
        policy=keepwell.gate_policy,
    )


def _lock_hash() -> str:
    lock = _CHECKOUT / "requirements.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else ""


def _commit() -> str:
    """Name the commit this code was checked out at; empty outside a checkout."""
    if not (_CHECKOUT / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            cwd=_CHECKOUT, capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    return found.stdout.strip()
