"""Only people who permit the fairness audit are looked at, and nobody after a withdrawal."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert

from features.dataset import Dataset
from features.tables import protected_attributes
from governance.consent.purposes import PurposeRules
from governance.consent.record import ConsentChange
from governance.consent.registry import ConsentRegistry
from governance.fairness.assess import Limits
from governance.pseudonym import Suppression
from serving.database import Database
from tests.training.company import NOW
from tests.training.made_rows import made
from training.fairness import find_proxies, permitted_groups, weigh

EVERYONE = [f"c{k:03d}" for k in range(120)]
REGISTRY = ConsentRegistry(
    PurposeRules(),
    home_kind="production",
    suppression=Suppression(b"a key for tests, 32 bytes long.."),
)


@pytest.fixture
def asked(database: Database) -> Database:
    """Everyone's region is stated; 80 of 120 people permit the fairness audit."""
    with database.write() as conn:
        conn.execute(
            insert(protected_attributes),
            [
                {"customer_id": c, "name": "region", "value": "north" if k % 2 else "south"}
                for k, c in enumerate(EVERYONE)
            ],
        )
        for customer in EVERYONE[:80]:
            change = ConsentChange(
                customer_id=customer, purpose="fairness_audit", state="given",
                mechanism="checkbox_ticked", evidence=f"form {customer}",
            )  # fmt: skip
            REGISTRY.record(conn, change, now=NOW - timedelta(days=1))
    return database


def rows() -> Dataset:
    return made(EVERYONE, [0] * len(EVERYONE))


def test_only_those_who_permit_it_are_compared(asked: Database) -> None:
    with asked.read() as conn:
        groups = permitted_groups(conn, REGISTRY, EVERYONE, now=NOW)
    scores = np.linspace(0, 1, len(EVERYONE))
    result = weigh(groups, rows(), scores, 0.5, Limits())
    assert result.n == 80
    assert {cell.group: cell.n for cell in result.groups} == {"north": 40, "south": 40}


def test_a_withdrawal_counts_from_the_next_look_on(asked: Database) -> None:
    with asked.write() as conn:
        REGISTRY.withdraw(conn, EVERYONE[0], "fairness_audit", now=NOW, actor="customer")
    with asked.read() as conn:
        groups = permitted_groups(conn, REGISTRY, EVERYONE, now=NOW)
    assert EVERYONE[0] not in groups.people
    assert EVERYONE[0] not in groups.by_attribute["region"]
    assert groups.labels(rows())["region"][0] is None


def test_where_nobody_permits_it_nothing_is_assessed_and_it_says_so(database: Database) -> None:
    with database.read() as conn:
        groups = permitted_groups(conn, REGISTRY, EVERYONE, now=NOW)
    result = weigh(groups, rows(), np.zeros(len(EVERYONE)), 0.5, Limits())
    assert (result.outcome, result.reason) == (
        "not_assessed", "nobody has permitted the fairness audit",
    )  # fmt: skip
    assert find_proxies(groups, rows(), (), Limits(), seed=0) == ()


def test_where_those_who_permit_it_are_not_in_the_test_nothing_is_assessed(
    asked: Database,
) -> None:
    with asked.read() as conn:
        groups = permitted_groups(conn, REGISTRY, EVERYONE, now=NOW)
    others = made(EVERYONE[80:], [0] * 40)
    result = weigh(groups, others, np.zeros(40), 0.5, Limits())
    assert result.outcome == "not_assessed"
    assert "nobody in the test set" in result.reason
