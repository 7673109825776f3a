"""Protected attributes reach the audit alone; a biased model is refused from end to end."""

import ast
import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.serving.test_cli import Commands, Told
from tests.training.company import write_people

CHECKOUT = Path(__file__).parents[1]
FLOORS = ("governance", "features", "training", "outcomes", "serving")
MAPPING = """
[source]
path = "people.csv"
timezone = "UTC"
[customer]
id = "customer"
protected = { ATTRIBUTE = "ATTRIBUTE" }
[snapshot]
as_of = "2025-12-31"
labels = { churn = "left_us = 1" }
"""
SETTINGS = """
[targets.churn]
kind = "given"
"""

MAY_READ = {
    "training/fairness.py",  # the audit, and what narrows gaps on request
    "serving/audit/coverage.py",  # who is missing from the audited model
    "serving/rights/ethics_groups.py",  # who was contacted and helped
    "serving/interventions/choosing/exposure.py",  # whether contacts fall evenly, after the choice
    "serving/wellbeing.py",  # gaps in well-being between groups
}
"""Modules that read people's protected attributes, each under a permit for `fairness_audit`."""

MAY_NAME_TABLE = {
    "features/erasure.py",
    "features/groups.py",
    "features/importing/run.py",
}


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Every name that is imported from a module, with the files that do so."""
    found: dict[str, set[str]] = defaultdict(set)
    for floor in FLOORS:
        for path in (CHECKOUT / floor).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        found[alias.name].add(path.relative_to(CHECKOUT).as_posix())
    return found


def test_only_the_audit_reads_protected_attributes(imported: dict[str, set[str]]) -> None:
    readers = imported["protected"]
    assert "training/fairness.py" in readers
    assert readers <= MAY_READ


def test_only_their_own_floor_touches_the_table_they_lie_in(
    imported: dict[str, set[str]],
) -> None:
    assert imported["protected_attributes"] <= MAY_NAME_TABLE


def test_only_a_training_run_asks_for_the_groups_of_its_customers(
    imported: dict[str, set[str]],
) -> None:
    assert imported["permitted_groups"] == {"training/pipeline.py"}


class Run(NamedTuple):
    """A home in which one model was trained, and how that ended."""

    kw: Commands
    trained: Told


def train(folder: Path, people: Path, attribute: str, *more: str) -> Run:
    """Import people into a new evaluation home and train on them."""
    mapping = folder / "people.toml"
    mapping.write_text(MAPPING.replace("ATTRIBUTE", attribute), encoding="utf-8")
    kw = Commands(folder / "home")
    assert kw("init", "--evaluation").code == 0
    with (kw.home / "keepwell.toml").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    read = kw("import", mapping, "--source", people)
    assert read.code == 0, read
    return Run(kw, kw("train", "churn", "--trials", 1, *more))


def test_a_company_whose_model_over_flags_one_group_is_refused(tmp_path: Path) -> None:
    people = write_people(tmp_path / "people.csv", 8000, biased=True)
    _, trained = train(tmp_path, people, "region")
    assert trained.code == 1
    assert trained.json["gate"]["outcome"] == "refused"
    assert any("unequal treatment: region" in each for each in trained.json["gate"]["reasons"])


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A company that treats all alike; the names of the groups are words found nowhere else."""
    folder = tmp_path_factory.mktemp("fair")
    plain = write_people(folder / "plain.csv", 1600).read_text().splitlines()
    rng = np.random.default_rng(5)
    lines = [plain[0] + ",faith_group"]
    lines += [f"{line},{('Yazidi', 'Mandaean')[int(rng.random() < 0.4)]}" for line in plain[1:]]
    people = folder / "people.csv"
    people.write_text("\n".join(lines) + "\n")
    return train(folder, people, "faith_group", "--mitigate", "reweigh")


def test_a_company_that_treats_all_alike_is_not_refused(fair: Run) -> None:
    assert fair.trained.code == 0, fair.trained
    assert fair.trained.json["gate"]["outcome"] == "approved"


def test_no_feature_bundle_metric_parameter_or_log_holds_a_protected_attribute(fair: Run) -> None:
    told = fair.trained.json
    considered = [*told["features_left_out"], *features_of(fair)]
    assert considered
    assert not [name for name in considered if "faith" in name]
    places = [fair.kw.home / "mlruns", fair.kw.home / "var" / "bundles"]
    files = [p for place in places for p in place.rglob("*") if p.is_file() and not audits(p)]
    assert any(p.suffix == ".db" for p in files)
    assert any(p.name == "risk.json" for p in files)
    for path in files:
        held = path.read_bytes()
        assert not [w for w in (b"Yazidi", b"Mandaean", b"faith_group") if w in held], path
    assert "Yazidi" not in fair.trained.err
    assert "faith" not in fair.trained.err


def audits(path: Path) -> bool:
    """Whether this file is the audit, where groups are compared, or the card that cites it."""
    return path.parent.name == "report" or path.name.startswith("model_card")


def features_of(run: Run) -> list[str]:
    """Names of the features of the model, from its audit report."""
    facts = json.loads(Path(run.trained.json["report_json"]).read_text())["facts"]
    return list(facts["features"])


def test_what_narrowing_costs_is_in_the_answer_and_ships_because_it_was_asked_for(
    fair: Run,
) -> None:
    (found,) = fair.trained.json["mitigations"]
    assert (found["method"], found["ships"]) == ("reweigh", True)
    assert set(found["auc"]) == {"value", "low", "high"}
    assert [gap["measure"] for gap in found["gaps"]] == [
        "true positive rate", "false positive rate",
    ]  # fmt: skip


def test_a_constraint_without_a_way_is_wrong_use(fair: Run) -> None:
    refused = fair.kw("train", "churn", "--constraint", "equalized_odds")
    assert "nothing alone" in refused.error["message"]
