"""Whom a playbook may be asked about: everyone with a score in a batch's file."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import InvalidInput
from serving.interventions.policy import Candidate

_COLUMNS = ["customer_id", "target", "status", "probability", "decision_id", "model_digest"]


def read_candidates(scores: Path, *, purpose: str, further: Sequence[str]) -> tuple[Candidate, ...]:
    """Read the scored customers of a file that `serving.scoring.batch` wrote.

    `purpose` is what the scores were made for, `further` what else the model's features need.
    Raises `InvalidInput` for any other file.
    """
    try:
        rows = pq.read_table(scores, columns=_COLUMNS).to_pylist()
    except (pa.ArrowException, OSError):
        raise InvalidInput(
            f"{scores.name} is not a file of scores",
            hint="write it with: keepwell score --out FILE.parquet",
        ) from None
    return tuple(
        Candidate(
            customer_id=row["customer_id"],
            probability=row["probability"],
            target=row["target"],
            model_digest=row["model_digest"],
            score_decision_id=row["decision_id"],
            purpose=purpose,
            model_purposes=frozenset({purpose, *further}),
        )
        for row in rows
        if row["status"] == "scored"
    )
