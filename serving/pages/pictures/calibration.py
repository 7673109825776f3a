"""Whether a model's chances come true: what it said across, what happened upwards."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import LINE, SOFT, draw, with_gaps
from serving.pages.pictures.labels import LOOKS, End, name_ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Bin(NamedTuple):
    """People who were given about the same chance, and the share of them to whom it happened."""

    predicted: float
    observed: float | None
    low: float | None = None
    high: float | None = None


def calibration_picture(
    models: Mapping[str, Sequence[Bin]], *, width: int = 460, height: int = 220
) -> bytes:
    """Draw each bin with its interval; on the dotted line, what was said is what happened.

    Several models have marks of their own, and their names at the right.
    """
    bins = [each for own in models.values() for each in own]

    def paint(axes: "Axes") -> None:
        shown = [each for each in bins if each.observed is not None]
        furthest = [each.predicted for each in bins] + [
            each.observed if each.high is None else each.high
            for each in shown
            if each.observed is not None
        ]
        most = min(1.0, 1.08 * max(furthest, default=1.0)) or 1.0
        axes.plot([0, most], [0, most], color=SOFT, linewidth=1, linestyle=(0, (2, 3)))
        ends = []
        for (name, own), (colour, _, mark) in zip(models.items(), LOOKS, strict=False):
            there = [each for each in own if each.observed is not None]
            for each in there:
                if each.low is not None and each.high is not None:
                    axes.plot(
                        [each.predicted] * 2, [each.low, each.high], color=colour, linewidth=1.6,
                        alpha=0.6,
                    )  # fmt: skip
            axes.plot(
                [each.predicted for each in there], with_gaps(each.observed for each in there),
                color=colour, linestyle="none", marker=mark, markersize=6,
            )  # fmt: skip
            ends.append(End(there[-1].observed if there else None, name, colour))
        axes.set_xlim(0, most)
        axes.set_ylim(0, most)
        axes.locator_params(nbins=5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_xlabel("chance that was given", color=SOFT, fontsize=11)
        axes.set_ylabel("share it happened to", color=SOFT, fontsize=11)
        if len(models) > 1:
            name_ends(axes, ends, height=height)

    return draw(width, height, paint)
