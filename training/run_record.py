"""What is to be written down of a run, as plain values; no personal data is in any of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import lightgbm


class DatasetNote(NamedTuple):
    """Rows that a run read: for what (`training`, `testing`), their digest and what they hold.

    `digest` is the whole SHA-256; `columns` are feature names; `profile` counts.
    """

    name: str
    context: str
    digest: str
    columns: tuple[str, ...]
    profile: Mapping[str, int]


@dataclass(frozen=True)
class RunRecord:
    """What one run leaves behind; parameters, metrics and tags hold no personal data.

    `files`: paths to copy, each with the folder it goes to ("" for the top). `booster`: logged as
    an MLflow model of its own, as LightGBM text; it is one member of the blend, the artifact
    `bundle` holds the whole. `series`: figures over steps (a number of trees, a share in percent, a
    date as YYYYMMDD), which MLflow draws as lines. `inputs`: the rows that were read.
    """

    digest: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Sequence[tuple[Path, str]] = ()
    booster: lightgbm.Booster | None = None
    requirements: Sequence[str] = field(default=("lightgbm",))
    series: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    inputs: Sequence[DatasetNote] = ()
