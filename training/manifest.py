"""The dataset manifest of a run: which rows it read, by digest and count; nobody is named.

Whose rows they were stands in the operational database alone, under random ids.
"""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from features.dataset import Dataset
from features.history import customer_ids
from governance.instants import from_micros, to_text
from governance.lineage import note_people
from governance.model.card import ModelFacts
from governance.pseudonym import PersonIds
from training.extract import Extract
from training.run_record import DatasetNote

TRAINING, TESTING = "training", "testing"


def manifest_of(data: Extract) -> dict[str, Any]:
    """Give digests, counts, permission, what was dropped and every feature's definition.

    Equal digests mean equal rows, labels, definitions and target.
    """
    share = data.answered_share
    return {
        "target": json.loads(json.dumps(asdict(data.train.target), default=str)),
        "split": data.split,
        "test_as_of": to_text(data.test_as_of),
        TRAINING: _side(data.train),
        TESTING: _side(data.test),
        "permission": dict(data.permission),
        "dropped": [each._asdict() for each in data.dropped],
        "answered_share": None if share is None else share.to_json(),
        "features": [each.to_json() for each in data.train.definitions],
        "features_left_out": list(data.left_out),
    }


def note_training_people(
    conn: Connection, rows: Dataset, model_digest: str, *, now: datetime
) -> None:
    """Write down whose rows a model learned from, so that a later withdrawal can be told.

    Whoever was erased while the model was being trained is left out: no id leads to them any more.
    """
    people = set(rows.customers.tolist()) & set(customer_ids(conn))
    note_people(
        conn,
        model_digest=model_digest,
        dataset_digest=rows.manifest_digest,
        persons=set(PersonIds().person_ids(conn, people).values()),
        now=now,
    )


def inputs_of(data: Extract, facts: ModelFacts) -> tuple[DatasetNote, DatasetNote]:
    """Give both sets of rows for MLflow's column of datasets."""
    return (
        _note(f"{facts.target} training", TRAINING, data.train),
        _note(f"{facts.target} test {facts.test.as_of:%Y-%m-%d}", TESTING, data.test),
    )


def _side(rows: Dataset) -> dict[str, Any]:
    instants, counts = np.unique(rows.as_of, return_counts=True)
    return {
        "digest": rows.manifest_digest,
        **_counts(rows),
        "rows_at": {
            to_text(from_micros(int(at))): int(n) for at, n in zip(instants, counts, strict=True)
        },
    }


def _counts(rows: Dataset) -> dict[str, int]:
    return {
        "rows": len(rows),
        "customers": len(np.unique(rows.customer_index)),
        "positives": int(rows.y.sum()),
    }


def _note(name: str, context: str, rows: Dataset) -> DatasetNote:
    return DatasetNote(name, context, rows.manifest_digest, rows.names, _counts(rows))
