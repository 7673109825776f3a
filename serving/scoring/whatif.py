"""What a score would be if some things were otherwise: a comparison of customers, never a promise.

Pure: an estimate, its model and a question go in; both chances, the difference by group and what
may be asked come out. Only what can change may be asked about, and only what can be true together.
"""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from features.definitions import meaning, sentence
from features.possible import WHOLE, Possible, Values, possible
from features.reason_groups import grouping
from governance.errors import InvalidInput
from governance.proof import Permit
from serving.scoring.champions import Champion
from serving.scoring.chance import percent
from serving.scoring.estimate import Estimate

BEST_SINGLE = 5
_TRIED = 12  # values per feature
_CLOSE = 1e-9

ASSOCIATION = "This compares customers; it does not say that changing it would change the outcome."

_LIKE_A_FEATURE = re.compile(r"[a-z][a-z0-9_]{0,60}")  # anything else may be someone's data


class Chance(NamedTuple):
    """A calibrated probability with its 90 % interval."""

    probability: float
    low: float
    high: float


class Moved(NamedTuple):
    """A feature that is otherwise in the question: asked about, or moved along with what was.

    `seen_in_training`: whether training saw such a value.
    """

    feature: str
    before: float | None
    after: float | None
    text: str
    seen_in_training: bool


class GroupDifference(NamedTuple):
    """By how much a group's contribution differs, in log-odds before calibration."""

    group: str
    contribution: float


class Askable(NamedTuple):
    """A feature one may ask about: what it is, its value now, the range that training saw."""

    feature: str
    about: str
    group: str
    value: float | None
    low: float
    high: float


class Single(NamedTuple):
    """One change within what training saw, and the chance of customers who are like that."""

    asked: Moved
    along: tuple[Moved, ...]
    chance: Chance
    text: str


class WhatIf(NamedTuple):
    """The answer to a question. `outcome` is `answered`, or `impossible`: see `contradictions`.

    `difference` adds up to the difference in log-odds within 1e-9. Without a question `then` is
    None, and `may_ask` and `lower` say what one could ask, and which single changes come with the
    lowest chance.
    """

    outcome: str
    now: Chance
    then: Chance | None = None
    asked: tuple[Moved, ...] = ()
    along: tuple[Moved, ...] = ()
    difference: tuple[GroupDifference, ...] = ()
    contradictions: tuple[str, ...] = ()
    may_ask: tuple[Askable, ...] = ()
    lower: tuple[Single, ...] = ()
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the same in answers and in the record of decisions."""
        return {
            "now": self.now._asdict(),
            "then": None if self.then is None else self.then._asdict(),
            "asked": [each._asdict() for each in self.asked],
            "along": [each._asdict() for each in self.along],
            "difference": [each._asdict() for each in self.difference],
            "contradictions": list(self.contradictions),
            "may_ask": [each._asdict() for each in self.may_ask],
            "lower": [
                {
                    "asked": each.asked._asdict(),
                    "along": [moved._asdict() for moved in each.along],
                    "chance": each.chance._asdict(),
                    "text": each.text,
                }
                for each in self.lower
            ],
            "text": self.text,
        }


def check_question(
    champion: Champion, asked: Mapping[str, float], *, protected: Collection[str] = ()
) -> None:
    """Raise `InvalidInput` for features nobody may ask about, with the reason for each.

    `protected` are the names of protected attributes. Nothing about any customer is looked at.
    """
    rules = possible(champion.definitions)
    place = {each.name: k for k, each in enumerate(champion.definitions)}
    kept_apart = {_plain(name) for name in protected}
    problems = []
    for name, value in asked.items():
        if _plain(name) in kept_apart:
            problems.append(f"{name} is a protected attribute: never part of a question")
        elif name not in place:
            shown = name if _LIKE_A_FEATURE.fullmatch(name) else "what was asked about"
            problems.append(f"{shown} is not a feature of this model")
        elif why := rules.why_not(place[name]):
            problems.append(f"{name} {why}")
        elif not math.isfinite(value):
            problems.append(f"{name} needs a finite number")
    if problems:
        raise InvalidInput(
            "; ".join(problems),
            hint="without a question, keepwell what-if lists what may be asked about",
        )


def what_if(
    found: Estimate, champion: Champion, asked: Mapping[str, float], permits: Mapping[str, Permit]
) -> WhatIf:
    """Answer a question (feature to value) about someone who was scored.

    `asked` must have passed `check_question`. What needs a purpose without a permit that covers the
    customer is not available to ask about.
    """
    question = _Question(found, champion, permits)
    return question.answer(asked) if asked else question.offer()


def what_if_result(
    answer: WhatIf, asked: Mapping[str, float], found: Estimate, permits: Mapping[str, Permit]
) -> dict[str, Any]:
    """Write what a decision keeps of an answer; it goes when one of its purposes goes."""
    purposes = sorted(name for name in permits if _covers(permits, name, found.customer_id))
    return {
        "method": "what_if",
        "purposes": purposes,
        "question": dict(asked),
        "what_if": answer.to_json(),
    }


class _Question:
    """One customer's estimate with the rules of their features."""

    def __init__(self, found: Estimate, champion: Champion, permits: Mapping[str, Permit]) -> None:
        self.champion, self.definitions = champion, champion.definitions
        self.values: Values = np.array(found.values)
        self.rules: Possible = possible(self.definitions)
        self.place = {each.name: k for k, each in enumerate(self.definitions)}
        self.contributions = np.array(found.contributions)
        assert found.probability is not None
        assert found.low is not None
        assert found.high is not None
        self.now = Chance(found.probability, found.low, found.high)
        self.available = [
            place
            for place, each in enumerate(self.definitions)
            if self.rules.why_not(place) is None
            and all(_covers(permits, each_, found.customer_id) for each_ in each.purposes)
        ]

    def answer(self, asked: Mapping[str, float]) -> WhatIf:
        wanted = {self.place[name]: value for name, value in asked.items()}
        closed = [self.definitions[each].name for each in wanted if each not in self.available]
        if closed:
            told = tuple(f"{name} is not available for this customer" for name in closed)
            return self._impossible(told)
        made = self.rules.complete(self.values, wanted)
        if made.contradictions:
            return self._impossible(made.contradictions)
        [then], contributions = self._chances(made.values[np.newaxis])
        groups = grouping(self.definitions)
        change = groups.sums((contributions[0] - self.contributions).tolist())
        order = np.argsort(-np.abs(change), kind="stable").tolist()
        moved = tuple(self._moved(place, made.values) for place in wanted)
        return WhatIf(
            "answered",
            self.now,
            then,
            moved,
            tuple(self._moved(place, made.values) for place in made.along),
            tuple(
                GroupDifference(groups.titles[each], float(change[each]))
                for each in order
                if change[each] != 0.0
            ),
            text=self._in_words(moved, then),
        )

    def offer(self) -> WhatIf:
        groups = grouping(self.definitions)
        support = self.champion.model.description.support
        return WhatIf(
            "answered",
            self.now,
            may_ask=tuple(
                Askable(
                    self.definitions[place].name,
                    meaning(self.definitions[place]),
                    groups.titles[groups.place[place]],
                    _known(self.values[place]),
                    support.low[place],
                    support.high[place],
                )
                for place in self.available
            ),
            lower=self._lower(),
            text=f"{ASSOCIATION} Everything that is not named stays as it is.",
        )

    def _lower(self) -> tuple[Single, ...]:
        """Find the single changes with the lowest chance, the nearest value of each feature."""
        tried = [
            (place, value, self.rules.complete(self.values, {place: value}))
            for place in self.available
            for value in self._candidates(place)
        ]
        tried = [each for each in tried if not each[2].contradictions]
        if not tried:
            return ()
        chances, _ = self._chances(np.array([made.values for _, _, made in tried]))
        best: dict[int, int] = {}
        for row, (place, value, _) in enumerate(tried):
            other = best.get(place)
            if chances[row].probability < self.now.probability - _CLOSE and (
                other is None
                or self._prefers((chances[row], value), (chances[other], tried[other][1]), place)
            ):
                best[place] = row
        rows = sorted(best.values(), key=lambda row: chances[row].probability)[:BEST_SINGLE]
        return tuple(self._single(*tried[row], chances[row]) for row in rows)

    def _prefers(self, one: tuple[Chance, float], other: tuple[Chance, float], place: int) -> bool:
        if abs(one[0].probability - other[0].probability) > _CLOSE:
            return one[0].probability < other[0].probability
        now = self.values[place]
        return bool(abs(one[1] - now) < abs(other[1] - now))

    def _single(self, place: int, value: float, made: Any, chance: Chance) -> Single:
        asked = self._moved(place, made.values)
        along = tuple(self._moved(each, made.values) for each in made.along)
        return Single(asked, along, chance, self._in_words((asked,), chance))

    def _candidates(self, place: int) -> list[float]:
        """Values that training saw and that a feature can have: whole numbers, or evenly apart."""
        support = self.champion.model.description.support
        least, most = self.rules.limits(place)
        low, high = max(support.low[place], least), min(support.high[place], most)
        spread = np.linspace(low, high, _TRIED)
        if self.definitions[place].aggregate in WHOLE:
            spread = np.unique(np.round(spread))
        return [value for value in spread.tolist() if low <= value <= high]

    def _chances(self, rows: Values) -> tuple[list[Chance], Values]:
        scores = self.champion.model.predict(rows)
        told = zip(
            scores.probability.tolist(), scores.low.tolist(), scores.high.tolist(), strict=True
        )
        return [Chance(*each) for each in told], scores.contributions

    def _moved(self, place: int, values: Values) -> Moved:
        definition, value = self.definitions[place], float(values[place])
        context = {each.name: v for each, v in zip(self.definitions, values.tolist(), strict=True)}
        support = self.champion.model.description.support
        seen = (
            support.missing[place] > 0.0
            if math.isnan(value)
            else support.low[place] <= value <= support.high[place]
        )
        return Moved(
            definition.name,
            _known(self.values[place]),
            _known(value),
            sentence(definition, value, context),
            seen,
        )

    def _in_words(self, asked: tuple[Moved, ...], then: Chance) -> str:
        said = " and ".join(f"“{each.text}”" for each in asked)
        text = (
            f"Customers like this one, but with {said}, are estimated at "
            f"{chance_in_words(then)}; this one is at {chance_in_words(self.now)}. {ASSOCIATION}"
        )
        unseen = [each.feature for each in asked if not each.seen_in_training]
        if unseen:
            text += f" Training saw hardly anyone with such a value of {', '.join(unseen)}."
        return text

    def _impossible(self, contradictions: tuple[str, ...]) -> WhatIf:
        return WhatIf(
            "impossible",
            self.now,
            contradictions=contradictions,
            text="What was asked cannot be true together.",
        )


def _covers(permits: Mapping[str, Permit], purpose: str, customer_id: str) -> bool:
    permit = permits.get(purpose)
    return permit is not None and permit.covers(customer_id)


def chance_in_words(chance: Chance) -> str:
    """Say a chance with its interval."""
    low, high = percent(chance.low, space=" "), percent(chance.high, space=" ")
    return f"{percent(chance.probability, space=' ')} ({low} to {high})"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _plain(name: str) -> str:
    return name.casefold().removeprefix("profile_").replace("_", "").replace(" ", "")
