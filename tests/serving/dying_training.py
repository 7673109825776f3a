"""A training that dies by SIGKILL at a named point; a test runs it as a real child process."""

from datetime import datetime
from pathlib import Path

import training.pipeline as pipeline
from serving.bootstrap import open_home
from serving.models import train_model
from tests.serving.dying import after, die
from training.tracking import Tracking

POINTS = ("bundled", "started", "registered", "written", "submitted")
"""Bundle on disk; run open in MLflow; model registered, run still open; before submitting it to
the reviewers; submitted and not committed."""


def train_and_die(root: str, point: str, now: str) -> None:
    if point == "bundled":
        pipeline.save = after(pipeline.save)  # type: ignore[attr-defined]
    elif point == "started":
        Tracking.start = after(Tracking.start)  # type: ignore[method-assign]
    elif point == "registered":
        Tracking._register = after(Tracking._register)  # type: ignore[method-assign]
    elif point == "written":
        pipeline.submit = die  # type: ignore[attr-defined]
    elif point == "submitted":
        pipeline.submit = after(pipeline.submit)  # type: ignore[attr-defined]
    keepwell = open_home(Path(root))
    target = keepwell.target("churn")
    instant = datetime.fromisoformat(now)
    train_model(keepwell, target, trials=1, seed=1, command="a test", now=instant)
