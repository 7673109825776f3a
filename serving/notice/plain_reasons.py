"""A score's reasons as the person concerned can check them: what is told, never how it was derived.

A model's features are worked out for analysts (decayed counts, trends from -1 to 1), and nobody can
check such a number against their own records. What can be counted (how many, how long ago) is told
as it is; of anything else only what kind of thing it is. Both are read off the group's title and
the sentence a decision recorded, so that old decisions are told alike.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from features.events import KINDS
from features.suggestions.phrases import NOUNS, nouns


class Plain(NamedTuple):
    """What a reason is about: `theme` names the sentence, `kinds` the kinds of event it speaks of.

    `figure` is a count or a number of days and `days` the window it was counted over; both are
    empty where the theme has no number. A kind nobody knows stands as the decision named it.
    """

    theme: str
    kinds: tuple[str, ...]
    figure: str = ""
    days: str = ""


_FACTS = (
    ("last_ago", re.compile(r"last (?P<what>.+) was (?P<figure>[\d.]+) days? ago(, usually.*)?")),
    ("first_ago", re.compile(r"first (?P<what>.+) was (?P<figure>[\d.]+) days? ago")),
    ("none", re.compile(r"no (?P<what>.+) so far")),
    ("count", re.compile(r"(?P<figure>\d[\d,]*) (?P<what>.+) so far")),
    (
        "count_within",
        re.compile(r"(?P<figure>\d[\d,]*) (?P<what>.+) in the last (?P<days>\d+) days"),
    ),
)
"""Sentences that state what anybody can count in their own records."""

_THEMES = (
    ("often", re.compile(r"how many (?P<what>.+), and how often")),
    ("last", re.compile(r"time since the last (?P<what>.+)")),
    ("first", re.compile(r"time since the first (?P<what>.+)")),
    ("change", re.compile(r"more or fewer (?P<what>.+) than before")),
    ("regular", re.compile(r"how regular (?P<what>.+) are")),
    ("close", re.compile(r"(?P<what>.+) soon after one another")),
    ("worth_change", re.compile(r"change in what (?P<what>.+) are worth")),
    ("worth", re.compile(r"what (?P<what>.+) are worth")),
    ("tone", re.compile(r"tone of (?P<what>.+)")),
    ("answers", re.compile(r"answers to (?P<what>.+)")),
    ("when", re.compile(r"when (?P<what>.+) come")),
    ("contents", re.compile(r".+ (?:in|of) (?P<what>.+)")),
)
"""Titles of groups, as `features.reason_groups` writes them."""


def plain(group: str, text: str) -> Plain:
    """Say what a reason is about, from its group's title and its sentence."""
    for theme, pattern in _FACTS:
        found = pattern.fullmatch(text)
        kinds = _kinds(found["what"]) if found else ()
        if found and all(each in KINDS for each in kinds):
            told = found.groupdict()
            return Plain(theme, kinds, _whole(told.get("figure", "")), told.get("days", ""))
    for theme, pattern in _THEMES:
        found = pattern.fullmatch(group)
        if found and (theme != "contents" or _is_known(found["what"])):
            return Plain(theme, _kinds(found["what"]))
    return Plain("other", _kinds(group)) if _is_known(group) else Plain("stated", (group,))


def _whole(figure: str) -> str:
    """Round days to whole ones, as a calendar counts them, but never to none."""
    return str(max(round(float(figure)), 1)) if "." in figure else figure


def _kinds(what: str) -> tuple[str, ...]:
    """Name the kinds in "orders and returns (category tea)", each once."""
    bare = re.sub(r" \([^()]*\)", "", what)
    named = re.split(r" and | or ", bare)
    return tuple(dict.fromkeys(_kind_of_nouns().get(each, each) for each in named))


def _is_known(what: str) -> bool:
    return all(each in KINDS for each in _kinds(what))


@cache
def _kind_of_nouns() -> Mapping[str, str]:
    return {noun: kind for kind in (*KINDS, *NOUNS) for noun in nouns(kind)}
