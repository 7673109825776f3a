"""How people fare from stage to stage: points in order with their intervals, better further up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import INK, MARK, MARK_SOFT, SOFT, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 200


class Step(NamedTuple):
    """One stage; `value` is None where there is no figure, `said` is how it is written."""

    stage: str
    value: float | None
    low: float = 0.0
    high: float = 0.0
    said: str = ""


def path_picture(steps: Sequence[Step], *, high_is_bad: bool, width: int = 940) -> bytes:
    """Draw the steps from left to right; where high is bad the axis is turned over."""

    def paint(axes: "Axes") -> None:
        known = [(x, each) for x, each in enumerate(steps) if each.value is not None]
        for x, each in known:
            axes.plot([x, x], [each.low, each.high], color=MARK_SOFT, linewidth=7, zorder=1)
            axes.annotate(
                each.said, (x, each.value or 0.0), (9, 9), textcoords="offset points",
                color=INK, fontsize=12, va="bottom",
            )  # fmt: skip
        axes.plot(
            [x for x, _ in known], [each.value or 0.0 for _, each in known], color=MARK,
            linewidth=1.8, marker="o", markersize=9, zorder=2,
        )  # fmt: skip
        for x, each in enumerate(steps):
            if each.value is None:
                axes.text(
                    x, 0.04, "no figure", transform=axes.get_xaxis_transform(), color=SOFT,
                    fontsize=11, ha="center",
                )  # fmt: skip
        axes.set_xticks(range(len(steps)), [each.stage for each in steps])
        axes.set_xlim(-0.5, len(steps) - 0.4)
        axes.locator_params(axis="y", nbins=4)
        axes.margins(y=0.18)
        axes.tick_params(axis="x", length=0, labelsize=12, labelcolor=INK)
        if high_is_bad:
            axes.invert_yaxis()

    return draw(width, _HEIGHT, paint)
