"""How much there is of each: bars side by side, each with its interval."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import INK, LINE, MARK, MARK_SOFT, SOFT, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABEL_PX = 38
_ROW = 26
_SHARE = 0.72
_LETTER = 6.6
_FOLD = 78
_TALL = 0.86


class Bar(NamedTuple):
    """One bar; `value` is None where there is no figure, `said` is how the value is written."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    said: str = ""


def histogram_picture(
    bars: Sequence[Bar],
    *,
    width: int = 460,
    height: int = 190,
    write: Callable[[float], str] | None = None,
) -> bytes:
    """Draw neighbouring ranges as standing bars; one without a figure is marked with a dot."""

    def paint(axes: "Axes") -> None:
        x = range(len(bars))
        shown = [bar.value or 0 for bar in bars]
        axes.bar(x, shown, width=0.92, color=MARK_SOFT, edgecolor=MARK, linewidth=0.8)
        for place, bar in enumerate(bars):
            if bar.value is None:
                axes.text(place, 0, "·", color=SOFT, fontsize=14, ha="center", va="bottom")
            elif bar.low is not None and bar.high is not None:
                axes.plot([place, place], [bar.low, bar.high], color=INK, linewidth=1.2)
        step = max(1, -(-len(bars) * _LABEL_PX // width))
        axes.set_xticks(list(x)[::step], [bar.label for bar in bars][::step])
        axes.set_xlim(-0.6, max(len(bars) - 0.4, 0.6))
        axes.set_ylim(0)
        axes.locator_params(axis="y", nbins=4)
        if write:
            axes.yaxis.set_major_formatter(lambda value, _: write(value))

    return draw(width, height, paint)


def bars_picture(bars: Sequence[Bar], *, width: int = 460) -> bytes:
    """Draw kinds as lying bars, each with its name and its value written at its end."""
    height = _ROW * max(len(bars), 1) + 14

    def paint(axes: "Axes") -> None:
        y = range(len(bars))
        shown = [bar.value or 0 for bar in bars]
        axes.barh(y, shown, height=_SHARE, color=MARK_SOFT, edgecolor=MARK, linewidth=0.8)
        ends = [0.0, *shown, *(bar.high for bar in bars if bar.high is not None)]
        most = max(ends) or 1.0
        for place, bar in enumerate(bars):
            end = bar.value or 0.0
            if bar.value is not None and bar.low is not None and bar.high is not None:
                axes.plot([bar.low, bar.high], [place, place], color=INK, linewidth=1.2)
                end = max(end, bar.high)
            said = bar.said if bar.value is not None else "not shown"
            colour = INK if bar.value is not None else SOFT
            axes.text(
                end + most * 0.02, place, said, color=colour, fontsize=11, va="center", ha="left"
            )
        axes.set_yticks(list(y), [bar.label for bar in bars])
        axes.set_ylim(len(bars) - 0.4, -0.6)
        room = max(width - _LETTER * max((len(bar.label) for bar in bars), default=0), _LETTER)
        words = _LETTER * max((len(bar.said or "not shown") for bar in bars), default=0)
        axes.set_xlim(0, most / max(1 - (words + _LETTER) / room, 0.3))
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.spines["left"].set_color(LINE)

    return draw(width, height, paint)


def spreads_picture(spreads: Mapping[str, Sequence[Bar]], *, width: int = 460) -> bytes:
    """Draw several histograms over the same ranges below each other, each as high as its highest.

    The name of each stands above it, with its largest number; what is not shown has a dot.
    """
    edges = next(iter(spreads.values()))
    height = _FOLD * len(spreads) + 22

    def paint(axes: "Axes") -> None:
        for k, (name, bars) in enumerate(spreads.items()):
            ground = float(len(spreads) - 1 - k)
            most = max((bar.value or 0 for bar in bars), default=0) or 1.0
            for place, bar in enumerate(bars):
                if bar.value is None:
                    axes.text(place, ground, "·", color=SOFT, fontsize=14, ha="center", va="bottom")
                if not bar.value:
                    continue
                axes.bar(
                    place, _TALL * bar.value / most, bottom=ground, width=0.92, color=MARK_SOFT,
                    edgecolor=MARK, linewidth=0.8,
                )  # fmt: skip
            axes.axhline(ground, color=LINE, linewidth=0.8)
            axes.text(
                len(bars) - 0.5, ground + _TALL, f"{name}, at most {most:g}", color=INK,
                fontsize=11, ha="right", va="top",
            )  # fmt: skip
        step = max(1, -(-len(edges) * _LABEL_PX // width))
        axes.set_xticks(range(0, len(edges), step), [bar.label for bar in edges][::step])
        axes.set_xlim(-0.6, len(edges) - 0.4)
        axes.set_ylim(0, len(spreads))
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.spines["left"].set_visible(False)

    return draw(width, height, paint)
