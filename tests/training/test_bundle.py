"""A bundle is plain files; a changed byte is found before anything is parsed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from governance.errors import IntegrityBroken, NotFound
from tests.training.examples import FIELDS, fitted, rows
from training.bundle import Description, digest, load, probe, save, support_of
from training.target_model import TargetModel

NAMES = tuple(f"f{j}" for j in range(6))


def saved(place: Path) -> tuple[Path, str]:
    description = Description(
        target="churn",
        horizon_days=90,
        purpose="risk_scoring",
        names=NAMES,
        definitions=tuple({"name": name} for name in NAMES),
        support=support_of(rows(1200)),
        created_at="2026-01-31T12:00:00.000000Z",
        facts={"rows": 1200},
    )
    model_digest = save(TargetModel(90, fitted()), description, place)
    return place / model_digest, model_digest


def test_a_loaded_bundle_scores_bit_for_bit_as_the_fitted_model(tmp_path: Path) -> None:
    directory, model_digest = saved(tmp_path)
    loaded = load(directory, expected_digest=model_digest).predict(rows(200, seed=5))
    before = fitted().predict(rows(200, seed=5))
    for name in FIELDS:
        assert np.array_equal(getattr(loaded, name), getattr(before, name))


def test_a_bundle_says_what_it_is(tmp_path: Path) -> None:
    directory, model_digest = saved(tmp_path)
    model = load(directory, expected_digest=model_digest)
    assert (model.target, model.horizon_days, model.purpose) == ("churn", 90, "risk_scoring")
    assert model.names == NAMES
    assert model.digest == model_digest == digest(directory)


def test_a_bundle_holds_only_text_files(tmp_path: Path) -> None:
    directory, _ = saved(tmp_path)
    assert sorted(found.name for found in directory.iterdir()) == [
        "digests.json",
        "lightgbm.txt",
        "linear.json",
        "manifest.json",
        "risk.json",
        "spread.txt",
    ]
    for found in directory.iterdir():
        found.read_text()


@pytest.mark.parametrize("name", ["manifest.json", "risk.json", "lightgbm.txt", "spread.txt"])
def test_one_flipped_byte_is_refused(tmp_path: Path, name: str) -> None:
    directory, model_digest = saved(tmp_path)
    content = bytearray((directory / name).read_bytes())
    content[len(content) // 2] ^= 1
    (directory / name).write_bytes(content)
    for look in (load, probe):
        with pytest.raises(IntegrityBroken, match=f"{name} changed"):
            look(directory, expected_digest=model_digest)


def test_a_bundle_whose_list_of_digests_was_rewritten_too_is_refused(tmp_path: Path) -> None:
    directory, model_digest = saved(tmp_path)
    (directory / "linear.json").write_text("{}")
    (directory / "digests.json").write_text("[1]")
    with pytest.raises(IntegrityBroken, match="their digests differ"):
        load(directory, expected_digest=model_digest)


def test_a_missing_member_is_refused(tmp_path: Path) -> None:
    directory, model_digest = saved(tmp_path)
    (directory / "lightgbm.txt").unlink()
    with pytest.raises(IntegrityBroken):
        load(directory, expected_digest=model_digest)


def test_a_bundle_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load(tmp_path / "none", expected_digest="0" * 64)


def test_the_same_model_and_description_give_the_same_bundle(tmp_path: Path) -> None:
    first, _ = saved(tmp_path)
    written = (first / "manifest.json").stat().st_mtime_ns
    again, _ = saved(tmp_path)
    assert again == first
    assert (first / "manifest.json").stat().st_mtime_ns == written
    assert [found.name for found in tmp_path.iterdir()] == [first.name]


def test_trying_a_sound_bundle_in_a_child_process_succeeds(tmp_path: Path) -> None:
    directory, model_digest = saved(tmp_path)
    probe(directory, expected_digest=model_digest)


def test_a_truncated_tree_file_only_kills_the_child(tmp_path: Path) -> None:
    directory, _ = saved(tmp_path)
    trees = (directory / "lightgbm.txt").read_text()
    (directory / "lightgbm.txt").write_text(trees[: len(trees) // 2])
    with pytest.raises(IntegrityBroken):
        probe(directory, expected_digest=digest(directory))


def test_rows_outside_what_training_saw_are_counted(tmp_path: Path) -> None:
    directory, model_digest = saved(tmp_path)
    model = load(directory, expected_digest=model_digest)
    row = np.zeros((2, 6))
    row[1, 0], row[1, 1], row[1, 3] = 50.0, np.nan, np.nan
    assert model.outside_support(row).tolist() == [0, 2]


def test_loading_a_bundle_brings_in_no_mlflow_and_no_shap() -> None:
    code = "import sys, training.bundle; print([m for m in sys.modules if m in ('mlflow', 'shap')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout.replace("'", '"')) == []
