"""Boosted trees as plain tables, compiled: their sum, and what each feature adds to it.

A tree of few splits can only be passed in few ways: which of its conditions hold. For each way the
exact Shapley values (Lundberg et al. 2020, by the rows that training saw on each side, as
LightGBM's `pred_contrib`) are worked out once; afterwards a row is a look-up per tree. Sums are
those of LightGBM bit for bit, shares within rounding, and neither depends on who else is computed.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import lightgbm
import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_SPLITS = 8
"""Trees with more splits are left to LightGBM: a table has a line for every set of conditions."""

_ROWS = 256
_ZERO = float(np.float32(1e-35))
_LARGEST = 1e300  # how LightGBM writes an infinite threshold
_F8 = types.Array(types.float64, 1, "C", readonly=True)
_F8_2 = types.Array(types.float64, 2, "C", readonly=True)
_I8 = types.Array(types.int64, 1, "C", readonly=True)
_I8_2 = types.Array(types.int64, 2, "C", readonly=True)
_OUT = types.float64[::1]
_OUT_2 = types.float64[:, ::1]
_COMPILED: WeakKeyDictionary[lightgbm.Booster, "CompiledTrees | None"] = WeakKeyDictionary()
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


class CompiledTrees(NamedTuple):
    """The trees one after another, s splits in all.

    `split_at` (t + 1,) says where each tree's splits begin. `nodes` (s, 2): the feature, and 1
    where a missing value counts as at or below the threshold. `thresholds` (s,). For each set of
    conditions that hold, the first split the lowest bit, `leaves` names the leaf's value, from
    `leaf_at` (t,) on, and `shares` a line of what the tree's features add, from `share_at` (t,) on;
    `used` names these features, from `used_at` (t + 1,) on. `base`: the mean of the sum.
    """

    split_at: Ints
    nodes: Ints
    thresholds: Vector
    leaf_at: Ints
    leaves: Vector
    used_at: Ints
    used: Ints
    share_at: Ints
    shares: Vector
    base: float

    def total(self, values: Matrix) -> Vector:
        """The sum of the trees (n,) for rows (n, k): LightGBM's raw score, bit for bit."""
        return self._run(values, np.zeros((0, 0)))

    def explained(self, values: Matrix) -> tuple[Vector, Matrix]:
        """The sum (n,), and what each feature adds (n, k): with `base` the sum, within rounding."""
        shares = np.zeros(values.shape)
        return self._run(values, shares), shares

    def _run(self, values: Matrix, shares: Matrix) -> Vector:
        total = np.zeros(len(values))
        _run(values, *self[:-1], total, shares)
        return total


def compiled(booster: lightgbm.Booster) -> CompiledTrees | None:
    """Give the tables of a model that does not change any more, worked out the first time."""
    if booster not in _COMPILED:
        _COMPILED[booster] = compile_trees(booster)
    return _COMPILED[booster]


def compile_trees(booster: lightgbm.Booster) -> CompiledTrees | None:
    """Work out the tables of a model; None where a tree is too large or of another kind."""
    trees = booster.dump_model()["tree_info"]
    read = [_read(each["tree_structure"]) for each in trees]
    if any(each is None for each in read):
        return None
    found = [each for each in read if each is not None]
    leaves, shares = [_leaves(each) for each in found], [_shares(each) for each in found]
    nodes = [(node.feature, node.missing_left) for each in found for node in each.nodes]
    return CompiledTrees(
        split_at=_starts(len(each.nodes) for each in found),
        nodes=np.array(nodes, np.int64).reshape(-1, 2),
        thresholds=np.array([x.threshold for each in found for x in each.nodes], np.float64),
        leaf_at=_starts(len(each) for each in leaves)[:-1],
        leaves=np.concatenate([*leaves, np.zeros(0)]),
        used_at=_starts(len(each.features) for each in found),
        used=np.array([feature for each in found for feature in each.features], np.int64),
        share_at=_starts(each.size for each in shares)[:-1],
        shares=np.concatenate([*(each.ravel() for each in shares), np.zeros(0)]),
        base=math.fsum(each.mean for each in found),
    )


class _Node(NamedTuple):
    feature: int
    threshold: float
    missing_left: int
    left: int  # a node of the tree, or below 0 the leaf −1 − left
    right: int
    left_share: float  # of the rows that training saw here


class _Tree(NamedTuple):
    nodes: list[_Node]
    leaves: list[float]
    mean: float

    @property
    def features(self) -> list[int]:
        return sorted({node.feature for node in self.nodes})


def _read(structure: Mapping[str, Any]) -> _Tree | None:
    """Read one tree as LightGBM dumps it."""
    if "split_index" not in structure:
        value = float(structure["leaf_value"])
        return _Tree([], [value], value)
    splits = sorted(_splits(structure), key=lambda each: int(each["split_index"]))
    if len(splits) > MOST_SPLITS or any(
        each["decision_type"] != "<="
        or each["missing_type"] not in ("None", "NaN")
        or not each["internal_count"] > 0
        for each in splits
    ):
        return None
    leaves, mean = [0.0] * (len(splits) + 1), 0.0
    for each in splits:
        for child in (each["left_child"], each["right_child"]):
            if "leaf_index" in child:
                leaf = float(child["leaf_value"])
                leaves[int(child["leaf_index"])] = leaf
                mean += child["leaf_count"] / structure["internal_count"] * leaf
    return _Tree([_node(each) for each in splits], leaves, mean)


def _node(split: Mapping[str, Any]) -> _Node:
    threshold = float(split["threshold"])
    if threshold >= _LARGEST:
        threshold = math.inf
    elif threshold == -_ZERO:  # as small a value counts as 0, which lies above
        threshold = math.nextafter(threshold, -math.inf)
    missing_left = split["default_left"] if split["missing_type"] == "NaN" else threshold >= 0.0
    return _Node(
        int(split["split_feature"]),
        threshold,
        int(missing_left),
        _place(split["left_child"]),
        _place(split["right_child"]),
        _count(split["left_child"]) / split["internal_count"],
    )


def _place(child: Mapping[str, Any]) -> int:
    return int(child["split_index"]) if "split_index" in child else -1 - int(child["leaf_index"])


def _splits(structure: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "split_index" in structure:
        yield structure
        yield from _splits(structure["left_child"])
        yield from _splits(structure["right_child"])


def _count(child: Mapping[str, Any]) -> int:
    return int(child.get("internal_count", child.get("leaf_count", 0)))


def _leaves(tree: _Tree) -> Vector:
    """The value of the leaf that is reached (2^splits,), for each set of conditions that hold."""
    holds = np.arange(2 ** len(tree.nodes))

    def reached(place: int) -> Vector:
        if place < 0:
            return np.full(len(holds), tree.leaves[-1 - place])
        node = tree.nodes[place]
        return np.where((holds >> place) & 1 == 1, reached(node.left), reached(node.right))

    return reached(0 if tree.nodes else -1)


def _shares(tree: _Tree) -> Matrix:
    """What each feature of a tree adds (2^splits, features), for each set of conditions that hold.

    The Shapley value over all sets of features: a split on a feature that is not known yet counts
    both sides by the rows that training saw there.
    """
    features, splits = tree.features, len(tree.nodes)
    known, holds = np.arange(2 ** len(features))[:, None], np.arange(2**splits)[None, :]

    def expected(place: int) -> Matrix:
        if place < 0:
            return np.full((1, 1), tree.leaves[-1 - place])
        node = tree.nodes[place]
        left, right, share = expected(node.left), expected(node.right), node.left_share
        told = np.where((holds >> place) & 1 == 1, left, right)
        is_known = (known >> features.index(node.feature)) & 1 == 1
        return np.where(is_known, told, share * left + (1.0 - share) * right)

    if not features:
        return np.zeros((1, 0))
    told = np.broadcast_to(expected(0), (len(known), holds.shape[1]))
    sizes = np.array([int(each).bit_count() for each in known[:, 0]])
    count = len(features)
    orders = [
        math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
        for size in range(count)
    ]
    found = np.zeros((holds.shape[1], count))
    for j in range(count):
        without = np.flatnonzero((known[:, 0] >> j) & 1 == 0)
        weights = np.array([orders[size] for size in sizes[without]])
        found[:, j] = weights @ (told[without | (1 << j)] - told[without])
    return found


def _starts(sizes: Iterator[int]) -> Ints:
    return np.concatenate([[0], np.cumsum([*sizes])]).astype(np.int64)


@numba.njit(
    types.void(_F8_2, _I8, _I8_2, _F8, _I8, _F8, _I8, _I8, _I8, _F8, _OUT, _OUT_2), **_OPTIONS
)
def _run(
    values: Matrix,
    split_at: Ints,
    nodes: Ints,
    thresholds: Vector,
    leaf_at: Ints,
    leaves: Vector,
    used_at: Ints,
    used: Ints,
    share_at: Ints,
    shares: Vector,
    total: Vector,
    out: Matrix,
) -> None:
    """Add up everything, some rows at a time, each row's sums in the order of the trees."""
    explain = len(out) > 0
    width = values.shape[1]
    holds = np.empty(_ROWS, np.int64)
    turned = np.empty((width, _ROWS))
    added = np.empty((width if explain else 0, _ROWS))
    for begin in range(0, len(values), _ROWS):
        size = min(_ROWS, len(values) - begin)
        for row in range(size):
            for j in range(width):
                turned[j, row] = values[begin + row, j]
        added[:, :size] = 0.0
        for t in range(len(leaf_at)):
            holds[:size] = 0
            for s in range(split_at[t], split_at[t + 1]):
                bit, threshold = s - split_at[t], thresholds[s]
                column, missing_left = turned[nodes[s, 0]], nodes[s, 1]
                for row in range(size):
                    x = column[row]
                    holds[row] |= ((x <= threshold) | ((x != x) & missing_left)) << bit
            for row in range(size):
                total[begin + row] += leaves[leaf_at[t] + holds[row]]
            if explain:
                count = used_at[t + 1] - used_at[t]
                for j in range(count):
                    place, told = used[used_at[t] + j], share_at[t] + j
                    for row in range(size):
                        added[place, row] += shares[told + holds[row] * count]
        if explain:
            for row in range(size):
                for j in range(width):
                    out[begin + row, j] = added[j, row]
