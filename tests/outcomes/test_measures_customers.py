"""Retention, revenue and customer value, each worked by hand.

Active means an order within 30 days here; the period is days 100 to 200; the horizon 60 days.
"""

import pytest

from outcomes.measures.definition import Period, Terms
from tests.outcomes.conftest import event, on
from tests.outcomes.measuring import (
    FIVE,
    SHORT,
    TEN,
    Example,
    check,
    company,
    each,
    figure,
    take,
)

# ten active at day 100; c0-c6 order again at day 190, so 7 of 10 are active at day 200
ORDERS = each(TEN, "order", 95, 10.0) + each(TEN[:7], "order", 190, 10.0)

# ten contracts of 100 a month from day 0; by day 200 two pay 50, one pays 130, two have left
PLANS = [
    *each(TEN, "plan_changed", 0, 100.0),
    *each(TEN[:2], "plan_changed", 150, 50.0),
    *each(TEN[2:3], "plan_changed", 150, 390.0, interval="quarter"),
    event("c3", "cancelled", 160, properties={"reason": "moving house"}),
    event("c4", "cancelled", 160, properties={"reason": "payment_failed"}),
]

# five come on day 110: 100 at once, c0-c2 40 more after 50 days, c0 gives 20 back; day 171 is late
COHORT = [
    *each(FIVE, "order", 110, 100.0),
    *each(FIVE[:3], "order", 160, 40.0),
    event("c0", "return", 165, 20.0),
    *each(FIVE, "order", 171, 1_000.0),
    *each(["after"], "order", 260, 1.0),
]
SPEND = [
    company("spend", 120, 600.0, category="advertising"),
    company("spend", 130, 300.0, category="wages"),
    company("spend", 140, 100.0, category="tools"),
    company("spend", 140, 9_000.0, category="rent"),  # no cost of winning customers
    company("spend", 250, 9_000.0, category="wages"),  # after the period
]

EXAMPLES = {
    # active at day 200: c0-c6 of 10 known
    "active": Example(ORDERS, 7 / 10, 7, 10),
    "retention": Example(ORDERS, 7 / 10, 7, 10),
    "churn": Example(ORDERS, 3 / 10, 3, 10),
    # of c0-c9 with a contract c3 and c4 left; c4 over a payment
    "churn_voluntary": Example(PLANS, 1 / 10, 1, 10),
    "churn_involuntary": Example(PLANS, 1 / 10, 1, 10),
    "churn_contractual": Example(PLANS, 2 / 10, 2, 10),
    # an eleventh with a contract does not count; of the ten without one, three fell silent
    "churn_noncontractual": Example(
        [*ORDERS, event("k", "plan_changed", 0, 9.0), event("k", "cancelled", 150)], 3 / 10, 3, 10
    ),
    # start 10 · 100 = 1000; contraction 2 · 50 = 100; churned 2 · 100 = 200; expansion 390/3 − 100
    "grr": Example(PLANS, (1000 - 100 - 200) / 1000, 700, 1000),
    "nrr": Example(PLANS, (1000 - 100 - 200 + 30) / 1000, 730, 1000),
    "mrr_contraction": Example(PLANS, 100 / 1000, 100, 1000),
    "mrr_churned": Example(PLANS, 200 / 1000, 200, 1000),
    "mrr_expansion": Example(PLANS, 30 / 1000, 30, 1000),
    # orders 5 · 10 less one return of 5, over 5 people
    "order_value": Example(
        [*each(FIVE, "order", 150, 10.0), event("c0", "return", 160, 5.0)], 45 / 5, 45, 5
    ),
    # c0-c4 bought for 10 each in the year before, c5-c9 for 30; c0 and c9 left: 40 of 200
    "churned_value": Example(
        [
            *each(TEN[:5], "order", 95, 10.0),
            *each(TEN[5:], "order", 95, 30.0),
            *each(TEN[1:9], "order", 190, 7.0),
        ],
        40 / 200,
        40,
        200,
    ),
    # half of 5 · 100 + 3 · 40 − 20 = 600 is margin: 300 over 5 people
    "cltv_from_acquisition": Example(COHORT, 300 / 5, 300, 5),
    # active on day 100: five; the 60 days after hold 3 · 40 = 120, half of it margin: 60 over 5
    "cltv_residual": Example(
        [
            *each(FIVE, "order", 90, 500.0),
            *each(FIVE[:3], "order", 150, 40.0),
            event("later", "order", 250, 1.0),
        ],
        60 / 5,
        60,
        5,
    ),
    "cltv_orders": Example(COHORT, 8 / 5, 8, 5),
    "cltv_order_value": Example(COHORT, 620 / 8, 620, 8),
    "cltv_repeat": Example(COHORT, 3 / 5, 3, 5),
    "cltv_returned": Example(COHORT, 20 / 620, 20, 620),
    # 600 + 300 + 100 over 5 who came
    "cac": Example([*COHORT, *SPEND], 1000 / 5, 1000, 5),
    # 60 ÷ 200
    "cltv_to_cac": Example([*COHORT, *SPEND], 60 / 200, 60, 200),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_by_hand(name: str) -> None:
    check(name, EXAMPLES[name])


# ten come on day 110 with a contract: two cancel after 20 days, one after 60, one after 120; one is
# followed for 40 days only (its contract began on day 160 and the history ends on day 200)
CONTRACTS = [
    *each(TEN[:9], "plan_changed", 110, 5.0),
    event("c9", "plan_changed", 160, 5.0),
    *each(TEN[:2], "cancelled", 130),
    *each(TEN[2:3], "cancelled", 170),
    event("other", "page_view", 200),
]
SURVIVAL = {
    # S = 8/10 after 20 days; c9 leaves the count after 40; then one of 7 leaves: 8/10 · 6/7
    "survival_30d": Example(CONTRACTS, 8 / 10, 2, 10),
    "survival_90d": Example(CONTRACTS, 8 / 10 * 6 / 7, 3, 10),
    # a year on: everyone but the three is still there on day 110 + 180 and 110 + 365
    "survival_180d": Example([*CONTRACTS[:-1], event("o", "page_view", 330)], 7 / 10, 3, 10),
}


@pytest.mark.parametrize("name", SURVIVAL)
def test_survival_of_a_cohort(name: str) -> None:
    check(name, SURVIVAL[name])


@pytest.mark.parametrize("name", ["survival_365d", "survival_730d"])
def test_survival_over_years(name: str) -> None:
    # five came 800 days before; two of them ordered every 25 days since, three fell silent
    events = each(FIVE, "order", -800, 1.0)
    for day in range(-775, 200, 25):
        events += each(FIVE[:2], "order", day, 1.0)
    period = Period(on(-801), on(-799), "long ago")

    check(name, Example(events, 2 / 5, 3, 5), periods=[period])


def test_the_interval_of_survival_is_greenwoods_on_the_log_log_scale() -> None:
    # S = 0.8 of 10; Greenwood Σ d/(n(n−d)) = 2/(10·8) = .025; se of log(−log S) = √.025 / .22314
    # = .70858; bounds .8^exp(±1.95996·.70858) = .8^4.0104, .8^0.24935
    found = figure(CONTRACTS, "survival_30d")

    assert found.value is not None
    assert (found.value.low, found.value.high) == pytest.approx((0.40869, 0.94587), abs=1e-4)


def test_without_contracts_nobody_can_leave_within_the_window() -> None:
    found = figure(ORDERS, "survival_30d", terms=SHORT._replace(active_window_days=90))

    assert not found.shown
    assert "within 90 days" in found.note


def test_someone_who_comes_back_after_a_gap_had_left() -> None:
    events = each(FIVE, "order", 110, 1.0) + each(FIVE, "order", 180, 1.0)
    found = figure(events, "survival_30d")

    assert found.value is not None
    assert found.value.value == 0


def test_a_payment_that_failed_last_makes_leaving_involuntary() -> None:
    events = [
        *each(FIVE, "order", 95, 1.0),
        event("c0", "payment_failed", 97),
        event("c1", "payment_failed", 97),
        event("c1", "payment", 98, 1.0),  # it went through after all
    ]

    assert figure(events, "churn_involuntary").numerator == 1


def test_a_yearly_plan_counts_by_the_month() -> None:
    events = [*each(FIVE, "plan_changed", 0, 1200.0, interval="year")]

    assert figure(events, "grr").denominator == 500


def test_later_money_is_discounted() -> None:
    # 100 · 0.5 at once and 110 · 0.5 after 365 days at 10 % a year: 50 + 50
    events = each(FIVE, "order", -450, 100.0) + each(FIVE, "order", -85, 110.0)
    events += each(["later"], "page_view", 0)
    terms = SHORT._replace(discount_rate=0.1, horizon_days=400)
    period = Period(on(-460), on(-440), "that month")
    found = figure(events, "cltv_from_acquisition", terms=terms, periods=[period])

    assert found.value is not None
    assert found.value.value == pytest.approx(100.0)
    assert "discount rate 0.1" in found.definition


def test_value_is_not_measured_before_the_horizon_is_over() -> None:
    found = figure(COHORT[:8], "cltv_from_acquisition", terms=SHORT._replace(horizon_days=200))

    assert not found.shown
    assert "horizon" in found.note


def test_value_is_not_measured_without_a_margin() -> None:
    found = figure(COHORT, "cltv_from_acquisition", terms=Terms(margin_share=None))

    assert found.note == "not measured: margin share is not stated"


def test_cost_says_what_it_is_made_of_and_what_is_not_recorded() -> None:
    found = figure([*COHORT, SPEND[0]], "cac")

    assert found.note == "cost of advertising; no wages or tools recorded"


def test_money_in_another_currency_is_left_out_and_said() -> None:
    events = [event(c, "order", 150, 10.0, currency="EUR") for c in FIVE]
    events += [event("c0", "order", 160, 99.0, currency="USD")]
    taken = take(events, "order_value")

    assert taken.measures[0].unit == "EUR"
    assert taken.measures[0].numerator == 50
    assert taken.notes == ("money is in EUR; 1 amounts in other currencies are left out",)
