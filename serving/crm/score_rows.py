"""The rows of a file of scores, and whether each may still be told."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, select

from features.labels import Target
from governance.errors import InvalidInput
from governance.pseudonym import slices
from governance.tables import decisions
from serving.bootstrap import Keepwell

_COLUMNS = (
    "customer_id", "target", "status", "probability", "low", "high", "outcome", "reasons",
    "decision_id", "model_digest", "as_of", "expires_at", "home",
)  # fmt: skip
_AT_ONCE = 2_000
JUDGED = ("customer_id", "target", "status", "decision_id", "expires_at")
"""The columns a verdict rests on."""


def target_of(keepwell: Keepwell, scores: Path) -> Target:
    """Give the target a file's scores are of; raises `InvalidInput` where that is not one."""
    for batch in batches(scores):
        names = set(batch.column("target").to_pylist())
        if len(names) == 1:
            return keepwell.target(names.pop())
        raise InvalidInput(f"{scores.name} holds scores of {len(names)} targets, needs one")
    raise InvalidInput(
        f"{scores.name} holds no score", hint="write it with: keepwell score --out FILE.parquet"
    )


def batches(scores: Path, columns: Sequence[str] = _COLUMNS) -> Iterator[pa.RecordBatch]:
    """Give some rows at a time; raises `InvalidInput` for a file `score --out` did not write."""
    try:
        with pq.ParquetFile(scores) as file:
            missing = set(_COLUMNS) - set(file.schema_arrow.names)
            if missing:
                raise KeyError(*missing)
            yield from file.iter_batches(batch_size=_AT_ONCE, columns=list(columns))
    except (pa.ArrowException, OSError, KeyError):
        raise InvalidInput(
            f"{scores.name} is not a file of scores",
            hint="write it with: keepwell score --out FILE.parquet",
        ) from None


class Reader(NamedTuple):
    """Judges rows of one target's scores, some at a time."""

    keepwell: Keepwell
    target: Target

    def judge(
        self, conn: Connection, rows: Sequence[Mapping[str, Any]], *, now: datetime
    ) -> list[str | None]:
        """Say of each row why it may not leave; None where it may."""
        people = [row["customer_id"] for row in rows]
        _, refused = self.keepwell.registry.permit_many(conn, self.target.purpose, people, now=now)
        kept = kept_results(conn, [row["decision_id"] for row in rows])
        return [_why(row, refused, kept, now) for row in rows]


def _why(
    row: Mapping[str, Any],
    refused: Mapping[str, str],
    kept: frozenset[str],
    now: datetime,
) -> str | None:
    if row["customer_id"] in refused:
        return "no_permission"
    if row["status"] != "scored":
        return "no_score"
    if row["decision_id"] not in kept:
        return "taken_back"
    return "expired" if row["expires_at"] <= now else None


def kept_results(conn: Connection, decision_ids: Sequence[str]) -> frozenset[str]:
    """Name the decisions whose result was not forgotten."""
    found: set[str] = set()
    for some in slices(sorted(set(decision_ids))):
        query = select(decisions.c.decision_id).where(
            decisions.c.decision_id.in_(some), decisions.c.result.is_not(None)
        )
        found.update(conn.execute(query).scalars())
    return frozenset(found)
