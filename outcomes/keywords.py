"""Words that people write: those of at least the smallest number of people, never one person's."""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from features.history import Histories
from features.text.lexicon import english
from features.text.narratives import text_rows
from features.text.tokens import clean, tokens
from governance.disclosure.published import Figure, Register, cell_of, person_keys, trace_of
from governance.instants import to_micros
from governance.intervals import Interval, wilson
from governance.proof import AggregatePermit
from outcomes.measures.definition import Period

PURPOSE = "aggregate"
_LETTERS = re.compile(r"[^\W\d_]{3,}")


class Keyword(NamedTuple):
    """A word, or two in a row, that at least the smallest number of people wrote."""

    words: str
    people: int
    share: Interval | None


def keywords(
    histories: Histories,
    permit: AggregatePermit,
    period: Period,
    *,
    limit: int = 20,
    register: Register | None = None,
    key: bytes = b"",
) -> tuple[Keyword, ...]:
    """Give the words, and pairs of words, that most people wrote in a period.

    Everyday words are left out, and whatever fewer people wrote than the permit asks for; so is
    what differs in fewer people from another word. Where the `register` knows that fewer people
    changed since, a word is given as it was. `key` makes the hashes it compares by.
    """
    permit.require(PURPOSE)
    register = register or Register(min_people=permit.min_people)
    people: dict[str, set[int]] = defaultdict(set)
    everyone: set[int] = set()
    start, end = to_micros(period.start), to_micros(period.end)
    for row, text in text_rows(histories, permit.judged_at):
        if start <= histories.occurred_at[row] < end:
            person = int(histories.customer_of_event[row])
            everyone.add(person)
            for words in set(_telling(text)):
                people[words].add(person)
    keys = person_keys([str(each) for each in histories.customers], key)
    found: list[Keyword] = []
    for words, who in sorted(people.items(), key=lambda each: (-len(each[1]), each[0])):
        if len(found) >= limit or not permit.allows(len(who)):
            break
        cell = cell_of(words, period.series or (start, end))
        figure = Figure("words", cell, start, end, len(who), trace_of(keys[sorted(who)]))
        before = register.before(figure)
        if register.standing(figure) != "near":
            share = wilson(len(who), len(everyone))
            found.append(Keyword(words, len(who), share))
            register.give(figure, {"people": len(who), "share": share})
        elif before is not None:
            found.append(Keyword(words, before.body["people"], Interval(*before.body["share"])))
    return tuple(found)


def _telling(text: str) -> Iterator[str]:
    lexicon = english()
    plain = (lexicon.common - lexicon.topics) | lexicon.shared | lexicon.negations
    words = [
        "" if each.pause or each.word in plain or not _LETTERS.fullmatch(each.word) else each.word
        for each in tokens(clean(text))
    ]
    yield from (word for word in words if word)
    yield from (f"{a} {b}" for a, b in pairwise(words) if a and b)
