"""The truth of every kind of target, worked out by hand on a few events."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.events import Event
from features.labels import Labels, label
from features.targets.declared import declare
from features.targets.target import OutsideEvent, Target
from governance.errors import ConfigurationError, InvalidInput
from governance.proof import Permit
from tests.features.sample import event, histories, micros, permit

LOST = Target("lost", "silence", horizon_days=90, horizons=(30, 60, 90), silence_days=40)
CONTRACT = Target("left", "contract", horizon_days=90, horizons=(30, 60, 90))
NEXT = Target("next", "next_need", 30, horizons=(7, 30), category="sku")
CLV = Target("clv", "clv", horizon_days=365, margin_share=0.5, discount_rate=0.1)


def ask(
    target: Target,
    *events: Event,
    as_of: float = 100,
    until: float = 1000,
    known_until: float | None = None,
    permits: Mapping[str, Permit] | None = None,
) -> Labels:
    return label(
        histories(*events),
        target,
        micros(as_of),
        observed_until=micros(until),
        known_until=None if known_until is None else micros(known_until),
        permits=permits,
    )


def at_every_horizon(found: Labels, customer: int = 0) -> list[float]:
    return [*found.nested[customer].tolist(), float(found.y[customer])]


@pytest.mark.parametrize(
    ("days", "lost"),
    [
        ((80,), [1, 1, 1]),  # lost on day 120
        ((80, 115), [0, 1, 1]),  # comes back in time, and is lost on day 155
        ((80, 120), [0, 1, 1]),  # on the last day in time
        ((80, 120.1), [1, 1, 1]),  # a moment too late: had been lost, whatever came after
        ((99, 130, 165), [0, 0, 0]),  # never 40 days without
        ((90,), [1, 1, 1]),  # lost on day 130, the end of the first horizon
        ((90.1,), [0, 1, 1]),
    ],
)
def test_silence_reaches_its_length_by_each_horizon(
    days: tuple[float, ...], lost: list[int]
) -> None:
    found = ask(LOST, *(event(day) for day in days))
    assert at_every_horizon(found) == lost
    assert found.eligible[0]


def test_those_already_silent_for_long_are_not_asked() -> None:
    assert not ask(LOST, event(60)).eligible[0]
    assert ask(LOST, event(60.1)).eligible[0]


def test_an_order_that_turned_out_to_be_none_had_not_broken_the_silence() -> None:
    taken_back = event(110, known=110, retracts="a")
    found = ask(LOST, event(50), event(99, event_id="a"), taken_back)
    assert (found.eligible[0], at_every_horizon(found)) == (True, [1, 1, 1])


@given(
    days=st.lists(st.floats(0, 200), min_size=1, max_size=12),
    silence_days=st.integers(1, 90),
    as_of=st.integers(1, 200),
)
@settings(max_examples=60, deadline=None)
def test_no_longer_horizon_ever_answers_less(
    days: list[float], silence_days: int, as_of: int
) -> None:
    target = Target("lost", "silence", horizons=(10, 30, 60, 90), silence_days=silence_days)
    found = at_every_horizon(ask(target, *(event(day) for day in days), as_of=as_of))
    assert found == sorted(found)


def test_an_event_of_ones_own_is_asked_with_its_properties() -> None:
    plus = Target("upgrade", "event", 60, event_kind="plan_changed", where=(("plan", "plus"),))
    moves = (
        event(110, "plan_changed", properties={"plan": "basic"}),
        event(150, "plan_changed", properties={"plan": "plus"}),
    )
    assert ask(plus.within(40), event(99), *moves).y[0] == 0.0
    assert ask(plus, event(99), *moves).y[0] == 1.0


@pytest.mark.parametrize(
    ("events", "ended"),
    [
        ((event(90, "renewed"),), [0, 0, 0]),
        ((event(90, "renewed"), event(140, "cancelled")), [0, 1, 1]),
        ((event(90, "renewed"), event(140, "cancelled"), event(150, "renewed")), [0, 1, 1]),
        ((event(90, "plan_changed"), event(120, "plan_changed")), [0, 0, 0]),
    ],
)
def test_a_contract_ends_when_it_is_cancelled(events: tuple[Event, ...], ended: list[int]) -> None:
    assert at_every_horizon(ask(CONTRACT, *events)) == ended


def test_only_those_with_a_contract_in_force_are_asked() -> None:
    gone = (event(10, "renewed"), event(50, "cancelled"))
    assert not ask(CONTRACT, *gone).eligible[0]
    assert not ask(CONTRACT, event(99)).eligible[0]
    assert ask(CONTRACT, *gone, event(60, "renewed")).eligible[0]


def test_a_contract_that_nobody_renews_ends_with_its_term() -> None:
    yearly = Target("left", "contract", 90, horizons=(30, 90), term_days=60)
    assert at_every_horizon(ask(yearly, event(60, "renewed"))) == [1, 1]
    assert at_every_horizon(ask(yearly, event(80, "renewed"))) == [0, 1]
    in_time = (event(60, "renewed"), event(120, "renewed"))
    assert at_every_horizon(ask(yearly, *in_time)) == [0, 1]
    assert not ask(yearly, event(30, "renewed")).eligible[0]


def why(**fields: object) -> tuple[Event, Event]:
    return event(90, "renewed"), event(140, "cancelled", properties=fields)


@pytest.mark.parametrize(
    ("events", "voluntary", "involuntary"),
    [
        (why(reason="moved"), 1.0, None),
        (why(reason="non_payment"), None, 1.0),
        ((*why(), event(139, "payment_failed")), None, 1.0),
        ((*why(reason="moved"), event(139, "payment_failed")), 1.0, None),
        ((*why(), event(138, "payment_failed"), event(139, "payment")), 1.0, None),
        ((event(90, "renewed"),), 0.0, 0.0),
    ],
)
def test_an_end_of_the_other_sort_is_censored_and_counted(
    events: tuple[Event, ...], voluntary: float | None, involuntary: float | None
) -> None:
    for reason, expected in (("voluntary", voluntary), ("involuntary", involuntary)):
        target = Target("left", "contract", 90, horizons=(30, 90), reason=reason)
        found = ask(target, *events)
        (censored,) = found.unknown
        answer = None if censored.who[0] else found.y[0]
        assert (censored.step, answer) == ("censoring", expected)


def test_the_next_order_comes_with_its_most_frequent_category() -> None:
    skus = ["tea", "cup", "cup"]
    orders = (event(99), event(120, properties={"sku": skus}), event(125, properties={"sku": "x"}))
    found = ask(NEXT, *orders, event(50, customer="c1"))
    assert at_every_horizon(found) == [0, 1]
    assert found.category is not None
    assert found.category.tolist() == ["cup", None]


def test_lifetime_value_is_the_discounted_margin_of_orders_less_returns() -> None:
    bought = (event(99, value=7.0), event(100.5, value=40.0), event(465, value=110.0))
    found = ask(CLV, *bought, event(465, "return", value=55.0))
    assert found.value is not None
    expected = 0.5 * 40 / 1.1 ** (0.5 / 365) + 0.5 * (110 - 55) / 1.1
    assert (found.y[0], found.value[0]) == (1.0, pytest.approx(expected))


def test_lifetime_value_is_what_happened_even_below_nothing() -> None:
    found = ask(CLV, event(99, value=30.0), event(100 + 365, "return", value=22.0))
    assert found.value is not None
    assert (found.y[0], found.value[0]) == (0.0, pytest.approx(-0.5 * 22 / 1.1))


def test_amounts_in_two_currencies_are_never_added_up() -> None:
    with pytest.raises(InvalidInput, match="EUR and USD"):
        ask(CLV, event(99, value=1.0, currency="EUR"), event(110, value=1.0, currency="USD"))


DECLINE = Target(
    "decline", "wellbeing_decline", 30, dimension="emotional", amount=1.0, baseline_days=28
)
SHIFT = Target("tone", "sentiment_shift", 30, amount=0.3, min_reports=2)
MAY = {"wellbeing_inference": permit("wellbeing_inference")}


def pulse(day: float, value: float, **own: object) -> Event:
    stated = {"instrument": "pulse_emotional", "dimension": "emotional", "scale": [0, 10]}
    return event(
        day,
        "survey",
        value=value,
        properties={**stated, "polarity": "high_is_good"},
        event_id=f"pulse {day}",
        **own,  # type: ignore[arg-type]
    )


def answers(*values: float, since: float, **own: object) -> list[Event]:
    return [pulse(since + k, value, **own) for k, value in enumerate(values)]


BEFORE = answers(6, 7, 8, since=90)  # mean 70 points, sample standard deviation 10


@pytest.mark.parametrize(
    ("after", "declined"),
    [((6, 6, 6), 1.0), ((6, 6, 6.1), 0.0), ((1, 1, 1), 1.0), ((9, 9, 9), 0.0)],
)
def test_a_decline_is_a_fall_in_units_of_ones_own_spread(
    after: tuple[float, ...], declined: float
) -> None:
    found = ask(DECLINE, *BEFORE, *answers(*after, since=110), permits=MAY)
    assert (found.y[0], [step.who[0] for step in found.unknown]) == (declined, [False, False])


def test_too_few_reports_before_and_no_answer_after_are_told_apart() -> None:
    silent, few = BEFORE[:2], BEFORE
    later = answers(1, 1, 1, since=110)
    early = answers(6, 7, 8, since=60)  # before the 28 days of the baseline
    for events, expected in (
        ([*silent, *later], {"reports": True, "answers": False}),
        ([*early, *later], {"reports": True, "answers": False}),
        ([*few, *later[:2]], {"reports": False, "answers": True}),
    ):
        found = ask(DECLINE, *events, permits=MAY)
        assert {step.step: bool(step.who[0]) for step in found.unknown} == expected


def test_a_constant_person_declines_by_any_fall_and_by_nothing_else() -> None:
    steady = answers(7, 7, 7, since=90)
    assert ask(DECLINE, *steady, *answers(7, 7, 7, since=110), permits=MAY).y[0] == 0.0
    assert ask(DECLINE, *steady, *answers(7, 7, 6, since=110), permits=MAY).y[0] == 1.0


def social(*values: float, since: float) -> list[Event]:
    return [
        event(
            since + k + 0.5,
            "survey",
            value=value,
            properties={
                "instrument": "pulse_social",
                "dimension": "social",
                "scale": [0, 10],
                "polarity": "high_is_good",
            },
            event_id=f"social {since + k}",
        )
        for k, value in enumerate(values)
    ]


def test_the_index_weighs_the_dimensions_that_were_answered() -> None:
    """Means 70 and 40 before, spreads 10 and 10: one report on each spreads √(10² + 10²) ÷ 2."""
    index = Target("index", "wellbeing_decline", 30, amount=1.0, baseline_days=28)
    before = [*BEFORE, *social(3, 4, 5, since=90)]
    falls = answers(5.6, 5.6, 5.6, since=110)  # 14 points of one dimension: 7 of the index
    stays = social(4, 4, 4, since=110)
    assert ask(index, *before, *falls, *stays, permits=MAY).y[0] == 0.0  # 7 < 7.07
    deeper = answers(5.5, 5.5, 5.5, since=110)
    assert ask(index, *before, *deeper, *stays, permits=MAY).y[0] == 1.0  # 7.5
    assert ask(index, *before, *falls, permits=MAY).y[0] == 1.0  # it alone: 14 of 10


def test_nothing_is_computed_of_those_who_do_not_permit_it() -> None:
    events = [*BEFORE, *answers(1, 1, 1, since=110)]
    with pytest.raises(InvalidInput, match="wellbeing_inference"):
        ask(DECLINE, *events)
    others = {"wellbeing_inference": permit("wellbeing_inference", ["c1"])}
    assert ask(DECLINE, *events, permits=others).unknown[0].who[0]


def wrote(day: float, text: str) -> Event:
    return event(day, "chat_message", text=text, event_id=f"text {day}")


def test_a_shift_of_tone_is_a_fall_of_the_mean_polarity() -> None:
    glad, angry = "This is great, thank you, I love it", "This is terrible, I hate it, awful"
    before = [wrote(90, glad), wrote(91, glad)]
    worse = ask(SHIFT, *before, wrote(110, angry), wrote(111, angry), permits=MAY)
    same = ask(SHIFT, *before, wrote(110, glad), wrote(111, glad), permits=MAY)
    assert (worse.y[0], same.y[0]) == (1.0, 0.0)


def test_a_horizon_that_overlaps_an_outside_event_is_left_out_by_its_name() -> None:
    outage = OutsideEvent("outage", micros(128), micros(131))
    shift = Target("tone", "sentiment_shift", 30, outside=(outage,))
    left_out = [
        (ask(shift, event(1), as_of=day, permits=MAY).unknown[-1].who[0]) for day in (97, 100, 131)
    ]
    assert left_out == [False, True, False]
    ignored = Target("tone", "sentiment_shift", 30, outside=(outage,), calendar="ignore")
    steps = [each.step for each in ask(ignored, event(1), permits=MAY).unknown]
    assert steps == ["reports", "answers"]


@pytest.mark.parametrize("target", [LOST, CONTRACT, NEXT, CLV])
def test_a_horizon_that_is_not_over_is_answered_by_nobody(target: Target) -> None:
    found = ask(target, event(99), event(99, "renewed"), until=100 + target.horizon_days - 0.1)
    assert np.isnan(found.y).all()
    assert np.isnan(found.nested).all()


def test_targets_say_what_their_outcome_is() -> None:
    said = {
        Target("churn").say(): "places no order within 90 days",
        LOST.say(30): "reaches 40 days without an order within 30 days",
        CONTRACT.say(1): "ends the contract within 1 day",
        NEXT.say(): "places an order within 30 days",
        Target("x", event_kind="session").say(60): "has no session within 60 days",
    }
    assert all(found == expected for found, expected in said.items())


def test_another_horizon_keeps_the_shorter_ones_that_fit() -> None:
    assert LOST.within(60).horizons == (30, 60)
    assert LOST.within(45).horizons == (30, 45)
    assert Target("churn").within(30).horizons == (30,)
    assert declare("next_need", {"horizon_days": 45}).horizons == (7, 14, 30, 45)
    for name in ("churn", "wellbeing_decline", "sentiment_shift"):
        assert declare(name, {"horizon_days": 400}).horizons == (400,)


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ({"kind": "silence"}, "silence_days must be stated"),
        ({"kind": "silence", "silence_days": 100}, "must be <= horizon_days"),
        ({"kind": "clv"}, "margin_share must be stated"),
        ({"horizons": (30, 90)}, "inactivity has one horizon"),
        ({"kind": "event", "horizons": (60, 30)}, "must ascend"),
        ({"kind": "event", "horizons": (30, 60), "horizon_days": 90}, "must end with horizon_days"),
        ({"kind": "contract", "reason": "why"}, "reason is 'why'"),
        ({"kind": "wellbeing_decline", "dimension": "moral"}, "dimension is 'moral'"),
        ({"kind": "wellbeing_decline", "min_reports": 1}, "a spread needs two"),
        ({"kind": "wellbeing_decline", "purpose": "risk_scoring"}, "needs wellbeing_inference"),
        ({"calendar": "maybe"}, "leave_out or ignore"),
    ],
)
def test_what_cannot_be_asked_is_said(stated: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        declare("x", stated)
