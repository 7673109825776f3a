"""Pictures of how well a model does, for the record of a run: drawn off screen, nothing global."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from governance.intervals import Interval
from governance.model.card import ReliabilityBin
from governance.model.evaluation import CostCurve, RateAt, Season
from training.model import Vector

_INK, _OTHERS, _PALE = "#2f6f62", ("#b5651d", "#6b5b95", "#3b7dd8", "#888888"), "#c9c3b5"


def draw_reliability(path: Path, bins: Sequence[ReliabilityBin]) -> None:
    """Write observed over predicted share as PNG, with 95 % intervals; on the line is honest."""
    with _axes(path) as (place,):
        highest = max([0.05, *(max(b.predicted, b.observed.high) for b in bins)])
        place.plot([0, highest], [0, highest], color=_PALE, linewidth=1)
        _points(place, [b.predicted for b in bins], [b.observed for b in bins])
        place.set(xlabel="predicted share", ylabel="observed share", title="Reliability")


def draw_ranking(path: Path, y: Vector, scores: Mapping[str, Vector]) -> None:
    """Write ROC and precision-recall curves as PNG, the first of `scores` (n,) in front.

    The grey lines are what chance gives.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    with _axes(path, 2) as (roc, pr):
        roc.plot([0, 1], [0, 1], color=_PALE, linewidth=1)
        pr.axhline(float(np.mean(y)), color=_PALE, linewidth=1)
        for k, (name, score) in enumerate(scores.items()):
            look = {"color": _INK, "linewidth": 2} if k == 0 else {"color": _OTHERS[(k - 1) % 4]}
            false_alarms, found, _ = roc_curve(y, score)
            precision, recall, _ = precision_recall_curve(y, score)
            roc.plot(false_alarms, found, label=name, **look)
            pr.plot(recall, precision, label=name, **look)
        roc.set(xlabel="false alarms", ylabel="found", title="ROC")
        pr.set(xlabel="found", ylabel="of those named, right", title="Precision and recall")
        roc.legend(loc="lower right", fontsize=8)


def draw_costs(path: Path, costs: CostCurve) -> None:
    """Write net value over the share contacted as PNG, with 95 % intervals and the chosen share."""
    with _axes(path) as (place,):
        place.axhline(0.0, color=_PALE, linewidth=1)
        shares = [each.share for each in costs.curve]
        _band(place, shares, [each.model for each in costs.curve], _INK, "this model")
        known = [(each.share, each.rule) for each in costs.curve if each.rule is not None]
        if known:
            of, rules = [share for share, _ in known], [rule for _, rule in known]
            _band(place, of, rules, _OTHERS[0], "simple rule")
        place.axvline(costs.share.value, color=_INK, linestyle="--", label="share chosen")
        place.set(
            xlabel="share contacted, highest scores first",
            ylabel=f"net value ({costs.currency})",
            title="What contacting would be worth",
        )
        place.legend(fontsize=8)


def draw_rates(path: Path, season: Season) -> None:
    """Write the share with the outcome at each instant as PNG, the test last and apart."""
    with _axes(path) as (place,):
        every: tuple[RateAt, ...] = (*season.training, season.test)
        _points(place, list(range(len(every))), [each.rate for each in every])
        place.axvline(len(every) - 1.5, color=_PALE, linewidth=1)
        place.set_xticks(
            range(len(every)), [each.as_of[:10] for each in every], rotation=60, fontsize=7
        )
        place.set(ylabel="share with the outcome", title="Training instants, then the test")


def draw_calibrations(path: Path, losses: Mapping[str, float], chosen: str) -> None:
    """Write how well each way to calibrate did on held-out rows as PNG; lower is better."""
    with _axes(path) as (place,):
        names = list(losses)
        lowest = min(losses.values())
        colours = [_INK if name == chosen else _PALE for name in names]
        place.barh(names, [losses[name] - lowest for name in names], color=colours)
        place.set(
            xlabel=f"held-out log loss above the lowest, {lowest:.4f}",
            title=f"Calibrations tried; chosen: {chosen}",
        )


def _points(place: Any, x: Sequence[float], found: Sequence[Interval]) -> None:
    value = np.array([each.value for each in found])
    below = np.maximum(0.0, value - np.array([each.low for each in found]))
    above = np.maximum(0.0, np.array([each.high for each in found]) - value)
    place.errorbar(x, value, yerr=np.stack([below, above]), fmt="o", color=_INK, markersize=4)


def _band(
    place: Any, x: Sequence[float], found: Sequence[Interval], colour: str, label: str
) -> None:
    low, high = [each.low for each in found], [each.high for each in found]
    place.fill_between(x, low, high, color=colour, alpha=0.15)
    place.plot(x, [each.value for each in found], color=colour, label=label)


@contextmanager
def _axes(path: Path, across: int = 1) -> Iterator[tuple[Any, ...]]:
    """Give axes side by side; what was drawn on them is written to `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4 * across, 4.2))
    FigureCanvasAgg(figure)
    yield tuple(figure.subplots(1, across, squeeze=False)[0])
    figure.tight_layout()
    figure.savefig(path, dpi=110)
