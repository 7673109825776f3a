"""Refusals, withdrawals, complaints, appeals and groups over time, on the command line."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, table

if TYPE_CHECKING:
    from governance.audit.process_record import EthicsFigures, MonthlyCount
    from governance.intervals import Interval

_FEW = "[dim]too few to tell[/]"


def show_ethics(session: Session, target: str | None) -> int:
    """Tell what happened around the models in the last twelve whole months."""
    from serving.rights.ethics import ethics_figures

    now = datetime.now(UTC)
    with session.open() as keepwell, keepwell.database.read() as conn:
        name = None if target is None else keepwell.target(target).name
        if name is None and len(keepwell.targets) == 1:
            [name] = keepwell.targets
        found = ethics_figures(keepwell, conn, target=name, now=now)
    session.emit(found.to_json(), lambda out: _draw(out, found))
    return 0


def _draw(out: Console, found: "EthicsFigures") -> None:
    out.print(
        f"[bold]{found.since:%Y-%m} to {found.until - timedelta(days=1):%Y-%m}[/] "
        "[dim]whole months; what is under way is told when it is over[/]",
        highlight=False,
    )
    for title, counts in (
        ("refusals", found.refusals),
        ("withdrawals", found.withdrawals),
        ("objections", found.objections),
        ("complaints", found.complaints),
    ):
        _draw_counts(out, title, counts or ())
    _draw_requests(out, found)
    _draw_approvals(out, found)
    _draw_groups(out, found)
    for harm in found.harms or ():
        out.print(f"harm noted {harm.noted_at:%Y-%m-%d}: {escape(harm.text)}", highlight=False)


def _draw_counts(out: Console, title: str, counts: "Sequence[MonthlyCount]") -> None:
    if not counts:
        out.print(f"no {title}", style="dim")
        return
    drawn = table("month", title, "", numbers=(2,))
    for each in counts:
        drawn.add_row(each.month, each.name.replace("_", " "), _number(each.n))
    out.print(drawn)


def _draw_requests(out: Console, found: "EthicsFigures") -> None:
    if not found.requests:
        out.print("nobody contested a decision", style="dim")
        return
    drawn = table(
        "month", "contested", "received", "open", "upheld", "overturned", "overdue", "days",
        numbers=(2, 3, 4, 5, 6, 7),
    )  # fmt: skip
    for each in found.requests:
        numbers = (each.received, each.open, each.upheld, each.overturned, each.overdue)
        days = "" if each.median_days is None else f"{each.median_days:g}"
        drawn.add_row(each.month, each.kind, *map(_number, numbers), days)
    out.print(drawn)


def _draw_approvals(out: Console, found: "EthicsFigures") -> None:
    if not found.approvals:
        out.print("no person decided on a contact", style="dim")
        return
    drawn = table(
        "month", "as proposed", "changed", "rejected", "overridden", "minutes", "seconds", "quick",
        numbers=(1, 2, 3, 4, 5, 6, 7),
    )  # fmt: skip
    for each in found.approvals:
        counts = (each.approved, each.changed, each.rejected)
        times = (each.median_minutes, each.median_seconds)
        drawn.add_row(
            each.month,
            *map(_number, counts),
            _share(each.override_rate),
            *("" if found is None else f"{found:,.0f}" for found in times),
            _share(each.quick_rate),
        )
    out.print(drawn)
    out.print(
        "minutes a proposal waited, seconds it lay before whoever decided; quick: under ten "
        "seconds, or never opened",
        style="dim",
    )


def _draw_groups(out: Console, found: "EthicsFigures") -> None:
    if found.exposure is None:
        out.print(f"contacted and helped by group: {found.exposure_reason}", style="dim")
    else:
        drawn = table("group", "", "people", "contacted", "helped by", numbers=(2, 3, 4))
        for each in found.exposure:
            effect = "" if each.effect is None else _share(each.effect, signed=True)
            rate = _FEW if each.contact_rate is None else _share(each.contact_rate)
            drawn.add_row(each.attribute, escape(each.group), _number(each.n), rate, effect)
        out.print(drawn)
    failed = [each for each in found.gaps or () if each.verdict == "fail"]
    models = len({each.model_digest for each in found.gaps or ()})
    if models:
        out.print(
            f"group gaps over {models} audits: {len(failed)} beyond the limit; all of them: --json",
            highlight=False,
        )


def _number(n: int | None) -> str:
    return _FEW if n is None else f"{n:,}"


def _share(found: "Interval | None", *, signed: bool = False) -> str:
    if found is None:
        return ""
    value = f"{100 * found.value:+.1f}" if signed else f"{100 * found.value:.1f}"
    return f"{value} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"
