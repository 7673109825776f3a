"""A block of the made-up company as histories and truth, without going through an import."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.events import Event
from features.history import Histories, from_events
from features.simulated_block import Block, make_block
from features.simulated_life import WEEKS
from features.simulated_world import World
from features.surveys import complete_survey
from governance.instants import to_micros

END = datetime(2026, 11, 1, tzinfo=UTC)
START = END - timedelta(weeks=WEEKS)
WELLBEING_KINDS = (
    *("survey", "wearable", "payment_failed", "savings", "community_post"),
    *("goal_reached", "ticket_opened", "session"),
)


def week_instant(week: int) -> int:
    """Give the µs at which a simulated week begins."""
    return to_micros(START + timedelta(weeks=week))


@cache
def block(number: int, seed: int, size: int, world: World) -> Block:
    return make_block(number, seed, size=size, keep=size, end=END, world=world, truth_every_weeks=4)


def events_of(rows: Iterable[dict[str, Any]]) -> list[Event]:
    """Make events of rows as the import would; impossible answers stay away, as they do there."""
    found = []
    for row in rows:
        properties: dict[str, object] = {}
        if row["kind"] == "survey":
            properties = dict(complete_survey({"instrument": row["instrument"]}))
            if row["value"] is not None and row["value"] > 50:
                continue
        elif row["metric"] is not None:
            properties = {"metric": row["metric"]}
        own = {name: row[name] for name in _AS_IT_IS}
        found.append(Event(**own, properties=properties))
    return found


_AS_IT_IS = (
    *("customer_id", "kind", "event_id", "occurred_at", "known_at"),
    *("value", "text", "corrects", "retracts"),
)


def histories_of(made: Block, kinds: Collection[str] = WELLBEING_KINDS) -> Histories:
    """Read a block's events of some kinds back as histories."""
    wanted = pc.is_in(made.events["kind"].cast(pa.string()), pa.array(list(kinds)))
    return from_events(events_of(made.events.filter(wanted).to_pylist()))


def true_points(made: Block, histories: Histories, week: int) -> NDArray[np.float64]:
    """True states (m, 5) at the start of a week, in the order of the histories' customers."""
    truth = made.truth_weeks.to_pandas()
    there = truth[truth["week"] == week].set_index("customer_id")
    names = ["emotional", "financial", "social", "physical", "purposeful"]
    found: NDArray[np.float64] = there.loc[list(histories.customers), names].to_numpy(np.float64)
    return found
