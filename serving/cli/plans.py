"""Measurement plans on the command line: written, checked, frozen, shown."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from serving.interventions.playbooks.playbook import Playbook

_FILE = click.option(
    "--file",
    "playbooks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that holds the playbook, unless the home has it.",
)
_PLAN = click.argument("plan", type=click.Path(dir_okay=False, path_type=Path))


@click.group("plan")
def plan_command() -> None:
    """What is measured, on whom, until when and what then: frozen before the start."""


@plan_command.command("new")
@click.argument("playbook")
@_FILE
@click.pass_obj
def new_command(session: Session, playbook: str, playbooks: Path | None) -> None:
    """One page to fill in, as TOML on standard output."""
    from serving.home import Home
    from serving.interventions.playbooks.playbook import find_playbook, playbooks_of
    from serving.trials.plan_file import first_draft, write

    found = find_playbook(playbooks_of(Home(session.home.resolve()), playbooks), playbook)
    plan = first_draft(found, today=datetime.now(UTC).date())
    page = write(plan)
    there = _there(session, found)
    if there is not None and there < plan.people:
        session.note(
            f"this size cannot be reached now: {plan.people:,} people are needed, and at most "
            f"{there:,} qualify; a larger smallest_worthwhile, a known baseline or a wider band "
            "needs fewer, or brings more"
        )
    session.emit(
        {"plan": plan.to_json(), "people_there": there, "toml": page},
        lambda out: click.echo(page, nl=False),
    )


def _there(session: Session, playbook: "Playbook") -> int | None:
    """Give the most people the home has for a playbook now; None without a home, or if unclear."""
    from governance.errors import InvalidInput, NotFound
    from serving.home import Home
    from serving.trials.reach import most_people

    if not Home(session.home).keys.is_dir():
        return None
    with session.open(to_look=True) as keepwell:
        try:
            return most_people(keepwell, playbook, now=datetime.now(UTC))
        except (InvalidInput, NotFound):
            return None


@plan_command.command("check")
@_PLAN
@_FILE
@click.pass_obj
def check_command(session: Session, plan: Path, playbooks: Path | None) -> int:
    """Every mistake of a plan at once, and the people it needs. Exit code 1 where there is one."""
    from serving.home import Home
    from serving.interventions.playbooks.playbook import find_playbook, playbooks_of
    from serving.trials.plan_file import read_plan
    from serving.trials.plans import fits

    found = read_plan(plan)
    playbook = find_playbook(playbooks_of(Home(session.home.resolve()), playbooks), found.playbook)
    problems = [*found.problems(), *fits(found, playbook)]
    size = None if problems else found.needed()

    def view(out: Console) -> None:
        for problem in problems:
            out.print(f"  • {problem}", highlight=False, markup=False)
        if size is not None:
            facts(
                out,
                [
                    ("plan", f"{found.digest[:12]} holds"),
                    ("people", f"{found.people:,} planned, {size.people:,} needed"),
                    ("finds", f"{size.effect:+g} with chance {size.power:.0%}"),
                    ("next", f"keepwell outcomes plan freeze {plan.name} --key KEY"),
                ],
            )

    session.emit(
        {
            "plan_digest": found.digest,
            "problems": problems,
            "needed": None if size is None else size,
            "plan": found.to_json(),
        },
        view,
    )
    return 1 if problems else 0


@plan_command.command("freeze")
@_PLAN
@_FILE
@click.option("--key", envvar="KEEPWELL_KEY", help="A key with the scope intervention:approve.")
@click.pass_obj
def freeze_command(session: Session, plan: Path, playbooks: Path | None, key: str | None) -> None:
    """Write a plan down for good, its digest in the log, before its experiment starts."""
    from serving.home import Home
    from serving.interventions.playbooks.playbook import find_playbook, playbooks_of
    from serving.trials.document import plan_document
    from serving.trials.plan_file import read_plan
    from serving.trials.plans import freeze

    found = read_plan(plan)
    playbook = find_playbook(playbooks_of(Home(session.home.resolve()), playbooks), found.playbook)
    with session.open() as keepwell:
        frozen = freeze(keepwell, found, playbook, key=key, now=datetime.now(UTC))
    session.emit(
        plan_document(frozen),
        lambda out: facts(
            out,
            [
                ("frozen", frozen.plan_digest),
                ("by", frozen.frozen_by),
                ("next", f"keepwell playbooks run {frozen.playbook} --scores FILE.parquet"),
            ],
        ),
    )


@plan_command.command("show")
@click.argument("which", metavar="[PLAYBOOK|DIGEST]", required=False)
@click.pass_obj
def show_command(session: Session, which: str | None) -> None:
    """A frozen plan on one page; without a name, the list of all."""
    from serving.cli.trial_view import draw_plan
    from serving.trials.document import plan_document
    from serving.trials.plans import latest_plan, list_plans

    with session.open() as keepwell, keepwell.database.read() as conn:
        if which is not None:
            found = plan_document(latest_plan(conn, which))
            session.emit(found, lambda out: draw_plan(out, found))
            return
        plans = [plan_document(each) for each in list_plans(conn)]
    session.emit({"plans": plans}, lambda out: _list(out, plans))


def _list(out: Console, plans: list[dict[str, Any]]) -> None:
    if not plans:
        out.print("no plan is frozen: keepwell outcomes plan new PLAYBOOK > plan.toml")
        return
    drawn = table("plan", "playbook", "frozen", "by", "outcome", "experiment")
    for each in plans:
        drawn.add_row(
            each["plan_digest"][:12],
            each["playbook"],
            each["frozen_at"][:10],
            each["frozen_by"],
            each["plan"]["primary"],
            each["experiment"] or "not begun",
        )
    out.print(drawn)
