"""How often the journey map claims a worst stage: where there is one, and where there is none.

    python -m benchmarks.journey [--seeds N] [--maps N]

People differ (one is gloomier than another, everywhere) and are at several stages. Planted, the
support stage is worse by a stated amount. `--seeds` asks `worst_stage` of drawn figures, `--maps`
goes the whole way from events through the disclosure rules to the map.
"""

import argparse
import tempfile
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from math import sqrt
from pathlib import Path

import numpy as np

from features.events import Event
from features.history import from_events
from features.text.tagging import Rules
from governance import tables as governance_tables
from governance.consent.purposes import PurposeRules
from governance.consent.registry import ConsentRegistry
from governance.proof import AggregatePermit
from outcomes.journey.map import journey_map
from outcomes.journey.samples import Sample
from outcomes.journey.stages import STAGES
from outcomes.journey.table import JourneyTable
from outcomes.journey.worst import LENSES, Lens, worst_stage
from outcomes.measures.definition import Period
from serving.database import Database, create_tables, sqlite_url

NAMES = tuple(stage.name for stage in STAGES)
PLANTED, TWIN = "support", "delivery"
WORSE = {"sentiment": 0.4, "satisfaction": 20.0, "effort": 20.0, "drop_off": 0.3}
"""How much worse the planted stage is, on the scale of each lens."""

_PRESENT = (0.9, 0.7, 0.3, 0.15, 0.4, 0.2, 0.1)
_START = datetime(2026, 1, 1, tzinfo=UTC)


def drawn(
    lens: Lens, seed: int, *, people: int, worse: float, at: Collection[str] = (PLANTED,)
) -> dict[str, Sample]:
    """Draw what people add to one lens at each stage; those named by `at` are `worse`.

    Means are of bounded, spread answers of persons who differ; drop-off is a yes of one in twenty.
    """
    rng = np.random.default_rng(seed)
    own = rng.normal(0.0, 0.15, people)
    sign = 1.0 if lens.high_is_bad else -1.0
    found = {}
    for stage, share in zip(NAMES, _PRESENT, strict=True):
        who = np.flatnonzero(rng.random(people) < share).astype(np.int64)
        shift = sign * worse if stage in at else 0.0
        if lens.name == "drop_off":
            x = (rng.random(len(who)) < 0.05 + shift).astype(np.float64)
        else:
            unit = 0.55 + own[who] + rng.normal(0.0, 0.2, len(who))
            x = np.clip(lens.low + (lens.high - lens.low) * unit + shift, lens.low, lens.high)
        found[stage] = Sample(who, x)
    return found


def claimed(seed: int, *, people: int, at: Collection[str]) -> list[str]:
    """Give the stages claimed through any lens of one journey whose stages `at` are worse."""
    found = []
    for k, lens in enumerate(LENSES):
        drawn_seed, worse = len(LENSES) * seed + k, WORSE[lens.name]
        stage = worst_stage(lens, drawn(lens, drawn_seed, people=people, worse=worse, at=at)).stage
        found += [] if stage is None else [stage]
    return found


def events_of(seed: int, *, people: int, planted: bool) -> list[Event]:
    """Make events of people who pass the stages and answer CSAT (1 to 5) at each."""
    rng = np.random.default_rng(seed)
    found = []
    for person in range(people):
        content = rng.normal(0.0, 0.6)
        for k, stage in enumerate(STAGES):
            if rng.random() > max(_PRESENT[k], 0.2):
                continue
            at = _START + timedelta(days=5 + 10 * k + float(rng.random()))
            less = 0.8 if planted and stage.name == PLANTED else 0.0
            score = float(np.clip(np.rint(3.8 + content - less + rng.normal(0, 0.8)), 1, 5))
            stated = {"instrument": "csat", "scale": [1, 5], "polarity": "high_is_good"}
            found += [
                Event(f"p{person}", stage.kinds[-1], at, at),
                Event(f"p{person}", "survey", at, at, value=score, properties={
                    **stated, "stage": stage.name}),
            ]  # fmt: skip
    return found


def claimed_on_the_map(
    permit: AggregatePermit, seed: int, *, people: int, planted: bool
) -> str | None:
    """Go from events to the map; give the stage whose satisfaction is claimed to be worst."""
    with JourneyTable(permit, Rules((), (), "none"), STAGES) as table:
        table.add(from_events(events_of(seed, people=people, planted=planted)))
        period = Period(_START, _START + timedelta(days=90), "the first quarter")
        found = journey_map(table, period)
    return next(each.stage for each in found.worst if each.lens == "satisfaction")


def said(happened: Sequence[bool]) -> str:
    """Say a share with its Monte Carlo standard error."""
    n, share = len(happened), sum(happened) / len(happened)
    return (
        f"{100 * share:.1f} % of {n} (Monte Carlo error {100 * sqrt(share * (1 - share) / n):.1f})"
    )


def main() -> None:
    """Print how often a stage is claimed, with and without a planted one."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--seeds", type=int, default=2000, help="journeys drawn as figures")
    asked.add_argument("--maps", type=int, default=100, help="journeys drawn as events")
    options = asked.parse_args()
    seeds = range(options.seeds)
    print("a stage claimed through any of four lenses though none is worst (at most 5 %):")
    for people in (60, 400, 4000):
        alike = [bool(claimed(s, people=people, at=())) for s in seeds]
        twins = [bool(claimed(s, people=people, at=(PLANTED, TWIN))) for s in seeds]
        print(f"  {people} people, all alike: {said(alike)}")
        print(f"  {people} people, two equally bad: {said(twins)}")
    print(f"the planted stage claimed through each of four lenses, {WORSE}:")
    for people in (200, 400, 800):
        found = [claimed(s, people=people, at=(PLANTED,)) for s in seeds]
        through = [stage == PLANTED for stages in found for stage in (*stages, "", "", "", "")[:4]]
        other = [any(stage != PLANTED for stage in stages) for stages in found]
        print(f"  {people} people: {said(through)}; another one: {said(other)}")
    permit = _permit()
    print("from events to the map, satisfaction of 500 people, 0.8 of 5 points planted:")
    for planted in (True, False):
        stages = [
            claimed_on_the_map(permit, s, people=500, planted=planted) for s in range(options.maps)
        ]
        right = [stage == (PLANTED if planted else None) for stage in stages]
        print(f"  {'planted, on top' if planted else 'none there, none claimed'}: {said(right)}")


def _permit() -> AggregatePermit:
    database = Database(sqlite_url(Path(tempfile.mkdtemp(prefix="keepwell-")) / "consent.db"))
    create_tables(database, governance_tables.metadata)
    registry = ConsentRegistry(PurposeRules(), home_kind="production")
    with database.read() as conn:
        now = _START + timedelta(days=365)
        return registry.aggregate_permit(conn, "aggregate", now=now)


if __name__ == "__main__":
    main()
