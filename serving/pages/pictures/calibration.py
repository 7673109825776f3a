"""Whether a model's chances come true: what it said across, what happened upwards."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import INK, LINE, MARK, SOFT, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Bin(NamedTuple):
    """People who were given about the same chance, and the share of them to whom it happened."""

    predicted: float
    observed: float | None
    low: float | None = None
    high: float | None = None


def calibration_picture(bins: Sequence[Bin], *, width: int = 460, height: int = 220) -> bytes:
    """Draw each bin with its interval; on the dotted line, what was said is what happened."""

    def paint(axes: "Axes") -> None:
        shown = [each for each in bins if each.observed is not None]
        ends = [each.predicted for each in bins] + [
            each.observed if each.high is None else each.high
            for each in shown
            if each.observed is not None
        ]
        most = min(1.0, 1.08 * max(ends, default=1.0)) or 1.0
        axes.plot([0, most], [0, most], color=SOFT, linewidth=1, linestyle=(0, (2, 3)))
        for each in shown:
            if each.low is not None and each.high is not None:
                axes.plot(
                    [each.predicted] * 2,
                    [each.low, each.high],
                    color=MARK,
                    linewidth=1.6,
                    alpha=0.7,
                )
        axes.plot(
            [each.predicted for each in shown], [each.observed for each in shown],
            color=MARK, linestyle="none", marker="o", markersize=6,
        )  # fmt: skip
        axes.set_xlim(0, most)
        axes.set_ylim(0, most)
        axes.locator_params(nbins=5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_xlabel("chance that was given", color=SOFT, fontsize=11)
        axes.set_ylabel("share it happened to", color=SOFT, fontsize=11)
        axes.tick_params(labelcolor=INK)

    return draw(width, height, paint)
