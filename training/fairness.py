"""The fairness audit of one test set: who may be looked at, and how groups fare."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from features.dataset import Dataset
from features.groups import protected
from governance.consent.registry import ConsentRegistry
from governance.fairness.assess import FairnessResult, Limits, assess, not_assessed
from governance.fairness.proxies import Proxy
from governance.model.card import FeatureImportance
from governance.model.gate import GatePolicy
from training.model import Vector
from training.proxies import proxies

SELECTED_SHARE = 0.2


class Groups(NamedTuple):
    """Whose protected attributes may be looked at, and what they are: attribute, person, group.

    `missing` says why there is nothing to look at; empty where there is.
    """

    people: frozenset[str]
    by_attribute: dict[str, dict[str, str]]
    missing: str

    def allowed(self, rows: Dataset) -> NDArray[np.bool_]:
        """Which rows (n,) are of people whose attributes may be looked at."""
        return np.array([found in self.people for found in rows.customers], dtype=np.bool_)

    def labels(self, rows: Dataset) -> dict[str, list[str | None]]:
        """Attribute to the group of each row (n,), None where it is not known or not permitted."""
        customers = rows.customers.tolist()
        return {
            name: [values.get(person) for person in customers]
            for name, values in self.by_attribute.items()
        }


def permitted_groups(
    conn: Connection, registry: ConsentRegistry, customers: Iterable[str], *, now: datetime
) -> Groups:
    """Bring in the protected attributes of those customers who permit `fairness_audit`."""
    permit, _ = registry.permit_many(conn, "fairness_audit", list(customers), now=now)
    if not permit.customers:
        return Groups(frozenset(), {}, "nobody has permitted the fairness audit")
    known = {name: dict(values) for name, values in protected(conn, permit).items()}
    missing = "" if known else "there are no protected attributes to assess by"
    return Groups(frozenset(permit.customers), known, missing)


def selected_from(probability: Vector) -> float:
    """The probability from which on someone counts as selected: the top fifth of training rows."""
    return float(np.quantile(probability, 1 - SELECTED_SHARE))


def latest_rows(train: Dataset) -> Dataset:
    """Give the training rows at the latest cut-off: one per person, nearest to today."""
    return train.take(train.as_of == train.as_of.max())


def limits_of(policy: GatePolicy) -> Limits:
    """Give the part of the gate's policy that speaks of groups."""
    return Limits(
        max_rate_gap=policy.max_rate_gap,
        max_calibration_gap=policy.max_calibration_gap,
        min_group=policy.min_group,
    )


def weigh(
    groups: Groups, test: Dataset, probability: Vector, threshold: float, limits: Limits
) -> FairnessResult:
    """Compare groups of the test customers who permit it; else "not assessed" and why.

    Only people with a permission are looked at; an attribute someone has no value for is unknown.
    """
    if groups.missing:
        return not_assessed(groups.missing)
    allowed = groups.allowed(test)
    if not allowed.any():
        return not_assessed("nobody in the test set has permitted the fairness audit")
    return assess(
        test.y[allowed],
        probability[allowed],
        probability[allowed] >= threshold,
        groups.labels(test.take(allowed)),
        limits=limits,
    )


def find_proxies(
    groups: Groups,
    test: Dataset,
    importance: tuple[FeatureImportance, ...],
    limits: Limits,
    *,
    seed: int,
) -> tuple[Proxy, ...]:
    """Look whether the test rows' features tell the groups of those who permit it."""
    allowed = groups.allowed(test)
    if groups.missing or not allowed.any():
        return ()
    rows = test.take(allowed)
    return proxies(
        rows.values,
        rows.names,
        groups.labels(rows),
        importance=importance,
        min_group=limits.min_group,
        min_cell=limits.min_cell,
        seed=seed,
    )
