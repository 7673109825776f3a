"""How the made-up customers live: hidden engagement and frustration drive what can be seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.simulate.world import PLAIN, World

WEEKS = 104
WEEK_S = 7 * 86_400
PILOT_WEEK = 56
PILOT_WEEKS = 13
UNDER_RECORDED_BAND = "65+"

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]


@dataclass(frozen=True)
class People:
    """Who the customers are: one entry each, arrays of shape `(n,)`; rates are per week."""

    ids: Texts
    joined_week: Ints
    days_before: Ints
    orders_per_week: Floats
    sessions_per_week: Floats
    tickets_per_week: Floats
    basket_eur: Floats
    age_band: Texts


@dataclass(frozen=True)
class Weeks:
    """What happened: `(weeks, n)` counts, the hidden state at the start of each week, `(n,)` fates.

    `left_week` equals `WEEKS` for those still here at the end.
    """

    orders: Ints
    sessions: Ints
    tickets: Ints
    escalated: Ints
    engagement: Floats
    frustration: Floats
    hazard: Floats
    left_week: Ints
    treated: Flags
    in_pilot: Flags


def make_people(n: int, rng: np.random.Generator, *, first: int = 1) -> People:
    """Draw `n` customers, numbered from `first`; three in five were here before the two years."""
    joined_week = np.where(rng.random(n) < 0.6, 0, rng.integers(0, WEEKS - 16, n)).astype(np.int64)
    return People(
        ids=np.array([f"C{k:06d}" for k in range(first, first + n)]),
        joined_week=joined_week,
        days_before=np.where(joined_week == 0, rng.integers(1, 700, n), 0),
        orders_per_week=0.16 * np.exp(0.6 * rng.standard_normal(n)),
        sessions_per_week=0.5 * np.exp(0.35 * rng.standard_normal(n)),
        tickets_per_week=0.02 * rng.gamma(1.2, 1 / 1.2, n),
        basket_eur=38 * np.exp(0.5 * rng.standard_normal(n)),
        age_band=rng.choice(["18-34", "35-64", UNDER_RECORDED_BAND], n, p=[0.3, 0.45, 0.25]),
    )


def live(
    people: People,
    rng: np.random.Generator,
    world: World = PLAIN,
    *,
    strain: Floats | None = None,
    season: Floats | None = None,
) -> Weeks:
    """Let everyone live through the weeks; what a week brings depends on the state before it.

    `strain` (weeks, n) is added to the log-hazard, `season` (weeks,) multiplies orders.
    """
    n = len(people.ids)
    counts = {name: np.zeros((WEEKS, n), np.int64) for name in ("orders", "sessions", "tickets")}
    escalated = np.zeros((WEEKS, n), np.int64)
    engagements, frustrations, hazards = (np.zeros((WEEKS, n)) for _ in range(3))
    engagement, frustration = 0.45 * rng.standard_normal(n), np.zeros(n)
    left = np.full(n, WEEKS, np.int64)
    treated, in_pilot = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    for week in range(WEEKS):
        joined = people.joined_week <= week
        here = joined & (left > week)
        if week == PILOT_WEEK:
            in_pilot, treated = here, here & (rng.random(n) < 0.5)
        helped = treated * _pilot_help(week, world)
        log_hazard = base_log_hazard(engagement, frustration) + world.pilot_log_hazard * helped
        hazard = np.exp(log_hazard if strain is None else log_hazard + strain[week])
        hazard = np.minimum(hazard, 0.6) * here
        left = np.where(rng.random(n) < hazard, week, left)
        here = joined & (left > week)
        fading = np.where(here, 1.0, 0.1 * np.exp(-0.25 * np.maximum(week - left, 0))) * joined
        rates = {
            "orders": people.orders_per_week * np.exp(0.7 * engagement + 0.25 * helped) * here,
            "sessions": people.sessions_per_week * np.exp(0.9 * engagement) * fading,
            "tickets": people.tickets_per_week * (1 + 0.4 * frustration) * here,
        }
        if season is not None:
            rates["orders"] = rates["orders"] * season[week]
        for name, rate in rates.items():
            counts[name][week] = rng.poisson(rate)
        tickets = counts["tickets"][week]
        escalated[week] = rng.binomial(tickets, np.clip(0.15 + 0.1 * frustration, 0, 0.7))
        engagements[week], frustrations[week], hazards[week] = engagement, frustration, hazard
        engagement, frustration = next_state(engagement, frustration, tickets, escalated[week], rng)
    return Weeks(
        **counts,
        escalated=escalated,
        engagement=engagements,
        frustration=frustrations,
        hazard=hazards,
        left_week=left,
        treated=treated,
        in_pilot=in_pilot,
    )


def base_log_hazard(engagement: Floats, frustration: Floats) -> Floats:
    """Weekly log-hazard (n,) of leaving for good, before anything outside adds to it."""
    return -5.9 - 1.7 * engagement + 0.55 * frustration


def next_state(
    engagement: Floats,
    frustration: Floats,
    tickets: Ints,
    escalated: Ints,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Let a week pass (n,): frustration heals and tickets raise it, engagement wanders on."""
    frustration = np.minimum(0.9 * frustration + 0.6 * tickets + 0.9 * escalated, 5)
    drawn = 0.14 * rng.standard_normal(len(engagement))
    return 0.965 * engagement - 0.025 * frustration + drawn, frustration


def _pilot_help(week: int, world: World) -> float:
    """What the pilot still gives in a week, 0-1."""
    if week < PILOT_WEEK:
        return 0.0
    if world.pilot_hazard_half_life_days is None:
        return float(week < PILOT_WEEK + PILOT_WEEKS)
    return float(0.5 ** ((week - PILOT_WEEK) * 7 / world.pilot_hazard_half_life_days))


def spread(
    counts: Ints, rng: np.random.Generator, *, days: Floats | None = None
) -> tuple[Ints, Ints, Floats]:
    """Turn `(weeks, n)` counts into one row each: customer, week, seconds since the start.

    Things happen between eight in the morning and nine in the evening, on any day alike or with
    the chances `days` (7,) of the days of a week of the simulation. Rows of one customer and week
    stand together.
    """
    week, customer = np.nonzero(counts)
    times = counts[week, customer]
    week, customer = np.repeat(week, times), np.repeat(customer, times)
    if days is None:
        day = week * 7 + rng.integers(0, 7, len(week))
    else:
        day = week * 7 + np.searchsorted(np.cumsum(days)[:-1], rng.random(len(week)), "right")
    return customer, week, np.floor(day * 86_400 + (8 + 13 * rng.beta(2, 2, len(day))) * 3_600)
