"""The model card: the nine parts, as Markdown and as a page that needs nothing else."""

import re

import pytest

from governance.audit.card_page import render_card_html, render_markdown
from governance.audit.record import AuditReport
from governance.model.gate import GateVerdict
from tests.governance.sample import facts
from tests.governance.test_audit import report

PARTS = (
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
)


@pytest.fixture(scope="module")
def judged() -> AuditReport:
    return report()


def test_the_nine_parts_are_there_in_order(judged: AuditReport) -> None:
    card = render_markdown(judged.facts, judged.fairness, judged.verdict)
    assert tuple(re.findall(r"^## (.+)$", card, re.MULTILINE)) == PARTS


def test_it_names_the_model_its_baselines_and_who_is_missing() -> None:
    card = render_markdown(facts())
    for word in ("ab" * 32, "recency", "rfm logistic", "not active", "no: withdrawn: 60"):
        assert word in card


def test_groups_stand_with_intervals(judged: AuditReport) -> None:
    card = render_markdown(judged.facts, judged.fairness, judged.verdict)
    assert re.search(r"\| region: north \| 600 \| \d+\.\d \[", card)


def test_without_an_audit_it_says_so() -> None:
    assert "Groups of people were not compared: no audit was made." in render_markdown(facts())


def test_what_the_gate_says_is_among_the_caveats() -> None:
    verdict = GateVerdict("refused", ("ranks no better than a coin",))
    caveats = render_markdown(facts(), None, verdict).split("## Caveats")[1]
    assert "ranks no better than a coin" in caveats


def test_the_page_holds_what_the_markdown_holds(judged: AuditReport) -> None:
    page = render_card_html(judged.facts, judged.fairness, judged.verdict)
    for part in PARTS:
        assert f"<h2>{part}</h2>" in page
    assert f"<code>{'ab' * 32}</code>" in page
    assert "<td>region: north</td>" in page


def test_the_page_asks_nothing_of_the_network_and_escapes_words() -> None:
    page = render_card_html(facts(author="<script>alert(1)</script>"))
    assert not re.search(r"(?:src|href)=|url\(|@import|<script|http", page)
