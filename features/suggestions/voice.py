"""What customers say: survey answers, and the tone of what they write."""

from collections.abc import Iterator

from features.definitions import FeatureDefinition
from features.history import Histories
from features.suggestions.phrases import nouns, suffix, within
from features.suggestions.samples import Rows, property_sets


def surveys(histories: Histories, rows: Rows) -> Iterator[FeatureDefinition]:
    """Give level, direction and coverage of the answers to each instrument."""
    instruments = sorted(
        {str(own["instrument"]) for own in property_sets(histories, rows) if "instrument" in own}
    )
    for instrument in instruments:
        level = f"answer to {instrument}{{w}} was {{value}} on a scale from 0 to 1 (best)"
        for name, aggregate, days, text in (
            ("level_mean_365d", "mean", 365, f"average {level}"),
            ("level_last", "last", None, f"latest {level}"),
            ("level_min_365d", "min", 365, f"worst {level}"),
            (
                *("level_delta_90d", "delta", 90),
                f"answers to {instrument}{{w}} were {{higher}} than in the 90 days before "
                "(from 0 to 1)",
            ),
            (
                *("level_slope_per_30d_365d", "slope", 365),
                f"answers to {instrument}{{w}} changed by {{value}} every 30 days (from 0 to 1)",
            ),
            (
                *("coverage_365d", "coverage", 365),
                f"{instrument} was answered in {{percent}} of the periods of 30 days{{w}}",
            ),
        ):
            yield FeatureDefinition(
                name=f"survey_{instrument}_{name}",
                kinds=("survey",),
                aggregate=aggregate,
                window_days=days,
                column="level",
                where=(("instrument", instrument),),
                text=text.replace("{w}", within(days) if days else ""),
                text_missing=f"too few answers to {instrument}{within(days)}",
            )


def tone(kind: str) -> Iterator[FeatureDefinition]:
    """Give level and change of the sentiment of a kind's texts; needs its own permission."""
    _, several = nouns(kind)
    for aggregate, days, text in (
        ("mean", 90, f"average tone of {several}{{w}} was {{value}}"),
        ("mean", 365, f"average tone of {several}{{w}} was {{value}}"),
        ("min", 365, f"most negative tone of {several}{{w}} was {{value}}"),
        ("last", None, f"latest tone of {several} was {{value}}"),
        ("delta", 90, f"tone of {several}{{w}} was {{higher}} than in the 90 days before"),
    ):
        yield FeatureDefinition(
            name=f"{kind}_sentiment_{aggregate}{suffix(days)}",
            kinds=(kind,),
            aggregate=aggregate,
            window_days=days,
            column="sentiment",
            purposes=("risk_scoring", "wellbeing_inference"),
            text=f"{text.replace('{w}', within(days))} (from -1 to 1)",
            text_missing=f"too few texts in {several}{within(days)}",
        )
