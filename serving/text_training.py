"""A home's own model of texts: trained on labelled ones, used where it beats the word lists."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from features.text.model import save
from governance.errors import InvalidInput
from serving.bootstrap import Keepwell
from serving.text import CURRENT, models_folder
from training.text.fit import TextComparison, compare, fit
from training.text.labelled import read_labelled


class Trained(NamedTuple):
    """What came of training: the comparison, and the model's digest where it replaced the lists."""

    comparison: TextComparison
    model_digest: str | None
    low: float
    high: float


def train_text_model(
    keepwell: Keepwell, path: Path, *, scale: tuple[float, float] | None, now: datetime
) -> Trained:
    """Fit a model to labelled texts; it replaces the word lists only where it is better.

    `scale` is the lowest and highest rating there can be; without it, those in the file. Raises
    `InsufficientData` below 100 labels.
    """
    labelled = read_labelled(path)
    ratings = labelled.ratings
    low, high = scale or (float(ratings.min(initial=0)), float(ratings.max(initial=0)))
    if scale is not None and (not low < high or ((ratings < low) | (ratings > high)).any()):
        raise InvalidInput(
            f"the scale {low:g} to {high:g} does not hold every rating",
            hint="state the lowest and the highest rating there can be: --scale 1 5",
        )
    found = compare(labelled)
    if not found.better:
        return Trained(found, None, low, high)
    folder = models_folder(keepwell.home)
    model = save(fit(labelled, low=low, high=high), folder)
    with keepwell.database.write() as conn:
        body = {"model_digest": model.digest, "labels": model.labels, "scorer": model.scorer}
        keepwell.ledger.append(conn, "text_model_replaced", body, now=now)
    aside = folder / f".{CURRENT}.writing"
    aside.write_text(model.digest, encoding="ascii")
    aside.replace(folder / CURRENT)
    return Trained(found, model.digest, low, high)
