"""Writes a training run down in MLflow: what it was given, what came out, and the model's files.

Everything stays under one folder: `mlflow.db` (SQLite) and `artifacts/`. Open it with
`mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db`. The record holds no personal data.
MLflow is a notebook here, never the truth: what may serve is decided by a signed approval, which
the alias `champion` mirrors, and serving reads the bundle, never MLflow.
"""

import fcntl
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import lightgbm

from governance.errors import NotFound

DATABASE, ARTIFACTS, LOCK = "mlflow.db", "artifacts", ".lock"
CANDIDATE, CHAMPION = "candidate", "champion"
DIGEST_TAG = "model_digest"
PARENT_TAG = "mlflow.parentRunId"
_LONGEST_PARAMETER = 500


@dataclass(frozen=True)
class RunRecord:
    """What one training run leaves behind; parameters, metrics and tags hold no personal data.

    `files`: paths to copy, each with the folder it goes to ("" for the top). `booster`: logged as
    an MLflow model of its own, as LightGBM text; it is one member of the blend, the artifact
    `bundle` holds the whole.
    """

    digest: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Sequence[tuple[Path, str]] = ()
    booster: lightgbm.Booster | None = None
    requirements: Sequence[str] = field(default=("lightgbm",))


class Tracking:
    """The MLflow store under `folder` (a home's `mlruns/`); imports MLflow when first used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def uri(self) -> str:
        """The store's address, for `mlflow ui --backend-store-uri`."""
        return f"sqlite:///{self.folder.resolve() / DATABASE}"

    def start(self, target: str, run_name: str) -> str:
        """Open a run in the experiment named after the target; returns the run's id."""
        with self._open() as client:
            run = client.create_run(self._experiment(client, target), run_name=run_name)
            return str(run.info.run_id)

    def finish(self, target: str, run_id: str, record: RunRecord) -> None:
        """Log everything, register the model under the alias `candidate`, close the run."""
        with self._open() as client:
            for name, value in {**record.tags, DIGEST_TAG: record.digest}.items():
                client.set_tag(run_id, name, value)
            self._fill(client, run_id, record)
            source, model_id = self._model(client, target, run_id, record)
            self._register(client, target, run_id, source, model_id, record.digest)
            client.set_terminated(run_id, status="FINISHED")

    def fail(self, run_id: str) -> None:
        """Close a run that came to nothing."""
        with self._open() as client:
            client.set_terminated(run_id, status="FAILED")

    def backtested(
        self, target: str, name: str, whole: RunRecord, parts: Mapping[str, RunRecord]
    ) -> str:
        """Log a back-test as a run of its own kind, with a child run per origin; gives its id.

        No model comes out of it, so none is registered and no alias moves.
        """
        with self._open() as client:
            experiment = self._experiment(client, target)
            parent = client.create_run(
                experiment, run_name=name, tags={**whole.tags, "kind": "backtest"}
            )
            parent_id = str(parent.info.run_id)
            self._fill(client, parent_id, whole)
            for title, record in parts.items():
                tags = {**record.tags, "kind": "backtest_origin", PARENT_TAG: parent_id}
                child = client.create_run(experiment, run_name=title, tags=tags)
                self._fill(client, child.info.run_id, record)
                client.set_terminated(child.info.run_id, status="FINISHED")
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

    def _fill(self, client: Any, run_id: str, record: RunRecord) -> None:
        from mlflow.entities import Metric, Param

        started = client.get_run(run_id).info.start_time
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, started, 0) for name, value in record.metrics.items()],
            params=[Param(k, v[:_LONGEST_PARAMETER]) for k, v in record.parameters.items()],
        )
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
        digest: str,
    ) -> None:
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        version = client.create_model_version(
            name,
            source=source,
            run_id=run_id,
            tags={DIGEST_TAG: digest},
            description="The trees of the blend. The whole model is the run's artifact `bundle`.",
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
