"""The `keepwell` command. Each command's code is imported only when it is called."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from governance.errors import KeepwellError

COMMANDS = {
    "demo": ("home", "A simulated company, from events to interventions, then served."),
    "init": ("home", "Make a home; with a FILE, import it and say what is at stake."),
    "import": ("data", "Bring your own data in through a mapping file."),
    "compact": ("history", "Put what came in live beside the imported history; merge files."),
    "consent": ("consent", "Who permitted what: yes and no, notices, proof, files, counts."),
    "customers": ("customers", "Ids that are one person, people who belong to accounts."),
    "features": ("data", "List the features, check your own, build the table alone."),
    "train": ("models", "From data to an audited candidate model."),
    "backtest": ("evaluation", "Train anew at past moments, test each one horizon later."),
    "evaluate": ("evaluation", "Someone else's scores beside ours on the same people."),
    "audit": ("audit", "The audit report of a model; check one without its home."),
    "review": ("models", "List, approve or reject models with an enrolled key."),
    "monitor": ("monitoring", "Whether the models that serve still hold, and what to do."),
    "score": ("scores", "Scores with reasons, permission enforced."),
    "what-if": ("whatif", "What the score would be with some things otherwise."),
    "wellbeing": ("wellbeing", "How customers and groups are faring, with permission."),
    "serve": ("home", "The scoring service: API and pages."),
    "dossier": ("scores", "One printable page about a decision."),
    "replay": ("scores", "Recompute a past decision."),
    "ledger": ("records", "Verify the log; export its signed head."),
    "rights": ("rights", "Export, erasure, objection; contested decisions, complaints, harms."),
    "retention": ("retention", "How long things are kept; let go of what is past its time."),
    "interventions": (
        "interventions",
        "Proposed contacts: read, approve, change or reject one.",
    ),
    "playbooks": ("playbooks", "Check playbooks; see who would be chosen, without acting."),
    "mode": ("mode", "How far Keepwell goes by itself; unlocked by evidence."),
    "outcomes": ("outcomes", "Did it help? Measures, lift, return, journey, reports."),
    "text": ("text", "What people wrote: tags, themes, search, a model of one's own."),
    "feedback": ("feedback", "What could be better, who mends it, whether it got better."),
    "experiment": ("experiments", "Analyse any randomised test in a table."),
    "crm": ("crm", "Fields, upload files and the weekly list for a CRM."),
    "webhook": ("webhook", "The secret your receiver checks with; a signed test message."),
    "messages": ("messages", "What waits to be sent or was given up; send it again."),
    "keys": ("keys", "Create, list, rotate and revoke API and signing keys."),
    "backup": ("backup", "One file that holds this home, taken while it is in use."),
    "restore": ("backup", "A new home from a backup, with what people asked for since."),
    "settings": ("settings", "What is set in this home, and where it comes from."),
    "doctor": ("home", "What is installed, configured and reachable, and what to do."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps without importing their code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one module that holds `cmd_name`."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"serving.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; for one that does not exist, name the nearest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"There is no command {args[0]!r}.{_nearest(args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="KEEPWELL_HOME",
    default=Path(),
    show_default="the current directory",
    help="Where everything a company owns lies.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
@click.version_option(package_name="keepwell", prog_name="keepwell")
@click.pass_context
def keepwell(ctx: click.Context, home: Path, as_json: bool) -> None:
    """Which customers are drifting away or faring worse, why, and did helping help?

    Asks permission before it acts, acts only within it, and proves the effect against a holdout.
    """
    from serving.caches import place_caches
    from serving.cli.console import Session

    place_caches(home.resolve())
    ctx.obj = Session(home=home.resolve(), as_json=as_json)


def main() -> None:
    """Run one command; every expected error becomes a sentence and an exit code, never a trace."""
    from governance.errors import KeepwellError

    as_json = "--json" in sys.argv
    try:
        code = keepwell.main(standalone_mode=False)
    except KeepwellError as error:
        from serving.cli.console import report_error

        code = report_error(error, as_json=as_json)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        code = 130
    except click.ClickException as found:
        usage = _in_front(found)
        if as_json:
            from serving.cli.console import print_json

            print_json({"error": {"code": "usage", "message": usage.format_message()}})
        usage.show(sys.stderr)
        code = 2
    except BrokenPipeError:
        code = 141  # whoever was reading stopped, and nobody can say how far this came
    except OSError as error:
        from governance.errors import InvalidInput
        from serving.cli.console import report_error

        if os.environ.get("KEEPWELL_DEBUG"):
            raise
        where = f" ({error.filename})" if error.filename else ""
        code = report_error(
            InvalidInput(
                f"{error.strerror or type(error).__name__}{where}",
                hint="check that the place exists, has room and may be written",
            ),
            as_json=as_json,
        )
    except Exception as error:
        if os.environ.get("KEEPWELL_DEBUG"):
            raise
        from serving.cli.console import report_error

        odd = any(0xDC80 <= ord(letter) <= 0xDCFF for word in sys.argv for letter in word)
        code = report_error(_undecodable() if odd else _unexpected(error), as_json=as_json)
    sys.exit(code if isinstance(code, int) else 0)


def _undecodable() -> "KeepwellError":
    from governance.errors import InvalidInput

    return InvalidInput(
        "an argument holds bytes that are not UTF-8, expected text",
        hint="write the id as it was imported, in a terminal that speaks UTF-8",
    )


def _nearest(name: str) -> str:
    """Give the end of a sentence: the command most like `name`, if one is."""
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _in_front(error: click.ClickException) -> click.ClickException:
    """Say of `--json` and `--home` after the command where they belong; leave other errors."""
    if isinstance(error, click.NoSuchOption) and error.option_name in ("--json", "--home"):
        name = error.option_name
        return click.UsageError(
            f"{name} stands before the command: put {name} right after keepwell.", error.ctx
        )
    return error


def _unexpected(error: Exception) -> "KeepwellError":
    """Name where it happened, but not what was being handled: that may be someone's data."""
    from governance.errors import KeepwellError

    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "?"
    return KeepwellError(
        f"something unexpected happened ({type(error).__name__} at {where})",
        hint="nothing half-done was kept; KEEPWELL_DEBUG=1 shows the details",
    )
