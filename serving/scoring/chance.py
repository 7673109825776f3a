"""How a probability is written for people: never as a certainty that no model has."""

from typing import Literal, NamedTuple

Band = Literal["low", "middle", "high"]
_MIDDLE, _HIGH = 0.2, 0.5


class Hundredths(NamedTuple):
    """A share as so many in a hundred; `sign` is `<` or `>` where 0 or 100 would be untrue."""

    sign: Literal["", "<", ">"]
    whole: int


def in_hundred(share: float) -> Hundredths:
    """Round a share of 0-1 to whole hundredths; what would round to 0 or 100 says so."""
    if 0 < share < 0.005:
        return Hundredths("<", 1)
    if 0.995 <= share < 1:
        return Hundredths(">", 99)
    return Hundredths("", round(100 * share))


def band_of(share: float) -> Band:
    """Say in one word how high a chance is."""
    return "low" if share < _MIDDLE else "middle" if share < _HIGH else "high"


def percent(share: float, *, space: str = "\u202f") -> str:
    """Write a share of 0-1 in whole percent; what would round to 0 or 100 says so: `> 99 %`."""
    sign, count = in_hundred(share)
    return f"{sign}{space if sign else ''}{count}{space}%"
