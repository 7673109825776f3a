"""One range of customers judged: their scores and verdicts, written as two files beside each other.

No database: who may be read was asked before, and is asked again before anything is published. So
a range can be judged in this process, in another one, or on another machine.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.history import Histories, read_range
from features.labels import Target
from features.ranges import CustomerRange
from features.store import HistoryStore
from governance.canonical import canonical
from governance.log.decision_batch import BatchFacts, Sealer, Verdict
from governance.proof import Permit
from serving.home import Home
from serving.scoring.champions import Champion, open_bundle
from serving.scoring.estimate import MODEL, Estimates, asked_at, estimates
from serving.scoring.moved import Moved, moved
from serving.scoring.result_text import result_texts
from serving.scoring.score_file import SCHEMA, Stamp, score_rows
from serving.scoring.staleness import STALE
from training.model import Scores

REASONS = 3
"""How many groups of features a batch tells of each score."""

VERDICTS = pa.schema([(name, pa.string()) for name in Verdict._fields])


@dataclass(frozen=True)
class BatchWork:
    """What all ranges of a batch share; can be sent to another process.

    `purposes` are those permission was asked for, the target's own first. Files go into `folder`.
    """

    home: Home
    store: HistoryStore
    target: Target
    facts: BatchFacts
    stamp: Stamp
    purposes: tuple[str, ...]
    is_stale: bool
    folder: Path


class RangeWork(NamedTuple):
    """Some customers with what is permitted of them.

    `asked` are the customers in question in ascending order, with their `persons`, and `refusals`
    of those who are refused. `readable` (m,), ascending, may be read, other ids that count for
    somebody asked about among them: `covered` (purposes, m) says for which purposes, `allowed`
    (groups, m) for which groups of the plan. Of whom nothing is known, those in `spoken` are not
    strangers.
    """

    number: int
    range_: CustomerRange | None
    asked: tuple[str, ...]
    persons: Mapping[str, str]
    refusals: Mapping[str, str]
    readable: tuple[str, ...]
    covered: NDArray[np.uint8]
    allowed: NDArray[np.uint8]
    spoken: frozenset[str]


class RangeScores(NamedTuple):
    """What came of one range: its two files, and whose history holds events of which other ids."""

    number: int
    scores: Path
    verdicts: Path
    carried: Mapping[str, tuple[str, ...]]


def judge_range(
    work: BatchWork, given: RangeWork, *, permits: Mapping[str, Permit] | None = None
) -> RangeScores:
    """Score a range of customers and write what came of it.

    `permits` are needed for targets about how people fare, whose reports are read by permit alone.
    """
    champion = _champion(work.home, work.stamp.model_digest)
    histories = None
    if given.range_ is not None and given.readable:
        allowed = frozenset(given.readable)
        histories = read_range(work.store, given.range_, allowed, digests=True)
    name = f"{given.number:06d}-{uuid.uuid4().hex}"  # a cluster may do a range twice at once
    scores, verdicts = (work.folder / f"{name}.{x}.arrow" for x in ("scores", "verdicts"))
    with (
        pa.OSFile(str(scores), "wb") as scores_file,
        pa.OSFile(str(verdicts), "wb") as verdicts_file,
        pa.ipc.new_file(scores_file, SCHEMA, options=_LZ4) as scores_out,
        pa.ipc.new_file(verdicts_file, VERDICTS, options=_LZ4) as verdicts_out,
    ):
        sealer, read = Sealer(work.facts), frozenset[str]()
        if histories is not None and len(histories):
            told = _told(work, given, champion, histories, permits)
            read = frozenset(told.customers)
            made = list(sealer.verdicts(told.verdicts))
            verdicts_out.write_batch(_verdicts(made))
            scores_out.write_batch(_score_rows(work, champion, told, made))
        others = _without_history(given, read)
        if others:
            verdicts_out.write_batch(_verdicts(list(sealer.verdicts(others))))
    return RangeScores(given.number, scores, verdicts, _carried(histories))


_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4")
_Row = tuple[str | None, str, str, str | None, str | None, str | None, str | None]


class _Told(NamedTuple):
    """The customers of a range whose history was read, n of them, r of them scored."""

    customers: list[str]
    place: NDArray[np.int64]
    verdicts: list[_Row]
    numbers: tuple[NDArray[np.float64], ...]
    moved: Moved
    outlooks: Sequence[Any]


@lru_cache(maxsize=4)
def _champion(home: Home, digest: str) -> Champion:
    return open_bundle(home, digest)


def _told(
    work: BatchWork,
    given: RangeWork,
    champion: Champion,
    histories: Histories,
    permits: Mapping[str, Permit] | None,
) -> _Told:
    width = len(champion.model.names)
    if work.is_stale:
        asked = set(given.asked)
        people = [each for each in histories.customers.tolist() if each in asked]
        rows: list[_Row] = [
            (given.persons.get(each), "insufficient_data", STALE, None, None, None, None)
            for each in people
        ]
        nothing, none = np.zeros((0, width)), np.zeros(0)
        told = moved(champion.definitions, nothing, nothing, limit=REASONS)
        return _Told(people, np.full(len(people), -1), rows, (none, none, none), told, ())
    place = {customer: k for k, customer in enumerate(given.readable)}
    columns = [place.get(each, -1) for each in histories.ids.tolist()]
    nobody = np.zeros((len(given.allowed), 1), np.uint8)
    allowed = np.concatenate([given.allowed, nobody], axis=1)[:, columns]
    as_of = work.facts.as_of
    found = estimates(
        champion,
        work.target,
        histories,
        as_of=as_of,
        allowed=np.ascontiguousarray(allowed),
        asked=asked_at(histories, work.target, as_of=as_of, permits=permits or {}),
    )
    return _words(work, given, champion, found)


def _words(work: BatchWork, given: RangeWork, champion: Champion, found: Estimates) -> _Told:
    asked = set(given.asked)
    kept = [k for k, customer in enumerate(found.customers) if customer in asked]
    scored = [k for k in kept if found.reason[k] == MODEL]
    rows = found.row[scored]
    whole = found.scores
    scores = Scores(
        whole.probability[rows],
        whole.low[rows],
        whole.high[rows],
        whole.log_odds[rows],
        whole.contributions[rows],
        whole.base,
    )
    told = moved(champion.definitions, found.values[rows], scores.contributions, limit=REASONS)
    outlooks = [found.outlooks[row] for row in rows.tolist()]
    purposes = _purposes(work, given)
    results = result_texts(
        scores,
        told,
        outlooks,
        champion.definitions,
        [purposes[found.customers[k]] for k in scored],
        horizon_days=work.stamp.horizon_days,
        currency=work.stamp.currency,
    )
    digest, verdicts, place = work.stamp.model_digest, list[_Row](), np.full(len(kept), -1)
    count = 0
    for at, k in enumerate(kept):
        customer, reason, row = found.customers[k], found.reason[k], int(found.row[k])
        person = given.persons.get(customer)
        result: str | None = None
        outcome = "scored" if reason == MODEL else "insufficient_data"
        if reason == MODEL:
            place[at] = count
            count += 1
            result = next(results)
        elif row >= 0:
            result = f'{{"purposes":{purposes[customer]}}}'
        events = None if row < 0 else found.event_digests[k]
        features = None if row < 0 else found.feature_digests[row]
        verdicts.append((person, outcome, reason, digest, events, features, result))
    numbers = (scores.probability, scores.low, scores.high)
    return _Told([found.customers[k] for k in kept], place, verdicts, numbers, told, outlooks)


def _purposes(work: BatchWork, given: RangeWork) -> dict[str, str]:
    """Say of each customer which purposes were permitted, as canonical JSON."""
    order = sorted(range(len(work.purposes)), key=lambda k: work.purposes[k])
    told: dict[bytes, str] = {}
    found = {}
    for k, customer in enumerate(given.readable):
        flags = given.covered[:, k].tobytes()
        if flags not in told:
            told[flags] = canonical([work.purposes[p] for p in order if flags[p]])
        found[customer] = told[flags]
    return found


def _without_history(given: RangeWork, read: frozenset[str]) -> list[_Row]:
    """Give the verdicts on those asked about of whom nothing could be or was read."""
    found: list[_Row] = []
    for customer in given.asked:
        if customer in read:
            continue
        why = given.refusals.get(customer)
        if why is not None:
            outcome = "refused"
        elif customer in given.spoken:
            outcome, why = "insufficient_data", "no_history"
        else:
            outcome, why = "unknown", "unknown_customer"
        found.append((given.persons.get(customer), outcome, why, None, None, None, None))
    return found


def _verdicts(made: Sequence[Verdict]) -> pa.RecordBatch:
    columns = list(zip(*made, strict=True)) or [()] * len(VERDICTS)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, pa.string()) for column in columns], schema=VERDICTS
    )


def _score_rows(
    work: BatchWork, champion: Champion, told: _Told, made: Sequence[Verdict]
) -> pa.RecordBatch:
    return score_rows(
        work.stamp,
        told.customers,
        [each.decision_id for each in made],
        told.place,
        told.numbers,
        told.moved,
        told.outlooks,
        champion.definitions,
    )


def _carried(histories: Histories | None) -> dict[str, tuple[str, ...]]:
    """Say of each other id whose events stand in these histories for which customers they do."""
    if histories is None or histories.origins is None:
        return {}
    return {
        other: tuple(sorted(histories.carriers([other])))
        for other in histories.origins.contributors
    }
