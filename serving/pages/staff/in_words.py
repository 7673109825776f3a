"""Figures as staff pages write them: narrow spaces, a true minus, an interval in brackets.

`12.3 % (10.1 to 14.9)`: the unit stands once, after the figure.
"""

from serving.scoring.chance import in_hundred, percent

THIN = "\u202f"
_MINUS = "\u2212"


def number(value: float, digits: int = 1, *, signed: bool = False) -> str:
    """Write a number; what rounds to nothing has no sign of less than nothing."""
    told = round(value, digits) + 0.0
    text = f"{told:+,.{digits}f}" if signed else f"{told:,.{digits}f}"
    return text.replace(",", THIN).replace("-", _MINUS)


def count(n: float) -> str:
    """Write a whole number with narrow spaces between thousands."""
    return number(n, 0)


def figure(
    ends: tuple[float, float, float], unit: str = "", digits: int = 1, *, signed: bool = False
) -> str:
    """Write a value with its low and high end: `+2.1 points (−0.3 to +4.5)`."""
    value, low, high = (number(each, digits, signed=signed) for each in ends)
    after = f"{THIN if unit == '%' else ' '}{unit}" if unit else ""
    return f"{value}{after} ({low} to {high})"


def share(ends: tuple[float, float, float]) -> str:
    """Write a share of 0-1 with its low and high end in whole percent: `12 % (10 to 14)`.

    What would round to 0 or 100 says so: `< 1 % (0 to 3)`.
    """
    value, low, high = ends
    return f"{percent(value)} ({_hundredths(low)} to {_hundredths(high)})"


def _hundredths(value: float) -> str:
    sign, found = in_hundred(value)
    return f"{sign}{THIN}{found}" if sign else f"{found}"
