"""One figure over time: its value, its interval, and what happened meanwhile."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import INK, MARK, MARK_SOFT, SOFT, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LABELS = 7


class TrendPoint(NamedTuple):
    """One period; `value` is None where there is no figure."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


class Note(NamedTuple):
    """Something that happened in the period at `place`; its number leads to the words beside."""

    place: int
    number: int


def trend_picture(
    points: Sequence[TrendPoint], notes: Sequence[Note] = (), *, width: int = 460, height: int = 190
) -> bytes:
    """Draw a line with its interval as a band; periods without a figure leave a gap."""

    def paint(axes: "Axes") -> None:
        nothing = float("nan")
        x = list(range(len(points)))
        value = [nothing if p.value is None else p.value for p in points]
        low = [nothing if p.low is None else p.low for p in points]
        high = [nothing if p.high is None else p.high for p in points]
        axes.fill_between(x, low, high, color=MARK_SOFT, alpha=0.55, linewidth=0)
        axes.plot(x, value, color=MARK, linewidth=1.8, marker="o", markersize=4)
        step = max(1, -(-len(points) // _MOST_LABELS))
        shown = x[::-step][::-1]
        axes.set_xticks(shown, [points[k].label for k in shown])
        axes.set_xlim(-0.4, max(len(points) - 0.6, 0.4))
        axes.locator_params(axis="y", nbins=4)
        for note in notes:
            axes.axvline(note.place, color=SOFT, linewidth=0.8, linestyle=(0, (2, 3)))
            top = axes.get_ylim()[1]
            axes.text(note.place, top, str(note.number), color=INK, fontsize=10, ha="center")

    return draw(width, height, paint)
