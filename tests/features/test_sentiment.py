"""How texts sound, by hand and against twenty human raters each."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.text.lexicon import english
from features.text.sentiment import Tone, scorer_version, sentiment, tones, weigh
from features.text.tokens import MAX_CHARACTERS, clean


def tone(text: str) -> Tone:
    found = tones([text])[0]
    assert found is not None
    return found


def polarity(text: str) -> float:
    return tone(text).polarity


def test_nothing_to_say_is_not_measured() -> None:
    assert sentiment([None, "", "  ", "<br/>", "\x00\x01", "12345", "!!!"]) == [None] * 7


def test_tone_has_its_sign() -> None:
    assert polarity("I love it, great!") > 0.5
    assert polarity("terrible, I hate it") < -0.5
    assert polarity("it is a box") == 0.0


def test_negation_turns_a_word() -> None:
    assert polarity("I am not happy with this") < 0 < polarity("I am happy with this")
    assert polarity("The parcel was not bad at all") > 0


def test_negation_ends_with_the_thought() -> None:
    assert polarity("No. It was good.") > 0


def test_intensifiers_bend_a_word() -> None:
    assert polarity("really good") > polarity("good") > polarity("slightly good") > 0


def test_capitals_and_exclamation_marks_count() -> None:
    assert polarity("I LOVE it") > polarity("I love it")
    assert polarity("I love it!!!") > polarity("I love it")


def test_what_follows_but_weighs_more() -> None:
    assert polarity("It was good, but the delivery was terrible") < 0


def test_praise_and_blame_together_are_intense_and_not_polar() -> None:
    found = tone("I love the colours and I hate the smell")
    assert abs(found.polarity) < 0.2
    assert found.intensity > 0.6


def test_emoji_speak_in_any_language() -> None:
    happy, unhappy, danke = sentiment(["👍", "😡😡", "Danke :)"])
    assert happy is not None
    assert unhappy is not None
    assert danke is not None
    assert danke > 0
    assert happy > 0 > unhappy


def test_like_and_kind_of_are_no_praise() -> None:
    assert polarity("It looks like a box, a kind of carton") == 0.0


def test_an_unknown_form_is_found_by_its_stem() -> None:
    assert [each.words for each in weigh("it crashingly happened", english())] == ["crashingly"]


def test_another_language_is_not_measured() -> None:
    assert (
        sentiment(["Das Paket kam kaputt an.", "Merci beaucoup", "注文はどこですか"]) == [None] * 3
    )


def test_markup_addresses_and_names_are_no_words() -> None:
    assert (
        clean("<p>I&amp;#39;m &lt;glad&gt; @someone https://bad.example/terrible\x07</p>") == "I'm"
    )


def test_a_long_text_is_judged_by_its_beginning() -> None:
    assert polarity("it is good. " + "and that is the box " * 200 + "terrible") > 0


@given(st.text(max_size=300))
def test_any_text_is_bounded_or_not_measured(text: str) -> None:
    found = tones([text])[0]
    assert found is None or (-1 <= found.polarity <= 1 and 0 <= found.intensity <= 1)


@given(st.text(alphabet="<>&;#ab !", max_size=300))
def test_broken_markup_is_cleaned_within_bounds(text: str) -> None:
    assert len(clean(text)) <= MAX_CHARACTERS


def test_rules_and_lists_are_named() -> None:
    assert scorer_version().startswith("rules-2/english-")


@pytest.mark.parametrize(
    ("name", "vader"),
    [
        ("tweets_GroundTruth", 0.872),
        ("amazonReviewSnippets_GroundTruth", 0.590),
        ("movieReviewSnippets_GroundTruth", 0.427),
        ("nytEditorialSnippets_GroundTruth", 0.503),
    ],
)
def test_agrees_with_human_raters_at_least_as_well_as_vader(
    data_dir: Callable[[str], Path], name: str, vader: float
) -> None:
    """Texts that are not measured count as neutral, as they do for VADER."""
    path = data_dir("vader_sentiment") / f"{name}.txt"
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    rows = [line.split("\t") for line in lines if line.strip()]
    found = np.array([x or 0.0 for x in sentiment([row[2] for row in rows])])
    assert round(float(np.corrcoef(found, [float(row[1]) for row in rows])[0, 1]), 3) >= vader
