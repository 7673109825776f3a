"""Which language a text is in; the sentences are in `sentences.toml`."""

import tomllib
from pathlib import Path

import pytest

from features.text.language import is_english, language_of

_SENTENCES = {
    code: [line for line in lines.splitlines() if line]
    for code, lines in tomllib.loads(
        Path(__file__).with_name("sentences.toml").read_text(encoding="utf-8")
    ).items()
}


@pytest.mark.parametrize("text", _SENTENCES["en"])
def test_short_english_is_english(text: str) -> None:
    assert language_of(text) == "en"


@pytest.mark.parametrize("code", sorted(_SENTENCES.keys() - {"en"}))
def test_no_sentence_in_another_language_passes_as_english(code: str) -> None:
    assert [text for text in _SENTENCES[code] if is_english(text)] == []


def test_most_other_languages_are_named() -> None:
    named = [language_of(text) == code for code, texts in _SENTENCES.items() for text in texts]
    assert sum(named) >= 0.95 * len(named)


def test_what_has_no_letters_or_nobody_knows_is_undetermined() -> None:
    assert [language_of(text) for text in ("", "12 345", "😀", "boxy?")] == [None] * 4
