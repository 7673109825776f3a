"""What a playbook's experiment changed: every outcome as a difference between randomised arms.

Everyone counts in the arm they were drawn into (intention to treat), and only once their horizon is
over. The plain difference stands beside the one that takes each person's own time before the draw
into account. Nothing is said of arms whose sizes the draw cannot have made.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from governance.disclosure.small_cells import hidden_cells
from governance.instants import DAY_US
from governance.intervals import Interval, wilson
from outcomes.randomised.lift import SampleRatio, difference, sample_ratio
from outcomes.randomised.multiplicity import holm
from outcomes.randomised.sequential import running_sample_ratio
from outcomes.randomised.verdict import Word
from outcomes.trials.assignments import Assignments
from outcomes.trials.comparison import Comparison
from outcomes.trials.followed import Followed
from outcomes.trials.records import (
    FINAL_LEVEL,
    HARMS,
    LASTING_DAYS,
    LOOK_LEVEL,
    PLANNED_UNITS,
    Exposure,
    Flags,
    Floats,
    Outcome,
    OutcomeLift,
    Shield,
    Terms,
    TrialLift,
    catalogue,
)
from outcomes.trials.values import before, sample_of, values_of


def trial_lift(
    followed: Followed,
    drawn: Assignments,
    *,
    playbook: str,
    experiment: str,
    holdout_share: float,
    observed_until: int,
    horizon_days: int,
    terms: Terms,
    is_running: bool = False,
    planned_units: int = PLANNED_UNITS,
    primary: str = "retained",
    smallest_worthwhile: float | None = None,
    segments: Mapping[str, NDArray[np.object_]] | None = None,
    min_people: int = 5,
    shield: Shield = lambda made, sample: made,
) -> TrialLift:
    """Compare the arms of one experiment; `observed_until` is in µs.

    `segments` name a group per person (n,), known before the draw. `shield` decides about every
    figure before it is given. While `is_running` the intervals hold at every look, at `LOOK_LEVEL`;
    at the end they are fixed ones at `FINAL_LEVEL`: together 95 %.
    """
    level = LOOK_LEVEL if is_running else FINAL_LEVEL
    ripe = drawn.at + horizon_days * DAY_US <= observed_until
    counts = {"treated": int((ripe & drawn.treated).sum())}
    counts["holdout"] = int((ripe & ~drawn.treated).sum())
    ratio = _ratio(counts, holdout_share, is_running=is_running)
    withheld = (
        f"the arms hold {counts['treated']} and {counts['holdout']} people, which a draw of "
        f"{holdout_share:.0%} does not do: something besides the lot decided"
        if ratio is not None and ratio.outcome == "mismatch"
        else ""
    )
    plan = Comparison(level, is_running, planned_units, withheld, min_people, shield)
    found = []
    for outcome in catalogue(terms):
        values, own = values_of(followed, outcome.name, horizon_days, terms)
        known = before(followed, drawn, horizon_days, own)
        sample = sample_of(values, known, drawn, ripe)
        made = plan.compare(outcome, sample, horizon_days, least=smallest_worthwhile
                            if outcome.name == primary else None)  # fmt: skip
        found.append(_heard(made, values, drawn, ripe, level))
    outcomes = _among(found, primary, level)
    lasting = _lasting(followed, drawn, observed_until, plan)
    groups = _segments(followed, drawn, ripe, horizon_days, terms, primary, segments or {}, plan)
    verdict, reason = _whole(outcomes, primary, withheld)
    return TrialLift(
        playbook=playbook,
        experiment=experiment,
        horizon_days=horizon_days,
        looked="always valid" if is_running else "fixed",
        level=level,
        treated=counts["treated"],
        held_out=counts["holdout"],
        waiting=int((~ripe).sum()),
        sample_ratio=ratio,
        outcomes=outcomes,
        lasting=lasting,
        segments=groups,
        exposure=_exposure(followed, drawn, ripe, horizon_days, playbook, plan),
        verdict=verdict,
        reason=reason,
        notes=_notes(followed, terms),
    )


def _ratio(
    counts: Mapping[str, int], holdout_share: float, *, is_running: bool
) -> SampleRatio | None:
    if not 0 < holdout_share < 1 or sum(counts.values()) == 0:
        return None
    expected = {"treated": 1 - holdout_share, "holdout": holdout_share}
    return running_sample_ratio(counts, expected) if is_running else sample_ratio(counts, expected)


def _heard(
    made: OutcomeLift, values: Floats, drawn: Assignments, ripe: Flags, level: float
) -> OutcomeLift:
    """Say nothing where the contact may have changed who answers."""
    heard = np.isfinite(values).astype(np.float64)
    if heard[ripe].all() or made.raw.difference is None:
        return made
    answered = difference(heard[ripe & drawn.treated], heard[ripe & ~drawn.treated], level=level)
    counted = made.raw.treated_units + made.raw.control_units
    note = "; ".join(filter(None, (f"heard of {counted / ripe.sum():.0%}", made.note)))
    if answered.low is None or answered.high is None or not answered.low <= 0 <= answered.high:
        why = "who was heard differs between the arms, so that the arms' answers do not compare"
        return made._replace(verdict="cannot say", reason=why, worthwhile=None, note=note)
    return made._replace(note=note)


def _among(found: Sequence[OutcomeLift], primary: str, level: float) -> tuple[OutcomeLift, ...]:
    """Judge harms among harms and the others among themselves; the primary one stands alone."""
    adjusted: dict[str, float] = {}
    for family in (
        [each for each in found if each.outcome in HARMS and each.outcome != primary],
        [each for each in found if each.outcome not in HARMS and each.outcome != primary],
    ):
        adjusted |= holm({each.outcome: each.raw.p_value for each in family
                          if each.raw.p_value is not None})  # fmt: skip
    return tuple(
        each._replace(
            verdict="cannot say",
            reason="clear alone, but not among as many outcomes as were looked at",
        )
        if each.verdict in ("helped", "harmed") and adjusted.get(each.outcome, 0.0) > 1 - level
        else each
        for each in found
    )


def _lasting(
    followed: Followed, drawn: Assignments, until: int, plan: Comparison
) -> tuple[OutcomeLift, ...]:
    found = []
    for day in LASTING_DAYS:
        ripe = drawn.at + day * DAY_US <= until
        values = followed.retained(start=day - 30, end=day)
        known = before(followed, drawn, day, followed.any_of("order", start=-30, end=0))
        says = f"active in the 30 days before day {day}, or has a contract in force then"
        outcome = Outcome("active", "share", "higher", says)
        found.append(plan.compare(outcome, sample_of(values, known, drawn, ripe), day))
    return tuple(found)


def _segments(
    followed: Followed,
    drawn: Assignments,
    ripe: Flags,
    days: int,
    terms: Terms,
    primary: str,
    segments: Mapping[str, NDArray[np.object_]],
    plan: Comparison,
) -> tuple[OutcomeLift, ...]:
    """Compare within groups known before the draw, corrected for their number."""
    known_outcomes = catalogue(terms)
    outcome = next((each for each in known_outcomes if each.name == primary), known_outcomes[0])
    values, own = values_of(followed, outcome.name, days, terms)
    known = before(followed, drawn, days, own)
    found: list[OutcomeLift] = []
    for name, group in segments.items():
        labels = np.array([str(each) for each in group], np.object_)
        usable = ripe & np.isfinite(values)
        smaller = {
            str(label): int(
                min(
                    (usable & (labels == label) & drawn.treated).sum(),
                    (usable & (labels == label) & ~drawn.treated).sum(),
                )
            )
            for label in sorted(set(labels[usable].tolist()))
        }
        hidden = hidden_cells(smaller, plan.min_people) | {c for c, n in smaller.items() if n == 0}
        for label in smaller:
            inside = ripe & (labels == label)
            sample = sample_of(values, known, drawn, inside)
            why = "too few people, or another group could be told from it" * (label in hidden)
            found.append(plan.compare(outcome, sample, days, segment=f"{name} {label}", hidden=why))
    adjusted = holm({each.segment: each.raw.p_value for each in found
                     if each.raw.p_value is not None})  # fmt: skip
    return tuple(
        each._replace(
            verdict="cannot say",
            reason=f"clear alone, but not among {len(adjusted)} groups that were looked at",
        )
        if each.verdict in ("helped", "harmed") and adjusted.get(each.segment, 0.0) > 1 - plan.level
        else each
        for each in found
    )


def _exposure(
    followed: Followed,
    drawn: Assignments,
    ripe: Flags,
    days: int,
    playbook: str,
    plan: Comparison,
) -> tuple[Exposure, ...]:
    window = {"start": 0, "end": days}
    asked = {
        "contacted outside Keepwell": followed.any_of("contact_outside", "email_delivered",
                                                      **window),
        "contacted by another playbook": followed.contacted(**window, playbook=playbook,
                                                            same=False),
        "contacted by this playbook": followed.contacted(**window, playbook=playbook, same=True),
    }  # fmt: skip
    found = []
    for what, reached in asked.items():
        outcome = Outcome(what, "share", "higher", what)
        sample = sample_of(reached, np.zeros((len(reached), 1)), drawn, ripe)
        made = plan._replace(withheld="").compare(outcome, sample, days)
        raw = made.raw
        found.append(
            Exposure(
                what=what,
                treated=_share(raw.treated_mean, raw.treated_units),
                held_out=_share(raw.control_mean, raw.control_units),
                difference=raw,
                note=made.note,
            )
        )
    return tuple(found)


def _share(mean: float | None, units: int) -> Interval | None:
    return None if mean is None else wilson(round(mean * units), units)


def _whole(outcomes: Sequence[OutcomeLift], primary: str, withheld: str) -> tuple[Word, str]:
    if withheld:
        return "withheld", withheld
    main = next((each for each in outcomes if each.outcome == primary), None)
    harmed = [
        each.outcome
        for each in outcomes
        if each.verdict == "harmed" and each.outcome in HARMS and each is not main
    ]
    if harmed and main is not None and main.verdict == "helped":
        said = f"{primary} gained and {', '.join(harmed)} suffered: a person has to weigh them"
        return "cannot say", said
    if harmed:
        return "harmed", f"{', '.join(harmed)}: worse than without a contact"
    if main is None:
        return "cannot say", f"{primary} is not measured here: state what it needs (a margin rate)"
    return main.verdict, f"{primary}: {main.reason}"


def _notes(followed: Followed, terms: Terms) -> tuple[str, ...]:
    found = []
    if followed.other_currency:
        found.append(
            f"{followed.other_currency} amounts in another currency than {terms.currency} were "
            "left out"
        )
    if terms.margin_rate is None:
        found.append("no margin rate is stated: money is net sales, not margin")
    return tuple(found)
