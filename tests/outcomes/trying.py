"""Experiments whose truth is known: drawn people, and what they did afterwards, made up."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from governance.instants import DAY_US, to_micros
from governance.proof import AggregatePermit
from outcomes.trials.assignments import first_assignments
from outcomes.trials.followed import Followed
from outcomes.trials.lift import trial_lift
from outcomes.trials.records import Terms, TrialLift
from tests.outcomes.conftest import NEW_YEAR

DRAWN = to_micros(NEW_YEAR)


class Did(NamedTuple):
    """One thing one person did; `day` counts from the draw, which is on day 0."""

    who: int
    kind: str
    day: float
    value: float | None = None
    properties: dict[str, object] | None = None
    text: str | None = None


@dataclass
class Trial:
    """People 0 … n − 1, all drawn at New Year, of whom some were treated."""

    treated: NDArray[np.bool_]
    did: list[Did] = field(default_factory=list)
    strata: Sequence[str] | None = None
    experiment: str = "note/2026-01-01"

    def add(self, kind: str, who: NDArray[np.int64], day: float, value: float = 1.0) -> None:
        self.did += [Did(int(each), kind, day, value) for each in who]

    def histories(self) -> Histories:
        rows = [*self._draws(), *self.did]
        rows.sort(key=lambda each: (each.who, each.day))
        kinds = tuple(sorted({each.kind for each in rows}))
        at = np.array([DRAWN + int(each.day * DAY_US) for each in rows], np.int64)
        n = len(self.treated)
        counts = np.bincount([each.who for each in rows], minlength=n)
        values = [-(2**63) if r.value is None else round(r.value * 1e6) for r in rows]
        return Histories(
            customers=np.array([f"c{k:06}" for k in range(n)], np.object_),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            occurred_at=at,
            known_at=at,
            superseded_at=np.full(len(rows), 2**62, np.int64),
            kind=np.array([kinds.index(each.kind) for each in rows], np.int16),
            kinds=kinds,
            value_micros=np.array(values, np.int64),
            digests=np.zeros((0, 2), np.uint64),
            occurrence=np.zeros(len(rows), np.int32),
            strings={
                "properties": [json.dumps(r.properties) if r.properties else None for r in rows],
                "text": [r.text for r in rows],
            },
        )

    def followed(self, permit: AggregatePermit, **more: object) -> Followed:
        histories = self.histories()
        drawn = first_assignments(histories, permit, playbook="note")
        return Followed(histories, drawn, permit, **more)  # type: ignore[arg-type]

    def lift(self, permit: AggregatePermit, *, days_on: int = 200, **more: object) -> TrialLift:
        histories = self.histories()
        drawn = first_assignments(histories, permit, playbook="note")
        arguments: dict[str, object] = {
            "playbook": "note",
            "experiment": self.experiment,
            "holdout_share": 0.5,
            "observed_until": DRAWN + days_on * DAY_US,
            "horizon_days": 90,
            "terms": Terms(),
        }
        followed = more.pop("followed", None) or Followed(histories, drawn, permit)
        return trial_lift(followed, drawn, **{**arguments, **more})  # type: ignore[arg-type]

    def _draws(self) -> Iterator[Did]:
        for who, treated in enumerate(self.treated):
            yield Did(
                who,
                "intervention_assigned",
                0.0,
                properties={
                    "playbook": "note",
                    "arm": "treated" if treated else "holdout",
                    "experiment": self.experiment,
                    "stratum": self.strata[who] if self.strata else "risk_50",
                    "propensity": 0.5,
                    "by_lot": True,
                },
            )


def halves(people: int) -> NDArray[np.bool_]:
    """Every other one is treated."""
    found: NDArray[np.bool_] = np.arange(people) % 2 == 0
    return found


def known(people: int, chances: tuple[float, float], rng: np.random.Generator) -> Trial:
    """A trial in which the treated order again with one chance and the others with another.

    Who ordered much before orders more afterwards, so that the time before explains something.
    """
    trial = Trial(rng.permutation(halves(people)))
    eager = rng.normal(0, 1, people)
    chance = np.where(trial.treated, *chances) + 0.1 * np.clip(eager, -1.5, 1.5)
    everyone = np.arange(people)
    trial.add("order", everyone[rng.random(people) < 0.5 + 0.25 * np.clip(eager, -1.5, 1.5)], -20.0)
    trial.add("order", everyone[rng.random(people) < chance], 20.0)
    return trial
