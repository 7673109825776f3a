"""Who was assigned to which arm: the draw as it stands in a table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput
from outcomes.experiment.table import Floats, Table
from outcomes.randomised.cuped import Adjusted, adjusted_difference
from outcomes.randomised.lift import Difference, difference

MAX_ARMS = 30
_FEW_ARMS = 10


@dataclass(frozen=True)
class Arms:
    """Arms of every row, `(n,)`: `drawn` the arm's name ("" for none), `units` what was drawn.

    `treated` names the arms beside the control. Where `unit` names no column, each row is a unit.
    """

    drawn: NDArray[np.str_]
    units: NDArray[np.int64]
    control: str
    treated: tuple[str, ...]
    unit: str | None
    level: float

    @property
    def names(self) -> tuple[str, ...]:
        """The control and the treated arms, in the order of their names."""
        return tuple(sorted((self.control, *self.treated)))

    @property
    def assigned(self) -> NDArray[np.bool_]:
        """Which rows name an arm."""
        return np.not_equal(self.drawn, "")

    @property
    def codes(self) -> NDArray[np.int64]:
        """0 for the control, 1… for the treated arms, −1 for none."""
        codes = np.full(len(self.drawn), -1, np.int64)
        for code, name in enumerate((self.control, *self.treated)):
            codes[self.drawn == name] = code
        return codes

    def pair(self, name: str) -> NDArray[np.bool_]:
        """Which rows are of arm `name` or of the control."""
        return np.isin(self.drawn, (name, self.control))

    def units_of(self, rows: NDArray[np.bool_], name: str) -> int:
        """How many units of arm `name` are among `rows`."""
        return len(np.unique(self.units[rows & (self.drawn == name)]))

    def counts(self) -> Mapping[str, int]:
        """How many units each arm holds."""
        return {name: self.units_of(self.assigned, name) for name in self.names}

    def compare(
        self, y: Floats, rows: NDArray[np.bool_], name: str, *, resample: bool = True
    ) -> Difference:
        """Compare arm `name` with the control over `rows`, whose outcome is known.

        `resample` as of `outcomes.randomised.lift.difference`.
        """
        (a, a_rows), (b, b_rows) = (
            self._sums(y, rows & (self.drawn == side)) for side in (name, self.control)
        )
        return difference(
            a, b, treated_rows=a_rows, control_rows=b_rows, level=self.level, resample=resample
        )

    def adjust(
        self, y: Floats, before: Floats, rows: NDArray[np.bool_], name: str
    ) -> Adjusted | None:
        """Compare as `compare` does, with covariates `before` (n, k) taken into account."""
        a, b = (rows & (self.drawn == side) for side in (name, self.control))
        return adjusted_difference(
            y[a], y[b], before[a], before[b],
            treated_units=self.units[a], control_units=self.units[b], level=self.level,
        )  # fmt: skip

    def _sums(self, y: Floats, rows: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.intp]]:
        codes = np.unique(self.units[rows], return_inverse=True)[1]
        return np.bincount(codes, weights=y[rows]).astype(np.float64), np.bincount(codes)


def read_arms(table: Table, *, arm: str, control: str, unit: str | None, level: float) -> Arms:
    """Read who was assigned to what.

    Raises `InvalidInput` for fewer than two arms or more than `MAX_ARMS`, an absent control, a row
    without its unit, and a unit that sits in two arms.
    """
    drawn = table.texts(arm)
    names = [str(name) for name in np.unique(drawn[drawn != ""])]
    if control not in names:
        few = f": {', '.join(names)}" if len(names) <= _FEW_ARMS else ""  # many: another column
        raise InvalidInput(
            f"the control is not among the {len(names)} arms{few}",
            hint="--control names one value of the arm column",
        )
    if len(names) < 2:
        raise InvalidInput(
            f"every row of {arm!r} is in the control, two arms are needed",
            hint="without people who were treated nothing can be said about an effect",
        )
    if len(names) > MAX_ARMS:
        raise InvalidInput(
            f"{arm!r} holds {len(names):,} different values, at most {MAX_ARMS} can be arms",
            hint="--arm names the column that says who was assigned to what",
        )
    treated = tuple(name for name in names if name != control)
    return Arms(drawn, _units(table, unit, drawn), control, treated, unit, level)


def _units(table: Table, unit: str | None, drawn: NDArray[np.str_]) -> NDArray[np.int64]:
    if unit is None:
        return np.arange(len(drawn), dtype=np.int64)
    names, assigned = table.texts(unit), drawn != ""
    nameless = int(((names == "") & assigned).sum())
    if nameless:
        raise InvalidInput(f"{nameless} rows have no {unit!r}", hint="every row needs its unit")
    codes = np.unique(names, return_inverse=True)[1].astype(np.int64)
    arms = np.unique(drawn, return_inverse=True)[1].astype(np.int64)
    pairs = np.unique(np.stack([codes[assigned], arms[assigned]]), axis=1)
    split = pairs.shape[1] - len(np.unique(pairs[0]))
    if split:
        raise InvalidInput(
            f"{split} unit(s) of {unit!r} sit in more than one arm",
            hint="what was randomised is the unit; name the column that was",
        )
    return codes
