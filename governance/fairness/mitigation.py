"""What was tried against a gap between groups, what it changed and what it cost."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from governance.intervals import Interval, as_json, from_json


class GapChange(NamedTuple):
    """A gap between two groups before and after; None where too few people are in either.

    `change` is |after| − |before| on the same people, below 0 the gap has narrowed. Which pair of
    groups is told of was settled on training rows.
    """

    attribute: str
    group: str
    reference: str
    measure: str
    before: Interval | None
    after: Interval | None
    change: Interval | None


class Mitigation(NamedTuple):
    """One way of narrowing gaps, held against the plain model on the same test people.

    `ships`: whether the model of this report is the mitigated one. Costs are mitigated minus
    plain: `auc` and `log_loss` (None where it gives no scores of its own), `lift` of those
    selected. `selected_before` and `selected_after` are shares of everyone in the test. `note`
    says what it would take, or why it does not ship.
    """

    method: str
    constraint: str
    ships: bool
    gaps: tuple[GapChange, ...]
    selected_before: float
    selected_after: float
    auc: Interval | None
    log_loss: Interval | None
    lift: Interval | None
    note: str

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON; intervals as value, low, high."""
        costs = {name: as_json(getattr(self, name)) for name in _COSTS}
        return self._asdict() | costs | {"gaps": [_gap(each) for each in self.gaps]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Mitigation":
        """Read what `to_json` wrote."""
        costs = {name: from_json(plain[name]) for name in _COSTS}
        gaps = tuple(
            GapChange(**{**each, **{name: from_json(each[name]) for name in _GAPS}})
            for each in plain["gaps"]
        )
        return cls(**{**plain, **costs, "gaps": gaps})


_COSTS = ("auc", "log_loss", "lift")
_GAPS = ("before", "after", "change")


def _gap(found: GapChange) -> dict[str, Any]:
    return found._asdict() | {name: as_json(getattr(found, name)) for name in _GAPS}
