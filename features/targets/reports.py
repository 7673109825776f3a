"""What people say of themselves, and how they write: falls below their own usual level."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.counting import OWN
from features.history import Histories
from features.targets.answers import Bools, Circumstances, Floats, Ints, Labels, Unknown
from features.targets.moments import active, knowledge_end
from features.targets.target import INDEX, Target
from features.wellbeing.scheme import PURPOSE, Dimension, Scheme, Signal
from features.wellbeing.signals import Readings, read_signals
from governance.errors import InvalidInput
from governance.instants import DAY_US
from governance.proof import Permit

POINTS_PER_POLARITY = 50.0
"""Readings of texts are 50 + 50 · polarity points."""

_TEXTS = Scheme("texts", (Dimension("texts", (Signal("words", "sentiment"),)),))


def wellbeing_decline(
    histories: Histories, target: Target, around: Circumstances
) -> Callable[[int], Labels]:
    """The mean of a person's own reports falls by `amount` of their own standard deviations.

    before, sd: mean and sample standard deviation of the reports in (as_of − baseline_days, as_of],
    as known then; after: mean of those in (as_of, as_of + horizon_days]. y = 1 where after < before
    and before − after ≥ amount · sd. Reports are those of the first signal of the dimension, in
    its scheme's order, of which there are `min_reports` before; counts of events are no reports.
    For the index means are weighted over the dimensions that were answered, and its spread is that
    of one report on each: √Σ w²sd² ÷ Σ w.
    """
    permit = _permit(target, around)
    shares = target.scheme.shares if target.dimension == INDEX else {target.dimension: 1.0}
    sides = _read(histories, target.scheme, permit, shares)
    return _falls(histories, target, around, sides, lambda spread: target.amount * spread)


def sentiment_shift(
    histories: Histories, target: Target, around: Circumstances
) -> Callable[[int], Labels]:
    """The mean polarity of a person's texts after as_of is at least `amount` below that before.

    The windows are those of `wellbeing_decline`. Texts in languages that are not measured are no
    reports.
    """
    permit = _permit(target, around)
    sides = _read(histories, _TEXTS, permit, {"texts": 1.0})
    least = target.amount * POINTS_PER_POLARITY
    return _falls(histories, target, around, sides, lambda spread: np.full(len(spread), least))


class _Reports(NamedTuple):
    """Points (k,) of one signal, with whose they are and when they were known."""

    customer: NDArray[np.int32]
    at: Ints
    known: Ints
    superseded: Ints
    points: Floats


class _Side(NamedTuple):
    """The signals of one dimension in order of precedence, and its share in what is asked."""

    share: float
    signals: tuple[_Reports, ...]


class _Level(NamedTuple):
    """Of each person (m,): whether there is a level before and after, the means, the spread."""

    asked: Bools
    answered: Bools
    before: Floats
    after: Floats
    spread: Floats


def _permit(target: Target, around: Circumstances) -> Permit:
    found = around.permits.get(PURPOSE)
    if found is None:
        raise InvalidInput(
            f"labels of {target.name} need a permit for {PURPOSE}",
            hint="ask the consent registry for one over the customers of these histories",
        )
    found.require(PURPOSE)
    return found


def _read(
    histories: Histories, scheme: Scheme, permit: Permit, shares: dict[str, float]
) -> tuple[_Side, ...]:
    if histories.origins is not None:  # what was recorded under other ids needs their permission
        others = histories.origins.contributors
        allowed = np.array([each in permit.customers for each in others] + [True], np.bool_)
        place = np.where(histories.origins.of_event == OWN, -1, histories.origins.of_event)
        histories = histories.take(allowed[place])
    found = read_signals(histories, scheme, permit)
    return tuple(
        _Side(
            share,
            tuple(_reports(histories, each) for each in found.readings[name] if not each.counted),
        )
        for name, share in shares.items()
    )


def _reports(histories: Histories, found: Readings) -> _Reports:
    row = found.row
    return _Reports(
        histories.customer_of_event[row],
        histories.occurred_at[row],
        histories.known_at[row],
        histories.superseded_at[row],
        found.points,
    )


def _falls(
    histories: Histories,
    target: Target,
    around: Circumstances,
    sides: Sequence[_Side],
    least: Callable[[Floats], Floats],
) -> Callable[[int], Labels]:
    size, end = len(histories), knowledge_end(around)
    eligible = active(histories, target, ~histories.is_own_act)

    def at(as_of: int) -> Labels:
        found = _together([_level(each, target, as_of, end, size) for each in sides], sides)
        fall = found.before - found.after
        y = (fall > 0) & (fall >= least(found.spread))
        few = f"fewer than {target.min_reports} reports"
        before = f"{few} in the {target.baseline_days} days before"
        after = f"did not answer: {few} within the horizon"
        steps = (
            Unknown("reports", before, ~found.asked),
            Unknown("answers", after, found.asked & ~found.answered),
        )
        return Labels(y.astype(np.float64), eligible(as_of), np.zeros((size, 0)), steps)

    return at


def _level(side: _Side, target: Target, as_of: int, end: int, size: int) -> _Level:
    """Where people stand on one dimension, by their first signal with enough reports before."""
    asked, answered = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    before, after, spread = (np.zeros(size) for _ in range(3))
    since, until = as_of - target.baseline_days * DAY_US, as_of + target.horizon_days * DAY_US
    for told in side.signals:
        then = (told.known <= as_of) & (told.superseded > as_of)
        earlier = then & (told.at > since) & (told.at <= as_of)
        known = (told.known <= end) & (told.superseded > end)
        later = known & (told.at > as_of) & (told.at <= until)
        count, mean, deviation = _moments(told, earlier, size)
        new = (count >= target.min_reports) & ~asked
        count_after, mean_after, _ = _moments(told, later, size)
        asked |= new
        before[new], spread[new], after[new] = mean[new], deviation[new], mean_after[new]
        answered[new] = count_after[new] >= target.min_reports
    return _Level(asked, answered, before, after, spread)


def _together(levels: Sequence[_Level], sides: Sequence[_Side]) -> _Level:
    """The weighted level of several dimensions, over those answered, of each person."""
    shares = np.array([each.share for each in sides])[:, None]
    weight = np.stack([each.answered for each in levels]) * shares
    whole = weight.sum(axis=0)
    weight = weight / np.where(whole > 0, whole, 1.0)
    return _Level(
        asked=np.any([each.asked for each in levels], axis=0),
        answered=whole > 0,
        before=(weight * np.stack([each.before for each in levels])).sum(axis=0),
        after=(weight * np.stack([each.after for each in levels])).sum(axis=0),
        spread=np.sqrt(((weight * np.stack([each.spread for each in levels])) ** 2).sum(axis=0)),
    )


def _moments(told: _Reports, chosen: Bools, size: int) -> tuple[Ints, Floats, Floats]:
    """Count, mean and sample standard deviation of the chosen reports of each person (m,)."""
    customer, points = told.customer[chosen], told.points[chosen]
    count = np.bincount(customer, minlength=size)
    mean = np.bincount(customer, points, minlength=size) / np.maximum(count, 1)
    squares = np.bincount(customer, (points - mean[customer]) ** 2, minlength=size)
    return count, mean, np.sqrt(squares / np.maximum(count - 1, 1))
