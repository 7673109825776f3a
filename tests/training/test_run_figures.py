"""Figures become metrics with their bounds; what was not measured has none."""

from datetime import UTC, datetime

from governance.intervals import Interval
from governance.model.card import ModelFacts, TestResult
from governance.model.evaluation import Evaluation, Paired, RateAt, Season
from training.run_figures import metrics_of, series_of

AT = datetime(2026, 6, 1, tzinfo=UTC)
AUC = Interval(0.8, 0.77, 0.83)
GAIN = Interval(0.03, 0.01, 0.05)
RATE = RateAt("2026-03-01T00:00:00Z", 40, Interval(0.5, 0.4, 0.6))
FACTS = ModelFacts(
    target="churn",
    horizon_days=90,
    purpose="risk_scoring",
    created_at=AT,
    author="Ada",
    home_kind="evaluation",
    model_digest="aa",
    mlflow_run_id=None,
    seed=0,
    test=TestResult(AT, 100, 30, AUC, AUC, 0.5, 0.15, 0.02, 2.5),
    evaluation=Evaluation(
        paired={"recency": Paired(GAIN, GAIN, GAIN)},
        season=Season((RATE,), RATE, GAIN, shifted=True),
    ),
    horizons={30: TestResult(AT, 100, 12, AUC, AUC, 0.3, 0.1, 0.02, 2.5)},
    configurations=41,
    permission={"permitted": 9, "refused:withdrawn": 1},
)


def test_a_figure_is_a_metric_with_both_bounds() -> None:
    found = metrics_of(FACTS)
    assert [found[f"test_auc{bound}"] for bound in ("", "_low", "_high")] == [0.8, 0.77, 0.83]
    assert [found[f"auc_minus_recency{bound}"] for bound in ("", "_low")] == [0.03, 0.01]
    assert found["people_refused_withdrawn"] == 1


def test_every_horizon_and_the_number_of_configurations_tried_are_metrics() -> None:
    found = metrics_of(FACTS)
    assert (found["horizon_30_auc"], found["horizon_30_positives"]) == (0.8, 12)
    assert found["configurations_tried"] == 41


def test_what_was_not_measured_has_no_metric() -> None:
    found = metrics_of(FACTS)
    assert not [name for name in found if name.startswith(("value_", "costs_", "category_"))]


def test_rates_are_drawn_by_date() -> None:
    assert series_of(FACTS)["rate_by_cutoff_low"] == ((20260301, 0.4), (20260301, 0.4))
