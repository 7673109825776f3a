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
        yield from _own_level(instrument)


def _own_level(instrument: str) -> Iterator[FeatureDefinition]:
    """Give what is usual for a person by one instrument, and where they stand to that now."""
    half_life = 14.0
    scale = "on a scale from 0 to 1 (best)"
    newer = f"newer ones counting more (half as much every {half_life:.0f} days)"
    few = f"too few answers to {instrument}"
    for name, aggregate, days, column, parameter, text in (
        (*("count_all", "count", None, "", None), f"{{value}} answers to {instrument} so far"),
        (
            *("level_mean_all", "mean", None, "level", None),
            f"average answer to {instrument} so far was {{value}} {scale}",
        ),
        (
            *("level_mean_30d", "mean", 30, "level", None),
            f"average answer to {instrument} in the last 30 days was {{value}} {scale}",
        ),
        (
            *("level_std_all", "std", None, "level", None),
            f"answers to {instrument} usually lie {{value}} from their own average (of 0 to 1)",
        ),
        (
            *("count_decayed_14d", "decayed_count", None, "", half_life),
            f"{{value}} answers to {instrument}, {newer}",
        ),
        (
            *("level_decayed_14d", "decayed_sum", None, "level", half_life),
            f"answers to {instrument} add up to {{value}}, {newer}",
        ),
    ):
        yield FeatureDefinition(
            name=f"survey_{instrument}_{name}",
            kinds=("survey",),
            aggregate=aggregate,
            window_days=days,
            column=column,
            where=(("instrument", instrument),),
            parameter=parameter,
            text=text,
            text_missing=few,
        )
    own = f"survey_{instrument}"
    for name, aggregate, of, text in (
        (
            *("level_decayed_mean_14d", "ratio", ("level_decayed_14d", "count_decayed_14d")),
            f"answers to {instrument} average {{value}} {scale}, {newer}",
        ),
        (
            *("level_mean_30d_less_own", "difference", ("level_mean_30d", "level_mean_all")),
            f"answers to {instrument} in the last 30 days were {{higher}} than their own average",
        ),
        (
            *("level_decayed_less_own", "difference", ("level_decayed_mean_14d", "level_mean_all")),
            f"latest answers to {instrument} were {{higher}} than their own average",
        ),
        (
            *(
                "level_decayed_less_own_in_std",
                "ratio",
                ("level_decayed_less_own", "level_std_all"),
            ),
            f"latest answers to {instrument} were {{higher}} than their own average, in units of "
            "their usual spread",
        ),
    ):
        yield FeatureDefinition(
            name=f"{own}_{name}",
            kinds=(),
            aggregate=aggregate,
            of=(f"{own}_{of[0]}", f"{own}_{of[1]}"),
            text=text,
            text_missing=few,
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
        ("mean", None, f"average tone of {several}{{w}} was {{value}}"),
        ("mean", 30, f"average tone of {several}{{w}} was {{value}}"),
        ("std", None, f"tones of {several}{{w}} usually lie {{value}} from their average"),
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
    own = f"{kind}_sentiment"
    for name, aggregate, of, text in (
        (
            *("mean_30d_less_own", "difference", ("mean_30d", "mean_all")),
            f"tone of {several} in the last 30 days was {{higher}} than their own average",
        ),
        (
            *("last_less_own", "difference", ("last_all", "mean_all")),
            f"tone of the latest of {several} was {{higher}} than their own average",
        ),
        (
            *("last_less_own_in_std", "ratio", ("last_less_own", "std_all")),
            f"tone of the latest of {several} was {{higher}} than their own average, in units of "
            "their usual spread",
        ),
    ):
        yield FeatureDefinition(
            name=f"{own}_{name}",
            kinds=(),
            aggregate=aggregate,
            of=(f"{own}_{of[0]}", f"{own}_{of[1]}"),
            purposes=("risk_scoring", "wellbeing_inference"),
            text=text,
            text_missing=f"too few texts in {several}",
        )
