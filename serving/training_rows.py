"""The rows a training would learn from and be tested on: to look at, or for other models."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from features.labels import Target
from serving.bootstrap import Keepwell
from training.extract import Extract, extract


def training_rows(
    keepwell: Keepwell,
    target: Target,
    *,
    test_as_of: datetime | None = None,
    split_file: Path | None = None,
    exclude: tuple[str, ...] = (),
    seed: int = 0,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Extract:
    """Give features and labels, point in time, of everyone who permits training, split in two.

    The same arguments as `serving.models.train_model` give the very rows it would use: another
    model fitted on `.train` and tested on `.test` can be compared person by person. Raises what
    `training.extract.extract` raises.
    """
    with keepwell.database.read() as conn:
        return extract(
            conn,
            keepwell.registry,
            keepwell.store,
            target,
            test_as_of=test_as_of,
            split_file=split_file,
            inside_id=keepwell.inside_id,
            exclude=exclude,
            features=keepwell.features,
            seed=seed,
            now=now,
            progress=progress,
        )
