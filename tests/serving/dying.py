"""Work in a home that dies by SIGKILL at a named point; a test runs it as a real child process."""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import features.compaction as compaction
import features.erasure as erasure
import features.importing.publishing as publishing
import features.importing.run as importing
import serving.rights.acts as rights
import serving.scoring.scorer as scoring
from features.store import HistoryStore
from governance.log.ledger import Ledger
from serving.bootstrap import open_home
from serving.scoring.scorer import Scorer
from serving.sources import import_file

IMPORTING = ("written", "published", "packed", "prepared", "registered", "half_way", "logged")
TIDYING = ("written", "copied", "marked", "merging", "merged", "replaced", "sweeping")
ERASING = ("rewritten", "replaced", "erased", "sweeping")
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
    elif point == "packed":
        publishing._insert = after(publishing._insert)
    elif point == "prepared":
        importing.prepare = after(importing.prepare)  # type: ignore[attr-defined]
    elif point == "registered":
        publishing.register = after(publishing.register)  # type: ignore[attr-defined]
    elif point == "half_way":
        importing.insert_new = after(importing.insert_new)  # type: ignore[attr-defined]
    elif point == "logged":
        Ledger.append = after(Ledger.append)  # type: ignore[method-assign]
    import_file(open_home(Path(root)), Path(mapping), None, now=datetime.fromisoformat(now))


def tidy_and_die(root: str, point: str, now: str) -> None:
    if point == "written":
        HistoryStore.publish = die  # type: ignore[method-assign]
    elif point == "copied":
        compaction.register = after(compaction.register)  # type: ignore[attr-defined]
    elif point == "marked":
        compaction.compact = after(compaction.compact)
    elif point == "merging":
        compaction._to_merge = die
    elif point == "merged":
        compaction._replace = die
    elif point == "replaced":
        compaction._replace = after(compaction._replace)
    elif point == "sweeping":
        compaction.sweep = die
    keepwell = open_home(Path(root))
    compaction.tidy(keepwell.database, keepwell.store, now=datetime.fromisoformat(now))


def erase_and_die(root: str, customer_id: str, point: str, now: str) -> None:
    if point == "rewritten":
        erasure.prune_bucket = after(erasure.prune_bucket)  # type: ignore[attr-defined]
    elif point == "replaced":
        erasure.replace_bucket = after(erasure.replace_bucket)  # type: ignore[attr-defined]
    elif point == "erased":
        rights.features.erase_customer = after(erasure.erase_customer)  # type: ignore[attr-defined]
    elif point == "sweeping":
        rights.sweep = die  # type: ignore[attr-defined]
    rights.erase(open_home(Path(root)), customer_id, now=datetime.fromisoformat(now))


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
