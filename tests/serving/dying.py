"""Work in a home that dies by SIGKILL at a named point; a test runs it as a real child process."""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import features.importing as importing
import serving.scorer as scoring
from features.store import HistoryStore
from governance.ledger import Ledger
from serving.bootstrap import open_home
from serving.scorer import Scorer
from serving.sources import import_file

IMPORTING = ("written", "published", "registered", "half_way", "logged")
SCORING = ("judged", "recorded", "logged")


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Do it, then die inside its transaction, before it commits."""

    def acted(*args: Any, **kwargs: Any) -> Any:
        act(*args, **kwargs)
        return die()

    return acted


def import_and_die(root: str, mapping: str, point: str, now: str) -> None:
    if point == "written":
        HistoryStore.publish = die  # type: ignore[method-assign]
    elif point == "published":
        HistoryStore.publish = after(HistoryStore.publish)  # type: ignore[method-assign]
    elif point == "registered":
        importing.register = after(importing.register)  # type: ignore[attr-defined]
    elif point == "half_way":
        importing.insert_new = after(importing.insert_new)  # type: ignore[attr-defined]
    elif point == "logged":
        Ledger.append = after(Ledger.append)  # type: ignore[method-assign]
    import_file(open_home(Path(root)), Path(mapping), None, now=datetime.fromisoformat(now))


def score_and_die(root: str, customer_id: str, point: str, now: str) -> None:
    if point == "judged":
        scoring.record = die  # type: ignore[attr-defined]
    elif point == "recorded":
        scoring.record = after(scoring.record)  # type: ignore[attr-defined]
    elif point == "logged":
        Ledger.append = after(Ledger.append)  # type: ignore[method-assign]
        Ledger.append_batch = after(Ledger.append_batch)  # type: ignore[method-assign]
    instant = datetime.fromisoformat(now)
    scorer = Scorer(open_home(Path(root)), clock=lambda: instant, trial=lambda *_: None)
    scorer.score([customer_id], targets=["churn"])
