"""How many are still there, as time goes on: one falling curve per group, with its interval."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from serving.pages.pictures.canvas import SOFT, draw, with_gaps
from serving.pages.pictures.labels import LOOKS, End, name_ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CLOSE = 0.07


class Step(NamedTuple):
    """The share that is left after `at`, until the next step; None where none is given."""

    at: float
    value: float | None
    low: float | None = None
    high: float | None = None


class Curve(NamedTuple):
    """One group's steps, in order."""

    label: str
    steps: tuple[Step, ...]


def curves_picture(
    curves: Sequence[Curve], *, unit: str, width: int = 460, height: int = 220
) -> bytes:
    """Draw up to `MOST_LINES` curves with bands, each named at its end; `unit` is that of time.

    The marks say where it was measured; between them a line leads on.
    """

    def paint(axes: "Axes") -> None:
        ends = []
        for curve, (colour, dashes, mark) in zip(curves, LOOKS, strict=False):
            x = [step.at for step in curve.steps]
            low, high = (
                with_gaps(s.low for s in curve.steps),
                with_gaps(s.high for s in curve.steps),
            )
            axes.fill_between(x, low, high, color=colour, alpha=0.14, linewidth=0)
            axes.plot(
                x, with_gaps(s.value for s in curve.steps), color=colour, linewidth=1.8,
                linestyle=dashes, marker=mark, markersize=4,
            )  # fmt: skip
            last = next((s.value for s in reversed(curve.steps) if s.value is not None), None)
            ends.append(End(last, curve.label, colour))
        furthest = max((step.at for curve in curves for step in curve.steps), default=1)
        axes.set_xlim(0, furthest * 1.02 or 1)
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
        at = _ticks({step.at for curve in curves for step in curve.steps} | {0.0}, furthest)
        axes.set_xticks(at, [f"{x:g}" for x in at])
        axes.set_xlabel(unit, color=SOFT, fontsize=11)
        name_ends(axes, ends, height=height)

    return draw(width, height, paint)


def _ticks(places: set[float], furthest: float) -> list[float]:
    """Give the places that are named: those far enough from the one before."""
    named: list[float] = []
    for place in sorted(places):
        if not named or place - named[-1] >= _CLOSE * furthest:
            named.append(place)
    return named
