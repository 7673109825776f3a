"""Any randomised test in a table: arms, sample ratio, differences with intervals, warnings.

The table has one row per person (or per row of a `unit`), a column that names the arm and one
column per outcome. Differences are as assigned. Covariates measured before the start may narrow
the intervals (Lin 2013); they are reported beside the plain difference, never instead of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput
from outcomes.lift import Difference, SampleRatio, difference, sample_ratio
from outcomes.multiplicity import holm
from outcomes.table import Floats, Table, covariate_matrix, numeric_outcome, read_table

MIN_SEGMENT = 5
MAX_SEGMENTS = 30
_FEW_ARMS = 10


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
    `p_holm` is the p-value adjusted for the number of comparisons made.
    """

    outcome: str
    arm: str
    plain: Difference
    adjusted: Difference | None
    p_holm: float | None


@dataclass(frozen=True)
class SegmentComparison:
    """A comparison inside one segment; exploratory, and never shown below `MIN_SEGMENT` units."""

    column: str
    segment: str
    outcome: str
    arm: str
    plain: Difference


@dataclass(frozen=True)
class Experiment:
    """The whole answer; `verdict` is one sentence per comparison in plain words."""

    control: str
    arms: Mapping[str, ArmSize]
    sample_ratio: SampleRatio
    comparisons: tuple[Comparison, ...]
    segments: tuple[SegmentComparison, ...]
    warnings: tuple[str, ...]
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Give the document of `experiment analyse --json`."""
        outcomes: dict[str, Any] = {}
        for c in self.comparisons:
            entry = _difference_json(c.plain) | {"p_holm": c.p_holm}
            if c.adjusted is not None:
                entry["adjusted"] = _difference_json(c.adjusted)
            outcomes.setdefault(c.outcome, {})[c.arm] = entry
        segments: dict[str, Any] = {}
        for s in self.segments:
            place = segments.setdefault(s.column, {}).setdefault(s.segment, {})
            place.setdefault(s.outcome, {})[s.arm] = _difference_json(s.plain)
        return {
            "control": self.control,
            "arms": {arm: asdict(size) for arm, size in self.arms.items()},
            "sample_ratio": self.sample_ratio._asdict(),
            "outcomes": outcomes,
            "segments": segments,
            "warnings": list(self.warnings),
            "verdict": self.verdict,
        }


def analyse(
    path: Path,
    *,
    arm: str,
    control: str,
    outcomes: Sequence[str],
    unit: str | None = None,
    covariates: Sequence[str] = (),
    segments: Sequence[str] = (),
    expected: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> Experiment:
    """Analyse the randomised test in `path` (CSV, Parquet or JSON lines).

    `arm` names the column of arms and `control` its value for the untreated; `unit` the column of
    what was randomised when that is more than a row (a household, a shop); `expected` the intended
    share per arm (equal when not given). Raises `InvalidInput` for an unknown column, an absent
    control, a unit that sits in two arms, or an outcome that is no number.
    """
    columns = [arm, *outcomes, *covariates, *segments, *([unit] if unit else [])]
    if not outcomes:
        raise InvalidInput("no outcome was named", hint="name at least one outcome column")
    table = read_table(path, columns)
    drawn = table.texts(arm)
    assigned = drawn != ""
    names = [str(name) for name in np.unique(drawn[assigned])]
    if control not in names:
        few = f": {', '.join(names)}" if len(names) <= _FEW_ARMS else ""  # many: another column
        raise InvalidInput(
            f"the control is not among the {len(names)} arms{few}",
            hint="--control names one value of the arm column",
        )
    units = _units(table, unit, drawn, assigned)
    warnings = _assignment_warnings(assigned, level)
    counts = {name: len(np.unique(units[drawn == name])) for name in names}
    ratio = sample_ratio(counts, expected)
    if ratio.outcome == "mismatch":
        warnings.append(
            "the arms do not have the sizes the draw should give "
            f"(p = {ratio.p_value:.2g}); find out why before believing any difference"
        )
    treated = [name for name in names if name != control]
    design = covariate_matrix(table, covariates) if covariates else None
    comparisons: list[Comparison] = []
    segment_rows: list[SegmentComparison] = []
    for outcome in outcomes:
        y = numeric_outcome(table, outcome)
        warnings.extend(_missing_warnings(outcome, y, drawn, names))
        known = np.isfinite(y) & assigned
        for name in treated:
            two = known & ((drawn == name) | (drawn == control))
            plain = _compare(y, units, drawn, two, name, level)
            adjusted = None
            if design is not None:
                adjusted = _compare(
                    _adjust(y, design, drawn, two, name, control), units, drawn, two, name, level
                )
            comparisons.append(Comparison(outcome, name, plain, adjusted, None))
            for column in segments:
                segment_rows.extend(
                    _by_segment(table, column, outcome, y, units, drawn, two, name, level)
                )
    comparisons = _with_holm(comparisons)
    if segment_rows:
        warnings.append(
            f"{len(segment_rows)} segment differences were looked at; they are exploratory: "
            f"about {max(1, round(len(segment_rows) * (1 - level)))} would look clear by chance"
        )
    sizes = {
        name: ArmSize(int((drawn == name).sum()), counts[name], name == control) for name in names
    }
    return Experiment(
        control=control,
        arms=sizes,
        sample_ratio=ratio,
        comparisons=tuple(comparisons),
        segments=tuple(segment_rows),
        warnings=tuple(warnings),
        verdict=_in_words(comparisons, ratio),
    )


def _units(
    table: Table, unit: str | None, drawn: NDArray[np.str_], assigned: NDArray[np.bool_]
) -> NDArray[np.int64]:
    if unit is None:
        return np.arange(len(drawn), dtype=np.int64)
    names = table.texts(unit)
    nameless = int(((names == "") & assigned).sum())
    if nameless:
        raise InvalidInput(f"{nameless} rows have no {unit!r}", hint="every row needs its unit")
    codes = np.unique(names, return_inverse=True)[1].astype(np.int64)
    arms = np.unique(drawn, return_inverse=True)[1].astype(np.int64)
    pairs = np.unique(np.stack([codes[assigned], arms[assigned]]), axis=1)
    split = pairs.shape[1] - len(np.unique(pairs[0]))
    if split:
        raise InvalidInput(
            f"{split} unit(s) of {unit!r} sit in more than one arm",
            hint="what was randomised is the unit; name the column that was",
        )
    return codes


def _compare(
    y: Floats,
    units: NDArray[np.int64],
    drawn: NDArray[np.str_],
    chosen: NDArray[np.bool_],
    name: str,
    level: float,
) -> Difference:
    sides = []
    for mask in (chosen & (drawn == name), chosen & (drawn != name)):
        codes = np.unique(units[mask], return_inverse=True)[1]
        size = int(codes.max()) + 1 if len(codes) else 0
        sums = np.bincount(codes, weights=y[mask], minlength=size)
        sides.append((sums, np.bincount(codes, minlength=size)))
    (a, a_rows), (b, b_rows) = sides
    return difference(a, b, treated_rows=a_rows, control_rows=b_rows, level=level)


def _adjust(
    y: Floats,
    design: Floats,
    drawn: NDArray[np.str_],
    chosen: NDArray[np.bool_],
    name: str,
    control: str,
) -> Floats:
    """Take out of `y`, per arm, what the centred covariates explain (Lin's interacted regression).

    The two arms' means of the result differ by the adjusted effect.
    """
    adjusted = np.where(chosen, y, 0.0)
    centred = design - design[chosen].mean(axis=0)
    for arm in (name, control):
        mask = chosen & (drawn == arm)
        if mask.sum() <= design.shape[1] + 1:
            continue
        x = np.column_stack([np.ones(int(mask.sum())), centred[mask]])
        slopes = np.linalg.lstsq(x, y[mask], rcond=None)[0][1:]
        adjusted[mask] = y[mask] - centred[mask] @ slopes
    return adjusted


def _by_segment(
    table: Table,
    column: str,
    outcome: str,
    y: Floats,
    units: NDArray[np.int64],
    drawn: NDArray[np.str_],
    two: NDArray[np.bool_],
    name: str,
    level: float,
) -> list[SegmentComparison]:
    values = table.texts(column)
    found = np.unique(values[two])
    if len(found) > MAX_SEGMENTS:
        raise InvalidInput(
            f"{column!r} has {len(found)} different values, at most {MAX_SEGMENTS} can be segments",
            hint="group the values first",
        )
    rows = []
    for value in found:
        inside = two & (values == value)
        sizes = [len(np.unique(units[inside & (drawn == a)])) for a in np.unique(drawn[two])]
        if len(sizes) < 2 or min(sizes) < MIN_SEGMENT:
            continue
        plain = _compare(y, units, drawn, inside, name, level)
        rows.append(SegmentComparison(column, str(value) or "(none)", outcome, name, plain))
    return rows


def _assignment_warnings(assigned: NDArray[np.bool_], level: float) -> list[str]:
    missing = int((~assigned).sum())
    return [f"{missing} rows name no arm and were left out"] if missing else []


def _missing_warnings(
    outcome: str, y: Floats, drawn: NDArray[np.str_], names: Sequence[str]
) -> list[str]:
    missing = {name: float((~np.isfinite(y[drawn == name])).mean()) for name in names}
    if not any(missing.values()):
        return []
    shares = ", ".join(f"{name} {share:.1%}" for name, share in missing.items())
    return [
        f"{outcome} is missing for some ({shares}); those rows were left out of it, which biases "
        "the difference if being missing depends on the arm"
    ]


def _with_holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    keyed = {
        f"{place}": c.plain.p_value
        for place, c in enumerate(comparisons)
        if c.plain.p_value is not None
    }
    adjusted = holm(keyed)
    return [
        Comparison(c.outcome, c.arm, c.plain, c.adjusted, adjusted.get(f"{place}"))
        for place, c in enumerate(comparisons)
    ]


def _in_words(comparisons: Sequence[Comparison], ratio: SampleRatio) -> str:
    said = []
    for c in comparisons:
        d = c.plain
        if d.difference is None or d.low is None or d.high is None:
            said.append(f"{c.outcome}, {c.arm}: too few people to say")
        else:
            said.append(
                f"{c.outcome}, {c.arm}: {d.verdict} "
                f"({d.difference:+.4g} [{d.low:.4g}, {d.high:.4g}])"
            )
    caution = "do not rely on this, the draw looks broken: " if ratio.outcome == "mismatch" else ""
    return caution + "; ".join(said)


def _difference_json(d: Difference) -> dict[str, Any]:
    return d._asdict()
