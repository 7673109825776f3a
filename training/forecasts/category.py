"""Which kind of thing a person will need next, if they need anything: plain numbers to serve with.

Either boosted trees say it, or a person's own shares of the past year mixed with everyone's, or
everyone's shares alone. A temperature fitted on held-out rows makes the probabilities honest, and
every category keeps a little of everyone's share, so that none is ever impossible.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightgbm
import numpy as np

from governance.errors import InvalidInput
from training.model import Matrix, Vector

CATEGORY, CATEGORY_TREES = "category.json", "category.txt"
OTHER = "other"
LEAST_SHARE = 0.01
_MANY_ROWS = 20_000


class Likely(NamedTuple):
    """A category and how likely it is, given that the event happens."""

    category: str
    probability: float


@dataclass(frozen=True)
class OwnShares:
    """A person's own shares of each category, mixed with everyone's.

    `places` (c,): the column with the person's share of each category, −1 where no feature says it;
    what a person's known shares leave is dealt to those in proportion to everyone's. `weight`: how
    much the own shares count, above 0 and below 1.
    """

    places: tuple[int, ...]
    weight: float

    def probabilities(self, values: Matrix, shares: Vector) -> Matrix:
        """Mixed shares (n, c); everyone's `shares` (c,) for who has none of their own."""
        has = np.asarray(self.places) >= 0
        own = np.zeros((len(values), len(shares)))
        own[:, has] = values[:, [place for place in self.places if place >= 0]]
        known = ~np.isnan(own[:, has]).any(axis=1)
        own = np.nan_to_num(own)
        spare = shares * ~has
        if spare.sum() > 0:
            left = np.clip(1.0 - np.sum(own, axis=1), 0.0, 1.0)
            own += left[:, None] * (spare / spare.sum())
        total = np.sum(own, axis=1)
        known &= total > 0
        own = own / np.where(total > 0, total, 1.0)[:, None]
        return np.where(known[:, None], self.weight * own + (1 - self.weight) * shares, shares)


@dataclass(frozen=True)
class CategoryModel:
    """Probabilities of c categories (`names`) given that the event happens, over k features.

    `shares` (c,): of everyone in training. Equal rows give bit-equal answers, one or a million.
    """

    features: int
    names: tuple[str, ...]
    shares: Vector
    own: OwnShares | None
    trees: lightgbm.Booster | None
    temperature: float

    @property
    def method(self) -> str:
        """Which of its parts speak: trees, own_shares or shares."""
        if self.trees is not None:
            return "trees"
        return "shares" if self.own is None else "own_shares"

    def predict(self, values: Matrix) -> Matrix:
        """Probabilities (n, c) in the order of `names`, rows adding up to 1, for rows (n, k).

        Raises `InvalidInput` when the number of columns is not k.
        """
        if values.ndim != 2 or values.shape[1] != self.features:
            raise InvalidInput(
                f"a table of shape {values.shape} was found, (n, {self.features}) is needed",
                hint="compute the features with the definitions that came with the model",
            )
        return tempered(self.scores(values), self.temperature, self.shares)

    def scores(self, values: Matrix) -> Matrix:
        """Logarithms of unscaled probabilities, before the temperature, shape (n, c)."""
        if self.trees is not None and len(values):
            threads = 0 if len(values) > _MANY_ROWS else 1
            return np.asarray(self.trees.predict(values, raw_score=True, num_threads=threads))
        if self.own is not None:
            return np.log(self.own.probabilities(values, self.shares))
        return np.repeat(np.log(self.shares)[None], len(values), axis=0)

    def likeliest(self, probabilities: Vector, most: int = 3) -> tuple[Likely, ...]:
        """Name the likeliest of one person's `probabilities` (c,), largest first."""
        order = np.argsort(-probabilities, kind="stable")[:most]
        return tuple(Likely(self.names[j], float(probabilities[j])) for j in order.tolist())

    def to_files(self) -> dict[str, bytes]:
        """Plain files by name; `from_files` gives an equal model back."""
        content: dict[str, Any] = {
            "features": self.features,
            "names": list(self.names),
            "shares": self.shares.tolist(),
            "own": None
            if self.own is None
            else {"places": list(self.own.places), "weight": self.own.weight},
            "temperature": self.temperature,
        }
        text = json.dumps(content, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1)
        files = {CATEGORY: (text + "\n").encode()}
        if self.trees is not None:
            files[CATEGORY_TREES] = self.trees.model_to_string(num_iteration=-1).encode()
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "CategoryModel":
        """Read what `to_files` wrote; check the digests of the bytes before."""
        found, trees = json.loads(files[CATEGORY]), files.get(CATEGORY_TREES)
        own = found["own"]
        return cls(
            features=int(found["features"]),
            names=tuple(found["names"]),
            shares=np.asarray(found["shares"], dtype=np.float64),
            own=None if own is None else OwnShares(tuple(own["places"]), float(own["weight"])),
            trees=None if trees is None else lightgbm.Booster(model_str=trees.decode()),
            temperature=float(found["temperature"]),
        )


def tempered(scores: Matrix, temperature: float, shares: Vector) -> Matrix:
    """Softmax of scores ÷ temperature (n, c), each mixed with 1 % of everyone's `shares` (c,)."""
    scaled = scores / temperature
    raised = np.exp(scaled - np.max(scaled, axis=1, keepdims=True))
    probabilities = raised / np.sum(raised, axis=1, keepdims=True)
    return np.asarray((1 - LEAST_SHARE) * probabilities + LEAST_SHARE * shares)
