"""`keepwell outcomes dashboard`: take the dashboard's figures now, as is done once a day anyway."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from serving.dashboard.look import DashboardLook


@click.command("dashboard")
@click.pass_obj
def dashboard_command(session: Session) -> None:
    """Take every figure of the dashboard anew, over every segment and period."""
    from serving.dashboard.look import take_look

    with session.open() as keepwell, session.step("taking the figures") as say:
        found = take_look(keepwell, clock=lambda: datetime.now(UTC), progress=say)
        kind = keepwell.kind
    payload = {
        "home": kind,
        "taken_at": found.taken_at,
        "cells": found.cells,
        "hidden": found.hidden,
        "notes": found.notes,
        "figures": [
            {
                "name": each.name,
                "layer": each.layer,
                "title": each.title,
                "cells": len(each.cells),
                "hidden": sum(cell.hidden for cell in each.cells),
                "segments": [segment for segment in each.segments if segment],
                "note": each.note,
            }
            for each in found.figures
        ],
    }
    session.emit(payload, lambda out: _draw(out, found))


def _draw(out: Console, found: "DashboardLook") -> None:
    drawn = table("", "layer", "cells", "held back", "", numbers=(2, 3))
    for each in found.figures:
        held = sum(cell.hidden for cell in each.cells)
        drawn.add_row(
            each.title,
            each.layer,
            f"{len(each.cells):,}" if each.cells else "—",
            f"{held:,}" if held else "",
            f"[dim]{each.note}[/]" if not each.cells else "",
        )
    out.print(drawn)
    facts(
        out,
        [
            ("taken at", f"{found.taken_at:%Y-%m-%d %H:%M} UTC"),
            ("cells", f"{found.cells:,}, of which {found.hidden:,} are held back"),
            ("see them at", "/staff/dashboard of `keepwell serve`"),
        ],
    )
    for note in found.notes:
        out.print(f"[yellow]![/] {note}", highlight=False)
