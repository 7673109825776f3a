"""Draws a judged model's pictures: those with customers as dots for MLflow, the others for all."""

from pathlib import Path
from typing import NamedTuple

from features.dataset import Dataset
from features.reason_groups import grouping
from governance.audit import Picture
from governance.model_card import Dependence, GroupImportance, ModelFacts
from training.explain import grouped, sample_of
from training.model import RiskModel
from training.plots import draw_dependence, draw_groups, draw_summary

_NAMED = 5


class Pictures(NamedTuple):
    """The files for the record of the run, and the pictures that a report may show."""

    files: tuple[Path, ...]
    groups_shown: Picture | None
    dependence_shown: Picture | None


def draw(place: Path, facts: ModelFacts, model: RiskModel, test: Dataset) -> Pictures:
    """Write `shap_summary.png`, `shap_groups.png` and `shap_dependence.png` under `place`.

    The rows are those that `facts` explains; dots stop at 600. What a report shows has no single
    customer in it: bars over groups of features, and curves whose points are means of at least 10.
    """
    shown = sample_of(test.values)
    contributions = model.predict(shown).contributions
    summary, bars = place / "shap_summary.png", place / "shap_groups.png"
    draw_summary(summary, contributions, shown, test.names)
    draw_groups(bars, grouped(contributions, test.definitions), grouping(test.definitions).titles)
    files = [summary, bars]
    curves = tuple(each for each in facts.dependence if each.points)
    dependence = None
    if curves:
        files.append(place / "shap_dependence.png")
        draw_dependence(files[-1], curves, (test.names, contributions, shown))
        without_dots = place / "dependence_curves.png"
        draw_dependence(without_dots, curves)
        dependence = Picture(_curves_in_words(curves), without_dots.read_bytes())
    groups = Picture(_bars_in_words(facts.groups), bars.read_bytes())
    return Pictures(tuple(files), groups, dependence)


def _bars_in_words(groups: tuple[GroupImportance, ...]) -> str:
    named = "; ".join(f"{each.group} {each.mean_abs:.2f}" for each in groups[:_NAMED])
    return f"Bars of the mean absolute contribution by what the features are about: {named}"


def _curves_in_words(curves: tuple[Dependence, ...]) -> str:
    named = "; ".join(
        f"{each.feature} from {each.points[0].contribution.value:+.2f} "
        f"to {each.points[-1].contribution.value:+.2f}"
        for each in curves
    )
    return f"Curves of the mean contribution over the feature's value, low to high: {named}"
