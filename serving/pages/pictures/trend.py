"""Figures over time: each with its interval, and what happened meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import INK, SOFT, draw, with_gaps
from serving.pages.pictures.labels import LOOKS, MOST_LINES, End, name_ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABEL_PX = 62
_NAMES_PX = 130
_DODGE = 0.08


class TrendPoint(NamedTuple):
    """One period; `value` is None where there is no figure."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


class Mark(NamedTuple):
    """Something that happened in the period at `place`; its number leads to the words beside."""

    place: int
    number: int


def lines_picture(
    lines: Mapping[str, Sequence[TrendPoint]],
    marks: Sequence[Mark] = (),
    *,
    width: int = 460,
    height: int = 190,
    write: Callable[[float], str] | None = None,
) -> bytes:
    """Draw up to `MOST_LINES` lines over the same periods, each named at its end.

    One has its interval as a band, several have thin ones beside each other, since bands would
    hide one another. Periods without a figure leave a gap. `write` says how numbers stand at the
    axis.
    """
    points = next(iter(lines.values()))
    labels = [point.label for point in points]

    def paint(axes: "Axes") -> None:
        x = list(range(len(labels)))
        ends: list[End] = []
        for (name, line), (colour, dashes, mark) in zip(lines.items(), LOOKS, strict=False):
            beside = _DODGE * (len(ends) - (min(len(lines), MOST_LINES) - 1) / 2)
            moved = [place + beside for place in x]
            if len(lines) == 1:
                low, high = with_gaps(p.low for p in line), with_gaps(p.high for p in line)
                axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
            _intervals(axes, moved, line, colour, alone=len(lines) == 1)
            axes.plot(
                moved, with_gaps(p.value for p in line), color=colour, linewidth=1.8, marker=mark,
                markersize=4, linestyle=dashes,
            )  # fmt: skip
            last = next((p.value for p in reversed(line) if p.value is not None), None)
            ends.append(End(last, name, colour))
        room = width - (_NAMES_PX if len(lines) > 1 else 0)
        step = max(1, -(-len(labels) * _LABEL_PX // room))
        shown = x[::-step][::-1]
        axes.set_xticks(shown, [labels[k] for k in shown])
        axes.set_xlim(-0.4, max(len(labels) - 0.6, 0.4))
        axes.locator_params(axis="y", nbins=4)
        if write:
            axes.yaxis.set_major_formatter(lambda value, _: write(value))
        top = axes.get_ylim()[1]
        for each in marks:
            axes.axvline(each.place, color=SOFT, linewidth=0.8, linestyle=(0, (2, 3)))
        for place, numbers in _together(marks).items():
            axes.text(place, top, numbers, color=INK, fontsize=10, ha="center", va="bottom")
        if len(lines) > 1:
            name_ends(axes, ends, height=height)

    return draw(width, height, paint)


def _intervals(
    axes: "Axes", x: Sequence[float], line: Sequence[TrendPoint], colour: str, *, alone: bool
) -> None:
    """Draw intervals as thin strokes; of a line with a band those alone that a band cannot show."""
    for k, point in enumerate(line):
        neighbours = [line[j].value for j in (k - 1, k + 1) if 0 <= j < len(line)]
        in_band = alone and any(value is not None for value in neighbours)
        if point.low is not None and point.high is not None and not in_band:
            axes.plot([x[k], x[k]], [point.low, point.high], color=colour, linewidth=1, alpha=0.4)


def _together(marks: Sequence[Mark]) -> dict[int, str]:
    found: dict[int, list[int]] = {}
    for each in marks:
        found.setdefault(each.place, []).append(each.number)
    return {place: _in_a_row(numbers) for place, numbers in found.items()}


def _in_a_row(numbers: Sequence[int]) -> str:
    """Write numbers short: `3`, `3, 4`, `3–7`."""
    if len(numbers) < 3:
        return ", ".join(map(str, numbers))
    return f"{min(numbers)}–{max(numbers)}"
