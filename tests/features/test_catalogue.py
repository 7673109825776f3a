"""The suggested catalogue: wide, in plain words, and never made of what it must not see."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from features.catalogue import catalogue
from features.definition_checks import check_definitions
from features.definitions import AGGREGATES, DERIVED, FeatureDefinition, meaning, sentence
from features.events import Event
from features.kernel import compute
from features.suggestions.profile import related
from tests.features.sample import event, histories, micros, permits

PEOPLE = 24
ONE_EACH: Mapping[str, Mapping[str, Any]] = {
    "payment": {"value": 10.0, "properties": {"method": "card"}},
    "return": {"value": 5.0},
    "payment_failed": {},
    "page_view": {"properties": {"page": "help"}},
    "search": {},
    "cart": {"value": 3.0},
    "ticket_opened": {"text": "please help", "properties": {"topic": "delivery"}},
    "ticket_escalated": {},
    "ticket_closed": {},
    "survey": {"value": 3.0, "properties": {"instrument": "csat", "scale": [1, 5]}},
    "chat_message": {"text": "hello"},
    "email_delivered": {},
    "email_opened": {},
    "email_clicked": {},
    "email_bounced": {},
    "unsubscribed": {},
    "spam_complaint": {},
    "call": {},
}


def usual_company() -> list[Event]:
    """Give two days of everything a shop with an app and a help desk records, for 24 people."""
    found = []
    for person in range(PEOPLE):
        who = f"c{person:02}"
        for day in (10.0, 20.0):
            at = day + person / 100
            found += [
                event(at + k / 10, kind, customer=who, **own)
                for k, (kind, own) in enumerate(ONE_EACH.items())
            ]
            device = "app" if person % 3 else "web"
            found += [
                event(at, customer=who, value=10.0, properties={"sku": ["a", "b"], "items": 2}),
                event(at, "session", customer=who, properties={"device": device}),
            ]
        charges = {"MonthlyCharges": 20.5 + person, "TotalCharges": 99.5 + person, "tenure": person}
        found += [
            event(1, "profile", customer=who, properties={"plan": "plus", **charges}),
            event(1, "joined", customer=who),
            event(30, "consent_changed", customer=who, event_id="x"),
            event(30, "intervention_sent", customer=who, event_id="y"),
        ]
    return found


COMPANY = histories(*usual_company())
CATALOGUE = catalogue(COMPANY, timezone="Europe/Berlin")
BY_NAME = {each.name: each for each in CATALOGUE}


def test_a_company_with_the_usual_kinds_is_offered_over_a_hundred_features() -> None:
    assert len(CATALOGUE) >= 100
    assert len(BY_NAME) == len(CATALOGUE)


def test_every_aggregate_but_own_functions_is_put_to_use() -> None:
    assert {each.aggregate for each in CATALOGUE} == set(AGGREGATES) - {"function"}


def test_nothing_is_wrong_with_the_catalogue() -> None:
    assert check_definitions(CATALOGUE, COMPANY) == ()


def test_windows_and_half_lives_stand_in_the_names() -> None:
    for each in CATALOGUE:
        if each.window_days is not None:
            assert f"_{each.window_days}d" in each.name
        if each.aggregate.startswith("decayed"):
            assert f"_{each.parameter:.0f}d" in each.name


def test_rights_consents_and_interventions_feed_nothing() -> None:
    forbidden = re.compile("consent|rights|intervention|unsubscribed|spam")
    assert not [each.name for each in CATALOGUE if forbidden.search(each.name)]
    assert not [kind for each in CATALOGUE for kind in each.kinds if forbidden.search(kind)]


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.25, 1.0, 3.0])
def test_every_feature_can_be_said(value: float) -> None:
    for each in CATALOGUE:
        assert each.text
        assert not re.search(r"[{}]|  |nan", sentence(each, value)), each.name
        assert not re.search(r"[{}]", meaning(each)), each.name


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("days_since_last_order", 1.0, "last order was 1 day ago"),
        (
            *("order_trend_30d", -0.4),
            "orders in the last 30 days: fewer than in the 30 days before (-0.4, from -1 to 1)",
        ),
        (
            *("order_weekday_mode_365d", 4.0),
            "orders in the last 365 days fall most often on a Friday",
        ),
        (
            *("session_device_app_share_365d", 0.5),
            "50 % of sessions in the last 365 days have app as device",
        ),
        (
            *("survey_csat_level_delta_90d", -0.25),
            "answers to csat in the last 90 days were 0.25 lower than in the 90 days before "
            "(from 0 to 1)",
        ),
        (
            *("survey_csat_level_decayed_less_own_in_std", -1.5),
            "latest answers to csat were 1.5 lower than their own average, in units of their usual "
            "spread",
        ),
        (
            *("survey_csat_level_mean_30d_less_own", 0.25),
            "answers to csat in the last 30 days were 0.25 higher than their own average",
        ),
        (
            *("chat_message_sentiment_last_less_own", -0.5),
            "tone of the latest of chat messages was 0.5 lower than their own average",
        ),
        (
            *("cart_abandoned_count_30d", 2.0),
            "filled carts without an order within a day in the last 30 days: 2",
        ),
        (
            *("order_value_30d_share_of_365d", 0.2),
            "20 % of the amount of orders of the last 365 days falls in the last 30",
        ),
        ("profile_TotalCharges_per_tenure", 61.5, "Total Charges is 62 for each unit of tenure"),
        ("days_since_last_joined", 7.0, "last joined event was 7 days ago"),
    ],
)  # fmt: skip
def test_sentences(name: str, value: float, said: str) -> None:
    assert sentence(BY_NAME[name], value) == said


def test_tone_and_what_is_made_of_it_need_their_own_permission() -> None:
    special = {each.name for each in CATALOGUE if "wellbeing_inference" in each.purposes}
    assert special
    assert special == {each.name for each in CATALOGUE if "sentiment" in each.name}


def test_where_a_person_stands_to_their_own_level_is_worked_out() -> None:
    """Answers 0.2, 0.6 and 1.0 of the scale: mean 0.6, spread 0.4; the newest lies 1 above."""
    scale = {"instrument": "csat", "scale": [1, 6]}
    told = histories(
        *(
            event(day, "survey", value=value, properties=scale, event_id=f"s{day}")
            for day, value in ((10, 2.0), (20, 4.0), (100, 6.0))
        )
    )
    definitions = catalogue(told)
    row = compute(told, definitions, [micros(101)], permits=permits()).values[0]
    found = {each.name: value for each, value in zip(definitions, row, strict=True)}
    weights = [0.5 ** ((101 - day) / 14) for day in (10, 20, 100)]
    newer = sum(w * x for w, x in zip(weights, (0.2, 0.6, 1.0), strict=True)) / sum(weights)
    own = "survey_csat_level"
    assert found[f"{own}_mean_30d_less_own"] == pytest.approx(1.0 - 0.6)
    assert found[f"{own}_decayed_mean_14d"] == pytest.approx(newer)
    assert found[f"{own}_decayed_less_own_in_std"] == pytest.approx((newer - 0.6) / 0.4)


def test_struggles_are_measured_with_their_time_limits() -> None:
    limits = {
        name: (BY_NAME[f"{name}_count_90d"].aggregate, BY_NAME[f"{name}_count_90d"].parameter)
        for name in (
            *("cart_abandoned", "search_dead_end", "search_repeated"),
            *("payment_failed_retried", "ticket_unresolved"),
        )
    }
    assert limits == {
        "cart_abandoned": ("unanswered", 1.0),
        "search_dead_end": ("unanswered", 1 / 24),
        "search_repeated": ("repeats", 1 / 24),
        "payment_failed_retried": ("repeats", 1 / 24),
        "ticket_unresolved": ("unanswered", 7.0),
    }


def test_habits_are_read_from_the_clocks_of_the_home() -> None:
    assert BY_NAME["order_hour_mode_365d"].column == "hour:Europe/Berlin"


def test_where_only_dates_are_known_no_hour_is_asked_for() -> None:
    found = catalogue(histories(event(1), event(2), event(3)))
    names = {each.name for each in found}
    assert "order_weekday_mode_365d" in names
    assert not {name for name in names if "hour" in name}


def test_a_value_that_few_people_have_never_becomes_a_feature() -> None:
    words = ["common"] * 10 + ["rare"] * 4
    events = [
        event(1, "session", customer=f"c{k}", properties={"via": word})
        for k, word in enumerate(words)
    ]
    shares = [each.where for each in catalogue(histories(*events)) if each.where]
    assert shares == [(("via", "common"),)]


def test_what_happens_once_to_everyone_is_asked_only_how_long_ago() -> None:
    assert [each.name for each in CATALOGUE if each.kinds == ("joined",)] == [
        "days_since_last_joined"
    ]


def names_of(*properties: str) -> dict[str, FeatureDefinition]:
    return {each.name: each for each in related(list(properties))}


def test_totals_are_set_in_proportion_to_time_and_rates() -> None:
    found = names_of("MonthlyCharges", "TotalCharges", "tenure")
    assert {each.of for each in found.values()} == {
        ("profile_TotalCharges", "profile_MonthlyCharges"),
        ("profile_TotalCharges", "profile_tenure"),
    }


def test_amounts_of_one_unit_add_up_and_each_is_a_share_of_the_sum() -> None:
    found = names_of("day_minutes", "night_minutes", "messages")
    assert found["profile_minutes_total"].aggregate == "total"
    share = found["profile_day_minutes_share_of_minutes"]
    assert share.of == ("profile_day_minutes", "profile_minutes_total")
    assert not [each for each in found.values() if "profile_messages" in each.of]


def test_the_order_of_customers_does_not_change_the_catalogue() -> None:
    turned = histories(*reversed(usual_company()))
    assert [e.to_json() for e in catalogue(turned)] == [e.to_json() for e in catalogue(COMPANY)]


def test_derived_features_are_made_of_features_of_the_catalogue() -> None:
    derived = [each for each in CATALOGUE if each.aggregate in DERIVED]
    assert len(derived) >= 10
    assert all(set(each.of) <= set(BY_NAME) for each in derived)
