"""A file of scores: its columns, and how rows of many people are put into them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from serving.scoring.moved import Moved
from serving.scoring.outlook import NOTHING, Outlook
from serving.scoring.told_groups import grouped

VALID_FOR = timedelta(days=30)
"""How long a score in a file may be used; a withdrawal ends that at once, file or not."""

_MEMBER = pa.struct(
    [("feature", pa.string()), ("value", pa.float64()), ("contribution", pa.float64())]
)
_REASON = pa.struct(
    [
        ("feature", pa.string()),
        ("value", pa.float64()),
        ("contribution", pa.float64()),
        ("text", pa.string()),
        ("group", pa.string()),
        ("members", pa.list_(_MEMBER)),
    ]
)
_HORIZON = pa.struct(
    [
        ("horizon_days", pa.int32()),
        ("probability", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)
_DAYS = pa.struct([("median", pa.float64()), ("low", pa.float64()), ("high", pa.float64())])
_AMOUNT = pa.struct(
    [
        ("expected", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("currency", pa.string()),
        ("horizon_days", pa.int32()),
    ]
)
_LIKELY = pa.struct([("category", pa.string()), ("probability", pa.float64())])
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("target", pa.string()),
        ("status", pa.string()),
        ("probability", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("horizon_days", pa.int32()),
        ("reasons", pa.list_(_REASON)),
        ("outcome", pa.string()),
        ("horizons", pa.list_(_HORIZON)),
        ("days", _DAYS),
        ("value", _AMOUNT),
        ("categories", pa.list_(_LIKELY)),
        ("decision_id", pa.string()),
        ("model_digest", pa.string()),
        ("as_of", pa.timestamp("us", tz="UTC")),
        ("expires_at", pa.timestamp("us", tz="UTC")),
        ("home", pa.string()),
    ]
)


class Stamp(NamedTuple):
    """What all rows of a file share."""

    target: str
    horizon_days: int
    outcome: str
    model_digest: str
    as_of: datetime
    expires_at: datetime
    home: str
    currency: str | None


def score_rows(
    stamp: Stamp,
    customers: Sequence[str],
    decision_ids: Sequence[str],
    place: NDArray[np.int64],
    numbers: Sequence[NDArray[np.float64]],
    told: Moved,
    outlooks: Sequence[Outlook],
    definitions: tuple[FeatureDefinition, ...],
) -> pa.RecordBatch:
    """Give the rows of n customers, of whom r are scored.

    `place` (n,) is each one's place among the r, -1 for those without a score; `numbers` are
    probability, low and high (r,), and `told`, `outlooks` and `definitions` of those r.
    """
    taken = pa.array(place, mask=place < 0)
    count = len(customers)

    def same(value: Any, name: str) -> pa.Array:
        return pa.repeat(pa.scalar(value, SCHEMA.field(name).type), count)

    def outlook(name: str) -> pa.Array:
        kind = SCHEMA.field(name).type
        if all(each is NOTHING for each in outlooks):
            return pa.nulls(count, kind)
        rows = [each.to_json(stamp.currency).get(name) for each in outlooks]
        return pa.array(rows, kind).take(taken)

    status = np.where(place < 0, "insufficient_data", "scored")
    columns = [
        pa.array(customers, pa.string()),
        same(stamp.target, "target"),
        pa.array(status.tolist(), pa.string()),
        *(pa.array(column).take(taken) for column in numbers),
        same(stamp.horizon_days, "horizon_days"),
        _reasons(told, definitions, place),
        same(stamp.outcome, "outcome"),
        *(outlook(name) for name in ("horizons", "days", "value", "categories")),
        pa.array(decision_ids, pa.string()),
        *(
            same(getattr(stamp, name), name)
            for name in ("model_digest", "as_of", "expires_at", "home")
        ),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _reasons(
    told: Moved, definitions: tuple[FeatureDefinition, ...], place: NDArray[np.int64]
) -> pa.Array:
    """Give each customer's reasons; an empty list for those without a score."""
    groups = grouped(definitions)
    names, titles = pa.array(groups.names, pa.string()), pa.array(groups.titles, pa.string())
    members = pa.StructArray.from_arrays(
        [
            names.take(pa.array(told.member)),
            _known(told.member_value),
            pa.array(told.member_contribution),
        ],
        fields=list(_MEMBER),
    )
    reasons = pa.StructArray.from_arrays(
        [
            names.take(pa.array(told.feature)),
            _known(told.value),
            pa.array(told.contribution),
            pa.array(told.text, pa.string()),
            titles.take(pa.array(told.group)),
            pa.ListArray.from_arrays(pa.array(told.member_at, pa.int32()), members),
        ],
        fields=list(_REASON),
    )
    sizes = np.diff(told.at)[place] if len(told.at) > 1 else np.zeros(len(place), np.int64)
    sizes = np.where(place < 0, 0, sizes)
    at = np.concatenate([[0], np.cumsum(sizes)])
    return pa.ListArray.from_arrays(pa.array(at, pa.int32()), reasons)


def _known(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
