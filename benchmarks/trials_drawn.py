"""Made-up experiments: arms drawn by lot whose true difference is known, mostly none."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.simulate.life import PILOT_WEEK, PILOT_WEEKS, live, make_people
from features.simulate.world import PLAIN
from outcomes.experiment.analysis import Question, analyse_table
from outcomes.experiment.balance import check_balance
from outcomes.experiment.segments import SegmentComparison, judge_segments
from outcomes.experiment.table import Covariates, Table
from outcomes.randomised.cuped import adjusted_difference
from outcomes.randomised.lift import Difference, difference, sample_ratio
from outcomes.randomised.sequential import (
    MIN_RUNNING_EVENTS,
    MIN_RUNNING_UNITS,
    always_valid,
    running,
    running_difference,
    running_sample_ratio,
)

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator], bool]
LOOKS_UNTIL = 3_000
PLANNED = 4_000


def excludes(found: Difference, value: float = 0.0) -> bool:
    """Whether the interval leaves `value` out; nothing said leaves nothing out."""
    return found.low is not None and found.high is not None and not found.low <= value <= found.high


def share(rng: np.random.Generator) -> bool:
    return excludes(difference(rng.random(1_000) < 0.3, rng.random(1_000) < 0.3))


def rare_share(rng: np.random.Generator) -> bool:
    return excludes(difference(rng.random(2_000) < 0.01, rng.random(2_000) < 0.01))


def rare_share_small_holdout(rng: np.random.Generator) -> bool:
    return excludes(difference(rng.random(4_000) < 0.01, rng.random(1_000) < 0.01))


def spend(rng: np.random.Generator, n: int) -> Floats:
    """One in ten buys, and few of them for most of the money."""
    money: Floats = rng.lognormal(3.5, 1.2, n) * (rng.random(n) < 0.1)
    return money


def heavy_mean(rng: np.random.Generator) -> bool:
    return excludes(difference(spend(rng, 1_000), spend(rng, 1_000)))


def heavy_mean_small_holdout(rng: np.random.Generator) -> bool:
    return excludes(difference(spend(rng, 2_000), spend(rng, 400)))


def clusters(rng: np.random.Generator) -> bool:
    sides = []
    for _ in range(2):
        rows = 1 + rng.poisson(4, 40)
        sides.append((rng.normal(0, 1, 40) * rows + rng.normal(0, 1.5, 40) * np.sqrt(rows), rows))
    (a, a_rows), (b, b_rows) = sides
    return excludes(difference(a, b, treated_rows=a_rows, control_rows=b_rows))


def cuped(rng: np.random.Generator) -> bool:
    sides = []
    for _ in range(2):
        before = np.column_stack([rng.exponential(1, 100), rng.normal(size=(100, 2))])
        sides.append((before @ [0.8, 0.4, 0.0] + rng.normal(0, 0.6, 100), before))
    (a, x), (b, z) = sides
    found = adjusted_difference(a, b, x, z)
    return found is not None and excludes(found.found)


def cuped_clusters(rng: np.random.Generator) -> bool:
    sides = []
    for _ in range(2):
        house = np.repeat(np.arange(40), 1 + rng.poisson(2, 40))
        shared = rng.normal(0, 1, 40)[house]
        before = shared + rng.normal(0, 1, len(house))
        sides.append((shared + before + rng.normal(0, 1, len(house)), before, house))
    (a, x, u), (b, z, v) = sides
    found = adjusted_difference(a, b, x, z, treated_units=u, control_units=v)
    return found is not None and excludes(found.found)


def running_share(rng: np.random.Generator) -> bool:
    return peeked((rng.random((2, LOOKS_UNTIL)) < 0.1).astype(np.float64), is_share=True)


def running_rare_share(rng: np.random.Generator) -> bool:
    return peeked((rng.random((2, LOOKS_UNTIL)) < 0.01).astype(np.float64), is_share=True)


def running_heavy_mean(rng: np.random.Generator) -> bool:
    drawn = rng.lognormal(0, 1, (2, LOOKS_UNTIL))
    return peeked(drawn, is_share=False)


def running_cuped(rng: np.random.Generator) -> bool:
    """Whether an adjusted interval excludes zero at any look, one after every hundred pairs."""
    before = rng.exponential(size=(2, LOOKS_UNTIL))
    after = before + rng.exponential(size=before.shape)
    for n in range(100, LOOKS_UNTIL + 1, 100):
        found = adjusted_difference(after[0, :n], after[1, :n], before[0, :n], before[1, :n])
        if found is not None and excludes(running(found.found, planned_units=PLANNED)):
            return True
    return False


def peeked_with_fixed_intervals(rng: np.random.Generator) -> bool:
    """What looking after everybody does to a usual 95 % interval: the yardstick."""
    values, error, may, _ = _so_far((rng.random((2, LOOKS_UNTIL)) < 0.1).astype(np.float64), True)
    return bool((may & (np.abs(values) > 1.959964 * error)).any())


_HALVES = np.array(
    [always_valid(0.0, 1.0, 2 * n, planned_units=PLANNED).high for n in range(1, LOOKS_UNTIL + 1)]
)


def peeked(outcomes: Floats, *, is_share: bool) -> bool:
    """Whether an interval excludes zero at any look, one look after every pair of people.

    In one of twenty the last look is done by the product's own function too, and must agree.
    """
    values, error, may, last = _so_far(outcomes, is_share)
    outside = may & (np.abs(values) > _HALVES * error)
    if outcomes[0].sum() % 20 < 1:
        found = running_difference(outcomes[0], outcomes[1], planned_units=PLANNED)
        if excludes(found) != bool(outside[last]):
            raise AssertionError("the looks in one go and the product's own disagree")
    return bool(outside.any())


def _so_far(outcomes: Floats, is_share: bool) -> tuple[Floats, Floats, NDArray[np.bool_], int]:
    n = np.arange(1, outcomes.shape[1] + 1)
    total, squares = outcomes.cumsum(axis=1), (outcomes**2).cumsum(axis=1)
    variance = np.maximum(squares - total**2 / n, 0) / np.maximum(n - 1, 1) / n
    error = np.sqrt(variance.sum(axis=0))
    may = (n >= MIN_RUNNING_UNITS) & (error > 0)
    if is_share:
        may &= np.minimum(total, n - total).min(axis=0) >= MIN_RUNNING_EVENTS
    return (total[0] - total[1]) / n, error, may, len(n) - 1


def sizes(rng: np.random.Generator) -> bool:
    treated = int(rng.binomial(5_000, 0.8))
    counts = {"treated": treated, "holdout": 5_000 - treated}
    return sample_ratio(counts, {"treated": 0.8, "holdout": 0.2}).p_value < 0.05


def running_sizes(rng: np.random.Generator) -> bool:
    """Whether the sizes of the arms ever raise the alarm, looked at after every ten people."""
    treated = (rng.random(LOOKS_UNTIL) < 0.8).cumsum()[9::10]
    for people, count in zip(range(10, LOOKS_UNTIL + 1, 10), treated.tolist(), strict=True):
        counts = {"treated": count, "holdout": people - count}
        if running_sample_ratio(counts, {"treated": 0.8, "holdout": 0.2}).p_value < 0.05:
            return True
    return False


def balance(rng: np.random.Generator) -> bool:
    values = np.column_stack([rng.exponential(size=400), rng.random(400) < 0.2, rng.random(400)])
    arms = rng.permutation(np.repeat([0, 1], 200))
    found = check_balance(Covariates(values, ("a", "b", "c")), arms, np.arange(400))
    return found.outcome == "mismatch"


def same_in_every_segment(rng: np.random.Generator) -> bool:
    """Whether segments seem to differ where the effect is 0.1 in all of them."""
    rows = [
        SegmentComparison(
            "region", str(k), "stayed", "mail",
            difference(rng.random(n) < 0.5, rng.random(n) < 0.4),
        )
        for k, n in enumerate((60, 100, 200, 300))
    ]  # fmt: skip
    return judge_segments(rows, []).interactions[0].differs


def any_of_six_verdicts(rng: np.random.Generator) -> bool:
    """Whether any of two arms times three outcomes is called helped or harmed."""
    n = 900
    table = pa.table(
        {
            "arm": rng.permutation(np.repeat(["none", "mail", "call"], n // 3)),
            "stayed": (rng.random(n) < 0.4).astype(np.int64),
            "complained": (rng.random(n) < 0.03).astype(np.int64),
            "minutes": rng.exponential(10, n),
        }
    )
    found = analyse_table(
        Table(table),
        Question(arm="arm", control="none", outcomes=("stayed", "complained", "minutes")),
    )
    return any(each.judged.word in ("helped", "harmed") for each in found.comparisons)


def pilots(people: int, experiments: int, seed: int) -> dict[str, Floats]:
    """Give outcomes of everybody in made-up pilots, in experiments of equal size.

    The company's own simulator, its pilot and the planted effect: "retained" (ordered within 13
    weeks), "orders" in them, "before" (orders in the 26 weeks before) and "treated", each
    (experiments, people).
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[Floats]] = {}
    have = 0
    while have < people * experiments:
        weeks = live(make_people(20_000, rng), rng, PLAIN)
        after = weeks.orders[PILOT_WEEK : PILOT_WEEK + PILOT_WEEKS].sum(axis=0)[weeks.in_pilot]
        columns = {
            "retained": after > 0,
            "orders": after,
            "before": weeks.orders[PILOT_WEEK - 26 : PILOT_WEEK].sum(axis=0)[weeks.in_pilot],
            "treated": weeks.treated[weeks.in_pilot],
        }
        for name, column in columns.items():
            found.setdefault(name, []).append(column.astype(np.float64))
        have += len(after)
    return {
        name: np.concatenate(parts)[: people * experiments].reshape(experiments, people)
        for name, parts in found.items()
    }


NOMINAL: dict[str, tuple[Draw, float, bool]] = {
    "shares (30 %, 1,000 against 1,000)": (share, 0.05, True),
    "rare shares (1 %, 2,000 against 2,000)": (rare_share, 0.05, False),
    "rare shares (1 %, 4,000 against 1,000)": (rare_share_small_holdout, 0.05, False),
    "heavy-tailed means (1,000 against 1,000)": (heavy_mean, 0.05, True),
    "heavy-tailed means (2,000 against 400)": (heavy_mean_small_holdout, 0.05, True),
    "clusters (40 against 40 households)": (clusters, 0.05, True),
    "CUPED (3 covariates, 100 against 100)": (cuped, 0.05, True),
    "CUPED with clusters (40 against 40)": (cuped_clusters, 0.05, True),
    "running share, a look after every pair": (running_share, 0.05, False),
    "running rare share, a look after every pair": (running_rare_share, 0.05, False),
    "running mean (log-normal), a look after every pair": (running_heavy_mean, 0.05, False),
    "running CUPED, a look after every hundred pairs": (running_cuped, 0.05, False),
    "sizes of the arms, at 0.05": (sizes, 0.05, True),
    "sizes while running, a look after every ten": (running_sizes, 0.05, False),
    "covariates tell the arms apart (alarm)": (balance, 0.002, False),
    "segments of one effect called different": (same_in_every_segment, 0.05, True),
    "any of six verdicts helped or harmed": (any_of_six_verdicts, 0.05, False),
}
"""What may reject by chance, how often, and whether that should be met or only not exceeded."""
