"""Proposed contacts on the command line: read one, then say yes, change its words, or say no.

Whoever decides does so with a key of their own; a typed name is nobody's.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table
from serving.cli.interventions_view import draw_proposal, draw_rate

if TYPE_CHECKING:
    from serving.approval.several import Decided
    from serving.interventions.deciding.oversight import Change, Verdict
    from serving.interventions.delivery.desk import Desk

_MINUTE = "%Y-%m-%d %H:%M"
_STATUSES = (
    "proposed", "queued", "sent", "contested", "held_out", "rejected", "cancelled", "expired",
    "failed", "unknown",
)  # fmt: skip
_key = click.option(
    "--key",
    required=True,
    envvar="KEEPWELL_APPROVAL_KEY",
    help="Your own key with the scope intervention:approve; or KEEPWELL_APPROVAL_KEY.",
)
_several = click.argument("interventions", nargs=-1, required=True, metavar="ID…")
"""Ids, or as much of the beginning of one as no other has."""


def _now() -> datetime:
    return datetime.now(UTC)


@click.group("interventions")
def interventions_command() -> None:
    """Contacts: what waits for a person, read one, approve, change or reject it."""


@interventions_command.command("list")
@click.option("--waiting", is_flag=True, help="Only those that wait for a person.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only those that stand so.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True)
@click.option("--after", help="The last id of the page before.")
@click.pass_obj
def list_command(
    session: Session, waiting: bool, status: str | None, limit: int, after: str | None
) -> None:
    """Contacts, the newest first: who decided, and how they stand."""
    from serving.interventions.deciding.views import list_interventions, without_refused

    now = _now()
    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_interventions(
            conn, limit=limit, after=after, status=status, waiting_at=now if waiting else None
        )
        found = without_refused(conn, keepwell.registry, found, now=now)

    def view(out: Console) -> None:
        drawn = table("intervention", "customer", "playbook", "status", "proposed", "valid until")
        for each in found:
            drawn.add_row(
                each.intervention_id,
                escape(each.customer_id),
                each.playbook,
                each.status.replace("_", " "),
                f"{each.created_at:{_MINUTE}}",
                f"{each.valid_until:{_MINUTE}}",
            )
        out.print(drawn if found else "nothing waits for a person" if waiting else "none")

    shaped = [each.to_json(may_see_refusals=True, sees_scores=True) for each in found]
    session.emit({"interventions": shaped}, view)


@interventions_command.command("show")
@_several
@click.pass_obj
def show_command(session: Session, interventions: Sequence[str]) -> None:
    """One contact: why, the person's history in short, and the very message that would leave.

    That it was opened is noted: reports say how long contacts lay before whoever decided.
    """
    from serving.approval.proposal import open_proposal
    from serving.interventions.delivery.desk import desk_of

    with session.open() as keepwell:
        desk = desk_of(keepwell)
        found = [
            open_proposal(keepwell, desk, each, to_decide=True, now=_now())
            for each in _full_ids(desk, interventions)
        ]

    def view(out: Console) -> None:
        for each in found:
            draw_proposal(out, each)

    everything = [
        each.to_json(sees_refusals=True, sees_scores=True, sees_history=True) for each in found
    ]
    session.emit(everything[0] if len(found) == 1 else {"interventions": everything}, view)


@interventions_command.command("approve")
@_several
@_key
@click.option("--reason", required=True, help="Why it is sensible, in a few words.")
@click.pass_obj
def approve_command(session: Session, interventions: Sequence[str], key: str, reason: str) -> int:
    """Say yes: it is queued if permission still holds. Several only after each was opened."""
    from serving.interventions.deciding.oversight import AS_PROPOSED

    return _decide(session, interventions, key, _yes(reason, AS_PROPOSED))


@interventions_command.command("change")
@click.argument("intervention", metavar="ID")
@_key
@click.option("--subject", help="The subject to send instead.")
@click.option("--body", help="The words to send instead.")
@click.option("--reason", required=True, help="Why the words were changed.")
@click.pass_obj
def change_command(
    session: Session,
    intervention: str,
    key: str,
    subject: str | None,
    body: str | None,
    reason: str,
) -> int:
    """Say yes to other words; those of the playbook are kept beside them."""
    from governance.errors import InvalidInput
    from serving.interventions.deciding.oversight import Change

    if subject is None and body is None:
        raise InvalidInput("nothing to change was given", hint="give --subject, --body or both")
    return _decide(session, [intervention], key, _yes(reason, Change(subject, body)))


@interventions_command.command("reject")
@_several
@_key
@click.option("--reason", required=True, help="Why not; it is how playbooks get better.")
@click.pass_obj
def reject_command(session: Session, interventions: Sequence[str], key: str, reason: str) -> int:
    """Say no: nothing is sent."""
    from serving.interventions.deciding.oversight import reject

    def act(desk: "Desk", intervention_id: str, approver: str) -> "Verdict":
        return reject(desk, intervention_id, approver=approver, reason=reason, now=_now())

    _decide(session, interventions, key, act)
    return 0


@interventions_command.command("rate")
@click.option(
    "--days", type=click.IntRange(1, 3_650), default=90, show_default=True, help="How far back."
)
@click.pass_obj
def rate_command(session: Session, days: int) -> None:
    """How people decided: overrides, waiting times, and how many were decided within seconds."""
    from serving.interventions.deciding.attention import oversight

    now = _now()
    since = now - timedelta(days=days)
    with session.open() as keepwell, keepwell.database.read() as conn:
        found = oversight(conn, now=now, since=since)
    session.emit({"since": since, **found._asdict()}, lambda out: draw_rate(out, found, days))


_Act = Callable[["Desk", str, str], "Verdict"]


def _yes(reason: str, change: "Change") -> _Act:
    from serving.interventions.deciding.oversight import approve

    def act(desk: "Desk", intervention_id: str, approver: str) -> "Verdict":
        return approve(
            desk, intervention_id, approver=approver, reason=reason, now=_now(), change=change
        )

    return act


def _decide(session: Session, ids: Sequence[str], key: str, act: _Act) -> int:
    """Decide on each, tell what came of it, and give 1 where any may not be contacted."""
    from serving.approval.several import decide_each
    from serving.cli.complaints import whose
    from serving.interventions.delivery.desk import desk_of

    with session.open() as keepwell:
        principal = whose(keepwell, key)
        principal.require("intervention:approve")
        desk = desk_of(keepwell)
        done = decide_each(
            desk, _full_ids(desk, ids), lambda each: act(desk, each, principal.owner)
        )
    session.emit(_told(done), lambda out: _draw(out, done))
    return 0 if all(each.verdict is not None and each.verdict.allowed for each in done.each) else 1


def _full_ids(desk: "Desk", given: Sequence[str]) -> list[str]:
    """Give the id that each begins, every one once."""
    from serving.interventions.deciding.views import full_id

    with desk.database.read() as conn:
        return list(dict.fromkeys(full_id(conn, each) for each in given))


def _told(done: "Decided") -> dict[str, Any]:
    results: list[dict[str, Any]] = [
        {"intervention_id": each.intervention_id, "problem": each.problem}
        if each.verdict is None
        else each.verdict.to_json(may_see_refusals=True)
        for each in done.each
    ]
    if len(results) == 1:
        return results[0]
    return {"results": results, "median_seconds": done.median_seconds, "quick": done.quick}


def _draw(out: Console, done: "Decided") -> None:
    for each in done.each:
        if each.verdict is None:
            out.print(f"[red]✗[/] {each.intervention_id} {escape(each.problem)}", highlight=False)
            continue
        told = [("intervention", each.intervention_id), ("status", each.verdict.status)]
        facts(out, told + ([("why", each.verdict.reason)] if each.verdict.reason else []))
        if each.verdict.pressing:
            phrases = escape(", ".join(each.verdict.pressing))
            out.print(f"[yellow]!  its words may press people:[/] {phrases}", highlight=False)
    if done.quick:
        n, of = done.quick, len(done.seconds)
        out.print(
            f"[yellow]{n} of {of} you did not open, or decided within ten seconds.[/] "
            "Reasons and a message cannot be read so fast; reports say how often that happens.",
            highlight=False,
        )
    elif done.median_seconds is not None and len(done.each) > 1:
        out.print(f"the median one lay before you for {done.median_seconds:,.0f} s", style="dim")
