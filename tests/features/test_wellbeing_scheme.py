"""A company's own way of looking at well-being: what may be changed, and every mistake told."""

import tomllib

import pytest

from features.wellbeing.scheme import FIVE, PERMA
from features.wellbeing.settings import parse_scheme
from governance.errors import ConfigurationError


def test_nothing_stated_is_the_five_dimensions() -> None:
    assert parse_scheme({}) == FIVE


def test_perma_is_ready_made() -> None:
    assert parse_scheme({"scheme": "perma"}) == PERMA
    assert PERMA.names == (
        *("positive_emotion", "engagement", "relationships", "meaning", "accomplishment"),
    )


def test_weights_are_explained_in_words() -> None:
    scheme = parse_scheme({"weights": {"financial": 2}})

    assert scheme.shares["financial"] == pytest.approx(2 / 6)
    assert scheme.explain().startswith("index = 17 % emotional, 33 % financial")


def test_weight_0_leaves_a_dimension_out() -> None:
    assert "physical" not in parse_scheme({"weights": {"physical": 0}}).names


def test_a_changed_signal_keeps_what_is_not_stated() -> None:
    scheme = parse_scheme({"signals": {"physical": {"sleep_score": {"weight": 0.5}}}})

    physical = next(each for each in scheme.dimensions if each.name == "physical")
    sleep = next(each for each in physical.signals if each.name == "sleep_score")
    assert (sleep.weight, sleep.source, sleep.kinds) == (0.5, "value", ("wearable",))


def test_a_company_adds_a_signal_and_a_dimension() -> None:
    scheme = parse_scheme(
        tomllib.loads(
            """
            [signals.purposeful.volunteering]
            source = "count"
            kinds = ["volunteered"]
            high = 2
            [signals.housing.asked]
            source = "survey"
            instruments = ["housing_pulse"]
            """
        )
    )

    assert scheme.names[-1] == "housing"
    purposeful = next(each for each in scheme.dimensions if each.name == "purposeful")
    assert purposeful.signals[-1].kinds == ("volunteered",)


def test_every_mistake_is_told_at_once() -> None:
    found = tomllib.loads(
        """
        scheme = "six"
        min_evidence = 2
        colour = "blue"
        [weights]
        finance = 1
        emotional = -1
        [signals.social.visits]
        source = "guess"
        [signals.social.calls]
        source = "count"
        low = 3
        high = 3
        [signals.physical.contacted]
        source = "count"
        kinds = ["intervention_sent"]
        weight = 1.5
        """
    )

    with pytest.raises(ConfigurationError) as told:
        parse_scheme(found)

    said = "\n".join(told.value.problems)
    for part in (
        "colour is unknown",
        "scheme is 'six'",
        "min_evidence == 2, must be within 0-1",
        "weights.finance is unknown",
        "weights.emotional == -1, must be >= 0",
        "signals.social.visits.source is 'guess'",
        "signals.social.calls.kinds must name",
        "signals.social.calls: low and high are both 3",
        "intervention_sent is Keepwell's own",
        "signals.physical.contacted.weight == 1.5",
    ):
        assert part in said
    assert len(told.value.problems) == 10


def test_a_reserved_kind_is_never_a_signal_however_it_is_spelt() -> None:
    with pytest.raises(ConfigurationError):
        parse_scheme(
            {"signals": {"social": {"x": {"source": "count", "kinds": ["Consent_Changed"]}}}}
        )
