"""Pictures for the record of a run; serving never draws."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.model import Matrix

SHOWN_FEATURES = 15
LARGEST_SAMPLE = 1500


def draw_summary(path: Path, contributions: Matrix, values: Matrix, names: Sequence[str]) -> None:
    """Write a SHAP summary as PNG: each dot a customer, its place the feature's contribution.

    `contributions` and `values` (n, k); the first 1,500 rows are drawn, the 15 features that
    moved scores most. Colour is the feature's value, from low to high.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap's colours warn about themselves
        import shap

    rows = slice(0, LARGEST_SAMPLE)
    figure = pyplot.figure()
    try:
        shap.summary_plot(
            contributions[rows],
            values[rows],
            feature_names=list(names),
            max_display=SHOWN_FEATURES,
            show=False,
            rng=np.random.default_rng(0),
        )
        axes = pyplot.gca()
        axes.set_xlabel("contribution to the score (log-odds)")
        pyplot.gcf().savefig(path, dpi=120, bbox_inches="tight")
    finally:
        pyplot.close(figure)
        pyplot.close("all")
