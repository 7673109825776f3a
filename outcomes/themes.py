"""What people write about: themes and words over groups of people, never one person's text.

People are counted, each once per period; the mood of a theme is judged for those alone who permit
`wellbeing_inference`. Small cells are hidden, and whatever would give them away.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from features.history import Histories
from features.text.narratives import permitted_events, text_rows
from features.text.sentiment import sentiment
from features.text.tagging import Rules, tag, themes_of
from governance.disclosure.breakdown import ALL, Cell, Part, Verdict, decide
from governance.disclosure.published import Figure, Register, cell_of, person_keys, trace_of
from governance.errors import InvalidInput
from governance.instants import to_micros
from governance.intervals import Interval, mean_interval, wilson
from governance.proof import AggregatePermit, Permit
from outcomes.measures.definition import Period
from outcomes.measures.periods import longer

PURPOSE = "aggregate"
MOOD = "wellbeing_inference"
NO_GROUP = "(none)"
EMPATHY = "empathy"
"""Beside the themes: texts that raise the empathy counter."""

Scorer = Callable[[Sequence[str]], Sequence[float]]


class ThemeFigure(NamedTuple):
    """How much was written about one theme, by one group in one period.

    `share` is people who wrote about it ÷ people who wrote anything; `sentiment` the mean over
    people of how their texts about it sound, -1 to 1, of `measured` people who permit that. None
    and `hidden` where too few people are concerned, or would be told of by subtraction; `note` says
    where the figure is the one that was given before.
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
    note: str = ""


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
    register: Register | None = None,
    key: bytes = b"",
) -> tuple[ThemeFigure, ...]:
    """Give every theme of `rules` (and `EMPATHY`) by period, of everyone and by group.

    `by` names a property of `profile` events: the newest known before the period, else the first in
    it. `wellbeing` covers those whose mood may be judged and whose texts may be read for the
    empathy counter; without it neither is measured. What the permit's instant does not know is left
    out. What the `register` holds against a figure hides it, and what is given is noted there;
    `key` makes the hashes it compares by. Raises `InvalidInput` where no profile states `by`.
    """
    permit.require(PURPOSE)
    if wellbeing is not None:
        wellbeing.require(MOOD)
    wrote = list(_wrote(histories, permit, rules, periods, wellbeing, by, scorer))
    names = [theme.name for theme in rules.themes] + ([EMPATHY] if wellbeing is not None else [])
    register = register or Register(min_people=permit.min_people)
    desk = _Desk(register, permit.min_people, periods, by, histories, key)
    base = _people(wrote)
    covered = _people([each for each in wrote if each.mood is not None])
    found: list[ThemeFigure] = []
    for name in names:
        about = [each for each in wrote if name in each.themes]
        texts, out_of = ("texts judged", covered) if name == EMPATHY else ("texts", base)
        writing = desk.decide(texts, out_of)
        told = desk.decide(f"theme {name}", _people(about))
        moods = desk.decide(f"mood of {name}", _moods(about))
        for cell in sorted(out_of, key=lambda c: (c[1], c[0] != ALL, c[0])):
            made = _figure(name, cell, about, len(out_of[cell]), periods, moods.get(cell))
            found.append(desk.give(made, cell, texts, writing[cell], told.get(cell)))
    return tuple(found)


class _Desk:
    """Compares what is said of themes with what was given before."""

    def __init__(
        self,
        register: Register,
        smallest: int,
        periods: Sequence[Period],
        by: str | None,
        histories: Histories,
        key: bytes,
    ) -> None:
        self.register, self.smallest, self.periods, self.by = register, smallest, periods, by
        self.keys = person_keys([str(each) for each in histories.customers], key)
        self.parts: dict[str, dict[Cell, Part]] = {}

    def decide(self, name: str, people: Mapping[Cell, Mapping[int, float]]) -> dict[Cell, Verdict]:
        parts = self.parts[name] = {
            cell: Part(len(added), self.figure(name, cell, added)) for cell, added in people.items()
        }
        return decide(parts, self.register, self.smallest, rows=longer(self.periods))

    def figure(self, name: str, cell: Cell, added: Mapping[int, float]) -> Figure:
        period = self.periods[cell[1]]
        since, until = to_micros(period.start), to_micros(period.end)
        where = cell_of(period.series or (since, until), self.by, cell[0])
        trace = trace_of(self.keys[list(added)], list(added.values()))
        return Figure(name, where, since, until, len(added), trace)

    def give(
        self, made: ThemeFigure, cell: Cell, texts: str, writing: Verdict, told: Verdict | None
    ) -> ThemeFigure:
        """Give a figure, the one given before in its place, or say that it is hidden."""
        names = [texts, f"theme {made.theme}"]
        if writing.shown and (told is None or told.shown):
            names += [f"mood of {made.theme}"] * (made.measured is not None)
            for part in self._parts(names, cell):
                self.register.give(part.figure, made._asdict() | {"period": None})
            return made
        empty = ThemeFigure(made.theme, made.segment, made.period, None, None, None, None, None)
        small = any(part.size < self.smallest for part in self._parts(names, cell))
        if small or told is None or told.before is None:
            return empty._replace(hidden=True)
        body = told.before.body
        return empty._replace(
            people=body["people"],
            texts=body["texts"],
            share=_interval(body["share"]),
            sentiment=_interval(body["sentiment"]),
            measured=body["measured"],
            note=told.before.said(),
        )

    def _parts(self, names: Sequence[str], cell: Cell) -> list[Part]:
        found = (self.parts.get(name, {}).get(cell) for name in names)
        return [part for part in found if part is not None]


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


def _people(wrote: Sequence[_Wrote]) -> dict[Cell, dict[int, float]]:
    """Who wrote in each cell, and how many texts."""
    found: dict[Cell, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for each in wrote:
        found[each.segment, each.period][each.person] += 1
    return found


def _moods(about: Sequence[_Wrote]) -> dict[Cell, dict[int, float]]:
    """How each person's texts sound in each cell, of those who may be judged."""
    moods: dict[Cell, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in about:
        if each.mood is not None:
            moods[each.segment, each.period][each.person].append(each.mood)
    return {
        cell: {who: float(np.mean(heard)) for who, heard in people.items()}
        for cell, people in moods.items()
    }


def _figure(
    name: str,
    cell: Cell,
    about: Sequence[_Wrote],
    out_of: int,
    periods: Sequence[Period],
    mood: Verdict | None,
) -> ThemeFigure:
    own = [each for each in about if (each.segment, each.period) == cell]
    people = len({each.person for each in own})
    means = np.array([*_moods(own).get(cell, {}).values()])
    enough = mood is not None and mood.shown
    return ThemeFigure(
        name,
        cell[0],
        periods[cell[1]],
        people,
        len(own),
        wilson(people, out_of),
        _bounded(mean_interval(means)) if enough else None,
        len(means) if enough else None,
    )


def _interval(found: Sequence[float] | None) -> Interval | None:
    return None if found is None else Interval(*found)


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
