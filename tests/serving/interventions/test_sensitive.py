"""Which features read how a person is faring, whatever they are called."""

from typing import Any

import pytest

from features.definitions import FeatureDefinition
from features.suggestions.voice import tone
from serving.interventions.playbooks.sensitive import sensitive_features


def feature(name: str = "plain", **more: Any) -> FeatureDefinition:
    return FeatureDefinition(name=name, **({"kinds": ("order",), "aggregate": "count"} | more))


def survey(instrument: str | None) -> FeatureDefinition:
    where = () if instrument is None else (("instrument", instrument),)
    return feature(kinds=("survey",), aggregate="mean", column="level", where=where)


@pytest.mark.parametrize(
    "found",
    [
        feature(purposes=("risk_scoring", "wellbeing_inference")),
        survey("pulse_financial"),
        survey("who5"),
        survey("a_question_of_our_own"),
        survey(None),
        feature(kinds=("wearable",)),
        feature(kinds=("payment_failed",)),
        feature("financial_stress_score"),
        feature("x", column="property:mood", aggregate="mean"),
        feature(where=(("topic", "loneliness"),)),
        *tone("ticket_opened"),
        feature(kinds=("stress_checkin",)),
        feature(kinds=("order", "mood-log")),
        feature(kinds=("financial_strain",)),
        feature(kinds=("survey",), where=(("dimension", "physical"),)),
        feature(
            kinds=("survey",),
            aggregate="share_where",
            where=(("dimension", "financial"), ("answer", "bad")),
        ),
        feature(kinds=("session",), aggregate="mean", column="property:heart_rate"),
        feature(kinds=("session",), aggregate="mean", column="property:sleep_hours"),
        feature(kinds=("text",), aggregate="share_where", where=(("tag", "frustrated"),)),
        feature(kinds=("text",), aggregate="share_where", where=(("tag", "Despair"),)),
        feature(kinds=("order",), where=(("note", "Schlaf"),)),
        feature(kinds=(), aggregate="function", function="own.py:of_everything"),
        feature(aggregate="function", function="own.py:debt_level"),
    ],
    ids=lambda found: f"{found.name} {dict(found.where)}",
)
def test_it_reads_how_people_fare(found: FeatureDefinition) -> None:
    parts = [feature(name) for name in found.of]

    assert found.name in sensitive_features([*parts, found])


@pytest.mark.parametrize(
    "found",
    [
        feature("order_count_90d"),
        survey("csat"),
        survey("nps"),
        survey("ces_effort"),
        feature("survey_count_90d", kinds=("survey",)),
        feature("days_since_last_order", aggregate="days_since_last"),
        feature("orders_by_function", aggregate="function", function="own.py:orders"),
        feature("constraint_count", where=(("reason", "impulse"), ("size", "optimiser"))),
    ],
    ids=lambda found: f"{found.name} {dict(found.where)}",
)
def test_it_does_not(found: FeatureDefinition) -> None:
    assert sensitive_features([found]) == ()


def test_what_is_made_of_one_reads_it_too() -> None:
    mood = FeatureDefinition(name="a", kinds=("wearable",), aggregate="mean", column="value")
    ratio = FeatureDefinition(name="r", kinds=(), aggregate="ratio", of=("a", "b"))
    again = FeatureDefinition(name="s", kinds=(), aggregate="difference", of=("b", "r"))

    assert sensitive_features([again, ratio, feature("b"), mood]) == ("s", "r", "a")
