"""What was heard of each person within a period: their mean reading, freed of each signal's own
level and scale, and how much it is worth.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.wellbeing.noise import DimensionNoise
from features.wellbeing.signals import Signals

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

AGGREGATE = "aggregate"
"""What figures over groups are permitted for."""


class Heard(NamedTuple):
    """Each person's mean reading (m,) over some events, its precision, and weight in a mean.

    `readings` (m,) of them there were, and `total` (m,) is their plain sum, whatever was learned.
    """

    there: Bools
    points: Floats
    precision: Floats
    weight: Floats
    readings: Floats
    total: Floats

    def shrunk(self, told: DimensionNoise) -> Floats:
        """Expected deviation from the mean (m,), given these readings alone."""
        part = self.precision * told.state_var
        return np.where(self.there, (self.points - told.mean) * part / (1 + part), 0.0)


def heard_within(signals: Signals, told: DimensionNoise, inside: Bools) -> Heard | None:
    """Gather what people said, wrote or measured among the events `inside` (n,).

    Counted behaviour is left out. None for a dimension that is not measurable.
    """
    if not told.measurable:
        return None
    size = len(signals.histories)
    precision, weighted = np.zeros(size), np.zeros(size)
    count, total = np.zeros(size), np.zeros(size)
    owners = signals.histories.customer_of_event
    for readings in signals.readings[told.name]:
        signal = told.signal(readings.name)
        if signal is None or readings.counted:
            continue
        rows = inside[readings.row]
        customer = owners[readings.row[rows]]
        own = np.bincount(customer, minlength=size)
        spread = signal.noise_var + own * signal.bias_var
        each = (signal.weight * signal.loading**2 / spread)[customer]
        points = (readings.points[rows] - signal.intercept) / signal.loading
        count += own
        total += np.bincount(customer, readings.points[rows], size)
        precision += np.bincount(customer, each, size)
        weighted += np.bincount(customer, each * points, size)
    there = precision > 0
    points = np.divide(weighted, precision, out=np.zeros(size), where=there)
    weight = precision / (1 + told.state_var * precision)  # 1 ÷ (state variance + 1 ÷ precision)
    return Heard(there, points, precision, weight, count, total)
