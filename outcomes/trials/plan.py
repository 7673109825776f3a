"""What is measured, on whom, until when and what then: written on one page before the start.

A plan is frozen by its digest. Whoever changes a word afterwards has another plan.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Literal

from governance.canonical import canonical
from governance.errors import InvalidInput
from outcomes.randomised.power import Design, Size, size_for_effect
from outcomes.trials.records import FINAL_LEVEL, HARMS, Terms, TrialLift, catalogue

OUTCOMES = ("retained", "margin", "net_sales", "sentiment", "wellbeing", *HARMS)
SHARES = ("retained", *HARMS)
_MOST_DAYS = 730


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One page.

    `people` are drawn in all, both arms, in `enrol_days` from `starts` to `ends`; the result is
    read on `reads_on`, when the last one's `horizon_days` are over. `baseline` is what the primary
    outcome is without a contact, for a share (0-1); `spread` its standard deviation per person, for
    anything else. `smallest_worthwhile` (above 0, in the outcome's unit) is the smallest change
    that is worth its effort; `power` (0-1) the chance of finding it. `success`, `scale_if` and
    `stop_if` say in words what is done then.
    """

    playbook: str
    question: str
    owner: str
    cohort: str
    events: tuple[str, ...]
    strata: tuple[str, ...]
    holdout_share: float
    enrol_days: int
    primary: str
    horizon_days: int
    guardrails: tuple[str, ...]
    segments: tuple[str, ...]
    test: str
    baseline: float | None
    spread: float | None
    smallest_worthwhile: float
    power: float
    people: int
    starts: str
    ends: str
    reads_on: str
    success: str
    scale_if: str
    stop_if: str

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON of every field, as hex."""
        return hashlib.sha256(self.body().encode()).hexdigest()

    def body(self) -> str:
        """Give the canonical JSON that the digest is of."""
        return canonical(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Give every field, lists as lists."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Plan":
        """Read what `to_json` gave."""
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in found.items()
            if name in known
        }
        return cls(**values)

    def needed(self) -> Size:
        """Give the fewest people with whom `smallest_worthwhile` is found with chance `power`.

        At the level of the look at the end; raises `InvalidInput` where nothing could show it.
        """
        design = Design(
            share=self.baseline if self.primary in SHARES else None,
            spread=None if self.primary in SHARES else self.spread,
            treated_share=1 - self.holdout_share,
            level=FINAL_LEVEL,
        )
        return size_for_effect(design, self._sign * self.smallest_worthwhile, self.power)

    @property
    def _sign(self) -> int:
        lower = {each.name for each in catalogue(Terms()) if each.good_is == "lower"}
        return -1 if self.primary in lower else 1

    def decision(self, lift: TrialLift) -> tuple[Literal["scale", "stop", "neither"], str]:
        """Say what follows by the plan's own rule, in its words.

        Scale: it helped, by at least the smallest worthwhile change, and is over. Stop: it harmed.
        """
        found = lift.outcome(self.primary)
        if lift.verdict == "harmed":
            return "stop", self.stop_if
        large = found is not None and found.worthwhile == "yes"
        if lift.verdict == "helped" and large and lift.waiting == 0:
            return "scale", self.scale_if
        return "neither", ""

    def problems(self) -> list[str]:
        """List everything that keeps this from being a plan; an empty list means it is one."""
        found = [
            f"{name} is empty: {ask}"
            for name, ask in _ASKED.items()
            if not str(getattr(self, name)).strip()
        ]
        if self.primary not in OUTCOMES:
            found.append(f"primary == {self.primary!r}, must be one of {', '.join(OUTCOMES)}")
        found += [
            f"{where} names {name!r}, which is not measured; there is {', '.join(HARMS)}"
            for where, names in (("guardrails", self.guardrails),)
            for name in names
            if name not in HARMS
        ]
        if not self.guardrails:
            found.append(f"guardrails are empty: name what must not get worse ({', '.join(HARMS)})")
        for name, low, high in (
            ("enrol_days", 1, _MOST_DAYS),
            ("horizon_days", 1, _MOST_DAYS),
            ("people", 2, 10**9),
        ):
            if not low <= getattr(self, name) <= high:
                found.append(f"{name} == {getattr(self, name)}, must be within {low}-{high}")
        if not 0 < self.holdout_share <= 0.5:
            found.append(
                f"holdout_share == {self.holdout_share:g}, must be above 0 and at most 0.5"
            )
        found += self._date_problems()
        return found or self._size_problems()

    def _date_problems(self) -> list[str]:
        days = {}
        found = []
        for name in ("starts", "ends", "reads_on"):
            try:
                days[name] = date.fromisoformat(getattr(self, name))
            except ValueError:
                found.append(
                    f"{name} == {getattr(self, name)!r}, must be a date such as 2026-03-01"
                )
        if found:
            return found
        if (days["ends"] - days["starts"]).days != self.enrol_days:
            found.append(
                f"starts and ends lie {(days['ends'] - days['starts']).days} days apart, "
                f"enrol_days says {self.enrol_days}"
            )
        if (days["reads_on"] - days["ends"]).days < self.horizon_days:
            found.append(
                f"reads_on lies {(days['reads_on'] - days['ends']).days} days after ends, before "
                f"the last one's {self.horizon_days} days are over"
            )
        return found

    def _size_problems(self) -> list[str]:
        if self.primary in SHARES and self.baseline is None:
            return [f"baseline is missing: what {self.primary} is without a contact, 0 to 1"]
        if self.primary not in SHARES and self.spread is None:
            return [f"spread is missing: the standard deviation of {self.primary} per person"]
        if not self.smallest_worthwhile > 0:
            return [f"smallest_worthwhile == {self.smallest_worthwhile:g}, must be above 0"]
        try:
            needed = self.needed()
        except InvalidInput as problem:
            return [problem.message]
        if self.people < needed.people:
            return [
                f"people == {self.people:,}, but {needed.people:,} are needed to find "
                f"{self.smallest_worthwhile:g} with chance {self.power:g}"
            ]
        return []


_ASKED = {
    "playbook": "which playbook is tried",
    "question": "what is to be learnt",
    "owner": "who answers for it, a person or a role",
    "cohort": "who is drawn",
    "success": "when it is called a success",
    "scale_if": "what is done then",
    "stop_if": "when it is stopped",
}
