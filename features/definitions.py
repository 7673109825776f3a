"""What a feature is, as data: kinds of event, an aggregate, a window, a column and its sentence."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.events import is_reserved
from governance.errors import ConfigurationError, InvalidInput

AGGREGATES: Mapping[str, str] = {
    "count": "events in the window",
    "sum": "sum of the column over the window; 0 without events",
    "mean": "mean of the column over the window",
    "max": "largest value of the column in the window",
    "min": "smallest value of the column in the window",
    "std": "sample standard deviation of the column in the window; needs two values",
    "last": "latest value of the column in the window",
    "category": "place in `categories` of the latest value; missing if not among them",
    "days_since_last": "days from the latest event to as_of",
    "days_since_first": "days from the first event to as_of",
    "active_days": "calendar days (UTC) with an event in the window",
    "active_months": "calendar months (UTC) with an event in the window",
    "gap_mean_days": "mean days between active days in the window; needs two",
    "gap_median_days": "lower median of whole days between active days in the window; needs two",
    "gap_std_days": "sample standard deviation of days between active days; needs three",
    "gap_shrunk_days": "mean gap in days with one gap of `parameter` days added",
    "recency_over_gap": "days_since_last ÷ gap_shrunk_days",
    "trend": "(events in the window − in the window before) ÷ their sum, -1 to 1; 0 without any",
    "decayed_count": "events, each counting half as much every `parameter` days",
    "decayed_sum": "sum of the column, each event counting half as much every `parameter` days",
    "share": "events of the first kind ÷ events of the second kind in the window",
    "share_where": "events that match `where` ÷ all events of the kinds in the window",
    "distinct": "different values of a property, over all lines of the window's events",
    "slope": "least-squares change of the column per 30 days in the window; needs two instants",
    "delta": "mean of the column in the window − its mean in the window before",
    "streak": "periods of `parameter` days in a row, back from as_of, that hold an event",
    "mode": "most frequent value of the column in the window; of equals the smallest",
    "mode_share": "share of the window's values that equal the most frequent one",
    "coverage": "share of the window's whole 30-day periods with a value in the column",
    "repeats": "events in the window within `parameter` days of the one before",
    "unanswered": "events of the first kind in the window that no event of the second kind "
    "followed within `parameter` days; counted once those days are over",
    "ratio": "first feature of `of` ÷ the second; missing where the second is 0",
    "difference": "first feature of `of` − the second",
    "total": "sum of the features of `of`; missing where any is",
    "function": "what a company's own Python function makes of the events known at as_of",
}
"""Every aggregate with its meaning; windows are [as_of − window_days, as_of), None means all."""

DERIVED = frozenset({"ratio", "difference", "total"})
"""Aggregates over other features instead of events."""

_NEEDS_COLUMN = {
    *("sum", "mean", "max", "min", "std", "last", "category", "decayed_sum", "distinct"),
    *("slope", "delta", "mode", "mode_share", "coverage"),
}
_NEEDS_PARAMETER = {
    *("gap_shrunk_days", "recency_over_gap", "decayed_count", "decayed_sum"),
    *("streak", "repeats", "unanswered"),
}
_NEEDS_WINDOW = {"trend", "delta", "coverage"}
_NEEDS_TWO_KINDS = {"share", "unanswered"}


@dataclass(frozen=True)
class FeatureDefinition:
    """One column of the feature table, without code.

    `column` is `value`, `property:<name>` (summed over an event's lines), `distinct:<name>` (how
    many different values over its lines), `level` (a survey answer scaled to 0-1, 1 is good) or
    `sentiment` (-1 to 1). `where` keeps only events whose properties have these values.
    `purposes` must all be permitted for a customer, else the value is missing. `empty` replaces
    the missing value where the aggregate has nothing to work on. `text` is the sentence a person
    reads: `{value}`, or `{count}` for a number with its noun; `usual` names the feature whose
    value completes it ("usually every 20"). `of` names the features a derived one is made of;
    `function` says where a company's own function is: `file.py:name#sha256 of the file`.
    """

    name: str
    kinds: tuple[str, ...]
    aggregate: str
    window_days: int | None = None
    column: str = ""
    where: tuple[tuple[str, str], ...] = ()
    categories: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ("risk_scoring",)
    parameter: float | None = None
    empty: float = math.nan
    text: str = ""
    text_missing: str = ""
    nouns: tuple[str, str] = ("", "")
    usual: str = ""
    of: tuple[str, ...] = ()
    function: str = ""

    def __hash__(self) -> int:
        return hash(self.name)  # enough to tell definitions apart, and quick

    def __post_init__(self) -> None:
        problems = []
        if self.aggregate not in AGGREGATES:
            problems.append(f"aggregate {self.aggregate!r} is not one of {', '.join(AGGREGATES)}")
        if self.aggregate in DERIVED:
            problems += self._derived_problems()
        elif not self.kinds and self.aggregate != "function":
            problems.append("kinds is empty")
        problems += [
            f"{k} is written by Keepwell alone and never a feature"
            for k in self.kinds
            if is_reserved(k)
        ]
        if self.window_days is not None and self.window_days < 1:
            problems.append(f"window_days == {self.window_days}, must be >= 1")
        if self.aggregate in _NEEDS_COLUMN and not self.column:
            problems.append(f"{self.aggregate} needs a column")
        if self.aggregate in _NEEDS_PARAMETER and not (self.parameter or 0) > 0:
            problems.append(f"{self.aggregate} needs a parameter > 0 (days)")
        if self.aggregate in _NEEDS_WINDOW and self.window_days is None:
            problems.append(f"{self.aggregate} needs window_days")
        if self.aggregate in _NEEDS_TWO_KINDS and len(self.kinds) != 2:
            problems.append(f"{self.aggregate} needs two kinds")
        if self.aggregate == "share_where" and not self.where:
            problems.append("share_where needs where")
        if self.aggregate == "distinct" and not self.column.startswith("property:"):
            problems.append("distinct needs a column property:<name>")
        if self.aggregate == "function" and not self.function:
            problems.append("function needs to say which: file.py:name")
        if self.aggregate == "category" and not self.categories:
            problems.append("category needs categories")
        if not self.purposes:
            problems.append("purposes is empty")
        if self.column == "sentiment" and "wellbeing_inference" not in self.purposes:
            problems.append("sentiment needs the purpose wellbeing_inference")
        if problems:
            raise ConfigurationError(problems, source=f"feature {self.name}")

    def _derived_problems(self) -> list[str]:
        problems = []
        if self.kinds:
            problems.append(f"{self.aggregate} is made of features, not of kinds")
        if len(self.of) != 2 and self.aggregate != "total":
            problems.append(f"{self.aggregate} needs two features in `of`")
        if len(self.of) < 2 and self.aggregate == "total":
            problems.append("total needs at least two features in `of`")
        if self.name in self.of:
            problems.append("a feature cannot be made of itself")
        return problems

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object that `from_json` reads back to an equal definition."""
        return {
            "name": self.name,
            "kinds": list(self.kinds),
            "aggregate": self.aggregate,
            "window_days": self.window_days,
            "column": self.column,
            "where": [list(pair) for pair in self.where],
            "categories": list(self.categories),
            "purposes": list(self.purposes),
            "parameter": self.parameter,
            "empty": None if math.isnan(self.empty) else self.empty,
            "text": self.text,
            "text_missing": self.text_missing,
            "nouns": list(self.nouns),
            "usual": self.usual,
            "of": list(self.of),
            "function": self.function,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "FeatureDefinition":
        """Read what `to_json` wrote; raises `InvalidInput` or `ConfigurationError` if it is not."""
        try:
            return cls(
                name=str(found["name"]),
                kinds=tuple(found["kinds"]),
                aggregate=str(found["aggregate"]),
                window_days=found["window_days"],
                column=str(found["column"]),
                where=tuple((str(k), str(v)) for k, v in found["where"]),
                categories=tuple(found["categories"]),
                purposes=tuple(found["purposes"]),
                parameter=found["parameter"],
                empty=math.nan if found["empty"] is None else float(found["empty"]),
                text=str(found["text"]),
                text_missing=str(found["text_missing"]),
                nouns=(str(found["nouns"][0]), str(found["nouns"][1])),
                usual=str(found["usual"]),
                of=tuple(found.get("of", ())),
                function=str(found.get("function", "")),
            )
        except (KeyError, TypeError, ValueError, IndexError) as problem:
            raise InvalidInput(
                f"a feature definition cannot be read: {type(problem).__name__} {problem}"
            ) from None


def sentence(
    definition: FeatureDefinition, value: float, context: Mapping[str, float] | None = None
) -> str:
    """Say one feature of one customer in words a person can check.

    `context` holds the customer's other features by name; `usual` is looked up there.
    """
    if math.isnan(value):
        return definition.text_missing or f"{_spoken(definition.name)} is not known"
    if definition.aggregate == "category":
        place = int(value)
        shown = definition.categories[place] if 0 <= place < len(definition.categories) else "other"
    else:
        shown = pretty(value)
    text = definition.text or f"{_spoken(definition.name)} is {{value}}"
    said = text.replace("{value}", shown).replace("{count}", _counted(value, definition.nouns))
    usual = (context or {}).get(definition.usual, math.nan) if definition.usual else math.nan
    return said if math.isnan(usual) else f"{said}, usually every {pretty(usual)}"


def pretty(value: float) -> str:
    """Write a number as a person would: no decimals from 10 on, two significant below."""
    if abs(value) >= 10 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"


def _counted(value: float, nouns: Sequence[str]) -> str:
    if value == 0:
        return f"no {nouns[1]}"
    return f"{pretty(value)} {nouns[0] if value == 1 else nouns[1]}"


def _spoken(name: str) -> str:
    return name.replace("_", " ")
