"""What people write about: themes and words over groups of people, never one person's text.

People are counted, each once per period; the mood of a theme is judged for those alone who permit
`wellbeing_inference`. Small cells are hidden, and whatever would give them away.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from features.history import Histories
from features.text.lexicon import english
from features.text.narratives import permitted_events, text_rows
from features.text.sentiment import sentiment
from features.text.tagging import Rules, tag, themes_of
from features.text.tokens import clean, tokens
from governance.breakdown import Cell, hidden_cells
from governance.errors import InvalidInput
from governance.instants import to_micros
from governance.intervals import Interval, mean_interval, wilson
from governance.proof import AggregatePermit, Permit
from outcomes.measures.definition import ALL, Period

PURPOSE = "aggregate"
MOOD = "wellbeing_inference"
NO_GROUP = "(none)"
EMPATHY = "empathy"
"""Beside the themes: texts that raise the empathy counter."""

_LETTERS = re.compile(r"[^\W\d_]{3,}")

Scorer = Callable[[Sequence[str]], Sequence[float]]


class ThemeFigure(NamedTuple):
    """How much was written about one theme, by one group in one period.

    `share` is people who wrote about it ÷ people who wrote anything; `sentiment` the mean over
    people of how their texts about it sound, -1 to 1, of `measured` people who permit that. None
    and `hidden` where too few people are concerned.
    """

    theme: str
    segment: str
    period: Period
    people: int | None
    texts: int | None
    share: Interval | None
    sentiment: Interval | None
    measured: int | None
    hidden: bool = False


class Keyword(NamedTuple):
    """A word, or two in a row, that at least the smallest number of people wrote."""

    words: str
    people: int
    share: Interval | None


class _Wrote(NamedTuple):
    person: int
    period: int
    segment: str
    themes: tuple[str, ...]
    mood: float | None


def theme_figures(
    histories: Histories,
    permit: AggregatePermit,
    rules: Rules,
    periods: Sequence[Period],
    *,
    wellbeing: Permit | None = None,
    by: str | None = None,
    scorer: Scorer | None = None,
) -> tuple[ThemeFigure, ...]:
    """Give every theme of `rules` (and `EMPATHY`) by period, of everyone and by group.

    `by` names a property of `profile` events: the newest known before the period, else the first in
    it. `wellbeing` covers those whose mood may be judged and whose texts may be read for the
    empathy counter; without it neither is measured. What the permit's instant does not know is left
    out. Raises `InvalidInput` where no profile states `by`.
    """
    permit.require(PURPOSE)
    if wellbeing is not None:
        wellbeing.require(MOOD)
    wrote = list(_wrote(histories, permit, rules, periods, wellbeing, by, scorer))
    names = [theme.name for theme in rules.themes] + ([EMPATHY] if wellbeing is not None else [])
    base = _people(wrote)
    covered = _people([each for each in wrote if each.mood is not None])
    found: list[ThemeFigure] = []
    for name in names:
        about = [each for each in wrote if name in each.themes]
        out_of = covered if name == EMPATHY else base
        there = _people(about)
        hidden = hidden_cells({c: len(p) for c, p in there.items()}, permit.min_people)
        hidden |= hidden_cells({c: len(p) for c, p in out_of.items()}, permit.min_people)
        judged = _people([each for each in about if each.mood is not None])
        unsaid = hidden_cells({c: len(p) for c, p in judged.items()}, permit.min_people)
        found += [
            _figure(name, cell, about, there, out_of, periods, hidden=hidden, unsaid=unsaid)
            for cell in sorted(out_of, key=lambda c: (c[1], c[0] != ALL, c[0]))
        ]
    return tuple(found)


def keywords(
    histories: Histories, permit: AggregatePermit, period: Period, *, limit: int = 20
) -> tuple[Keyword, ...]:
    """Give the words, and pairs of words, that most people wrote in a period.

    Everyday words are left out, and whatever fewer people wrote than the permit asks for.
    """
    permit.require(PURPOSE)
    people: dict[str, set[int]] = defaultdict(set)
    everyone: set[int] = set()
    start, end = to_micros(period.start), to_micros(period.end)
    for row, text in text_rows(histories, permit.judged_at):
        if start <= histories.occurred_at[row] < end:
            person = int(histories.customer_of_event[row])
            everyone.add(person)
            for words in set(_telling(text)):
                people[words].add(person)
    ranked = sorted(people.items(), key=lambda each: (-len(each[1]), each[0]))
    return tuple(
        Keyword(words, len(who), wilson(len(who), len(everyone)))
        for words, who in ranked[: max(limit, 0)]
        if permit.allows(len(who))
    )


def _wrote(
    histories: Histories,
    permit: AggregatePermit,
    rules: Rules,
    periods: Sequence[Period],
    wellbeing: Permit | None,
    by: str | None,
    scorer: Scorer | None,
) -> Iterator[_Wrote]:
    edges = [(to_micros(each.start), to_micros(each.end)) for each in periods]
    groups = _groups(histories, permit, by) if by is not None else None
    if groups is not None and not groups:
        raise InvalidInput(f"no profile states {by!r}", hint="name a property of profile events")
    rows = [
        (row, text, k)
        for row, text in text_rows(histories, permit.judged_at)
        for k, (start, end) in enumerate(edges)
        if start <= histories.occurred_at[row] < end
    ]
    whose = [int(histories.customer_of_event[row]) for row, _, _ in rows]
    readable = None if wellbeing is None else permitted_events(histories, wellbeing)
    allowed = [readable is not None and bool(readable[row]) for row, _, _ in rows]
    moods = sentiment(
        [text if may else None for (_, text, _), may in zip(rows, allowed, strict=True)],
        scorer=scorer,
    )
    for (row, text, k), person, mood in zip(rows, whose, moods, strict=True):
        about = themes_of(text, rules)
        if mood is not None and tag(text, rules, kind=histories.kinds[histories.kind[row]]).empathy:
            about = (*about, EMPATHY)
        yield _Wrote(person, k, ALL, about, mood)
        if groups is not None:
            yield _Wrote(person, k, _group_at(groups.get(person), edges[k][0]), about, mood)


def _people(wrote: Sequence[_Wrote]) -> Mapping[Cell, set[int]]:
    found: dict[Cell, set[int]] = defaultdict(set)
    for each in wrote:
        found[each.segment, each.period].add(each.person)
    return found


def _figure(
    name: str,
    cell: Cell,
    about: Sequence[_Wrote],
    there: Mapping[Cell, set[int]],
    out_of: Mapping[Cell, set[int]],
    periods: Sequence[Period],
    *,
    hidden: set[Cell],
    unsaid: set[Cell],
) -> ThemeFigure:
    segment, k = cell
    if cell in hidden:
        return ThemeFigure(name, segment, periods[k], None, None, None, None, None, hidden=True)
    own = [each for each in about if (each.segment, each.period) == cell]
    moods: dict[int, list[float]] = defaultdict(list)
    for each in own:
        if each.mood is not None:
            moods[each.person].append(each.mood)
    means = np.array([np.mean(each) for each in moods.values()])
    enough = len(means) > 0 and cell not in unsaid
    people = len(there.get(cell, ()))
    return ThemeFigure(
        name,
        segment,
        periods[k],
        people,
        len(own),
        wilson(people, len(out_of[cell])),
        _bounded(mean_interval(means)) if enough else None,
        len(means) if enough else None,
    )


def _bounded(found: Interval | None) -> Interval | None:
    if found is None:
        return None
    return found._replace(low=max(found.low, -1.0), high=min(found.high, 1.0))


def _groups(
    histories: Histories, permit: AggregatePermit, by: str
) -> Mapping[int, list[tuple[int, str]]]:
    """Give for each person what `profile` events state of `by`, oldest first."""
    usable = histories.visible(to_micros(permit.judged_at)) & histories.kind_mask("profile")
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row in np.flatnonzero(usable):
        stated = histories.properties_at(int(row)).get(by)
        if stated is not None:
            person = int(histories.customer_of_event[row])
            found[person].append((int(histories.occurred_at[row]), str(stated)))
    return found


def _group_at(stated: Sequence[tuple[int, str]] | None, start: int) -> str:
    if not stated:
        return NO_GROUP
    before = [value for at, value in stated if at <= start]
    return before[-1] if before else stated[0][1]


def _telling(text: str) -> Iterator[str]:
    lexicon = english()
    plain = (lexicon.common - lexicon.topics) | lexicon.shared | lexicon.negations
    words = [
        "" if each.pause or each.word in plain or not _LETTERS.fullmatch(each.word) else each.word
        for each in tokens(clean(text))
    ]
    yield from (word for word in words if word)
    yield from (f"{a} {b}" for a, b in pairwise(words) if a and b)
