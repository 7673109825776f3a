"""One comparison of two arms: made, asked whether it may be given, and judged."""

from typing import NamedTuple

from outcomes.randomised.cuped import adjusted_difference
from outcomes.randomised.lift import difference
from outcomes.randomised.sequential import running
from outcomes.randomised.verdict import judge
from outcomes.trials.records import Outcome, OutcomeLift, Sample, Shield


class Comparison(NamedTuple):
    """How every figure of one experiment is made; `withheld` says why none may be read."""

    level: float
    is_running: bool
    planned_units: int
    withheld: str
    min_people: int
    shield: Shield

    def compare(
        self,
        outcome: Outcome,
        sample: Sample,
        horizon_days: int,
        *,
        segment: str = "",
        least: float | None = None,
        hidden: str = "",
    ) -> OutcomeLift:
        """Make one figure, ask the shield about it, and judge what may be given."""
        a, b = sample.values[sample.treated], sample.values[~sample.treated]
        raw = difference(a, b, level=self.level)
        adjusted = (
            adjusted_difference(
                a,
                b,
                sample.before[sample.treated],
                sample.before[~sample.treated],
                level=self.level,
            )
            if len(a) and len(b)
            else None
        )
        also = None if adjusted is None else adjusted.found
        if self.is_running:
            events = raw.fewest_events
            raw = running(raw, planned_units=self.planned_units, events=events)
            if also is not None:
                also = running(also, planned_units=self.planned_units, events=events)
        made = OutcomeLift(
            outcome=outcome.name,
            unit=outcome.unit,
            says=outcome.says,
            segment=segment,
            horizon_days=horizon_days,
            good_is=outcome.good_is,
            raw=raw,
            adjusted=also,
            variance_reduction=None if adjusted is None else adjusted.variance_reduction,
            verdict="cannot say",
            reason="",
        )
        few = min(len(a), len(b)) < self.min_people
        if hidden or few or self.withheld:
            made = blank(made, note=hidden or ("too few people" if few else ""))
        elif made.raw.treated_units:
            made = self.shield(made, sample)
        judged = judge(
            made.raw,
            good_is=outcome.good_is,
            smallest_worthwhile=least,
            withheld=self.withheld,
        )
        return made._replace(
            verdict=judged.word, reason=judged.reason, worthwhile=judged.worthwhile
        )


def blank(made: OutcomeLift, *, note: str) -> OutcomeLift:
    """Give the same figure without its numbers, saying why."""
    nothing = difference([], [], level=made.raw.level)
    return made._replace(raw=nothing, adjusted=None, variance_reduction=None, note=note)
