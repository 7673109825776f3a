"""What is to be predicted: one question, asked of each customer at an instant."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from features.events import is_reserved
from features.suggestions.phrases import nouns, spoken
from features.wellbeing.scheme import FIVE, PURPOSE, Scheme
from governance.errors import ConfigurationError, InvalidInput

KINDS = (
    *("inactivity", "given", "silence", "contract", "event"),
    *("next_need", "clv", "wellbeing_decline", "sentiment_shift"),
)
"""Every kind of target; docs/targets.md shows how each is declared."""

PERSONAL_KINDS = frozenset({"wellbeing_decline", "sentiment_shift"})
"""Kinds about how people fare: they need `wellbeing_inference`, for their labels too."""

ACCUMULATING_KINDS = frozenset({"silence", "contract", "event", "next_need"})
"""Kinds whose event, once it has come, stays come: what may have several horizons."""

REASONS = ("any", "voluntary", "involuntary")
INDEX = "index"
_AMOUNTS = {"wellbeing_decline": 0.5, "sentiment_shift": 0.2}


class OutsideEvent(NamedTuple):
    """Something outside that moves many people at once (an outage): µs [since, until)."""

    name: str
    since: int
    until: int


@dataclass(frozen=True)
class Target:
    """What a model predicts, within `horizon_days` after an instant as_of.

    `inactivity`: a customer with at least one `event_kind` in (as_of − active_window_days, as_of]
    has none in (as_of, as_of + horizon_days]. `given`: the company's own label, stated in a file.
    `silence`: the time since the last `event_kind` reaches `silence_days`. `contract`: a contract
    in force ends (by cancellation or, where `term_days` is stated, by non-renewal) for a `reason`.
    `event`: one `event_kind` that matches `where` happens. `next_need`: the next `event_kind`
    comes, with the property `category` of it. `clv`: any `event_kind` comes, and what orders less
    returns then earn (`margin_share` of them, discounted by `discount_rate` a year).
    `wellbeing_decline`: the mean of a person's own reports on `dimension` (or "index") falls at
    least `amount` of their own standard deviations below their mean of the `baseline_days` before;
    `sentiment_shift`: the mean polarity (−1 to 1) of their texts falls by at least `amount` (0: 0.5
    and 0.2). Both need `min_reports` before and after.

    `horizons` are every horizon (days) that is answered, ascending; the last is `horizon_days`, the
    main one. Only events that accumulate have several. `calendar`: whether rows whose horizon
    overlaps one of `outside` are left out ("leave_out") or kept ("ignore"). `scheme` says what the
    reports are. Raises `ConfigurationError` with everything that is wrong.
    """

    name: str
    kind: str = "inactivity"
    horizon_days: int = 90
    active_window_days: int = 730
    event_kind: str = "order"
    purpose: str = ""
    horizons: tuple[int, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    silence_days: int | None = None
    term_days: int | None = None
    reason: str = "any"
    category: str = ""
    margin_share: float | None = None
    discount_rate: float = 0.1
    dimension: str = INDEX
    amount: float = 0.0
    baseline_days: int = 180
    min_reports: int = 3
    calendar: str = ""
    outside: tuple[OutsideEvent, ...] = ()
    scheme: Scheme = FIVE

    def __post_init__(self) -> None:
        personal = self.kind in PERSONAL_KINDS
        defaults: dict[str, object] = {}
        if not self.horizons:
            defaults["horizons"] = (self.horizon_days,)
        if not self.purpose:
            defaults["purpose"] = PURPOSE if personal else "risk_scoring"
        if not self.amount:
            defaults["amount"] = _AMOUNTS.get(self.kind, 0.5)
        if not self.calendar:
            defaults["calendar"] = "leave_out" if self.kind == "sentiment_shift" else "ignore"
        for name, value in defaults.items():
            object.__setattr__(self, name, value)
        problems = [*self._problems()]
        if problems:
            raise ConfigurationError(problems, source=f"target {self.name}")

    def _problems(self) -> Iterator[str]:
        if self.kind not in KINDS:
            yield f"kind is {self.kind!r}, must be one of {', '.join(KINDS)}"
        for name in ("horizon_days", "active_window_days", "baseline_days"):
            if getattr(self, name) < 1:
                yield f"{name} == {getattr(self, name)}, must be >= 1"
        if is_reserved(self.event_kind):
            yield f"event_kind {self.event_kind} is Keepwell's own, never a label"
        yield from self._horizon_problems()
        if self.kind == "silence":
            yield from self._silence_problems()
        elif self.kind == "contract":
            if self.reason not in REASONS:
                yield f"reason is {self.reason!r}, must be one of {', '.join(REASONS)}"
            if self.term_days is not None and self.term_days < 1:
                yield f"term_days == {self.term_days}, must be >= 1"
        elif self.kind == "clv":
            if self.margin_share is None:
                yield "margin_share must be stated: contribution margin per unit of net sales"
            elif not 0 < self.margin_share <= 1:
                yield f"margin_share == {self.margin_share}, must lie in (0, 1]"
            if not 0 <= self.discount_rate < 1:
                yield f"discount_rate == {self.discount_rate}, must lie in [0, 1)"
        elif self.kind in PERSONAL_KINDS:
            yield from self._personal_problems()
        if self.calendar not in ("leave_out", "ignore"):
            yield f"calendar is {self.calendar!r}, must be leave_out or ignore"

    def _horizon_problems(self) -> Iterator[str]:
        stated = self.horizons
        if any(days < 1 for days in stated):
            if stated != (self.horizon_days,):
                yield f"horizons are {list(stated)}, all must be >= 1"
        elif list(stated) != sorted(set(stated)):
            yield f"horizons are {list(stated)}, must ascend"
        elif stated[-1] != self.horizon_days:
            yield f"horizons end with {stated[-1]}, must end with horizon_days {self.horizon_days}"
        elif len(stated) > 1 and self.kind == "inactivity":
            yield (
                'inactivity has one horizon, because "no event in h days" gets less likely as h '
                'grows; state kind = "silence" and silence_days'
            )
        elif len(stated) > 1 and self.kind not in ACCUMULATING_KINDS and self.kind in KINDS:
            yield f"{self.kind} has one horizon, found {list(stated)}"

    def _silence_problems(self) -> Iterator[str]:
        if self.silence_days is None:
            yield "silence_days must be stated: how many silent days make a customer lost"
        elif self.silence_days < 1:
            yield f"silence_days == {self.silence_days}, must be >= 1"
        elif self.silence_days > self.horizon_days:
            yield (
                f"silence_days == {self.silence_days}, must be <= horizon_days "
                f"({self.horizon_days}): whoever came recently could not be lost in time"
            )

    def _personal_problems(self) -> Iterator[str]:
        if self.purpose != PURPOSE:
            yield f"purpose is {self.purpose!r}, {self.kind} needs {PURPOSE}"
        if not self.amount > 0:
            yield f"amount == {self.amount}, must be > 0"
        if self.min_reports < 2:
            yield f"min_reports == {self.min_reports}, must be >= 2: a spread needs two"
        known = (*self.scheme.names, INDEX)
        if self.kind == "wellbeing_decline" and self.dimension not in known:
            yield f"dimension is {self.dimension!r}, must be one of {', '.join(known)}"

    @property
    def is_personal(self) -> bool:
        """Whether it is about how a person fares, by what they say and write."""
        return self.kind in PERSONAL_KINDS

    @property
    def subject(self) -> str:
        """What it is about in a few words, for headings: "losing touch", "the next order"."""
        one, _ = nouns(self.event_kind)
        return {
            "inactivity": f"no {one} for a while",
            "given": spoken(self.name),
            "silence": "losing touch",
            "contract": "the end of the contract",
            "event": one,
            "next_need": f"the next {one}",
            "clv": "lifetime value",
            "wellbeing_decline": f"a fall in {self._side()}",
            "sentiment_shift": "a fall in tone",
        }[self.kind]

    def say(self, horizon_days: int | None = None) -> str:
        """Say what a customer does when the outcome is 1: "places no order within 90 days"."""
        days = self.horizon_days if horizon_days is None else horizon_days
        end = f"within {days} day{'' if days == 1 else 's'}"
        one, _ = nouns(self.event_kind)
        if self.kind == "inactivity":
            return f"places no order {end}" if one == "order" else f"has no {one} {end}"
        if self.kind == "silence":
            return f"reaches {self.silence_days} days without {_a(one)} {end}"
        if self.kind == "contract":
            why = {"any": "", "voluntary": " by choice", "involuntary": " over a failed payment"}
            return f"ends the contract{why[self.reason]} {end}"
        if self.kind == "event":
            which = "".join(f", {spoken(k)} {v}" for k, v in self.where)
            return f"has {_a(one)}{which} {end}"
        if self.kind in ("next_need", "clv"):
            return f"places an order {end}" if one == "order" else f"has {_a(one)} {end}"
        if self.kind == "wellbeing_decline":
            return (
                f"reports {self._side()} at least {self.amount:g} of their usual spread "
                f"below their own average {end}"
            )
        if self.kind == "sentiment_shift":
            return f"writes in a tone at least {self.amount:g} below their own average {end}"
        return f"has the outcome {spoken(self.name)}"

    def within(self, horizon_days: int) -> "Target":
        """The same question with another main horizon; of the shorter ones those that fit stay."""
        if horizon_days < 1:
            raise InvalidInput(f"horizon_days == {horizon_days}, must be >= 1")
        shorter = tuple(days for days in self.horizons if days < horizon_days)
        kept = shorter if self.kind in ACCUMULATING_KINDS else ()
        return replace(self, horizon_days=horizon_days, horizons=(*kept, horizon_days))

    def _side(self) -> str:
        return "well-being" if self.dimension == INDEX else f"{spoken(self.dimension)} well-being"


def _a(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"
