"""What people write about: people counted once, small groups hidden, moods by permission."""

from collections.abc import Sequence

import pytest

from features.history import Histories
from features.text.tagging_file import parse_rules
from governance.disclosure.published import Register
from governance.errors import InvalidInput, PermissionRefused
from governance.proof import AggregatePermit
from outcomes.keywords import keywords
from outcomes.measures.definition import ALL, Period
from outcomes.themes import EMPATHY, ThemeFigure, theme_figures
from tests.features.sample import at, event, histories
from tests.features.sample import permit as allow

RULES = parse_rules(
    '[[theme]]\nname = "delivery"\nany = ["parcel*"]\n'
    '[[rule]]\nlayer = "emotion"\ntag = "sad"\nemotion = "disappointment"\nempathy = 1\n',
    source="own",
)
JANUARY = Period(at(0), at(31), "2024-01")
WRITERS = histories(
    *(event(k + 1, "review", customer=f"c{k}", text="the parcel is great") for k in range(5)),
    event(7, "review", customer="c0", text="another parcel, I am disappointed"),
    event(8, "review", customer="c5", text="I like the sofa, it is a good sofa"),
    *(event(0, "profile", customer=f"c{k}", properties={"area": "north"}) for k in range(4)),
    *(event(0, "profile", customer=f"c{k}", properties={"area": "south"}) for k in range(4, 8)),
)


def only(found: Sequence[ThemeFigure], theme: str, segment: str = ALL) -> ThemeFigure:
    (figure,) = [each for each in found if (each.theme, each.segment) == (theme, segment)]
    return figure


def test_people_count_once_of_those_who_wrote(permit: AggregatePermit) -> None:
    """Six wrote, five of them about parcels, in six texts."""
    found = only(theme_figures(WRITERS, permit, RULES, [JANUARY]), "delivery")
    assert (found.people, found.texts) == (5, 6)
    assert found.share is not None
    assert found.share.value == pytest.approx(5 / 6)


def test_mood_is_judged_only_of_who_permits_it(permit: AggregatePermit) -> None:
    without = theme_figures(WRITERS, permit, RULES, [JANUARY])
    assert only(without, "delivery").sentiment is None
    mood = allow("wellbeing_inference", [f"c{k}" for k in range(5)])
    found = only(theme_figures(WRITERS, permit, RULES, [JANUARY], wellbeing=mood), "delivery")
    assert found.measured == 5
    assert found.sentiment is not None
    assert -1 <= found.sentiment.low < found.sentiment.value < found.sentiment.high <= 1


def test_the_mood_of_fewer_than_five_is_not_shown(permit: AggregatePermit) -> None:
    mood = allow("wellbeing_inference", [f"c{k}" for k in range(4)])
    found = theme_figures(WRITERS, permit, RULES, [JANUARY], wellbeing=mood)
    assert only(found, "delivery").sentiment is None
    assert only(found, "delivery").people == 5


def test_the_empathy_counter_is_hidden_while_one_person_raised_it(permit: AggregatePermit) -> None:
    mood = allow("wellbeing_inference", [f"c{k}" for k in range(6)])
    found = theme_figures(WRITERS, permit, RULES, [JANUARY], wellbeing=mood)
    assert only(found, EMPATHY).hidden


def test_small_groups_are_hidden_and_none_follows_from_the_rest(permit: AggregatePermit) -> None:
    found = theme_figures(WRITERS, permit, RULES, [JANUARY], by="area")
    assert only(found, "delivery").people == 5
    assert only(found, "delivery", "north").hidden
    assert only(found, "delivery", "south").hidden


def test_a_property_that_no_profile_states_is_refused(permit: AggregatePermit) -> None:
    with pytest.raises(InvalidInput, match="no profile states"):
        theme_figures(WRITERS, permit, RULES, [JANUARY], by="region")


def test_a_permit_for_another_purpose_judges_no_mood(permit: AggregatePermit) -> None:
    with pytest.raises(PermissionRefused):
        theme_figures(WRITERS, permit, RULES, [JANUARY], wellbeing=allow("research_text"))


def test_what_is_not_in_the_period_is_not_counted(permit: AggregatePermit) -> None:
    later = Period(at(31), at(60), "2024-02")
    assert theme_figures(WRITERS, permit, RULES, [later]) == ()


def test_words_of_five_people_are_shown_and_of_fewer_are_not(permit: AggregatePermit) -> None:
    assert [each.words for each in keywords(WRITERS, permit, JANUARY)] == ["parcel"]


def written_by(people: int, theme: str = "parcel") -> Histories:
    return histories(
        *(
            event(k + 1, "review", customer=f"c{k}", text=f"the {theme} came")
            for k in range(people)
        ),
        *(event(20, "review", customer=f"d{k}", text="all is well") for k in range(20)),
    )


def test_one_more_who_wrote_about_a_theme_changes_nothing_yet(permit: AggregatePermit) -> None:
    register = Register(min_people=5)
    said = [
        only(theme_figures(written_by(n), permit, RULES, [JANUARY], register=register), "delivery")
        for n in (6, 7, 12)
    ]

    assert [each.people for each in said] == [6, 6, 12]
    assert [each.note for each in said] == ["", "as given", ""]


def test_a_word_is_given_as_it_was_until_five_more_wrote_it(permit: AggregatePermit) -> None:
    register = Register(min_people=5)
    said = [keywords(written_by(n), permit, JANUARY, register=register) for n in (6, 8, 13)]

    assert [each.people for words in said for each in words if each.words == "parcel"] == [6, 6, 13]
