"""Searching and sampling what customers wrote: only with permission, redacted, as known then."""

from dataclasses import replace

import numpy as np
import pytest

from features.counting import OWN, Origins
from features.text.narratives import permitted_events, redact, sample_texts, search_texts
from governance.errors import InvalidInput, PermissionRefused
from tests.features.sample import at, event, histories, permit


def told(day: float, text: str, *, customer: str = "c0", kind: str = "diary", known: float = 0.0):  # type: ignore[no-untyped-def]
    return event(day, kind, customer=customer, text=text, known=max(day, known))


STORIES = histories(
    told(1, "The courier lost my parcel and I felt helpless"),
    told(2, "A calm week", customer="c1"),
    told(3, "Parcels came late twice", customer="c2", kind="transcript"),
    told(9, "another lost parcel", customer="c1"),
)


def test_a_search_finds_forms_of_a_word_and_counts_people() -> None:
    found = search_texts(STORIES, permit("research_text"), "parcel", as_of=at(5))
    assert (found.texts, found.people) == (2, 2)
    assert {each.kind for each in found.excerpts} == {"diary", "transcript"}


def test_every_word_must_be_there() -> None:
    found = search_texts(STORIES, permit("research_text"), "lost parcel", as_of=at(5))
    assert found.texts == 1


def test_only_who_permits_is_searched() -> None:
    found = search_texts(STORIES, permit("research_text", ["c1"]), "parcel", as_of=at(20))
    assert (found.texts, found.people) == (1, 1)


def test_what_was_not_known_then_is_not_found() -> None:
    late = histories(told(1, "lost parcel", known=8))
    assert search_texts(late, permit("research_text"), "lost", as_of=at(5)).texts == 0


def test_another_purpose_opens_no_text() -> None:
    with pytest.raises(PermissionRefused):
        search_texts(STORIES, permit("wellbeing_inference"), "parcel", as_of=at(5))
    with pytest.raises(PermissionRefused):
        sample_texts(STORIES, permit("wellbeing_inference"), np.random.default_rng(1), as_of=at(5))


@pytest.mark.parametrize("words", ["", '" OR *', "( - )"])
def test_what_holds_no_word_is_refused_or_harmless(words: str) -> None:
    try:
        found = search_texts(STORIES, permit("research_text"), words, as_of=at(5))
    except InvalidInput:
        return
    assert found.texts == 0


def test_a_sample_holds_each_person_at_most_once() -> None:
    drawn = sample_texts(
        STORIES, permit("research_text"), np.random.default_rng(1), as_of=at(20), size=10
    )
    assert len(drawn) == 3


def test_a_sample_may_be_of_some_kinds_only() -> None:
    drawn = sample_texts(
        STORIES,
        permit("research_text"),
        np.random.default_rng(1),
        as_of=at(20),
        kinds=["transcript"],
    )
    assert [each.text for each in drawn] == ["Parcels came late twice"]


@pytest.mark.parametrize(
    ("written", "redacted"),
    [
        ("write to a.b@shop.example please", "write to [e-mail] please"),
        ("call +44 20 7946 0123 today", "call [number] today"),
        ("order 4512345 is late", "order [number] is late"),
        ("code AB12CD34 fails", "code [number] fails"),
        ("I am c17, hello", "I am [id], hello"),
        ("My name is here", "My name is here"),
        ("my name is Anna Muster and", "my name is [name] and"),
        ("waited 2 weeks for 3 boxes", "waited 2 weeks for 3 boxes"),
    ],
)
def test_what_identifies_is_redacted(written: str, redacted: str) -> None:
    assert redact(written, ["c17"]) == redacted


def test_of_merged_ids_each_permits_its_own_texts() -> None:
    """The person c0 was c2 once; what c2 wrote needs what c2 said."""
    told_by = histories(told(1, "as c0"), told(2, "as c2 then"))
    origins = Origins(np.array(["c2"], np.object_), np.array([OWN, 0], np.int32), {})
    merged = replace(told_by, origins=origins)
    assert permitted_events(merged, permit("research_text", ["c0"])).tolist() == [True, False]
    assert permitted_events(merged, permit("research_text", ["c0", "c2"])).tolist() == [True, True]
