"""Everyone's scores into one Parquet file, in bounded memory, on one machine or many.

One range of customers after another is asked for permission, judged, and laid down in the record of
decisions, where nobody sees it yet. Then permission is asked again: whoever changed it meanwhile is
dropped, one entry of the log commits to all verdicts, and only afterwards the file has its name.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from features.labels import Target
from features.ranges import plan_ranges
from governance.consent.queries import current_sequence
from governance.errors import InsufficientData, InvalidInput
from governance.log.decision_batch import BatchFacts, DecisionBatch, Laid, Verdict, sweep
from governance.review.reviews import champion as approval_of
from serving.bootstrap import Keepwell
from serving.scoring.batch_permission import BatchPermission
from serving.scoring.champions import open_bundle
from serving.scoring.home_clock import home_clock
from serving.scoring.own_rows import held_scores
from serving.scoring.range_scores import BatchWork, RangeScores
from serving.scoring.score_file import SCHEMA, VALID_FOR, Stamp
from serving.scoring.staleness import is_stale
from serving.scoring.workforce import judged_here, judged_on_cluster

__all__ = ["ENGINES", "VALID_FOR", "Batch", "score_everyone"]

ENGINES = ("local", "spark")
Progress = Callable[[str], None]
_LAID_AT_ONCE = 50_000


class Batch(NamedTuple):
    """What a batch came to; each person counts once. `withdrew` changed their mind meanwhile."""

    scored: int
    refused: int
    insufficient_data: int
    unknown: int
    withdrew: int
    reasons: Mapping[str, int]
    model_digest: str
    as_of: datetime
    out: Path | None


def score_everyone(
    keepwell: Keepwell,
    target: Target,
    *,
    out: Path | None,
    clock: Callable[[], datetime],
    as_of: datetime | None = None,
    customers: Sequence[str] | None = None,
    engine: str = "local",
    progress: Progress = lambda _: None,
) -> Batch:
    """Score all customers, or those named, and write one row for each who permits it.

    Permission is read at one point, and whoever changed it since is dropped in the transaction that
    gives the decisions, before the file appears under its name. Refusals are decisions, too, but
    never rows. `engine` is `local` or `spark` (on the master of the settings): both write the same
    rows. Raises `InsufficientData` when no model is approved.
    """
    with _aside(keepwell, out) as folder:
        work, permission = _start(keepwell, target, folder, clock, as_of)
        _sweep(keepwell, clock)
        with keepwell.database.write() as conn:
            batch = DecisionBatch.begin(conn, work.facts, now=clock())
        try:
            tally = _judge(keepwell, batch, work, permission, customers, engine, clock, progress)
            _publish(keepwell, batch, permission, tally, folder, out, clock, progress)
        except Exception:
            with suppress(SQLAlchemyError):
                with keepwell.database.write() as conn:
                    batch.abandon(conn, now=clock())
                _sweep(keepwell, clock)
            raise
    return Batch(
        scored=tally.outcomes["scored"],
        refused=tally.outcomes["refused"],
        insufficient_data=tally.outcomes["insufficient_data"],
        unknown=tally.outcomes["unknown"],
        withdrew=tally.withdrew,
        reasons=dict(tally.refusals),
        model_digest=work.stamp.model_digest,
        as_of=work.facts.as_of,
        out=out,
    )


def _sweep(keepwell: Keepwell, clock: Callable[[], datetime]) -> None:
    """Take away, some at a time, what batches laid down that died."""
    more = True
    while more:
        with keepwell.database.write() as conn:
            more = sweep(conn, now=clock(), limit=_LAID_AT_ONCE)


class _Tally:
    """What was judged so far: outcomes, why refusals, and the files with the rows."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.withdrew = 0
        self.parts: list[Path] = []


@contextmanager
def _aside(keepwell: Keepwell, out: Path | None) -> Iterator[Path]:
    """Give a folder for what is not ready, beside where the file will be; it goes in any case."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix=".scores-", dir=keepwell.home.var) as made:
            yield Path(made)
        return
    folder = out.with_name(f".{out.name}.writing")
    shutil.rmtree(folder, ignore_errors=True)
    folder.unlink(missing_ok=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(
    keepwell: Keepwell,
    target: Target,
    folder: Path,
    clock: Callable[[], datetime],
    as_of: datetime | None,
) -> tuple[BatchWork, BatchPermission]:
    now = clock()
    with keepwell.database.read() as conn:
        approval = approval_of(conn, target.name, now=now)
        if approval is None:
            raise InsufficientData(
                f"no model is approved for {target.name}",
                hint=f"keepwell train {target.name}, then keepwell review approve",
            )
        stops = keepwell.settings.monitoring.on_stale == "stop" and is_stale(conn, approval)
        instant = as_of if as_of is not None else home_clock(keepwell, conn, now=now)
        since = current_sequence(conn)
    champion = open_bundle(keepwell.home, approval.model_digest)
    facts = BatchFacts("score", target.purpose, target.name, instant, now)
    days = champion.model.horizon_days
    stamp = Stamp(
        target=target.name,
        horizon_days=days,
        outcome=target.say(days),
        model_digest=champion.model.digest,
        as_of=instant,
        expires_at=now + VALID_FOR,
        home=keepwell.kind,
        currency=keepwell.settings.currency,
    )
    purposes = (target.purpose, *(each for each in champion.purposes if each != target.purpose))
    work = BatchWork(
        keepwell.home, keepwell.store, target, facts, stamp, purposes, stops, folder.resolve()
    )
    permission = BatchPermission(
        keepwell, purposes, champion.plan, since=since, judged_at=now, clock=clock
    )
    return work, permission


def _judge(
    keepwell: Keepwell,
    batch: DecisionBatch,
    work: BatchWork,
    permission: BatchPermission,
    customers: Sequence[str] | None,
    engine: str,
    clock: Callable[[], datetime],
    progress: Progress,
) -> _Tally:
    """Judge one range after another and lay the verdicts down."""
    progress("reading histories")
    wanted = None
    if customers is not None:
        wanted = sorted({keepwell.inside_id(each) for each in customers})
    with keepwell.database.read() as conn:
        ranges = plan_ranges(conn, keepwell.store)
    given = permission.ranges(ranges, wanted)
    if engine == "spark":
        if work.target.is_personal:
            raise InvalidInput(
                "targets about how people fare are scored on one machine",
                hint="use --engine local",
            )
        found = judged_on_cluster(keepwell.settings.spark, work, given, progress)
    else:
        found = judged_here(work, given, count=len(ranges))
    tally = _Tally()
    for each in found:
        _lay(keepwell, batch, each, tally, clock)
        permission.remember(each.carried)
        tally.parts.append(each.scores)
        each.verdicts.unlink()
        progress(f"estimating {sum(tally.outcomes.values()):,} customers")
    return tally


def _lay(
    keepwell: Keepwell,
    batch: DecisionBatch,
    found: RangeScores,
    tally: _Tally,
    clock: Callable[[], datetime],
) -> None:
    for verdicts in _verdicts(found.verdicts):
        with keepwell.database.write() as conn:
            batch.lay(conn, verdicts, now=clock())
        tally.outcomes.update(each.outcome for each in verdicts)
        tally.refusals.update(each.reason for each in verdicts if each.outcome == "refused")


def _verdicts(path: Path) -> Iterator[list[Verdict]]:
    for rows in _batches(path):
        for at in range(0, len(rows), _LAID_AT_ONCE):
            some = rows.slice(at, _LAID_AT_ONCE)
            columns = [column.to_pylist() for column in some.columns]
            yield [Verdict(*row) for row in zip(*columns, strict=True)]


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
        for k in range(reader.num_record_batches):
            yield reader.get_batch(k)


def _publish(
    keepwell: Keepwell,
    batch: DecisionBatch,
    permission: BatchPermission,
    tally: _Tally,
    folder: Path,
    out: Path | None,
    clock: Callable[[], datetime],
    progress: Progress,
) -> None:
    """Give the verdicts while no permission can change; the file is ready by then, but for a name.

    Where somebody changed their mind the file is written anew without them, and permission is
    asked once more.
    """
    left_out: frozenset[str] = frozenset()
    while True:
        written = None
        if out is not None:
            progress("writing the file")
            written = folder / "whole.parquet"
            _write(written, tally.parts, left_out)
        progress("recording decisions")
        with held_scores(keepwell.home):
            with keepwell.database.write() as conn:
                now = clock()
                changed, erased = _changed(keepwell, conn, batch, permission)
                dropped = frozenset(each.decision_id for each in (*changed, *erased))
                ready = written is None or dropped <= left_out
                if ready:
                    batch.refuse(conn, changed)
                    batch.refuse(conn, erased, forget=True)
                    gone = {each.decision_id: each.outcome for each in (*changed, *erased)}
                    tally.outcomes.subtract(gone.values())
                    tally.withdrew = len(gone)
                    outcomes = +tally.outcomes + Counter(refused=len(gone))
                    batch.give(conn, keepwell.ledger, outcomes, now=now)
            if ready:
                _name(written, out)
                return
        left_out = dropped


def _changed(
    keepwell: Keepwell, conn: Connection, batch: DecisionBatch, permission: BatchPermission
) -> tuple[list[Laid], list[Laid]]:
    """Find the verdicts on people who changed their mind, and those on people who were erased."""
    customers = permission.changed(conn)
    erased = []
    if keepwell.suppression.any_since(conn, permission.since):
        erased = batch.of_nobody(conn)
    if customers is None:
        people = None
    else:
        people = sorted(keepwell.persons.find_many(conn, customers).values())
    nobody = {each.decision_id for each in erased}
    changed = batch.of_people(conn, people)
    return [each for each in changed if each.decision_id not in nobody], erased


def _write(path: Path, parts: Iterable[Path], left_out: frozenset[str]) -> None:
    """Write the file durably, without the rows of these decisions."""
    unwanted = pa.array(sorted(left_out), pa.string())
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for part in parts:
            for rows in _batches(part):
                kept = rows
                if len(unwanted):
                    kept = rows.filter(pc.invert(pc.is_in(rows["decision_id"], unwanted)))
                writer.write_batch(kept)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _name(written: Path | None, out: Path | None) -> None:
    """Give the file its name, where one is to come of it."""
    if written is not None and out is not None:
        written.replace(out)
