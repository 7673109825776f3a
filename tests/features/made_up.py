"""A block of the made-up company as histories and truth, without going through an import."""

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.events import MICROS, MISSING, canonical_properties
from features.history import Histories
from features.simulate.block import Block, make_block
from features.simulate.life import WEEKS
from features.simulate.world import World
from features.surveys import complete_survey
from features.versions import NEVER
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


def histories_of(made: Block) -> Histories:
    """Read a block's events back as histories, as the import and `read_all` would give them.

    Only the kinds that matter to well-being; impossible answers stay away, as they do there.
    """
    table = made.events
    impossible = pc.and_(pc.equal(table["kind"].cast(pa.string()), "survey"), pc.greater(
        pc.fill_null(table["value"], 0), 50))  # fmt: skip
    wanted = pc.is_in(table["kind"].cast(pa.string()), pa.array(WELLBEING_KINDS))
    table = table.filter(pc.and_(wanted, pc.invert(impossible))).combine_chunks()
    customer = table["customer_id"].cast(pa.string()).combine_chunks()
    ids, owner = np.unique(np.array(customer.to_pylist()), return_inverse=True)
    occurred, known = (
        table[name].cast(pa.int64()).to_numpy() for name in ("occurred_at", "known_at")
    )
    order = np.lexsort((known, occurred, owner))
    table, owner = table.take(order), owner[order]
    value = pc.fill_null(table["value"], np.nan).to_numpy()
    kinds, kind = np.unique(table["kind"].to_pylist(), return_inverse=True)
    known = known[order]
    return Histories(
        customers=ids.astype(np.object_),
        offsets=np.searchsorted(owner, np.arange(len(ids) + 1)),
        occurred_at=occurred[order],
        known_at=known,
        superseded_at=_superseded(table, known),
        kind=kind.astype(np.int16),
        kinds=tuple(str(each) for each in kinds),
        value_micros=np.where(np.isnan(value), MISSING, np.nan_to_num(value) * MICROS).astype(
            np.int64
        ),
        digests=np.zeros((0, 2), np.uint64),
        occurrence=np.zeros(len(table), np.int32),
        strings={
            "text": table["text"].combine_chunks(),
            "properties": pa.array(_properties(table)),
        },
    )


def _superseded(table: pa.Table, known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Only orders are retracted, and orders are left out here: corrections are what remains."""
    place = {name: k for k, name in enumerate(table["event_id"].to_pylist())}
    until = np.full(len(table), NEVER)
    for k, corrected in enumerate(table["corrects"].to_pylist()):
        if corrected in place:
            until[place[corrected]] = known[k]
    return until


def _properties(table: pa.Table) -> list[str | None]:
    made: dict[tuple[str | None, str | None], str | None] = {(None, None): None}
    found = []
    pairs = zip(table["instrument"].to_pylist(), table["metric"].to_pylist(), strict=True)
    for instrument, metric in pairs:
        if (instrument, metric) not in made:
            stated = (
                {"metric": metric}
                if instrument is None
                else dict(complete_survey({"instrument": instrument}))
            )
            made[(instrument, metric)] = canonical_properties(stated)
        found.append(made[(instrument, metric)])
    return found


def true_points(made: Block, histories: Histories, week: int) -> NDArray[np.float64]:
    """True states (m, 5) at the start of a week, in the order of the histories' customers."""
    truth = made.truth_weeks.to_pandas()
    there = truth[truth["week"] == week].set_index("customer_id")
    names = ["emotional", "financial", "social", "physical", "purposeful"]
    found: NDArray[np.float64] = there.loc[list(histories.customers), names].to_numpy(np.float64)
    return found
