"""What the person concerned reads of a score's reasons."""

import pytest

from features.definitions import sentence
from features.reason_groups import title_of
from features.suggestions.rhythm import counts, course, regularity, since_last
from serving.notice.plain_reasons import Plain, plain
from serving.pages.notice_words import all_notice_words


@pytest.mark.parametrize(
    ("group", "text", "said"),
    [
        (
            "time since the last order",
            "last order was 40 days ago",
            Plain("last_ago", ("order",), "40"),
        ),
        ("", "last order was 4.4 days ago, usually every 9", Plain("last_ago", ("order",), "4")),
        (
            "how many orders, and how often",
            "3 orders in the last 90 days",
            Plain("count_within", ("order",), "3", "90"),
        ),
        (
            "how many orders, and how often",
            "recent orders: 0.39 (each counts half as much after every 30 days)",
            Plain("often", ("order",)),
        ),
        (
            "more or fewer orders than before",
            "orders in the last 30 days: more than in the 30 days before (0.5, from -1 to 1)",
            Plain("change", ("order",)),
        ),
        (
            "sku in orders",
            "3 different values of sku over all orders so far",
            Plain("contents", ("order",)),
        ),
        ("plan", "plan is 0.12", Plain("stated", ("plan",))),
    ],
)
def test_what_can_be_counted_is_told_and_of_the_rest_what_it_is(
    group: str, text: str, said: Plain
) -> None:
    assert plain(group, text) == said


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_derived_figure_of_a_rhythm_is_told(language: str) -> None:
    words = all_notice_words()[language]
    every = (*course("order", (30,)), *regularity("order"), *counts("order", (90, None)))
    told = {
        words.reasons[each.theme].format(what="x", figure=each.figure, days=each.days)
        for definition in (*every, since_last("order"))
        for each in [plain(title_of(definition, {}), sentence(definition, 0.39))]
    }
    assert not any("0.39" in each or "half" in each or "-1" in each for each in told)


def test_every_language_has_a_sentence_for_every_theme() -> None:
    english, *others = (set(each.reasons) for each in all_notice_words().values())
    assert all(each == english for each in others)
