"""What contacting customers would be worth, by costs and margins that somebody has to state.

Of those contacted who would leave, a stated share is kept, each bringing a stated margin; every
contact costs. Nothing here is measured but who left: the rest is the company's own assumption and
printed as such. Whether contacting helps at all only an experiment can say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from features.dataset import Dataset
from governance.errors import InvalidInput
from governance.intervals import Interval
from governance.model.evaluation import Assumption, CostCurve, NetAt
from training.evaluation.resample import Ints, Vector, mean_with_interval

SHARES = tuple(k / 40 for k in range(41))
_SHOWN = tuple(k / 10 for k in range(11))
_UNSOURCED = "stated in keepwell.toml, no source given"


@dataclass(frozen=True, kw_only=True)
class Costs:
    """A company's own figures, in `currency`.

    `contact_cost`: of reaching one customer. `incentive_cost`: of what is offered, borne for the
    share `incentive_uptake` of those contacted, whether or not they would have left.
    `success_rate`: share of leavers whom a contact keeps. `margin` per kept customer; or
    `margin_feature`, a feature whose value times `margin_share` is the margin of each customer (0
    where it is missing or negative). `sources` says where a figure comes from.
    """

    contact_cost: float
    success_rate: float
    margin: float | None = None
    margin_feature: str = ""
    margin_share: float = 1.0
    incentive_cost: float = 0.0
    incentive_uptake: float = 1.0
    currency: str = "EUR"
    sources: Mapping[str, str] = field(default_factory=dict)

    def each(self) -> float:
        """What one contact costs on average, incentive included."""
        return self.contact_cost + self.incentive_uptake * self.incentive_cost

    def margins(self, rows: Dataset) -> Vector:
        """Margin of each row (n,); raises `InvalidInput` for a feature that is not there."""
        if self.margin is not None:
            return np.full(len(rows), self.margin)
        if self.margin_feature not in rows.names:
            raise InvalidInput(
                f"[costs] margin_feature names {self.margin_feature!r}, which is not among the "
                "features of these customers",
                hint="`keepwell features list` names them; or state margin",
            )
        column = rows.values[:, rows.names.index(self.margin_feature)]
        return np.maximum(np.nan_to_num(column), 0.0) * self.margin_share

    def assumptions(self) -> tuple[Assumption, ...]:
        """Every figure that was stated, with its source, for the report."""
        money = {
            "contact_cost": f"{self.contact_cost:,g} {self.currency}",
            "incentive_cost": f"{self.incentive_cost:,g} {self.currency}",
            "incentive_uptake": f"{100 * self.incentive_uptake:g} % of those contacted",
            "success_rate": f"{100 * self.success_rate:g} % of those who would leave",
        }
        if self.margin is not None:
            money["margin"] = f"{self.margin:,g} {self.currency} per customer kept"
        else:
            money["margin"] = f"{self.margin_share:g} × {self.margin_feature} of each customer"
        return tuple(
            Assumption(name, value, self.sources.get(name, _UNSOURCED))
            for name, value in money.items()
        )


@dataclass(frozen=True, eq=False)
class Margins:
    """Margins of the test rows (n,) and of the rows of the latest training cut-off (m,)."""

    test: Vector
    latest: Vector


def margins_of(costs: Costs, train: Dataset, test: Dataset) -> Margins:
    """Take the margins while every feature is still there."""
    latest = train.take(train.as_of == train.as_of.max())
    return Margins(costs.margins(test), costs.margins(latest))


def cost_curve(
    costs: Costs,
    margins: Margins,
    *,
    y: Vector,
    probability: Vector,
    rule: Vector | None,
    latest: Vector,
    groups: Ints,
) -> CostCurve:
    """Net value against the share contacted, and at the share chosen on training rows.

    `y`, `probability`, `rule` (n,): outcomes, ours and the simple rule's on the test customers;
    `latest` (m,): ours of the latest training cut-off. A customer's expected net is probability ·
    success_rate · margin − cost; customers are contacted in its order, as long as it is above
    zero. That share is fixed on the latest training cut-off and kept in the test, where the net is
    Σ (left · success_rate · margin − cost) over those contacted.
    """
    cost = costs.each()
    kept = costs.success_rate * margins.test
    net = y * kept - cost
    worth = latest * costs.success_rate * margins.latest > cost
    share = mean_with_interval(worth.astype(np.float64), np.arange(len(worth)))
    share = Interval(share.value, max(share.low, 0.0), min(share.high, 1.0))
    ours = probability * kept
    theirs = None if rule is None else rule * kept
    chosen = contacted(ours, share.value)
    total = len(y)

    def summed(rows: Vector) -> Interval:
        mean = mean_with_interval(rows, groups)
        return Interval(total * mean.value, total * mean.low, total * mean.high)

    return CostCurve(
        assumptions=costs.assumptions(),
        currency=costs.currency,
        share=share,
        net=summed(chosen * net),
        everyone=summed(net),
        over_everyone=summed((chosen - 1.0) * net),
        over_rule=None
        if theirs is None
        else summed((chosen - contacted(theirs, share.value)) * net),
        best_share=_best_share(ours, net),
        curve=tuple(
            NetAt(
                at,
                summed(contacted(ours, at) * net),
                None if theirs is None else summed(contacted(theirs, at) * net),
            )
            for at in _SHOWN
        ),
    )


def contacted(score: Vector, share: float) -> Vector:
    """How much of each row (n,) is contacted when the top `share` are: 1, 0, or in part.

    Where the cut falls among equal scores, each of them is contacted in equal part.
    """
    wanted = share * len(score)
    if wanted <= 0:
        return np.zeros(len(score))
    cut = np.sort(score)[::-1][min(int(np.ceil(wanted)), len(score)) - 1]
    above, tied = score > cut, score == cut
    part = min(max((wanted - above.sum()) / tied.sum(), 0.0), 1.0)
    return np.asarray(above + part * tied, dtype=np.float64)


def _best_share(score: Vector, net: Vector) -> Interval:
    """Share with the largest net in hindsight, and the shares that are not shown to be worse.

    A share is shown to be worse when its net lies below the best by more than 1.96 standard errors
    of the difference, √Σ net² over those contacted at one share and not at the other. (The
    bootstrap of a maximum's place does not cover; this set does.)
    """
    edges = np.round(np.asarray(SHARES) * len(score)).astype(np.int64)
    ordered = net[np.argsort(-score, kind="stable")]
    total, squares = (np.append(0.0, np.cumsum(x))[edges] for x in (ordered, ordered**2))
    best = int(np.argmax(total))
    error = np.sqrt(np.abs(squares - squares[best]))
    held = np.flatnonzero(total[best] - total <= 1.959963984540054 * error)
    return Interval(SHARES[best], SHARES[min(best, held[0])], SHARES[max(best, held[-1])])
