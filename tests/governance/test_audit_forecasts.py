"""What the audit report says of amounts and categories."""

from governance.audit.record import AuditReport
from governance.audit.report import render_html
from governance.fairness.assess import not_assessed
from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.model.forecasts import CategoryErrors, CategoryResult, ValueErrors, ValueResult
from governance.model.gate import GatePolicy, decide
from tests.governance.sample import NOW, facts

ERRORS = ValueErrors(
    mae=Interval(10.8, 10.4, 11.2),
    rmse=Interval(31.1, 28.1, 34.8),
    bias=Interval(0.125, 0.1, 0.15),
    top_tenth=Interval(6.2, 5.9, 6.4),
    gini=None,
)
VALUE = ValueResult(
    n=2000,
    with_event=300,
    mean=Interval(9.0, 8.4, 9.6),
    method="own_rule",
    ours=ERRORS,
    coverage=Interval(0.91, 0.9, 0.92),
    baselines={"own_past": ERRORS},
    mae_differences={"own_past": Interval(0.14, -0.01, 0.26)},
    rmse_differences={"own_past": Interval(-1.1, -2.3, -0.04)},
)
NAMED = CategoryErrors(
    Interval(0.4, 0.35, 0.45), Interval(0.8, 0.76, 0.84), Interval(1.2, 1.1, 1.3)
)
CATEGORIES = CategoryResult(
    n=300,
    categories=7,
    method="trees",
    ours=NAMED,
    baselines={"shares": NAMED},
    differences={"shares": Interval(-0.2, -0.3, -0.1)},
)


def page(**changed: object) -> str:
    """Render the report of a model with these facts."""
    made, fairness = facts(**changed), not_assessed("there are no protected attributes")
    verdict = decide(made, fairness, GatePolicy())
    return render_html(
        AuditReport(facts=made, fairness=fairness, verdict=verdict, generated_at=NOW)
    )


def test_a_report_with_amounts_shows_how_near_they_came() -> None:
    shown = page(value=VALUE)
    assert "trees did no better" in shown
    assert "12.5 [10.0, 15.0]" in shown
    assert "-1.1 [-2.3, -0.04]" in shown
    assert "not estimable" in shown


def test_a_report_with_categories_shows_how_often_they_were_right() -> None:
    shown = page(categories=CATEGORIES)
    assert "likeliest of 7 categories" in shown
    assert "40.0 [35.0, 45.0]" in shown


def test_a_report_without_them_says_nothing_of_them() -> None:
    shown = page()
    assert "Amounts: how near" not in shown
    assert "Categories: was it" not in shown


def test_facts_with_amounts_and_categories_read_back() -> None:
    found = facts(value=VALUE, categories=CATEGORIES)
    assert ModelFacts.from_json(found.to_text()) == found


def test_facts_written_before_there_were_amounts_read_back() -> None:
    plain = facts().to_json()
    del plain["value"], plain["categories"]
    assert ModelFacts.from_json(plain).value is None
