"""What an evaluation found beyond the plain figures, as records that are written and read back.

Every figure carries its 95 % interval; what could not be measured is None and says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from governance.intervals import Interval, as_json, from_json

Outcome = Literal["propose", "keep_champion", "first"]


class Paired(NamedTuple):
    """This model minus another on the same people: in AUC above 0, in losses below 0 is better."""

    auc: Interval
    log_loss: Interval
    brier: Interval


class OtherOutcome(NamedTuple):
    """How well those are found for whom the outcome does not come true (the returners).

    `n` of them in the test; `lift_at_10`: how many times denser they are in the tenth with the
    lowest scores than in everyone.
    """

    n: int
    auc: Interval
    average_precision: Interval
    lift_at_10: Interval


class RateAt(NamedTuple):
    """Share of `n` people for whom the outcome came true, counted from the instant `as_of`."""

    as_of: str
    n: int
    rate: Interval


class Season(NamedTuple):
    """Whether the outcome is as frequent in the test as it was in training.

    `gap` is the observed minus the predicted share in the test, in shares; `shifted` says that its
    interval leaves zero out by more than the limit.
    """

    training: tuple[RateAt, ...]
    test: RateAt
    gap: Interval
    shifted: bool


class Assumption(NamedTuple):
    """A number somebody stated, and where it is said to come from."""

    name: str
    value: str
    source: str


class NetAt(NamedTuple):
    """Net value, in money for the test customers together, of contacting the top `share`."""

    share: float
    model: Interval
    rule: Interval | None


class CostCurve(NamedTuple):
    """What contacting would be worth, by the company's own figures.

    `share`: whom to contact, chosen on training rows, with the interval of that choice. The other
    figures are of the test: `net` at that share, `everyone`, and this model minus the recency rule
    at the same share (`over_rule`). `best_share` is what hindsight would have chosen.
    """

    assumptions: tuple[Assumption, ...]
    currency: str
    share: Interval
    net: Interval
    everyone: Interval
    over_everyone: Interval
    over_rule: Interval | None
    best_share: Interval
    curve: tuple[NetAt, ...]


class Segment(NamedTuple):
    """One cell of an attribute; figures are None where they are not estimable.

    `n` is None where the cell is hidden: fewer than 5 people, or the one that would give such a
    cell away by subtraction.
    """

    attribute: str
    segment: str
    n: int | None
    base_rate: Interval | None
    auc: Interval | None
    ece: Interval | None


class ChampionResult(NamedTuple):
    """This model beside the signed one on the same test rows; `reason` says why it is not."""

    model_digest: str
    difference: Paired | None
    complexity: int | None
    reason: str


class Proposal(NamedTuple):
    """Whether this model is proposed in the place of the signed one, and why.

    `complexity` counts splits of trees and bends of curves.
    """

    outcome: Outcome
    reason: str
    complexity: int

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return self._asdict()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything beyond the plain figures.

    `paired`: differences to each baseline. `other_outcome`: figures of those for whom it did not
    come true, under "model" and each baseline; empty where the outcome is rare. `costs` is None
    where none were stated. `champion` is None where nothing is signed.
    """

    paired: Mapping[str, Paired] = field(default_factory=dict)
    other_outcome: Mapping[str, OtherOutcome] = field(default_factory=dict)
    season: Season | None = None
    costs: CostCurve | None = None
    segments: tuple[Segment, ...] = ()
    champion: ChampionResult | None = None
    proposal: Proposal | None = None

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back to an equal record."""
        found: dict[str, Any] = _plain(
            {
                "paired": self.paired,
                "other_outcome": self.other_outcome,
                "season": self.season,
                "costs": self.costs,
                "segments": self.segments,
                "champion": self.champion,
                "proposal": self.proposal,
            }
        )
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Evaluation":
        """Read what `to_json` wrote."""
        season, costs, champion = found["season"], found["costs"], found["champion"]
        return cls(
            paired={name: _paired(each) for name, each in found["paired"].items()},
            other_outcome={
                name: OtherOutcome(each["n"], *_intervals(each, OtherOutcome._fields[1:]))
                for name, each in found["other_outcome"].items()
            },
            season=None if season is None else _season(season),
            costs=None if costs is None else _costs(costs),
            segments=tuple(
                Segment(
                    each["attribute"],
                    each["segment"],
                    each["n"],
                    *(from_json(each[name]) for name in ("base_rate", "auc", "ece")),
                )
                for each in found["segments"]
            ),
            champion=None if champion is None else _champion(champion),
            proposal=Proposal(**found["proposal"]) if found["proposal"] else None,
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Interval):
        return as_json(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        if names is not None:
            return {name: _plain(each) for name, each in zip(names, value, strict=True)}
        return [_plain(each) for each in value]
    return value


def _intervals(found: Mapping[str, Any], names: tuple[str, ...]) -> list[Interval]:
    return [Interval(**found[name]) for name in names]


def _paired(found: Mapping[str, Any]) -> Paired:
    return Paired(*_intervals(found, Paired._fields))


def _rate(found: Mapping[str, Any]) -> RateAt:
    return RateAt(found["as_of"], found["n"], Interval(**found["rate"]))


def _season(found: Mapping[str, Any]) -> Season:
    return Season(
        tuple(_rate(each) for each in found["training"]),
        _rate(found["test"]),
        Interval(**found["gap"]),
        found["shifted"],
    )


def _costs(found: Mapping[str, Any]) -> CostCurve:
    share, net, everyone, over_everyone, best_share = _intervals(
        found, ("share", "net", "everyone", "over_everyone", "best_share")
    )
    return CostCurve(
        assumptions=tuple(Assumption(**each) for each in found["assumptions"]),
        currency=found["currency"],
        share=share,
        net=net,
        everyone=everyone,
        over_everyone=over_everyone,
        over_rule=from_json(found["over_rule"]),
        best_share=best_share,
        curve=tuple(
            NetAt(each["share"], Interval(**each["model"]), from_json(each["rule"]))
            for each in found["curve"]
        ),
    )


def _champion(found: Mapping[str, Any]) -> ChampionResult:
    difference = found["difference"]
    return ChampionResult(
        found["model_digest"],
        None if difference is None else _paired(difference),
        found["complexity"],
        found["reason"],
    )
