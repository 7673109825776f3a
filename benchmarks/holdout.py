"""A home's own experiments, from histories on: do the intervals hold, and do looks stop rightly?

    python -m benchmarks.holdout [--drawn 1000] [--looked 200]

First the made-up company's pilot, as draws and orders in histories: its planted effect must lie in
the intervals of `outcomes lift`. Then experiments into which people are drawn over 90 days, looked
at every third day by the rule of `outcomes watch`: without an effect at most 1 % may stop.
"""

import argparse
import json
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.trials_drawn import PLAIN
from features.history import Histories
from features.simulate.life import PILOT_WEEK, PILOT_WEEKS, live, make_people
from governance.consent.purposes import PurposeRules
from governance.consent.registry import ConsentRegistry
from governance.instants import DAY_US, to_micros
from governance.proof import AggregatePermit
from outcomes.trials.assignments import first_assignments
from outcomes.trials.followed import Followed
from outcomes.trials.lift import trial_lift
from outcomes.trials.records import FINAL_LEVEL, LOOK_LEVEL, Terms, TrialLift
from serving.database import Database, sqlite_url
from serving.migrate import migrate
from serving.trials.watch import WATCHED_DAYS, judged

PEOPLE = 600
START = to_micros(datetime(2026, 1, 5, tzinfo=UTC))
WEEK = 7 * DAY_US
HORIZON_DAYS = 7 * PILOT_WEEKS
ENROL_DAYS, EVERY_DAYS = 90, 3
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Covered(NamedTuple):
    """How many of `drawn` intervals held `effect`, plain and adjusted; `withheld` gave none.

    Of arms drawn by tossing coins one in a thousand has sizes that are not believed.
    """

    drawn: int
    withheld: int
    effect: float
    plain: int
    adjusted: int


class Stops(NamedTuple):
    """How many of `looked` experiments were stopped for benefit, and for harm."""

    looked: int
    benefit: int
    harm: int


def permit_for_figures() -> AggregatePermit:
    """Have a registry give what figures over groups need."""
    registry = ConsentRegistry(PurposeRules(), home_kind="production")
    with TemporaryDirectory() as folder:
        database = Database(sqlite_url(Path(folder) / "keepwell.db"))
        migrate(database)
        with database.read() as conn:
            permit = registry.aggregate_permit(
                conn, "aggregate", now=datetime(2029, 1, 1, tzinfo=UTC)
            )
        database.close()
    return permit


def histories_of(
    treated: Flags, drawn_at: Ints, kinds: tuple[str, ...], who: Ints, kind: Ints, at: Ints
) -> Histories:
    """Put draws (n,) and what else happened (m,) into histories; `kind` indexes `kinds`."""
    n = len(treated)
    names = ("intervention_assigned", *kinds)
    owner = np.concatenate([np.arange(n), who])
    when = np.concatenate([drawn_at, at])
    what = np.concatenate([np.zeros(n, np.int64), kind + 1])
    order = np.lexsort((what, when, owner))
    said = [
        json.dumps({"playbook": "note", "arm": "treated" if arm else "holdout", "by_lot": True,
                    "experiment": "note/1", "stratum": "risk_50", "propensity": 0.5})
        for arm in treated
    ]  # fmt: skip
    counts = np.bincount(owner, minlength=n)
    rows = len(order)
    return Histories(
        customers=np.array([f"c{k:06}" for k in range(n)], np.object_),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        occurred_at=when[order],
        known_at=when[order],
        superseded_at=np.full(rows, 2**62, np.int64),
        kind=what[order].astype(np.int16),
        kinds=names,
        value_micros=np.full(rows, 1_000_000, np.int64),
        digests=np.zeros((0, 2), np.uint64),
        occurrence=np.zeros(rows, np.int32),
        strings={"properties": [said[owner[k]] if what[k] == 0 else None for k in order]},
    )


def lift(
    histories: Histories, permit: AggregatePermit, *, days: int, until: int, running: bool
) -> TrialLift:
    """Ask one experiment for what it changed, as `outcomes lift` does."""
    drawn = first_assignments(histories, permit, playbook="note")
    return trial_lift(
        Followed(histories, drawn, permit),
        drawn,
        playbook="note",
        experiment="note/1",
        holdout_share=0.5,
        observed_until=until,
        horizon_days=days,
        terms=Terms(),
        is_running=running,
    )


def covered(experiments: int, permit: AggregatePermit, seed: int = 1) -> Covered:
    """Ask many pilots of `PEOPLE` people; the truth is the difference over all of them together."""
    rng = np.random.default_rng(seed)
    orders, treated = _pilots(experiments * PEOPLE, rng)
    stayed = orders[13:].sum(axis=0) > 0
    effect = float(stayed[treated].mean() - stayed[~treated].mean())
    plain = adjusted = withheld = 0
    for k in range(experiments):
        mine = slice(k * PEOPLE, (k + 1) * PEOPLE)
        week, who = np.nonzero(orders[:, mine])
        at = START + (week - 13) * WEEK + WEEK // 2
        histories = histories_of(
            treated[mine], np.full(PEOPLE, START), ("order",), who, np.zeros(len(who), np.int64), at
        )
        told = lift(histories, permit, days=HORIZON_DAYS, until=START + 200 * DAY_US, running=False)
        found = told.outcome("retained")
        assert found is not None
        if told.verdict == "withheld":
            withheld += 1
            continue
        assert found.adjusted is not None
        plain += _holds(found.raw.low, found.raw.high, effect)
        adjusted += _holds(found.adjusted.low, found.adjusted.high, effect)
    return Covered(experiments - withheld, withheld, effect, plain, adjusted)


def stopped(
    experiments: int, permit: AggregatePermit, chances: tuple[float, float], seed: int = 2
) -> Stops:
    """Draw people over `ENROL_DAYS`; look every `EVERY_DAYS` days by the rule of the daily look.

    `chances` are those of ordering within 30 days, treated and left alone. A tenth of everyone
    unsubscribes, whatever the arm.
    """
    rng = np.random.default_rng(seed)
    benefit = harm = 0
    for _ in range(experiments):
        treated = rng.permutation(np.arange(PEOPLE) % 2 == 0)
        drawn_at = START + (rng.random(PEOPLE) * ENROL_DAYS * DAY_US).astype(np.int64)
        bought = np.flatnonzero(rng.random(PEOPLE) < np.where(treated, *chances))
        left = np.flatnonzero(rng.random(PEOPLE) < 0.1)
        who = np.concatenate([bought, left])
        kind = np.repeat([0, 1], [len(bought), len(left)])
        at = drawn_at[who] + 5 * DAY_US
        histories = histories_of(treated, drawn_at, ("order", "unsubscribed"), who, kind, at)
        for day in range(WATCHED_DAYS, ENROL_DAYS + WATCHED_DAYS, EVERY_DAYS):
            until = START + day * DAY_US
            found = lift(histories, permit, days=WATCHED_DAYS, until=until, running=True)
            came, _ = judged(found, "retained")
            if came in ("stopped for benefit", "stopped for harm"):
                benefit += came == "stopped for benefit"
                harm += came == "stopped for harm"
                break
    return Stops(experiments, benefit, harm)


def _pilots(people: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Flags]:
    """Give orders per week (26, people) from 13 weeks before the pilot on, and who was treated."""
    orders, treated = [], []
    have = 0
    while have < people:
        weeks = live(make_people(20_000, rng), rng, PLAIN)
        inside = weeks.orders[PILOT_WEEK - 13 : PILOT_WEEK + PILOT_WEEKS][:, weeks.in_pilot]
        orders.append(inside.astype(np.int64))
        treated.append(weeks.treated[weeks.in_pilot])
        have += inside.shape[1]
    return np.concatenate(orders, axis=1)[:, :people], np.concatenate(treated)[:people]


def _holds(low: float | None, high: float | None, effect: float) -> bool:
    assert low is not None
    assert high is not None
    return low <= effect <= high


def _print_truth(found: Covered) -> None:
    error = sqrt(FINAL_LEVEL * (1 - FINAL_LEVEL) / found.drawn)
    print(
        f"the company's pilot, {found.drawn:,} of {PEOPLE} people, effect {found.effect:+.4f} "
        f"({found.withheld} withheld)"
    )
    for name, held in (("plain", found.plain), ("adjusted", found.adjusted)):
        share = held / found.drawn
        said = "" if abs(share - FINAL_LEVEL) <= 3 * error else "  NOT HELD"
        print(f"  {name:<10} {share:.4f} ± {error:.4f} hold it ({FINAL_LEVEL:.2f}){said}")


def _print_looks(found: Stops, name: str, *, most: float | None) -> None:
    stops = (found.benefit + found.harm) / found.looked
    said = ""
    if most is not None and stops > most + 3 * sqrt(most * (1 - most) / found.looked):
        said = "  NOT HELD"
    bar = "" if most is None else f" (at most {most:.2f})"
    print(
        f"  {name:<22} stopped {stops:.3f}{bar}: {found.benefit} for benefit, "
        f"{found.harm} for harm of {found.looked:,}{said}",
        flush=True,
    )


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--drawn", type=int, default=1_000)
    parser.add_argument("--looked", type=int, default=200)
    asked = parser.parse_args()
    permit = permit_for_figures()
    _print_truth(covered(asked.drawn, permit))
    print(f"{PEOPLE} people drawn over {ENROL_DAYS} days, a look every {EVERY_DAYS}")
    for name, chances, most in (
        ("no effect", (0.5, 0.5), 1 - LOOK_LEVEL),
        ("20 points more stay", (0.7, 0.5), None),
        ("20 points fewer stay", (0.3, 0.5), None),
    ):
        _print_looks(stopped(asked.looked, permit, chances), name, most=most)


if __name__ == "__main__":
    main()
