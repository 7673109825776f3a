"""The feature table alone, for people who build their own models on it; on one machine or many.

Both carriers run the same kernel over the same ranges of customers. Permission is read at one
point, and whoever changed it since is left out before the file appears under its name.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection

from features.accounts import SUBJECT as ACCOUNT
from features.accounts import memberships_around
from features.batch import feature_tables, table_writer, to_arrow
from features.cluster import ClusterTable, build_on_cluster, cluster_session, tasks_of
from features.definitions import FeatureDefinition
from features.history import customer_ids, observed_until, read_ranges, read_sample
from features.kernel import allowed_among
from features.links import counted_for
from features.plan import plan_of
from features.ranges import plan_ranges
from governance.errors import InsufficientData, InvalidInput
from governance.instants import to_micros
from governance.proof import Permit
from serving.bootstrap import Keepwell

PURPOSE = "model_training"
ENGINES = ("local", "spark")
Progress = Callable[[str], None]


class FeatureBuild(NamedTuple):
    """What a build came to.

    `permission_sequence` is the last consent event that was seen when permission was read;
    `withdrew` counts those left out because they changed their mind since.
    """

    rows: int
    features: int
    customers: int
    permission_sequence: int
    withdrew: int
    out: Path


class _Asked(NamedTuple):
    subject: str
    definitions: tuple[FeatureDefinition, ...]
    as_ofs: tuple[int, ...]
    permits: Mapping[str, Permit]

    @property
    def permit(self) -> Permit:
        return self.permits[PURPOSE]


def build_feature_table(
    keepwell: Keepwell,
    as_ofs: Sequence[datetime],
    *,
    out: Path,
    clock: Callable[[], datetime],
    subject: str = "customer",
    engine: str = "local",
    progress: Progress = lambda _: None,
) -> FeatureBuild:
    """Write one row per customer per as_of to the Parquet file `out`, in bounded memory.

    Only of customers who permit `model_training`; a feature whose own purpose someone has not
    permitted is missing for them. Without `as_ofs`, at the end of the history. With the `subject`
    account there is a row per account, of its permitted members' events, now if not stated.
    `engine` is `local` or `spark` (on the master of the settings): both give the same table, bit
    for bit. Raises `InsufficientData` when there is nobody to build features for.
    """
    aside = out.with_name(f".{out.name}.writing")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        with keepwell.database.read() as conn:
            asked = _ask(keepwell, conn, as_ofs, subject, now=clock(), progress=progress)
            run = _on_cluster if engine == "spark" else _here
            parts = run(keepwell, conn, asked, aside, progress)
        left_out = _publish(keepwell, asked, parts, aside / "whole.parquet", out, progress)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    written = pq.ParquetFile(out).metadata
    return FeatureBuild(
        rows=written.num_rows,
        features=len(asked.definitions),
        customers=len(asked.permit.customers),
        permission_sequence=asked.permit.sequence,
        withdrew=len(left_out),
        out=out,
    )


def _ask(
    keepwell: Keepwell,
    conn: Connection,
    as_ofs: Sequence[datetime],
    subject: str,
    *,
    now: datetime,
    progress: Progress,
) -> _Asked:
    """Read permission, and which features there are."""
    registry = keepwell.registry
    permit, refused = registry.permit_many(conn, PURPOSE, customer_ids(conn), now=now)
    if not permit.customers:
        raise InsufficientData(
            f"nobody permits {PURPOSE}; {len(refused):,} customers are known",
            hint="record what customers permit: keepwell consent import FILE",
        )
    if any(instant > now for instant in as_ofs):
        raise InvalidInput("an as_of lies in the future", hint="state a past instant")
    last = now if subject == ACCOUNT else observed_until(conn)
    instants = list(as_ofs) or ([min(last, now)] if last is not None else [])
    progress("looking at the histories")
    sample = read_sample(conn, keepwell.store, permit, subject=subject)
    definitions = keepwell.features.definitions(sample, sample=True)
    named = {purpose for each in definitions for purpose in each.purposes}
    permits = {PURPOSE: permit} | {
        purpose: registry.permit_many(conn, purpose, permit.customers, now=now)[0]
        for purpose in sorted(named - {"risk_scoring"})
    }
    progress(
        f"{len(definitions)} features of {len(permit.customers):,} customers at "
        f"{len(instants)} instants"
    )
    cuts = tuple(sorted({to_micros(each) for each in instants}))
    return _Asked(subject, definitions, cuts, permits)


def _here(
    keepwell: Keepwell, conn: Connection, asked: _Asked, aside: Path, progress: Progress
) -> tuple[Path, ...]:
    """Compute on this machine, one range of customers after another."""
    part = aside / "part.parquet"
    names = [definition.name for definition in asked.definitions]
    found = feature_tables(
        read_ranges(conn, keepwell.store, asked.permit, subject=asked.subject),
        asked.definitions,
        asked.as_ofs,
        permits=asked.permits,
        functions=keepwell.features.functions(asked.definitions),
        threads=os.cpu_count() or 1,
    )
    rows = 0
    with table_writer(part, names) as writer:
        for table in found:
            writer.write_table(to_arrow(table))
            rows += len(table)
            progress(f"{rows:,} rows")
    return (part,)


def _on_cluster(
    keepwell: Keepwell, conn: Connection, asked: _Asked, aside: Path, progress: Progress
) -> tuple[Path, ...]:
    """Compute in Spark's workers; history and output must lie where they see them."""
    people = sorted(asked.permit.customers)
    allowed = allowed_among(people, plan_of(asked.definitions), asked.permits)
    ranges = plan_ranges(conn, keepwell.store, subject=asked.subject)
    tasks = tasks_of(ranges, people, allowed)
    table = ClusterTable(
        store=keepwell.store,
        definitions=asked.definitions,
        as_ofs=asked.as_ofs,
        functions_directory=keepwell.features.directory,
        folder=aside,
    )
    spark = keepwell.settings.spark
    progress(f"starting Spark on {spark.master}")
    with cluster_session(spark.master, spark.conf) as session:
        progress(f"{len(tasks):,} ranges of customers on {spark.master}")
        return tuple(part.path for part in build_on_cluster(session, table, tasks))


def _publish(
    keepwell: Keepwell,
    asked: _Asked,
    parts: Sequence[Path],
    whole: Path,
    out: Path,
    progress: Progress,
) -> frozenset[str]:
    """Give the table its name while no permission can change; tells who had to be left out."""
    left_out: frozenset[str] = frozenset()
    ready = parts[0] if len(parts) == 1 else None
    while True:
        if ready is None:
            progress("putting the parts together")
            _write(whole, _tables(parts), [each.name for each in asked.definitions], left_out)
            ready = whole
        with keepwell.database.write() as conn:
            changed = frozenset().union(
                *(keepwell.registry.changed_since(conn, each) for each in asked.permits.values())
            )
            changed |= counted_for(conn, changed)
            if asked.subject == ACCOUNT:
                changed = frozenset(each.account for each in memberships_around(conn, changed))
            if changed <= left_out:
                with ready.open("rb") as file:
                    os.fsync(file.fileno())
                ready.replace(out)
                return left_out
        left_out, ready = changed, None


def _tables(parts: Iterable[Path]) -> Iterator[pa.Table]:
    for part in parts:
        file = pq.ParquetFile(part)
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


def _write(
    path: Path, tables: Iterable[pa.Table], names: Sequence[str], left_out: frozenset[str]
) -> None:
    unwanted = pa.array(sorted(left_out), pa.string())
    with table_writer(path, names) as writer:
        for table in tables:
            kept = table
            if len(unwanted):
                kept = table.filter(pc.invert(pc.is_in(table["customer_id"], unwanted)))
            writer.write_table(kept)
