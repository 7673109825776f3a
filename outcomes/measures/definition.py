"""What a measure is, over which period, and what came out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from governance.disclosure.breakdown import ALL as ALL
from governance.errors import InvalidInput
from governance.instants import DAY_US, to_micros, to_text
from governance.intervals import Interval, as_json

Method = Literal["share", "mean", "total", "per_quarter", "nps", "difference"]
"""How a figure and its interval come from what each person contributes; see `estimate`."""


class Period(NamedTuple):
    """What is measured: [start, end), with zones; `label` is how people call it.

    Of a `series` (the last year) there is a new one whenever it is asked for.
    """

    start: datetime
    end: datetime
    label: str = ""
    series: str = ""

    def check(self) -> None:
        """Raise `InvalidInput` for a period without length."""
        if not self.start < self.end:
            raise InvalidInput("the period ends before it starts", hint="give start < end")

    @property
    def quarters(self) -> float:
        """Its length in quarters of a mean year, 91.3125 days each."""
        return (to_micros(self.end) - to_micros(self.start)) / (91.3125 * DAY_US)


EMPATHY_PARTS: Mapping[str, tuple[float, float]] = {
    "churned_value": (1.0, 0.3),
    "negative_language": (1.0, 0.6),
    "escalation": (1.0, 0.5),
    "detractors": (1.0, 0.6),
    "high_effort": (1.0, 0.6),
    "unresolved": (1.0, 0.6),
    "employee_turnover": (0.5, 0.5),
    "negative_mentions": (0.5, 0.6),
}
"""Parts of the Empathy Deficit Index: weight, and the worst case that counts as 100."""

HAPPINESS_PARTS: Mapping[str, tuple[float, float]] = {
    "positive_language": (1.0, 1.0),
    "csat": (1.0, 1.0),
    "happiness": (1.0, 100.0),
}
"""Parts of the Customer Happiness Index: weight, and the top of the part's scale (from 0)."""


class Terms(NamedTuple):
    """What the company states and no event can say; every figure that uses one names it.

    Active means a contract in force or an order within `active_window_days`. Customer value counts
    `margin_share` (contribution margin per unit of net sales; None: not stated, not measured) over
    `horizon_days`, discounted at `discount_rate` a year. `lift_horizon_days` is how long people are
    followed after an assignment; `funnel` the kinds of the stages people pass through. `empathy`
    and `happiness` are the parts of the two indices, each with its weight and its top.
    """

    active_window_days: int = 365
    horizon_days: int = 365
    margin_share: float | None = None
    discount_rate: float = 0.1
    lift_horizon_days: int = 90
    funnel: tuple[str, ...] = ("session", "cart", "order")
    empathy: Mapping[str, tuple[float, float]] = EMPATHY_PARTS
    happiness: Mapping[str, tuple[float, float]] = HAPPINESS_PARTS

    def check(self) -> None:
        """Raise `InvalidInput` naming everything that cannot be."""
        wrong = [
            f"{name} == {days}, must be >= 1"
            for name, days in (
                ("active_window_days", self.active_window_days),
                ("horizon_days", self.horizon_days),
                ("lift_horizon_days", self.lift_horizon_days),
            )
            if days < 1
        ]
        if self.margin_share is not None and not 0 < self.margin_share <= 1:
            wrong.append(f"margin_share == {self.margin_share}, must lie in (0, 1]")
        if not 0 <= self.discount_rate < 1:
            wrong.append(f"discount_rate == {self.discount_rate}, must lie in [0, 1)")
        if len(set(self.funnel)) < 2 or len(set(self.funnel)) != len(self.funnel):
            wrong.append("funnel needs at least two different stages")
        for name, (weight, top) in {**self.empathy, **self.happiness}.items():
            if not (weight > 0 and top > 0):
                wrong.append(f"{name}: weight {weight} and top {top} must lie above 0")
        if wrong:
            raise InvalidInput("; ".join(wrong))


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One measure as data.

    `sql` gives one row per person and period, `(period, who, x, y)`: what they add to the numerator
    and to the denominator. `parts` gives `(period, who, part, x, y)` for a breakdown of the
    measure's own (visits by source); where `sql` is None there is only that breakdown. `needs`
    names the kinds it is made of: all of them, " or " between alternatives; `wants` says what else
    the events must state. `states` are the terms
    it rests on, `instrument` the survey it reads. `low` and `high` bound what is possible. An
    `outcome` may be used to judge whether something helped. Of a share that is 1 − another,
    `complement_of` names the other: the two tell the same of the same people.
    """

    name: str
    family: str
    unit: str
    says: str
    method: Method = "share"
    sql: str | None = None
    parts: str | None = None
    part_of: str = ""
    needs: tuple[str, ...] = ()
    wants: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    instrument: str | None = None
    one_scale: bool = False
    wellbeing: bool = False
    low: float | None = None
    high: float | None = None
    outcome: bool = True
    complement_of: str = ""

    def sentence(self, terms: Terms) -> str:
        """Say what was divided by what, with the terms it rests on."""
        stated = [f"{name.replace('_', ' ')} {getattr(terms, name)}" for name in self.states]
        return f"{self.says} ({', '.join(stated)})" if stated else self.says


class Measure(NamedTuple):
    """One figure.

    `value` is None when it is `hidden` (too few people, or showing it would give them away) or not
    measured; `note` then says why and what it would need. `numerator` and `denominator` are in the
    units that `definition` names; `people` is how many persons it is computed over (None where it
    is about the company alone). `unit` is share, points, 0–100, per person, count, per quarter,
    seconds, hours, ratio or a currency.
    """

    name: str
    family: str
    segment: str
    period: Period
    value: Interval | None
    numerator: float | None
    denominator: float | None
    people: int | None
    unit: str
    definition: str
    note: str = ""
    hidden: bool = False

    @property
    def shown(self) -> bool:
        """Whether there is a figure to show."""
        return self.value is not None

    def to_json(self) -> dict[str, object]:
        """Give the shape of the interfaces; `value` is null or `{value, low, high}`."""
        return {
            "name": self.name,
            "family": self.family,
            "segment": self.segment,
            "period": self.period.label,
            "start": to_text(self.period.start),
            "end": to_text(self.period.end),
            "value": as_json(self.value),
            "numerator": self.numerator,
            "denominator": self.denominator,
            "people": self.people,
            "unit": self.unit,
            "hidden": self.hidden,
            "note": self.note,
            "definition": self.definition,
        }
