"""The fairness audit of one test set: who may be looked at, and how groups fare."""

from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from features.dataset import Dataset
from features.groups import protected
from governance.consent import ConsentRegistry
from governance.fairness import FairnessResult, Limits, assess, not_assessed
from governance.gate import GatePolicy
from training.model import Vector

SELECTED_SHARE = 0.2


def selected_from(probability: Vector) -> float:
    """The probability from which on someone counts as selected: the top fifth of training rows."""
    return float(np.quantile(probability, 1 - SELECTED_SHARE))


def weigh(
    conn: Connection,
    registry: ConsentRegistry,
    test: Dataset,
    probability: Vector,
    threshold: float,
    *,
    policy: GatePolicy,
    now: datetime,
) -> FairnessResult:
    """Compare groups of test customers who permit `fairness_audit`; else "not assessed" and why.

    Only people with a permission are looked at; an attribute someone has no value for is unknown.
    """
    customers = test.customers.tolist()
    permit, _ = registry.permit_many(conn, "fairness_audit", customers, now=now)
    if not permit.customers:
        return not_assessed("nobody in the test set has permitted the fairness audit")
    known = protected(conn, permit)
    if not known:
        return not_assessed("there are no protected attributes to assess by")
    allowed = np.array([found in permit.customers for found in customers], dtype=np.bool_)
    people = [found for found in customers if found in permit.customers]
    return assess(
        test.y[allowed],
        probability[allowed],
        probability[allowed] >= threshold,
        {name: [values.get(person) for person in people] for name, values in known.items()},
        limits=Limits(
            max_rate_gap=policy.max_rate_gap,
            max_calibration_gap=policy.max_calibration_gap,
            min_group=policy.min_group,
        ),
    )
