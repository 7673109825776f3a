"""Any randomised test in a table: arms, sample ratio, differences with intervals, a verdict.

The table has one row per person (or per row of a `unit`), a column that names the arm and one
column per outcome. Differences are as assigned. Nothing is read from arms that do not look drawn by
lot, and nothing is called an effect where nobody was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput
from outcomes.experiment.arms import Arms, read_arms
from outcomes.experiment.balance import Balance, check_balance
from outcomes.experiment.doubt import Pair, doubts
from outcomes.experiment.segments import (
    SegmentComparison,
    Segments,
    compare_within,
    judge_segments,
)
from outcomes.experiment.table import (
    Covariates,
    Floats,
    Table,
    numeric_outcome,
    read_covariates,
    read_table,
)
from outcomes.experiment.timing import Known, check_known
from outcomes.randomised.cuped import Adjusted
from outcomes.randomised.lift import (
    SAMPLE_RATIO_ALARM,
    Difference,
    SampleRatio,
    difference,
    sample_ratio,
)
from outcomes.randomised.multiplicity import holm
from outcomes.randomised.sequential import PLANNED_UNITS, running, running_sample_ratio
from outcomes.randomised.verdict import NOT_RANDOMISED, Direction, Judged, judge

PERFECTLY = 0.99
MOST_UNITS = 10_000_000_000


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a table.

    `arm` names the column of arms and `control` its value for the untreated; `unit` the column of
    what was randomised when that is more than a row (a household, a shop); `intended` the share
    each arm was to have (equal when not given). `good_is` says which direction is good,
    `lower_is_better` the outcomes of which less is good. `worthwhile` is the smallest effect worth
    having, per outcome, in its unit. `running`: people still come in and somebody looks meanwhile,
    so intervals hold at every look; `planned_units` is where they are narrowest. Without
    `randomised` nothing is called an effect.
    """

    arm: str
    control: str
    outcomes: Sequence[str]
    unit: str | None = None
    covariates: Sequence[str] = ()
    segments: Sequence[str] = ()
    known: Known = field(default_factory=Known)
    intended: Mapping[str, float] | None = None
    good_is: Direction = "higher"
    lower_is_better: Sequence[str] = ()
    worthwhile: Mapping[str, float] = field(default_factory=dict)
    randomised: bool = True
    running: bool = False
    planned_units: int = PLANNED_UNITS
    level: float = 0.95

    def good(self, outcome: str) -> Direction:
        """Which direction of `outcome` is good."""
        return "lower" if outcome in self.lower_is_better else self.good_is


@dataclass(frozen=True)
class ArmSize:
    """How many rows and randomised units an arm holds."""

    rows: int
    units: int
    control: bool


@dataclass(frozen=True)
class Comparison:
    """One outcome in one treated arm against the control.

    `adjusted` is the same difference with covariates taken into account, None without covariates.
    `p_holm` is the p-value adjusted for the number of comparisons made. `judged` is about the plain
    difference. Where that is withheld, neither holds a number.
    """

    outcome: str
    arm: str
    good_is: Direction
    is_share: bool
    plain: Difference
    adjusted: Adjusted | None
    p_holm: float | None
    judged: Judged


@dataclass(frozen=True)
class Experiment:
    """The whole answer; `withheld` says why nothing may be read from it, "" where something may.

    `verdict` is one sentence in plain words, or one per comparison.
    """

    question: Question
    arms: Mapping[str, ArmSize]
    sample_ratio: SampleRatio | None
    balance: Balance | None
    comparisons: tuple[Comparison, ...]
    segments: Segments
    warnings: tuple[str, ...]
    withheld: str

    @property
    def verdict(self) -> str:
        """What came out, in words."""
        if self.withheld:
            return f"withheld: {self.withheld}"
        if not self.question.randomised:
            return f"cannot say: {NOT_RANDOMISED}"
        return "; ".join(_in_words(c) for c in self.comparisons)

    @property
    def answered(self) -> bool:
        """Whether there is an answer: people drawn by lot, and enough of them in some outcome."""
        known = any(c.plain.difference is not None for c in self.comparisons)
        return known and self.question.randomised and not self.withheld


def analyse(path: Path, question: Question) -> Experiment:
    """Analyse the test in `path` (CSV, Parquet or JSON lines).

    Raises `InvalidInput` for an unknown column, an absent control, a unit that sits in two arms, an
    outcome that is no number, and a covariate or segment that nobody says was known before, that
    times show was not, or that differs between the arms as nothing known before does.
    """
    _check(question)
    return analyse_table(read_table(path, _columns(question)), question)


def analyse_table(table: Table, question: Question) -> Experiment:
    """Analyse a table that was read already, as `analyse` does."""
    _check(question)
    looked_at = _looked_at(question)
    arms = read_arms(
        table,
        arm=question.arm,
        control=question.control,
        unit=question.unit,
        level=question.level,
    )
    shown = check_known(table, looked_at, question.known)
    warnings, withheld = _nameless(arms), ""
    ratio = balance = None
    if question.randomised:
        compare = running_sample_ratio if question.running else sample_ratio
        ratio = compare(arms.counts(), question.intended)
        balance = _balance(table, arms, looked_at)
        withheld = _broken(ratio, balance, shown, looked_at, question.known)
    else:
        warnings.append(
            f"{NOT_RANDOMISED}. Do not write that anything was changed, raised or saved by it"
        )
    comparisons, segments = _compare_all(table, arms, question, withheld, warnings)
    if set(question.covariates) - set(shown):
        pairs = (Pair(c.outcome, c.arm, c.plain, c.adjusted) for c in comparisons)
        warnings.extend(doubts(pairs, question.covariates))
    if segments.comparisons:
        warnings.append(
            f"{len(segments.comparisons)} segment differences were looked at; they are "
            "exploratory: leads to test, not results"
        )
    return Experiment(
        question=question,
        arms={
            name: ArmSize(int((arms.drawn == name).sum()), count, name == question.control)
            for name, count in arms.counts().items()
        },
        sample_ratio=ratio,
        balance=balance,
        comparisons=comparisons,
        segments=segments,
        warnings=tuple(dict.fromkeys(warnings)),
        withheld=withheld,
    )


def _check(question: Question) -> None:
    problems = []
    outcomes, taken = set(question.outcomes), {question.arm, question.unit}
    if not question.outcomes:
        problems.append("no outcome was named")
    if not 0 < question.level < 1:
        problems.append(f"level == {question.level:g}, must lie between 0 and 1")
    both = (outcomes | taken) & {*question.covariates, *question.segments}
    if both:
        problems.append(
            f"{', '.join(sorted(map(str, both)))} cannot be a covariate or a segment: it is the "
            "arm, the unit or an outcome"
        )
    strange = sorted({*question.lower_is_better, *question.worthwhile} - outcomes)
    if strange:
        problems.append(
            f"{', '.join(strange)} is no outcome, yet a direction or size is said of it"
        )
    if any(not 0 < size < float("inf") for size in question.worthwhile.values()):
        problems.append("the smallest worthwhile effect must be above 0")
    if not 1 <= question.planned_units <= MOST_UNITS:
        problems.append(
            f"planned_units == {question.planned_units:,}, must be within 1-{MOST_UNITS:,}"
        )
    if question.running and question.segments:
        problems.append("segments are looked at when an experiment has ended, not while it runs")
    if problems:
        raise InvalidInput("; ".join(problems), hint="see keepwell experiment analyse --help")


def _looked_at(question: Question) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*question.covariates, *question.segments)))


def _columns(question: Question) -> list[str]:
    unit = () if question.unit is None else (question.unit,)
    return [
        question.arm, *question.outcomes, *_looked_at(question), *unit, *question.known.columns
    ]  # fmt: skip


def _nameless(arms: Arms) -> list[str]:
    missing = int((~arms.assigned).sum())
    return [f"{missing:,} rows name no arm and were left out"] if missing else []


def _balance(table: Table, arms: Arms, looked_at: Sequence[str]) -> Balance | None:
    if not looked_at:
        return None
    found = read_covariates(table, looked_at)
    rows = arms.assigned
    return check_balance(
        Covariates(found.values[rows], found.origin), arms.codes[rows], arms.units[rows]
    )


def _broken(
    ratio: SampleRatio,
    balance: Balance | None,
    shown: Sequence[str],
    looked_at: Sequence[str],
    known: Known,
) -> str:
    """Say why the draw cannot be believed, "" where it can.

    A column that differs far beyond chance while most do not was probably known only afterwards:
    unless times have shown it or somebody insists, that is an `InvalidInput`.
    """
    if ratio.outcome == "mismatch":
        return (
            f"the arms do not have the sizes the draw should give (p = {ratio.p_value:.1g}), so "
            "who is missing may explain any difference; find out why, or say the intended shares"
        )
    if balance is None or balance.outcome == "as expected":
        return ""
    if balance.auc is not None and balance.auc >= PERFECTLY:
        return (
            "the arm follows from what was known before: people were chosen and not drawn by lot, "
            "and nobody like the treated was left alone"
        )
    differing = balance.differing
    suspects = [c for c in differing if c not in shown and c not in known.insisted]
    if suspects and (len(differing) == 1 or 2 * len(differing) <= len(looked_at)):
        raise InvalidInput(
            f"{', '.join(suspects)} differs between the arms as nothing that was known before "
            f"a draw by lot does (p = {min(differing[c] for c in suspects):.1g})",
            hint="it was probably known only after the assignment, and changed by it: leave it "
            "out. If it was known before, the draw is broken; --insist NAME shows that",
        )
    what = ", ".join(differing) or "what was known before, taken together,"
    return (
        f"{what} tells the arms apart as after a draw by lot it would not "
        f"(p = {min(balance.auc_p_value, *differing.values(), 1.0):.1g}): the arms "
        "differed before anything was done"
    )


def _compare_all(
    table: Table, arms: Arms, question: Question, withheld: str, warnings: list[str]
) -> tuple[tuple[Comparison, ...], Segments]:
    before = read_covariates(table, question.covariates) if question.covariates else None
    comparisons: list[Comparison] = []
    within: list[SegmentComparison] = []
    hidden: list[tuple[str, int]] = []
    for outcome in question.outcomes:
        y = numeric_outcome(table, outcome)
        known = np.isfinite(y) & arms.assigned
        is_share = bool(known.any() and np.isin(y[known], (0.0, 1.0)).all())
        reason = withheld or _missing(outcome, known, arms, question, warnings)
        for name in arms.treated:
            rows = known & arms.pair(name)
            plain, adjusted = _differences(y, rows, name, arms, before, question, reason)
            judged = judge(plain, withheld=reason)
            comparisons.append(
                Comparison(
                    outcome, name, question.good(outcome), is_share, plain, adjusted, None, judged
                )
            )
            for column in () if reason else question.segments:
                found, few = compare_within(column, table.texts(column), outcome, y, arms, name)
                within.extend(found)
                hidden.append((column, few))
    return _judge(comparisons, question), judge_segments(within, hidden)


def _differences(
    y: Floats,
    rows: NDArray[np.bool_],
    name: str,
    arms: Arms,
    before: Covariates | None,
    question: Question,
    withheld: str,
) -> tuple[Difference, Adjusted | None]:
    if withheld:
        sizes = (arms.units_of(rows, side) for side in (name, question.control))
        nothing = difference([], [], level=question.level)
        return nothing._replace(treated_units=next(sizes), control_units=next(sizes)), None
    plain = arms.compare(y, rows, name, resample=not question.running)
    adjusted = None if before is None else arms.adjust(y, before.values, rows, name)
    if not question.running:
        return plain, adjusted
    events = plain.fewest_events
    planned = question.planned_units
    if adjusted is not None:
        found = running(adjusted.found, planned_units=planned, events=events)
        adjusted = adjusted._replace(found=found)
    return running(plain, planned_units=planned, events=events), adjusted


def _missing(
    outcome: str, known: NDArray[np.bool_], arms: Arms, question: Question, warnings: list[str]
) -> str:
    """Warn of missing outcomes; where they are missing by arm, say why the outcome is withheld."""
    gone = arms.assigned & ~known
    if not gone.any():
        return ""
    shares = ", ".join(
        f"{name} {gone[arms.drawn == name].mean():.1%}"
        for name in (question.control, *arms.treated)
    )
    warnings.append(
        f"{outcome} is missing for some ({shares}); those rows were left out of it, which biases "
        "the difference if being missing depends on the arm"
    )
    y = gone.astype(np.float64)
    found = [arms.compare(y, arms.pair(name), name) for name in arms.treated]
    if question.running:
        found = [running(each, planned_units=question.planned_units) for each in found]
    least = min((f.p_value for f in found if f.p_value is not None), default=1.0) * len(found)
    if not question.randomised or least >= SAMPLE_RATIO_ALARM:
        return ""
    return (
        f"{outcome} is missing more often in one arm than in another ({shares}; p = {least:.1g}), "
        "so who answered may explain any difference"
    )


def _judge(comparisons: Sequence[Comparison], question: Question) -> tuple[Comparison, ...]:
    raw = {
        str(k): c.plain.p_value for k, c in enumerate(comparisons) if c.plain.p_value is not None
    }
    overall = holm(raw)
    judged = []
    for k, c in enumerate(comparisons):
        word = judge(
            c.plain,
            good_is=c.good_is,
            p_adjusted=overall.get(str(k)) if len(raw) > 1 else None,
            smallest_worthwhile=question.worthwhile.get(c.outcome),
            randomised=question.randomised,
            withheld=c.judged.reason if c.judged.word == "withheld" else "",
        )
        judged.append(replace(c, p_holm=overall.get(str(k)), judged=word))
    return tuple(judged)


def _in_words(c: Comparison) -> str:
    d = c.plain
    said = f"{c.outcome}, {c.arm}: {c.judged.word}"
    if d.difference is None or d.low is None or d.high is None:
        return f"{said} ({c.judged.reason})"
    return f"{said} ({d.difference:+.4g} [{d.low:.4g}, {d.high:.4g}])"
