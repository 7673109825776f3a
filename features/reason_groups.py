"""Which features say one thing: groups that reasons are told in, and what a person can do about it.

Read off the definitions (kinds, aggregate, column), so that a company's own features and kinds of
event find their group by themselves. A group is named by its title, which people read.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions import CLOCK_COLUMNS, DERIVED, FeatureDefinition
from features.suggestions.phrases import nouns, spoken

Standing = Literal["changeable", "correctable", "fixed"]
"""What can be done about a feature: see `standing`."""

ATTRIBUTE = "profile"
"""The kind of event that states what a person is or has, rather than what they did."""

PLAN_HISTORY = frozenset({"plan_changed", "renewed", "cancelled"})
"""Kinds whose past is a matter of contract, not of what anyone could do now."""

_HOW_OFTEN = frozenset(
    {
        *("count", "decayed_count", "active_days", "active_months", "streak", "coverage"),
        *("gap_mean_days", "gap_median_days", "gap_shrunk_days"),
    }
)
_MOVED_BY_ACTS = frozenset(
    {
        *("count", "decayed_count", "active_days", "active_months", "days_since_last"),
        *("recency_over_gap", "trend", "share", "share_where", "unanswered", "repeats"),
    }
)
_CHANGE = frozenset({"slope", "delta"})
_WINDOW_WORDS = frozenset({"count", "sum", "mean", "all", "total"})


class Grouping(NamedTuple):
    """The groups of some features: `titles` (g,), and for each feature its group, `place` (k,)."""

    titles: tuple[str, ...]
    place: NDArray[np.int64]

    def sums(self, contributions: Sequence[float]) -> NDArray[np.float64]:
        """Add up the contributions (k,) of each group's members, in their order: shape (g,)."""
        weighed = np.bincount(self.place, weights=contributions, minlength=len(self.titles))
        return np.asarray(weighed, np.float64)


@lru_cache(maxsize=32)
def grouping(definitions: tuple[FeatureDefinition, ...]) -> Grouping:
    """Group features that say one thing; every feature is in exactly one group.

    Titles are in the order in which the features first name them.
    """
    by_name = {each.name: each for each in definitions}
    titles: dict[str, int] = {}
    place = [titles.setdefault(title_of(each, by_name), len(titles)) for each in definitions]
    return Grouping(tuple(titles), np.array(place, np.int64))


def title_of(definition: FeatureDefinition, by_name: Mapping[str, FeatureDefinition]) -> str:
    """Say what a feature is about: "time since the last order", "how many tickets, how often".

    A feature made of others (found in `by_name`) goes with the first of them. Two windows of one
    thing set against each other tell of a change; a total of different things is one of its own.
    """
    if definition.aggregate in DERIVED:
        return _title_of_derived(definition, by_name)
    if definition.aggregate == "function" or not definition.kinds:
        return spoken(definition.name)
    one, several = _subject(definition)
    aggregate = definition.aggregate
    if aggregate in _HOW_OFTEN:
        return f"how many {several}, and how often"
    if aggregate == "share":
        return f"{nouns(definition.kinds[0])[1]} per {nouns(definition.kinds[-1])[0]}"
    if aggregate == "unanswered":
        return f"{nouns(definition.kinds[0])[1]} with no {nouns(definition.kinds[-1])[0]} after"
    if aggregate == "share_where":
        named = " and ".join(spoken(name) for name, _ in definition.where)
        return f"{named} of {_kinds_in_words(definition)[1]}"
    told = {
        "days_since_last": f"time since the last {one}",
        "recency_over_gap": f"time since the last {one}",
        "days_since_first": f"time since the first {one}",
        "trend": f"more or fewer {several} than before",
        "gap_std_days": f"how regular {several} are",
        "repeats": f"{several} soon after one another",
    }
    return told.get(aggregate) or _title_of_column(definition, several)


def standing(definition: FeatureDefinition, by_name: Mapping[str, FeatureDefinition]) -> Standing:
    """Say what can be done about a feature.

    `changeable`: what the customer or the company does from now on moves it (how often and how
    recently something happens, answers, tone). `correctable`: a fact stated about the person, which
    they can have put right. `fixed`: neither, such as how long someone has been a customer, or what
    plans they had. A feature made of others is what the most movable of them is.
    """
    if definition.aggregate in DERIVED:
        parts = {standing(by_name[part], by_name) for part in definition.of if part in by_name}
        return next((each for each in _MOVABLE if each in parts), "fixed")
    if ATTRIBUTE in definition.kinds:
        return "correctable"
    if PLAN_HISTORY.intersection(definition.kinds):
        return "fixed"
    heard = definition.column in ("level", "sentiment") and definition.aggregate in ("last", "mean")
    return "changeable" if heard or definition.aggregate in _MOVED_BY_ACTS else "fixed"


_MOVABLE: tuple[Standing, ...] = ("changeable", "correctable")


def _title_of_derived(
    definition: FeatureDefinition, by_name: Mapping[str, FeatureDefinition]
) -> str:
    parts = [by_name[part] for part in definition.of if part in by_name]
    if not parts:
        return spoken(definition.name)
    titles = list(dict.fromkeys(title_of(part, by_name) for part in parts))
    if definition.aggregate == "total" and len(titles) > 1:
        return f"{_without_window(definition.name)} in total"
    if len(parts) == 2 and definition.aggregate != "total" and _same_but_window(*parts):
        several = _subject(parts[0])[1]
        if parts[0].column == "value":
            return f"change in what {several} are worth"
        if parts[0].aggregate in _HOW_OFTEN:
            return f"more or fewer {several} than before"
    return titles[0]


def _same_but_window(one: FeatureDefinition, other: FeatureDefinition) -> bool:
    def essence(each: FeatureDefinition) -> tuple[object, ...]:
        return each.kinds, each.where, each.aggregate, each.column, each.parameter

    return essence(one) == essence(other) and one.window_days != other.window_days


def _title_of_column(definition: FeatureDefinition, several: str) -> str:
    column, _, name = definition.column.partition(":")
    if f"{column}:" in CLOCK_COLUMNS:
        return f"when {several} come"
    if name:
        about = spoken(name)
        return about if definition.kinds == (ATTRIBUTE,) else f"{about} in {several}"
    if column == "value":
        change = "change in " if definition.aggregate in _CHANGE else ""
        return f"{change}what {several} are worth"
    if column == "sentiment":
        return f"tone of {several}"
    instrument = dict(definition.where).get("instrument")
    return f"answers to {instrument}" if instrument else several


def _subject(definition: FeatureDefinition) -> tuple[str, str]:
    """Say what is counted, for one and for several, with the condition it must meet."""
    one, several = _kinds_in_words(definition)
    met = ", ".join(f"{spoken(name)} {value}" for name, value in definition.where)
    return (f"{one} ({met})", f"{several} ({met})") if met else (one, several)


def _kinds_in_words(definition: FeatureDefinition) -> tuple[str, str]:
    found = [nouns(kind) for kind in definition.kinds]
    return " or ".join(one for one, _ in found), " and ".join(several for _, several in found)


def _without_window(name: str) -> str:
    words = name.split("_")
    while len(words) > 1 and (words[-1] in _WINDOW_WORDS or words[-1].rstrip("d").isdigit()):
        words.pop()
    return " ".join(words)
