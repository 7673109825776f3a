"""Permissions on the command line: notices, proof of what was said, whole files, and counts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("notice")
def notice_group() -> None:
    """The words people are shown before they decide: publish, list, show."""


@notice_group.command("publish")
@click.argument("notice_id")
@click.option("--version", type=int, required=True, help="One more than the last; begins at 1.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The words, as plain text or Markdown.",
)
@click.option("--purpose", "purposes", multiple=True, help="What it asks for; may be repeated.")
@click.option("--material", is_flag=True, help="Earlier yeses stop until they are renewed.")
@click.option("--locale", default="en", show_default=True, help="The language of the words.")
@click.option("--expires-after-days", type=int, help="How long a yes given under it holds.")
@click.pass_obj
def publish_command(
    session: Session,
    notice_id: str,
    version: int,
    file: Path,
    purposes: tuple[str, ...],
    material: bool,
    locale: str,
    expires_after_days: int | None,
) -> None:
    """Publish words; from now on a yes to these purposes must refer to them.

    A further language of the same version needs only --file and --locale. Words once published
    cannot be changed: publish the next version.
    """
    from governance.errors import InvalidInput
    from serving.permission.notices import publish

    try:
        words = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{file.name} is not text in UTF-8") from None
    with session.open() as keepwell:
        notice = publish(
            keepwell,
            notice_id=notice_id,
            version=version,
            content=words,
            purposes=purposes,
            material=material,
            locale=locale,
            valid_for_days=expires_after_days,
            clock=_now,
        )

    def view(out: Console) -> None:
        out.print(f"[green]✓[/] {escape(notice_id)} {version} published in {escape(locale)}")
        if material and version > 1:
            out.print("[yellow]![/] earlier yeses permit nothing until they are renewed")

    session.emit(
        {
            "notice_id": notice_id,
            "version": version,
            "locale": locale,
            "sha256": notice.content_hash,
            "published_at": notice.published_at,
        },
        view,
    )


@notice_group.command("list")
@click.pass_obj
def list_command(session: Session) -> None:
    """Every published version, what it is about and whether it is in force."""
    from governance.consent.notices import list_notices
    from serving.permission.notices import notice_json

    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_notices(conn)

    def view(out: Console) -> None:
        if not found:
            out.print("no notice is published  → keepwell consent notice publish --help")
            return
        drawn = table("notice", "version", "published", "languages", "holds", "in force for")
        for each in found:
            drawn.add_row(
                escape(each.notice_id),
                f"{each.version}{' (material)' if each.material else ''}",
                f"{each.published_at:%Y-%m-%d}",
                ", ".join(text.locale for text in each.languages),
                "until withdrawn" if each.valid_for_days is None else f"{each.valid_for_days} days",
                ", ".join(each.current_for) or "–",
            )
        out.print(drawn)

    session.emit({"notices": [notice_json(each) for each in found]}, view)


@notice_group.command("show")
@click.argument("notice_id")
@click.option("--version", type=int, help="The newest, if none is named.")
@click.option("--locale", default="en", help="In this language where it exists.")
@click.pass_obj
def show_notice_command(session: Session, notice_id: str, version: int | None, locale: str) -> None:
    """The words of a notice, exactly as people were shown them."""
    from governance.consent.notices import require_version
    from serving.permission.notices import notice_json

    with session.open() as keepwell, keepwell.database.read() as conn:
        found = require_version(conn, notice_id, version)
    words = found.words(locale)

    def view(out: Console) -> None:
        facts(
            out,
            [
                ("notice", f"{found.notice_id} {found.version}, {words.locale}"),
                ("about", ", ".join(found.purposes)),
                ("in force for", ", ".join(found.current_for) or "nothing any more"),
                ("sha256", words.content_hash),
            ],
        )
        out.print()
        out.print(words.content, highlight=False, markup=False)

    session.emit(notice_json(found), view)


@click.command("record")
@click.argument("customer")
@click.argument("event_id", required=False)
@click.pass_obj
def record_command(session: Session, customer: str, event_id: str | None) -> None:
    """The company's record of one recorded word (the newest, if none is named).

    ISO/IEC TS 27560 in JSON-LD: header, processing, parties, events, and what the GDPR adds.
    """
    _paper(session, "record", customer, event_id)


@click.command("receipt")
@click.argument("customer")
@click.argument("event_id", required=False)
@click.pass_obj
def receipt_command(session: Session, customer: str, event_id: str | None) -> None:
    """The customer's own copy of that record, to hand to them."""
    _paper(session, "receipt", customer, event_id)


def _paper(
    session: Session, kind: Literal["record", "receipt"], customer: str, event_id: str | None
) -> None:
    from serving.permission.consents import consent_paper

    with session.open() as keepwell, keepwell.database.read() as conn:
        document = consent_paper(
            keepwell, conn, kind, keepwell.inside_id(customer), event_id=event_id
        )
        if not keepwell.settings.controller.handling().is_complete:
            session.note(
                "[yellow]![/] who answers for the data is not stated: fill \\[controller] in "
                "keepwell.toml"
            )
    session.emit(document, lambda out: out.print_json(data=document))


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_command(session: Session, file: Path) -> None:
    """Bring in a file of answers; a yes without its own evidence is refused, the rest comes in."""
    from serving.permission.consent_files import read_consents, with_own_evidence
    from serving.permission.consents import record_all

    with session.open() as keepwell:
        read = read_consents(file, zone=keepwell.settings.zone, rename=keepwell.inside_id)
        with keepwell.database.read() as conn:
            read = with_own_evidence(conn, read)
        with session.step(f"recording {len(read.changes):,} answers"):
            done = record_all(keepwell, read.changes, clock=_now)
    reasons = {**read.unreadable, **read.unclear, **done.reasons}
    refused = done.refused + sum(read.unreadable.values())

    def view(out: Console) -> None:
        facts(
            out,
            [
                ("recorded", f"{done.recorded:,}"),
                ("of them a yes", f"{done.granted:,}"),
                ("known already", f"{done.known:,}"),
                ("refused", f"{refused:,}"),
            ],
        )
        for reason, count in reasons.items():
            out.print(f"  [yellow]![/] {count:,} × {escape(reason)}", highlight=False)

    session.emit(
        {
            "granted": done.granted,
            "recorded": done.recorded,
            "known": done.known,
            "refused": refused,
            "reasons": reasons,
        },
        view,
    )


@click.command("coverage")
@click.pass_obj
def coverage_command(session: Session) -> None:
    """How many people permit what, and why the others do not; small counts are not shown."""
    from serving.permission.coverage import read_coverage

    with session.open() as keepwell:
        found = read_coverage(keepwell, now=_now())
    told = found.to_json()

    def view(out: Console) -> None:
        drawn = table("purpose", "carried by", "permit", "share", "why the others do not")
        for each in told["purposes"]:
            share = "" if each["share"] is None else f"{each['share']:.0%}"
            drawn.add_row(
                each["purpose"], each["basis"], _count(each["permitted"]), share, _why(each)
            )
        out.print(f"of {_count(told['people'])} people")
        out.print(drawn)
        if found.hides:
            out.print(f"[dim]·  {told['hidden']}[/]")

    session.emit(told, view)


def _count(n: int | None) -> str:
    return "·" if n is None else f"{n:,}"


def _why(line: Mapping[str, Any]) -> str:
    return ", ".join(f"{_count(n)} {reason}" for reason, n in line["refused"].items())
