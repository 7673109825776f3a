"""What the made-up company plants is found again: states, gaps between areas, a fading effect.

Variances are learned from one set of people; everything is checked on others.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from features.history import Histories
from features.simulate.block import Block
from features.simulate.life import PILOT_WEEK
from features.simulate.world import AREAS, DIMENSIONS, WORSE_OFF_AREA, World
from features.wellbeing.durability import DURABLE_DAYS, Durability, durability, trial_rows
from features.wellbeing.groups import (
    Figure,
    Gap,
    Span,
    equity,
    group_figures,
    group_sums,
)
from features.wellbeing.noise import Noise, estimate_noise
from features.wellbeing.scheme import FIVE, Dimension, Scheme, Signal
from features.wellbeing.signals import WEEK_US
from features.wellbeing.states import WellbeingTable, wellbeing_at
from governance.proof import Permit
from tests.features.made_up import block, histories_of, true_points, week_instant
from tests.features.sample import aggregate_permit, permit

WORLD = World(pilot_points=(8.0, 0.0, 6.0, 0.0, 4.0))
PEOPLE = 1_800
WEEKS_LOOKED_AT = (40, 84, 100)
"""Away from the start of the pilot, which no model of wandering states expects."""


@dataclass(frozen=True)
class Others:
    """People whom nothing was learned from."""

    made: Block
    histories: Histories
    permit: Permit
    noise: Noise


@pytest.fixture(scope="module")
def others() -> Others:
    learned = histories_of(block(0, 5, PEOPLE, WORLD))
    noise = estimate_noise(
        learned,
        FIVE,
        week_instant(103),
        permit=permit("wellbeing_inference", list(learned.customers)),
    )
    made = block(1, 5, PEOPLE, WORLD)
    histories = histories_of(made)
    return Others(made, histories, permit("wellbeing_inference", list(histories.customers)), noise)


@dataclass(frozen=True)
class Estimates:
    """Estimates and truth (m, t, d) of people who are customers at each time."""

    table: WellbeingTable
    truth: NDArray[np.float64]
    here: NDArray[np.bool_]

    def hits(self, some: NDArray[np.bool_]) -> float:
        inside = (self.truth >= self.table.low) & (self.truth <= self.table.high)
        return float(inside[some & self.here & np.isfinite(self.table.value)].mean())


@pytest.fixture(scope="module")
def estimates(others: Others) -> Estimates:
    instants = [week_instant(week) for week in WEEKS_LOOKED_AT]
    table = wellbeing_at(others.histories, FIVE, others.noise, instants, permit=others.permit)
    people = others.made.truth_people.to_pandas().set_index("customer_id").loc[table.customers]
    joined, left = people["joined_week"].to_numpy(), people["left_week"].to_numpy()
    weeks = np.array(WEEKS_LOOKED_AT)
    here = (joined[:, None] < weeks) & (left[:, None] > weeks)
    truth = np.stack([true_points(others.made, others.histories, w) for w in WEEKS_LOOKED_AT], 1)
    return Estimates(table, truth, np.broadcast_to(here[:, :, None], truth.shape))


def test_intervals_hold_the_true_state_nine_times_in_ten(estimates: Estimates) -> None:
    assert 0.86 <= estimates.hits(np.ones_like(estimates.here)) <= 0.94


@pytest.mark.parametrize("dimension", range(5), ids=DIMENSIONS)
def test_intervals_hold_in_every_dimension(estimates: Estimates, dimension: int) -> None:
    some = np.zeros_like(estimates.here)
    some[:, :, dimension] = True

    assert 0.86 <= estimates.hits(some) <= 0.94


def test_intervals_hold_for_people_of_whom_little_is_heard(estimates: Estimates) -> None:
    little = estimates.table.evidence < 0.3

    assert little[np.isfinite(estimates.table.value)].sum() > 500
    assert 0.86 <= estimates.hits(little) <= 0.94


def test_intervals_hold_at_every_time(estimates: Estimates) -> None:
    for t in range(len(WEEKS_LOOKED_AT)):
        some = np.zeros_like(estimates.here)
        some[:, t] = True
        assert 0.86 <= estimates.hits(some) <= 0.94


def test_the_interval_of_the_index_holds_too(estimates: Estimates) -> None:
    table = estimates.table
    there = np.isfinite(table.value)
    truth = np.where(there, estimates.truth, 0).sum(axis=2) / np.maximum(there.sum(axis=2), 1)
    some = np.isfinite(table.index) & estimates.here[:, :, 0]

    hits = (truth >= table.index_low) & (truth <= table.index_high)

    assert 0.86 <= hits[some].mean() <= 0.95


def test_estimates_beat_the_companys_mean(estimates: Estimates) -> None:
    some = estimates.here & np.isfinite(estimates.table.value)
    error = (estimates.table.value - estimates.truth)[some]

    assert np.sqrt(np.mean(error**2)) < 0.75 * estimates.truth[some].std()


def test_how_people_differ_is_learned(others: Others) -> None:
    planted = WORLD.between_sd**2 + WORLD.wander_sd**2

    for told in others.noise.dimensions:
        assert told.measurable
        assert told.state_var == pytest.approx(planted, rel=0.3)


def test_a_wearable_is_read_on_the_scale_that_was_planted(others: Others) -> None:
    sleep = others.noise.of("physical").signal("sleep_score")

    assert sleep is not None
    assert sleep.loading == pytest.approx(0.6, abs=0.12)
    assert sleep.bias_var > 10


def test_what_has_nothing_to_do_with_a_dimension_is_left_out_and_says_why(others: Others) -> None:
    nps = next(each for each in others.noise.of("social").signals if each.name == "nps")

    assert not nps.used
    assert "no clear relation" in nps.why


def test_counting_what_never_happens_is_no_signal(others: Others) -> None:
    """A dimension with nothing but a kind of event that this company does not have."""
    scheme = Scheme(
        "s", (Dimension("civic", (Signal("votes", "count", kinds=("voted",), high=2),)),)
    )
    noise = estimate_noise(others.histories, scheme, week_instant(100), permit=others.permit)

    assert not noise.of("civic").measurable
    assert noise.of("civic").why == "0 people have repeated readings, 30 are needed"


@pytest.fixture(scope="module")
def figures(others: Others) -> tuple[Figure, ...]:
    area = dict(
        zip(
            others.made.customers["customer_id"].to_pylist(),
            others.made.customers["area"].to_pylist(),
            strict=True,
        )
    )
    spans = [Span(week_instant(0), week_instant(52)), Span(week_instant(52), week_instant(104))]
    sums = group_sums(
        others.histories, FIVE, others.noise, spans,
        permit=others.permit, known_until=week_instant(104), groups=area,
    )  # fmt: skip
    return group_figures(sums, FIVE, others.noise, aggregate=aggregate_permit())


def test_the_gap_of_the_worse_off_area_is_found(figures: tuple[Figure, ...]) -> None:
    gaps = equity([figure for figure in figures if figure.dimension == "financial"])
    worse = next(gap for gap in gaps if gap.group == WORSE_OFF_AREA)

    planted = -WORLD.area_gap_points[DIMENSIONS.index("financial")]
    assert worse.gap.low <= planted <= worse.gap.high
    assert worse.gap.high < 0


def test_areas_that_fare_alike_are_not_told_apart(figures: tuple[Figure, ...]) -> None:
    def gaps_of(gaps: tuple[Gap, ...]) -> list[Gap]:
        return [gap for gap in gaps if WORSE_OFF_AREA not in (gap.group, gap.best)]

    alike = gaps_of(equity(figures))

    assert len(alike) == len(DIMENSIONS) + 1
    assert np.mean([gap.gap.high >= 0 for gap in alike]) > 0.7


def test_every_planted_gap_lies_near_its_interval(figures: tuple[Figure, ...]) -> None:
    """Between the worse-off area and the two others together, per dimension."""
    newest = max(figure.span for figure in figures)
    for k, dimension in enumerate(DIMENSIONS):
        cells = {
            figure.group: figure.value
            for figure in figures
            if figure.span == newest and figure.dimension == dimension and figure.group in AREAS
        }
        worse = cells.pop(WORSE_OFF_AREA)
        rest = [value for value in cells.values() if value is not None]
        assert worse is not None
        gap = worse.value - np.mean([value.value for value in rest])
        error = np.hypot(worse.high - worse.value, rest[0].high - rest[0].value) / 1.96
        assert abs(gap + WORLD.area_gap_points[k]) < 3 * error


@pytest.fixture(scope="module")
def lasting(others: Others) -> tuple[Durability, ...]:
    people = others.made.truth_people.to_pandas().query("in_pilot")
    began = week_instant(PILOT_WEEK)
    trial = trial_rows(
        others.histories,
        FIVE,
        others.noise,
        {row.customer_id: (began, bool(row.treated)) for row in people.itertuples()},
        permit=others.permit,
        known_until=week_instant(104),
    )
    return durability(trial, aggregate=aggregate_permit())


def test_an_effect_that_fades_is_found_at_30_days_and_less_at_180(
    lasting: tuple[Durability, ...],
) -> None:
    for found in lasting:
        assert found.effect is not None
        planted = WORLD.pilot_points[DIMENSIONS.index(found.dimension)]
        left = planted * WORLD.pilot_fade(found.days)
        error = (found.effect.high - found.effect.value) / 1.96
        assert abs(found.effect.value - left) < 3 * error
    assert len(lasting) == len(DIMENSIONS) * len(DURABLE_DAYS)


def test_the_first_months_effect_is_told_from_nothing(lasting: tuple[Durability, ...]) -> None:
    early = next(d for d in lasting if (d.dimension, d.days) == ("emotional", 30))

    assert early.effect is not None
    assert early.effect.low > 0


def test_people_whose_window_is_not_over_wait(others: Others) -> None:
    people = others.made.truth_people.to_pandas().query("in_pilot")
    began = week_instant(PILOT_WEEK)
    trial = trial_rows(
        others.histories, FIVE, others.noise, dict.fromkeys(people["customer_id"], (began, True)),
        permit=others.permit, known_until=began + 10 * WEEK_US,
    )  # fmt: skip

    assert trial.waiting[30] == 0
    assert trial.waiting[180] > 0.9 * len(people)
