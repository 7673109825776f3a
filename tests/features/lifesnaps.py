"""Real reports of mood (LifeSnaps, 63 people): +1 for each good feeling of a day, −1 for a bad."""

from datetime import UTC
from pathlib import Path

import pandas as pd

from features.events import Event
from features.history import Histories, from_events

GOOD = ("HAPPY", "RESTED/RELAXED", "ALERT")
BAD = ("SAD", "TENSE/ANXIOUS", "TIRED")
MOOD = {
    "instrument": "valence",
    "dimension": "emotional",
    "scale": [-3, 3],
    "polarity": "high_is_good",
}


def moods(path: Path) -> "pd.DataFrame":
    """Days with a report: `id`, `at` and `valence`, from −3 to 3."""
    table = pd.read_csv(path, usecols=["id", "date", "NEUTRAL", *GOOD, *BAD], low_memory=False)
    said = table[["NEUTRAL", *GOOD, *BAD]].fillna(0)
    table["valence"] = said[list(GOOD)].sum(axis=1) - said[list(BAD)].sum(axis=1)
    table["at"] = pd.to_datetime(table["date"]).dt.tz_localize(UTC)
    return table.loc[said.sum(axis=1) > 0, ["id", "at", "valence"]]


def histories_of(days: "pd.DataFrame") -> Histories:
    """One survey answer per report."""
    return from_events(
        [
            Event(
                customer_id=customer,
                kind="survey",
                occurred_at=at.to_pydatetime(),
                known_at=at.to_pydatetime(),
                event_id=f"mood {at:%Y-%m-%d}",
                value=float(valence),
                properties=MOOD,
            )
            for customer, at, valence in days.itertuples(index=False, name=None)
        ]
    )
