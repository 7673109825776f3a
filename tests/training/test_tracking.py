"""A run is written down under one folder; champion mirrors what was signed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from governance.errors import NotFound
from tests.training.examples import fitted
from training.run_record import DatasetNote, RunRecord
from training.tracking import Tracking


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


def client_of(tracking: Tracking) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking.uri, registry_uri=tracking.uri)


def test_a_run_left_open_by_a_dead_process_is_closed_by_the_next(tracking: Tracking) -> None:
    client = client_of(tracking)
    experiment = client.get_experiment_by_name("churn").experiment_id
    left = client.create_run(experiment, tags={"kind": "training"}).info.run_id
    own = client.create_run(experiment, run_name="somebody's own trial").info.run_id
    alive = tracking.start("churn", "under way")
    tracking.fail(tracking.start("churn", "the next"))
    status = {each: client.get_run(each).info.status for each in (left, own, alive)}
    tracking.fail(alive)
    assert status == {left: "KILLED", own: "RUNNING", alive: "RUNNING"}


def test_what_was_tried_is_a_child_run_with_its_losses_by_step(tracking: Tracking) -> None:
    run_id = tracking.start("next_need", "with trials")
    shape = RunRecord("", {"trees": "50"}, {}, {}, series={"loss": ((25, 0.7), (50, 0.6))})
    rows = DatasetNote("next_need training", "training", "f" * 64, ("a", "b"), {"rows": 3})
    record = RunRecord("ee", {}, {}, {"gate": "approved"}, inputs=[rows])
    tracking.finish("next_need", run_id, record, {"shape 1": shape})
    client = client_of(tracking)
    parent = client.get_run(run_id)
    [child] = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'"
    )
    history = client.get_metric_history(child.info.run_id, "loss")
    assert [(each.step, each.value) for each in history] == [(25, 0.7), (50, 0.6)]
    assert (child.info.status, child.data.tags["kind"]) == ("FINISHED", "trial")
    [given] = parent.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("next_need training", "f" * 36)
    assert parent.data.tags["gate"] == "approved"


def test_a_rejected_model_says_why_on_its_run_and_its_version(tracking: Tracking) -> None:
    at = datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert tracking.reviewed("churn", "bb", "rejected", "leans on one shop", at=at)
    [version] = client_of(tracking).search_model_versions("tags.model_digest = 'bb'")
    tags = client_of(tracking).get_run(version.run_id).data.tags
    assert (tags["review"], tags["review_reason"]) == ("rejected", "leans on one shop")
    assert version.description.startswith("Rejected on 2026-11-28: leans on one shop")


def test_a_review_of_a_model_without_a_run_is_told_nowhere(tracking: Tracking) -> None:
    at = datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert not tracking.reviewed("churn", "dd", "rejected", "no", at=at)
