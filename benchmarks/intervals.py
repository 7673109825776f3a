"""How often 90 % intervals hold the true chance of the made-up company, which no model can see.

    python -m benchmarks.intervals [--customers 2500] [--seeds 3]

Three truths, because they are three questions: the mean chance of people alike in their score (what
a calibrated score claims), the chance expected from everything the model sees (what an interval is
for), and a person's own chance, which also depends on a hidden state that no record shows.
"""

import argparse
from dataclasses import replace
from typing import NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from features.simulate.hazard import chance_of_silence
from features.simulate.life import People, Weeks, live, make_people
from features.simulate.world import PLAIN
from training.fit import RiskClassifier

HORIZON_WEEKS = 13
CUT_WEEKS = (40, 44, 48, 52, 56, 60, 64)
TEST_WEEK = 78
ALIKE = 25

Floats = NDArray[np.float64]


class Held(NamedTuple):
    """Shares of intervals that hold each truth, and of those the tenth with the least history."""

    alike: float
    expected: float
    expected_thinnest: float
    own: float


def look(people: People, weeks: Weeks, week: int) -> tuple[Floats, NDArray[np.bool_]]:
    """What can be seen of everyone at the start of a week (n, k), and who ordered within a year."""
    since = np.maximum(week - 52, 0)
    ordered = weeks.orders[:week] > 0
    last = np.where(ordered.any(axis=0), week - 1 - ordered[::-1].argmax(axis=0), -1)
    tenure = week - people.joined_week
    columns = [tenure, week - last, ordered.sum(axis=0) / np.maximum(tenure, 1)]
    for span in (4, 13, 26, 52):
        part = slice(max(week - span, 0), week)
        columns += [weeks.orders[part].sum(axis=0), weeks.sessions[part].sum(axis=0)]
    columns += [weeks.tickets[since:week].sum(axis=0), weeks.escalated[since:week].sum(axis=0)]
    active = (last >= since) & (people.joined_week < week)
    return np.column_stack(columns).astype(np.float64), active


def silent(weeks: Weeks, week: int) -> Floats:
    """Who does not order within the horizon (n,)."""
    ordered = weeks.orders[week : week + HORIZON_WEEKS].sum(axis=0)
    silence: Floats = (ordered == 0).astype(np.float64)
    return silence


def held(customers: int, seed: int, *, paths: int = 200) -> Held:
    """Make a company up, train on its past and hold the intervals of a later day to the truth."""
    rng = np.random.default_rng(seed)
    people = make_people(customers, rng)
    weeks = live(people, rng, replace(PLAIN, pilot_log_hazard=0.0))
    rows = [(week, *look(people, weeks, week)) for week in CUT_WEEKS]
    model = RiskClassifier(random_state=0, trials=1).fit(
        np.concatenate([seen[active] for _, seen, active in rows]),
        np.concatenate([silent(weeks, week)[active] for week, _, active in rows]),
        groups=np.concatenate([np.flatnonzero(active) for _, _, active in rows]),
        period_days=np.concatenate([np.full(active.sum(), 7.0 * week) for week, _, active in rows]),
    )
    seen, active = look(people, weeks, TEST_WEEK)
    truth = chance_of_silence(
        people, weeks, week=TEST_WEEK, horizon_weeks=HORIZON_WEEKS, paths=paths, rng=rng
    )[active]
    seen = seen[active]
    scores = model.scores(seen)
    expected = _expected(seen, truth, scores.probability, seed)
    inside = _inside(scores.low, expected, scores.high)
    thinnest = seen[:, 0] <= np.quantile(seen[:, 0], 0.1)
    order = np.argsort(scores.probability)
    groups = np.array_split(order, max(len(order) // ALIKE, 1))
    means = np.array([[c[g].mean() for c in (scores.low, truth, scores.high)] for g in groups]).T
    return Held(
        float(_inside(*means).mean()),
        float(inside.mean()),
        float(inside[thinnest].mean()),
        float(_inside(scores.low, truth, scores.high).mean()),
    )


def _inside(low: Floats, truth: Floats, high: Floats) -> NDArray[np.bool_]:
    return (low <= truth) & (truth <= high)


def _expected(seen: Floats, truth: Floats, probability: Floats, seed: int) -> Floats:
    """Regress the truth itself on what is seen, out of fold: chances without any luck."""
    columns = np.column_stack([seen, _logit(probability)])
    total = np.zeros(len(truth))
    for repeat in range(3):
        for fit, rest in KFold(10, shuffle=True, random_state=seed + repeat).split(columns):
            data = lightgbm.Dataset(columns[fit], truth[fit], init_score=_logit(probability[fit]))
            trees = lightgbm.train(_REGRESSION, data, 120)
            told = np.asarray(trees.predict(columns[rest], raw_score=True))
            total[rest] += (_logit(probability[rest]) + told) / 3
    return np.asarray(1 / (1 + np.exp(-total)))


_REGRESSION = {
    "objective": "cross_entropy",
    "num_leaves": 6,
    "learning_rate": 0.04,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.5,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "verbosity": -1,
}


def _logit(p: Floats) -> Floats:
    return np.asarray(np.log(p) - np.log1p(-p))


def main() -> None:
    """Print the shares held, seed by seed and on the whole."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--customers", type=int, default=2_500)
    asked.add_argument("--seeds", type=int, default=3)
    said = asked.parse_args()
    every = []
    for seed in range(said.seeds):
        every.append(held(said.customers, seed))
        told = ", ".join(f"{name} {share:.3f}" for name, share in every[-1]._asdict().items())
        print(f"seed {seed}: {told}", flush=True)
    mean = Held(*np.mean(every, axis=0).tolist())
    print(f"mean of {said.seeds}: {', '.join(f'{n} {s:.3f}' for n, s in mean._asdict().items())}")


if __name__ == "__main__":
    main()
