"""The report's words and tables on returners, season, costs, segments and the signed model."""

import re
from dataclasses import replace

import pytest

from governance.audit.record import AuditReport
from governance.audit.report import render_html
from governance.audit.words import plainwords
from governance.fairness.assess import not_assessed
from governance.intervals import Interval
from governance.model.evaluation import Evaluation, Proposal
from governance.model.gate import GatePolicy, decide
from tests.governance.sample import NOW, facts, result
from tests.governance.test_evaluation_record import FULL

UNSAID = not_assessed("there are no protected attributes to assess by")
KEEP = replace(FULL, proposal=Proposal("keep_champion", "no better than the signed one", 200))


def report(evaluation: Evaluation, positives: int = 240) -> AuditReport:
    made = facts(evaluation=evaluation, test=result(positives=positives))
    return AuditReport(
        facts=made,
        fairness=UNSAID,
        verdict=decide(made, UNSAID, GatePolicy()),
        generated_at=NOW,
    )


def test_every_figure_has_its_data_table() -> None:
    page = render_html(report(FULL))
    figures = [found.end() for found in re.finditer("</svg>", page)]
    assert len(figures) == 6  # AUC, calibration, season, segments, costs, importance
    assert all(0 <= page.find("<table", at) - at < 200 for at in figures)


@pytest.mark.parametrize(("positives", "told"), [(700, True), (240, False)])
def test_the_first_page_speaks_of_returners_where_most_leave(positives: int, told: bool) -> None:
    said = " ".join(plainwords(report(FULL, positives)))
    assert ("It comes true for most" in said) == told


def test_the_first_page_warns_of_a_season_shift() -> None:
    assert "The season shifted" in " ".join(plainwords(report(FULL)))
    assert FULL.season is not None
    calm = replace(FULL, season=FULL.season._replace(shifted=False))
    assert "The season shifted" not in " ".join(plainwords(report(calm)))


def test_a_model_that_does_not_beat_the_signed_one_says_so_first_and_as_a_condition() -> None:
    kept = report(KEEP)
    assert "NOT proposed" in " ".join(plainwords(kept))
    assert kept.verdict.outcome == "approved"
    assert any(said.startswith("keep the champion") for said in kept.verdict.conditions)


def test_a_proposed_model_has_no_such_condition() -> None:
    assert not any("champion" in said for said in report(FULL).verdict.conditions)


def test_without_costs_the_report_says_what_to_state() -> None:
    page = render_html(report(replace(FULL, costs=None)))
    assert "Not computed: state [costs]" in page


def test_assumptions_are_printed_with_their_source() -> None:
    page = render_html(report(FULL))
    assert re.search(r"margin</td>\s*<td[^>]*>9 EUR</td>\s*<td[^>]*>finance", page)


def test_a_hidden_segment_shows_no_number() -> None:
    page = render_html(report(FULL))
    row = page[page.index(">south<") :].split("</tr>")[0]
    assert not re.search(r"\d", row.replace("fewer than 5", ""))


def test_figures_of_every_score_are_shown_with_intervals() -> None:
    wide = facts(test=result(intervals={"ece": Interval(0.02, 0.0, 0.031)}))
    made = AuditReport(
        facts=wide,
        fairness=UNSAID,
        verdict=decide(wide, UNSAID, GatePolicy()),
        generated_at=NOW,
    )
    assert "0.02 [0, 0.031]" in render_html(made)
