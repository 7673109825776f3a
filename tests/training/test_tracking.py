"""A run is written down under one folder; champion mirrors what was signed."""

from datetime import UTC, datetime

import pytest

from governance.errors import NotFound
from tests.training.examples import fitted
from training.tracking import RunRecord, Tracking


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """Two runs of one target; MLflow's first touch takes seconds, so once for all."""
    place = tmp_path_factory.mktemp("home")
    report = place / "report.html"
    report.write_text("<p>fine</p>")
    found = Tracking(place / "mlruns")
    for digest in ("aa", "bb"):
        run_id = found.start("churn", f"churn {digest}")
        record = RunRecord(
            digest=digest,
            parameters={"horizon_days": "90"},
            metrics={"test_auc": 0.74},
            tags={"home_kind": "evaluation"},
            files=[(report, "report")],
            booster=fitted().trees,
        )
        found.finish("churn", run_id, record)
    return found


def test_the_booster_is_text_and_everything_lies_under_the_folder(tracking: Tracking) -> None:
    found = {path.name for path in tracking.folder.rglob("*") if path.is_file()}
    assert {"mlflow.db", "model.lgb", "MLmodel", "report.html"} <= found
    assert not any(path.suffix in (".pkl", ".pickle") for path in tracking.folder.rglob("*"))
    text = next(tracking.folder.rglob("model.lgb")).read_text()
    assert text.startswith("tree")


def test_the_latest_run_is_the_candidate(tracking: Tracking) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking.uri, registry_uri=tracking.uri)
    version = client.get_model_version_by_alias("churn", "candidate")
    assert version.tags["model_digest"] == "bb"
    run = client.get_run(version.run_id)
    assert run.data.metrics == {"test_auc": 0.74}
    assert run.data.params == {"horizon_days": "90"}


def test_a_run_that_came_to_nothing_is_closed_as_failed(tracking: Tracking) -> None:
    from mlflow import MlflowClient

    run_id = tracking.start("churn", "cut short")
    tracking.fail(run_id)
    client = MlflowClient(tracking_uri=tracking.uri, registry_uri=tracking.uri)
    assert client.get_run(run_id).info.status == "FAILED"


def test_nothing_is_champion_until_something_is_promoted(tracking: Tracking) -> None:
    assert tracking.champion_digest("churn") is None
    tracking.promote("churn", "aa")
    assert tracking.champion_digest("churn") == "aa"
    tracking.demote("churn")
    assert tracking.champion_digest("churn") is None


def test_an_unknown_digest_cannot_be_promoted(tracking: Tracking) -> None:
    with pytest.raises(NotFound):
        tracking.promote("churn", "cc")


def test_a_look_at_a_serving_model_is_told_on_its_run_by_date(tracking: Tracking) -> None:
    from mlflow import MlflowClient

    at = datetime(2026, 11, 28, 10, tzinfo=UTC)
    told = tracking.monitored("churn", "aa", {"monitor_score_psi": 0.1}, status="watch", at=at)
    client = MlflowClient(tracking_uri=tracking.uri, registry_uri=tracking.uri)
    [version] = client.search_model_versions("tags.model_digest = 'aa'")
    [figure] = client.get_metric_history(version.run_id, "monitor_score_psi")
    assert (told, figure.value, figure.step) == (True, 0.1, 20261128)
    assert client.get_run(version.run_id).data.tags["monitor_status"] == "watch"


def test_a_model_without_a_run_is_told_nowhere(tracking: Tracking) -> None:
    at = datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert not tracking.monitored("churn", "dd", {}, status="fine", at=at)
