"""How well a model does now: expected before outcomes are known, realised once they are.

`expect` needs the calibrated probabilities alone. It assumes that they are right for the people
scored now; where that is doubtful (drift, an unseen season) so is the expectation. `realise` lays
outcomes that have come to pass beside the scores given before, and both beside the promise: what
the test said of the model before it was signed.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.intervals import Interval, mean_interval
from governance.model.card import TestResult
from training.evaluation.calibration_error import calibration_error
from training.evaluation.evaluate import TOP_SHARE, auc

Vector = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEWEST_PEOPLE = 100
FEWEST_OF_EACH = 30
"""So many people with the outcome, and so many without, before performance is judged."""
SMALLEST_CELL = 5
ASSUMPTION = (
    "if the probabilities are calibrated for the people scored now; drift is not accounted for"
)
_DRAWS = 400
_CELLS = 4_000_000

Verdict = Literal["as_promised", "worse", "better", "cannot_say_yet", "does_not_apply"]


class Expected(NamedTuple):
    """What is to be expected of `people` scored now, each with the 95 % range of what may come.

    `rate`: share with the outcome. The others as in a test result. `assumption` in words.
    """

    people: int
    rate: Interval
    auc: Interval
    log_loss: Interval
    brier: Interval
    lift_at_10: Interval
    assumption: str = ASSUMPTION


class Treated(NamedTuple):
    """People whom Keepwell contacted within the horizon: their outcomes show our effect, too.

    `gap`: observed − predicted share; below 0 fewer had the outcome than was predicted. None under
    `SMALLEST_CELL` people.
    """

    people: int | None
    gap: Interval | None


class Realised(NamedTuple):
    """What became of `people` who were scored and not contacted by Keepwell, against the promise.

    `outcomes` is how many outcomes of the rarer kind were found, of `needed`. `gap`: observed −
    mean predicted share. `ece`: mean gap over bins, its `low` 0 where chance alone explains it.
    `auc_change`: realised − promised, as of independent samples. `reason` says why not where the
    verdict is no verdict. Numbers under `SMALLEST_CELL` people are None.
    """

    verdict: Verdict
    reason: str
    people: int | None
    outcomes: int | None
    needed: int
    auc: Interval | None
    auc_change: Interval | None
    gap: Interval | None
    ece: Interval | None
    treated: Treated


def expect(probability: Vector, random: np.random.Generator) -> Expected | None:
    """Performance to be expected of scores `probability` (n,), calibrated, without any outcome.

    Were outcomes drawn by these very probabilities: E[Brier] = mean p(1 − p), E[log-loss] = mean
    −p ln p − (1 − p) ln(1 − p), lift = mean p of the top tenth ÷ mean p, and AUC = Σ pᵢ(1 − pⱼ)
    over pairs with i above j (ties half) ÷ Σ pᵢ(1 − pⱼ) over all pairs i ≠ j. (Confidence-based
    performance estimation, as in NannyML's documentation.) Intervals are quantiles over `_DRAWS`
    draws of everyone's outcome. None under `FEWEST_PEOPLE` people.
    """
    if len(probability) < FEWEST_PEOPLE:
        return None
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    drawn = _drawn(p, random)
    if not len(drawn):
        return None
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    value = _expected(p)
    rate, area, loss, brier, lift = (
        Interval(middle, min(middle, float(below)), max(middle, float(above)))
        for middle, below, above in zip(value, low, high, strict=True)
    )
    return Expected(len(p), rate, area, loss, brier, lift)


def realise(
    y: Vector,
    probability: Vector,
    treated: Bools,
    promise: TestResult,
    random: np.random.Generator,
    *,
    max_auc_loss: float,
    max_gap: float,
) -> Realised:
    """Judge outcomes `y` (n,) of people once given `probability` (n,), one row per person.

    `treated` (n,): contacted by Keepwell within the horizon; they are reported apart. The verdict
    is `worse` where the loss of AUC is beyond chance and at least `max_auc_loss`, or the scores are
    off by at least `max_gap` beyond chance (mean gap, or ECE above the promised one).
    """
    aside = _treated(y[treated], probability[treated])
    y, p = y[~treated], probability[~treated]
    people, outcomes = len(y), int(min(y.sum(), len(y) - y.sum()))
    needed = FEWEST_OF_EACH
    if people < FEWEST_PEOPLE or outcomes < needed:
        few = people < SMALLEST_CELL or outcomes < SMALLEST_CELL
        told = "fewer than 5" if few else str(outcomes)
        reason = f"{told} outcomes of the {needed} needed"
        if people < FEWEST_PEOPLE:
            shown = "fewer than 5" if people < SMALLEST_CELL else str(people)
            reason = f"outcomes of {shown} people of the {FEWEST_PEOPLE} needed"
        return Realised(
            "cannot_say_yet",
            reason,
            None if people < SMALLEST_CELL else people,
            None if few else outcomes,
            needed,
            *(None,) * 4,
            treated=aside,
        )
    area, gap = auc(y, p), mean_interval(y - p)
    change = _difference(area, promise.auc)
    ece = calibration_error(y, p, np.arange(len(y)), seed=int(random.integers(2**31)))
    assert gap is not None
    off = gap.excludes_zero and abs(gap.value) >= max_gap
    off = off or ece.low - promise.ece >= max_gap
    verdict: Verdict = "as_promised"
    if off or (change.high < 0 and change.value <= -max_auc_loss):
        verdict = "worse"
    elif change.low > 0 and change.value >= max_auc_loss:
        verdict = "better"
    return Realised(verdict, "", people, outcomes, needed, area, change, gap, ece, treated=aside)


def nothing_realised(verdict: Verdict, reason: str) -> Realised:
    """A realised performance without figures, and why."""
    unknown = Treated(None, None)
    return Realised(verdict, reason, None, None, FEWEST_OF_EACH, *(None,) * 4, treated=unknown)


def _expected(p: Vector) -> tuple[float, float, float, float, float]:
    values, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    without = np.bincount(place, 1 - p)
    below = np.cumsum(without) - without
    above_pairs = float(np.sum(p * (below[place] + without[place] / 2)) - np.sum(p * (1 - p)) / 2)
    pairs = float(p.sum() * (1 - p).sum() - np.sum(p * (1 - p)))
    entropy = -p * np.log(p) - (1 - p) * np.log1p(-p)
    return (
        float(p.mean()),
        above_pairs / pairs,
        float(entropy.mean()),
        float(np.mean(p * (1 - p))),
        float(_top(values, place, counts) @ p / p.mean()),
    )


def _top(values: Vector, place: NDArray[np.int64], counts: NDArray[np.int64]) -> Vector:
    """Weights (n,) adding up to 1 of those in the top tenth; where the cut falls, ties share."""
    wanted = max(1, int(np.ceil(TOP_SHARE * len(place))))
    above = np.cumsum(counts[::-1])[::-1] - counts  # how many rank strictly above each value
    inside = np.clip((wanted - above) / counts, 0.0, 1.0)
    return np.asarray(inside[place] / wanted)


def _drawn(p: Vector, random: np.random.Generator) -> NDArray[np.float64]:
    """Rate, AUC, log-loss, Brier and lift of each draw of everyone's outcome (draws, 5)."""
    n = len(p)
    values, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    top = _top(values, place, counts)
    log_p, log_q = np.log(p), np.log1p(-p)
    found = []
    at_once = max(1, _CELLS // n)
    for begin in range(0, _DRAWS, at_once):
        y = (random.random((min(at_once, _DRAWS - begin), n)) < p).astype(np.float64)
        ones = y.sum(axis=1)
        y, ones = y[(ones > 0) & (ones < n)], ones[(ones > 0) & (ones < n)]
        area = (y @ rank - ones * (ones + 1) / 2) / (ones * (n - ones))
        loss = -(y @ (log_p - log_q) + log_q.sum()) / n
        brier = (ones - 2 * (y @ p) + np.sum(p**2)) / n
        found.append(np.column_stack([ones / n, area, loss, brier, (y @ top) / (ones / n)]))
    return np.concatenate(found)


def _treated(y: Vector, p: Vector) -> Treated:
    if len(y) < SMALLEST_CELL:
        return Treated(0 if not len(y) else None, None)
    return Treated(len(y), mean_interval(y - p))


def _difference(realised: Interval, promised: Interval) -> Interval:
    """Difference of two independent estimates from their intervals (MOVER, Zou & Donner 2008)."""
    value = realised.value - promised.value
    down = np.hypot(realised.value - realised.low, promised.high - promised.value)
    up = np.hypot(realised.high - realised.value, promised.value - promised.low)
    return Interval(value, value - float(down), value + float(up))
