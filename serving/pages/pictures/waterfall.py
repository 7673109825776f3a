"""Where a score begins, what each reason adds, and where it ends: bars that hang on each other."""

from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import BAD, INK, LINE, MARK, SOFT, draw
from serving.scoring.explained import Explained

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 480
_LINE, _BAR, _GAP = 17, 16, 12
_LETTERS = 60
_EDGE = 30


class _Row(NamedTuple):
    words: tuple[str, ...]
    before: float
    after: float
    said: str
    color: str


def waterfall_size(steps: Explained) -> tuple[int, int]:
    """Give the width and height that `waterfall_picture` draws at."""
    return WIDTH, _EDGE + sum(map(_height, _rows(steps)))


def waterfall_picture(steps: Explained) -> bytes:
    """Draw base, steps, rest and total below each other, on the log-odds scale."""
    rows = _rows(steps)
    width, height = waterfall_size(steps)

    def paint(axes: "Axes") -> None:
        axes.grid(visible=False)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
        ends = [each for row in rows for each in (row.before, row.after)]
        room = 0.2 * (max(ends) - min(ends) or 1.0)
        axes.set_xlim(min(ends) - room, max(ends) + room)
        left, right = axes.get_xlim()
        top = 0.0
        for place, row in enumerate(rows):
            under = top + _LINE * len(row.words)
            axes.text(
                left, top, "\n".join(row.words), fontsize=13, color=INK, va="top", linespacing=1.15
            )
            middle = under + _BAR / 2
            if row.before == row.after:
                axes.plot([row.after], [middle], marker="D", markersize=8, color=row.color)
            else:
                axes.barh(
                    middle, row.after - row.before, left=row.before, height=_BAR, color=row.color
                )
            ahead = row.after >= row.before
            end = max(row.before, row.after) if ahead else min(row.before, row.after)
            axes.annotate(
                row.said, (end, middle), xytext=(7 if ahead else -7, 0), color=INK, fontsize=13,
                textcoords="offset points", va="center", ha="left" if ahead else "right",
            )  # fmt: skip
            top += _height(row)
            if place + 1 < len(rows):
                below = top + _LINE * len(rows[place + 1].words) + _BAR
                axes.plot([row.after] * 2, [middle, below], color=LINE, linewidth=1.2, zorder=0.5)
        axes.set_xlim(left, right)
        axes.set_ylim(top, 0)
        axes.locator_params(axis="x", nbins=5)
        axes.tick_params(axis="x", labelsize=12, length=0)

    return draw(width, height, paint)


def _rows(steps: Explained) -> list[_Row]:
    rows = [_Row(("where everyone starts",), steps.base, steps.base, _said(steps.base), SOFT)]
    rows += [
        _Row(_words(each.text), each.before, each.after, *_told(each.contribution))
        for each in steps.steps
    ]
    if steps.has_rest:
        words = ("everything else together",)
        rows.append(_Row(words, steps.before_rest, steps.total, *_told(steps.rest)))
    rows.append(_Row(("this customer",), steps.total, steps.total, _said(steps.total), INK))
    return rows


def _told(contribution: float) -> tuple[str, str]:
    return _said(contribution), BAD if contribution > 0 else MARK


def _said(log_odds: float) -> str:
    return f"{log_odds:+.2f}".replace("-", "−")


def _words(text: str) -> tuple[str, ...]:
    lines = wrap(text, _LETTERS)
    return tuple(lines if len(lines) <= 2 else [lines[0], f"{lines[1][: _LETTERS - 1]}…"])


def _height(row: _Row) -> int:
    return _LINE * len(row.words) + _BAR + _GAP
