"""What the code of the permission registry never does, read from the code itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from governance.consent.purposes import PurposeRules
from governance.consent.record import ConsentChange
from governance.consent.registry import ConsentRegistry, Refusal
from serving.database import Database
from tests.governance.test_consent import NOW

ROOT = Path(__file__).parents[2]
FLOORS = ("governance", "features", "training", "outcomes", "serving")
MAY_DELETE = {"governance/rights.py", "governance/retention.py"}
SEES_OR_HEARS = {
    "PIL", "cv2", "deepface", "dlib", "face_recognition", "librosa", "mediapipe", "pydub",
    "soundfile", "speech_recognition", "torchaudio", "torchvision", "wave", "whisper",
}  # fmt: skip


def modules() -> Iterator[tuple[str, ast.Module]]:
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def names_of_table(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "consent_events"


def changes(tree: ast.Module) -> Iterator[str]:
    """Give each `update` or `delete` of the consent history: `update(t)` and `t.update()` alike."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute):
            how, concerned = called.attr, [called.value]
        else:
            how, concerned = ast.unparse(called), list(node.args)
        if how in ("update", "delete") and any(names_of_table(each) for each in concerned):
            yield how


def test_consent_history_is_only_ever_added_to() -> None:
    """Erasure and retention alone delete; nothing ever changes a word."""
    found = {(path, how) for path, tree in modules() for how in changes(tree)}
    assert found == {(path, "delete") for path in MAY_DELETE}


def test_nothing_here_can_see_a_face_or_hear_a_voice() -> None:
    """Emotion is read from texts people wrote and from their answers, and from nothing else."""
    imported = set()
    for _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {each.name.split(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    assert len(imported) > 30
    assert not imported & SEES_OR_HEARS


def staff(conn: Connection, registry: ConsentRegistry, purpose: str) -> None:
    change = ConsentChange(
        customer_id="anna",
        purpose=purpose,
        state="given",
        mechanism="checkbox_ticked",
        evidence="form 17",
        explicit=True,
    )
    registry.record(conn, change, now=NOW)
    registry.describe_subject(conn, "anna", now=NOW, relation="employee")


@pytest.mark.parametrize("purpose", ["risk_scoring", "wellbeing_inference", "model_training"])
def test_no_estimate_is_made_of_staff_whatever_they_agreed_to(
    database: Database, purpose: str
) -> None:
    registry = ConsentRegistry(PurposeRules(), home_kind="production")
    with database.write() as conn:
        staff(conn, registry, purpose)
        alone = registry.permit(conn, "anna", purpose, now=NOW)
        _, refused = registry.permit_many(conn, purpose, ["anna"], now=NOW)
    assert alone == Refusal(purpose, "employee")
    assert refused == {"anna": "employee"}
