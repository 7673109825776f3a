"""The truth of a target, for each customer at one instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.proof import Permit

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Unknown(NamedTuple):
    """Customers (m,) of whom the truth cannot be said, the step they are counted at, and why."""

    step: str
    reason: str
    who: Bools


class Labels(NamedTuple):
    """Truth per customer, in the order of `Histories.customers`.

    `y` (m,) is 1.0 or 0.0 at the main horizon, NaN where it cannot be known yet or was not given;
    `eligible` (m,) says who the question makes sense for. `nested` (m, h − 1) are the outcomes at
    the shorter horizons, ascending. `unknown` names customers who are left out for a reason of
    their own; their `y` means nothing. `value` (m,) is an amount that comes with the outcome,
    `category` (m,) its kind, None for customers without the outcome.
    """

    y: Floats
    eligible: Bools
    nested: Floats
    unknown: tuple[Unknown, ...] = ()
    value: Floats | None = None
    category: NDArray[np.object_] | None = None


@dataclass(frozen=True)
class Circumstances:
    """What a truth depends on beside histories and target; instants in µs.

    `observed_until` is the end of what the history covers; `known_until` limits what had arrived
    (None: by now); `given` are labels a company states; `permits` by purpose.
    """

    observed_until: int
    known_until: int | None = None
    given: Mapping[str, float] = field(default_factory=dict)
    permits: Mapping[str, Permit] = field(default_factory=dict)
