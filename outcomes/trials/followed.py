"""What each drawn person did before and after their draw: one number per person and outcome.

Windows are relative to each person's own draw: (start, end] in days after it, negative before it.
Nothing here compares arms.
"""

import json
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.history import Histories
from features.surveys import complete_survey, instrument_problems
from features.text.narratives import permitted_events
from features.text.sentiment import sentiment
from governance.consent.record import OBJECTED, STOPPING
from governance.instants import DAY_US, to_micros
from governance.proof import AggregatePermit, Permit
from outcomes.trials.assignments import PURPOSE, Assignments

Floats = NDArray[np.float64]
_NO = STOPPING | {OBJECTED}
_CONTRACT = ("plan_changed", "renewed", "cancelled")
WELLBEING = "wellbeing_inference"


class Followed:
    """The histories of drawn people (n,), asked window by window.

    `wellbeing` covers those whose texts and answers about themselves may be read; without it
    nothing is known of these. Amounts in another currency than `currency` are left out, and
    counted in `other_currency`.
    """

    def __init__(
        self,
        histories: Histories,
        drawn: Assignments,
        permit: AggregatePermit,
        *,
        currency: str | None = None,
        wellbeing: Permit | None = None,
    ) -> None:
        permit.require(PURPOSE)
        if wellbeing is not None:
            wellbeing.require(WELLBEING)
        self._histories, self._drawn = histories, drawn
        self._currency, self._wellbeing = currency, wellbeing
        place = np.full(len(histories), -1, np.int64)
        place[drawn.customer] = np.arange(len(drawn.customer))
        owner = place[histories.customer_of_event]
        self._rows = np.flatnonzero((owner >= 0) & histories.visible(to_micros(permit.judged_at)))
        self._owner = owner[self._rows]
        self._since = histories.occurred_at[self._rows] - drawn.at[self._owner]
        self._kind = histories.kind[self._rows]
        self.other_currency = 0

    def count(self, *kinds: str, start: float, end: float) -> Floats:
        """How many events of these kinds each person (n,) had in (start, end] days."""
        return self._sum(self._within(kinds, start, end))

    def any_of(self, *kinds: str, start: float, end: float) -> Floats:
        """Whether each person (n,) had one of these, as 0 or 1."""
        return (self.count(*kinds, start=start, end=end) > 0).astype(np.float64)

    def retained(self, *, start: float, end: float) -> Floats:
        """Whether each person (n,) ordered in (start, end] or has a contract in force at its end.

        A contract is in force where the last of plan_changed, renewed and cancelled up to then is
        not a cancellation. 0 or 1.
        """
        ordered = self.any_of("order", start=start, end=end)
        steps = np.flatnonzero(self._of(_CONTRACT) & (self._since <= end * DAY_US))
        last = np.full(len(self._drawn.at), -1, np.int64)
        np.maximum.at(last, self._owner[steps], steps)  # rows of a person are in order of time
        kept = np.zeros(len(last), np.bool_)
        known = last >= 0
        kept[known] = ~self._of(("cancelled",))[last[known]]
        return np.maximum(ordered, kept.astype(np.float64))

    def net_sales(self, *, start: float, end: float) -> Floats:
        """What each person (n,) paid less what they sent back, in money of the home.

        Orders less returns; payments instead where nobody of these ever ordered.
        """
        kinds = ("order",) if self._of(("order",)).any() else ("payment",)
        found = self._amounts(self._within(kinds, start, end))
        back = self._amounts(self._within(("return",), start, end), size_only=True)
        return found - back

    def stopped(self, *, start: float, end: float) -> Floats:
        """Whether each person (n,) withdrew a permission, refused one or objected, as 0 or 1."""
        rows = np.flatnonzero(self._within(("consent_changed",), start, end))
        stated = self._properties(rows)
        said_no = np.array([each.get("state") in _NO for each in stated], np.bool_)
        found = np.zeros(len(self._drawn.at))
        found[self._owner[rows[said_no]]] = 1.0
        return found

    def contacted(self, *, start: float, end: float, playbook: str, same: bool) -> Floats:
        """Whether Keepwell sent each person (n,) something by this playbook, or by another one."""
        rows = np.flatnonzero(self._within(("intervention_sent",), start, end))
        fits = np.array(
            [(each.get("playbook") == playbook) is same for each in self._properties(rows)],
            np.bool_,
        )
        found = np.zeros(len(self._drawn.at))
        found[self._owner[rows[fits]]] = 1.0
        return found

    def mood(self, *, start: float, end: float) -> Floats:
        """How each person's texts (n,) sound on average, −1 to 1; NaN where none was readable."""
        return self._mean(self._moods, start, end)

    def wellbeing(self, *, start: float, end: float) -> Floats:
        """How each person's answers (n,) stand on average, 0 to 100 (100 is best); NaN for none."""
        return self._mean(self._answers, start, end)

    def known_before(self, attribute: str) -> NDArray[np.object_]:
        """What each person's (n,) profile or plan said of an attribute before the draw, else None.

        A value that became known after the draw is never used: the contact may have caused it.
        """
        kinds = ("profile", "plan_changed", "renewed")
        known = self._histories.known_at[self._rows] <= self._drawn.at[self._owner]
        rows = np.flatnonzero(self._of(kinds) & (self._since <= 0) & known)
        found = np.full(len(self._drawn.at), None, np.object_)
        for row, stated in zip(rows, self._properties(rows), strict=True):
            if stated.get(attribute) is not None:
                found[self._owner[row]] = str(stated[attribute])
        return found

    @cached_property
    def _readable(self) -> NDArray[np.bool_]:
        if self._wellbeing is None:
            return np.zeros(len(self._rows), np.bool_)
        allowed: NDArray[np.bool_] = permitted_events(self._histories, self._wellbeing)
        return allowed[self._rows]

    @cached_property
    def _moods(self) -> Floats:
        """How each event (rows) sounds, NaN where it may not be read or says nothing."""
        found = np.full(len(self._rows), np.nan)
        if "text" not in self._histories.strings:
            return found
        own_acts = self._histories.is_own_act[self._rows]
        asked = np.flatnonzero(self._readable & ~own_acts)
        texts = self._histories.pick("text", self._rows[asked])
        found[asked] = [np.nan if each is None else each for each in sentiment(texts)]
        return found

    @cached_property
    def _answers(self) -> Floats:
        """Where each answer (rows) stands on its own scale, 0 to 100; NaN for other events."""
        found = np.full(len(self._rows), np.nan)
        asked = np.flatnonzero(self._readable & self._of(("survey",)))
        value = self._histories.value[self._rows[asked]]
        for row, stated, score in zip(asked, self._properties(asked), value, strict=True):
            if instrument_problems(stated):
                continue
            whole = complete_survey(stated)
            scale: Any = whole["scale"]
            level = 100 * (score - float(scale[0])) / (float(scale[1]) - float(scale[0]))
            found[row] = level if whole["polarity"] == "high_is_good" else 100 - level
        return found

    def _of(self, kinds: tuple[str, ...]) -> NDArray[np.bool_]:
        names = self._histories.kinds
        if not names:
            return np.zeros(len(self._rows), np.bool_)
        return np.array([name in kinds for name in names], np.bool_)[self._kind]

    def _within(self, kinds: tuple[str, ...], start: float, end: float) -> NDArray[np.bool_]:
        after = (self._since > start * DAY_US) & (self._since <= end * DAY_US)
        found: NDArray[np.bool_] = self._of(kinds) & after
        return found

    def _sum(self, mask: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
        rows = np.flatnonzero(mask)
        chosen = None if weights is None else weights[rows]
        return np.bincount(self._owner[rows], weights=chosen, minlength=len(self._drawn.at)).astype(
            np.float64
        )

    def _amounts(self, mask: NDArray[np.bool_], *, size_only: bool = False) -> Floats:
        rows = np.flatnonzero(mask)
        value = np.nan_to_num(self._histories.value[self._rows[rows]])
        if self._currency is not None:
            stated = self._histories.pick("currency", self._rows[rows])
            foreign = np.array([c not in (None, self._currency) for c in stated], np.bool_)
            self.other_currency = max(self.other_currency, int(foreign.sum()))
            value = np.where(foreign, 0.0, value)
        if size_only:
            value = np.abs(value)
        found = np.bincount(self._owner[rows], weights=value, minlength=len(self._drawn.at))
        return found.astype(np.float64)

    def _mean(self, values: Floats, start: float, end: float) -> Floats:
        mask = np.isfinite(values) & (self._since > start * DAY_US) & (self._since <= end * DAY_US)
        count = self._sum(mask)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = self._sum(mask, values) / count
        return found

    def _properties(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        texts = self._histories.pick("properties", self._rows[rows])
        return [json.loads(text) if text else {} for text in texts]
