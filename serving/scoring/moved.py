"""Which groups of features moved many scores most: what `estimate.reasons` says, by columns."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from serving.scoring.told_groups import grouped

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Moved(NamedTuple):
    """The m reasons of n people, person by person, each with its strongest first.

    Person i has those from `at[i]` on, `at` (n + 1,). `feature` (m,) is the place of the member
    that words it, with `value` and `text`; `group` (m,), `contribution` (m,) in log-odds. Its
    members are those from `member_at[j]` on, `member_at` (m + 1,): places of features, with
    `member_value` and `member_contribution`. A missing value is NaN.
    """

    at: Ints
    group: Ints
    contribution: Floats
    feature: Ints
    value: Floats
    text: list[str]
    member_at: Ints
    member: Ints
    member_value: Floats
    member_contribution: Floats


def moved(
    definitions: tuple[FeatureDefinition, ...],
    values: Floats,
    contributions: Floats,
    *,
    limit: int,
) -> Moved:
    """Give the `limit` groups that moved each score most, of `values`, `contributions` (n, k)."""
    groups = grouped(definitions)
    people, width = len(values), len(groups.titles)
    sums = np.zeros((people, width))
    for place, own in enumerate(groups.place):
        sums[:, own] += contributions[:, place]
    order = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :limit]
    top = np.take_along_axis(sums, order, axis=1)
    person, rank = np.nonzero(top != 0.0)
    group, contribution = order[person, rank], top[person, rank]
    belongs = np.array(groups.place)[None, :] == np.arange(width)[:, None]
    shares = contributions[person]
    is_member = belongs[group] & (shares != 0.0)
    way = np.where(is_member, shares * np.copysign(1.0, contribution)[:, None], -np.inf)
    feature = np.argmax(way, axis=1) if len(way) else np.zeros(0, np.int64)
    value = values[person, feature]
    usual_at = np.array(groups.usual)[feature]
    usual = np.where(usual_at >= 0, values[person, usual_at], np.nan)
    reason, member = np.nonzero(is_member)
    return Moved(
        np.searchsorted(person, np.arange(people + 1)),
        group,
        contribution,
        feature,
        value,
        [
            groups.word(*each)
            for each in zip(feature.tolist(), value.tolist(), usual.tolist(), strict=True)
        ],
        np.searchsorted(reason, np.arange(len(person) + 1)),
        member,
        values[person[reason], member],
        shares[reason, member],
    )
