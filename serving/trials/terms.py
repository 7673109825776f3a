"""What money means for an experiment, every figure with where it comes from."""

from typing import NamedTuple

from governance.errors import InvalidInput
from serving.settings import CostSettings, Settings


class Assumption(NamedTuple):
    """One figure a result rests on, in words, and its source."""

    name: str
    value: str
    source: str


class MoneyTerms(NamedTuple):
    """What the company stated of its money.

    `margin_rate` (0-1) is contribution margin per unit of net sales, `incentive` what an incentive
    costs per person it was sent to, `service_cost` what one contact with service costs (a ticket, a
    call or a chat).
    """

    margin_rate: float | None
    incentive: float
    service_cost: float
    assumptions: tuple[Assumption, ...]


def money_terms(
    settings: Settings,
    *,
    margin_rate: float | None = None,
    incentive: float | None = None,
    service_cost: float | None = None,
) -> MoneyTerms:
    """Take what was stated on the spot, else what `[costs]` says; nothing is guessed.

    `[costs]` gives a margin rate where its margin is a share of a feature (`margin_feature` and
    `margin_share`). A `margin` per kept customer is no rate: it does not say over what time.
    """
    costs = settings.costs
    currency = settings.currency
    rate, rate_source = _rate(costs, margin_rate)
    if rate is not None and not 0 < rate <= 1:
        raise InvalidInput(
            f"margin rate == {rate:g}, must lie above 0 and be at most 1",
            hint="give the share of net sales that is margin, such as 0.35",
        )
    paid, paid_source = incentive, "as stated"
    if paid is None and costs is not None and costs.incentive_cost:
        paid, paid_source = costs.incentive_cost * costs.incentive_uptake, _source(
            costs, "incentive_cost", "incentive_cost × incentive_uptake of [costs]"
        )  # fmt: skip
    for name, value in (("incentive", paid), ("service cost", service_cost)):
        if value is not None and not 0 <= value < float("inf"):
            raise InvalidInput(f"{name} == {value:g}, must be 0 or more")
    assumptions = [
        Assumption(
            "margin per unit of net sales", "not stated" if rate is None else f"{rate:g}",
            rate_source,
        ),
        Assumption(
            "incentive per person it was sent to", f"{paid or 0:,.2f} {currency}",
            paid_source if paid is not None else "not stated: none",
        ),
        Assumption(
            "one contact with service (ticket, call, chat)",
            "not stated" if service_cost is None else f"{service_cost:,.2f} {currency}",
            "as stated" if service_cost is not None else "no saving is counted",
        ),
    ]  # fmt: skip
    return MoneyTerms(rate, paid or 0.0, service_cost or 0.0, tuple(assumptions))


def _rate(costs: CostSettings | None, stated: float | None) -> tuple[float | None, str]:
    if stated is not None:
        return stated, "as stated"
    if costs is not None and costs.margin_feature:
        return costs.margin_share, _source(costs, "margin_share", "margin_share of [costs]")
    return None, "state --margin-rate, or margin_feature and margin_share in [costs]"


def _source(costs: CostSettings, name: str, otherwise: str) -> str:
    return costs.sources.get(name, otherwise)
