"""Brings in what a run may learn from: permitted rows, point in time, split and checked."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from features.dataset import Dataset, Dropped, build_dataset
from features.definitions import FeatureDefinition
from features.derived import made_of, needed
from features.given import read_given_labels
from features.history import Histories, customer_ids, observed_until, read_all
from features.home_features import HomeFeatures
from features.labels import Target, asked_about
from features.store import HistoryStore
from governance.consent.registry import ConsentRegistry
from governance.errors import InsufficientData, InvalidInput
from governance.instants import from_micros, to_micros, to_text
from governance.intervals import Interval
from governance.proof import Permit
from training.leak import Probe, probe_of
from training.overlap import overlap_problems
from training.split import default_test_as_of, split_at_random, split_by_file, split_by_time

FEWEST_CUSTOMERS = 20
FEWEST_TOLD_OF = 5
LARGEST_TRAINING_ROWS = 400_000

Progress = Callable[[str], None]


class Transactions(Protocol):
    """The operational database: each block is one transaction."""

    def read(self) -> AbstractContextManager[Connection]:
        """Open a transaction that only reads."""

    def write(self) -> AbstractContextManager[Connection]:
        """Open a transaction that writes; commits on leaving the block."""


@dataclass(frozen=True)
class Extract:
    """Rows to train and to test on, and how they came about.

    `permission` counts customers as `permitted` and `refused:<reason>`, reasons of few together.
    `cutoffs` are the training instants as text. `dropped` counts rows left out over both sets.
    `left_out` names features that say nothing about the training rows, or that trees hardly use.
    `probe` lets `stop_on_leak` look whether anything came from the future. `answered_share` says,
    for targets that rest on people's reports, how many of those asked answered.
    """

    train: Dataset
    test: Dataset
    test_as_of: datetime
    cutoffs: tuple[str, ...]
    split: str
    dropped: tuple[Dropped, ...]
    permission: Mapping[str, int]
    left_out: tuple[str, ...]
    probe: Probe | None = None
    answered_share: Interval | None = None

    def narrow(self, keep: NDArray[np.bool_]) -> "Extract":
        """Only these columns, in training and test alike; the others are named as left out."""
        gone = tuple(np.asarray(self.train.names)[~keep].tolist())
        return replace(
            self,
            train=_narrow(self.train, keep),
            test=_narrow(self.test, keep),
            left_out=self.left_out + gone,
        )


def extract(
    conn: Connection,
    registry: ConsentRegistry,
    store: HistoryStore,
    target: Target,
    *,
    test_as_of: datetime | None,
    split_file: Path | None,
    inside_id: Callable[[str], str] = str,
    exclude: Sequence[str],
    features: HomeFeatures,
    seed: int,
    now: datetime,
    progress: Progress,
    as_known_then: bool = False,
) -> Extract:
    """Read, label and split everything that may be trained on at this moment.

    What is made of a feature in `exclude` is left out with it. With `as_known_then` the training
    rows are as they stood at the test instant, whatever arrived since (a back-test). Raises
    `InsufficientData` when too few customers are left on a side, `InvalidInput` for a test date
    that cannot be, an unknown feature in `exclude`, or a split that leaks.
    """
    permit, permission = _ask(conn, registry, now)
    progress(f"reading the history of {len(permit.customers)} permitted customers")
    histories = read_all(conn, store, permit, digests=False)
    if not len(histories):
        raise InsufficientData(
            "there is no history of anyone who permits training",
            hint="import data first; `keepwell consent show` says who permits what",
        )
    definitions = _definitions(histories, exclude, features)
    purposes = {purpose for each in definitions for purpose in each.purposes} | {target.purpose}
    permits = {"model_training": permit} | _further(conn, registry, purposes, permit, now)
    functions = features.functions(definitions)
    if target.kind == "given":
        plan = _snapshot(conn, target, permit, test_as_of)
    else:
        plan = _history(conn, histories, target, test_as_of)
    progress(f"computing {len(definitions)} features at {len(plan.as_ofs)} instants")
    build = partial(
        build_dataset,
        histories,
        target,
        definitions=definitions,
        permits=permits,
        observed_until=plan.observed_until,
        given=plan.given,
        functions=functions,
    )
    if as_known_then and target.kind != "given":
        dataset = test = build((plan.test,))
        train = build([each for each in plan.as_ofs if each < plan.test], known_until=plan.test)
        said = f"{plan.said}, training rows as they stood then"
        dataset = replace(dataset, dropped=(*train.dropped, *test.dropped))
    else:
        dataset = build(plan.as_ofs)
        is_test, said = _sides(dataset, target, plan, split_file, inside_id, seed)
        train, test = dataset.take(~is_test), dataset.take(is_test)
    _check_size(train, "training")
    _check_size(test, "test")
    _check_split(train, test)
    train, sampled = _at_most(train, LARGEST_TRAINING_ROWS, seed)
    varying = _with_parts(train.definitions, _varying(train.values))
    return Extract(
        train=_narrow(train, varying),
        test=_narrow(test, varying),
        test_as_of=from_micros(plan.test),
        cutoffs=tuple(to_text(from_micros(int(found))) for found in np.unique(train.as_of)),
        split=said,
        dropped=(*dataset.dropped, *sampled),
        permission=permission,
        left_out=tuple(np.asarray(dataset.names)[~varying].tolist()),
        probe=probe_of(histories, train, permits=permits, functions=functions, seed=seed),
        answered_share=dataset.answered_share,
    )


@dataclass(frozen=True)
class _Plan:
    as_ofs: tuple[int, ...]
    test: int
    observed_until: int
    given: Mapping[str, float] | None
    said: str


def _ask(
    conn: Connection, registry: ConsentRegistry, now: datetime
) -> tuple[Permit, Mapping[str, int]]:
    permit, refused = registry.permit_many(conn, "model_training", customer_ids(conn), now=now)
    counts = _told(Counter(refused.values()))
    return permit, {"permitted": len(permit.customers)} | counts


def _told(refused: Counter[str]) -> dict[str, int]:
    """Count by reason, those of few people together; so few in all are not told of."""
    told, together = {}, 0
    for reason, people in sorted(refused.items(), key=lambda each: each[1]):
        if people < FEWEST_TOLD_OF or 0 < together < FEWEST_TOLD_OF:
            together += people
        else:
            told[f"refused:{reason}"] = people
    if together >= FEWEST_TOLD_OF:
        told["refused:other"] = together
    return told


def _further(
    conn: Connection,
    registry: ConsentRegistry,
    purposes: Set[str],
    permit: Permit,
    now: datetime,
) -> dict[str, Permit]:
    """Permits for purposes beyond scoring that features or labels need, over the same customers."""
    return {
        purpose: registry.permit_many(conn, purpose, permit.customers, now=now)[0]
        for purpose in sorted(purposes - {"risk_scoring", "model_training"})
    }


def _with_parts(
    definitions: Sequence[FeatureDefinition], keep: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Keep, too, what the kept features (k,) are made of: they cannot be computed without."""
    names = [each.name for each in definitions]
    wanted = needed(definitions, [name for name, kept in zip(names, keep, strict=True) if kept])
    return np.array([name in wanted for name in names], np.bool_)


def _definitions(
    histories: Histories, exclude: Sequence[str], features: HomeFeatures
) -> tuple[FeatureDefinition, ...]:
    found = features.definitions(histories)
    unknown = sorted(set(exclude) - {definition.name for definition in found})
    if unknown:
        raise InvalidInput(f"no feature is called {', '.join(unknown)}")
    gone = made_of(found, exclude)
    kept = tuple(definition for definition in found if definition.name not in gone)
    if not kept:
        raise InsufficientData(
            "the history suggests no features at all",
            hint="import events of customers first: keepwell import MAPPING --source FILE",
        )
    return kept


def _history(
    conn: Connection, histories: Histories, target: Target, test_as_of: datetime | None
) -> _Plan:
    until = observed_until(conn)
    seen = histories.occurred_at[asked_about(histories, target)]
    if until is None or not len(seen):
        raise InsufficientData(
            f"nothing in the history tells of {target.subject}",
            hint=f"import events first: {target.name} is a target of kind {target.kind}",
        )
    end = to_micros(until)
    test = default_test_as_of(end, target.horizon_days)
    if test_as_of is not None:
        test = to_micros(test_as_of)
    split = split_by_time(
        test, target.horizon_days, first_event=int(seen.min()), observed_until=end
    )
    return _Plan((*split.training, split.test), split.test, end, None, split.describe())


def _snapshot(conn: Connection, target: Target, permit: Permit, as_of: datetime | None) -> _Plan:
    labels = read_given_labels(conn, target.name, permit, as_of=as_of)
    instant = to_micros(labels.as_of)
    return _Plan((instant,), instant, instant, labels.values, "by customer")


def _sides(
    dataset: Dataset,
    target: Target,
    plan: _Plan,
    split_file: Path | None,
    inside_id: Callable[[str], str],
    seed: int,
) -> tuple[NDArray[np.bool_], str]:
    """Which rows test (n,), and a sentence on how that was decided."""
    if target.kind != "given":
        if split_file is not None:
            raise InvalidInput(
                "a split file is for snapshots with given labels; histories are split by time",
                hint="leave --split out, and say --test-as-of",
            )
        return dataset.as_of == plan.test, plan.said
    if split_file is not None:
        test = split_by_file(split_file, dataset.customers.tolist(), inside_id=inside_id)
        return test, f"{plan.said}, as a file says"
    test = split_at_random(dataset.customers.tolist(), seed=seed)
    return test, f"{plan.said}, a quarter at random (seed {seed})"


def _check_split(train: Dataset, test: Dataset) -> None:
    problems = overlap_problems(train, test)
    if problems:
        raise InvalidInput(f"the split leaks: {'; '.join(problems)}")


def _at_most(dataset: Dataset, largest: int, seed: int) -> tuple[Dataset, tuple[Dropped, ...]]:
    """Whole customers at random, about `largest` rows of them, with a count of the rest."""
    if len(dataset) <= largest:
        return dataset, ()
    random = np.random.default_rng(seed)
    kept = random.random(int(dataset.customer_index.max()) + 1) < largest / len(dataset)
    keep = kept[dataset.customer_index]
    people = len(np.unique(dataset.customer_index[~keep]))
    left = Dropped("size", f"more than {largest} training rows", int((~keep).sum()), people)
    return dataset.take(keep), (left,)


def _check_size(dataset: Dataset, side: str) -> None:
    for outcome, word in ((1.0, "with the outcome"), (0.0, "without it")):
        people = len(np.unique(dataset.customer_index[dataset.y == outcome]))
        if people < FEWEST_CUSTOMERS:
            raise InsufficientData(
                f"the {side} set holds {people} customers {word}, at least {FEWEST_CUSTOMERS} are "
                "needed for a model",
                hint="a longer history, an earlier test date or more customers help; until then "
                "the simple rule answers",
            )


def _varying(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which columns differ between any two rows; missing and present differ, too."""
    missing = np.isnan(values)
    filled = np.where(missing, -np.inf, values)
    return np.asarray(np.any(filled != filled[0], axis=0), dtype=np.bool_)


def _narrow(dataset: Dataset, keep: NDArray[np.bool_]) -> Dataset:
    """Only these columns; the manifest stays that of all."""
    chosen = np.flatnonzero(keep).tolist()
    return replace(
        dataset,
        names=tuple(dataset.names[j] for j in chosen),
        values=np.ascontiguousarray(dataset.values[:, keep]),
        definitions=tuple(dataset.definitions[j] for j in chosen),
    )
