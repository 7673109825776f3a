"""How well amounts and categories were foreseen: plain records for model card and audit report.

All intervals are 95 %, on people and a time that training never saw; differences are paired on the
same people, ours minus the simpler rule, so below 0 is better for an error or a loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.intervals import Interval, as_json, from_json


@dataclass(frozen=True)
class ValueErrors:
    """How far one forecast of amounts was off, in the home's currency.

    `mae` and `rmse`: mean absolute and root mean squared error. `bias`: expected ÷ actual total −
    1. `top_tenth`: mean actual amount among the tenth with the highest forecast ÷ mean of all, 1 is
    chance. `gini`: how far the order of the forecasts gathers the money, 0 is chance, 1 is the true
    order. None where the actual total is not above 0.
    """

    mae: Interval
    rmse: Interval
    bias: Interval | None
    top_tenth: Interval | None
    gini: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back."""
        return {
            "mae": self.mae.to_json(),
            "rmse": self.rmse.to_json(),
            "bias": as_json(self.bias),
            "top_tenth": as_json(self.top_tenth),
            "gini": as_json(self.gini),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "ValueErrors":
        """Read what `to_json` wrote."""
        return cls(
            _interval(found["mae"]),
            _interval(found["rmse"]),
            from_json(found["bias"]),
            from_json(found["top_tenth"]),
            from_json(found["gini"]),
        )


@dataclass(frozen=True)
class ValueResult:
    """Expected amounts against what `n` people then brought; `with_event` of them had the event.

    `mean`: the actual amount per person, those without the event included. `method`: what says the
    amount (trees, own_rule, mean). `coverage`: share of people whose amount lay in their 90 %
    interval. `mae_differences`, `rmse_differences`: ours − each baseline.
    """

    n: int
    with_event: int
    mean: Interval | None
    method: str
    ours: ValueErrors
    coverage: Interval
    baselines: Mapping[str, ValueErrors]
    mae_differences: Mapping[str, Interval]
    rmse_differences: Mapping[str, Interval]

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back."""
        return {
            "n": self.n,
            "with_event": self.with_event,
            "mean": as_json(self.mean),
            "method": self.method,
            "ours": self.ours.to_json(),
            "coverage": self.coverage.to_json(),
            "baselines": {name: each.to_json() for name, each in self.baselines.items()},
            "mae_differences": _plain(self.mae_differences),
            "rmse_differences": _plain(self.rmse_differences),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "ValueResult":
        """Read what `to_json` wrote."""
        return cls(
            n=found["n"],
            with_event=found["with_event"],
            mean=from_json(found["mean"]),
            method=found["method"],
            ours=ValueErrors.from_json(found["ours"]),
            coverage=_interval(found["coverage"]),
            baselines={k: ValueErrors.from_json(v) for k, v in found["baselines"].items()},
            mae_differences=_intervals(found["mae_differences"]),
            rmse_differences=_intervals(found["rmse_differences"]),
        )


@dataclass(frozen=True)
class CategoryErrors:
    """How often one forecast named the category, and its log loss.

    `top_1`, `top_3`: share of people whose category was the likeliest, or among the three
    likeliest. `log_loss`: mean of −log of the probability given to what came.
    """

    top_1: Interval
    top_3: Interval
    log_loss: Interval

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back."""
        return {
            "top_1": self.top_1.to_json(),
            "top_3": self.top_3.to_json(),
            "log_loss": self.log_loss.to_json(),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "CategoryErrors":
        """Read what `to_json` wrote."""
        return cls(*(_interval(found[name]) for name in ("top_1", "top_3", "log_loss")))


@dataclass(frozen=True)
class CategoryResult:
    """Named categories against what `n` people with the event then took.

    `categories`: how many are told apart. `method`: what says them (trees, own_shares, shares).
    `differences`: log loss of ours − that of each baseline.
    """

    n: int
    categories: int
    method: str
    ours: CategoryErrors
    baselines: Mapping[str, CategoryErrors]
    differences: Mapping[str, Interval]

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back."""
        return {
            "n": self.n,
            "categories": self.categories,
            "method": self.method,
            "ours": self.ours.to_json(),
            "baselines": {name: each.to_json() for name, each in self.baselines.items()},
            "differences": _plain(self.differences),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "CategoryResult":
        """Read what `to_json` wrote."""
        return cls(
            n=found["n"],
            categories=found["categories"],
            method=found["method"],
            ours=CategoryErrors.from_json(found["ours"]),
            baselines={k: CategoryErrors.from_json(v) for k, v in found["baselines"].items()},
            differences=_intervals(found["differences"]),
        )


def _interval(found: Mapping[str, float]) -> Interval:
    return Interval(found["value"], found["low"], found["high"])


def _plain(found: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {name: each.to_json() for name, each in found.items()}


def _intervals(found: Mapping[str, Mapping[str, float]]) -> dict[str, Interval]:
    return {name: _interval(each) for name, each in found.items()}
