"""Making, showing, serving and examining a home on the command line."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from serving.new_home import MadeHome


def _now() -> datetime:
    return datetime.now(UTC)


@click.command("init")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--evaluation", is_flag=True, help="Pseudonymised data; contact is impossible for good."
)
@click.option("--yes", is_flag=True, help="Take the guessed mapping without asking.")
@click.option("--timezone", help="The home's time zone, for example Europe/Berlin.")
@click.option("--currency", help="The home's currency, for example EUR.")
@click.pass_obj
def init_command(
    session: Session,
    file: Path | None,
    evaluation: bool,
    yes: bool,
    timezone: str | None,
    currency: str | None,
) -> None:
    """Make a home. With a FILE of orders: guess how to read it, import it, and back-test.

    The back-test always runs on pseudonymised data in a home that cannot contact anyone.
    """
    from serving.new_home import make_home

    if file is not None and not session.home.is_dir():
        from serving.onboarding import propose  # brings training along: slow to import

        propose(file)  # a file that cannot be read this way makes no home
    made = make_home(
        session.home, evaluation=evaluation, timezone=timezone, currency=currency, now=_now()
    )
    told: dict[str, Any] = {"home": session.home, "kind": made.kind}
    if made.enrolment_key is not None:
        told["enrolment_key"] = made.enrolment_key
    if file is None:
        session.emit({**told, "mapping": None}, lambda out: _draw_new_home(out, session.home, made))
    else:
        _onboard(session, file, made, told, yes=yes)


def _onboard(
    session: Session, file: Path, made: "MadeHome", told: dict[str, Any], *, yes: bool
) -> None:
    """Bring a file in through the mapping that was guessed, once somebody said yes to it."""
    from serving.onboarding import MAPPING, onboard, propose

    proposal = propose(file, session.home)
    if session.as_json and not yes:
        session.note("nothing was imported: read the mapping, then say --yes")
        told |= {"mapping": session.home / MAPPING, "proposal": proposal, "import": None}
        session.emit(told, lambda _: None)
        return
    if not yes:
        session.err.print("\nThis is how the file would be read:\n", style="bold")
        session.err.print(proposal, highlight=False, markup=False)
        if not click.confirm("Import it like this?", default=False, err=True):
            session.note(f"nothing was imported; the mapping is kept in {session.home / MAPPING}")
            return
    with session.step("a first look") as progress:
        found = onboard(session.home, file, progress=progress, clock=_now)

    def view(out: Console) -> None:
        where = escape(str(session.home))
        out.print(f"\n[green]✓[/] {where} [dim]({found.kind} home)[/]", highlight=False)
        _draw_enrolment_key(out, made.enrolment_key)
        facts(
            out,
            [
                ("mapping", found.mapping),
                ("rows read", f"{found.imported.rows_read:,}"),
                ("events", f"{found.imported.events_written:,}"),
                ("customers", f"{found.imported.customers:,}"),
                ("rejected", f"{found.imported.rejected:,}"),
            ],
        )
        out.print()
        out.print(found.sentence, style="bold", highlight=False)
        for line in found.remarks:
            out.print(f"  {line}", style="dim", highlight=False)

    session.emit(told | found.to_json(), view)


def _draw_enrolment_key(out: Console, key: str | None) -> None:
    if key is None:
        return
    out.print(f"  enrolment key  [bold green]{key}[/]", highlight=False, soft_wrap=True)
    out.print(
        "  Shown this once. Whoever holds it decides who may sign models: give it to someone who "
        "trains none.",
        style="dim",
    )


def _draw_new_home(out: Console, home: Path, made: "MadeHome") -> None:
    kind = f"{'an' if made.kind == 'evaluation' else 'a'} {made.kind}"
    out.print(f"[green]✓[/] {escape(str(home))} is {kind} home", highlight=False)
    _draw_enrolment_key(out, made.enrolment_key)
    out.print("  next: keepwell import MAPPING --source FILE", style="dim", highlight=False)


@click.command("demo")
@click.option("--customers", type=click.IntRange(min=200), default=2000, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--no-serve", is_flag=True, help="Stop before serving.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.pass_obj
def demo_command(session: Session, customers: int, seed: int, no_serve: bool, port: int) -> None:
    """A simulated company, from events to interventions, end to end; then serve it."""
    from serving.demo import run_demo
    from serving.serve import become

    with session.step("a simulated company") as progress:
        story = run_demo(
            session.home, customers=customers, seed=seed, port=port, progress=progress, clock=_now
        )
    session.emit(story.to_json(), lambda out: _draw_demo(out, story.lines(), story.invitation()))
    if not no_serve:
        session.note("")  # it says itself where it serves, once the port is its own
        become(session.home, port=port)


def _draw_demo(out: Console, lines: Sequence[str], next_steps: Sequence[str]) -> None:
    for title, told in (
        ("What just happened[/] [dim](simulated people, real code)", lines),
        ("What to do now", next_steps),
    ):
        out.print(f"\n[bold]{title}[/]")
        for line in told:
            out.print(f"  • {line}", highlight=False, markup=False)


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.pass_obj
def serve_command(session: Session, host: str, port: int, workers: int) -> None:
    """The scoring service: API and pages."""
    from serving.serve import be_frugal, serve

    be_frugal()
    from serving.home import Home

    with session.open():
        pass  # a home that cannot be opened says so here, in words
    serve(
        Home(session.home), host=host, port=port, workers=workers,
        listening=lambda: session.note(f"serving http://{host}:{port} — stop with Ctrl-C"),
    )  # fmt: skip


@click.command("doctor")
@click.pass_obj
def doctor_command(session: Session) -> int:
    """What is installed, configured and reachable, and what to do about what is not."""
    from serving.doctor import examine

    checks = examine(session.home, now=_now())
    marks = {"ok": "[green]✓[/]", "attention": "[yellow]![/]", "missing": "[red]✗[/]"}

    def view(out: Console) -> None:
        drawn = table("", "", "found", "what to do")
        for each in checks:
            words = (escape(word) for word in (each.name, each.found, each.advice))
            drawn.add_row(marks[each.outcome], *words)
        out.print(drawn)

    session.emit({"checks": [each._asdict() for each in checks]}, view)
    return 1 if any(each.outcome == "missing" for each in checks) else 0
