"""What contacting someone is worth: by the effect an experiment showed, or by a stated rule.

By *effect*: where the playbook's own experiment shows that it helps, the low end of its interval is
what is counted on. By *rule* everywhere else: what a person expects of the playbook, for those most
at risk first. Both are spread over people in proportion to their risk (nobody's own effect is
known) and weighed by the margin at stake where the company states margins.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate

ChosenBy = Literal["duty", "rule", "effect", "explored"]

ASSUMED_EFFECT = 0.02
"""Counted on where nobody states an effect: only how playbooks compare hangs on it."""

_LEAST = 1e-6


class Effect(NamedTuple):
    """What an experiment of a playbook showed: contacted less left alone, as a share.

    0.02: of a hundred contacted two more stayed than of a hundred who were left alone.
    """

    experiment: str
    difference: Interval

    @property
    def helps(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.difference.low > 0

    @property
    def harms(self) -> bool:
        """Whether the whole interval lies below zero."""
        return self.difference.high < 0


class Worth(NamedTuple):
    """How much contacting each person (n,) is worth, what carries it, and the effect counted on.

    `each` is positive; its unit is the company's currency where margins are stated, else people
    kept. `expected_effect` is None where nobody stated one.
    """

    chosen_by: ChosenBy
    each: NDArray[np.float64]
    expected_effect: float | None


def worth_of(
    playbook: Playbook,
    people: Sequence[Candidate],
    *,
    effect: Effect | None = None,
    margins: Mapping[str, float] | None = None,
) -> Worth:
    """Weigh everyone a playbook may contact; someone of no margin still comes before nobody.

    Whose margin nobody knows counts as the others' mean.
    """
    if playbook.kind == "service":
        return Worth("duty", np.ones(len(people)), None)
    shown = effect is not None and effect.helps
    expected = effect.difference.low if effect is not None and shown else playbook.expected_effect
    risk = np.array([1.0 if c.probability is None else c.probability for c in people])
    mean = float(risk.mean()) if len(people) else 0.0
    gain = (ASSUMED_EFFECT if expected is None else expected) * (risk / mean if mean > 0 else 1.0)
    stake = np.ones(len(people))
    if margins is not None:
        known = [max(margins[c.customer_id], 0.0) for c in people if c.customer_id in margins]
        unknown = float(np.mean(known)) if known else 1.0
        stake = np.array([max(margins.get(c.customer_id, unknown), 0.0) for c in people])
    each = np.asarray(gain * stake, np.float64)
    least = _LEAST * float(each.max(initial=0.0)) or _LEAST
    return Worth("effect" if shown else "rule", np.maximum(each, least), expected)
