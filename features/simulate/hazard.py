"""How likely silence truly is for each made-up customer, given the hidden state they are in."""

import numpy as np

from features.simulate.life import Floats, People, Weeks, base_log_hazard, next_state


def chance_of_silence(
    people: People,
    weeks: Weeks,
    *,
    week: int,
    horizon_weeks: int,
    paths: int,
    rng: np.random.Generator,
) -> Floats:
    """Probability (n,) of no order in `horizon_weeks` from the start of `week` on; 1 for the gone.

    In a world without seasons, strain and pilot. Hidden states wander on along `paths` drawn ways;
    on each the chance is exact: Σ over weeks of P(silent so far and leaving now), plus P(silent to
    the end).
    """
    total = np.zeros(len(people.ids))
    for _ in range(paths):
        engagement, frustration = weeks.engagement[week], weeks.frustration[week]
        silent, gone = np.ones(len(total)), np.zeros(len(total))
        for _ in range(horizon_weeks):
            leaves = np.minimum(np.exp(base_log_hazard(engagement, frustration)), 0.6)
            orders = people.orders_per_week * np.exp(0.7 * engagement)
            gone += silent * leaves
            silent *= (1 - leaves) * np.exp(-orders)
            tickets = rng.poisson(people.tickets_per_week * (1 + 0.4 * frustration))
            escalated = rng.binomial(tickets, np.clip(0.15 + 0.1 * frustration, 0, 0.7))
            engagement, frustration = next_state(engagement, frustration, tickets, escalated, rng)
        total += gone + silent
    return np.where(weeks.left_week >= week, total / paths, 1.0)
