"""How reports write figures: shares, differences, counts and names, always the same way."""

import re
from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from governance.intervals import Interval

Rows = list[Sequence[object]]
"""The rows of a table; what stands in a cell is written as it is."""

HIDDEN = "< 5"
NOT_ESTIMABLE = "not estimable"


def percent(found: Interval | None) -> str:
    """Write a share and its interval in percent, or that it cannot be estimated."""
    if found is None:
        return NOT_ESTIMABLE
    return f"{100 * found.value:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def points(found: Interval | None) -> str:
    """Write a difference of two shares and its interval in percentage points."""
    if found is None:
        return NOT_ESTIMABLE
    return f"{100 * found.value:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def signed(found: Interval, spec: str = "+.3f") -> str:
    """Write a difference and its interval with their signs."""
    return f"{found.value:{spec}} [{found.low:{spec}}, {found.high:{spec}}]"


def count(n: int | None) -> str:
    """Write how many people a group has, or why that is not shown."""
    return "fewer than 5, or hidden to protect such a group" if n is None else f"{n:,}"


def number(n: int | None) -> str:
    """Write a count in a narrow cell, or that it is hidden."""
    return HIDDEN if n is None else f"{n:,}"


def words(name: str) -> str:
    """Write a name as words."""
    return name.replace("_", " ")


def marked(text: str) -> Markup:
    """Write a sentence for a page, with what stands between back-ticks as code."""
    shown = re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
    return Markup(shown)  # noqa: S704 - it was escaped above
