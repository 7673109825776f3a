"""Stops a training run, with the feature's name, when a feature knows what it cannot know.

Three ways to know too much are looked for, on training rows only. A feature that *alone separates*
the outcomes too well, by its order, by single values or codes, or by being there at all. A feature
that *changes when the future is removed*: some customers' features are computed once more from
histories in which everything not knowable at as_of was really taken away, and compared bit for bit.
A feature that *derives from the label*: of a snapshot the mapping refuses, before anything is
imported, every attribute whose expression reads a column that a label reads, too. Of a history no
feature can read the label's own events after as_of: definitions name kinds and windows that end at
as_of, and there is no way to write a later one; the second look holds what computes them to it.

The checks share nothing with what builds or splits the data, so that a mistake there does not hide
here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from features.dataset import Dataset
from features.history import Histories
from features.kernel import compute
from features.own_functions import OwnFunction
from governance.errors import InvalidInput
from governance.model.checks import LeakCheck
from governance.proof import Permit

SUSPECT_AUC = 0.98
FEWEST_ROWS = 50
FEWEST_OF_EACH = 5
MOST_ROWS = 10_000
MOST_ROWS_BY_VALUE = 100_000
MOST_CUSTOMERS = 500
MOST_INSTANTS = 4
MOST_GROUPS = 64

_NEVER = np.iinfo(np.int64).max


class Suspect(NamedTuple):
    """A feature that alone separates the outcomes: its AUC, whichever way round, ≥ 0.5.

    `where`: by its `value` (the higher, the likelier, or the other way round), by its `presence`,
    or by its `groups` (single values or ranges that hold one outcome only, on rows held out).
    """

    feature: str
    auc: float
    where: str


@dataclass(frozen=True, eq=False)
class Probe:
    """Some customers' whole histories, with what their features were computed with."""

    histories: Histories
    permits: Mapping[str, Permit]
    functions: Mapping[str, OwnFunction]


def stop_on_leak(train: Dataset, probe: Probe | None = None) -> tuple[LeakCheck, ...]:
    """Raise `InvalidInput` naming every feature that knows too much; else say what was looked at.

    `probe` is made by `probe_of` of the histories that `train` was built from; without one the
    future is not looked at.
    """
    found = suspects(train.values, train.y, train.names, groups=train.customer_index)
    problems = []
    if found:
        listed = ", ".join(
            f"{each.feature} (AUC {each.auc:.3f} by its {each.where})" for each in found
        )
        problems.append(f"the outcome can be read off {listed} alone")
    changed = () if probe is None else changed_without_future(train, probe)
    if changed:
        problems.append(f"{', '.join(changed)} changed when what came after as_of was taken away")
    if problems:
        raise InvalidInput(
            "; ".join(problems),
            hint="such a feature is usually written after the fact: exclude it, or give it the "
            "known_at at which it really became known",
        )
    looked = 0 if probe is None else len(probe.histories)
    return (
        LeakCheck(
            "alone",
            "passed",
            f"none of {len(train.names)} features alone separates the outcomes (AUC above "
            f"{SUSPECT_AUC}), by value, presence or group, on {len(train):,} rows",
        ),
        LeakCheck(
            "future",
            "passed" if looked else "not_run",
            f"features of {looked:,} customers are the same, bit for bit, when what came after "
            "as_of is really taken away",
        ),
    )


def suspects(
    values: NDArray[np.float64],
    y: NDArray[np.float64],
    names: Sequence[str],
    *,
    groups: NDArray[np.int64] | None = None,
    limit: float = SUSPECT_AUC,
) -> tuple[Suspect, ...]:
    """Find every feature of `values` (n, k) that alone has an AUC above `limit`.

    A feature is looked at by its value (where it has one), by whether it is missing at all, and by
    a small tree that learns single values and ranges on half of the `groups` (n,) (customers) and
    is judged on the others: an id, or noise with many values, tells nothing about people it has
    not seen. Of many rows 100,000 are looked at, 10,000 that last way.
    """
    members = np.arange(len(y)) if groups is None else groups
    if len(y) > MOST_ROWS_BY_VALUE:
        some = np.random.default_rng(0).choice(len(y), MOST_ROWS_BY_VALUE, replace=False)
        some.sort()
        values, y, members = values[some], y[some], members[some]
    learn, judge = _halves(members)
    found = []
    for j, name in enumerate(names):
        column = values[:, j]
        for where, separation in _looks(column, y, learn, judge):
            if separation is not None and separation > limit:
                found.append(Suspect(name, separation, where))
                break
    return tuple(found)


def probe_of(
    histories: Histories,
    rows: Dataset,
    *,
    permits: Mapping[str, Permit],
    functions: Mapping[str, OwnFunction],
    seed: int,
) -> Probe:
    """Choose at most 500 of the customers of some rows, and keep their histories alone."""
    _, first = np.unique(rows.customer_index, return_index=True)
    people = rows.customers[first]
    if len(people) > MOST_CUSTOMERS:
        people = np.random.default_rng(seed).choice(people, MOST_CUSTOMERS, replace=False)
    return Probe(_only(histories, set(people.tolist())), permits, functions)


def changed_without_future(rows: Dataset, probe: Probe) -> tuple[str, ...]:
    """Name the features of some rows that differ, in any bit, once the future is gone.

    Looked at are at most four of the instants, evenly spread, the first and the last among them.
    """
    place = {each: k for k, each in enumerate(probe.histories.customers.tolist())}
    index = np.array([place.get(each, -1) for each in rows.customers.tolist()], np.int64)
    differs = np.zeros(len(rows.names), np.bool_)
    instants = np.unique(rows.as_of[index >= 0])
    spread = np.linspace(0, len(instants) - 1, MOST_INSTANTS).round().astype(np.int64)
    for as_of in np.unique(instants[spread]).tolist() if len(instants) else ():
        here = np.flatnonzero((rows.as_of == as_of) & (index >= 0))
        past = _without_future(probe.histories, as_of)
        table = compute(
            past, rows.definitions, [as_of], permits=probe.permits, functions=probe.functions
        )
        again = np.full((len(place), len(rows.names)), np.nan)
        again[table.customer_index] = table.values
        differs |= ~_same(rows.values[here], again[index[here]]).all(axis=0)
    return tuple(np.asarray(rows.names)[differs].tolist())


def _looks(
    column: NDArray[np.float64],
    y: NDArray[np.float64],
    learn: NDArray[np.int64],
    judge: NDArray[np.int64],
) -> Iterator[tuple[str, float | None]]:
    missing = np.isnan(column)
    yield "value", _separation(column[~missing], y[~missing])
    if 0 < missing.sum() < len(missing):
        yield "presence", _separation(missing.astype(np.float64), y)
    yield "groups", _by_groups(column, y, learn, judge)


def _by_groups(
    column: NDArray[np.float64],
    y: NDArray[np.float64],
    learn: NDArray[np.int64],
    judge: NDArray[np.int64],
) -> float | None:
    """AUC on held-out rows of what a tree on this column alone learned from the others."""
    if _too_few(y[learn]) or _too_few(y[judge]) or np.isinf(column).any():
        return None
    tree = DecisionTreeClassifier(
        max_leaf_nodes=MOST_GROUPS, min_samples_leaf=FEWEST_OF_EACH, random_state=0
    )
    tree.fit(column[learn, None], y[learn])
    return _separation(tree.predict_proba(column[judge, None])[:, 1], y[judge])


def _halves(groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from and rows to judge on, of different groups, some 10,000 in all."""
    people, code = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(0).random(len(people))
    share = min(1.0, MOST_ROWS / max(len(groups), 1))
    side = drawn[code]
    return np.flatnonzero(side < share / 2), np.flatnonzero((side >= share / 2) & (side < share))


def _too_few(y: NDArray[np.float64]) -> bool:
    positives = int((y == 1).sum())
    return len(y) < FEWEST_ROWS or min(positives, len(y) - positives) < FEWEST_OF_EACH


def _separation(column: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    if _too_few(y):
        return None
    positives = int((y == 1).sum())
    negatives = len(y) - positives
    _, place, count = np.unique(column, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(count) - (count - 1) / 2
    above = float(middle_rank[place][y == 1].sum()) - positives * (positives + 1) / 2
    area = above / (positives * negatives)
    return max(area, 1 - area)


def _without_future(histories: Histories, as_of: int) -> Histories:
    """Take away every event that had not happened or was not known, and every later correction."""
    known = (histories.occurred_at < as_of) & (histories.known_at < as_of)
    past = histories.take(known)
    ended = np.where(past.superseded_at >= as_of, _NEVER, past.superseded_at)
    return replace(past, superseded_at=ended)


def _only(histories: Histories, people: set[str]) -> Histories:
    """The histories of these customers and nobody else."""
    chosen = np.array([each in people for each in histories.customers], np.bool_)
    some = histories.take(chosen[histories.customer_of_event])
    sizes = np.diff(some.offsets)[chosen]
    origins = some.origins
    if origins is not None:
        place = np.cumsum(chosen) - 1
        away = {int(place[k]): spans for k, spans in origins.away.items() if chosen[k]}
        origins = replace(origins, away=away)
    return replace(
        some,
        customers=histories.customers[chosen],
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        origins=origins,
    )


def _same(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether numbers are the same in every bit; missing is missing."""
    left, right = np.ascontiguousarray(a).view(np.int64), np.ascontiguousarray(b).view(np.int64)
    return np.asarray((left == right) | (np.isnan(a) & np.isnan(b)), np.bool_)
