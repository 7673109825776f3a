"""What is known of a customer beside events: attributes, and amounts that belong together."""

import json
import re
from collections.abc import Iterator
from itertools import combinations

from features.definitions import FeatureDefinition
from features.history import Histories
from features.suggestions.phrases import slug, spoken
from features.suggestions.samples import Rows, property_sets

MOST_CATEGORIES = 50
_FEWEST_AMOUNTS = 10  # different values, below which a number is more of a category
_MOST_RELATED = 6
_TIME = frozenset({"tenure", "months", "days", "years", "weeks", "age"})
_SUMMED = frozenset({"total", "sum", "overall", "lifetime"})
_RATE = frozenset(
    {"monthly", "daily", "weekly", "yearly", "annual", "average", "avg", "mean", "max", "min"}
)


def profile(histories: Histories, rows: Rows) -> Iterator[FeatureDefinition]:
    """Give each attribute as a number or a category, then related amounts set in proportion."""
    values: dict[str, set[str]] = {}
    for own in property_sets(histories, rows):
        for name, value in own.items():
            if value is not None:
                values.setdefault(name, set()).add(json.dumps(value))
    numbers = []
    for name in sorted(values):
        known = [json.loads(written) for written in values[name]]
        if all(isinstance(value, bool | int | float) for value in known):
            yield _attribute(name, "last", ())
            if len(known) > _FEWEST_AMOUNTS and not any(isinstance(x, bool) for x in known):
                numbers.append(name)
        elif all(isinstance(value, str) for value in known) and len(known) <= MOST_CATEGORIES:
            yield _attribute(name, "category", tuple(sorted(known)))
    yield from related(numbers)


def related(names: list[str]) -> Iterator[FeatureDefinition]:
    """Give sums and ratios of numbers whose names share their last word, and rates over time.

    Day Charge and Night Charge add up, and each is a share of the sum; Total Charges ÷ tenure is a
    rate. What is itself a total or a rate is set in proportion, never added.
    """
    words = {name: _words(name) for name in names}
    times = [name for name in names if words[name][-1] in _TIME and len(words[name]) == 1]
    families: dict[str, list[str]] = {}
    for name in names:
        if name not in times:
            families.setdefault(words[name][-1], []).append(name)
    for _, members in sorted(families.items()):
        parts = [each for each in members if not {*words[each]} & (_SUMMED | _RATE)]
        unit = spoken(members[0]).split()[-1].casefold()
        whole = f"profile_{slug(unit)}_total"
        if 1 < len(parts) <= _MOST_RELATED:
            yield _derived(whole, "total", parts, f"{unit} of all kinds add up to {{value}}")
            for each in parts:
                yield FeatureDefinition(
                    name=f"profile_{each}_share_of_{slug(unit)}",
                    kinds=(),
                    aggregate="ratio",
                    of=(f"profile_{each}", whole),
                    text=f"{spoken(each)} is {{percent}} of all {unit}",
                    text_missing=f"there are no {unit} to divide",
                )
        others = [each for each in members if each not in parts]
        for one, other in combinations(others, 2):
            above, below = sorted((one, other), key=lambda each: not {*words[each]} & _SUMMED)
            text = f"{spoken(above)} is {{value}} times {spoken(below)}"
            yield _derived(f"profile_{above}_per_{below}", "ratio", [above, below], text)
        for each in members:
            if {*words[each]} & _SUMMED:
                for time in times:
                    text = f"{spoken(each)} is {{value}} for each unit of {spoken(time)}"
                    yield _derived(f"profile_{each}_per_{time}", "ratio", [each, time], text)


def _attribute(name: str, aggregate: str, categories: tuple[str, ...]) -> FeatureDefinition:
    said = spoken(name)
    return FeatureDefinition(
        name=f"profile_{name}",
        kinds=("profile",),
        aggregate=aggregate,
        column=f"property:{name}",
        categories=categories,
        text=f"{said} is {{value}}",
        text_missing=f"{said} is not known",
    )


def _derived(name: str, aggregate: str, parts: list[str], text: str) -> FeatureDefinition:
    return FeatureDefinition(
        name=name,
        kinds=(),
        aggregate=aggregate,
        of=tuple(f"profile_{each}" for each in parts),
        text=text,
        text_missing=f"{' or '.join(map(spoken, parts))} is not known, or 0",
    )


def _words(name: str) -> tuple[str, ...]:
    """Take a name apart, plurals as one: MonthlyCharges is (monthly, charge)."""
    found = [word.casefold() for word in re.split(r"[\W_]+", spoken(name)) if word]
    last = found[-1] if found else name
    if last not in _TIME and len(last) > 3 and last.endswith("s"):
        last = last[:-1]
    return (*found[:-1], last)
