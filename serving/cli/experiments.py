"""Randomised tests in tables, on the command line."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from serving.cli.console import Session
from serving.cli.power import named_numbers, named_texts, power_command
from serving.cli.uplift import uplift_command


@click.group("experiment")
def experiment_command() -> None:
    """Plan a randomised test, and analyse any that stands in a table."""


experiment_command.add_command(power_command)
experiment_command.add_command(uplift_command)


@experiment_command.command("analyse")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--arm", required=True, help="The column that names each row's arm.")
@click.option("--control", required=True, help="The arm that was left alone.")
@click.option("--outcome", "outcomes", multiple=True, required=True, help="A column to compare.")
@click.option("--unit", help="What was randomised, when that is more than a row.")
@click.option(
    "--covariate", "covariates", multiple=True, help="A column that may narrow the intervals."
)
@click.option("--segment", "segments", multiple=True, help="A column to look within; exploratory.")
@click.option(
    "--known-before",
    multiple=True,
    metavar="COLUMN|all",
    help="This covariate or segment was known before anybody was assigned; all: every one was.",
)
@click.option(
    "--known-at",
    multiple=True,
    metavar="COLUMN=TIMECOLUMN",
    help="Which column holds when a covariate or segment was known; every row is checked.",
)
@click.option("--assigned-at", metavar="TIMECOLUMN", help="The column of times of assignment.")
@click.option(
    "--insist",
    "insisted",
    multiple=True,
    metavar="COLUMN",
    help="This column was known before although the arms differ in it: then the draw is broken.",
)
@click.option(
    "--good-is",
    type=click.Choice(["higher", "lower"]),
    default="higher",
    show_default=True,
    help="Which direction of the outcomes is good.",
)
@click.option(
    "--lower-is-better", multiple=True, metavar="OUTCOME", help="Of this outcome less is good."
)
@click.option(
    "--worthwhile",
    multiple=True,
    metavar="OUTCOME=SIZE",
    help="The smallest effect worth having, in the outcome's unit (0.02: two points).",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="ARM=SHARE",
    help="The share an arm was to have; say it of every arm.  [default: equal shares]",
)
@click.option(
    "--not-randomised",
    is_flag=True,
    help="Nobody was drawn by lot: associations are shown and nothing is called an effect.",
)
@click.option(
    "--running",
    is_flag=True,
    help="People still come in: intervals that hold however often somebody looks.",
)
@click.option(
    "--planned-units",
    type=click.IntRange(min=1),
    help="How many the running test is to have; chosen before the start.  [default: 10000]",
)
@click.option(
    "--level", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True,
    help="How sure the intervals are.",
)  # fmt: skip
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
    known_before: tuple[str, ...],
    known_at: tuple[str, ...],
    assigned_at: str | None,
    insisted: tuple[str, ...],
    good_is: str,
    lower_is_better: tuple[str, ...],
    worthwhile: tuple[str, ...],
    shares: tuple[str, ...],
    not_randomised: bool,
    running: bool,
    planned_units: int | None,
    level: float,
) -> int:
    """Did it help? Differences between arms, as assigned, with intervals and a verdict.

    Exit code 1 where the verdict is withheld or nobody was drawn by lot.
    """
    from governance.errors import InvalidInput
    from outcomes.experiment.analysis import Question, analyse
    from outcomes.experiment.document import to_document
    from outcomes.experiment.timing import Known
    from serving.cli.experiment_view import draw

    if planned_units is not None and not running:
        raise InvalidInput("--planned-units is for a running test", hint="say --running with it")
    known = Known(
        before=frozenset(known_before) - {"all"},
        all_before="all" in known_before,
        times=named_texts(known_at, "--known-at"),
        assigned_at=assigned_at,
        insisted=frozenset(insisted),
    )
    unsaid = known.unsaid(tuple(dict.fromkeys((*covariates, *segments))))
    if unsaid and is_known_before(session, unsaid):
        known = replace(known, before=known.before | set(unsaid))
    question = Question(
        arm=arm,
        control=control,
        outcomes=outcomes,
        unit=unit,
        covariates=covariates,
        segments=segments,
        known=known,
        intended=named_numbers(shares, "--share") or None,
        good_is="lower" if good_is == "lower" else "higher",
        lower_is_better=lower_is_better,
        worthwhile=named_numbers(worthwhile, "--worthwhile"),
        randomised=not not_randomised,
        running=running,
        level=level,
    )
    if planned_units is not None:
        question = replace(question, planned_units=planned_units)
    with session.step("analysing"):
        found = analyse(file, question)
    session.emit(to_document(found), lambda out: draw(out, found))
    return 0 if found.answered else 1


def is_known_before(session: Session, columns: Sequence[str]) -> bool:
    """Ask a person at a terminal; whoever is not there has said nothing."""
    if session.as_json or not (sys.stdin.isatty() and session.err.is_terminal):
        return False
    named = ", ".join(columns)
    return click.confirm(f"Known before anybody was assigned: {named}?", err=True)
