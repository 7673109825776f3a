"""Past estimates about one customer in the order of what was known, each with its interval."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import MARK, SOFT, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 480, 240
_MOST_LABELS = 5
_DAY = 86_400.0


class PastScore(NamedTuple):
    """One estimate: what was known `at`, the chance and its interval; `current` is this model's."""

    at: datetime
    probability: float
    low: float
    high: float
    current: bool


def scores_picture(points: Sequence[PastScore]) -> bytes:
    """Draw estimates with their intervals over time; those of earlier models are grey squares."""
    ordered = sorted(points)

    def paint(axes: "Axes") -> None:
        x = [each.at.timestamp() / _DAY for each in ordered]
        axes.plot(x, [100 * each.probability for each in ordered], color=SOFT, linewidth=0.8)
        for current, color, marker in ((False, SOFT, "s"), (True, MARK, "o")):
            some = [(at, each) for at, each in zip(x, ordered, strict=True)
                    if each.current is current]  # fmt: skip
            for at, each in some:
                axes.plot([at, at], [100 * each.low, 100 * each.high], color=color, linewidth=2.4)
            axes.plot(
                [at for at, _ in some], [100 * each.probability for _, each in some],
                linestyle="none", marker=marker, markersize=6, color=color,
            )  # fmt: skip
        _label_days(axes, x, ordered)
        axes.set_ylim(0, max(100 * each.high for each in ordered) * 1.12 if ordered else 100)
        axes.locator_params(axis="y", nbins=4)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
        axes.tick_params(labelsize=12)

    return draw(WIDTH, HEIGHT, paint)


def _label_days(axes: "Axes", x: Sequence[float], ordered: Sequence[PastScore]) -> None:
    if not x:
        axes.set_xticks([])
        return
    first, last = x[0], x[-1]
    if last - first < 1:  # within a day: one date says it all
        axes.set_xticks([(first + last) / 2], [f"{ordered[-1].at:%Y-%m-%d}"])
        axes.set_xlim(first - 0.5, last + 0.5)
        return
    marks: list[tuple[float, str]] = []
    shown = list(ordered)
    step = max(1, -(-len(shown) // _MOST_LABELS))
    for place in range(len(shown) - 1, -1, -step):
        if not marks or abs(marks[-1][0] - x[place]) > (last - first) / (_MOST_LABELS + 1):
            marks.append((x[place], f"{shown[place].at:%Y-%m-%d}"))
    axes.set_xticks([at for at, _ in marks], [words for _, words in marks])
    room = 0.06 * (last - first)
    axes.set_xlim(first - room, last + room)
