"""`keepwell outcomes measures`: the figures of a home on the command line and in files."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, again, table
from serving.spreadsheet import csv_text

if TYPE_CHECKING:
    from outcomes.measures.definition import Definition, Measure, Terms
    from serving.figures import HomeMeasures

_PERIODS = ("week", "month", "quarter", "year")
_FEW = 5
_ONE_SURVEY = "not measured: needs survey events with instrument"
_SURVEYS = f"{_ONE_SURVEY} of that name"
_WIDEST = 6
"""How many periods a table shows; files and JSON hold all."""


@click.command("measures")
@click.option("--start", help="First instant of the period; a year before its end, if not said.")
@click.option("--end", help="End of the period; the end of the history, if not said.")
@click.option(
    "--period",
    "every",
    type=click.Choice(_PERIODS),
    help="A figure for each whole calendar period, the last few if no --start is said.",
)
@click.option(
    "--by",
    metavar="SEGMENT",
    help="Also by group: an attribute (country, plan), or kind:NAME (had such an event).",
)
@click.option(
    "--measure", "names", multiple=True, help="Only this measure or family; may be repeated."
)
@click.option("--list", "listing", is_flag=True, help="List every measure with its definition.")
@click.option(
    "--window-days",
    type=click.IntRange(min=1),
    help="Active: a contract, or an order so recently; 365 if not said.",
)
@click.option(
    "--margin-share",
    type=float,
    help="Margin per unit of net sales (0.3); CLTV is not measured without it.",
)
@click.option("--discount-rate", type=float, help="CLTV: discount rate a year; 0.1 if not said.")
@click.option(
    "--horizon-days", type=click.IntRange(min=1), help="CLTV: how long it counts; 365 if not said."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every figure to a .csv or .parquet file.",
)
@click.pass_obj
def measures_command(
    session: Session,
    start: str | None,
    end: str | None,
    every: str | None,
    by: str | None,
    names: tuple[str, ...],
    listing: bool,
    window_days: int | None,
    margin_share: float | None,
    discount_rate: float | None,
    horizon_days: int | None,
    out: Path | None,
) -> None:
    """Every measure with its interval, by period and by group, over at least 5 people each."""
    from governance.instants import parse_instant
    from outcomes.measures.definition import Terms
    from outcomes.measures.periods import Every
    from serving.figures import measure_home

    usual = Terms()
    terms = usual._replace(
        active_window_days=window_days or usual.active_window_days,
        margin_share=margin_share,
        discount_rate=usual.discount_rate if discount_rate is None else discount_rate,
        horizon_days=horizon_days or usual.horizon_days,
    )
    terms.check()
    if listing:
        _list(session, terms)
        return
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise click.BadParameter("must end in .csv or .parquet", param_hint="--out")
    periods: dict[str, Every] = {each: each for each in get_args(Every)}
    with session.open() as keepwell, session.step("measuring") as say:
        zone = keepwell.settings.zone
        found = measure_home(
            keepwell,
            start=parse_instant(start, zone) if start else None,
            end=parse_instant(end, zone) if end else None,
            now=datetime.now(UTC),
            every=periods[every] if every else None,
            by=by,
            names=names,
            terms=terms,
            progress=say if session.err.is_terminal else lambda said: None,
        )
        kind = keepwell.kind
    rows = [each.to_json() for each in found.taken.measures]
    if out is not None:
        _write(out, [_flat(row) for row in rows])
    payload = {
        "home": kind,
        "start": found.periods[0].start,
        "end": found.periods[-1].end,
        "by": by,
        "terms": found.terms,
        "notes": found.taken.notes,
        "hidden": _hidden(found.taken.measures),
        "measures": rows,
        **({"out": out} if out is not None else {}),
    }
    session.emit(payload, lambda console: _draw(console, found, out))


def _list(session: Session, terms: "Terms") -> None:
    from outcomes.measures.catalogue import REFUSED, definitions

    home = session.home / "keepwell.toml"
    if home.exists():
        from serving.figures import own_measures

        with session.open() as keepwell:
            found = definitions(terms, own_measures(keepwell))
    else:
        found = definitions(terms)

    def view(out: Console) -> None:
        for family, each in _by_family(found).items():
            drawn = table(escape(family), "unit", "definition")
            for d in each:
                drawn.add_row(d.name, d.unit, escape(d.sentence(terms)))
            out.print(drawn)
            out.print()
        for name, (reason, instead) in REFUSED.items():
            out.print(f"{name} is refused: {reason}; {instead}", highlight=False)

    session.emit(
        {
            "measures": [
                {
                    "name": d.name,
                    "family": d.family,
                    "unit": d.unit,
                    "definition": d.sentence(terms),
                    "needs": d.needs,
                    "instrument": d.instrument,
                    "outcome": d.outcome,
                }
                for d in found
            ],
            "refused": REFUSED,
        },
        view,
    )


def _draw(out: Console, found: "HomeMeasures", out_file: Path | None) -> None:
    periods, measures = found.periods, found.taken.measures
    measured = {m.name for m in measures if m.shown or m.hidden}
    drawn = [m for m in measures if m.name in measured]
    out.print(f"[dim]{periods[0].start:%Y-%m-%d} to {periods[-1].end:%Y-%m-%d}[/]")
    there = {m.segment for m in drawn}
    small = sorted(there - {m.segment for m in drawn if m.shown} - {"all"})
    drawn = [m for m in drawn if m.segment not in small]
    for family, each in _by_family(drawn).items():
        out.print()
        if len(periods) == 1:
            _draw_one(out, family, each, with_groups=there != {"all"})
        else:
            _draw_series(out, family, each, found, with_groups=there != {"all"})
    missing: dict[str, list[str]] = defaultdict(list)
    for m in measures:
        note = _SURVEYS if m.note.startswith(_ONE_SURVEY) else m.note
        if m.name not in measured and m.name not in missing[note]:
            missing[note].append(m.name)
    out.print()
    if small:
        out.print(f"[dim]too few people to show:[/] {escape(', '.join(small))}", highlight=False)
    told = _hidden(measures)
    if told["figures"]:
        said = "; ".join(f"{n:,} {why}" for why, n in told["reasons"].items())
        share = f"{told['figures']:,} of {told['of']:,} figures are not shown"
        out.print(f"[dim]{share}:[/] {said}", highlight=False)
    again(out, [m.note[m.note.index("as given") :] for m in measures if "as given" in m.note])
    for note, names in missing.items():
        if names:
            few = ", ".join(names[:_FEW])
            more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
            out.print(f"[dim]{escape(note)}:[/] {few}{more}", highlight=False)
    for note in found.taken.notes:
        out.print(f"[yellow]![/] {escape(note)}", highlight=False)
    out.print("[dim]what each measure is: keepwell outcomes measures --list[/]")
    if out_file is not None:
        out.print(f"{len(measures):,} figures in {out_file}", highlight=False)


def _hidden(measures: Sequence["Measure"]) -> dict[str, Any]:
    """Count the figures that are not shown, of all that could be, by what holds them back."""
    hidden = Counter(m.note for m in measures if m.hidden)
    shown = sum(m.shown for m in measures)
    count = hidden.total()
    return {"figures": count, "of": count + shown, "reasons": dict(hidden.most_common())}


def _draw_one(
    out: Console, family: str, measures: Sequence["Measure"], *, with_groups: bool
) -> None:
    groups = ("group",) if with_groups else ()
    first = 1 + len(groups)
    drawn = table(
        family, *groups, "value", "95 %", "n", "people", "", numbers=range(first, first + 4)
    )
    drawn.columns[0].min_width = max(len(m.name) for m in measures)
    for m in measures:
        group = (escape(m.segment),) if with_groups else ()
        if m.value is None:
            drawn.add_row(m.name, *group, "—", "", "", "", f"[dim]{escape(m.note)}[/]")
            continue
        low, high = _number(m.value.low, m.unit), _number(m.value.high, m.unit)
        drawn.add_row(
            m.name,
            *group,
            f"{_number(m.value.value, m.unit)}{_suffix(m.unit)}",
            f"{low} – {high}",
            _fraction(m),
            "" if m.people is None else f"{m.people:,}",
            f"[dim]{escape(m.note)}[/]",
        )
    out.print(drawn)


def _draw_series(
    out: Console,
    family: str,
    measures: Sequence["Measure"],
    found: "HomeMeasures",
    *,
    with_groups: bool,
) -> None:
    last = found.periods[-_WIDEST:]
    groups = ("group",) if with_groups else ()
    first = 1 + len(groups)
    labels = [p.label for p in last]
    drawn = table(family, *groups, *labels, numbers=range(first, first + len(labels)))
    drawn.columns[0].min_width = max(len(m.name) for m in measures)
    lines: dict[tuple[str, str], dict[str, Measure]] = defaultdict(dict)
    for m in measures:
        lines[m.name, m.segment][m.period.label] = m
    for (name, segment), cells in lines.items():
        if not any(label in cells for label in labels):
            continue
        group = (escape(segment),) if with_groups else ()
        drawn.add_row(name, *group, *(_cell(cells.get(label)) for label in labels))
    out.print(drawn)


def _cell(m: "Measure | None") -> str:
    if m is None or m.value is None:
        return "[dim]hidden[/]" if m is not None and m.hidden else "[dim]—[/]"
    low, high = _number(m.value.low, m.unit), _number(m.value.high, m.unit)
    return f"{_number(m.value.value, m.unit)}{_suffix(m.unit)} [dim]{low}–{high}[/]"


def _fraction(m: "Measure") -> str:
    if m.numerator is None or m.denominator is None:
        return ""
    return f"{_amount(m.numerator)} ÷ {_amount(m.denominator)}"


def _amount(x: float) -> str:
    return f"{x:,.0f}" if x == round(x) or abs(x) >= 1000 else f"{x:,.4g}"


def _number(x: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * x:.1f}"
    if unit == "count":
        return f"{x:,.0f}"
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:,.2f}"


def _suffix(unit: str) -> str:
    if unit == "share":
        return " %"
    known = {"hours": " h", "seconds": " s", "per quarter": " /qtr"}
    plain = ("count", "money", "points", "0–100", "ratio", "per person", "total")
    return known.get(unit, "" if unit in plain else f" {unit}")


def _by_family(found: Sequence["Definition | Measure"]) -> Mapping[str, list]:  # type: ignore[type-arg]
    families: dict[str, list[object]] = defaultdict(list)
    for each in found:
        families[each.family].append(each)
    return families


def _flat(row: Mapping[str, object]) -> dict[str, object]:
    """One figure as columns: value, low and high beside each other."""
    bounds = row["value"] if isinstance(row["value"], Mapping) else {}
    found = {}
    for name, each in row.items():
        if name == "value":
            found.update({part: bounds.get(part) for part in ("value", "low", "high")})
        else:
            found[name] = each
    return found


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write one figure a line; texts that a spreadsheet would calculate are made harmless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(rows[0]) if rows else []
    if path.suffix == ".csv":
        told = csv_text(names, ([row[name] for name in names] for row in rows), end="\n")
        path.write_text(told, encoding="utf-8", newline="")
        return
    import pyarrow as pa
    import pyarrow.parquet

    pa.parquet.write_table(pa.table({name: [row[name] for row in rows] for name in names}), path)
