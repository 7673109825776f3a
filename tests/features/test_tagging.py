"""Tags in three layers, by hand; and every mistake of a rules file at once."""

import pytest

from features.text.phrases import Phrases, as_words, phrase_problem
from features.text.tagging import Rules, tag, themes_of
from features.text.tagging_file import DEFAULTS, load_rules, parse_rules
from governance.errors import ConfigurationError


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(DEFAULTS)


def test_a_complaint_is_tagged_in_three_layers(rules: Rules) -> None:
    found = tag("Frustrated! Second time I write, still waiting. I need a refund.", rules)
    assert found.tags("interaction") == ("refund_request",)
    assert "frustrated" in found.tags("emotion")
    assert found.tags("outcome") == ("unresolved", "contacted_again")


@pytest.mark.parametrize("text", ["I am frustrated", "so disappointed", "need refund"])
def test_such_phrases_raise_the_empathy_counter(rules: Rules, text: str) -> None:
    assert tag(text, rules).empathy >= 1


def test_praise_raises_no_empathy_counter(rules: Rules) -> None:
    assert tag("Thank you so much, I love it!", rules).empathy == 0


def test_each_rule_says_why_it_fired(rules: Rules) -> None:
    fired = {each.tag: each.why for each in tag("I need my refund", rules).fired}
    assert fired["refund_request"] == ("“need my refund”",)


def test_a_negated_phrase_does_not_fire(rules: Rules) -> None:
    assert tag("I do not want a refund", rules).tags("interaction") == ()


def test_phrases_of_another_language_work_where_moods_are_not_measured() -> None:
    own = parse_rules(
        '[[rule]]\nlayer = "interaction"\ntag = "refund_request"\nany = ["geld zurück"]\n'
        '[[rule]]\nlayer = "emotion"\ntag = "low"\nbelow = 1\n',
        source="own",
    )
    found = tag("Ich möchte mein Geld zurück", own)
    assert [each.tag for each in found.fired] == ["refund_request"]
    assert found.tone is None


def test_a_rule_for_one_kind_of_event_leaves_others_alone() -> None:
    own = parse_rules(
        '[[rule]]\nlayer = "outcome"\ntag = "x"\nany = ["box"]\nkinds = ["review"]\n', source="own"
    )
    assert tag("a box", own, kind="review").fired
    assert not tag("a box", own, kind="call").fired


def test_every_condition_of_a_rule_must_hold() -> None:
    own = parse_rules(
        '[[rule]]\nlayer = "outcome"\ntag = "x"\nany = ["box"]\nall = ["red", "old"]\n'
        'unless = ["blue"]\nabove = 0\n',
        source="own",
    )
    texts = ("good red old box", "good red box", "good red old blue box", "bad red old box")
    assert [bool(tag(text, own).fired) for text in texts] == [True, False, False, False]


def test_themes_are_found_negated_or_not(rules: Rules) -> None:
    assert themes_of("The parcel never arrived", rules) == ("delivery",)
    assert themes_of("No app?", rules) == ("app_and_site",)


def test_a_little_word_may_stand_within_a_phrase_and_a_star_ends_a_word() -> None:
    found = Phrases(["need refund", "deliver*"]).find(as_words("Need the refund. Delivered late"))
    assert [each.words for each in found] == ["need the refund", "delivered"]


def test_what_could_never_be_found_is_no_phrase() -> None:
    assert [bool(phrase_problem(each)) for each in ("", "a*b", "a, b", "refund*", "😡")] == [
        *(True, True, True),
        *(False, False),
    ]


def test_all_mistakes_of_a_file_are_listed_at_once_with_their_lines() -> None:
    written = """
[[rule]]
layer = "mood"
tag = "Bad Tag"
any = ["", 7]
colour = "red"

[[rule]]
layer = "outcome"
tag = "fine"

[[rule]]
layer = "emotion"
tag = "sad"
emotion = "sorrow"
at_least = 2
empathy = 9

[[theme]]
name = "x"
any = ["a"]
[[theme]]
name = "x"
any = []
"""
    with pytest.raises(ConfigurationError) as refused:
        parse_rules(written, source="own.toml")
    lines = [int(each.split(":")[0].removeprefix("line ")) for each in refused.value.problems]
    assert lines == [3, 4, 5, 5, 6, 10, 15, 16, 17, 23, 24]


@pytest.mark.parametrize("written", ["", "rule = 3", "[[rule", "[[them]]\n"])
def test_what_is_no_rules_file_is_refused(written: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_rules(written, source="own.toml")
