"""The page where one question is answered: a button per answer, and nothing about whoever reads it.

The words are files in `survey_words/`, one per language, each with the same keys.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from serving.bootstrap import Keepwell
from serving.interventions.playbooks.question import Question
from serving.interventions.surveys.answers import LONGEST_COMMENT, Answered, takes_comments
from serving.pages.public import Address, render_public

_FOLDER = Path(__file__).parent / "survey_words"


class SurveyWords(NamedTuple):
    """The words of one language: those of the page, and of each known instrument."""

    locale: str
    page: Mapping[str, str]
    questions: Mapping[str, Mapping[str, str]]


class Button(NamedTuple):
    """One answer: its number and what it is called to those who hear the page."""

    answer: int
    name: str


@cache
def survey_words() -> Mapping[str, SurveyWords]:
    """Read every language there is."""
    return {
        path.stem: SurveyWords(path.stem, **tomllib.loads(path.read_text(encoding="utf-8")))
        for path in sorted(_FOLDER.glob("*.toml"))
    }


def words_for(locales: Sequence[str]) -> SurveyWords:
    """Give the first language of `locales` there is, else English."""
    known = survey_words()
    wanted = (known.get(each.split("-")[0].lower()) for each in locales)
    return next((each for each in wanted if each is not None), known["en"])


def render_survey(
    keepwell: Keepwell,
    locales: Sequence[str],
    question: Question,
    *,
    token: str,
    lang: str,
    answer: int | None = None,
    answered: Answered | None = None,
) -> str:
    """Write the question with its buttons; after an answer what became of it, to be changed."""
    words = words_for(locales)
    return render_public(
        keepwell,
        locales,
        "survey.html.j2",
        address=None if answered else Address("survey", token),
        words=words.page,
        question=_text(words, question),
        ends=_ends(words, question),
        buttons=[_button(words, question, each) for each in question.answers],
        said=_said(words, question, answer, answered),
        outcome=None if answered is None else answered.outcome,
        answer=answer,
        may_comment=answered is not None
        and answered.outcome != "refused"
        and answered.comment_kept is None
        and takes_comments(keepwell, question),
        comment_about=words.page["comment_about"].format(LONGEST_COMMENT),
        longest=LONGEST_COMMENT,
        token=token,
        lang=lang,
    )


def _text(words: SurveyWords, question: Question) -> str:
    return question.text or words.questions[question.instrument]["text"]


def _meanings(words: SurveyWords, question: Question) -> tuple[str, str]:
    if question.text:
        return question.ends
    known = words.questions[question.instrument]
    return known["lowest"], known["highest"]


def _ends(words: SurveyWords, question: Question) -> list[str]:
    lowest, highest = _meanings(words, question)
    return [
        words.page["end"].format(answer=answer, means=means)
        for answer, means in ((question.low, lowest), (question.high, highest))
        if means
    ]


def _button(words: SurveyWords, question: Question, answer: int) -> Button:
    name = words.page["answer_name"].format(answer=answer, low=question.low, high=question.high)
    lowest, highest = _meanings(words, question)
    means = {question.low: lowest, question.high: highest}.get(answer, "")
    return Button(answer, f"{name}: {means}" if means else name)


def _said(
    words: SurveyWords, question: Question, answer: int | None, answered: Answered | None
) -> list[str]:
    if answered is None or answered.outcome in ("refused", "dead"):
        return []
    told = words.page[answered.outcome]
    said = [told.format(answer=answer, low=question.low, high=question.high)]
    if answered.comment_kept is not None:
        said.append(words.page["comment_kept" if answered.comment_kept else "comment_not_kept"])
    return said
