"""The curves of the additive member, compiled: straight lines between knots, added up in order."""

from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

_F8 = types.Array(types.float64, 1, "C", readonly=True)
_F8_2 = types.Array(types.float64, 2, "C", readonly=True)
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


@numba.njit(
    types.void(_F8_2, _F8_2, _F8_2, _F8_2, _F8, _F8, types.float64[:, ::1]),
    **_OPTIONS,
)
def fill_curves(
    values: Matrix,
    left: Matrix,
    width: Matrix,
    rise: Matrix,
    start: Vector,
    missing: Vector,
    out: Matrix,
) -> None:
    """Put the level of each of k curves at each value (n, k) into `out` (n, k).

    The other arrays are those of `training.model.AdditiveMember`, whose ramps ascend.
    """
    for row in range(len(values)):
        for j in range(values.shape[1]):
            x = values[row, j]
            if np.isnan(x):
                out[row, j] = missing[j]
                continue
            level = start[j]
            for ramp in range(left.shape[1]):
                gone = x - left[j, ramp]
                if rise[j, ramp] != 0.0 and gone > 0.0:
                    level += rise[j, ramp] * min(gone / width[j, ramp], 1.0)
            out[row, j] = level
