"""Playbooks on the command line: check them, see whom they would choose, put them to work."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from serving.cli.console import Session, facts, table


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("playbooks")
def playbooks_command() -> None:
    """Check playbooks; see who would be chosen, without acting."""


@playbooks_command.command("check")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def check_command(session: Session, file: Path | None) -> None:
    """Every mistake of a playbook file at once; the starter playbooks if no FILE is named."""
    from serving.interventions.playbooks import STARTERS, load_playbooks

    found = load_playbooks(file or STARTERS)

    def view(out: Console) -> None:
        drawn = table("playbook", "class", "channel", "for", "held out", "asks a person")
        for each in found:
            meant = f"{each.target} ≥ {each.min_probability:.0%}" if each.target else "its event"
            held = f"{each.holdout_share:.0%}" if each.kind == "outreach" else "nobody"
            asks = "yes" if each.needs_person else "no"
            drawn.add_row(each.name, each.kind, each.channel, meant, held, asks)
        out.print(drawn)

    session.emit({"playbooks": found, "problems": []}, view)


_SCORES = click.option(
    "--scores",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that `keepwell score --out` wrote.",
)
_FILE = click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that holds the playbook, unless it is one of the starters.",
)


@playbooks_command.command("simulate")
@click.argument("playbook")
@_SCORES
@_FILE
@click.pass_obj
def simulate_command(session: Session, playbook: str, scores: Path, file: Path | None) -> None:
    """Who would be chosen and why not the others, without acting or recording anything."""
    from serving.interventions.preview import preview

    with session.open() as keepwell, session.step("asking the policy"):
        found = preview(keepwell, playbook, scores, file=file, clock=_now)
    reasons = Counter(found.refused.values())

    def view(out: Console) -> None:
        facts(
            out,
            [
                ("would be chosen", f"{len(found.eligible):,}"),
                ("not meant for", f"{len(found.outside):,}"),
                ("left alone", f"{len(found.refused):,}"),
                *((f"  {reason}", f"{count:,}") for reason, count in reasons.most_common()),
            ],
        )

    session.emit(
        {
            "playbook": playbook,
            "chosen": [each.customer_id for each in found.eligible],
            "outside": len(found.outside),
            "refused": len(found.refused),
            "reasons": dict(reasons),
        },
        view,
    )


@playbooks_command.command("run")
@click.argument("playbook")
@_SCORES
@_FILE
@click.pass_obj
def run_command(session: Session, playbook: str, scores: Path, file: Path | None) -> None:
    """Decide and record who is contacted and who is held out; the service sends what was queued.

    The mode in keepwell.toml says what becomes of it: observe refuses, advise waits for a person's
    yes, act queues.
    """
    from serving.crm.contacts import run_playbook

    with session.open() as keepwell, session.step("asking the policy"):
        found = run_playbook(keepwell, playbook, scores, file=file, clock=_now)
        mode = keepwell.settings.mode
    counts = {name: found.count(name) for name in ("proposed", "queued", "held_out")}

    def view(out: Console) -> None:
        facts(
            out,
            [
                ("mode", mode),
                *((name.replace("_", " "), f"{count:,}") for name, count in counts.items()),
                ("not meant for", f"{found.outside:,}"),
                ("left alone", f"{sum(found.refused.values()):,}"),
                *((f"  {reason}", f"{count:,}") for reason, count in found.refused.items()),
            ],
        )

    session.emit(
        {
            "playbook": playbook,
            "mode": mode,
            **counts,
            "outside": found.outside,
            "refused": sum(found.refused.values()),
            "reasons": dict(found.refused),
        },
        view,
    )
