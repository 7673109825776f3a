"""`keepwell outcomes journey`: the emotional journey map as a heat map on the terminal."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from serving.cli.console import Session, again, table

if TYPE_CHECKING:
    from outcomes.journey.map import Journey, JourneyCell, Look, Told
    from outcomes.journey.worst import Worst

_LISTS = ("pains", "gains", "thinking", "doing")


@click.command("journey")
@click.option("--by", metavar="SEGMENT", help="Also by group: an attribute (country, plan).")
@click.option("--start", help="First instant; a year before the end, if not said.")
@click.option("--end", help="The end; the end of the history, if not said.")
@click.pass_obj
def journey_command(session: Session, by: str | None, start: str | None, end: str | None) -> None:
    """How customers fare at each stage and touchpoint, and which stage is worst, if one is."""
    from governance.instants import parse_instant
    from serving.journey import journey_json, journey_of

    with session.open() as keepwell, session.step("drawing the journey") as say:
        zone = keepwell.settings.zone
        found = journey_of(
            keepwell,
            now=datetime.now(UTC),
            start=parse_instant(start, zone) if start else None,
            end=parse_instant(end, zone) if end else None,
            by=by,
            progress=say if session.err.is_terminal else lambda said: None,
        )
        kind = keepwell.kind
    session.emit({"home": kind, **journey_json(found)}, lambda out: _draw(out, found))


def _draw(out: Console, found: "Journey") -> None:
    people = "too few people" if found.people is None else f"{found.people:,} people"
    out.print(f"[bold]The journey[/] {found.period.label}, {people}\n", highlight=False)
    if not found.cells:
        out.print("nobody was anywhere on it in this period")
        return
    for segment in found.segments:
        title = "everyone" if segment == "all" else f"{found.by} = {segment}"
        out.print(_heat_map(found, segment, title))
        out.print()
    for stage in found.stages:
        cell = found.cell(stage)
        if cell is not None and any(getattr(cell, field) for field in _LISTS):
            _draw_told(out, cell)
    for each in found.worst:
        _draw_worst(out, each)
    again(out, [cell.note for cell in found.cells if cell.note.startswith("as given")])
    colour = "Colour goes from bad (red) to good (green), with its 95 % interval beside it. "
    out.print(
        f"[dim]{colour if out.color_system else ''}"
        "Sentiment: only of those who permit it. Cells of too few people are not shown.[/]",
        highlight=False,
    )


def _heat_map(found: "Journey", segment: str, title: str) -> object:
    from serving.reporting.heat import SHADES

    titles = [shade.title for shade in SHADES.values()]
    drawn = table(escape(title), "people", "share", *titles, numbers=(1, 2))
    for cell in found.cells:
        if cell.segment != segment or (segment != "all" and cell.touchpoint != "all"):
            continue
        whole = cell.touchpoint == "all"
        name = Text(cell.stage, "bold") if whole else Text(f"  {cell.touchpoint}", "dim")
        if cell.hidden:
            drawn.add_row(name, Text("too few to show", "dim"), "", *[""] * len(SHADES))
            continue
        share = "" if cell.share is None else f"{100 * cell.share.value:.0f} %"
        looks = [_shaded(lens, cell.looks[lens]) for lens in SHADES]
        drawn.add_row(name, f"{cell.people:,}", share, *looks)
    return drawn


def _shaded(lens: str, look: "Look") -> Text:
    from serving.reporting.heat import absent, bounds, colour, is_dark, written

    if look.value is None:
        return Text("·" if not look.note else absent(look), "dim")
    rgb = colour(lens, look.value.value)
    ink = "white" if is_dark(rgb) else "black"
    style = f"bold {ink} on rgb({rgb[0]},{rgb[1]},{rgb[2]})"
    figure = Text(f" {written(lens, look.value.value):^7}", style)
    return Text.assemble(figure, (f" {bounds(lens, look.value)}", "dim"))


def _draw_told(out: Console, cell: "JourneyCell") -> None:
    out.print(Text(cell.stage, "bold"))
    signs = {"pains": ("−", "red"), "gains": ("+", "green"), "thinking": ("?", "cyan")}
    for field in _LISTS:
        told: tuple[Told, ...] = getattr(cell, field)
        if not told:
            continue
        sign, style = signs.get(field, ("›", "blue"))
        words = ", ".join(
            f"{each.name.replace('_', ' ')} {100 * each.share.value:.0f} %" for each in told
        )
        out.print(Text.assemble((f"  {sign} {field:<9}", style), words), soft_wrap=True)
    out.print()


def _draw_worst(out: Console, worst: "Worst") -> None:
    from serving.reporting.heat import SHADES

    name = SHADES[worst.lens].title
    if worst.stage is None:
        out.print(Text(f"{name}: no stage stands out; {worst.why}", "dim"), soft_wrap=True)
        return
    out.print(Text.assemble((f"{name}: ", "bold"), (worst.stage, "bold red"), f", {worst.why}"))
