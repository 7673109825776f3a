"""A dataset: point-in-time rows with their labels, and a count of everything that was left out."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions import FeatureDefinition
from features.history import Histories
from features.kernel import compute
from features.labels import Target, labeller, who_is_asked
from features.own_functions import OwnFunction
from features.targets.answers import Circumstances, Labels
from features.targets.moments import properties
from governance.errors import InvalidInput
from governance.instants import DAY_US, from_micros
from governance.intervals import Interval, mean_interval
from governance.proof import Permit

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CONTACT_KINDS = ("intervention_sent",)
"""Our own acts after which a label no longer shows what would have happened without us."""

_ASSIGNED = "intervention_assigned"
_HELD_OUT = "holdout"
_PLAIN_KINDS = ("inactivity", "given")


class Dropped(NamedTuple):
    """Rows left out at one step: why, how many, and of how many different customers."""

    step: str
    reason: str
    rows: int
    customers: int


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to learn from or to test on: (n, k) `values`, one row per customer per as_of.

    Sorted by customer, then as_of. `y` (n,) is 0.0 or 1.0 at the target's main horizon, `nested`
    (n, h − 1) at its shorter ones, ascending ((n, 0) where there is one). `value` (n,) is the
    amount that came with the outcome, `category` (n,) its kind (None without the outcome), for
    targets that have them. `customer_index` (n,) numbers customers for grouping; `as_of` (n,) is in
    µs. `dropped` counts every row left out, in the order of the steps. `answered_share`, for
    targets that rest on reports: mean over the people asked of the share of times they answered;
    who stays silent is left out, and may fare worse. `manifest_digest` is a
    SHA-256 over rows, labels, definitions and target: equal digests mean an equal dataset.
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
    nested: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    value: Floats | None = None
    category: NDArray[np.object_] | None = None
    answered_share: Interval | None = None

    def __post_init__(self) -> None:
        if not len(self.nested):
            object.__setattr__(self, "nested", np.zeros((len(self.y), 0)))

    def __len__(self) -> int:
        return len(self.y)

    def frame(self) -> "pd.DataFrame":
        """Values as a DataFrame with the feature names as columns, in order."""
        import pandas as pd  # slow to load, and nobody who serves asks for a frame

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
            nested=self.nested[keep],
            value=None if self.value is None else self.value[keep],
            category=None if self.category is None else self.category[keep],
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
    shape = (len(histories), len(cuts))
    around = Circumstances(observed_until, known_until, given or {}, permits)
    answer = labeller(histories, target, around)
    told = [answer(as_of) for as_of in cuts]
    table = compute(histories, definitions, cuts, permits=permits, functions=functions)
    place = np.full(shape, -1, np.int64)
    place[table.customer_index, np.searchsorted(cuts, table.as_of)] = np.arange(len(table))
    keep = np.ones(shape, np.bool_)
    dropped, share = [], None
    for step, reason, passes in _steps(histories, target, cuts, permits, told, place >= 0):
        lost = keep & ~passes
        if step == "answers":
            share = _answered_share(keep, passes)
        rows, people = int(lost.sum()), int(lost.any(axis=1).sum())
        dropped.append(Dropped(step, reason, rows, people))
        keep &= passes
    chosen = place[keep]  # row by row: by customer, then as_of
    dataset = Dataset(
        target=target,
        names=table.names,
        values=table.values[chosen],
        y=np.stack([each.y for each in told], axis=1)[keep],
        customers=table.customers[chosen],
        customer_index=table.customer_index[chosen],
        as_of=table.as_of[chosen],
        dropped=tuple(dropped),
        definitions=tuple(definitions),
        manifest_digest="",
        nested=np.stack([each.nested for each in told], axis=1)[keep],
        value=_kept([each.value for each in told], keep),
        category=_kept([each.category for each in told], keep),
        answered_share=share,
    )
    return replace(dataset, manifest_digest=_digest(dataset))


def _steps(
    histories: Histories,
    target: Target,
    cuts: Sequence[int],
    permits: Mapping[str, Permit],
    told: Sequence[Labels],
    has_row: Bools,
) -> Iterator[tuple[str, str, Bools]]:
    """Every step with its reason and which customers pass it at which cut-off (m, t)."""
    for purpose in dict.fromkeys(("model_training", *_label_purposes(target))):
        customers = permits[purpose].customers
        permitted = np.array([c in customers for c in histories.customers], np.bool_)
        reason = f"not permitted for {purpose}"
        yield "permission", reason, np.broadcast_to(permitted[:, None], has_row.shape)
    yield "history", "nothing known before as_of", has_row
    eligible = np.stack([each.eligible for each in told], axis=1)
    yield "eligibility", f"not one who {who_is_asked(target)}", eligible
    y = np.stack([each.y for each in told], axis=1)
    yield "label", "the horizon ends after what was observed", ~np.isnan(y)
    for each in zip(*(labels.unknown for labels in told), strict=True):
        yield each[0].step, each[0].reason, ~np.stack([found.who for found in each], axis=1)
    reached = contacted(histories, target, cuts)
    yield "contamination", "contacted by Keepwell within the horizon", ~reached


def _answered_share(asked: Bools, answered: Bools) -> Interval | None:
    """Mean of each person's share of instants (m, t) with an answer, of those asked at any."""
    times = asked.sum(axis=1)
    people = times > 0
    return mean_interval((asked & answered).sum(axis=1)[people] / times[people])


def _label_purposes(target: Target) -> tuple[str, ...]:
    return (target.purpose,) if target.is_personal else ()


def _kept(told: Sequence[NDArray[Any] | None], keep: Bools) -> NDArray[Any] | None:
    found = [each for each in told if each is not None]
    return np.stack(found, axis=1)[keep] if found else None


def contacted(histories: Histories, target: Target, cuts: Sequence[int]) -> Bools:
    """Say who was contacted by Keepwell in (as_of, as_of + horizon], per cut-off (m, t).

    What a playbook records of someone it holds out is no contact: they are untreated.
    """
    found = np.zeros((len(histories), len(cuts)), np.bool_)
    contact = np.flatnonzero(histories.kind_mask(*CONTACT_KINDS))
    if target.kind == "given" or not len(contact):
        return found
    contact = contact[~_held_out(histories, contact)]
    occurred, customer = histories.occurred_at[contact], histories.customer_of_event[contact]
    for k, as_of in enumerate(cuts):
        inside = (occurred > as_of) & (occurred <= as_of + target.horizon_days * DAY_US)
        found[customer[inside], k] = True
    return found


def _held_out(histories: Histories, contact: Ints) -> Bools:
    """Which contacts (c,) are by a playbook whose newest assignment held the person out."""
    arms: dict[tuple[int, object], list[tuple[int, object]]] = {}
    assigned = np.flatnonzero(histories.kind_mask(_ASSIGNED))
    for row, own in zip(assigned.tolist(), properties(histories, assigned), strict=True):
        key = int(histories.customer_of_event[row]), own.get("playbook")
        arms.setdefault(key, []).append((int(histories.occurred_at[row]), own.get("arm")))
    found = np.zeros(len(contact), np.bool_)
    for k, own in enumerate(properties(histories, contact)):
        row = int(contact[k])
        key = int(histories.customer_of_event[row]), own.get("playbook")
        before = [arm for at, arm in arms.get(key, ()) if at <= histories.occurred_at[row]]
        found[k] = bool(before) and before[-1] == _HELD_OUT
    return found


def _digest(dataset: Dataset) -> str:
    """SHA-256 over what a model would learn from."""
    target = dataset.target
    head: dict[str, Any] = {
        "target": [target.name, target.kind, target.horizon_days, target.active_window_days],
        "event_kind": target.event_kind,
        "definitions": [definition.to_json() for definition in dataset.definitions],
        "as_ofs": [from_micros(int(t)).isoformat() for t in np.unique(dataset.as_of)],
    }
    if target.kind not in _PLAIN_KINDS:
        head["asked"] = asdict(target)
    state = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for customer in dataset.customers:
        state.update(customer.encode() + b"\0")
    for array in (dataset.as_of, dataset.y, np.ascontiguousarray(dataset.values)):
        state.update(array.tobytes())
    if target.kind not in _PLAIN_KINDS:
        state.update(np.ascontiguousarray(dataset.nested).tobytes())
    if dataset.value is not None:
        state.update(np.ascontiguousarray(dataset.value).tobytes())
    if dataset.category is not None:
        state.update(json.dumps(dataset.category.tolist()).encode())
    return state.hexdigest()
