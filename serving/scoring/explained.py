"""How a score came about, step by step: contributions that lead from the start to the total.

All on the log-odds scale of the blend before calibration, as a decision keeps them. Pure.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

SMALLEST = 1e-9
MOST_STEPS = 10
"""How many steps are told one by one; what further ones add is in the rest."""


class Step(NamedTuple):
    """What one group of features added, in words; `before` and `after` are the sums around it."""

    text: str
    group: str
    contribution: float
    before: float
    after: float


class Explained(NamedTuple):
    """From `base` (where every customer starts) by `steps` and `rest` to `total`.

    base + contributions of the steps + rest = total within 1e-9. `rest` is what all groups add that
    are not told one by one.
    """

    base: float
    steps: tuple[Step, ...]
    rest: float
    total: float

    @property
    def before_rest(self) -> float:
        """The sum of the base and all steps."""
        return self.steps[-1].after if self.steps else self.base

    @property
    def has_rest(self) -> bool:
        """Whether anything is left that no step tells."""
        return abs(self.rest) > SMALLEST


def explained(result: Mapping[str, Any], *, most: int = MOST_STEPS) -> Explained | None:
    """Read up to `most` steps off what a decision keeps; None where no model was asked."""
    if result.get("method") != "model":
        return None
    base, total = float(result["base"]), float(result["log_odds"])
    steps: list[Step] = []
    so_far = base
    for each in result.get("reasons", ())[:most]:
        after = so_far + each["contribution"]
        steps.append(Step(each["text"], each.get("group", ""), each["contribution"], so_far, after))
        so_far = after
    return Explained(base, tuple(steps), total - so_far, total)
