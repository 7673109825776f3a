"""What Prometheus reads of the models that serve."""

from serving.http.metering import ModelGauge, gauges_text
from serving.http.model_gauges import model_gauges
from serving.scoring.staleness import Monitored, keep
from tests.serving.conftest import Shop


def test_gauges_are_written_by_target() -> None:
    text = gauges_text([ModelGauge("churn", {"score_psi": 0.12, "status": 1.0, "age_days": None})])
    assert 'keepwell_model_score_psi{target="churn"} 0.12\n' in text
    assert 'keepwell_model_status{target="churn"} 1\n' in text
    assert "age_days" not in text


def test_a_target_with_a_quotation_mark_breaks_nothing() -> None:
    text = gauges_text([ModelGauge('a"b', {"status": 0.0})])
    assert text.endswith('keepwell_model_status{target="a\\"b"} 0\n')


def test_a_model_nobody_looked_at_tells_its_age_alone(regular: Shop) -> None:
    regular.pass_days(3)
    [found] = model_gauges(regular.keepwell, now=regular.clock())
    assert round(found.figures["age_days"] or 0, 3) == 3.0
    assert found.figures.keys() == {"age_days", "damaged"}


def test_the_last_look_is_what_is_told(regular: Shop) -> None:
    digest = regular.scorer.score(["ann"], targets=["churn"]).results[0].model_digest
    result = {
        "drift": {
            "weighted_psi": 0.1,
            "features": [{"outcome": "shifted"}, {"outcome": "moving"}],
            "scores": {"psi": {"value": 0.3, "low": 0.2, "high": 0.4}},
        },
        "expected": {"auc": {"value": 0.8, "low": 0.7, "high": 0.9}},
        "realised": {"auc": None},
    }
    with regular.keepwell.database.write() as conn:
        for status in ("fine", "retrain"):
            look = Monitored("churn", str(digest), regular.clock(), status, result)
            keep(conn, look)
    [found] = model_gauges(regular.keepwell, now=regular.clock())
    told = {name: value for name, value in found.figures.items() if name != "age_days"}
    assert told == {
        "damaged": 0.0,
        "status": 2.0,
        "drift_features": 1.0,
        "score_psi": 0.3,
        "expected_auc": 0.8,
        "realised_auc": None,
    }
