"""Nobody gets a proof but from the code that checks."""

import ast
import copy
import dataclasses
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance import proof
from governance.consent.purposes import Basis, PurposeRules
from governance.consent.registry import ConsentRegistry
from governance.errors import PermissionRefused
from governance.proof import AggregatePermit, Approval, Clearance, Permit
from serving.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = (Permit, AggregatePermit, Approval, Clearance)
MAY_MINT = {
    "mint_permit": {"governance/consent/registry.py"},
    "mint_aggregate_permit": {"governance/consent/registry.py"},
    "mint_approval": {"governance/review/reviews.py"},
    "mint_clearance": {"serving/interventions/policy/policy.py"},
}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def permit(sqlite_database: Database) -> Permit:
    rules = PurposeRules({"risk_scoring": Basis("legitimate_interest", "a" * 64)})
    registry = ConsentRegistry(rules, home_kind="production")
    with sqlite_database.read() as conn:
        found = registry.permit(conn, "anna", "risk_scoring", now=NOW)
    assert isinstance(found, Permit)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_cannot_be_constructed(kind: Any) -> None:
    with pytest.raises(PermissionRefused):
        kind()


@pytest.mark.parametrize("kind", KINDS)
def test_a_bare_object_proves_nothing(kind: Any) -> None:
    forged = object.__new__(kind)
    with pytest.raises(PermissionRefused):
        forged.require("risk_scoring", **({} if "Permit" in kind.__name__ else {"now": NOW}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_cannot_be_subclassed(kind: Any) -> None:
    with pytest.raises(PermissionRefused):
        type("Mine", (kind,), {"require": lambda self, purpose: None})


def test_a_proof_cannot_be_copied_replaced_or_pickled(permit: Permit) -> None:
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(PermissionRefused):
            attempt(permit)
    with pytest.raises(TypeError):
        dataclasses.replace(permit, purpose="outreach.email")  # type: ignore[type-var]


@pytest.mark.parametrize("name", ["purpose", "customers", "_facts", "anything"])
def test_a_proof_cannot_be_changed(permit: Permit, name: str) -> None:
    with pytest.raises(AttributeError):
        object.__setattr__(permit, name, "outreach.email")
    permit.require("risk_scoring")


def test_a_proof_of_one_kind_is_none_of_another(permit: Permit) -> None:
    object.__setattr__(permit, "__class__", AggregatePermit)
    with pytest.raises(PermissionRefused):
        permit.require("risk_scoring")


def test_its_contents_cannot_be_changed(permit: Permit) -> None:
    with pytest.raises((TypeError, AttributeError)):
        permit.consent_event_ids["bert"] = "event"  # type: ignore[index]
    assert isinstance(permit.customers, frozenset)


def test_the_mint_answers_only_the_checker() -> None:
    with pytest.raises(PermissionRefused, match=r"only governance\.consent\.registry may make"):
        proof.mint_permit(
            purpose="risk_scoring",
            customers=frozenset({"anna"}),
            judged_at=NOW,
            sequence=0,
            basis="consent",
            consent_event_ids={},
        )
    with pytest.raises(PermissionRefused, match=r"only serving\.interventions\.policy"):
        proof.mint_clearance(
            intervention_id="i",
            customer_id="anna",
            channel="email",
            playbook="help",
            valid_until=NOW + timedelta(hours=1),
            consent_event_ids={},
        )


def test_a_borrowed_name_does_not_open_the_mint() -> None:
    code = (
        "proof.mint_aggregate_permit("
        "purpose='aggregate', basis='consent', judged_at=now, min_people=1)"
    )
    with pytest.raises(PermissionRefused):
        eval(code, {"__name__": "governance.consent.registry", "proof": proof, "now": NOW})


def _module_paths() -> list[Path]:
    floors = ("governance", "features", "training", "outcomes", "serving")
    return [path for floor in floors for path in sorted((ROOT / floor).rglob("*.py"))]


@pytest.mark.parametrize("path", _module_paths(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_checkers_know_the_mint(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    if place == "governance/proof.py":
        return
    tree = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
    for mint, places in MAY_MINT.items():
        assert mint not in names or place in places
    assert not names & {"_MINTED", "_mint"}


def test_a_permit_is_for_its_purpose_and_its_people(permit: Permit) -> None:
    permit.require_customer("risk_scoring", "anna")
    with pytest.raises(PermissionRefused) as raised:
        permit.require("model_training")
    assert raised.value.reason == "other_purpose"
    with pytest.raises(PermissionRefused) as raised:
        permit.require_customer("risk_scoring", "bert")
    assert raised.value.reason == "not_covered"
