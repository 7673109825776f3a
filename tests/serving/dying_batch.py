"""A batch that dies by SIGKILL at a named point; a test runs it as a real child process."""

from datetime import datetime
from pathlib import Path

import serving.scoring.batch as batch
from governance.log.decision_batch import DecisionBatch
from serving.bootstrap import open_home
from tests.serving.dying import after, die

BEFORE = ("begun", "judged", "laying", "laid", "written", "giving")
"""Points before the commit that gives the verdicts."""


def score_everyone_and_die(root: str, out: str, point: str, now: str) -> None:
    if point == "begun":
        batch._judge = die
    elif point == "judged":
        batch._lay = die
    elif point == "laying":
        DecisionBatch.lay = after(DecisionBatch.lay)  # type: ignore[method-assign]
    elif point == "laid":
        batch._lay = after(batch._lay)
    elif point == "written":
        batch._write = after(batch._write)
    elif point == "giving":
        DecisionBatch.give = after(DecisionBatch.give)  # type: ignore[method-assign]
    elif point == "given":
        batch._name = die
    keepwell, instant = open_home(Path(root)), datetime.fromisoformat(now)
    batch.score_everyone(keepwell, keepwell.target("churn"), out=Path(out), clock=lambda: instant)
