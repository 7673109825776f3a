"""Labels that the company states itself, one snapshot at a time."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from features.tables import given_labels
from governance.errors import NotFound
from governance.proof import Permit


class GivenLabels(NamedTuple):
    """Labels of one snapshot: customer to 0.0 or 1.0, known just after `as_of`."""

    as_of: datetime
    values: Mapping[str, float]


def read_given_labels(
    conn: Connection, target: str, permit: Permit, *, as_of: datetime | None = None
) -> GivenLabels:
    """Bring in the given labels of the customers that a `model_training` permit covers.

    The newest snapshot unless `as_of` names one. Raises `NotFound` when there is none.
    """
    permit.require("model_training")
    labels = given_labels.c
    query = select(func.max(labels.as_of)).where(labels.target == target)
    found: datetime | None = as_of or conn.execute(query).scalar()
    if found is None:
        raise NotFound(
            f"no label {target!r} was given",
            hint="import a [snapshot] whose mapping states labels",
        )
    rows = conn.execute(
        select(labels.customer_id, labels.value).where(
            labels.target == target, labels.as_of == found
        )
    )
    customers = permit.customers
    return GivenLabels(found, {c: value for c, value in rows if c in customers})


def given_targets(conn: Connection) -> list[str]:
    """Name the targets for which labels were given."""
    found = select(given_labels.c.target).distinct().order_by(given_labels.c.target)
    return list(conn.execute(found).scalars())
