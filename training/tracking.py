"""Writes runs down in MLflow: what each was given, what came out, and the model's files.

Everything stays under one folder: `mlflow.db` (SQLite) and `artifacts/`. Open it with
`mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db`. The record holds no personal data.
MLflow is a notebook here, never the truth: what may serve is decided by a signed approval, which
the alias `champion` mirrors, and serving reads the bundle, never MLflow.
"""

import fcntl
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.errors import NotFound
from training.run_record import DatasetNote, RunRecord
from training.running import Running

DATABASE, ARTIFACTS, LOCK, RUNNING = "mlflow.db", "artifacts", ".lock", ".running"
CANDIDATE, CHAMPION = "candidate", "champion"
DIGEST_TAG, KIND_TAG, PROJECT_TAG = "model_digest", "kind", "project_run"
PARENT_TAG, CONTEXT_TAG = "mlflow.parentRunId", "mlflow.data.context"
TRAINING, TRIAL, BACKTEST, ORIGIN = "training", "trial", "backtest", "backtest_origin"
OUR_KINDS = (TRAINING, TRIAL, BACKTEST, ORIGIN)
"""Kinds of run that are Keepwell's own; nobody else's is ever closed or changed."""

_DESCRIPTION = "The trees of the blend. The whole model is the run's artifact `bundle`."
_LONGEST_PARAMETER, _LONGEST_TAG, _LONGEST_DIGEST = 6000, 8000, 36
_MOST_PARAMETERS, _MOST_METRICS = 100, 1000


class Tracking:
    """The MLflow store under `folder` (a home's `mlruns/`); imports MLflow when first used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running = Running(folder / RUNNING)

    @property
    def uri(self) -> str:
        """The store's address, for `mlflow ui --backend-store-uri`."""
        return f"sqlite:///{self.folder.resolve() / DATABASE}"

    def start(self, target: str, run_name: str) -> str:
        """Open a run in the experiment named after the target; returns the run's id.

        Runs of Keepwell's own that a killed process left open are closed as KILLED before.
        """
        with self._open() as client:
            self._close_orphans(client)
            tags = {KIND_TAG: TRAINING}
            if "MLFLOW_RUN_ID" in os.environ:  # `mlflow run` keeps a run of its own around ours
                tags[PROJECT_TAG] = os.environ["MLFLOW_RUN_ID"]
            run = client.create_run(self._experiment(client, target), run_name=run_name, tags=tags)
            run_id = str(run.info.run_id)
            self._running.hold(run_id)
            return run_id

    def finish(
        self,
        target: str,
        run_id: str,
        record: RunRecord,
        trials: Mapping[str, RunRecord] | None = None,
    ) -> None:
        """Log everything, register the model under the alias `candidate`, close the run.

        Each of `trials`, by name, becomes a child run.
        """
        with self._open() as client:
            experiment = self._experiment(client, target)
            self._fill(client, run_id, record, tags={DIGEST_TAG: record.digest})
            self._children(client, experiment, run_id, trials or {}, kind=TRIAL)
            source, model_id = self._model(client, target, run_id, record)
            self._register(client, target, run_id, source, model_id, record)
            client.set_terminated(run_id, status="FINISHED")
            self._running.release(run_id)

    def fail(self, run_id: str) -> None:
        """Close a run that came to nothing."""
        with self._open() as client:
            client.set_terminated(run_id, status="FAILED")
            self._running.release(run_id)

    def backtested(
        self, target: str, name: str, whole: RunRecord, parts: Mapping[str, RunRecord]
    ) -> str:
        """Log a back-test as a run of its own kind, with a child run per origin; gives its id.

        No model comes out of it, so none is registered and no alias moves.
        """
        with self._open() as client:
            experiment = self._experiment(client, target)
            parent = client.create_run(experiment, run_name=name, tags={KIND_TAG: BACKTEST})
            parent_id = str(parent.info.run_id)
            self._fill(client, parent_id, whole)
            self._children(client, experiment, parent_id, parts, kind=ORIGIN)
            client.set_terminated(parent_id, status="FINISHED")
            return parent_id

    def promote(self, target: str, digest: str) -> None:
        """Mirror a signed approval: the version with this model digest becomes `champion`.

        Raises `NotFound` when no run of `target` has the digest.
        """
        with self._open() as client:
            version = self._version(client, target, digest)
            if version is None:
                raise NotFound(f"MLflow knows no {target} model with digest {digest[:12]}…")
            client.set_registered_model_alias(target, CHAMPION, version)

    def demote(self, target: str) -> None:
        """Mirror a withdrawn approval: nothing of `target` is `champion` any more."""
        with self._open() as client:
            if self._champion(client, target) is not None:
                client.delete_registered_model_alias(target, CHAMPION)

    def reviewed(
        self, target: str, digest: str, outcome: str, reason: str, *, at: datetime
    ) -> bool:
        """Say on the run and on the model's version how a review ended, and why.

        Tells whether there is a run of this digest; a model from elsewhere has none.
        """
        if not (self.folder / DATABASE).exists():
            return False
        with self._open() as client:
            version = self._version(client, target, digest)
            if version is None:
                return False
            told = {"review": outcome, "review_reason": reason[:_LONGEST_TAG]}
            run_id = client.get_model_version(target, version).run_id
            for name, value in {**told, "reviewed_at": at.isoformat()}.items():
                client.set_tag(run_id, name, value)
                client.set_model_version_tag(target, version, name, value)
            said = f"{outcome.capitalize()} on {at:%Y-%m-%d}: {reason}\n\n{_DESCRIPTION}"
            client.update_model_version(target, version, description=said)
            return True

    def monitored(
        self, target: str, digest: str, metrics: Mapping[str, float], *, status: str, at: datetime
    ) -> bool:
        """Add figures of one look at a serving model to its run; the step is the date, YYYYMMDD.

        Tells whether there is a run of this digest; a model from elsewhere has none.
        """
        if not (self.folder / DATABASE).exists():
            return False
        from mlflow.entities import Metric

        with self._open() as client:
            version = self._version(client, target, digest)
            if version is None:
                return False
            run_id = client.get_model_version(target, version).run_id
            when, step = int(at.timestamp() * 1000), int(f"{at:%Y%m%d}")
            client.log_batch(
                run_id, metrics=[Metric(name, value, when, step) for name, value in metrics.items()]
            )
            client.set_tag(run_id, "monitor_status", status)
            return True

    def champion_digest(self, target: str) -> str | None:
        """The digest that `champion` names now; None when it names nothing."""
        with self._open() as client:
            return self._champion(client, target)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Give a client; one process at a time, since two creating the database together fail."""
        # MLflow would report usage over the network; nothing leaves the house.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("w") as lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's imports and tables warn about themselves
            from mlflow import MlflowClient

            for noisy in ("alembic", "mlflow", "mlflow.store.db.utils"):
                logging.getLogger(noisy).setLevel(logging.WARNING)
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)

    def _experiment(self, client: Any, name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = (self.folder.resolve() / ARTIFACTS).as_uri()
        return str(client.create_experiment(name, artifact_location=f"{place}/{name}"))

    def _close_orphans(self, client: Any) -> None:
        """Close our own runs that are open and that no process holds any more."""
        everywhere = [each.experiment_id for each in client.search_experiments()]
        for run in client.search_runs(everywhere, "attributes.status = 'RUNNING'"):
            ours = run.data.tags.get(KIND_TAG) in OUR_KINDS
            if ours and not self._running.alive(run.info.run_id):
                client.set_terminated(run.info.run_id, status="KILLED")
                self._running.release(run.info.run_id)

    def _children(
        self,
        client: Any,
        experiment: str,
        parent_id: str,
        parts: Mapping[str, RunRecord],
        *,
        kind: str,
    ) -> None:
        for name, record in parts.items():
            tags = {KIND_TAG: kind, PARENT_TAG: parent_id}
            child = client.create_run(experiment, run_name=name, tags=tags)
            self._fill(client, child.info.run_id, record)
            client.set_terminated(child.info.run_id, status="FINISHED")

    def _fill(
        self, client: Any, run_id: str, record: RunRecord, tags: Mapping[str, str] | None = None
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        when = int(datetime.now().timestamp() * 1000)  # noqa: DTZ005 - MLflow's own clock
        metrics = [Metric(name, value, when, 0) for name, value in record.metrics.items()]
        metrics += [
            Metric(name, value, when, step)
            for name, points in record.series.items()
            for step, value in points
        ]
        parameters = [Param(k, v[:_LONGEST_PARAMETER]) for k, v in record.parameters.items()]
        told = {**record.tags, **(tags or {})}
        client.log_batch(
            run_id,
            metrics=metrics[:_MOST_METRICS],
            params=parameters[:_MOST_PARAMETERS],
            tags=[RunTag(name, value[:_LONGEST_TAG]) for name, value in told.items()],
        )
        for begin in range(_MOST_METRICS, len(metrics), _MOST_METRICS):
            client.log_batch(run_id, metrics=metrics[begin : begin + _MOST_METRICS])
        for begin in range(_MOST_PARAMETERS, len(parameters), _MOST_PARAMETERS):
            client.log_batch(run_id, params=parameters[begin : begin + _MOST_PARAMETERS])
        if record.inputs:
            client.log_inputs(run_id, datasets=[_dataset(each) for each in record.inputs])
        for path, place in record.files:
            if path.is_dir():
                client.log_artifacts(run_id, str(path), place or None)
            else:
                client.log_artifact(run_id, str(path), place or None)

    def _model(
        self, client: Any, target: str, run_id: str, record: RunRecord
    ) -> tuple[str, str | None]:
        """Log the booster as text; a blend without trees is registered by its bundle alone."""
        if record.booster is None:
            return f"{client.get_run(run_id).info.artifact_uri}/bundle", None
        import mlflow.lightgbm

        model = client.create_logged_model(
            self._experiment(client, target),
            name=f"{target}_trees",
            source_run_id=run_id,
            tags={DIGEST_TAG: record.digest},
        )
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "model"
            mlflow.lightgbm.save_model(
                record.booster, str(path), pip_requirements=list(record.requirements)
            )
            client.log_model_artifacts(model.model_id, str(path))
        client.finalize_logged_model(model.model_id, "READY")
        return str(model.artifact_location), str(model.model_id)

    def _register(
        self,
        client: Any,
        name: str,
        run_id: str,
        source: str,
        model_id: str | None,
        record: RunRecord,
    ) -> None:
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        version = client.create_model_version(
            name,
            source=source,
            run_id=run_id,
            tags={DIGEST_TAG: record.digest},
            description=_DESCRIPTION,
            model_id=model_id,
        )
        client.set_registered_model_alias(name, CANDIDATE, version.version)

    def _champion(self, client: Any, target: str) -> str | None:
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_model_version_by_alias(target, CHAMPION)
        except MlflowException:
            return None
        return str(found.tags[DIGEST_TAG])

    def _version(self, client: Any, target: str, digest: str) -> str | None:
        found = [
            each
            for each in client.search_model_versions(f"name = '{target}'")
            if each.tags.get(DIGEST_TAG) == digest
        ]
        return max((str(each.version) for each in found), key=int, default=None)


def _dataset(note: DatasetNote) -> Any:
    """Make of a note what the column Datasets of MLflow's table shows."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [{"name": name, "type": "double", "required": False} for name in note.columns]
    found = Dataset(
        name=note.name,
        digest=note.digest[:_LONGEST_DIGEST],
        source_type="code",
        source=json.dumps({"tags": {"manifest_digest": note.digest}}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps(dict(note.profile)),
    )
    return DatasetInput(found, tags=[InputTag(CONTEXT_TAG, note.context)])
