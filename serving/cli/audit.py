"""Audit reports on the command line: drawn afresh, and checked without any home."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from governance.audit.record import SignOff
    from governance.audit.seal import Verified

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}
_OWN_WORD = (
    "! you named no key: whoever made this file can have made the keys in it, too; "
    "compare with --public-key"
)
_TOLD = {
    "intact": "[green]✓ intact[/]: nothing was changed, and what is signed is what is shown",
    "unsigned": "[yellow]✓ unchanged, but not signed[/]: nobody has reviewed this model",
    "signed_only": "[yellow]! signed figures hold[/]: what your reviewer signed is what is shown; "
    "the rest is sealed by a key you did not name",
    "changed": "[bold red]✗ changed[/]: do not rely on this file",
}


class _ModelFirst(click.Group):
    """Takes what is none of its commands for a model: `audit churn` is `audit report churn`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `report` in front where no command is named."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["report", *args]
        return super().parse_args(ctx, args)


@click.group("audit", cls=_ModelFirst)
def audit_command() -> None:
    """The audit report of a model; `keepwell audit MODEL` is short for `audit report MODEL`."""


@audit_command.command("report")
@click.argument("model", required=False, default="churn")
@click.option("--card", is_flag=True, help="Write the model card, too (Markdown and HTML).")
@click.pass_obj
def report_command(session: Session, model: str, card: bool) -> None:
    """Draw the report of a model: a digest, the beginning of one, or a target's newest.

    Figures are those of the day it was judged; sign-offs, permission, drift, complaints and the
    like are today's. The page and its sealed JSON twin lie among the home's reports.
    """
    from serving.audit.drawing import draw_report

    with session.open() as keepwell, session.step(f"auditing {model}") as progress:
        drawn = draw_report(keepwell, model, now=datetime.now(UTC), card=card, progress=progress)
    found = drawn.report
    lines: list[tuple[str, object]] = [
        ("verdict", found.outcome),
        ("review", _reviewed(found.sign_offs)),
        ("report", drawn.html),
        ("data", drawn.twin),
    ]
    payload: dict[str, object] = {
        "verdict": found.outcome,
        "report_html": drawn.html,
        "report_json": drawn.twin,
        "model_digest": found.facts.model_digest,
    }
    if drawn.card is not None:
        lines += [("card", drawn.card), ("card, page", drawn.card_html)]
        payload |= {"card_md": drawn.card, "card_html": drawn.card_html}
    lines.append(("model", found.facts.model_digest))
    session.emit(payload, lambda out: facts(out, lines))


def _reviewed(sign_offs: Sequence["SignOff"]) -> str:
    if not sign_offs:
        return "nobody has signed yet"
    review, told = sign_offs[0].review, {"approve": "approved", "reject": "rejected"}
    if not sign_offs[0].fits:
        return f"the signature of {review.reviewer} does not fit: do not rely on it"
    return f"{told[review.outcome]} by {review.reviewer} on {review.signed_at:%Y-%m-%d}"


@audit_command.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    help="A key you know from elsewhere, in hex: the sealing key for the whole file, or a "
    "reviewer's for what that reviewer signed.",
)
@click.pass_obj
def verify_command(session: Session, file: Path, public_key: str | None) -> int:
    """Check the JSON twin of a report without its home: verdict, figures, signatures, seal.

    Exit code 1 when anything was changed, or when the key you know is only a reviewer's.
    """
    from governance.audit.seal import verify_report
    from governance.errors import InvalidInput

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{file.name} is not text", hint="give the .json file") from None
    found = verify_report(text, now=datetime.now(UTC), public_key=public_key)
    session.emit(found.to_json(), lambda out: _draw(out, found))
    return 0 if found.outcome in ("intact", "unsigned") else 1


def _draw(out: Console, found: "Verified") -> None:
    drawn = table("", "what", "found")
    for each in found.checks:
        drawn.add_row(_MARKS[each.holds], escape(each.what), escape(each.text))
    out.print(drawn)
    out.print(f"\n{_TOLD[found.outcome]}", highlight=False)
    if found.known_key is None and found.outcome != "changed":
        out.print(f"[yellow]{_OWN_WORD}[/]", highlight=False)
    facts(out, [("verdict", found.verdict), ("model", found.model_digest)])
