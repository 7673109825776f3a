"""The SHAP summary is a picture on disk."""

from pathlib import Path

from tests.training.examples import fitted, rows
from training.plots import draw_summary


def test_a_summary_is_drawn(tmp_path: Path) -> None:
    table = rows(60)
    path = tmp_path / "summary.png"
    draw_summary(path, fitted().predict(table).contributions, table, list("abcdef"))
    assert path.read_bytes().startswith(b"\x89PNG")
