"""What a training run looked for before anyone relied on its figures: leaks, and a moved world."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from governance.intervals import Interval, as_json, from_json

SCORE = "score"
"""Under this name stands the shift of the scores themselves."""


class LeakCheck(NamedTuple):
    """One look for knowledge that cannot have been there: `passed` or `not_run`, in words.

    A look that finds something stops the training, so that no model comes of it.
    """

    name: str
    outcome: str
    text: str


class Shift(NamedTuple):
    """How far the test's people lie from the latest ones trained on, for one feature or `SCORE`.

    `outcome` is steady, moving, shifted, gone or cannot_say; `psi` the population stability index.
    """

    what: str
    outcome: str
    psi: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back."""
        return self._asdict() | {"psi": as_json(self.psi)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Shift":
        """Read what `to_json` wrote."""
        return cls(found["what"], found["outcome"], from_json(found["psi"]))
