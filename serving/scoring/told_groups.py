"""The groups of a model's features as reasons need them: which are in each, and what they say."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from features.definitions import FeatureDefinition, sentence
from features.reason_groups import grouping

_KEPT = 32


class ToldGroups(NamedTuple):
    """The groups (g) of k features: `place` (k,) is each one's group, `members` (g,) its features.

    `usual` (k,) is the place of the feature that completes a sentence, -1 where none does.
    """

    definitions: tuple[FeatureDefinition, ...]
    names: tuple[str, ...]
    titles: tuple[str, ...]
    place: tuple[int, ...]
    members: tuple[tuple[int, ...], ...]
    usual: tuple[int, ...]

    def say(self, place: int, values: Sequence[float]) -> str:
        """Say the feature at `place` of a customer with these values (k,)."""
        return self.word(place, values[place], self.usual_of(place, values))

    def usual_of(self, place: int, values: Sequence[float]) -> float:
        """Give the value that completes the sentence of a feature; NaN where there is none."""
        return values[self.usual[place]] if self.usual[place] >= 0 else math.nan

    def word(self, place: int, value: float, usual: float) -> str:
        """Say the feature at `place`, which is usually `usual`."""
        definition = self.definitions[place]
        return sentence(definition, value, {definition.usual: usual})


_GROUPED: dict[int, ToldGroups] = {}


def grouped(definitions: tuple[FeatureDefinition, ...]) -> ToldGroups:
    """Give the groups of some definitions; of the very same ones they are worked out once."""
    found = _GROUPED.get(id(definitions))
    if found is None or found.definitions is not definitions:
        found = _grouped(definitions)
        if len(_GROUPED) >= _KEPT:
            _GROUPED.clear()
        _GROUPED[id(definitions)] = found
    return found


def _grouped(definitions: tuple[FeatureDefinition, ...]) -> ToldGroups:
    groups = grouping(definitions)
    place = tuple(groups.place.tolist())
    names = tuple(each.name for each in definitions)
    places = {name: k for k, name in enumerate(names)}
    return ToldGroups(
        definitions,
        names,
        groups.titles,
        place,
        tuple(
            tuple(k for k, own in enumerate(place) if own == group)
            for group in range(len(groups.titles))
        ),
        tuple(places.get(each.usual, -1) if each.usual else -1 for each in definitions),
    )
