"""What moves scores, as pictures on disk."""

from pathlib import Path

from governance.intervals import Interval
from governance.model.card import Dependence, DependencePoint
from tests.training.examples import fitted, rows
from tests.training.test_explain import DEFINITIONS
from training.explain import explain, grouped
from training.plots import draw_dependence, draw_groups, draw_summary

PNG = b"\x89PNG"
NAMES = list("abcdef")


def test_a_summary_is_drawn(tmp_path: Path) -> None:
    table = rows(60)
    path = tmp_path / "summary.png"
    draw_summary(path, fitted().predict(table).contributions, table, NAMES)
    assert path.read_bytes().startswith(PNG)


def test_bars_are_drawn_by_group(tmp_path: Path) -> None:
    summed = grouped(fitted().predict(rows(60)).contributions, DEFINITIONS)
    path = tmp_path / "groups.png"
    draw_groups(path, summed, ["orders", "sessions", "calls", "tickets"])
    assert path.read_bytes().startswith(PNG)


def test_curves_are_drawn_with_and_without_customers(tmp_path: Path) -> None:
    table = rows(200)
    curves = explain(fitted(), DEFINITIONS, table).dependence
    contributions = fitted().predict(table).contributions
    draw_dependence(tmp_path / "curves.png", curves)
    draw_dependence(tmp_path / "dots.png", curves, (NAMES, contributions, table))
    without, having = ((tmp_path / f"{name}.png").read_bytes() for name in ("curves", "dots"))
    assert without.startswith(PNG)
    assert having.startswith(PNG)
    assert having != without


def test_a_feature_that_everyone_lacks_is_drawn(tmp_path: Path) -> None:
    point = DependencePoint(12, None, Interval(0.1, 0.0, 0.2))
    draw_dependence(tmp_path / "one.png", (Dependence("a", "… orders", (point,)),))
    assert (tmp_path / "one.png").read_bytes().startswith(PNG)
