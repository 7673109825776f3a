"""Named emotions, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.text.emotions import EMOTIONS, PRESENT, emotions, emotions_version


def strength(text: str, emotion: str) -> float:
    return float(emotions([text])[0, EMOTIONS.index(emotion)])


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I am really frustrated, this is the second time and nobody helps.", "frustration"),
        ("I don't understand this invoice, it makes no sense.", "confusion"),
        ("I am worried that I can't pay this month.", "anxiety"),
        ("Very disappointed, not what I ordered.", "disappointment"),
        ("I love it, it made my day!", "delight"),
        ("Thank you so much for the kind help.", "gratitude"),
    ],
)
def test_each_emotion_is_found_in_its_own_words_and_leads(text: str, emotion: str) -> None:
    found = emotions([text])[0]
    assert EMOTIONS[int(found.argmax())] == emotion
    assert found.max() >= PRESENT


def test_two_phrases_say_more_than_one() -> None:
    """fed up 0.9 and annoyed 0.6: 1 − 0.1 · 0.4 = 0.96."""
    assert strength("I am fed up and annoyed", "frustration") == 0.96


def test_an_intensifier_says_more() -> None:
    """really annoyed: 0.6 · 1.25."""
    assert strength("I am really annoyed", "frustration") == 0.75


def test_a_negated_emotion_does_not_count() -> None:
    assert strength("I am not frustrated at all", "frustration") == 0.0


def test_not_happy_is_disappointment_and_no_delight() -> None:
    assert strength("I am not happy", "disappointment") == 0.6
    assert strength("I am not happy", "delight") == 0.0


def test_no_sign_is_zero_and_not_measured_is_missing() -> None:
    assert emotions(["The box is on the table."]).tolist() == [[0.0] * 6]
    assert np.isnan(emotions([None, "", "Ich bin sehr enttäuscht von der Qualität."])).all()


def test_lists_are_named_by_their_content() -> None:
    assert emotions_version().startswith("emotions-")


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_text_is_bounded_or_not_measured(texts: list[str]) -> None:
    found = emotions(texts)
    assert found.shape == (len(texts), 6)
    assert ((found >= 0) & (found <= 1) | np.isnan(found)).all()
