"""What fills the page of refusals, withdrawals, complaints and group gaps over time."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from governance.audit.process_record import GapAt, MonthlyCount
from serving.pages.pictures.gaps import GapPoint
from serving.pages.pictures.ranges import Range


class MonthTable(NamedTuple):
    """Counts by month: `rows` are (name, one count per month); None is too few to tell.

    0 stands where nothing of that name happened in the month.
    """

    title: str
    months: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int | None, ...]], ...]


class GapView(NamedTuple):
    """One comparison that can be looked at over time, and what there is of it.

    `audits` are the days of the audits, oldest first; `found` the gaps of the chosen comparison.
    """

    choices: tuple[tuple[str, str], ...]
    attribute: str
    measure: str
    audits: tuple[str, ...]
    found: tuple[GapAt, ...]
    points: tuple[GapPoint, ...]


def month_table(title: str, counts: Sequence[MonthlyCount]) -> MonthTable:
    """Put counts into a table, newest month first, the most frequent name first."""
    months = sorted({each.month for each in counts}, reverse=True)
    told = {(each.month, each.name): each.n for each in counts}
    names = sorted({each.name for each in counts}, key=lambda name: (-_sum(counts, name), name))
    rows = tuple((name, tuple(told.get((month, name), 0) for month in months)) for name in names)
    return MonthTable(title, tuple(months), rows)


def gap_view(gaps: Sequence[GapAt], *, attribute: str, measure: str) -> GapView:
    """Choose one comparison of all audits; the most frequent where the one asked for is none."""
    made = Counter((each.attribute, each.measure) for each in gaps)
    choices = tuple(made)
    if (attribute, measure) not in made:
        [((attribute, measure), _)] = made.most_common(1) or [(("", ""), 0)]
    found = tuple(each for each in gaps if (each.attribute, each.measure) == (attribute, measure))
    order = {digest: k for k, digest in enumerate(dict.fromkeys(e.model_digest for e in found))}
    days = {order[each.model_digest]: f"{each.trained_at:%Y-%m-%d}" for each in found}
    points = tuple(GapPoint(order[each.model_digest], _range(each)) for each in found)
    audits = tuple(days[k] for k in sorted(days))
    return GapView(choices, attribute, measure, audits, found, points)


def gap_words(view: GapView, limit: float) -> str:
    """Say what the picture shows, for whoever does not see it."""
    if not view.points:
        return "No comparison to show."
    beyond = sum(each.verdict == "fail" for each in view.found)
    told = f"{beyond} lie wholly" if beyond != 1 else "1 lies wholly"
    audits = f"{len(view.audits)} audits" if len(view.audits) != 1 else "1 audit"
    return (
        f"How each {view.attribute.replace('_', ' ')} differs from the largest group in "
        f"{view.measure}, over {audits}: {len(view.points)} comparisons with their intervals, of "
        f"which {told} beyond the limit of {100 * limit:.0f} points. The table below says each."
    )


def _range(found: GapAt) -> Range:
    value, low, high = (100 * end for end in found.difference[:3])
    return Range(found.group, value, low, high)


def _sum(counts: Sequence[MonthlyCount], name: str) -> int:
    return sum(each.n or 0 for each in counts if each.name == name)
