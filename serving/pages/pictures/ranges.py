"""What is likely, each as a point with its range, and where nothing would lie."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import INK, LINE, MARK, SOFT, draw
from serving.pages.pictures.labels import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 34


class Range(NamedTuple):
    """One estimate; `value` is None where there is no figure, `said` is how it is written."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    said: str = ""

    @property
    def ends(self) -> tuple[float, float]:
        """Where its line ends: at the point itself where there is no interval."""
        value = self.value or 0.0
        return (value if self.low is None else self.low, value if self.high is None else self.high)

    def could_be(self, nothing: float) -> bool:
        """Whether it reaches over that place; in every picture its point is hollow then."""
        low, high = self.ends
        return low <= nothing <= high


def ranges_picture(
    ranges: Sequence[Range],
    *,
    nothing: float | None = 0.0,
    width: int = 460,
    write: Callable[[float], str] | None = None,
) -> bytes:
    """Draw estimates below each other with a line where `nothing` lies.

    A range that reaches over that line has a hollow point: it could be nothing.
    """
    height = _ROW * max(len(ranges), 1) + 34

    def paint(axes: "Axes") -> None:
        if nothing is not None:
            axes.axvline(nothing, color=SOFT, linewidth=1, linestyle=(0, (2, 3)))
        for place, each in enumerate(ranges):
            if each.value is None:
                axes.annotate(
                    "cannot say", (nothing or 0, place), (6, 0), textcoords="offset points",
                    color=SOFT, fontsize=11, va="center",
                )  # fmt: skip
                continue
            unsure = nothing is not None and each.could_be(nothing)
            axes.plot(each.ends, [place, place], color=MARK, linewidth=2.2)
            axes.plot(
                [each.value], [place], marker="o", markersize=8, markeredgewidth=2, color=MARK,
                markerfacecolor="none" if unsure else MARK,
            )  # fmt: skip
            axes.text(
                each.value,
                place - 0.26,
                each.said,
                color=INK,
                fontsize=11,
                ha="center",
                va="bottom",
            )
        labels = [short(each.label) for each in ranges]
        axes.set_yticks(range(len(ranges)), labels)
        axes.set_ylim(len(ranges) - 0.5, -0.8)
        axes.margins(x=0.12)
        axes.locator_params(axis="x", nbins=5)
        if write:
            axes.xaxis.set_major_formatter(lambda value, _: write(value))
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.spines["left"].set_visible(False)

    return draw(width, height, paint)
