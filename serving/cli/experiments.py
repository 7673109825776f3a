"""Randomised tests in tables, on the command line."""

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, table
from serving.cli.uplift import uplift_command


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
