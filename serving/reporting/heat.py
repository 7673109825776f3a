"""Colours and words for the cells of a journey map; a colour never stands without its figure."""

from typing import NamedTuple

from governance.intervals import Interval
from outcomes.journey.map import Look

BAD, MIDDLE, GOOD = (178, 74, 60), (214, 198, 150), (58, 125, 108)
"""Three colours of equal weight for people who tell them apart, and for those who do not."""


class Shade(NamedTuple):
    """What one column of the map is called, where its colours end, and how a figure is written."""

    title: str
    bad: float
    good: float
    percent: bool
    digits: int


SHADES = {
    "sentiment": Shade("sentiment", -0.5, 0.5, percent=False, digits=2),
    "satisfaction": Shade("satisfied", 40.0, 100.0, percent=False, digits=0),
    "effort": Shade("effort", 70.0, 10.0, percent=False, digits=0),
    "drop_off": Shade("drop-off", 0.5, 0.0, percent=True, digits=0),
}


def warmth(lens: str, value: float) -> float:
    """Place a figure between the bad end (0) and the good end (1) of its column."""
    shade = SHADES[lens]
    return min(max((value - shade.bad) / (shade.good - shade.bad), 0.0), 1.0)


def colour(lens: str, value: float) -> tuple[int, int, int]:
    """Give red, green and blue (0 to 255) for a figure of this column."""
    place = warmth(lens, value)
    a, b, part = (BAD, MIDDLE, 2 * place) if place < 0.5 else (MIDDLE, GOOD, 2 * place - 1)
    red, green, blue = (round(x + part * (y - x)) for x, y in zip(a, b, strict=True))
    return red, green, blue


def is_dark(rgb: tuple[int, int, int]) -> bool:
    """Whether white is easier to read on this colour than black (relative luminance)."""
    red, green, blue = (float((each / 255) ** 2.2) for each in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.2


def written(lens: str, value: float) -> str:
    """Write a figure as its column has it: +0.12, 74, 8 %."""
    shade = SHADES[lens]
    if shade.percent:
        return f"{100 * value:.{shade.digits}f} %"
    sign = "+" if shade.bad < 0 else ""
    return f"{_no_minus_zero(value, shade.digits):{sign}.{shade.digits}f}"


def bounds(lens: str, value: Interval) -> str:
    """Write the interval of a figure: −0.21 … −0.01."""
    shade = SHADES[lens]
    scale = 100 if shade.percent else 1
    sign = "+" if shade.bad < 0 else ""
    low, high = (
        f"{_no_minus_zero(scale * each, shade.digits):{sign}.{shade.digits}f}"
        for each in (value.low, value.high)
    )
    return f"{low} … {high}"


def _no_minus_zero(value: float, digits: int) -> float:
    """Round a figure as it is written; what rounds to nothing has no sign of less than nothing."""
    return round(value, digits) + 0.0


def absent(look: Look) -> str:
    """Say in a word why a cell has no figure."""
    if not look.note:
        return "not measured"
    return "too few" if "too few" in look.note else "withheld"
