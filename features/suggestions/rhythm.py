"""How often, since when, how regularly: what the instants of one kind of event say."""

from collections.abc import Iterator, Sequence
from typing import Any

from features.definitions import FeatureDefinition
from features.suggestions.phrases import nouns, suffix, within

PRIOR_DAYS = {"order": 60.0, "payment": 60.0}
"""The gap that one's own gaps are shrunk towards; a week for use."""

_WEEK = 7.0
_MONTH = 30.0
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def counts(kind: str, windows: Sequence[int | None]) -> Iterator[FeatureDefinition]:
    """Give how often, over each of these windows in days (None: ever)."""
    define = _Maker(kind)
    for days in windows:
        yield define(
            f"{kind}_count{suffix(days)}", "count", f"{{count}}{within(days)}", window_days=days
        )


def course(kind: str, half_lives: Sequence[int]) -> Iterator[FeatureDefinition]:
    """Give since when, whether more or fewer than before, and how many with recent ones first."""
    define = _Maker(kind)
    several = define.several
    yield define(
        f"days_since_first_{kind}",
        "days_since_first",
        f"first {define.one} was {{days}} ago",
        text_missing=f"no {define.one} so far",
    )
    for days in (30, 90):
        yield define(
            f"{kind}_trend_{days}d",
            "trend",
            f"{several}{within(days)}: {{more}} in the {days} days before "
            "({value}, from -1 to 1)",
            window_days=days,
        )
    for half_life in half_lives:
        yield define(
            f"{kind}_decayed_count_{half_life}d",
            "decayed_count",
            f"recent {several}: {{value}} (each counts half as much after every {half_life} days)",
            parameter=float(half_life),
        )


def since_last(kind: str, *, usual: str = "") -> FeatureDefinition:
    """Give the days since the last event of a kind."""
    define = _Maker(kind)
    return define(
        f"days_since_last_{kind}",
        "days_since_last",
        f"last {define.one} was {{days}} ago",
        text_missing=f"no {define.one} so far",
        usual=usual,
    )


def regularity(kind: str) -> Iterator[FeatureDefinition]:
    """Give active days and months, streaks and gaps of a kind looked at closely."""
    define = _Maker(kind)
    several = define.several
    for days in (30, 90, 365):
        yield define(
            f"{kind}_active_days{suffix(days)}",
            "active_days",
            f"{several} on {{days}}{within(days)}",
            window_days=days,
        )
    for window in (365, None):
        yield define(
            f"{kind}_active_months{suffix(window)}",
            "active_months",
            f"{several} in {{count}}{within(window)}",
            window_days=window,
            nouns=("month", "months"),
        )
    for period, words in (
        (_WEEK, ("week", "weeks")),
        (_MONTH, ("period of 30 days", "periods of 30 days")),
    ):
        yield define(
            f"{kind}_streak_{period:.0f}d_periods",
            "streak",
            f"{several} in {{count}} in a row up to now",
            parameter=period,
            nouns=words,
        )
    missing = f"too few {several} to speak of a rhythm"
    prior = PRIOR_DAYS.get(kind, _WEEK)
    for aggregate, parameter, text in (
        ("gap_mean_days", None, "on average {days} between days with "),
        ("gap_median_days", None, "usually {days} between days with "),
        ("gap_std_days", None, "the time varies by about {days} between days with "),
        ("gap_shrunk_days", prior, "expected rhythm of about {days} between days with "),
    ):
        yield define(
            f"{kind}_{aggregate}",
            aggregate,
            text + several,
            parameter=parameter,
            text_missing=missing,
        )
    yield define(
        f"{kind}_recency_over_gap",
        "recency_over_gap",
        f"silent for {{value}} times the expected gap between days with {several}",
        parameter=prior,
        text_missing=missing,
    )


def habits(kind: str, timezone: str, *, hours: bool) -> Iterator[FeatureDefinition]:
    """Give the usual hour and weekday on the clocks of `timezone`; hours only where known."""
    define = _Maker(kind)
    several = define.several
    missing = f"no {define.one}{within(365)}"
    told: list[tuple[str, str, str, str, tuple[str, ...]]] = [
        (
            *("weekday_mode", "mode", f"weekday:{timezone}"),
            f"{several}{within(365)} fall most often on a {{value}}",
            _WEEKDAYS,
        ),
        (
            *("weekend_share", "mean", f"weekend:{timezone}"),
            f"{{percent}} of {several}{within(365)} fall on a weekend",
            (),
        ),
    ]
    if hours:
        told += [
            (
                *("hour_mode", "mode", f"hour:{timezone}"),
                f"{several}{within(365)} come most often at {{value}} o'clock",
                (),
            ),
            (
                *("hour_mode_share", "mode_share", f"hour:{timezone}"),
                f"{{percent}} of {several}{within(365)} come at the same hour of the day",
                (),
            ),
        ]
    for name, aggregate, column, text, categories in told:
        yield define(
            f"{kind}_{name}_365d",
            aggregate,
            text,
            window_days=365,
            column=column,
            categories=categories,
            text_missing=missing,
        )


class _Maker:
    """Makes definitions over one kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.one, self.several = nouns(kind)

    def __call__(self, name: str, aggregate: str, text: str, **own: Any) -> FeatureDefinition:
        return FeatureDefinition(
            name=name,
            kinds=(self._kind,),
            aggregate=aggregate,
            text=text,
            **{"nouns": (self.one, self.several), **own},
        )
