"""How well a score does within parts of the test customers: attributes, tenure and value.

Attributes are those that profiles state and features read; protected ones never become features,
they are the fairness audit's. Tenure and value are cut into thirds of the test customers.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.dataset import Dataset
from features.definitions import FeatureDefinition
from governance.disclosure.groups import Breakdown, hidden_groups
from governance.intervals import wilson
from governance.model.card import ECE_BINS
from governance.model.evaluation import Segment
from training.evaluation.calibration_error import calibration_error
from training.evaluation.evaluate import auc
from training.evaluation.resample import Vector

MIN_CELL = 5
FEWEST_PEOPLE = 30
FEWEST_OF_AN_OUTCOME = 10
MOST_ATTRIBUTES = 12
MOST_SEGMENTS = 8
OTHERS, NONE = "all others", "(none)"
_PEOPLE_PER_BIN = 30
_PROFILE = "profile_"
_TENURES = ("tenure", "months", "days", "years", "weeks")


class Cut(NamedTuple):
    """An attribute and what part each row belongs to, shape (n,)."""

    attribute: str
    parts: NDArray[np.object_]


def by_segment(test: Dataset, probability: Vector, event_kind: str) -> tuple[Segment, ...]:
    """Base rate, AUC and calibration error with intervals in each part of the test customers.

    A part of fewer than 30 people, or with fewer than 10 of either outcome, is not estimable. A
    part of fewer than 5 people is hidden, and so is what would give it away by subtraction, within
    one attribute or between several.
    The calibration error has one bin per 30 people, 15 at most: in few people more would measure
    chance alone.
    """
    found: list[Segment] = []
    told = [Cut(a, parts.astype(str)) for a, parts in cuts(test, event_kind)[:MOST_ATTRIBUTES]]
    hidden = hidden_groups({c.attribute: Breakdown(c.parts.tolist()) for c in told}, MIN_CELL)
    for attribute, parts in told:
        names, places = np.unique(parts, return_inverse=True)
        for place, name in enumerate(map(str, names)):
            if name in hidden[attribute]:
                found.append(Segment(attribute, name, None, None, None, None))
            else:
                found.append(_measured(attribute, name, test, probability, places == place))
    return tuple(found)


def cuts(test: Dataset, event_kind: str) -> list[Cut]:
    """Every way in which the rows of `test` can be told apart: tenure and value, then attributes.

    Of an attribute's values the 8 most frequent stay apart; what has one part only is left out.
    """
    found = []
    tenure = _tenure(test.definitions, event_kind)
    if tenure is not None:
        place, unit = tenure
        found.append(Cut("tenure", _thirds(test.values[:, place], unit)))
    value = longest_window(test.definitions, event_kind, "sum")
    if value is not None:
        window = test.definitions[value].window_days
        period = "ever" if window is None else f"over {window} days"
        found.append(Cut(f"value {period}", _thirds(test.values[:, value], "")))
    found += _attributes(test)
    return [cut for cut in found if len(set(cut.parts.tolist())) > 1]


def _measured(
    attribute: str, name: str, test: Dataset, probability: Vector, inside: NDArray[np.bool_]
) -> Segment:
    y, p, groups = test.y[inside], probability[inside], test.customer_index[inside]
    n, positives = len(y), int(y.sum())
    if n < FEWEST_PEOPLE or min(positives, n - positives) < FEWEST_OF_AN_OUTCOME:
        return Segment(attribute, name, n, None, None, None)
    bins = min(ECE_BINS, n // _PEOPLE_PER_BIN)
    return Segment(
        attribute,
        name,
        n,
        wilson(positives, n),
        auc(y, p),
        calibration_error(y, p, groups, seed=0, bins=bins),
    )


def _attributes(test: Dataset) -> Iterator[Cut]:
    for place, definition in enumerate(test.definitions):
        if not definition.name.startswith(_PROFILE) or definition.aggregate not in (
            "category",
            "last",
        ):
            continue
        column = test.values[:, place]
        known = np.unique(column[~np.isnan(column)])
        if definition.aggregate == "category":
            names: Sequence[str] = definition.categories
        elif set(known.tolist()) <= {0.0, 1.0}:
            names = ("no", "yes")
        else:
            continue
        parts = np.array(
            [NONE if np.isnan(code) else names[int(code)] for code in column], dtype=np.object_
        )
        attribute = definition.name.removeprefix(_PROFILE).replace("_", " ")
        yield Cut(attribute, _frequent(parts))


def _frequent(parts: NDArray[np.object_]) -> NDArray[np.object_]:
    names, counts = np.unique(parts.astype(str), return_counts=True)
    if len(names) <= MOST_SEGMENTS:
        return parts
    kept = set(names[np.lexsort((names, -counts))[:MOST_SEGMENTS]].tolist())
    return np.array([part if part in kept else OTHERS for part in parts], dtype=np.object_)


def _thirds(column: Vector, unit: str) -> NDArray[np.object_]:
    """Name each row's third of the values; bounds are rounded to two digits, equal ones merged."""
    known = column[~np.isnan(column)]
    parts = np.full(len(column), NONE, dtype=np.object_)
    if not len(known):
        return parts
    bounds = sorted({_rounded(float(found)) for found in np.quantile(known, [1 / 3, 2 / 3])})
    space = f" {unit}" if unit else ""
    names = [f"under {bounds[0]:,g}{space}"]
    names += [f"{a:,g} to {b:,g}{space}" for a, b in pairwise(bounds)]
    names += [f"{bounds[-1]:,g}{space} or more"]
    places = np.searchsorted(np.asarray(bounds), column, side="right")
    for place, name in enumerate(names):
        parts[(places == place) & ~np.isnan(column)] = name
    return parts


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")


def _tenure(definitions: Sequence[FeatureDefinition], kind: str) -> tuple[int, str] | None:
    first = longest_window(definitions, kind, "days_since_first")
    if first is not None:
        return first, "days"
    for place, definition in enumerate(definitions):
        name = definition.name.removeprefix(_PROFILE)
        if definition.aggregate == "last" and name.casefold() in _TENURES:
            return place, "" if name.casefold() == "tenure" else name
    return None


def longest_window(
    definitions: Sequence[FeatureDefinition], kind: str, aggregate: str
) -> int | None:
    """Place of the feature over the longest window that says this of one kind of event."""
    found = [
        (np.inf if each.window_days is None else each.window_days, -place)
        for place, each in enumerate(definitions)
        if each.kinds == (kind,)
        and each.aggregate == aggregate
        and not each.where
        and each.column in ("", "value")
    ]
    return -int(max(found)[1]) if found else None
