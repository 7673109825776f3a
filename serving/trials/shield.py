"""Figures of an experiment are given only where no few people can be told from them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from governance.disclosure.breakdown import NEAR
from governance.disclosure.published import Figure, Register, cell_of, person_keys, trace_of
from outcomes.randomised.lift import Difference
from outcomes.trials.comparison import blank
from outcomes.trials.records import OutcomeLift, Sample

_EVER = 2**62


class Shielded:
    """Compares every figure of one experiment with those that were given before.

    One that differs in fewer people than may be told of from one that was given is given as it was
    then; over another horizon or group nothing is said. Call it as a `Shield`.
    """

    def __init__(
        self,
        register: Register,
        histories: Histories,
        *,
        playbook: str,
        experiment: str,
        key: bytes,
    ) -> None:
        self._register, self._histories = register, histories
        self._playbook, self._experiment, self._key = playbook, experiment, key
        self._keys: dict[int, np.uint64] = {}

    def __call__(self, made: OutcomeLift, sample: Sample) -> OutcomeLift:
        """Give the figure, the one given before, or none."""
        columns = (sample.treated, sample.values, *sample.before.T)
        figure = Figure(
            f"lift {self._playbook} {made.outcome}",
            cell_of(self._experiment, made.horizon_days, made.segment, made.raw.level),
            0,
            _EVER,
            len(sample.people),
            trace_of(self._keys_of(sample.people), *columns),
        )
        if self._register.standing(figure) != "near":
            self._register.give(figure, _body(made))
            return made
        before = self._register.before(figure)
        if before is None:
            return blank(made, note=NEAR.format(self._register.min_people))
        return _restored(made, before.body)._replace(note=before.said())

    def _keys_of(self, people: NDArray[np.int64]) -> NDArray[np.uint64]:
        new = [int(each) for each in people if int(each) not in self._keys]
        ids = [str(self._histories.customers[each]) for each in new]
        self._keys.update(zip(new, person_keys(ids, self._key), strict=True))
        return np.array([self._keys[int(each)] for each in people], np.uint64)


def _body(made: OutcomeLift) -> dict[str, Any]:
    return {
        "raw": made.raw._asdict(),
        "adjusted": None if made.adjusted is None else made.adjusted._asdict(),
        "variance_reduction": made.variance_reduction,
    }


def _restored(made: OutcomeLift, body: Any) -> OutcomeLift:
    adjusted = body["adjusted"]
    return made._replace(
        raw=Difference(**body["raw"]),
        adjusted=None if adjusted is None else Difference(**adjusted),
        variance_reduction=body["variance_reduction"],
    )
