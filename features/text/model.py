"""A home's own reading of texts, learned from its own labels: plain arrays, no pickle, no words.

TF-IDF of n-grams (`grams`) and the scores of the word lists, weighted by a ridge. It is fitted in
`training.text.fit`; here it is read from its files and applied.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.text.grams import BLOCKS, Grams, block_of, grams
from features.text.lexicon import english
from features.text.sentiment import scorer_version, weigh
from governance.errors import IntegrityBroken, InvalidInput, NotFound

FORMAT = "keepwell text model 1"
LEXICON_SCORES = ("polarity", "intensity", "positive", "negative")
_WEIGHT = 3.0
_SQUASH = 15.0
_ARRAYS = ("hashed", "idf", "weights")
_CHUNK = 2_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TextModel:
    """What turns cleaned texts into polarity.

    `hashed` (v,) are the n-grams it knows in ascending order, `idf` and `weights` (v,) belong to
    them; `lexicon_weights` (4,) to `LEXICON_SCORES`. Ratings lie on `low` to `high`. `scorer` is
    the version of the word lists it was fitted with; `digest` names its files (empty before they
    are written).
    """

    hashed: NDArray[np.uint64]
    idf: Floats
    weights: Floats
    lexicon_weights: tuple[float, ...]
    intercept: float
    low: float
    high: float
    scorer: str
    labels: int
    digest: str = ""

    def ratings(self, texts: Sequence[str]) -> Floats:
        """Predict the rating of each cleaned text (n,), on the scale of the labels, unbounded."""
        found = [
            self._ratings(texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)
        ]
        return np.concatenate(found) if found else np.zeros(0)

    def polarity(self, texts: Sequence[str]) -> list[float]:
        """Give the polarity of each cleaned text, -1 to 1: the rating, its scale made -1 to 1."""
        scaled = 2 * (self.ratings(texts) - self.low) / (self.high - self.low) - 1
        return [float(each) for each in np.clip(scaled, -1, 1)]

    def _ratings(self, texts: Sequence[str]) -> Floats:
        row, column, value = weighted(grams(texts), self.hashed, self.idf)
        said = np.bincount(row, value * self.weights[column], minlength=len(texts))
        listed: Floats = lexicon_scores(texts) @ np.array(self.lexicon_weights)
        return said + listed + self.intercept


def weighted(
    found: Grams, known: NDArray[np.uint64], idf: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Give the TF-IDF of the known n-grams: rows, places in `known`, values.

    (1 + ln count) · idf, each block (words, characters) of each text scaled to length 1.
    """
    place = np.searchsorted(known, found.hashed)
    hit = place < len(known)
    hit[hit] = known[place[hit]] == found.hashed[hit]
    row, column = found.row[hit], place[hit]
    value = (1 + np.log(found.times[hit])) * idf[column]
    vector = row * len(BLOCKS) + block_of(found.hashed[hit])
    length = np.sqrt(np.bincount(vector, value * value))
    return row, column, value / length[vector] if len(value) else value


def lexicon_scores(texts: Sequence[str]) -> Floats:
    """Give what the word lists say of each cleaned text (n, 4), in the order of `LEXICON_SCORES`.

    Each is x ÷ √(x² + 15) of a sum of valences over the root of their number, times 3 (so that the
    ridge listens to it as to several n-grams).
    """
    lexicon = english()
    found = np.zeros((len(texts), len(LEXICON_SCORES)))
    for row, text in enumerate(texts):
        said = np.array([each.valence for each in weigh(text, lexicon)])
        if len(said):
            sums = (said.sum(), np.abs(said).sum(), said[said > 0].sum(), said[said < 0].sum())
            found[row] = np.array(sums) / sqrt(len(said))
    squashed: Floats = _WEIGHT * found / np.sqrt(found * found + _SQUASH)
    return squashed


def save(model: TextModel, folder: Path) -> TextModel:
    """Write a model to `folder/<digest>/`, whole or not at all; gives it with its digest."""
    members = {f"{name}.npy": _array_bytes(getattr(model, name)) for name in _ARRAYS}
    described = {
        "format": FORMAT,
        "lexicon_weights": list(model.lexicon_weights),
        "intercept": model.intercept,
        "low": model.low,
        "high": model.high,
        "scorer": model.scorer,
        "labels": model.labels,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    }
    written = json.dumps(described, sort_keys=True, indent=1).encode()
    digest = hashlib.sha256(written).hexdigest()
    place = folder / digest
    if not place.is_dir():
        aside = folder / f".{digest}.writing"
        aside.mkdir(parents=True, exist_ok=True)
        for name, data in (members | {"model.json": written}).items():
            (aside / name).write_bytes(data)
        aside.replace(place)
    return replace(model, digest=digest)


def load(place: Path) -> TextModel:
    """Read a model from its folder, whose name is its digest; every byte is checked first.

    Raises `NotFound`, `IntegrityBroken` where a file is not what it was, and `InvalidInput` for a
    model made with other word lists than these.
    """
    path = place / "model.json"
    if not path.is_file():
        raise NotFound(f"there is no text model in {place.name!r}", hint="keepwell text train FILE")
    written = path.read_bytes()
    if hashlib.sha256(written).hexdigest() != place.name:
        raise _changed(path)
    described: dict[str, Any] = json.loads(written)
    if described["scorer"] != scorer_version():
        raise InvalidInput(
            "the text model was made with other word lists than this version has",
            hint="train it again: keepwell text train FILE",
        )
    arrays = {name: _checked(place / f"{name}.npy", described["sha256"]) for name in _ARRAYS}
    return TextModel(
        **arrays,
        lexicon_weights=tuple(described["lexicon_weights"]),
        intercept=described["intercept"],
        low=described["low"],
        high=described["high"],
        scorer=described["scorer"],
        labels=described["labels"],
        digest=place.name,
    )


def _checked(path: Path, expected: dict[str, str]) -> NDArray[Any]:
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != expected[path.name]:
        raise _changed(path)
    found: NDArray[Any] = np.load(BytesIO(data), allow_pickle=False)
    return found


def _array_bytes(array: NDArray[Any]) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _changed(path: Path) -> IntegrityBroken:
    return IntegrityBroken(
        f"{path.name} of the text model is not what it was when it was written",
        hint="train it again, or restore it from a backup",
    )
