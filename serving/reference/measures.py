"""The page of measures: what is divided by what, over which window, with which interval."""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby

from outcomes.measures.catalogue import REFUSED, definitions
from outcomes.measures.definition import Definition, Method, Terms
from serving.reference.markdown import code, table

_FORMULAS: Mapping[Method, tuple[str, str, str]] = {
    "share": ("share", "Σx ÷ Σy", "Wilson, on the effective number of observations"),
    "mean": ("mean", "Σx ÷ Σy", "Student, of the ratio linearised over people"),
    "total": ("total", "Σx", "exact Poisson, stretched to amounts"),
    "per_quarter": ("per quarter", "Σx ÷ quarters in the period", "as a total's"),
    "nps": ("net promoter", "100 · (promoters − detractors) ÷ n", "normal, (p + d − (p − d)²) ÷ n"),
    "difference": ("difference", "x̄ among y = 1 − x̄ among y = 0", "Newcombe"),
}
"""What each method computes of what every person adds: x to the numerator, y to the denominator."""


_TERMS = {
    "active_window_days": "active within",
    "horizon_days": "value over",
    "lift_horizon_days": "followed for",
}
"""Terms that are lengths of time, in words."""

_DENOMINATOR = re.compile(r"denominator: ([^;,(]+)")


def page() -> str:
    """Give the Markdown page."""
    found = definitions(Terms())
    lines = [
        "# Every measure",
        "",
        "Written by `make docs` from the definitions themselves. [Measures](../measures.md) says "
        "how they are taken, and [what figures never tell](../disclosure.md).",
        "",
        f"{len(found)} measures. Each is over one period `[start, end)` and counts what is known "
        "now; where a window reaches further than the period, the fourth column names it. Every "
        "person adds x to the numerator and y to the denominator, so that intervals are over "
        "people even where one person brings several events. All intervals are 95 %.",
        "",
        "## How a figure is computed",
        "",
        *table(
            ("formula", "computes", "interval"),
            (
                (f"**{name}**", code(computed), interval)
                for name, computed, interval in _FORMULAS.values()
            ),
        ),
    ]
    for family, group in groupby(found, key=lambda each: each.family):
        lines += ["", f"## {family[0].upper()}{family[1:]}", "", *_rows(group)]
    lines += ["", "## Not measured, and why", ""]
    lines += [f"- `{name}`: {reason}; {instead}." for name, (reason, instead) in REFUSED.items()]
    return "\n".join(lines) + "\n"


def _rows(found: Iterator[Definition]) -> Iterator[str]:
    yield from table(
        ("measure", "numerator", "denominator", "unit, formula and window", "made of"),
        (
            (
                code(each.name),
                *_divided(each.says),
                "; ".join(dict.fromkeys([each.unit, _formula(each), *_lengths(each)])),
                ", ".join(each.needs) + (f"; {each.wants}" if each.wants else ""),
            )
            for each in found
        ),
    )


def _divided(says: str) -> tuple[str, str]:
    """Tell what is divided by what: at the first division that no bracket holds.

    What is said of the whole after a semicolon stays with the numerator. A sentence that divides
    nothing is all numerator.
    """
    said, _, aside = says.partition("; ")
    named = _DENOMINATOR.search(aside)
    aside = f"; {aside}" if aside else ""
    for place in (found.start() for found in re.finditer(" ÷ ", said)):
        before, after = said[:place], said[place + 3 :]
        if before.count("(") == before.count(")") and not after.startswith("("):
            return before + aside, after
    return said + aside, named[1] if named else ""


def _formula(definition: Definition) -> str:
    """Name the formula among those the page begins with; some measures state one of their own."""
    return _FORMULAS[definition.method][0] if definition.sql or definition.parts else "as stated"


def _lengths(definition: Definition) -> Iterator[str]:
    """Say which lengths of time, stated by the company, a measure looks over beside the period."""
    terms = Terms()
    for name in definition.states:
        if name in _TERMS:
            yield f"{_TERMS[name]} {getattr(terms, name)} days"
