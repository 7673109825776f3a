"""How groups compared with the largest one, audit after audit: a point and its interval each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import BAD, CARD, INK, MARK, SOFT, UNSURE, draw
from serving.pages.pictures.ranges import Range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHAPES = ("o", "s", "^", "D", "v", "P")
_COLOURS = (MARK, INK, UNSURE, SOFT)
_LABEL_WIDTH, _LEGEND_WIDTH = 95, 140
_SPREAD = 0.5


class GapPoint(NamedTuple):
    """One group in one audit: its difference from the largest group, in percentage points."""

    audit: int
    gap: Range


def gaps_picture(
    audits: Sequence[str],
    points: Sequence[GapPoint],
    *,
    limit: float,
    width: int = 760,
    height: int = 300,
) -> bytes:
    """Draw differences over audits; groups differ in shape, too.

    The dashed lines are the `limit`, a share, on either side of no difference. A point is hollow
    where there could be none.
    """
    groups = sorted({each.gap.label for each in points})
    step = _SPREAD / max(len(groups), 2)

    def paint(axes: "Axes") -> None:
        axes.axhline(0, color=SOFT, linewidth=1)
        for bound in (-limit, limit):
            axes.axhline(100 * bound, color=BAD, linewidth=0.9, linestyle=(0, (4, 3)))
        for k, group in enumerate(groups):
            own = [each for each in points if each.gap.label == group]
            x = [each.audit + (k - (len(groups) - 1) / 2) * step for each in own]
            colour, shape = _COLOURS[k % len(_COLOURS)], _SHAPES[k % len(_SHAPES)]
            for at, each in zip(x, own, strict=True):
                face = CARD if each.gap.could_be(0.0) else colour
                axes.plot([at, at], each.gap.ends, color=colour, linewidth=1.6)
                axes.plot(
                    [at], [each.gap.value or 0.0],
                    marker=shape, markersize=7, color=colour, markerfacecolor=face,
                    markeredgewidth=1.6, linestyle="none",
                )  # fmt: skip
            axes.plot([], [], marker=shape, color=colour, linestyle="none", label=group)
        most = max(2, width // _LABEL_WIDTH)
        shown = range(0, len(audits), max(1, -(-len(audits) // most)))
        axes.set_xticks(list(shown), [audits[k] for k in shown])
        axes.set_xlim(-0.6, max(len(audits) - 0.4, 0.6))
        axes.set_ylabel("percentage points", color=SOFT, fontsize=11)
        if groups:
            across = min(len(groups), max(2, width // _LEGEND_WIDTH))
            axes.legend(
                loc="lower left", bbox_to_anchor=(0, 1.0), ncols=across,
                frameon=False, fontsize=11, labelcolor=INK, handletextpad=0.2, borderaxespad=0.1,
            )  # fmt: skip

    return draw(width, height, paint)
