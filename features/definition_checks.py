"""Everything wrong with a set of definitions at once: among themselves, and against histories."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from features.definitions import DERIVED, FeatureDefinition
from features.derived import NO_FEATURE, derivation_problems
from features.events import KINDS, MISSING
from features.history import Histories


class Problem(NamedTuple):
    """What is wrong with one feature, under which key of its definition."""

    feature: str
    key: str
    message: str


def check_definitions(
    definitions: Sequence[FeatureDefinition], histories: Histories | None = None
) -> tuple[Problem, ...]:
    """List every problem of some definitions together; empty when they can be computed.

    Names that occur twice, parts that are no features, circles, purposes a derived feature leaves
    out. With `histories` at hand also kinds nobody knows, and properties, amounts, scales and
    `where` values that no event of the feature's kinds has. (What one definition alone can get
    wrong it refuses when it is made.)
    """
    named = Counter(each.name for each in definitions)
    found = [
        Problem(name, "name", f"{count} features have this name")
        for name, count in named.items()
        if count > 1
    ]
    names = set(named)
    for name, message in derivation_problems(definitions):
        unknown = message.endswith(NO_FEATURE)
        parts = next(each.of for each in definitions if each.name == name) if unknown else ()
        wrong = next((part for part in parts if part not in names), "")
        key = "purposes" if message.startswith("its parts need") else "of"
        found.append(Problem(name, key, message + did_you_mean(wrong, names)))
    if histories is not None:
        for each in definitions:
            found += _against(each, histories)
    return tuple(found)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """End a message with the nearest known word, or with nothing."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _against(definition: FeatureDefinition, histories: Histories) -> Iterator[Problem]:
    """Lay one definition beside what has happened; a kind that may yet come is no problem."""
    if definition.aggregate in DERIVED:
        return
    name, kinds = definition.name, definition.kinds
    there = set(histories.kinds)
    for kind in kinds:
        if kind not in there and kind not in KINDS:
            hint = did_you_mean(kind, there | KINDS)
            yield Problem(name, "kinds", f"no event is of the kind {kind}{hint}")
    mask = histories.kind_mask(*kinds)
    if not mask.any():
        return
    said = " or ".join(kinds)
    if definition.column == "value" and not (histories.value_micros[mask] != MISSING).any():
        yield Problem(name, "column", f"no {said} has a value")
    prefix, _, wanted = definition.column.partition(":")
    needed = [wanted] if prefix in ("property", "distinct") else []
    needed += [key for key, _ in definition.where]
    seen = _Properties(histories, mask)
    for key in dict.fromkeys(needed):
        if not seen.has(key):
            place = "column" if key == wanted and prefix in ("property", "distinct") else "where"
            hint = did_you_mean(key, seen.names)
            yield Problem(name, place, f"no {said} has the property {key}{hint}")
        else:
            for value in (value for own, value in definition.where if own == key):
                if not seen.has(key, value):
                    yield Problem(name, "where", f"no {said} has {key} = {value}")
    if definition.column == "level" and not seen.any_scale():
        message = f"no {said} states a scale of two numbers, the lower first"
        yield Problem(name, "column", message)


class _Properties:
    """What properties some events have, read one different text after the other, as far as asked.

    A property that is there is found among the first; only for one that is not, all are read.
    """

    def __init__(self, histories: Histories, mask: Any) -> None:
        column = histories.strings.get("properties")
        texts: Sequence[str | None] = ()
        self._texts = iter(texts)
        if isinstance(column, list):
            texts = histories.pick("properties", np.flatnonzero(mask))
            self._texts = iter(dict.fromkeys(texts))
        elif column is not None:
            self._texts = iter(column.take(np.flatnonzero(mask)).unique().to_pylist())
        self._read: list[Mapping[str, Any]] = []
        self.names: set[str] = set()

    def _all(self) -> Iterator[Mapping[str, Any]]:
        yield from self._read
        for text in self._texts:
            if text is not None:
                own = json.loads(text)
                self._read.append(own)
                self.names |= set(own)
                yield own

    def has(self, name: str, value: str | None = None) -> bool:
        """Whether any event has this property, with this value if one is given."""
        return any(
            own.get(name) is not None and value in (None, str(own[name])) for own in self._all()
        )

    def any_scale(self) -> bool:
        """Whether any event states a scale that answers can be placed on."""
        return any(
            isinstance(scale := own.get("scale"), list)
            and len(scale) == 2
            and all(isinstance(end, int | float) for end in scale)
            and scale[0] < scale[1]
            for own in self._all()
        )
