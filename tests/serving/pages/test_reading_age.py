"""Whoever is twelve can read the pages of people without a login, in both languages.

English by the grade of Flesch and Kincaid (1975), German by the first Wiener Sachtextformel
(Bamberger & Vanecek 1984); both give the year of school in which a text is understood. Twelve-year-
olds are in their sixth or seventh.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.events import KINDS
from serving.interventions.playbooks.actions import ACTIONS
from serving.pages.notice_words import all_notice_words
from serving.rights.complaints import CATEGORIES

PAGES = Path(__file__).parents[3] / "serving" / "pages"
FOLDERS = ("words", "words_of_notices", "survey_words")
GRADE, LONGEST = 6.0, 20


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)


def sentences(path: Path) -> list[list[str]]:
    """Give the words of each sentence of a file; labels without an end are none."""
    texts = [t for t in _texts(tomllib.loads(path.read_text("utf-8"))) if t.strip()[-1] in ".!?”“"]
    parts = [part for text in texts for part in re.split(r"(?<=[.!?:;])\s+|\n+", text)]
    found = [re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", part) for part in parts]
    return [words for words in found if words]


def syllables(word: str, locale: str) -> int:
    """Count groups of vowels; an English e at the end is silent."""
    if locale == "de":
        return max(1, len(re.findall(r"eu|äu|ei|ai|ie|au|aa|ee|oo|[aeiouyäöü]", word.lower())))
    spoken = re.sub(r"(?<![lctsd])(?:es|ed|e)$", "", word.lower())
    return max(1, len(re.findall(r"[aeiouy]+", spoken)))


def grade(told: list[list[str]], locale: str) -> float:
    words = [word for each in told for word in each]
    per_sentence, heard = len(words) / len(told), [syllables(word, locale) for word in words]
    if locale == "en":
        return 0.39 * per_sentence + 11.8 * sum(heard) / len(words) - 15.59
    share = 100 / len(words)
    return (
        0.1935 * share * sum(each >= 3 for each in heard)
        + 0.1672 * per_sentence
        + 0.1297 * share * sum(len(word) > 6 for word in words)
        - 0.0327 * share * sum(each == 1 for each in heard)
        - 0.875
    )


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("locale", ["en", "de"])
def test_a_twelve_year_old_can_read_it(folder: str, locale: str) -> None:
    told = sentences(PAGES / folder / f"{locale}.toml")
    assert grade(told, locale) <= GRADE
    assert [" ".join(each) for each in told if len(each) > LONGEST] == []


def test_the_measure_finds_what_lawyers_write() -> None:
    lawyers = (
        "The controller processes personal information pursuant to legitimate interests, "
        "notwithstanding statutory obligations necessitating retention of documentation."
    )
    assert grade([lawyers.split()], "en") > 15


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_language_says_the_same_things(folder: str) -> None:
    english, german = (
        tomllib.loads((PAGES / folder / f"{locale}.toml").read_text("utf-8"))
        for locale in ("en", "de")
    )
    assert _keys(english) == _keys(german)


def _keys(value: dict[str, object]) -> set[str]:
    return {
        f"{name}.{key}" if isinstance(each, dict) else name
        for name, each in value.items()
        for key in (each if isinstance(each, dict) else [""])
    }


@pytest.mark.parametrize("locale", ["en", "de"])
def test_nothing_a_person_may_meet_goes_without_a_name(locale: str) -> None:
    words = all_notice_words()[locale]
    assert set(words.kinds) >= KINDS
    assert set(words.actions) >= set(ACTIONS)
    assert set(words.topics) == set(CATEGORIES)
