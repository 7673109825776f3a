"""`keepwell experiment uplift`: whom did the treatment help more, and can that be used?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, table

if TYPE_CHECKING:
    from governance.intervals import Interval
    from serving.uplift import FileUplift
    from training.uplift.qini import Ranking

_NAMES = {
    "s_learner": "one model, arm as a column (S)",
    "t_learner": "one model per arm (T)",
    "x_learner": "models of imputed effects (X)",
    "t_regression": "one regression per arm",
}


@click.command("uplift")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--arm", required=True, help="The column that names each row's arm.")
@click.option("--control", required=True, help="The arm that was left alone.")
@click.option("--treatment", help="The arm to judge, when there are several.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    required=True,
    help="The one column to improve: a number, or yes and no.",
)
@click.option(
    "--covariate",
    "covariates",
    multiple=True,
    help="A column that was known before the draw; may be repeated.",
)
@click.option(
    "--known-before",
    is_flag=True,
    help="Every column but arm, outcome, unit and those left out was known before the draw.",
)
@click.option(
    "--leave-out",
    multiple=True,
    help="A column not to look at: another outcome, an id; may be repeated.",
)
@click.option("--unit", help="What was randomised, when that is more than a row.")
@click.option(
    "--randomised",
    metavar="TEXT",
    default="",
    help="How the arms were drawn; without it nothing is called an effect.",
)
@click.option(
    "--treated-share",
    type=float,
    default=0.5,
    show_default=True,
    help="The share of the two arms that the draw was to treat.",
)
@click.option("--folds", type=click.IntRange(2, 20), default=5, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--draws",
    type=click.IntRange(min=20),
    default=300,
    show_default=True,
    help="Resamples that give the intervals.",
)
@click.pass_obj
def uplift_command(
    session: Session,
    file: Path,
    arm: str,
    control: str,
    treatment: str | None,
    outcomes: tuple[str, ...],
    covariates: tuple[str, ...],
    known_before: bool,
    leave_out: tuple[str, ...],
    unit: str | None,
    randomised: str,
    treated_share: float,
    folds: int,
    seed: int,
    draws: int,
) -> int:
    """Whom did the treatment help more than others, and can that be used to choose?"""
    from governance.errors import InvalidInput
    from serving.uplift import uplift_of_file

    if len(outcomes) > 1:
        raise InvalidInput(
            f"{len(outcomes)} outcomes were named ({', '.join(outcomes)}), one is judged at a time",
            hint="run it once per outcome",
        )
    with session.step("judging"):
        judged = uplift_of_file(
            file,
            arm=arm,
            control=control,
            treatment=treatment,
            outcome=outcomes[0],
            covariates=covariates,
            known_before=known_before,
            leave_out=leave_out,
            unit=unit,
            treated_share=treated_share,
            randomised=randomised,
            folds=folds,
            seed=seed,
            draws=draws,
        )
    session.emit(judged.to_json(), lambda out: _draw(out, judged))
    return 0 if judged.found.answered else 1


def _draw(out: Console, judged: "FileUplift") -> None:
    found = judged.found
    effect = found.effect
    people = ", ".join(f"{escape(name)} {count:,}" for name, count in found.arms.items())
    out.print(f"{escape(found.outcome)}: {people}", highlight=False)
    out.print(
        f"  {escape(found.treatment)} − {escape(found.control)}: "
        f"{effect.value:+.4g} ({effect.low:+.4g} … {effect.high:+.4g}) on average",
        highlight=False,
    )
    out.print()
    drawn = table(
        "whom to treat first", "Qini", "95 %", "top 30 % gain", "95 %", "", numbers=(1, 2, 3, 4)
    )
    drawn.add_row("[bold]the model[/]", *_cells(found.chosen), "")
    for name, each in found.learners.items():
        times = found.chosen_learners.get(name, 0)
        note = f"[dim]preferred in {times} folds[/]" if times else ""
        drawn.add_row(f"  {_NAMES[name]}", *_cells(each), note)
    rule = found.one_variable_rule
    drawn.add_row(f"rule: {escape(rule.rule)}", *_cells(rule.ranking), "")
    drawn.add_row("likeliest to respond", *_cells(found.response), "")
    low, high = found.null_band
    drawn.add_row("anybody, at random", "0.000", f"{low:.3f} … {high:.3f}", "", "", "")
    out.print(drawn)
    beside = found.differences["chosen"]
    out.print(f"  model − likeliest to respond: {_signed(beside.response)}", highlight=False)
    out.print(f"  model − rule: {_signed(beside.one_variable_rule)}", highlight=False)
    out.print()
    out.print(f"[bold]{found.verdict}[/]: {escape(found.sentence)}", highlight=False)
    for warning in found.warnings:
        out.print(f"[yellow]![/] {escape(warning)}", highlight=False)
    out.print("[dim]Qini: 1 ranks perfectly, 0 not at all; see docs/uplift.md[/]")


def _cells(found: "Ranking") -> tuple[str, str, str, str]:
    top = found.uplift_at_30
    return (
        f"{found.qini.value:.3f}",
        f"{found.qini.low:.3f} … {found.qini.high:.3f}",
        "—" if top is None else f"{top.value:+.4g}",
        "" if top is None else f"{top.low:+.4g} … {top.high:+.4g}",
    )


def _signed(found: "Interval") -> str:
    return f"{found.value:+.3f} ({found.low:+.3f} … {found.high:+.3f})"
