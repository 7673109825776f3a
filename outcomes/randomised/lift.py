"""What acting changed: the difference between randomised arms, as assigned, with its interval.

Everyone counts in the arm they were assigned to, reached or not (intention to treat). Nothing here
makes an effect out of people who were not randomised.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, stdtr

from governance.errors import InvalidInput
from governance.intervals import mean_difference, newcombe, newcombe_p
from outcomes.randomised.heavy_tails import is_heavy, permuted_difference

Verdict = Literal["higher", "lower", "not distinguishable from zero", "cannot say"]
MIN_UNITS = 5
MIN_EVENTS = 30
_MOST = 1e15
SAMPLE_RATIO_ALARM = 0.001

Floats = NDArray[np.float64]


class Difference(NamedTuple):
    """Treated minus control.

    `difference` is in the outcome's own unit (0.02 is two percentage points of a share), `low` and
    `high` its 95 % interval (`level`), `p_value` two-sided; all four are None, and the verdict
    "cannot say", when an arm has fewer than `MIN_UNITS` units, of which no mean is told either.
    `relative` is the difference as a
    share of the control's mean (None when that is 0). `method`: "welch", "newcombe" or
    "permutation" ("cuped" and "always valid" where another module made the interval). `verdict` is
    the direction alone; whether that is good, `outcomes.randomised.verdict` says. `error` is the
    standard error, `fewest_events` of a share the fewest ones or zeros in an arm, None for other
    outcomes.
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
    error: float | None = None
    fewest_events: float | None = None


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
    resample: bool = True,
) -> Difference:
    """Give the difference of two arms' means with its interval.

    `treated` and `control` hold one value per randomised unit, shape `(units,)`. Where a unit has
    several rows (a household of customers), the values are its sums and `*_rows` its row counts;
    the means are then per row and the interval respects that rows of one unit resemble each other.

    Means, and shares with at least `MIN_EVENTS` ones and zeros in each arm, get Welch's interval.
    Rarer shares get Newcombe's, which stays inside what is possible, with the p-value that goes
    with it. Means with tails so heavy that Welch's two tails would be unequal (`is_heavy`) get the
    studentised permutation interval, unless `resample` is False: where another interval will take
    its place, only the estimate and its error count. Missing values raise `InvalidInput`: how to
    treat them is the caller's to say.
    """
    a, a_share = _per_unit(treated, treated_rows)
    b, b_share = _per_unit(control, control_rows)
    share = a_share and b_share
    mean_a, mean_b = _mean(a), _mean(b)
    events = min(map(_rarer, (a, b))) if share else None
    found, p_value, method = None, None, "none"
    if min(len(a), len(b)) >= MIN_UNITS:
        if events is not None and events < MIN_EVENTS:
            counts = int(a.sum()), len(a), int(b.sum()), len(b)
            found, p_value = newcombe(*counts, level=level), newcombe_p(*counts)
            method = "newcombe"
        elif resample and not share and is_heavy(a, b):
            found, p_value = permuted_difference(a, b, level=level)
            method = "permutation"
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
        verdict="cannot say" if found is None else direction_of(found.low, found.high),
        error=None if found is None else _error(a, b),
        fewest_events=events,
    )


def direction_of(low: float, high: float) -> Verdict:
    """Say on which side of zero a whole interval lies."""
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "not distinguishable from zero"


def sample_ratio(
    counts: Mapping[str, int], expected: Mapping[str, float] | None = None
) -> SampleRatio:
    """Compare arm sizes with the intended shares (equal ones unless `expected` says otherwise)."""
    shares = intended_shares(counts, expected)
    total = sum(counts.values())
    observed = np.array([counts[arm] for arm in shares], np.float64)
    wanted = np.array([share * total for share in shares.values()])
    p_value = float(chdtrc(len(shares) - 1, ((observed - wanted) ** 2 / wanted).sum()))
    return SampleRatio(
        outcome="mismatch" if p_value < SAMPLE_RATIO_ALARM else "as expected",
        p_value=p_value,
        counts={arm: counts[arm] for arm in shares},
        expected=shares,
    )


def intended_shares(
    counts: Mapping[str, int], expected: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Give each arm's intended share, adding up to 1; equal ones where nothing is `expected`.

    Raises `InvalidInput` for fewer than two arms, for nobody, and for shares that do not name each
    arm once with more than 0.
    """
    arms = sorted(counts)
    if len(arms) < 2 or sum(counts.values()) == 0:
        raise InvalidInput(
            f"{len(arms)} arm(s) with {sum(counts.values())} units, need two arms with people",
        )
    shares = expected or {arm: 1 / len(arms) for arm in arms}
    if set(shares) != set(arms) or not all(0 < each <= _MOST for each in shares.values()):
        raise InvalidInput(
            f"expected shares name {sorted(shares)}, the arms are {arms}",
            hint="give each arm a share above 0",
        )
    whole = sum(shares.values())
    return {arm: shares[arm] / whole for arm in arms}


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
    return float(x.mean()) if len(x) >= MIN_UNITS else None


def _rarer(x: Floats) -> float:
    """How many ones or zeros a 0/1 column holds, whichever are fewer."""
    return float(min(x.sum(), len(x) - x.sum()))


def _error(a: Floats, b: Floats) -> float:
    return float(np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))


def _welch_p(a: Floats, b: Floats) -> float | None:
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        return None
    error = _error(a, b)
    if error == 0:  # spreads too small for squares
        return 0.0
    share = a.var(ddof=1) / len(a) / error**2
    freedom = 1 / (share**2 / (len(a) - 1) + (1 - share) ** 2 / (len(b) - 1))
    return float(2 * stdtr(freedom, -abs(float(a.mean() - b.mean())) / error))
