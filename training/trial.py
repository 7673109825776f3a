"""Tries a bundle in a process of its own: a damaged tree file may end the interpreter.

python -m training.trial DIRECTORY DIGEST        ends with 0 where the model gives a number
"""

import os
import sys
from pathlib import Path

from training.lightgbm_alone import import_alone

import_alone()

import numpy as np  # noqa: E402 - what is below finds LightGBM loaded

from governance.errors import IntegrityBroken  # noqa: E402
from training.bundle import load  # noqa: E402

_MODEST = 10


def try_bundle(directory: Path, expected_digest: str) -> None:
    """Load a bundle and score an empty row; raises `IntegrityBroken` where that gives no number."""
    loaded = load(directory, expected_digest=expected_digest)
    row = np.full((1, len(loaded.names)), np.nan)
    horizons = loaded.whole.horizons(row, loaded.predict(row))
    if not all(np.isfinite(each.probability).all() for each in horizons):
        raise IntegrityBroken("the model gives no number for an empty row")


if __name__ == "__main__":
    os.nice(_MODEST)  # requests go first
    try_bundle(Path(sys.argv[1]), sys.argv[2])
