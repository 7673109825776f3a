"""Two indices of 0 to 100 put together from other measures, with their raw levels beside them."""

from collections.abc import Mapping, Sequence
from statistics import median

from governance.intervals import Interval
from outcomes.measures.definition import Definition, Measure, Period, Terms
from outcomes.measures.engine import blank
from outcomes.measures.estimate import weighted
from outcomes.measures.events import EventTable
from outcomes.measures.periods import months_before

MIN_PARTS = 4
MIN_MONTHS = 6

HAPPINESS = Definition(
    name="customer_happiness_index",
    family="indices",
    unit="0–100",
    says=(
        "weighted mean of positive-language share, CSAT and reported happiness, each "
        "(x − min) ÷ (max − min) · 100; missing parts renormalised and named; interval from the "
        "parts' (MOVER)"
    ),
)
EMPATHY = Definition(
    name="empathy_deficit_index",
    family="indices",
    unit="0–100",
    says=(
        "100 · Σ wᵢ · clip((xᵢ − bᵢ) ÷ (mᵢ − bᵢ), 0, 1), Σ w = 1, bᵢ own 12-month median, mᵢ the "
        "stated worst case; fewer than 4 parts → none; interval from the parts' (MOVER), bᵢ given"
    ),
)
DEFINITIONS = (HAPPINESS, EMPATHY)

Baselines = Mapping[tuple[str, str, Period], Sequence[float]]
"""Name of the part, group and period to its values over the twelve months before."""


def windows_before(period: Period) -> tuple[Period, ...]:
    """Give twelve windows as long as `period`, ending at each month's turn up to its start."""
    length = period.end - period.start
    return tuple(Period(m.end - length, m.end) for m in months_before(period.start, 12))


def happiness(
    book: EventTable, terms: Terms, measures: Sequence[Measure], period: Period, segment: str
) -> Measure:
    """Give the Customer Happiness Index of one group and period from the measures at hand."""
    found = _levels(measures, terms.happiness, period, segment)
    made = blank(HAPPINESS, book, period, "", segment=segment)
    if not found:
        return made._replace(note=f"not measured: needs one of {', '.join(terms.happiness)}")
    parts = {name: (terms.happiness[name][0], _scaled(m, 0.0, terms.happiness[name][1]))
             for name, m in found.items()}  # fmt: skip
    return _index(made, parts, found, _without(measures, terms.happiness, period, segment), {})


def empathy(
    book: EventTable,
    terms: Terms,
    measures: Sequence[Measure],
    baselines: Baselines,
    period: Period,
    segment: str,
) -> Measure:
    """Give the Empathy Deficit Index of one group and period; a part needs 6 earlier windows."""
    found = _levels(measures, terms.empathy, period, segment)
    made = blank(EMPATHY, book, period, "", segment=segment)
    parts, left_out, usual = {}, _without(measures, terms.empathy, period, segment), {}
    for name, m in found.items():
        weight, worst = terms.empathy[name]
        before = baselines.get((name, segment, period), ())
        if len(before) < MIN_MONTHS or median(before) >= worst:
            left_out.append(name)
            continue
        usual[name] = median(before)
        parts[name] = (weight, _scaled(m, usual[name], worst))
    if len(parts) < MIN_PARTS:
        have = ", ".join(parts) or "none"
        note = f"not measured: {len(parts)} parts with their own past ({have}), needs {MIN_PARTS}"
        return made._replace(note=note)
    return _index(made, parts, {n: found[n] for n in parts}, left_out, usual)


def _index(
    made: Measure,
    parts: dict[str, tuple[float, Interval]],
    found: Mapping[str, Measure],
    left_out: Sequence[str],
    usual: Mapping[str, float],
) -> Measure:
    whole = sum(weight for weight, _ in parts.values())
    value = weighted(parts)
    levels = []
    for name, m in found.items():
        assert m.value is not None
        beside = f" (usually {_level(usual[name], m.unit)})" if name in usual else ""
        level = _level(m.value.value, m.unit)
        levels.append(f"{name} {level}{beside}, weight {parts[name][0] / whole:.2f}")
    missing = f"; without {', '.join(left_out)}" if left_out else ""
    return made._replace(
        value=value,
        numerator=value.value * whole,
        denominator=whole,
        people=min((m.people for m in found.values() if m.people is not None), default=None),
        note="; ".join(levels) + missing,
    )


def _level(value: float, unit: str) -> str:
    """Write a raw level: shares in percent, what has a scale of its own as it is."""
    return f"{100 * value:.3g} %" if unit == "share" else f"{value:.3g}"


def _levels(
    measures: Sequence[Measure], wanted: Mapping[str, object], period: Period, segment: str
) -> dict[str, Measure]:
    return {
        m.name: m
        for m in measures
        if m.name in wanted and m.period == period and m.segment == segment and m.value is not None
    }


def _without(
    measures: Sequence[Measure], wanted: Mapping[str, object], period: Period, segment: str
) -> list[str]:
    """Name the parts without a level, and say of which too few people are the reason."""
    here = {m.name: m for m in measures if m.period == period and m.segment == segment}
    absent = [name for name in wanted if name not in here or here[name].value is None]
    few = {name for name in absent if name in here and here[name].hidden}
    return [f"{name} (withheld: few people)" if name in few else name for name in absent]


def _scaled(measure: Measure, low: float, high: float) -> Interval:
    assert measure.value is not None
    value, bottom, top = (
        min(max((x - low) / (high - low), 0.0), 1.0)
        for x in (measure.value.value, measure.value.low, measure.value.high)
    )
    return Interval(value, bottom, top)
