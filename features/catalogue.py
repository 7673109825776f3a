"""The features that a history's own kinds of event suggest, without a line of code from anyone."""

import numpy as np

from features.definitions import FeatureDefinition
from features.derived import with_parts_purposes
from features.events import is_reserved
from features.history import Histories
from features.suggestions import samples
from features.suggestions.amounts import amounts
from features.suggestions.comparisons import comparisons
from features.suggestions.contents import contents, shares
from features.suggestions.profile import profile
from features.suggestions.rhythm import counts, course, habits, regularity, since_last
from features.suggestions.struggles import struggles
from features.suggestions.voice import surveys, tone

TRADE = ("order", "payment")
"""Kinds of trade; of the first of them that is there rhythm and amounts are looked at closely."""

USE = ("session", "page_view", "search")
"""Kinds of use; of the first of them that is there the rhythm is looked at closely, too."""

BRIEF = frozenset(
    {"ticket_closed", "email_delivered", "email_opened", "email_clicked", "email_bounced"}
)
"""Kinds that follow another, whose share or absence says more than their own rhythm."""

LEFT_OUT = frozenset({"unsubscribed", "spam_complaint"})
"""Never suggested: nobody's risk should rise because they said no to being written to."""


def catalogue(histories: Histories, *, timezone: str = "UTC") -> tuple[FeatureDefinition, ...]:
    """Suggest features for the kinds, values, properties and texts that `histories` hold.

    Keepwell's own acts never become features. Sentiment needs the purpose `wellbeing_inference`.
    Habits are read from the clocks of `timezone`. Order and names depend only on which kinds,
    instruments and properties there are, and on which of their values are common.
    """
    found: list[FeatureDefinition] = []
    present: list[str] = []
    trade, use = (next((each for each in of if each in histories.kinds), "") for of in (TRADE, USE))
    for code, kind in enumerate(histories.kinds):
        rows = np.flatnonzero(histories.kind == code)
        if is_reserved(kind) or kind in LEFT_OUT or not len(rows):
            continue
        present.append(kind)
        if kind == "profile":
            found += profile(histories, rows)
        elif kind not in TRADE and samples.once(histories, rows) and len(rows) >= _MANY:
            found.append(since_last(kind))
        elif kind in BRIEF:
            found += [*counts(kind, (90, 365)), since_last(kind)]
        else:
            found += _of_kind(kind, histories, rows, timezone, trade=kind == trade, use=kind == use)
    found += struggles(present)
    found += comparisons({each.name for each in found}, present)
    return _named_once(with_parts_purposes(found))


def _of_kind(
    kind: str, histories: Histories, rows: samples.Rows, timezone: str, *, trade: bool, use: bool
) -> list[FeatureDefinition]:
    close = trade or use
    usual = f"{kind}_gap_median_days" if close else ""
    found = [*counts(kind, _CLOSE if close else _WINDOWS), since_last(kind, usual=usual)]
    found += course(kind, (30, 90) if close else (90,))
    if close:
        found += regularity(kind)
        found += habits(kind, timezone, hours=samples.clocked(histories, rows))
    if kind == "survey":
        return [*found, *surveys(histories, rows)]
    if samples.valued(histories, rows):
        found += amounts(kind, close=trade)
    if trade:
        found += contents(kind, histories, rows)
    found += shares(kind, histories, rows)
    if samples.has_text(histories, rows):
        found += tone(kind)
    return found


def _named_once(found: tuple[FeatureDefinition, ...]) -> tuple[FeatureDefinition, ...]:
    """Let the first of two features with one name stay: a property may be called anything."""
    return tuple({each.name: each for each in reversed(found)}.values())[::-1]


_WINDOWS = (30, 90, 365, None)
_CLOSE = (7, *_WINDOWS)
_MANY = 20  # customers with one each: then once is what the kind is, and no accident
