"""Small simulated experiments: who gets a mail is drawn, what it does to whom is planted."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from hypothesis import settings

COVARIATES = ("age", "plan", "visits")
LONG_FORM = settings().max_examples >= 1_000


def simulated_trial(
    people: int,
    seed: int,
    effect: Callable[[pd.DataFrame], "pd.Series[float] | float"],
    *,
    families_buy_anyway: float = 0.0,
) -> pd.DataFrame:
    """Half get a mail; `effect` is what it adds to each person's chance to buy (0.2 or 0.3).

    `families_buy_anyway` is added to the chance of families, mailed or not.
    """
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": random.normal(40, 10, people),
            "plan": random.choice(["basic", "family", "pro"], people),
            "visits": random.poisson(2, people).astype(np.float64),
        }
    )
    mailed = random.permutation(np.arange(people) % 2)
    chance = 0.2 + 0.1 * (frame["visits"] > 2) + effect(frame) * mailed
    chance += families_buy_anyway * (frame["plan"] == "family")
    frame["arm"] = np.where(mailed == 1, "mail", "none")
    frame["bought"] = (random.random(people) < chance).astype(np.int64)
    return frame


def same_for_all(frame: pd.DataFrame) -> float:
    return 0.1


def on_pro_only(frame: pd.DataFrame) -> "pd.Series[float]":
    return 0.5 * (frame["plan"] == "pro")
