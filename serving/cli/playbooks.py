"""Playbooks on the command line: check them, see whom they would choose, put them to work."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, table

if TYPE_CHECKING:
    from serving.bootstrap import Keepwell
    from serving.crm.contacts import PlaybookRun, Preview
    from serving.interventions.playbooks.home_checks import HomeCheck
    from serving.interventions.playbooks.playbook import Playbook


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("playbooks")
def playbooks_command() -> None:
    """Check playbooks; see who would be chosen, without acting."""


@playbooks_command.command("starters")
def starters_command() -> None:
    """Print the playbooks a home starts with, to be written to playbooks.toml and changed."""
    from serving.interventions.playbooks.playbook import STARTERS

    click.echo(STARTERS.read_text(encoding="utf-8"), nl=False)


@playbooks_command.command("check")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def check_command(ctx: click.Context, file: Path | None) -> None:
    """Every mistake of a playbook file at once; the home's own playbooks if no FILE is named.

    In a home the models are looked at, too: nothing commercial may rest on one that reads how
    people are faring.
    """
    from governance.errors import ConfigurationError
    from serving.cli.playbook_views import show_playbooks
    from serving.home import Home
    from serving.interventions.playbooks.playbook import playbooks_of

    session: Session = ctx.obj
    found = playbooks_of(Home(session.home), file)
    checked = _checked(session, found)
    if checked.problems:
        raise ConfigurationError(checked.problems, source=_source(session, file))
    session.emit(
        {
            "playbooks": found,
            "problems": [],
            "warnings": checked.warnings,
            "refused": checked.refused,
        },
        lambda out: show_playbooks(out, found, checked.warnings, checked.refused),
    )
    if checked.refused:
        ctx.exit(1)


def _source(session: Session, file: Path | None) -> str:
    return "playbooks.toml" if file is None else file.name


def _checked(session: Session, found: "Sequence[Playbook]") -> "HomeCheck":
    """Hold playbooks against the home, where there is one."""
    from serving.home import Home
    from serving.interventions.playbooks.home_checks import (
        HomeCheck,
        check_in_home,
        undeclared,
        warnings_of,
    )
    from serving.settings import Settings

    if not Home(session.home).keys.is_dir():
        session.note("no home here, so no models were looked at: keepwell --home DIR says which")
        targets, _ = Settings().declared_targets()
        return HomeCheck((), (*warnings_of(found), *undeclared(found, targets)), ())
    with session.open(to_look=True) as keepwell:
        return check_in_home(keepwell, found, now=_now())


_SCORES = click.option(
    "--scores",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that `keepwell score --out` wrote, for playbooks that answer a score; the home's "
    "own var/scores.parquet, if it is there.",
)
_CUSTOMERS = click.option(
    "--customers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with an id a line: whom an outage or a safety notice concerns.",
)
_FILE = click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that holds the playbook, instead of the home's own playbooks.",
)


@playbooks_command.command("simulate")
@click.argument("playbook")
@_SCORES
@_CUSTOMERS
@_FILE
@click.pass_obj
def simulate_command(
    session: Session,
    playbook: str,
    scores: Path | None,
    customers: Path | None,
    file: Path | None,
) -> None:
    """Who would be chosen and why not the others, without acting or recording anything.

    PLAYBOOK is a name, or a file whose playbooks are each looked at by themselves.
    """
    from governance.errors import InsufficientData, InvalidInput
    from serving.cli.playbook_views import show_preview
    from serving.crm.contacts import preview_playbook
    from serving.interventions.playbooks.playbook import find_playbook, load_playbooks, playbooks_of

    whole_file = playbook.endswith(".toml")
    previews: list[Preview] = []
    skipped: list[dict[str, str]] = []
    with session.open() as keepwell, session.step("asking the policy") as say:
        known = load_playbooks(Path(playbook)) if whole_file else playbooks_of(keepwell.home, file)
        wanted = known if whole_file else [find_playbook(known, playbook)]
        scores = scores or _own_scores(session, keepwell, wanted)
        for each in wanted:
            try:
                found = preview_playbook(
                    keepwell,
                    each,
                    scores=scores if each.target is not None or not whole_file else None,
                    customers=_ids(customers if _is_named(each) or not whole_file else None),
                    clock=_now,
                    progress=say,
                )
            except (InvalidInput, InsufficientData) as problem:
                if not whole_file:
                    raise
                skipped.append({"playbook": each.name, "why": problem.message})
            else:
                previews.append(found)
        currency = keepwell.settings.currency
    payloads = [_preview_json(each, currency) for each in previews]

    def view(out: Console) -> None:
        for place, each in enumerate(previews):
            if place:
                out.print()
            show_preview(out, each, currency)
        for left in skipped:
            out.print(f"[yellow]![/] {escape(left['why'])}", highlight=False, soft_wrap=True)

    session.emit(
        {"playbooks": payloads, "skipped": skipped} if whole_file else payloads[0],
        view,
    )


def _is_named(playbook: "Playbook") -> bool:
    """Whether whom it concerns is for a person to say."""
    return playbook.kind == "service" and playbook.stage is None


def _own_scores(
    session: Session, keepwell: "Keepwell", playbooks: "Sequence[Playbook]"
) -> Path | None:
    """Give the scores that lie in the home, where a playbook answers one; and say so."""
    found = keepwell.home.scores
    if not found.is_file() or all(each.target is None for each in playbooks):
        return None
    written = datetime.fromtimestamp(found.stat().st_mtime, UTC)
    session.note(f"takes the scores in var/{found.name}, written {written:%Y-%m-%d %H:%M} UTC")
    return found


def _ids(file: Path | None) -> list[str] | None:
    """Read an id a line; a first line that says customer_id is a heading."""
    if file is None:
        return None
    lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    if lines and lines[0] == "customer_id":
        del lines[0]
    return [line for line in lines if line]


def _preview_json(found: "Preview", currency: str) -> dict[str, Any]:
    refused = found.judged.refused
    return {
        "playbook": found.playbook.name,
        "mode": found.mode,
        "chosen": [each.customer_id for each in found.judged.eligible],
        "outside": len(found.judged.outside),
        "refused": len(refused),
        "reasons": dict(Counter(refused.values())),
        "not_looked_at": found.not_looked_at,
        "cost": found.cost,
        "currency": currency,
        "expected_effect": found.playbook.expected_effect,
        "expected_helped": found.expected,
        "sensitive_features": found.sensitive_features,
        "candidates": [
            {
                "customer_id": each.customer_id,
                "probability": each.probability,
                "level": each.level,
                "trigger": each.trigger.partition(" ")[0],
            }
            for each in found.judged.eligible
        ],
    }


@playbooks_command.command("run")
@click.argument("playbooks", nargs=-1, required=True)
@_SCORES
@_CUSTOMERS
@_FILE
@click.pass_obj
def run_command(
    session: Session,
    playbooks: tuple[str, ...],
    scores: Path | None,
    customers: Path | None,
    file: Path | None,
) -> None:
    """Decide and record who is contacted and who is held out; the service sends what was queued.

    Of several PLAYBOOKS together everyone gets at most one. The mode in force says what becomes of
    it: observe refuses, advise waits for a person's yes, act queues.
    """
    from serving.cli.playbook_views import show_run
    from serving.crm.contacts import run_playbooks
    from serving.interventions.playbooks.playbook import find_playbook, playbooks_of

    with session.open() as keepwell, session.step("asking the policy") as say:
        known = playbooks_of(keepwell.home, file)
        wanted = [find_playbook(known, name) for name in playbooks]
        runs = run_playbooks(
            keepwell,
            playbooks,
            file=file,
            scores=scores or _own_scores(session, keepwell, wanted),
            customers=_ids(customers),
            clock=_now,
            progress=say,
        )
    payloads = [_run_json(each) for each in runs]

    def view(out: Console) -> None:
        for place, (each, payload) in enumerate(zip(runs, payloads, strict=True)):
            if place:
                out.print()
            show_run(out, each, {name: payload[name] for name in _STATUSES})

    session.emit(payloads[0] if len(runs) == 1 else {"playbooks": payloads}, view)


_STATUSES = ("proposed", "queued", "held_out")


def _run_json(found: "PlaybookRun") -> dict[str, Any]:
    run = found.done
    return {
        "playbook": run.playbook,
        "mode": run.mode.effective,
        "mode_why": run.mode.why,
        **{name: run.count(name) for name in _STATUSES},
        "outside": run.outside,
        "refused": sum(run.refused.values()),
        "reasons": dict(run.refused),
        "not_looked_at": found.not_looked_at,
        "sensitive_features": found.sensitive_features,
        "chosen_by": run.count_chosen_by(),
        "choice": run.choice,
        "exposure": run.exposure.to_json(),
    }


@playbooks_command.command("answers")
@click.pass_obj
def answers_command(session: Session) -> None:
    """How many of those who were sent a survey have answered it, by playbook."""
    from serving.interventions.surveys.response_rates import response_rates

    with session.open(to_look=True) as keepwell, keepwell.database.read() as conn:
        permit = keepwell.registry.aggregate_permit(conn, "aggregate", now=_now())
        found = response_rates(conn, permit)
        least = permit.min_people

    def view(out: Console) -> None:
        if not found:
            out.print("no survey was sent yet")
            return
        drawn = table("playbook", "asks", "invited", "answered", "rate", numbers=(2, 3, 4))
        for each in found:
            if each.invited is None or each.rate is None:
                drawn.add_row(each.playbook, each.instrument, f"fewer than {least}", "", "")
                continue
            rate = f"{each.rate.value:.0%} [{each.rate.low:.0%}, {each.rate.high:.0%}]"
            numbers = f"{each.invited:,}", f"{each.answered:,}"
            drawn.add_row(each.playbook, each.instrument, *numbers, rate)
        out.print(drawn)

    session.emit({"surveys": found, "min_people": least}, view)
