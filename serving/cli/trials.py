"""Experiments of playbooks on the command line: lift, looks, return."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.console import Session, facts

if TYPE_CHECKING:
    from serving.trials.roi import CostPer


def _now() -> datetime:
    return datetime.now(UTC)


_HORIZON = click.option(
    "--horizon-days",
    type=click.IntRange(1, 730),
    help="How long after the draw each person is followed.  [default: the plan's, else 90]",
)
_FILE = click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that holds the playbook, unless the home has it.",
)
_EXPERIMENT = click.option(
    "--experiment", help="One of the playbook's experiments; the newest, if not said."
)
_MARGIN_RATE = click.option(
    "--margin-rate",
    type=float,
    help="Margin per unit of net sales, such as 0.35; else margin_share of [costs].",
)
_INCENTIVE = click.option(
    "--incentive",
    type=float,
    help="What an incentive costs per person it was sent to, where prices do not show it.",
)


@click.command("lift")
@click.argument("playbook", required=False)
@_EXPERIMENT
@_HORIZON
@click.option(
    "--segment", "segments", multiple=True, metavar="ATTRIBUTE",
    help="Also within the groups of an attribute that profiles stated before the draw.",
)  # fmt: skip
@_MARGIN_RATE
@_INCENTIVE
@_FILE
@click.pass_obj
def lift_command(
    session: Session,
    playbook: str | None,
    experiment: str | None,
    horizon_days: int | None,
    segments: tuple[str, ...],
    margin_rate: float | None,
    incentive: float | None,
    file: Path | None,
) -> int:
    """What a playbook changed: treated less left alone, as drawn. Without a name: all experiments.

    Exit code 1 where nothing can be said of the outcome it is about.
    """
    from serving.cli.trial_view import draw_experiments, draw_lift
    from serving.trials.document import experiment_document, lift_document
    from serving.trials.lift import lift_of
    from serving.trials.terms import money_terms

    if playbook is None:
        from serving.interventions.lots.experiments import list_experiments

        with session.open() as keepwell, keepwell.database.read() as conn:
            known = [experiment_document(each.at(_now())) for each in list_experiments(conn)]
        session.emit({"experiments": known}, lambda out: draw_experiments(out, known))
        return 0
    with session.open() as keepwell, session.step("comparing"):
        now = _now()
        found = lift_of(
            keepwell,
            playbook,
            experiment=experiment,
            horizon_days=horizon_days,
            file=file,
            segments=segments,
            money=money_terms(keepwell.settings, margin_rate=margin_rate, incentive=incentive),
            now=now,
        )
        document = {"home": keepwell.kind, **lift_document(found, today=now.date())}
    session.emit(document, lambda out: draw_lift(out, document))
    said = {each["outcome"]: each["raw"]["difference"] for each in document["outcomes"]}
    main = "retained" if found.plan is None else found.plan.plan.primary
    return 1 if document["verdict"] == "withheld" or said.get(main) is None else 0


@click.command("watch")
@click.argument("playbook", required=False)
@click.pass_obj
def watch_command(session: Session, playbook: str | None) -> None:
    """Look at running experiments; stop those that show clear benefit or harm.

    The service does this daily. After benefit nobody is left alone any more; after harm the
    playbook contacts nobody until a person resumes it.
    """
    from serving.cli.trial_view import draw_looks
    from serving.trials.watch import watch

    with session.open() as keepwell, session.step("looking"):
        found = [each._asdict() for each in watch(keepwell, now=_now(), playbook=playbook)]
    session.emit({"looks": found}, lambda out: draw_looks(out, found))


@click.command("resume")
@click.argument("playbook")
@click.option("--key", envvar="KEEPWELL_KEY", help="A key with the scope intervention:approve.")
@click.option("--reason", required=True, help="Why it may go on.")
@click.pass_obj
def resume_command(session: Session, playbook: str, key: str | None, reason: str) -> None:
    """Let a playbook whose experiment was stopped go on, with a new experiment."""
    from serving.interventions.lots.experiments import resume
    from serving.trials.document import experiment_document
    from serving.trials.plans import who

    with session.open() as keepwell, keepwell.database.write() as conn:
        now = _now()
        by = who(keepwell, conn, key, now=now)
        found = resume(conn, keepwell.ledger, playbook, by=by, reason=reason, now=now)
    session.emit(
        {**experiment_document(found), "resumed_by": by},
        lambda out: facts(out, [("resumed", playbook), ("by", by), ("next", "a new experiment")]),
    )


@click.command("roi")
@click.argument("playbook")
@click.option("--cost", type=float, required=True, help="What it costs: wages, tools and messages.")
@click.option(
    "--cost-per",
    type=click.Choice(["pilot", "month", "year"]),
    default="pilot",
    show_default=True,
    help="What that cost is for; monthly and yearly ones are brought to the pilot's length.",
)
@_EXPERIMENT
@_HORIZON
@_MARGIN_RATE
@_INCENTIVE
@click.option(
    "--service-cost", type=float, help="What one contact with service costs: ticket, call or chat."
)
@_FILE
@click.pass_obj
def roi_command(
    session: Session,
    playbook: str,
    cost: float,
    cost_per: "CostPer",
    experiment: str | None,
    horizon_days: int | None,
    margin_rate: float | None,
    incentive: float | None,
    service_cost: float | None,
    file: Path | None,
) -> int:
    """The return of a playbook's experiment: margin preserved and cost saved against its cost."""
    from serving.cli.trial_view import draw_roi
    from serving.trials.document import roi_document
    from serving.trials.roi import roi_of
    from serving.trials.terms import money_terms

    with session.open() as keepwell, session.step("working it out"):
        terms = money_terms(
            keepwell.settings,
            margin_rate=margin_rate,
            incentive=incentive,
            service_cost=service_cost,
        )
        found = roi_of(
            keepwell,
            playbook,
            cost=cost,
            cost_per=cost_per,
            money=terms,
            horizon_days=horizon_days,
            experiment=experiment,
            file=file,
            now=_now(),
        )
        document: dict[str, Any] = {"home": keepwell.kind, **roi_document(found)}
    session.emit(document, lambda out: draw_roi(out, document))
    return 1 if found.roi is None else 0
