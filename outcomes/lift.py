"""What acting changed: the difference between randomised arms, as assigned, with its interval.

Everyone counts in the arm they were assigned to, reached or not (intention to treat). Nothing here
makes an effect out of people who were not randomised.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from governance.errors import InvalidInput
from governance.intervals import mean_difference, newcombe

Verdict = Literal["higher", "lower", "not distinguishable from zero", "cannot say"]
MIN_UNITS = 5
MIN_EVENTS = 30
SAMPLE_RATIO_ALARM = 0.001

Floats = NDArray[np.float64]


class Difference(NamedTuple):
    """Treated minus control.

    `difference` is in the outcome's own unit (0.02 is two percentage points of a share), `low` and
    `high` its 95 % interval (`level`), `p_value` two-sided; all four are None, and the verdict
    "cannot say", when an arm has fewer than `MIN_UNITS` units. `relative` is the difference as a
    share of the control's mean (None when that is 0). `method`: "welch" or "newcombe".
    """

    treated_units: int
    control_units: int
    treated_mean: float | None
    control_mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    relative: float | None
    method: str
    level: float
    verdict: Verdict


class SampleRatio(NamedTuple):
    """Whether the arms have the sizes that the draw was meant to give them.

    `p_value` of a chi-squared test against `expected` shares; below `SAMPLE_RATIO_ALARM` the
    outcome is "mismatch", and no difference between the arms should be believed.
    """

    outcome: Literal["as expected", "mismatch"]
    p_value: float
    counts: Mapping[str, int]
    expected: Mapping[str, float]


def difference(
    treated: ArrayLike,
    control: ArrayLike,
    *,
    treated_rows: ArrayLike | None = None,
    control_rows: ArrayLike | None = None,
    level: float = 0.95,
) -> Difference:
    """Give the difference of two arms' means with its interval.

    `treated` and `control` hold one value per randomised unit, shape `(units,)`. Where a unit has
    several rows (a household of customers), the values are its sums and `*_rows` its row counts;
    the means are then per row and the interval respects that rows of one unit resemble each other.

    Means, and shares with at least `MIN_EVENTS` ones and zeros in each arm, get Welch's interval;
    rarer shares get Newcombe's, which stays inside what is possible. Missing values raise
    `InvalidInput`: how to treat them is the caller's to say.
    """
    a, a_share = _per_unit(treated, treated_rows)
    b, b_share = _per_unit(control, control_rows)
    mean_a, mean_b = _mean(a), _mean(b)
    found, p_value, method = None, None, "none"
    if min(len(a), len(b)) >= MIN_UNITS:
        if a_share and b_share and min(map(_rarer, (a, b))) < MIN_EVENTS:
            found = newcombe(int(a.sum()), len(a), int(b.sum()), len(b), level=level)
            p_value, method = _fisher(a, b), "newcombe"
        else:
            found = mean_difference(a, b, level=level)
            p_value, method = _welch_p(a, b), "welch"
    return Difference(
        treated_units=len(a),
        control_units=len(b),
        treated_mean=mean_a,
        control_mean=mean_b,
        difference=None if found is None else found.value,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        p_value=p_value,
        relative=found.value / mean_b if found is not None and mean_b else None,
        method=method,
        level=level,
        verdict="cannot say" if found is None else _verdict(found.low, found.high),
    )


def sample_ratio(
    counts: Mapping[str, int], expected: Mapping[str, float] | None = None
) -> SampleRatio:
    """Compare arm sizes with the intended shares (equal ones unless `expected` says otherwise)."""
    arms = sorted(counts)
    if len(arms) < 2 or sum(counts.values()) == 0:
        raise InvalidInput(
            f"{len(arms)} arm(s) with {sum(counts.values())} units, need two arms with people",
        )
    shares = expected or {arm: 1 / len(arms) for arm in arms}
    if set(shares) != set(arms) or min(shares.values()) <= 0:
        raise InvalidInput(
            f"expected shares name {sorted(shares)}, the arms are {arms}",
            hint="give each arm a share above 0",
        )
    whole = sum(shares.values())
    total = sum(counts.values())
    observed = np.array([counts[arm] for arm in arms], np.float64)
    wanted = np.array([shares[arm] / whole * total for arm in arms])
    p_value = float(chdtrc(len(arms) - 1, ((observed - wanted) ** 2 / wanted).sum()))
    return SampleRatio(
        outcome="mismatch" if p_value < SAMPLE_RATIO_ALARM else "as expected",
        p_value=p_value,
        counts={arm: counts[arm] for arm in arms},
        expected={arm: shares[arm] / whole for arm in arms},
    )


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values for how many were looked at (Holm 1979); the largest stays at most 1."""
    adjusted: dict[str, float] = {}
    running = 0.0
    ordered = sorted(p_values.items(), key=lambda item: (item[1], item[0]))
    for place, (name, p) in enumerate(ordered):
        running = max(running, min(1.0, (len(ordered) - place) * p))
        adjusted[name] = running
    return adjusted


def _per_unit(values: ArrayLike, rows: ArrayLike | None) -> tuple[Floats, bool]:
    """One number per unit whose mean is the arm's mean per row, and whether it is a plain 0/1."""
    y = np.asarray(values, np.float64)
    if not np.isfinite(y).all():
        raise InvalidInput(
            f"{int((~np.isfinite(y)).sum())} of {len(y)} outcome values are missing",
            hint="say what a missing outcome means, or leave the unit out of both counts",
        )
    share = bool(np.isin(y, (0.0, 1.0)).all())
    if rows is None or not len(y):
        return y, share
    n = np.asarray(rows, np.float64)
    if n.shape != y.shape or (n <= 0).any():
        raise InvalidInput("every unit needs at least one row")
    if (n == 1).all():
        return y, share
    mean = y.sum() / n.sum()
    return mean + (y - mean * n) / n.mean(), False  # linearised ratio of sums


def _mean(x: Floats) -> float | None:
    return float(x.mean()) if len(x) else None


def _rarer(x: Floats) -> float:
    """How many ones or zeros a 0/1 column holds, whichever are fewer."""
    return float(min(x.sum(), len(x) - x.sum()))


def _welch_p(a: Floats, b: Floats) -> float | None:
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        return None
    from scipy import stats  # slow to load, and the service seldom asks

    return float(stats.ttest_ind(a, b, equal_var=False).pvalue)


def _fisher(a: Floats, b: Floats) -> float:
    from scipy import stats

    table = [[int(x.sum()), int(len(x) - x.sum())] for x in (a, b)]
    return float(stats.fisher_exact(table).pvalue)


def _verdict(low: float, high: float) -> Verdict:
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "not distinguishable from zero"
