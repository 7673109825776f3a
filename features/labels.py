"""The truth of a target for each customer at each as_of, whatever kind of target it is."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from features.history import Histories
from features.targets import contract, reports, trade
from features.targets.answers import Bools, Circumstances, Labels, Unknown
from features.targets.moments import knowledge_end
from features.targets.target import Target
from governance.instants import DAY_US
from governance.proof import Permit

__all__ = ["Labels", "Target", "askable", "asked_about", "label", "labeller", "who_is_asked"]

_FAMILIES: Mapping[str, Callable[[Histories, Target, Circumstances], Callable[[int], Labels]]] = {
    "inactivity": trade.inactivity,
    "silence": trade.silence,
    "contract": contract.contract,
    "event": trade.event,
    "next_need": trade.next_need,
    "clv": trade.clv,
    "wellbeing_decline": reports.wellbeing_decline,
    "sentiment_shift": reports.sentiment_shift,
}


def label(
    histories: Histories,
    target: Target,
    as_of: int,
    *,
    observed_until: int,
    known_until: int | None = None,
    given: Mapping[str, float] | None = None,
    permits: Mapping[str, Permit] | None = None,
) -> Labels:
    """Give the truth of `target` at `as_of` (µs) for every customer of `histories`.

    See `labeller`, which many instants share.
    """
    around = Circumstances(observed_until, known_until, given or {}, permits or {})
    return labeller(histories, target, around)(as_of)


def labeller(
    histories: Histories, target: Target, around: Circumstances
) -> Callable[[int], Labels]:
    """Prepare the truth of `target`, to be asked for one instant (µs) after another.

    Where the horizon ends after `observed_until`, the end of what the history covers, `y` is NaN.
    Answers use everything known by `known_until` (None: by now), because a file of past months
    teaches what happened in them: stating it gives the labels as they stood then, whatever arrived
    since. `y` is NaN, too, for an id that counted for another one by then, merged into it: what
    happened afterwards is told by that one. Who is eligible depends only on what was known at
    as_of. Given labels come from `given` (customer to 0 or 1); who has none is not eligible.
    Targets about how people fare read nothing of those whom the permit for `wellbeing_inference`
    does not cover, and raise `InvalidInput` without one.
    """
    if target.kind == "given":
        return _given(histories, around)
    answer = _FAMILIES[target.kind](histories, target, around)
    away = histories.is_away(knowledge_end(around))

    def at(as_of: int) -> Labels:
        found = answer(as_of)
        not_over = as_of + target.horizon_days * DAY_US > around.observed_until
        nothing = away | not_over
        return found._replace(
            y=np.where(nothing, np.nan, found.y),
            nested=np.where(nothing[:, None], np.nan, found.nested),
            unknown=(*found.unknown, *_overlapping(target, as_of, len(histories))),
        )

    return at


def askable(
    histories: Histories,
    target: Target,
    as_of: int,
    *,
    permits: Mapping[str, Permit] | None = None,
) -> Bools:
    """Give whom (m,) the question can be asked of at `as_of` (µs), as training would.

    Of targets that rest on reports those with too few of them cannot be asked: "insufficient data".
    A label that came with the data can be asked of everyone.
    """
    if target.kind == "given":
        return np.ones(len(histories), np.bool_)
    found = label(histories, target, as_of, observed_until=as_of, permits=permits)
    few = [each.who for each in found.unknown if each.step == "reports"]
    return found.eligible & ~np.any(few, axis=0) if few else found.eligible


def who_is_asked(target: Target) -> str:
    """Say whom the question makes sense for, to follow "not one who"."""
    return {
        "inactivity": "was active before",
        "given": "has a given label",
        "silence": f"came within the {target.silence_days} days before",
        "contract": "has a contract in force",
        "event": "was seen in the active window",
        "next_need": "was active before",
        "clv": "was active before",
        "wellbeing_decline": "was seen in the active window",
        "sentiment_shift": "was seen in the active window",
    }[target.kind]


def asked_about(histories: Histories, target: Target) -> Bools:
    """Which events (n,) the question is about: the history begins with the first of them."""
    if target.kind == "contract":
        return histories.kind_mask(*contract.asked_kinds())
    if target.is_personal or target.kind == "event":
        return ~histories.is_own_act
    return histories.kind_mask(target.event_kind)


def _given(histories: Histories, around: Circumstances) -> Callable[[int], Labels]:
    y = np.array([around.given.get(each, np.nan) for each in histories.customers], np.float64)
    found = Labels(y, ~np.isnan(y), np.zeros((len(histories), 0)))
    return lambda _: found


def _overlapping(target: Target, as_of: int, size: int) -> Iterator[Unknown]:
    """Leave out every row whose horizon overlaps a declared outside event, by its name."""
    if target.calendar == "ignore":
        return
    end = as_of + target.horizon_days * DAY_US
    for each in target.outside:
        overlaps = each.since <= end and each.until > as_of
        yield Unknown("calendar", f"the horizon overlaps {each.name}", np.full(size, overlaps))
