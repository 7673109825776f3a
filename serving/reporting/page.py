"""A report as one self-contained page: nothing is fetched, and it prints well."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from governance.intervals import Interval
from outcomes.journey.map import Look
from outcomes.measures.definition import ALL
from serving.reporting.charts import span, trend
from serving.reporting.document import STAMPS
from serving.reporting.heat import SHADES, absent, bounds, colour, is_dark, written
from serving.reporting.record import Line, Report, Trial
from serving.reporting.words import (
    GLOSSARY,
    figure_in_words,
    parts_of_index,
    range_in_words,
    title_of,
    value_in_words,
)

_KINDS = {"week": "Weekly report", "quarter": "Quarterly report"}


def report_html(found: Report) -> str:
    """Give the page."""
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            r=found,
            title=_KINDS[found.kind],
            stamp=STAMPS.get(found.home),
            cells=[each for each in found.journey.cells if each.segment == ALL],
            lift=_lift,
            shades=SHADES,
            glossary=GLOSSARY,
        )
    )


def _lift(trial: Trial, *outcomes: str) -> dict[str, Any] | None:
    """Give the first of these outcomes that a trial has, said and drawn; None where it has none."""
    if trial.lift is None:
        return None
    known = {each["outcome"]: each for each in trial.lift["outcomes"]}
    found = next((known[name] for name in outcomes if name in known), None)
    if found is None:
        return None
    d, title = found["raw"], str(found["outcome"]).replace("_", " ")
    if d["difference"] is None or d["low"] is None or d["high"] is None:
        return {"title": title, "said": found["reason"] or d["verdict"], "chart": Markup("")}
    is_share = found["unit"] == "share"
    scale, unit = (100.0, "points") if is_share else (1.0, f"{found['unit']} per person")
    value = Interval(scale * d["difference"], scale * d["low"], scale * d["high"], d["level"])
    said = f"{value.value:+.1f} {unit} ({value.low:+.1f} to {value.high:+.1f}, {d['level']:.0%})"
    edge = max(abs(value.low), abs(value.high), 1e-9)
    return {
        "title": title,
        "said": said,
        "chart": span(value, low=-edge, high=edge, label=f"{title}: {said}"),
    }


def _heat(look: Look, lens: str) -> Markup:
    """Draw one cell of the map: its colour, its figure and its interval."""
    if look.value is None:
        return Markup('<td class="cell none">{}</td>').format(absent(look))
    rgb = colour(lens, look.value.value)
    ink = "#fff" if is_dark(rgb) else "#111"
    return Markup(
        '<td class="cell" style="background:rgb({},{},{});color:{}">'
        "<b>{}</b> <small>{}</small></td>"
    ).format(*rgb, ink, written(lens, look.value.value), bounds(lens, look.value))


def _headline(line: Line) -> str:
    now = line.now
    return "not measured" if now.value is None else value_in_words(now.value.value, now.unit)


def _beside(line: Line) -> str:
    """Say the interval, over whom, and the figure before."""
    now = line.now
    if now.value is None:
        return now.note
    said = [range_in_words(now.value, now.unit)]
    if now.people is not None:
        said.append(f"{now.people:,} people")
    if line.before is not None and line.before.value is not None:
        before = value_in_words(line.before.value.value, line.before.unit)
        said.append(f"{before} in {line.before.period.label}")
    return " · ".join(said)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "trend": trend,
        "heat": _heat,
        "headline": _headline,
        "beside": _beside,
        "title_of": title_of,
        "figure": figure_in_words,
        "parts": parts_of_index,
        "words": lambda name: str(name).replace("_", " "),
        "day": lambda instant: f"{instant:%Y-%m-%d}",
        "share": lambda value: f"{100 * value:.0f} %",
        "money": lambda amount: f"{amount:,.0f}",
    }
    return environment
