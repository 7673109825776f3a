"""The notebook runs from top to bottom, on the interpreter that runs the tests, kept clean."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"
KERNEL = "keepwell-tests"
CUSTOMERS = "simulate(600,"
WHOLE = settings.get_current_profile_name() == "evidence"
"""The short form runs the same cells on half of the customers."""


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_the_notebook_says_that_its_customers_are_simulated() -> None:
    assert "**simulated**" in NOTEBOOK.read_text(encoding="utf-8")


def test_the_notebook_imports_trains_compares_and_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [name for name in ("nbclient", "ipykernel") if not importlib.util.find_spec(name)]
    if missing and os.environ.get("KEEPWELL_REQUIRE_ALL") != "1":
        pytest.skip(f"{' and '.join(missing)} not installed: pip install nbclient ipykernel")
    told = run_notebook(tmp_path, monkeypatch)
    assert "places no order within 90 days" in told
    assert "configurations_tried" in told
    assert "mine - Keepwell" in told
    assert "gate: approved" in told
    assert "approved by" in told
    assert "champion in MLflow: None" not in told


def run_notebook(place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run every cell in a process of this interpreter; gives all text that it printed."""
    import nbformat
    from nbclient import NotebookClient

    spec = place / "jupyter" / "kernels" / KERNEL
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": argv, "display_name": KERNEL, "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(kernel))
    monkeypatch.setenv("JUPYTER_PATH", str(place / "jupyter"))
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert text.count(CUSTOMERS) == 1, f"the notebook no longer says {CUSTOMERS}"
    shown = text if WHOLE else text.replace(CUSTOMERS, "simulate(300,")
    notebook = nbformat.reads(shown, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(
        notebook, kernel_name=KERNEL, timeout=300, resources={"metadata": {"path": str(place)}}
    ).execute()
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    return "\n".join(
        each.get("text", "") + each.get("data", {}).get("text/plain", "") for each in outputs
    )
