"""Keys on the command line: made, listed, rotated and revoked; a secret is shown once."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.console import Console

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from serving.access.auth import CreatedKey, KeyRecord
    from serving.bootstrap import Keepwell

_ONCE = "  This is the only time the key is shown. Keep it like a password."
_LONGEST_OVERLAP_H = 87_600  # ten years, as long as a key may be asked to live
_days = click.option("--expires-in-days", type=click.IntRange(1, 3650), help="When the key ends.")
_at = click.option("--expires-at", metavar="DATE", help="The same as a date or an instant.")
_enrolment = click.option(
    "--enrolment-key",
    envvar="KEEPWELL_ENROLMENT_KEY",
    help="Vouches for a signing key's owner; shown once by keepwell init.",
)


@click.group("keys")
def keys_command() -> None:
    """Create, list, rotate and revoke API and signing keys."""


@keys_command.command("create")
@click.option("--scope", "scopes", multiple=True, required=True, help="What the key may do.")
@click.option("--owner", default="operator", show_default=True, help="Whose key this is.")
@_days
@_at
@_enrolment
@click.pass_obj
def create_key_command(
    session: Session,
    scopes: tuple[str, ...],
    owner: str,
    expires_in_days: int | None,
    expires_at: str | None,
    enrolment_key: str | None,
) -> None:
    """Make a key. It is shown once; only its hash is kept.

    A key with the scope audit:sign is also its owner's signature on models. In a production home
    one made without the enrolment key approves nothing.
    """
    from serving.access.key_issue import issue_key

    now = datetime.now(UTC)
    with session.open() as keepwell:
        made = issue_key(
            keepwell, scopes, owner=owner, now=now,
            expires_at=_end(keepwell, expires_in_days, expires_at, now),
            enrolment_secret=enrolment_key,
        )  # fmt: skip

    def view(out: Console) -> None:
        _show(out, made)
        out.print(_ONCE, style="dim")

    session.emit(_payload(made), view)


@keys_command.command("list")
@click.pass_obj
def list_keys_command(session: Session) -> None:
    """Every key ever made, without its secret: how it begins, last use, end, successor."""
    from serving.access.auth import list_keys

    now = datetime.now(UTC)
    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_keys(conn)
        zone = keepwell.settings.zone

    def view(out: Console) -> None:
        drawn = table("key", "owner", "scopes", "made", "last used", "ends", "state")
        for each in found:
            drawn.add_row(
                each.prefix,
                each.owner,
                " ".join(each.scopes),
                f"{each.created_at.astimezone(zone):%Y-%m-%d}",
                f"{each.last_used_at.astimezone(zone):%Y-%m-%d}" if each.last_used_at else "never",
                f"{each.expires_at.astimezone(zone):%Y-%m-%d %H:%M}" if each.expires_at else "",
                _state(each, now),
            )
        out.print(drawn if found else "no keys yet; make one with: keepwell keys create")

    session.emit(
        {
            "keys": [
                {
                    "id": each.key_id,
                    **each._asdict(),
                    "prefix": each.prefix,
                    "state": each.state(now),
                }
                for each in found
            ]
        },
        view,
    )


@keys_command.command("rotate")
@click.argument("key_id")
@click.option(
    "--overlap-hours",
    type=click.FloatRange(min=0),
    help="How long the old key goes on working.  [default: 24; a signing key ends at once]",
)
@_days
@_at
@_enrolment
@click.pass_obj
def rotate_key_command(
    session: Session,
    key_id: str,
    overlap_hours: float | None,
    expires_in_days: int | None,
    expires_at: str | None,
    enrolment_key: str | None,
) -> None:
    """Give a key a successor with the same owner and scopes; both work during the overlap.

    Put the new key to use within the overlap; the old one then ends by itself. Without a date the
    new key lives as long as the old one was to. For a key that someone else may have seen, say
    --overlap-hours 0.
    """
    from serving.access.key_issue import replace_key

    now = datetime.now(UTC)
    with session.open() as keepwell:
        done = replace_key(
            keepwell, key_id, now=now,
            overlap=_overlap(overlap_hours),
            expires_at=_end(keepwell, expires_in_days, expires_at, now),
            enrolment_secret=enrolment_key,
        )  # fmt: skip
        zone = keepwell.settings.zone

    def view(out: Console) -> None:
        _show(out, done.successor)
        ends = f"{done.old_ends_at.astimezone(zone):%Y-%m-%d %H:%M}"
        works = "has ended" if done.old_ends_at <= now else f"works until {ends}"
        out.print(f"  The old key {key_id} {works}.", highlight=False)
        out.print(_ONCE, style="dim")

    session.emit(
        {
            **_payload(done.successor),
            "rotated_id": done.old_id,
            "rotated_ends_at": done.old_ends_at,
        },
        view,
    )


@keys_command.command("revoke")
@click.argument("key_id")
@click.pass_obj
def revoke_key_command(session: Session, key_id: str) -> None:
    """End a key at once, with what it could sign."""
    from serving.access.key_issue import end_key

    now = datetime.now(UTC)
    with session.open() as keepwell:
        end_key(keepwell, key_id, now=now)
    session.emit(
        {"id": key_id, "revoked_at": now},
        lambda out: out.print(f"[green]✓[/] key {key_id} is revoked", highlight=False),
    )


def _overlap(hours: float | None) -> timedelta | None:
    from governance.errors import InvalidInput

    if hours is None:
        return None
    if not 0 <= hours <= _LONGEST_OVERLAP_H:  # NaN is neither
        raise InvalidInput(
            f"an overlap of {hours:g} hours was asked for, expected 0 to {_LONGEST_OVERLAP_H:,}",
            hint="say --overlap-hours 24, for example",
        )
    return timedelta(hours=hours)


def _end(
    keepwell: "Keepwell", days: int | None, instant: str | None, now: datetime
) -> datetime | None:
    from governance.errors import InvalidInput
    from governance.instants import parse_instant

    if days is not None and instant is not None:
        raise InvalidInput("a key ends once", hint="give --expires-in-days or --expires-at")
    if instant is not None:
        return parse_instant(instant, keepwell.settings.zone)
    return None if days is None else now + timedelta(days=days)


def _payload(made: "CreatedKey") -> dict[str, object]:
    return {
        "id": made.key_id,
        "key": made.key,
        "scopes": made.scopes,
        "owner": made.owner,
        "expires_at": made.expires_at,
    }


def _show(out: Console, made: "CreatedKey") -> None:
    out.print(made.key, style="bold green", soft_wrap=True, highlight=False)
    lines = [("id", made.key_id), ("owner", made.owner), ("scopes", " ".join(made.scopes))]
    if made.expires_at is not None:
        lines.append(("ends", f"{made.expires_at:%Y-%m-%d %H:%M} UTC"))
    facts(out, lines)


def _state(key: "KeyRecord", now: datetime) -> str:
    state = key.state(now)
    return state if key.successor_id is None else f"{state}, replaced by {key.successor_id}"
