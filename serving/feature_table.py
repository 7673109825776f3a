"""The feature table alone, for people who build their own models on it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.history import customer_ids, observed_until, read_all
from features.kernel import compute
from governance.errors import InsufficientData, InvalidInput
from governance.instants import to_micros
from serving.bootstrap import Keepwell

PURPOSE = "model_training"
_ROW_GROUP = 65_536


def build_feature_table(
    keepwell: Keepwell,
    as_ofs: Sequence[datetime],
    *,
    out: Path,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[int, int]:
    """Write one row per customer per as_of to the Parquet file `out`; gives (rows, features).

    Only of customers who permit `model_training`; a feature whose own purpose someone has not
    permitted is missing for them. Without `as_ofs`, at the end of the history. Raises
    `InsufficientData` when there is nobody to build features for.
    """
    with keepwell.database.read() as conn:
        registry = keepwell.registry
        permit, refused = registry.permit_many(conn, PURPOSE, customer_ids(conn), now=now)
        if not permit.customers:
            raise InsufficientData(
                f"nobody permits {PURPOSE}; {len(refused):,} customers are known",
                hint="record what customers permit: keepwell consent import FILE",
            )
        if any(instant > now for instant in as_ofs):
            raise InvalidInput("an as_of lies in the future", hint="state a past instant")
        last = observed_until(conn)
        instants = list(as_ofs) or ([last] if last is not None else [])
        progress(f"reading {len(permit.customers):,} histories")
        histories = read_all(conn, keepwell.store, permit, digests=False)
        definitions = keepwell.features.definitions(histories)
        named = {purpose for each in definitions for purpose in each.purposes}
        permits = {PURPOSE: permit} | {
            purpose: registry.permit_many(conn, purpose, permit.customers, now=now)[0]
            for purpose in sorted(named - {"risk_scoring"})
        }
    progress(f"{len(definitions)} features at {len(instants)} instants")
    found = compute(
        histories,
        definitions,
        [to_micros(i) for i in instants],
        permits=permits,
        functions=keepwell.features.functions(definitions),
    )
    columns = {
        "customer_id": pa.array(found.customers, pa.string()),
        "as_of": pa.array(found.as_of, pa.timestamp("us", tz="UTC")),
    } | {name: pa.array(found.values[:, k]) for k, name in enumerate(found.names)}
    progress(f"writing {len(found):,} rows")
    aside = out.with_name(f".{out.name}.writing")
    pq.write_table(
        pa.table(columns),
        aside,
        row_group_size=_ROW_GROUP,
        compression="lz4",
        use_dictionary=["customer_id"],
    )
    aside.replace(out)
    return len(found), len(found.names)
