"""A dataset: point-in-time rows with their labels, and a count of everything that was left out."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from features.history import Histories
from features.kernel import compute
from features.labels import Target, label
from features.own_functions import OwnFunction
from governance.errors import InvalidInput
from governance.instants import DAY_US, from_micros
from governance.proof import Permit

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CONTACT_KINDS = ("intervention_sent",)
"""Our own acts after which a label no longer shows what would have happened without us."""


class Dropped(NamedTuple):
    """Rows left out at one step: why, how many, and of how many different customers."""

    step: str
    reason: str
    rows: int
    customers: int


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to learn from or to test on: (n, k) `values`, one row per customer per as_of.

    Sorted by customer, then as_of. `y` (n,) is 0.0 or 1.0. `customer_index` (n,) numbers customers
    for grouping; `as_of` (n,) is in µs. `dropped` counts every row left out, in the order of the
    steps. `manifest_digest` is a SHA-256 over rows, labels, definitions and target: equal digests
    mean an equal dataset.
    """

    target: Target
    names: tuple[str, ...]
    values: NDArray[np.float64]
    y: NDArray[np.float64]
    customers: NDArray[np.object_]
    customer_index: Ints
    as_of: Ints
    dropped: tuple[Dropped, ...]
    definitions: tuple[FeatureDefinition, ...]
    manifest_digest: str

    def __len__(self) -> int:
        return len(self.y)

    def frame(self) -> pd.DataFrame:
        """Values as a DataFrame with the feature names as columns, in order."""
        return pd.DataFrame(self.values, columns=list(self.names))

    def take(self, keep: Bools) -> "Dataset":
        """Only the rows where `keep` (n,) is true; `dropped` stays that of the whole."""
        chosen = replace(
            self,
            values=self.values[keep],
            y=self.y[keep],
            customers=self.customers[keep],
            customer_index=self.customer_index[keep],
            as_of=self.as_of[keep],
        )
        return replace(chosen, manifest_digest=_digest(chosen))


def build_dataset(
    histories: Histories,
    target: Target,
    as_ofs: Sequence[int],
    definitions: Sequence[FeatureDefinition],
    *,
    permits: Mapping[str, Permit],
    observed_until: int,
    known_until: int | None = None,
    given: Mapping[str, float] | None = None,
    functions: Mapping[str, OwnFunction] | None = None,
) -> Dataset:
    """Build point-in-time rows for any list of `as_ofs` (µs).

    `permits` must hold `model_training`; customers it does not cover are left out, and a feature
    is missing for those who did not permit its purposes. `observed_until` (µs) is how far the
    history reaches: rows whose horizon ends later are left out. Stating `known_until` (µs) gives
    the dataset as it stood then, whatever became known since. A customer whom Keepwell contacted
    within the horizon is left out of that row, because the label shows our own effect. `functions`
    are the company's own, if any feature is one. Raises `InvalidInput` without as_ofs or permit.
    """
    if "model_training" not in permits:
        raise InvalidInput(
            "a dataset needs a permit for model_training",
            hint="ask the consent registry for one over the customers of these histories",
        )
    permit = permits["model_training"]
    permit.require("model_training")
    cuts = sorted(set(as_ofs))
    if not cuts:
        raise InvalidInput("no as_of was given", hint="state at least one instant")
    size = len(histories)
    shape = (size, len(cuts))
    y = np.full(shape, np.nan)
    eligible = np.zeros(shape, np.bool_)
    for k, as_of in enumerate(cuts):
        y[:, k], eligible[:, k] = label(
            histories,
            target,
            as_of,
            observed_until=observed_until,
            known_until=known_until,
            given=given,
        )
    table = compute(histories, definitions, cuts, permits=permits, functions=functions)
    place = np.full(shape, -1, np.int64)
    place[table.customer_index, np.searchsorted(cuts, table.as_of)] = np.arange(len(table))
    customers = permit.customers
    permitted = np.array([c in customers for c in histories.customers], np.bool_)[:, None]
    ask = "was active before" if target.kind == "inactivity" else "has a given label"
    steps: tuple[tuple[str, str, Bools], ...] = (
        ("permission", "not permitted for model_training", np.broadcast_to(permitted, shape)),
        ("history", "nothing known before as_of", place >= 0),
        ("eligibility", f"not one who {ask}", eligible),
        ("label", "the horizon ends after what was observed", ~np.isnan(y)),
        (
            "contamination",
            "contacted by Keepwell within the horizon",
            ~_contacted(histories, target, cuts),
        ),
    )
    keep = np.ones(shape, np.bool_)
    dropped = []
    for step, reason, passes in steps:
        lost = keep & ~passes
        rows, people = int(lost.sum()), int(lost.any(axis=1).sum())
        dropped.append(Dropped(step, reason, rows, people))
        keep &= passes
    chosen = place[keep]  # row by row: by customer, then as_of
    dataset = Dataset(
        target=target,
        names=table.names,
        values=table.values[chosen],
        y=y[keep],
        customers=table.customers[chosen],
        customer_index=table.customer_index[chosen],
        as_of=table.as_of[chosen],
        dropped=tuple(dropped),
        definitions=tuple(definitions),
        manifest_digest="",
    )
    return replace(dataset, manifest_digest=_digest(dataset))


def _contacted(histories: Histories, target: Target, cuts: Sequence[int]) -> Bools:
    """Who was contacted by Keepwell in (as_of, as_of + horizon], per cut-off (m, t)."""
    found = np.zeros((len(histories), len(cuts)), np.bool_)
    contact = histories.kind_mask(*CONTACT_KINDS)
    if target.kind == "given" or not contact.any():
        return found
    occurred, customer = histories.occurred_at[contact], histories.customer_of_event[contact]
    for k, as_of in enumerate(cuts):
        inside = (occurred > as_of) & (occurred <= as_of + target.horizon_days * DAY_US)
        found[customer[inside], k] = True
    return found


def _digest(dataset: Dataset) -> str:
    """SHA-256 over what a model would learn from."""
    target = dataset.target
    head = {
        "target": [target.name, target.kind, target.horizon_days, target.active_window_days],
        "event_kind": target.event_kind,
        "definitions": [definition.to_json() for definition in dataset.definitions],
        "as_ofs": [from_micros(int(t)).isoformat() for t in np.unique(dataset.as_of)],
    }
    state = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for customer in dataset.customers:
        state.update(customer.encode() + b"\0")
    for array in (dataset.as_of, dataset.y, np.ascontiguousarray(dataset.values)):
        state.update(array.tobytes())
    return state.hexdigest()
