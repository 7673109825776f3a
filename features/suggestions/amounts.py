"""What the values of one kind of event add up to, and where they are going."""

from collections.abc import Iterator

from features.definitions import FeatureDefinition
from features.suggestions.phrases import nouns, suffix, within


def amounts(kind: str, *, close: bool) -> Iterator[FeatureDefinition]:
    """Give sums and means; with `close` also extremes, spread, direction and what counts now."""
    one, several = nouns(kind)

    def define(
        name: str, aggregate: str, days: int | None, text: str, parameter: float | None = None
    ) -> FeatureDefinition:
        return FeatureDefinition(
            name=f"{kind}_value_{name}",
            kinds=(kind,),
            aggregate=aggregate,
            window_days=days,
            column="value",
            parameter=parameter,
            text=text,
            text_missing=f"too few {several} with an amount{within(days)}",
            nouns=(one, several),
        )

    for days in (30, 90, 365, None) if close else (90, 365):
        text = f"{several} worth {{value}}{within(days)}"
        yield define(f"sum{suffix(days)}", "sum", days, text)
    for days in (90, 365, None) if close else (365,):
        text = f"{{value}} per {one} on average{within(days)}"
        yield define(f"mean{suffix(days)}", "mean", days, text)
    if not close:
        return
    for name, days in (("max", 365), ("max", None), ("min", 365)):
        said = "largest" if name == "max" else "smallest"
        text = f"{said} {one}{within(days)} was worth {{value}}"
        yield define(f"{name}{suffix(days)}", name, days, text)
    yield define("std_all", "std", None, f"amounts of {several} vary by about {{value}}")
    yield define("last_all", "last", None, f"latest {one} was worth {{value}}")
    yield define(
        "decayed_sum_90d",
        "decayed_sum",
        None,
        f"{several} worth {{value}}, each counting half as much after every 90 days",
        90.0,
    )
    yield define(
        "slope_per_30d_365d",
        "slope",
        365,
        f"amounts of {several}{within(365)} changed by {{value}} every 30 days",
    )
    yield define(
        "delta_90d",
        "delta",
        90,
        f"amounts of {several}{within(90)} were {{higher}} on average than in the 90 days before",
    )
