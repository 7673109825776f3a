"""Names at the ends of lines, so that no picture needs a legend: none lies upon another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import BAD, INK, MARK, SOFT, UNSURE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = (
    (MARK, "-", "o"),
    (UNSURE, (0, (5, 2)), "s"),
    (BAD, (0, (2, 1.5)), "^"),
    (SOFT, (0, (6, 2, 1, 2)), "D"),
    (INK, "-", "v"),
    (MARK, (0, (1, 1)), "P"),
)
"""Colour, dashes and mark of the first, second … line: each can be told by shape alone."""
MOST_LINES = len(LOOKS)
_LONGEST = 28
_LINE_PX = 14
_BELOW_PX = 45


class End(NamedTuple):
    """Where a line ends (None: nowhere), its name and colour."""

    at: float | None
    name: str
    colour: str


def name_ends(axes: "Axes", ends: Sequence[End], *, height: int) -> None:
    """Write each name beside the end of its line, moved up where two would meet."""
    low, high = axes.get_ylim()
    apart = _LINE_PX / (height - _BELOW_PX)
    shares = sorted(
        ((end.at - low) / ((high - low) or 1.0), end) for end in ends if end.at is not None
    )
    for place, (_, end) in zip(_spread([share for share, _ in shares], apart), shares, strict=True):
        axes.text(
            1.015, place, short(end.name), transform=axes.transAxes, color=end.colour,
            fontsize=11, va="center",
        )  # fmt: skip


def short(name: str) -> str:
    """Cut a long name."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _spread(places: Sequence[float], apart: float) -> list[float]:
    """Move rising places up until each is `apart` from the one below, then down from the top."""
    spread: list[float] = []
    for place in places:
        spread.append(max(place, spread[-1] + apart if spread else place))
    over = max((spread[-1] - 1.0) if spread else 0.0, 0.0)
    return [place - over for place in spread]
