"""What a feature is, as data: kinds of event, an aggregate, a window, a column and its sentence."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

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

COLUMNS = ("value", "level", "sentiment")
PROPERTY_COLUMNS = ("property:", "distinct:")
CLOCK_COLUMNS = ("hour:", "weekday:", "weekend:")
"""Columns read from an event, from one of its properties, and from the clock of a time zone."""

FUNCTION = re.compile(r"(?P<file>[\w./-]+\.py):(?P<name>[A-Za-z_]\w*)(#(?P<sha256>[0-9a-f]{64}))?")
"""Where a company's own function is: file in the home, name, digest of the file's bytes."""

NEEDS_COLUMN = frozenset(
    {
        *("sum", "mean", "max", "min", "std", "last", "category", "decayed_sum", "distinct"),
        *("slope", "delta", "mode", "mode_share", "coverage"),
    }
)
NEEDS_PARAMETER = frozenset(
    {
        *("gap_shrunk_days", "recency_over_gap", "decayed_count", "decayed_sum"),
        *("streak", "repeats", "unanswered"),
    }
)
_NEEDS_WINDOW = {"trend", "delta", "coverage"}
_NEEDS_TWO_KINDS = {"share", "unanswered"}


PLACEHOLDERS = ("{value}", "{count}", "{days}", "{percent}", "{more}", "{higher}", "{past}")
"""What a sentence may hold in the place of a number; see `FeatureDefinition`."""


class Mistake(NamedTuple):
    """What is wrong with a definition: under which key, in words."""

    key: str
    message: str


class BadDefinition(ConfigurationError):
    """A definition that cannot be; `mistakes` lists everything wrong with it."""

    def __init__(self, name: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__([each.message for each in mistakes], source=f"feature {name}")
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True)
class FeatureDefinition:
    """One column of the feature table, without code.

    `column` is `value`, `property:<name>` (summed over an event's lines), `distinct:<name>` (how
    many different values over its lines), `level` (a survey answer scaled to 0-1, 1 is good),
    `sentiment` (-1 to 1), or read from the clock of a zone: `hour:<zone>` (0-23), `weekday:<zone>`
    (0 is Monday) and `weekend:<zone>` (1 on Saturday and Sunday, else 0). `where` keeps only
    events whose properties have these values. `purposes` must all be permitted for a customer, else
    the value is missing; those of a derived feature are the union of its parts'. `empty` replaces
    the missing value where the aggregate has nothing to work on. `text` is the sentence a person
    reads, with `{value}`, `{count}` (a number with its noun), `{days}`, `{percent}`, `{more}` (more
    than, fewer than), `{higher}` (0.2 higher, 0.2 lower) or `{past}` (3 days past, 3 days short of)
    in it; `usual` names the feature whose
    value completes it ("usually every 20"). `categories` name the whole numbers from 0 that a
    `category` or `mode` can be. `of` names the features a derived one is made of; `function` says
    where a company's own function is: `file.py:name#sha256 of the file`.
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
        mistakes = [*self._mistakes()]
        if mistakes:
            raise BadDefinition(self.name, mistakes)

    def _mistakes(self) -> Iterator[Mistake]:
        name = self.aggregate
        if not self.name.strip() or not self.name.isprintable():
            yield Mistake("name", "name must be a word, such as order_count_90d")
        if name not in AGGREGATES:
            yield Mistake("aggregate", f"aggregate {name!r} is not one of {', '.join(AGGREGATES)}")
        if name in DERIVED:
            yield from self._derived_mistakes()
        elif not self.kinds and name != "function":
            yield Mistake("kinds", "kinds is empty")
        for kind in self.kinds:
            if is_reserved(kind):
                yield Mistake("kinds", f"{kind} is written by Keepwell alone and never a feature")
        if self.window_days is not None and self.window_days < 1:
            yield Mistake("window_days", f"window_days == {self.window_days}, must be >= 1")
        if name in _NEEDS_WINDOW and self.window_days is None:
            yield Mistake("window_days", f"{name} needs window_days")
        if name in NEEDS_COLUMN and not self.column:
            yield Mistake("column", f"{name} needs a column")
        elif self.column:
            yield from self._column_mistakes()
        if self.parameter is not None and not 0 < self.parameter < math.inf:
            yield Mistake("parameter", f"parameter == {self.parameter}, must be > 0 and finite")
        elif name in NEEDS_PARAMETER and self.parameter is None:
            yield Mistake("parameter", f"{name} needs a parameter > 0 (days)")
        if math.isinf(self.empty):
            yield Mistake("empty", "empty must be a finite number")
        if name in _NEEDS_TWO_KINDS and len(self.kinds) != 2:
            yield Mistake("kinds", f"{name} needs two kinds")
        if name == "share_where" and not self.where:
            yield Mistake("where", "share_where needs where")
        if name == "function" and not FUNCTION.fullmatch(self.function):
            yield Mistake("function", "function needs to say which: file.py:name")
        if name == "category" and not self.categories:
            yield Mistake("categories", "category needs categories")
        if len(set(self.categories)) < len(self.categories):
            yield Mistake("categories", "categories names one twice")
        if not self.purposes:
            yield Mistake("purposes", "purposes is empty")
        if self.column == "sentiment" and "wellbeing_inference" not in self.purposes:
            yield Mistake("purposes", "sentiment needs the purpose wellbeing_inference")

    def _derived_mistakes(self) -> Iterator[Mistake]:
        if self.kinds:
            yield Mistake("kinds", f"{self.aggregate} is made of features, not of kinds")
        if len(self.of) != 2 and self.aggregate != "total":
            yield Mistake("of", f"{self.aggregate} needs two features in `of`")
        if len(self.of) < 2 and self.aggregate == "total":
            yield Mistake("of", "total needs at least two features in `of`")

    def _column_mistakes(self) -> Iterator[Mistake]:
        kind, _, rest = self.column.partition(":")
        prefix = f"{kind}:"
        if self.aggregate == "distinct" and (prefix != "property:" or not rest):
            yield Mistake("column", "distinct needs a column property:<name>")
        elif prefix in CLOCK_COLUMNS and rest:
            try:
                ZoneInfo(rest)
            except (KeyError, ValueError, OSError):
                yield Mistake("column", f"{rest!r} is not a time zone; write it as Europe/Berlin")
        elif self.column not in COLUMNS and not (prefix in PROPERTY_COLUMNS and rest):
            yield Mistake(
                "column",
                f"column {self.column!r} is not one of {', '.join(COLUMNS)}, property:<name>, "
                "distinct:<name>, hour:<zone>, weekday:<zone>, weekend:<zone>",
            )

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


_TINY = 0.005


def sentence(
    definition: FeatureDefinition, value: float, context: Mapping[str, float] | None = None
) -> str:
    """Say one feature of one customer in words a person can check.

    `context` holds the customer's other features by name; `usual` is looked up there.
    """
    if math.isnan(value):
        return definition.text_missing or f"{_spoken(definition.name)} is not known"
    said = definition.text or f"{_spoken(definition.name)} is {{value}}"
    for placeholder, word in _WORDS:
        if placeholder in said:
            said = said.replace(placeholder, word(definition, value))
    if not definition.usual:
        return said
    usual = (context or {}).get(definition.usual, math.nan)
    return said if math.isnan(usual) else f"{said}, usually every {pretty(usual)}"


def meaning(definition: FeatureDefinition) -> str:
    """Say what a feature is, of nobody in particular: its sentence with … for the number."""
    said = definition.text or f"{_spoken(definition.name)} is {{value}}"
    words = (
        *("…", f"… {definition.nouns[1]}", "… days", "… %", "more or fewer than", "… higher"),
        "… days past",
    )
    for placeholder, shown in zip(PLACEHOLDERS, words, strict=True):
        said = said.replace(placeholder, shown)
    return said


def pretty(value: float) -> str:
    """Write a number as a person would: no decimals from 10 on, two significant below.

    What is nearer to 0 than 0.005 is "<0.01", or ">-0.01" from below.
    """
    if 0 < abs(value) < _TINY:
        return "<0.01" if value > 0 else ">-0.01"
    if abs(value) >= 10 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"


def _shown(definition: FeatureDefinition, value: float) -> str:
    if not definition.categories:
        return pretty(value)
    place = int(value)
    return definition.categories[place] if 0 <= place < len(definition.categories) else "other"


def _days(value: float) -> str:
    return f"{pretty(value)} day{'' if value == 1 else 's'}"


def _higher(value: float) -> str:
    if value == 0:
        return "neither higher nor lower"
    return f"{pretty(abs(value))} {'lower' if value < 0 else 'higher'}"


def _past(value: float) -> str:
    if value == 0:
        return "exactly at"
    return f"{_days(abs(value))} {'short of' if value < 0 else 'past'}"


def _counted(value: float, nouns: Sequence[str]) -> str:
    if value == 0:
        return f"no {nouns[1]}"
    return f"{pretty(value)} {nouns[0] if value == 1 else nouns[1]}"


def _more(value: float) -> str:
    return "as many as" if value == 0 else "more than" if value > 0 else "fewer than"


def _spoken(name: str) -> str:
    return name.replace("_", " ")


_WORDS: tuple[tuple[str, Callable[[FeatureDefinition, float], str]], ...] = tuple(
    zip(
        PLACEHOLDERS,
        (
            _shown,
            lambda definition, value: _counted(value, definition.nouns),
            lambda _, value: _days(value),
            lambda _, value: f"{pretty(100 * value)} %",
            lambda _, value: _more(value),
            lambda _, value: _higher(value),
            lambda _, value: _past(value),
        ),
        strict=True,
    )
)
