"""What people say: surveys, how they sound, what they declare, and the two indices, by hand."""

from typing import Any

import pytest

from features.events import Event
from governance.errors import InvalidInput
from outcomes.measures.definition import Period
from tests.outcomes.conftest import answer, event, on
from tests.outcomes.measuring import (
    FIVE,
    TEN,
    Example,
    check,
    company,
    each,
    figure,
    take,
)

OWN = {"scale": [1, 5], "polarity": "high_is_good", "dimension": "emotional"}
DECLARED = (
    *("values_alignment", "perceived_value", "financial_stress", "social_connection"),
    *("social_trust", "reciprocity", "belonging", "meaning", "autonomy", "competence"),
    *("relatedness", "hedonic", "eudaimonic", "happiness", "public_trust"),
)


def answers(instrument: str, day: float, *scores: float, **more: Any) -> list[Event]:
    """Answers of c0, c1, … on one day."""
    return [answer(f"c{k}", instrument, day, s, **more) for k, s in enumerate(scores)]


CSAT = [
    *answers("csat", 150, 5, 4, 4, 3, 1),
    answer("c4", "csat", 160, 5),  # changed their mind: the newest counts
    answer("c0", "csat", 90, 1),  # before the period
    answer("c0", "csat", 200, 1),  # after it
]
NPS = answers("nps", 150, 10, 9, 9, 8, 6, 0)

EXAMPLES = {
    "csat": Example(CSAT, 4 / 5, 4, 5),
    "csat_mean": Example(CSAT, (5 + 4 + 4 + 3 + 5) / 5, 21, 5),
    # 3 promoters, 2 detractors of 6
    "nps": Example(NPS, 100 * (3 - 2) / 6, 1, 6),
    "detractors": Example(NPS, 2 / 6, 2, 6),
    "ces_effort_mean": Example(answers("ces_effort", 150, 1, 2, 2, 3, 5), 13 / 5, 13, 5),
    "ces_ease_mean": Example(answers("ces_ease", 150, 7, 6, 6, 5, 1), 25 / 5, 25, 5),
    # effort 4 and 5 of 1–5, ease 3 of 1–7 are high effort; 4 is not
    "high_effort": Example(
        [*answers("ces_effort", 150, 1, 4, 5), *answers("ces_ease", 150, 7, 7, 7, 3, 4)],
        3 / 5,
        3,
        5,
    ),
    **{
        # (1, 2, 3, 4, 5) on 1–5 is 0, 25, 50, 75, 100
        name: Example(answers(name, 150, 1, 2, 3, 4, 5, **OWN), 50.0, 250, 5)
        for name in DECLARED
    },
    **{
        # before (1, 1, 1, 1, 1), after (1, 2, 3, 4, 5) on 1–5; c9 answered once only
        f"{name}_change": Example(
            [
                *answers(name, 50, 1, 1, 1, 1, 1, **OWN),
                *answers(name, 150, 1, 2, 3, 4, 5, **OWN),
                answer("c9", name, 150, 5, **OWN),
            ],
            50.0,
            250,
            5,
        )
        for name in DECLARED
    },
    # each person's mean of 0, 50 and 100
    "social_capital": Example(
        [
            *answers("social_trust", 150, 1, 1, 1, 1, 1, 5, **OWN),
            *answers("reciprocity", 150, 3, 3, 3, 3, 3, 5, **OWN),
            *answers("belonging", 150, 5, 5, 5, 5, 5, **OWN),  # c5 left it out
        ],
        50.0,
        250,
        5,
    ),
    # six goals of five people; c0 reached one of two (named), c1 theirs (unnamed)
    "goal_achievement": Example(
        [
            *each(FIVE, "goal_set", 120, goal="save"),
            event("c0", "goal_set", 121, properties={"goal": "walk"}),
            event("c0", "goal_reached", 180, properties={"goal": "walk"}),
            event("c1", "goal_reached", 250),
        ],
        2 / 6,
        2,
        6,
    ),
    "savings": Example(
        [*each(FIVE, "savings", 150, 20.0), event("c0", "savings", 160, 50.0)], 150 / 5, 150, 5
    ),
    # before 10 each, after 20 each and 50 more of c0; c9 saved only after
    "savings_change": Example(
        [
            *each(FIVE, "savings", 50, 10.0),
            *each(FIVE, "savings", 150, 20.0),
            event("c0", "savings", 160, 50.0),
            event("c9", "savings", 160, 70.0),
        ],
        100 / 5,
        100,
        5,
    ),
    "social_impact_hours": Example(each(FIVE, "volunteered", 150, 3.0), 15.0, 15, 5),
    "social_impact_donations": Example(each(FIVE, "donated", 150, 4.0), 20.0, 20, 5),
    # ten customers active (days 95 and 190), five of them answered, and one stranger
    **{
        f"answered_{name}": Example(
            [
                *each(TEN, "order", 95, 1.0),
                *answers(name, 150, 1, 1, 1, 1, 1),
                answer("guest", name, 150, 1),
            ],
            6 / 11,
            6,
            11,
        )
        for name in ("csat", "nps", "ces_effort", "ces_ease")
    },
    # of six who answered five were active at the start; of the others five of ten: 5/6 − 5/10
    **{
        f"respondents_{name}_active_before": Example(
            [
                *each(TEN, "order", 95, 1.0),
                *each([f"new{k}" for k in range(5)], "order", 190, 1.0),
                *answers(name, 150, 1, 1, 1, 1, 1),
                answer("guest", name, 150, 1),
            ],
            5 / 6 - 5 / 10,
            5,
            6,
        )
        for name in ("csat", "nps", "ces_effort", "ces_ease")
    },
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_by_hand(name: str) -> None:
    check(name, EXAMPLES[name])


GOOD = "I love this, it is wonderful and I am very happy."
BAD = "This is terrible, I am angry and very disappointed."
FLAT = "The parcel was on the table this morning."


def said(people: tuple[str, ...], day: float, text: str) -> list[Event]:
    return [event(who, "ticket_opened", day, text=text) for who in people]


# before: five flat; after: c0-c3 flat, c4 happy and, once, angry
TEXTS = [
    *said(FIVE, 50, FLAT),
    *said(FIVE[:4], 150, FLAT),
    *said(FIVE[4:], 150, GOOD),
    *said(FIVE[4:], 160, BAD),
]


def test_positive_and_negative_language_are_shares_of_texts() -> None:
    # six texts in the period: one positive, one negative
    for name in ("positive_language", "negative_language"):
        found = figure(TEXTS, name, wellbeing=FIVE)
        assert (found.numerator, found.denominator) == (1, 6)


def test_the_sentiment_delta_is_of_the_same_people() -> None:
    # c0-c3: 0 − 0; c4: a − 0 where a is the sentiment of the happy text; the newcomer is not paired
    events = [*said(FIVE, 50, FLAT), *said(FIVE[:4], 150, FLAT), *said(FIVE[4:], 150, GOOD)]
    happy = figure(said(FIVE, 50, FLAT) + said(FIVE, 150, GOOD), "sentiment_delta", wellbeing=FIVE)
    found = figure(
        [*events, *said(("new",), 150, GOOD)], "sentiment_delta", wellbeing=(*FIVE, "new")
    )

    assert happy.value is not None
    assert found.value is not None
    assert happy.value.value > 0.5
    assert found.value.value == pytest.approx(happy.value.value / 5)


def test_sentiment_during_an_incident_is_compared_with_just_before() -> None:
    # the incident lasts from day 150 to 152, so days 148 to 150 are before
    events = [
        company("incident", 150, incident="outage"),
        company("incident", 152, incident="outage", phase="resolved"),
        *said(FIVE, 149, FLAT),
        *said(FIVE, 151, BAD),
        *said(FIVE, 147, GOOD),
    ]
    found = figure(events, "incident_sentiment", wellbeing=FIVE)

    assert found.value is not None
    assert found.value.value < -0.3
    assert found.people == 5


def test_nobodys_texts_are_judged_without_their_permission() -> None:
    # only c0-c4 permit it; the other five wrote as well
    events = said(FIVE, 150, GOOD) + said(TEN[5:], 150, BAD)
    found = figure(events, "positive_language", wellbeing=FIVE)

    assert (found.numerator, found.denominator) == (5, 5)
    assert "wellbeing_inference" in figure(events, "positive_language").note


def test_a_text_in_a_language_unknown_is_not_measured() -> None:
    events = [
        event(who, "ticket_opened", 150, text=GOOD, properties={"language": "nl"}) for who in FIVE
    ]

    assert not figure(events, "positive_language", wellbeing=FIVE).shown


def test_the_happiness_index_renormalises_what_is_missing() -> None:
    # csat 4 of 5 → 80; happiness 50; no language: (80 + 50) / 2
    events = [*CSAT, *answers("happiness", 150, 1, 2, 3, 4, 5, **OWN)]
    found = figure(events, "customer_happiness_index")

    assert found.value is not None
    assert found.value.value == pytest.approx(65.0)
    assert "without positive_language" in found.note
    assert "csat 80 %, weight 0.50" in found.note


def test_the_interval_of_an_index_is_put_together_from_its_parts() -> None:
    # MOVER: csat .8 [.3755, .9638]; happiness .5 [.00919, .99081] (t₄ = 2.7764, sd .39528);
    # half of √(.4245² + .49081²) and √(.1638² + .49081²): 65 − 32.4, 65 + 25.9
    events = [*CSAT, *answers("happiness", 150, 1, 2, 3, 4, 5, **OWN)]
    found = figure(events, "customer_happiness_index")

    assert found.value is not None
    assert (found.value.low, found.value.high) == pytest.approx((32.55, 90.87), abs=0.05)


def troubled(day: float, bad: int) -> list[Event]:
    """One month: ten people; `bad` of them are detractors, escalate, wait on and find it hard."""
    found = []
    for k, who in enumerate(TEN):
        ill = k < bad
        found.append(answer(who, "nps", day, 0 if ill else 8))
        found.append(answer(who, "ces_effort", day, 5 if ill else 1))
        found.append(event(who, "ticket_opened", day, properties={"ticket": f"{who}-{day}"}))
        if ill:
            found.append(event(who, "ticket_escalated", day, properties={"ticket": f"{who}-{day}"}))
        else:
            found.append(
                event(who, "ticket_closed", day + 1, properties={"ticket": f"{who}-{day}"})
            )
    return found


def test_the_empathy_deficit_index_measures_against_the_own_past_and_the_worst_case() -> None:
    # Twelve months at 1 of 10, then 3 of 10. Escalation: (.3 − .1) ÷ (.5 − .1) = .5; detractors,
    # high effort and unresolved: (.3 − .1) ÷ (.6 − .1) = .4; equal weights: 100 · 1.7 ÷ 4
    june = Period(on(151), on(181), "June")
    events = [e for k in range(1, 13) for e in troubled(151 - 30.3 * k + 15, 1)]
    events += troubled(160, 3)
    found = figure(events, "empathy_deficit_index", periods=[june])

    assert found.value is not None
    assert found.value.value == pytest.approx(42.5)
    assert "escalation 30 % (usually 10 %), weight 0.25" in found.note
    assert "without" in found.note


def test_fewer_than_four_parts_are_no_empathy_index() -> None:
    found = figure(troubled(150, 3), "empathy_deficit_index")

    assert not found.shown
    assert "needs 4" in found.note


def test_nps_states_its_variance() -> None:
    # (p + d − (p − d)²) ÷ n = (5/6 − 1/36) ÷ 6 = 0.134259; half width 1.95996 · 36.642
    found = figure(NPS, "nps")

    assert found.value is not None
    assert found.note.startswith("variance 0.134259")
    assert found.value.low == pytest.approx(16.6667 - 71.816, abs=1e-3)


def test_csat_on_another_scale_needs_its_threshold() -> None:
    wide = {"scale": [1, 7], "polarity": "high_is_good", "dimension": "emotional"}
    events = answers("csat", 150, *[6] * 5, **wide)
    events += [answer(f"t{k}", "csat", 150, 6, threshold=5, **wide) for k in range(6)]

    assert figure(events, "csat").people == 6


def test_answers_on_two_scales_are_not_averaged() -> None:
    wide = {"scale": [0, 100], "polarity": "high_is_good", "dimension": "emotional"}
    found = figure(
        [*answers("csat", 150, 1, 2, 3, 4, 5), answer("d", "csat", 150, 50, **wide)], "csat_mean"
    )

    assert not found.shown
    assert "2 different scales" in found.note


def test_effort_and_ease_say_which_end_is_good() -> None:
    assert "low is good" in figure([], "ces_effort_mean").definition
    assert "high is good" in figure([], "ces_ease_mean").definition


def test_a_bare_ces_is_refused() -> None:
    with pytest.raises(InvalidInput, match="two instruments"):
        take([], "ces")


def test_a_survey_figure_says_how_many_had_answered() -> None:
    events = [*each(TEN, "order", 95, 1.0), *CSAT]

    assert figure(events, "csat").note == "5 of 10 customers answered"


def test_an_instrument_of_the_companys_own_is_measured_as_it_is_found() -> None:
    scale = {"scale": [0, 10], "polarity": "high_is_good", "dimension": "social"}
    found = take(answers("calm", 150, 0, 5, 10, 5, 5, **scale)).measures
    calm = {m.name: m for m in found if "calm" in m.name}

    assert calm["calm"].value is not None
    assert calm["calm"].value.value == 50
    assert {"calm_change", "answered_calm"} <= set(calm)


def test_change_is_not_called_an_effect() -> None:
    for name in ("sentiment_delta", "meaning_change", "savings_change"):
        assert "an effect only against a holdout" in figure([], name).definition
