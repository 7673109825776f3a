"""Draws a judged model's pictures for MLflow, customers as dots among them."""

from pathlib import Path

from features.dataset import Dataset
from features.reason_groups import grouping
from governance.model.card import ModelFacts
from training.explain import grouped, sample_of
from training.model import RiskModel
from training.plots import draw_dependence, draw_groups, draw_summary


def draw(place: Path, facts: ModelFacts, model: RiskModel, test: Dataset) -> tuple[Path, ...]:
    """Write `shap_summary.png`, `shap_groups.png` and `shap_dependence.png` under `place`.

    The rows are those that `facts` explains; dots stop at 600. The audit report draws its own
    pictures, with no single customer in them.
    """
    shown = sample_of(test.values)
    contributions = model.predict(shown).contributions
    summary, bars = place / "shap_summary.png", place / "shap_groups.png"
    draw_summary(summary, contributions, shown, test.names)
    draw_groups(bars, grouped(contributions, test.definitions), grouping(test.definitions).titles)
    files = [summary, bars]
    curves = tuple(each for each in facts.dependence if each.points)
    if curves:
        files.append(place / "shap_dependence.png")
        draw_dependence(files[-1], curves, (test.names, contributions, shown))
    return tuple(files)
