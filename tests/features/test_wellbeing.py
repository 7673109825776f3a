"""How one person is faring: hand-worked small cases and the laws that always hold."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.events import Event, keepwell_event
from features.surveys import complete_survey
from features.wellbeing.noise import DimensionNoise, Noise, SignalNoise, noise_from_json
from features.wellbeing.scheme import Dimension, Scheme, Signal
from features.wellbeing.states import WellbeingTable, wellbeing_at
from governance.errors import InvalidInput, PermissionRefused
from tests.features.sample import EVERYONE, at, event, histories, micros, permit

PURPOSE = "wellbeing_inference"
MOOD = Dimension(
    "emotional", (Signal("asked", "survey"), Signal("words", "sentiment", weight=0.5)), weight=3
)
MONEY = Dimension("financial", (Signal("saving", "count", kinds=("savings",), low=0, high=4),))
SCHEME = Scheme("small", (MOOD, MONEY))


def noise(*, wander: float = 0.0, correlation: float = 0.0) -> Noise:
    """People differ by sd 10 around 50; an answer has noise sd 10, so one settles half."""

    def known(name: str, **own: float) -> SignalNoise:
        return SignalNoise(name, 100, 50, True, "", noise_var=100.0, **own)

    def dimension(name: str, *signals: SignalNoise) -> DimensionNoise:
        return DimensionNoise(name, True, "", 50.0, 100.0 - wander, wander, 0.9, signals)

    return Noise(
        (
            dimension(
                "emotional",
                known("pulse_emotional"),
                known("words", weight=0.5),
                known("who5", intercept=10.0, loading=0.5),
            ),
            dimension("financial", known("saving")),
        ),
        ((1.0, correlation), (correlation, 1.0)),
        50,
    )


def answer(day: float, points: float, *, instrument: str = "pulse_emotional", **own: Any) -> Event:
    scale = complete_survey({"instrument": instrument})["scale"]
    assert isinstance(scale, list)
    value = scale[0] + points / 100 * (scale[1] - scale[0])
    properties = complete_survey({"instrument": instrument})
    return event(day, "survey", value=value, properties=properties, **own)


def table(*events: Event, day: float = 100, told: Noise | None = None) -> WellbeingTable:
    return wellbeing_at(
        histories(*events), SCHEME, told or noise(), [micros(day)], permit=permit(PURPOSE)
    )


def test_one_answer_settles_half_of_what_is_open() -> None:
    """Prior 50 ± sd 10, one reading of 90 with noise sd 10: half way, variance 100 ÷ 2."""
    found = table(answer(99, 90))

    assert found.value[0, 0, 0] == pytest.approx(70)
    assert found.evidence[0, 0, 0] == pytest.approx(0.5)
    assert found.low[0, 0, 0] == pytest.approx(70 - 1.6449 * 50**0.5, abs=0.01)
    assert found.high[0, 0, 0] == pytest.approx(70 + 1.6449 * 50**0.5, abs=0.01)


def test_a_second_answer_in_another_week_adds_as_much_as_in_the_same() -> None:
    """Two readings of 80 on a state that does not wander: (2 · 80 + 50) ÷ 3."""
    same = table(answer(99, 80), answer(98.5, 80))
    apart = table(answer(99, 80), answer(50, 80))

    assert same.value[0, 0, 0] == pytest.approx(70)
    assert apart.value[0, 0, 0] == pytest.approx(70)


def test_an_old_answer_says_less_about_a_state_that_wanders() -> None:
    fresh = table(answer(99, 90), told=noise(wander=100.0))
    old = table(answer(80, 90), told=noise(wander=100.0))

    assert old.value[0, 0, 0] < fresh.value[0, 0, 0]
    assert old.high[0, 0, 0] - old.low[0, 0, 0] > fresh.high[0, 0, 0] - fresh.low[0, 0, 0]


def test_an_instrument_is_read_against_the_one_that_sets_the_scale() -> None:
    """WHO-5 of 50 points is a state of (50 − 10) ÷ 0.5 = 80, worth 0.25 of a pulse answer."""
    found = table(answer(99, 50, instrument="who5"))

    assert found.value[0, 0, 0] == pytest.approx(50 + 30 * 0.2)


def test_half_trust_takes_a_signal_as_if_twice_as_noisy() -> None:
    text = "This is wonderful, thank you so much!"
    found = table(event(99, "ticket_opened", text=text))

    assert found.evidence[0, 0, 0] == pytest.approx(1 / 3)


def test_behaviour_counts_only_where_a_person_was_seen() -> None:
    """Four savings in the newest 28 days are 100 points; nothing at all before says nothing."""
    found = table(*(event(99 - k, "savings", value=10) for k in range(4)))

    assert found.value[0, 0, 1] == pytest.approx(75)


def test_being_seen_without_saving_is_a_reading_of_none() -> None:
    found = table(event(99, "session"))

    assert found.value[0, 0, 1] == pytest.approx(25)


def test_without_signal_there_is_no_value_and_the_missing_are_named() -> None:
    found = table(event(99, "session"))

    assert np.isnan(found.value[0, 0, 0])
    assert found.coverage[0, 0, 0] == 0
    assert found.missing(0, 0) == ("emotional",)


def test_index_is_the_weighted_mean_and_missing_weight_is_shared_out() -> None:
    both = table(answer(99, 90), event(98, "session"))
    one = table(event(99, "session"))

    # the answer also shows the person: 28 days without saving, 25 points
    assert both.index[0, 0] == pytest.approx((3 * 70 + 1 * 25) / 4)
    assert one.index[0, 0] == pytest.approx(25)


def test_dimensions_that_go_together_widen_the_index() -> None:
    events = (answer(99, 90), event(98, "session"))
    apart, together = table(*events), table(*events, told=noise(correlation=0.8))

    assert together.index_high[0, 0] > apart.index_high[0, 0]


def test_an_impossible_answer_is_no_reading() -> None:
    found = table(answer(99, 900))

    assert np.isnan(found.value[0, 0, 0])


def test_low_is_good_turns_an_instrument_round() -> None:
    lonely = {"instrument": "ucla_loneliness"}
    social = Scheme("s", (Dimension("social", (Signal("asked", "survey"),)),))
    told = Noise(
        (
            DimensionNoise(
                "social", True, "", 50.0, 100.0, 0.0, 0.9,
                (SignalNoise("ucla_loneliness", 9, 9, True, "", noise_var=100.0),),
            ),
        ),
        ((1.0,),),
        9,
    )  # fmt: skip
    found = wellbeing_at(
        histories(event(99, "survey", value=9, properties=complete_survey(lonely))),
        social,
        told,
        [micros(100)],
        permit=permit(PURPOSE),
    )

    assert found.value[0, 0, 0] == pytest.approx(25)


def test_a_correction_counts_from_when_it_is_known() -> None:
    events = (
        answer(50, 90, event_id="a"),
        answer(50, 30, event_id="b", corrects="a", known=80),
    )

    assert table(*events, day=79).value[0, 0, 0] == pytest.approx(70)
    assert table(*events, day=81).value[0, 0, 0] == pytest.approx(40)


def test_using_a_right_or_being_contacted_never_touches_an_estimate() -> None:
    own = keepwell_event(
        "intervention_sent", "c0", event_id="x", occurred_at=at(99), known_at=at(99), properties={}
    )
    plain, contacted = table(answer(90, 90)), table(answer(90, 90), own)

    assert np.array_equal(plain.value, contacted.value, equal_nan=True)
    assert np.array_equal(plain.low, contacted.low, equal_nan=True)


def test_a_customer_who_does_not_permit_it_is_not_in_the_table() -> None:
    found = wellbeing_at(
        histories(answer(99, 90), answer(99, 90, customer="c1")),
        SCHEME,
        noise(),
        [micros(100)],
        permit=permit(PURPOSE, ("c1",)),
    )

    assert found.customers.tolist() == ["c1"]


def test_a_permit_of_another_purpose_is_refused() -> None:
    with pytest.raises(PermissionRefused):
        wellbeing_at(
            histories(answer(99, 90)), SCHEME, noise(), [micros(100)],
            permit=permit("risk_scoring"),
        )  # fmt: skip


def test_no_instant_is_refused() -> None:
    with pytest.raises(InvalidInput):
        wellbeing_at(histories(answer(9, 9)), SCHEME, noise(), [], permit=permit(PURPOSE))


def test_noise_is_the_same_after_writing_and_reading_it() -> None:
    assert noise_from_json(noise(wander=3, correlation=0.2).to_json()) == noise(
        wander=3, correlation=0.2
    )


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """A few readings of a few customers, some of them late."""
    found = []
    for number in range(draw(st.integers(1, 14))):
        customer = draw(st.sampled_from(EVERYONE[:3]))
        day = draw(st.integers(0, 110))
        known = day + draw(st.sampled_from([0, 0, 0, 5, 60]))
        own: dict[str, Any] = {"customer": customer, "known": known, "event_id": f"e{number}"}
        found.append(
            draw(
                st.sampled_from(
                    [
                        answer(day, 10 * (number % 11), **own),
                        answer(day, 40, instrument="who5", **own),
                        event(day, "savings", value=5, **own),
                        event(day, "review", text="not good at all 😡", **own),
                    ]
                )
            )
        )
    return found


def _same(a: WellbeingTable, i: int, b: WellbeingTable, j: int) -> bool:
    names = ("value", "low", "high", "coverage", "evidence", "index", "index_low", "index_high")
    return all(getattr(a, n)[i].tobytes() == getattr(b, n)[j].tobytes() for n in names)


@given(lives())
def test_alone_and_among_others_a_customer_gets_the_same_bits(events: list[Event]) -> None:
    instants = [micros(30), micros(100)]
    whole = wellbeing_at(
        histories(*events), SCHEME, noise(wander=40), instants, permit=permit(PURPOSE)
    )

    for k, customer in enumerate(whole.customers):
        own = histories(*(each for each in events if each.customer_id == customer))
        alone = wellbeing_at(own, SCHEME, noise(wander=40), instants, permit=permit(PURPOSE))
        assert _same(whole, k, alone, 0)


@given(lives(), st.integers(1, 100))
def test_what_is_known_later_never_changes_an_earlier_estimate(
    events: list[Event], day: int
) -> None:
    everyone = [event(0, "session", customer=c) for c in EVERYONE[:3]]
    known = [e for e in events if e.known_at < at(day) and e.occurred_at < at(day)]

    before = table(*everyone, *known, day=day, told=noise(wander=40))
    after = table(*everyone, *events, day=day, told=noise(wander=40))

    assert all(_same(before, k, after, k) for k in range(3))
