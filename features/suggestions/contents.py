"""What lies in the basket, and what kind of thing it mostly is: properties of events."""

from collections.abc import Iterator

from features.definitions import FeatureDefinition
from features.history import Histories
from features.suggestions.phrases import nouns, slug, spoken, suffix, within
from features.suggestions.samples import Rows, common_values, numeric, property_values, sample

FEWEST_CUSTOMERS = 5
"""A value becomes a feature only if at least so many customers have it."""

_MOST_PROPERTIES = 6
_MOST_DIFFERENT = 12
_SHARED_PROPERTIES = 3
_SHARED_VALUES = 3


def contents(kind: str, histories: Histories, rows: Rows) -> Iterator[FeatureDefinition]:
    """Give sums of numbers in the basket, and how many different things lie in it."""
    one, several = nouns(kind)
    found = property_values(histories, sample(rows))
    for name in list(found)[:_MOST_PROPERTIES]:
        said = spoken(name)
        if numeric(found[name]):
            short, column = name, f"property:{name}"
            told = {
                "sum": f"{said} over all {several}{{w}} adds up to {{value}}",
                "mean": f"{said} per {one}{{w}} is {{value}} on average",
                "last": f"{said} of the latest {one} was {{value}}",
            }
        else:
            short, column = f"distinct_{name}", f"distinct:{name}"
            told = {
                "sum": f"{{value}} different values of {said}{{w}}, counted {one} by {one}",
                "mean": f"{{value}} different values of {said} per {one}{{w}} on average",
                "last": f"{{value}} different values of {said} in the latest {one}",
            }
            for days in (90, 365):
                yield _basket(
                    f"{kind}_{name}",
                    kind,
                    "distinct",
                    days,
                    f"property:{name}",
                    f"{{value}} different values of {said} over all {several}{{w}}",
                )
        for aggregate, window in (
            *(("sum", 90), ("sum", 365)),
            *(("mean", 90), ("mean", None)),
            ("last", None),
        ):
            yield _basket(f"{kind}_{short}", kind, aggregate, window, column, told[aggregate])


def shares(kind: str, histories: Histories, rows: Rows) -> Iterator[FeatureDefinition]:
    """Give the share of the most frequent values of properties that have few."""
    _, several = nouns(kind)
    common = common_values(
        histories,
        sample(rows),
        most_different=_MOST_DIFFERENT,
        fewest_customers=FEWEST_CUSTOMERS,
    )
    for name in [name for name, values in common.items() if values][:_SHARED_PROPERTIES]:
        values = common[name]
        taken: set[str] = set()
        for value in values[: max(1, min(_SHARED_VALUES, len(values) - 1))]:
            short = slug(value)
            if not short or short in taken:
                continue
            taken.add(short)
            yield FeatureDefinition(
                name=f"{kind}_{slug(name)}_{short}_share_365d",
                kinds=(kind,),
                aggregate="share_where",
                window_days=365,
                where=((name, value),),
                text=f"{{percent}} of {several}{within(365)} have {value} as {spoken(name)}",
                text_missing=f"no {several}{within(365)}",
            )


def _basket(
    name: str, kind: str, aggregate: str, days: int | None, column: str, text: str
) -> FeatureDefinition:
    return FeatureDefinition(
        name=f"{name}_{aggregate}{suffix(days)}",
        kinds=(kind,),
        aggregate=aggregate,
        window_days=days,
        column=column,
        text=text.replace("{w}", within(days)),
        text_missing=f"no {nouns(kind)[0]}{within(days)}",
    )
