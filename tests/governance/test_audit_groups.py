"""What the report says of groups, proxies and mitigations reads as it should."""

import re
from dataclasses import replace

import numpy as np

from governance.audit.groups import fairness_tables
from governance.audit.record import AuditReport
from governance.audit.report import render_html, to_json
from governance.fairness.assess import FairnessResult, assess
from governance.fairness.mitigation import GapChange, Mitigation
from governance.fairness.proxies import Carrier, Proxy
from governance.intervals import Interval
from governance.model.gate import GatePolicy, decide
from tests.governance.sample import NOW, facts

NARROWED = Mitigation(
    method="reweigh",
    constraint="equalized_odds",
    ships=True,
    gaps=(
        GapChange(
            "age_band", "old", "young", "true positive rate",
            Interval(0.2, 0.1, 0.3), Interval(0.05, -0.05, 0.15), Interval(-0.15, -0.2, -0.1),
        ),
    ),
    selected_before=0.2,
    selected_after=0.21,
    auc=Interval(-0.01, -0.02, 0.0),
    log_loss=Interval(0.02, 0.01, 0.03),
    lift=None,
    note="training rows weighed so that outcome and group are independent",
)  # fmt: skip
STANDS_IN = Proxy(
    "age_band", "old", Interval(0.7, 0.65, 0.75), "proxy",
    (Carrier("sessions_30d", 0.1, 0.25), Carrier("orders_365d", 0.05, 0.15)),
)  # fmt: skip


def compared(n: int = 2000) -> FairnessResult:
    rng = np.random.default_rng(4)
    score = rng.beta(2, 5, n)
    ages: list[str | None] = [("old", "young", None)[k % 3] for k in range(n)]
    return assess(
        rng.random(n) < score,
        score,
        score >= 0.4,
        {"age_band": ages, "sex": ["fm"[k // 3 % 2] for k in range(n)]},
    )


def page(fairness: FairnessResult) -> str:
    made = facts()
    verdict = decide(made, fairness, GatePolicy())
    return render_html(
        AuditReport(facts=made, fairness=fairness, verdict=verdict, generated_at=NOW)
    )


def section(html: str, number: int) -> str:
    return html[html.index(f'id="s{number}"') : html.index(f'id="s{number + 1}"')]


def test_every_group_and_those_not_known_have_a_row() -> None:
    rows = [row[0] for row in fairness_tables(compared())["rate_rows"]]
    assert rows == ["age band: old", "age band: young", "age band: not known", "sex: f", "sex: m"]


def test_parts_of_those_flagged_and_overlooked_add_up_to_everyone() -> None:
    rows = fairness_tables(compared())["share_rows"]
    for column in range(1, 5):
        parts = [float(row[column].split()[0]) for row in rows if row[0].startswith("age")]
        assert abs(sum(parts) - 100) < 0.2


def test_it_says_how_many_comparisons_were_made_and_what_chance_makes() -> None:
    text = section(page(compared()), 5)
    assert re.search(r"\d+ comparisons were made", text)
    assert "exactly at its limit, 0.2" in text


def test_a_proxy_is_told_with_its_features_and_their_part_in_the_score() -> None:
    text = section(page(replace(compared(), proxies=(STANDS_IN,))), 8)
    for said in ("70.0 [65.0, 75.0]", "clear proxy", "sessions 30d (25 %)", "40 %"):
        assert f"{said}" in text


def test_without_a_proxy_check_the_report_says_so() -> None:
    assert "was not measured" in section(page(compared()), 8)


def test_a_mitigation_is_told_with_its_gap_its_cost_and_whether_it_serves() -> None:
    text = section(page(replace(compared(), mitigations=(NARROWED,))), 11)
    for said in (
        "+20.0 [+10.0, +30.0]", "+5.0 [-5.0, +15.0]", "-15.0 [-20.0, -10.0]",
        "-0.010 [-0.020, +0.000]", "this model",
    ):  # fmt: skip
        assert said in text


def test_proxies_and_mitigations_read_back_from_the_twin() -> None:
    fairness = replace(compared(), proxies=(STANDS_IN,), mitigations=(NARROWED,))
    made = facts()
    report = AuditReport(
        facts=made, fairness=fairness, verdict=decide(made, fairness, GatePolicy()),
        generated_at=NOW,
    )  # fmt: skip
    assert FairnessResult.from_json(to_json(report)["fairness"]) == fairness


def test_a_clear_proxy_is_told_on_the_first_page_and_a_weak_one_is_not() -> None:
    first = page(replace(compared(), proxies=(STANDS_IN,))).split('id="s2"')[0]
    assert "Its features give away" in first
    weak = STANDS_IN._replace(auc=Interval(0.55, 0.52, 0.58))
    assert "give away" not in page(replace(compared(), proxies=(weak,))).split('id="s2"')[0]
