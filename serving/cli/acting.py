"""Playbooks, outcomes and experiments on the command line."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table
from serving.cli.measures import measures_command
from serving.cli.uplift import uplift_command


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("experiment")
def experiment_command() -> None:
    """Analyse any randomised test in a table."""


experiment_command.add_command(uplift_command)


@experiment_command.command("analyse")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--arm", required=True, help="The column that names each row's arm.")
@click.option("--control", required=True, help="The arm that was left alone.")
@click.option("--outcome", "outcomes", multiple=True, required=True, help="A column to compare.")
@click.option("--unit", help="What was randomised, when that is more than a row.")
@click.option("--covariate", "covariates", multiple=True, help="Measured before the start.")
@click.option("--segment", "segments", multiple=True, help="A column to look within; exploratory.")
@click.pass_obj
def analyse_command(
    session: Session,
    file: Path,
    arm: str,
    control: str,
    outcomes: tuple[str, ...],
    unit: str | None,
    covariates: tuple[str, ...],
    segments: tuple[str, ...],
) -> None:
    """Differences between arms, as assigned, with 95 % intervals."""
    from outcomes.experiment import Experiment, analyse

    with session.step("analysing"):
        found: Experiment = analyse(
            file,
            arm=arm,
            control=control,
            outcomes=outcomes,
            unit=unit,
            covariates=covariates,
            segments=segments,
        )

    def view(out: Console) -> None:
        arms = table("arm", "rows", numbers=(1,))
        for name, size in found.arms.items():
            arms.add_row(f"{name} (control)" if size.control else name, f"{size.rows:,}")
        out.print(arms)
        out.print()
        drawn = table("outcome", "arm", "difference", "95 % interval", "", numbers=(2, 3))
        for each in found.comparisons:
            plain = each.plain
            if plain.difference is None or plain.low is None or plain.high is None:
                drawn.add_row(each.outcome, each.arm, "—", "—", plain.verdict)
                continue
            interval = f"{plain.low:+.5f} … {plain.high:+.5f}"
            drawn.add_row(
                each.outcome, each.arm, f"{plain.difference:+.5f}", interval, plain.verdict
            )
        out.print(drawn)
        for warning in found.warnings:
            out.print(f"[yellow]![/] {escape(warning)}", highlight=False)

    session.emit(found.to_json(), view)


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


@click.group("outcomes")
def outcomes_command() -> None:
    """Did it help? Measures and lift."""


outcomes_command.add_command(measures_command)


@outcomes_command.command("lift")
@click.argument("playbook")
@click.option("--horizon-days", type=click.IntRange(min=1), default=90, show_default=True)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that holds the playbook, unless it is one of the starters.",
)
@click.pass_obj
def lift_command(session: Session, playbook: str, horizon_days: int, file: Path | None) -> int:
    """Treated minus held out, as assigned, for people whose horizon is over."""
    from serving.figures import lift_of

    with session.open() as keepwell, session.step("comparing"):
        found = lift_of(keepwell, playbook, horizon_days=horizon_days, file=file, now=_now())
    d = found.retained
    known = d.difference is not None and d.low is not None and d.high is not None

    def view(out: Console) -> None:
        out.print(f"{found.playbook}: ordered again within {found.horizon_days} days")
        if known:
            out.print(
                f"  treated − held out: [bold]{100 * (d.difference or 0):+.1f}[/] points "
                f"({100 * (d.low or 0):+.1f} … {100 * (d.high or 0):+.1f})",
                highlight=False,
            )
        out.print(f"  {d.verdict}; {found.waiting:,} people still within their horizon")
        if found.note:
            out.print(f"  [dim]{found.note}[/]")

    session.emit(found._asdict(), view)
    return 0 if known else 1
