"""Looking at the models that serve, on the command line."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from governance.intervals import Interval
    from serving.watching.look import Look

ETHICS = "ethics"
_MARKS = {
    "fine": "[bold green]✓ fine[/]",
    "watch": "[bold yellow]! watch[/]",
    "retrain": "[bold red]✗ retrain[/]",
}


def _now() -> datetime:
    return datetime.now(UTC)


@click.command("monitor")
@click.argument("target", required=False)
@click.argument("of", required=False, metavar="[TARGET]")
@click.option("--as-of", help="Look as things were known then; permission is judged now.")
@click.pass_obj
def monitor_command(session: Session, target: str | None, of: str | None, as_of: str | None) -> int:
    """Drift, expected and realised performance of the models that serve; all of them, or one.

    `keepwell monitor ethics [TARGET]` tells refusals, withdrawals, complaints, contested decisions,
    approval times and how groups fare instead, of the last twelve whole months.

    Exit code 1 where a model should be trained again.
    """
    if target == ETHICS:
        from serving.cli.ethics import show_ethics

        return show_ethics(session, of)
    if of is not None:
        raise click.UsageError("one target at a time, or none for all")
    from governance.errors import InsufficientData, InvalidInput
    from governance.instants import parse_instant
    from governance.review.reviews import champion
    from serving.watching.monitoring import monitor
    from training.watch.standing import STATUSES

    started = time.perf_counter()
    with session.open() as keepwell, session.step("looking at the models") as progress:
        instant = parse_instant(as_of, keepwell.settings.zone) if as_of else None
        if instant is not None and instant > _now():
            raise InvalidInput("as_of lies in the future", hint="leave it out to look at now")
        if target is None:
            with keepwell.database.read() as conn:
                names = [n for n in keepwell.targets if champion(conn, n, now=_now()) is not None]
        else:
            names = [keepwell.target(target).name]
        if not names:
            raise InsufficientData(
                "no model serves", hint="keepwell train churn, then keepwell review approve churn"
            )
        looks = [
            monitor(keepwell, keepwell.target(n), clock=_now, as_of=instant, progress=progress)
            for n in names
        ]
        kind = keepwell.kind
    worst = max(looks, key=lambda look: STATUSES.index(look.standing.status))
    seconds = round(time.perf_counter() - started, 3)
    document: dict[str, Any] = {**worst.to_json(), "home": kind, "seconds": seconds}
    if len(looks) > 1:
        document["models"] = [look.to_json() for look in looks]
    session.emit(document, lambda out: _draw(out, looks, seconds))
    return 1 if worst.standing.status == "retrain" else 0


def _draw(out: Console, looks: "Sequence[Look]", seconds: float) -> None:
    for look in looks:
        _draw_look(out, look)
    facts(out, [("seconds", f"{seconds:.1f}")])


def _draw_look(out: Console, look: "Look") -> None:
    out.print(
        f"{_MARKS[look.standing.status]}  [bold]{escape(look.target)}[/] {look.model_digest[:12]} "
        f"[dim]{look.people:,} people, as of {look.as_of:%Y-%m-%d}[/]",
        highlight=False,
    )
    for reason in look.standing.reasons:
        out.print(f"    • {reason}", highlight=False, markup=False)
    _draw_drift(out, look)
    lines: list[tuple[str, object]] = []
    if look.expected is None:
        lines.append(("expected", "cannot say: under 100 people can be scored now"))
    else:
        lines.append(
            (
                "expected",
                f"AUC {_span(look.expected.auc)}, lift at 10 % {_span(look.expected.lift_at_10)}",
            )
        )
        lines.append(("", look.expected.assumption))
    came = look.realised
    said = came.verdict.replace("_", " ")
    if came.auc is None:
        lines.append(("realised", f"{said}: {came.reason}"))
    else:
        lines.append(("realised", f"{said}: AUC {_span(came.auc)} over {came.people:,} people"))
        lines.append(
            (
                "",
                f"{_span(came.auc_change)} against the test; "
                f"observed − predicted {_span(came.gap)}",
            )
        )
    if came.treated.people:
        gap = _span(came.treated.gap)
        lines.append(("contacted", f"{came.treated.people:,}, apart: observed − predicted {gap}"))
    facts(out, lines)


def _draw_drift(out: Console, look: "Look") -> None:
    drift = look.drift
    if drift is None:
        return
    if drift.weighted_psi is None:
        facts(out, [("drift", f"cannot say: {drift.people} people, 100 are needed")])
        return
    told = drift.named("shifted", "gone", "moving")
    if told:
        drawn = table("feature", "", "PSI", "missing", "weighs", numbers=(2, 3, 4))
        for each in told[:10]:
            missing = "" if each.missing is None else f"{each.missing.value:+.0%}"
            drawn.add_row(
                each.feature, each.outcome, _span(each.psi), missing, f"{each.weight:.1%}"
            )
        out.print(drawn)
        if len(told) > 10:
            out.print(f"    and {len(told) - 10} more", style="dim", highlight=False)
    season = drift.season.outcome.replace("_", " ")
    facts(
        out,
        [
            ("features", f"{len(told)} of {len(drift.features)} not steady"),
            ("weighted PSI", f"{drift.weighted_psi:.3f}"),
            ("scores", f"{drift.scores.outcome}, PSI {_span(drift.scores.psi)}"),
            ("season", season),
        ],
    )


def _span(found: "Interval | None") -> str:
    return "" if found is None else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
