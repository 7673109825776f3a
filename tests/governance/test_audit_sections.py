"""Sections that speak of more than one run: purpose, who is missing, changes, process, drift."""

from dataclasses import replace
from datetime import timedelta

import pytest

from governance.audit.changes import FigureChange, figure_changes
from governance.audit.impact_assessment import assess_impact
from governance.audit.practice import Action, Kept, Practice, PurposeBasis
from governance.audit.process_record import (
    Approvals,
    EthicsFigures,
    Exposure,
    GapAt,
    Harm,
    MonthlyCount,
    Requests,
)
from governance.audit.provenance import Provenance, Source, coverage_by_group
from governance.audit.record import AuditReport, Before, DriftStanding, FeatureDrift
from governance.audit.report import render_html, to_json
from governance.fairness.assess import assess
from governance.fairness.record import FairnessResult
from governance.intervals import Interval
from governance.model.evaluation import ChampionResult, Evaluation, Paired
from tests.governance.sample import NOW, facts, result
from tests.governance.test_audit import report

PRACTICE = Practice(
    home_kind="production",
    controller="Corner Shop, 1 High Street",
    mode="advise",
    bases=(PurposeBasis("risk_scoring", "consent", ""),),
    actions=(Action("personal_note", "email", 0.2, 90, True, False),),
    max_contacts=2,
    per_days=30,
    quiet_from="20:00",
    quiet_until="08:00",
    recipients=("crm.example",),
    retention=(Kept("decisions", "1,095 days"),),
    keep_text=False,
    age_required=("risk_scoring",),
    protected=("gender",),
    review_after_days=365,
    on_stale="warn",
    reviewers=1,
    min_people=5,
)
FIGURES = EthicsFigures(
    since=NOW - timedelta(days=90),
    until=NOW,
    refusals=(MonthlyCount("2026-01", "no_record", 40), MonthlyCount("2026-01", "expired", None)),
    withdrawals=(MonthlyCount("2026-02", "risk_scoring", 9),),
    objections=(),
    complaints=(MonthlyCount("2026-02", "contact", 6),),
    requests=(Requests("2026-02", "appeal", 7, 0, 5, None, 0, 0, 3.5),),
    approvals=(Approvals("2026-02", 30, 10, Interval(0.25, 0.14, 0.4), 42.0),),
    exposure=(
        Exposure(
            "region", "north", 600, 120, Interval(0.2, 0.17, 0.23), 100, 20,
            Interval(0.05, -0.1, 0.2),
        ),
        Exposure("region", "islands", None),
    ),
    gaps=(
        GapAt(
            "ab" * 32, NOW, "region", "north", "true_positive_rate", Interval(0.02, -0.1, 0.1),
            "cannot_say",
        ),
    ),
    harms=(Harm(NOW, "churn", "a list was printed and left in the shop"), Harm(NOW, "clv", "-")),
)  # fmt: skip


def section(made: AuditReport, number: int) -> str:
    """Give one section of the page."""
    return render_html(made).split(f'id="s{number}"')[1].split("<h2")[0]


def uneven(shift: int) -> FairnessResult:
    """Make an audit in which the north is flagged more often by `shift` in 20 people."""
    people = range(2_000)
    region = ["north" if i // 20 % 2 else "south" for i in people]
    flagged = [i % 20 < 5 + (shift if region[i] == "north" else 0) for i in people]
    return assess(
        [i % 4 == 0 for i in people],
        [0.25 for _ in people],
        flagged,
        {"region": region},
    )


# 2 · purpose and impact assessment


def test_measures_are_those_of_this_home() -> None:
    said = section(replace(report(), practice=PRACTICE), 2)
    for words in (
        "Corner Shop", "advise: every contact waits for a person", "20 % held out for 90 days",
        "crm.example", "1,095 days", "unknown age is refused for risk_scoring", "1 key may sign",
    ):  # fmt: skip
        assert words in said


def test_without_settings_it_says_that_they_were_not_read() -> None:
    assert "was not read" in section(report(), 2)


def test_each_risk_has_likelihood_severity_reason_and_measures() -> None:
    risks = assess_impact(facts(), uneven(0), PRACTICE).risks
    assert len(risks) >= 8
    for risk in risks:
        assert risk.likelihood in ("low", "medium", "high", "cannot say")
        assert risk.severity in ("low", "medium", "high")
        assert risk.because
        assert risk.measures


def test_a_failed_audit_makes_uneven_service_likely() -> None:
    found = {risk.what: risk.likelihood for risk in assess_impact(facts(), uneven(8), None).risks}
    assert found["groups of people are served unevenly"] == "high"


def test_inferring_wellbeing_is_sensitive() -> None:
    impact = assess_impact(facts(purpose="wellbeing_inference"), uneven(0), PRACTICE)
    applies = {each.name: each.applies for each in impact.criteria}
    assert applies["sensitive or highly personal data"] == "yes"


def test_what_is_not_stated_is_left_open_for_the_company() -> None:
    silent = replace(PRACTICE, controller="", retention=())
    said = " ".join(assess_impact(facts(), uneven(0), silent).open)
    assert "[controller]" in said
    assert "[retention]" in said


# 3 · provenance


def coverage(counts: dict[tuple[str, str], int]) -> dict[str, tuple[int | None, int | None]]:
    """Count permission by group; `counts` maps (group, permitted or missing) to people."""
    groups, permitted = {}, set()
    for (group, side), n in counts.items():
        for i in range(n):
            person = f"{group} {side} {i}"
            groups[person] = group
            if side == "permitted":
                permitted.add(person)
    found = coverage_by_group({"region": groups}, groups, frozenset(permitted), min_people=5)
    return {each.group: (each.permitted, each.missing) for each in found}


def test_who_is_missing_is_counted_by_group() -> None:
    counts = {("n", "permitted"): 60, ("n", "missing"): 20, ("s", "permitted"): 50}
    counts |= {("s", "missing"): 40}
    assert coverage(counts) == {"n": (60, 20), "s": (50, 40)}


def test_a_handful_of_missing_people_cannot_be_worked_out() -> None:
    counts = {("n", "permitted"): 60, ("n", "missing"): 3, ("s", "permitted"): 50}
    counts |= {("s", "missing"): 40}
    assert coverage(counts)["n"] == (None, None)


def test_sources_permission_today_and_withdrawals_are_told() -> None:
    where = Provenance(
        sources=(Source("orders", "import", NOW, 9_628, NOW, NOW, "12" * 32),),
        permission={"permitted": 1_200, "refused:withdrawn": 90},
        withdrawn_since="30",
        coverage_reason="nobody permits the fairness audit",
    )
    said = section(replace(report(), provenance=where), 3)
    for words in ("orders", "9,628", "no: withdrawn", "30 people whose rows", "nobody permits"):
        assert words in said


# 9 and 12 · process


def test_exposure_and_effect_are_shown_by_group() -> None:
    said = section(replace(report(), process=FIGURES), 9)
    assert "region: north" in said
    assert "20.0 [17.0, 23.0]" in said
    assert "+5.0 [-10.0, +20.0]" in said


def test_a_hidden_group_shows_no_number() -> None:
    said = section(replace(report(), process=FIGURES), 9)
    row = said[said.index("region: islands") :].split("</tr>")[0]
    assert not any(c.isdigit() for c in row.replace("fewer than 5", ""))


@pytest.mark.parametrize(
    "words",
    [
        "a list was printed", "Refused, by reason", "&lt; 5", "Withdrawn, by purpose",
        "Complaints, by category", "25.0 [14.0, 40.0]", "appeal", "3.5",
    ],
)  # fmt: skip
def test_process_figures_stand_in_section_twelve(words: str) -> None:
    assert words in section(replace(report(), process=FIGURES), 12)


def test_harms_of_other_targets_stand_elsewhere() -> None:
    assert section(replace(report(), process=FIGURES), 12).count("2026-03-01</td>") == 1


def test_gaps_over_time_need_more_than_one_model() -> None:
    title = "Gaps between groups over successive models"
    assert title not in section(replace(report(), process=FIGURES), 10)
    assert FIGURES.gaps is not None
    older = FIGURES.gaps[0]._replace(model_digest="cd" * 32)
    both = replace(FIGURES, gaps=(*FIGURES.gaps, older))
    said = section(replace(report(), process=both), 10).split(title)[1]
    (row,) = (each for each in said.split("<tr>") if "region: north" in each)
    assert row.count("+2.0 [-10.0, +10.0], cannot say") == 2


def test_only_what_was_not_measured_is_called_so() -> None:
    unsaid = to_json(replace(report(), process=FIGURES))["not_measured"]
    assert not {"exposure", "process"} & unsaid.keys()
    partly = to_json(replace(report(), process=replace(FIGURES, approvals=None)))["not_measured"]
    assert partly["process"] == "Not measured for this model: approval times and overrides."


def test_process_figures_survive_json() -> None:
    assert EthicsFigures.from_json(FIGURES.to_json()) == FIGURES


# 10 · changes and drift


def test_a_planted_difference_is_shown_then_and_now() -> None:
    old = facts(model_digest="cd" * 32, rows=999, test=result(0.61), features=("age_of_account",))
    made = replace(report(), fairness=uneven(8), before=Before(old, uneven(0), "Grace", NOW))
    said = section(made, 10)
    for words in ("approved by Grace", "0.61", "+0.13", "can be told apart", "age_of_account",
                  "999"):  # fmt: skip
        assert words in said
    (row,) = (each for each in said.split("<tr>") if "false positive rate" in each)
    assert row.index("pass") < row.index("fail")


def test_figures_of_other_people_are_not_called_paired() -> None:
    before = Before(facts(model_digest="cd" * 32), None, "Grace", NOW)
    assert not any(each.paired for each in figure_changes(facts(), before))
    assert "other people, other time" in section(replace(report(), before=before), 10)


def test_figures_of_the_same_people_are_paired() -> None:
    same = Interval(0.02, 0.01, 0.03)
    champion = ChampionResult("cd" * 32, Paired(same, same, same), 10, "same test")
    now = facts(evaluation=Evaluation(champion=champion))
    found = figure_changes(now, Before(facts(model_digest="cd" * 32), None, "Grace", NOW))
    paired: dict[str, FigureChange] = {each.figure: each for each in found if each.paired}
    assert set(paired) == {"AUC", "log loss", "Brier"}
    assert paired["AUC"].difference == same


def test_an_unpaired_difference_is_wider_than_either_estimate() -> None:
    before = Before(facts(model_digest="cd" * 32, test=result(0.7)), None, "Grace", NOW)
    area = figure_changes(facts(), before)[0].difference
    assert area.value == pytest.approx(0.04)
    assert area.high - area.low > 0.06


def test_where_the_model_stands_today_is_on_page_one_and_in_section_ten() -> None:
    drift = DriftStanding(
        looked_at=NOW,
        status="retrain",
        reasons=("the scores have moved",),
        people=800,
        score_psi=Interval(0.3, 0.25, 0.35),
        features=(FeatureDrift("orders_365d", "shifted", Interval(0.4, 0.3, 0.5)),),
        auc=None,
        gap=None,
    )
    made = replace(report(), drift=drift)
    assert "no longer held" in render_html(made).split('id="s2"')[0]
    for words in ("the scores have moved", "orders_365d", "0.3 [0.25, 0.35]"):
        assert words in section(made, 10)
    assert "drift" not in to_json(made)["not_measured"]
