"""Before the start: how many people a test needs, what it can find, how long it takes."""

from dataclasses import dataclass
from math import ceil, sqrt

from scipy import special

from governance.errors import InvalidInput
from outcomes.randomised.sequential import always_valid

_MAX_UNITS = 10_000_000_000
_LARGEST = 1e15


@dataclass(frozen=True, kw_only=True)
class Design:
    """A test of one treatment against a control, before anybody was assigned.

    Say `share` (what the control's share will be, such as 0.10 who come back) or `spread` (the
    standard deviation of a mean's outcome per person). `treated_share` is the part of everybody who
    is treated. `comparisons` that share the risk of a false find (Bonferroni). Where groups are
    drawn, `cluster_size` people each, `icc` says how alike the people of one group are (0 to 1).
    `explained` is the part of the variance that covariates from before explain (0.3 is usual for
    spend, see `outcomes.randomised.cuped`). `looked_at` plans for an always-valid interval, looked
    at while it runs.
    """

    share: float | None = None
    spread: float | None = None
    treated_share: float = 0.5
    level: float = 0.95
    comparisons: int = 1
    cluster_size: float = 1.0
    icc: float = 0.0
    explained: float = 0.0
    looked_at: bool = False

    def __post_init__(self) -> None:
        problems = []
        if (self.share is None) == (self.spread is None):
            problems.append("say either the control's share or a mean's spread")
        if self.share is not None and not 0 < self.share < 1:
            problems.append(f"share == {self.share:g}, must lie between 0 and 1")
        if self.spread is not None and not 1 / _LARGEST <= self.spread <= _LARGEST:
            problems.append(
                f"spread == {self.spread:g}, must be above 0, within 1e-15 and {_LARGEST:g}"
            )
        for name in ("treated_share", "level"):
            if not 0 < getattr(self, name) < 1:
                problems.append(f"{name} == {getattr(self, name):g}, must lie between 0 and 1")
        if self.comparisons < 1:
            problems.append(f"comparisons == {self.comparisons}, must be at least 1")
        if not (1 <= self.cluster_size <= _MAX_UNITS and 0 <= self.icc <= 1):
            problems.append(
                f"cluster_size must be at least 1, at most {_MAX_UNITS:,}, and icc between 0 and 1"
            )
        if not 0 <= self.explained < 1:
            problems.append(f"explained == {self.explained:g}, must be from 0 to below 1")
        if problems:
            raise InvalidInput("; ".join(problems))

    @property
    def design_effect(self) -> float:
        """How many times the people are needed because groups were drawn: 1 + (m − 1)·icc."""
        return 1 + (self.cluster_size - 1) * self.icc


@dataclass(frozen=True)
class Size:
    """A test of `people` in all: what effect it finds with which chance."""

    people: int
    treated: int
    control: int
    effect: float
    power: float


def power_for_size(design: Design, effect: float, people: int) -> Size:
    """Give the chance that the interval excludes zero, on the effect's side, if it is `effect`.

    `effect` is treated − control in the outcome's unit (0.02: two percentage points).
    """
    treated = round(people * design.treated_share)
    control = people - treated
    least = 2 * design.cluster_size
    if min(treated, control) < least:
        raise InvalidInput(
            f"{people:,} people give arms of {treated:,} and {control:,}, too few to compare",
            hint="two people, or two groups, are the least in each arm",
        )
    error = _error(design, effect, treated, control)
    level = 1 - (1 - design.level) / design.comparisons
    units = people / design.cluster_size
    if design.looked_at:
        bound = always_valid(
            0.0, 1.0, max(1, round(units)), planned_units=max(1, round(units)), level=level
        ).high
    else:
        bound = float(special.stdtrit(units - 2, (1 + level) / 2))
    return Size(people, treated, control, effect, float(special.ndtr(abs(effect) / error - bound)))


def size_for_effect(design: Design, effect: float, power: float = 0.8) -> Size:
    """Give the fewest people with whom an effect of `effect` is found with chance `power`."""
    _check_power(power)
    if effect == 0 or not abs(effect) <= _LARGEST:
        raise InvalidInput(
            f"no number of people shows an effect of {effect:g}",
            hint=f"say an effect other than 0, of at most {_LARGEST:g}",
        )
    low = high = ceil(2 * design.cluster_size / min(design.treated_share, 1 - design.treated_share))
    high += 1
    while power_for_size(design, effect, high).power < power:
        low, high = high, high * 2
        if high > _MAX_UNITS:
            raise InvalidInput(
                f"an effect of {effect:g} would need more than {_MAX_UNITS:,} people",
                hint="it is too small to be found; look for a larger one",
            )
    while high - low > 1:
        middle = (low + high) // 2
        if power_for_size(design, effect, middle).power < power:
            low = middle
        else:
            high = middle
    return power_for_size(design, effect, high)


def effect_for_size(
    design: Design, people: int, power: float = 0.8, *, falls: bool = False
) -> Size:
    """Give the smallest effect that `people` show with chance `power`; `falls` looks downwards.

    Raises `InvalidInput` where even the largest possible one would be missed.
    """
    _check_power(power)
    if design.share is None:
        most = 1e6 * (design.spread or 1.0)
    else:
        most = (design.share if falls else 1 - design.share) * (1 - 1e-9)
    sign = -1 if falls else 1
    if power_for_size(design, sign * most, people).power < power:
        raise InvalidInput(
            f"{people:,} people would miss even the largest possible effect",
            hint="more people, or an outcome that happens to more of them",
        )
    low = 0.0
    for _ in range(100):
        middle = (low + most) / 2
        if power_for_size(design, sign * middle, people).power < power:
            low = middle
        else:
            most = middle
    return power_for_size(design, sign * most, people)


def weeks_for(people: int, weekly: int) -> int:
    """Give how many whole weeks `people` take when `weekly` new ones come."""
    if weekly < 1:
        raise InvalidInput(f"weekly == {weekly}, must be at least 1")
    return ceil(people / weekly)


def _error(design: Design, effect: float, treated: int, control: int) -> float:
    """Give the standard error of the difference."""
    if design.share is not None:
        other = design.share + effect
        if not 0 <= other <= 1:
            raise InvalidInput(
                f"a share of {design.share:g} cannot change by {effect:+g}",
                hint="the effect is in the share's own unit: 0.02 is two percentage points",
            )
        of_control, of_treated = design.share * (1 - design.share), other * (1 - other)
    else:
        of_control = of_treated = (design.spread or 0.0) ** 2
    variance = of_treated / treated + of_control / control
    return sqrt(variance * design.design_effect * (1 - design.explained))


def _check_power(power: float) -> None:
    if not 0 < power < 1:
        raise InvalidInput(f"power == {power:g}, must lie between 0 and 1")
