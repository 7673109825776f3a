"""Pictures of what moves scores, for the record of a run and its report; serving never draws."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from governance.model.card import Dependence
from training.model import Matrix

SHOWN_FEATURES = 15
LARGEST_SAMPLE = 600

_SCALE = "contribution to the score (log-odds)"
_INK = "#2f6f62"
_WRAPPED = 44


def draw_summary(path: Path, contributions: Matrix, values: Matrix, names: Sequence[str]) -> None:
    """Write a SHAP summary as PNG: each dot a customer, its place the feature's contribution.

    `contributions` and `values` (n, k); the first 600 rows are drawn, the 15 features that
    moved scores most. Colour is the feature's value, from low to high. For the record of a run
    only: a report shows no single customer.
    """
    rows = slice(0, LARGEST_SAMPLE)
    with _drawing(path) as (shap, pyplot):
        shap.summary_plot(
            contributions[rows],
            values[rows],
            feature_names=list(names),
            max_display=SHOWN_FEATURES,
            show=False,
            rng=np.random.default_rng(0),
        )
        pyplot.gca().set_xlabel(_SCALE)


def draw_groups(path: Path, grouped: Matrix, titles: Sequence[str]) -> None:
    """Write a SHAP bar chart as PNG: mean |contribution| of each group of features.

    `grouped` (n, g) are the contributions summed by group, `titles` (g,) say what each is about.
    """
    with _drawing(path) as (shap, pyplot):
        told = shap.Explanation(values=grouped, feature_names=list(titles))
        shap.plots.bar(told, max_display=SHOWN_FEATURES, show=False)
        pyplot.gca().set_xlabel(f"mean absolute {_SCALE}")


def draw_dependence(
    path: Path,
    curves: Sequence[Dependence],
    dots: tuple[Sequence[str], Matrix, Matrix] | None = None,
) -> None:
    """Write features' curves as PNG, side by side: mean contribution over value, 95 % interval.

    A square at the right edge stands for those whose value is missing. `dots` (names (k,),
    contributions (n, k), values (n, k)) are drawn behind as SHAP dependence plots; without them no
    single customer is in the picture.
    """
    with _drawing(path) as (shap, pyplot):
        across = min(2, len(curves))
        down = -(-len(curves) // across)
        figure, axes = pyplot.subplots(down, across, figsize=(5.2 * across, 3.4 * down))
        places = list(np.atleast_1d(axes).ravel())
        for curve, place in zip(curves, places, strict=False):
            if dots is not None:
                names, contributions, values = dots
                rows = slice(0, LARGEST_SAMPLE)
                shap.dependence_plot(
                    list(names).index(curve.feature),
                    contributions[rows],
                    values[rows],
                    feature_names=list(names),
                    interaction_index=None,
                    color="#c9c3b5",
                    dot_size=8,
                    ax=place,
                    show=False,
                )
            _curve(place, curve)
        for place in places[len(curves) :]:
            place.set_visible(False)
        figure.tight_layout()


def _curve(place: Any, curve: Dependence) -> None:
    known = [(p.value, p.contribution) for p in curve.points if p.value is not None]
    place.axhline(0.0, color="#888", linewidth=0.8)
    if known:
        x = [value for value, _ in known]
        place.fill_between(
            x, [i.low for _, i in known], [i.high for _, i in known], color=_INK, alpha=0.2
        )
        place.plot(x, [i.value for _, i in known], color=_INK, marker="o", markersize=3)
    for missing in (p.contribution for p in curve.points if p.value is None):
        edge = place.get_xlim()[1]
        place.errorbar(
            [edge],
            [missing.value],
            yerr=[[missing.value - missing.low], [missing.high - missing.value]],
            fmt="s",
            color=_INK,
        )
        place.annotate("missing", (edge, missing.value), ha="right", va="bottom", fontsize=8)
    said = curve.text if len(curve.text) <= _WRAPPED else curve.text[: _WRAPPED - 1] + "…"
    place.set_xlabel(said)
    place.set_ylabel("contribution (log-odds)")
    place.set_title(curve.feature, fontsize=10)


@contextmanager
def _drawing(path: Path) -> Iterator[tuple[Any, Any]]:
    """Give shap and pyplot, without a screen; what was drawn is written to `path`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap's colours warn about themselves
        import shap

        pyplot.figure()
        try:
            yield shap, pyplot
            pyplot.gcf().savefig(path, dpi=110, bbox_inches="tight")
        finally:
            pyplot.close("all")
