"""The audit report: complete, self-contained, honest about what it does not know."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from governance.audit.record import AuditReport, SignOff
from governance.audit.report import render_html, to_json, to_text_json
from governance.audit.words import fairness_words
from governance.fairness.assess import assess, not_assessed
from governance.fairness.record import FairnessResult, Finding, Limits
from governance.intervals import Interval
from governance.model.card import Dependence, DependencePoint, GroupImportance, ModelFacts
from governance.model.gate import GatePolicy, decide
from governance.signing.record import Review
from tests.governance.sample import NOW, facts, result

UNSAID = not_assessed("there are no protected attributes to assess by")


def report(home_kind: str = "production", **changed: object) -> AuditReport:
    made = facts(home_kind=home_kind, **changed)
    people = 1200
    fairness = assess(
        [i % 20 < 5 for i in range(people)],
        [0.25] * people,
        [i % 3 == 0 for i in range(people)],
        {"region": [("north", "south")[i // 60 % 2] for i in range(people)]},
    )
    verdict = decide(made, fairness, GatePolicy())
    return AuditReport(facts=made, fairness=fairness, verdict=verdict, generated_at=NOW)


def test_the_fourteen_sections_are_there_in_order() -> None:
    numbers = re.findall(r'<h2 id="s(\d+)">', render_html(report()))
    assert [int(n) for n in numbers] == list(range(1, 15))


def test_it_asks_nothing_of_the_network() -> None:
    page = render_html(report())
    assert not re.search(r'(?:src|href)="(?!#)|url\(|@import|<script|http', page)


class _Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        assert tag in ("line", "circle", "rect")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_element_is_closed() -> None:
    parser = _Balanced()
    parser.feed(render_html(report()))
    assert parser.open == []


def test_what_moves_scores_is_shown_with_words_for_those_who_cannot_see_it() -> None:
    facts_ = replace(
        report().facts,
        groups=(GroupImportance("time since the last order", 0.5, ("days_since_last_order",)),),
        dependence=(
            Dependence(
                "days_since_last_order",
                "last order was … ago",
                (
                    DependencePoint(12, 30.0, Interval(-0.4, -0.5, -0.3)),
                    DependencePoint(10, None, Interval(0.2, 0.1, 0.3)),
                ),
            ),
        ),
    )
    page = render_html(replace(report(), facts=facts_))
    for said in ("by what the features are about", "days_since_last_order: mean contribution"):
        assert re.search(f'aria-label="[^"]*{said}', page)
    figures = [found.end() for found in re.finditer("</svg>", page)]
    assert len(figures) == 6
    assert all(0 <= page.find("<table", at) - at < 200 for at in figures)
    for cell in ("-0.400 [-0.500, -0.300]", "+0.200 [+0.100, +0.300]", "missing"):
        assert f">{cell}</td>" in page
    parser = _Balanced()
    parser.feed(page)
    assert parser.open == []
    assert ModelFacts.from_json(facts_.to_text()) == facts_


def test_every_figure_has_its_data_table() -> None:
    page = render_html(report())
    figures = [found.end() for found in re.finditer("</svg>", page)]
    assert len(figures) == 4
    assert all(0 <= page.find("<table", at) - at < 200 for at in figures)


@pytest.mark.parametrize(
    ("home_kind", "said"), [("demo", "DEMO"), ("evaluation", "EVALUATION"), ("production", "")]
)
def test_homes_that_are_not_for_production_are_stamped(home_kind: str, said: str) -> None:
    page = render_html(report(home_kind))
    assert ('<header class="stamp">' in page) == bool(said)
    assert said in page


def test_the_first_page_says_when_fairness_was_not_assessed() -> None:
    made = facts()
    unsaid = AuditReport(
        facts=made,
        fairness=UNSAID,
        verdict=decide(made, UNSAID, GatePolicy()),
        generated_at=NOW,
    )
    first_page = render_html(unsaid).split('id="s2"')[0]
    assert "NOT ASSESSED" in first_page


def test_a_gap_that_was_found_is_told_where_the_whole_cannot_be_said() -> None:
    gap = Finding(
        "age_band", "65+", "calibration", "25–44", Interval(0.1, 0.05, 0.15), 0.05, "fail",
        "people aged 65+ are told too high a chance",
    )  # fmt: skip
    unsure = FairnessResult(
        outcome="insufficient_evidence",
        reason="too few people to compare groups by gender",
        limits=Limits(),
        findings=(gap,),
    )

    said = fairness_words(unsure)

    assert "cannot be said: too few people" in said
    assert "What was found: people aged 65+ are told too high a chance." in said


@pytest.mark.parametrize(
    ("positives", "auc", "outcome"),
    [(240, 0.74, "pass"), (12, 0.74, "insufficient evidence"), (240, 0.46, "fail")],
)
def test_the_verdict_is_one_of_three(positives: int, auc: float, outcome: str) -> None:
    found = report(test=result(auc, positives=positives))
    assert found.outcome == outcome
    assert f"<strong>{outcome}</strong>" in render_html(found)


def test_what_was_not_measured_says_so() -> None:
    page = render_html(report())
    unsaid = to_json(report())["not_measured"]
    assert {"proxies", "exposure", "drift", "process", "provenance"} <= unsaid.keys()
    for words in unsaid.values():
        assert words.replace("'", "&#39;") in page


def test_words_of_people_cannot_break_the_page() -> None:
    page = render_html(report(author="<script>alert(1)</script>"))
    assert "<script>" not in page


def signed(**changed: object) -> SignOff:
    """A made-up review; its signature is not one."""
    stated: dict[str, Any] = {
        "review_id": "r1",
        "model_digest": "ab" * 32,
        "target": "churn",
        "outcome": "approve",
        "reason": "read it",
        "key_id": "k1",
        "reviewer": "Grace",
        "signed_at": NOW,
        "expires_at": NOW + timedelta(days=365),
        "signature": "ab" * 64,
        "self_signed": False,
        "conditions": ("look again in May",),
        "report_digest": "ef" * 32,
    }
    return SignOff(Review(**stated | changed), "cd" * 32, "enrolled by the office", fits=True)


def test_a_sign_off_is_printed_in_full() -> None:
    page = render_html(replace(report(), sign_offs=(signed(),)))
    section = page.split('id="s13"')[1].split('id="s14"')[0]
    for said in (
        "approved with conditions", "read it", "look again in May", "Grace", "in force until",
        "enrolled by the office", "ab" * 64, "cd" * 32, "ef" * 32,
    ):  # fmt: skip
        assert said in section


@pytest.mark.parametrize(
    ("changed", "fits", "said"),
    [
        ({}, True, "Grace approved it on 2026-03-01"),
        ({"outcome": "reject"}, True, "Grace rejected it"),
        ({"self_signed": True}, True, "nobody reviewed it"),
        ({}, False, "does NOT fit"),
    ],
)
def test_the_first_page_says_who_signed(changed: dict[str, Any], fits: bool, said: str) -> None:
    sign_off = signed(**changed)._replace(fits=fits)
    first_page = render_html(replace(report(), sign_offs=(sign_off,))).split('id="s2"')[0]
    assert said in first_page


def test_the_twin_holds_the_same_verdict_as_plain_json() -> None:
    twin = json.loads(to_text_json(report()))
    assert twin["verdict"] == report().outcome
    assert twin["facts"]["model_digest"] == "ab" * 32
    assert twin["fairness"]["groups"][0]["group"] == "north"
