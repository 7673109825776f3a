"""Scores, replays and dossiers on the command line."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts

if TYPE_CHECKING:
    from serving.scoring.answers import CustomerScore, ScoreAnswer, TargetScore


def _now() -> datetime:
    return datetime.now(UTC)


@click.command("score")
@click.argument("customers", nargs=-1)
@click.option("--target", default="churn", show_default=True)
@click.option("--as-of", help="Use what was known then; permission is judged now all the same.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write everyone's scores, with reasons, to this Parquet file.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "spark"]),
    default="local",
    show_default=True,
    help="spark: on the [spark] master of keepwell.toml; needs Java, and --out.",
)
@click.pass_obj
def score_command(
    session: Session,
    customers: tuple[str, ...],
    target: str,
    as_of: str | None,
    out: Path | None,
    engine: str,
) -> None:
    """Score the customers named, or everyone, with reasons; only those who permit it."""
    from governance.errors import InvalidInput

    if "" in (each.strip() for each in customers):
        raise InvalidInput("an empty customer id was found", hint="name customers, or none for all")
    if out is not None and out.suffix != ".parquet":
        raise InvalidInput(f"{out.name} does not end in .parquet, and scores are Parquet")
    if engine != "local" and out is None:
        raise InvalidInput(f"--engine {engine} writes a file", hint="name it: --out FILE.parquet")
    if customers and out is None:
        _score_some(session, customers, target, as_of)
    else:
        _score_everyone(session, customers, target, as_of, out, engine)


def _instant(as_of: str | None, zone: tzinfo) -> datetime | None:
    from governance.errors import InvalidInput
    from governance.instants import parse_instant

    found = parse_instant(as_of, zone) if as_of else None
    if found is not None and found > _now():
        raise InvalidInput("as_of lies in the future", hint="leave it out to score now")
    return found


def _score_some(
    session: Session, customers: tuple[str, ...], target: str, as_of: str | None
) -> None:
    from serving.scoring.scorer import Scorer
    from serving.scoring.shapes import score_json

    started = _now()
    with session.open() as keepwell:
        instant = _instant(as_of, keepwell.settings.zone)
        scorer = Scorer(keepwell, clock=_now)
        answer = scorer.score(customers, targets=[target], as_of=instant, may_see_refusals=True)
        document = score_json(answer, keepwell.kind)
    counts = dict.fromkeys(("scored", "refused", "insufficient_data", "not_available"), 0)
    for each in answer.results:
        counts[each.status] += 1
    digests = {each.model_digest for each in answer.results if each.model_digest}
    session.emit(
        {
            **document,
            "scored": counts["scored"],
            "refused": counts["refused"],
            "insufficient_data": counts["insufficient_data"],
            "unknown": counts["not_available"],
            "out": None,
            "model_digest": next(iter(digests), None),
            "seconds": round((_now() - started).total_seconds(), 3),
        },
        lambda screen: _draw_answer(screen, answer),
    )


def _draw_answer(out: Console, answer: "ScoreAnswer") -> None:
    out.print(f"[dim]as things were known at {answer.as_of:%Y-%m-%d %H:%M} UTC[/]")
    for each in answer.results:
        _draw_customer(out, each)


def _draw_customer(out: Console, found: "CustomerScore") -> None:
    who, status = escape(found.customer_id), found.status.replace("_", " ")
    out.print(f"\n[bold]{who}[/]  {status}", highlight=False)
    if found.reason:
        out.print(f"  because: {found.reason.replace('_', ' ')}", highlight=False)
    for name, score in found.scores.items():
        if score.method == "rule":
            out.print(f"  {name}: {escape(str(score.rule))} [dim](rule, not model)[/]")
            continue
        out.print(
            f"  {name} within {score.horizon_days} days: [bold]{_percent(score.probability)}[/] "
            f"[dim]({_percent(score.low)} to {_percent(score.high)})[/]",
            highlight=False,
        )
        for line in _further(score):
            out.print(f"    {escape(line)}", highlight=False)
        for reason in score.reasons:
            arrow = "[red]▲[/]" if reason.contribution > 0 else "[green]▼[/]"
            out.print(
                f"    {arrow} {escape(reason.text)} [dim]· {escape(reason.group)}[/]",
                highlight=False,
            )
    out.print(f"  [dim]decision {found.decision_id}[/]", highlight=False)


def _further(score: "TargetScore") -> Iterator[str]:
    """Say the rest of what the target foretells, a line each."""
    found = score.outlook
    if found.horizons:
        spans = (
            f"within {each.horizon_days} days {_percent(each.probability)}"
            for each in found.horizons
        )
        yield "; ".join(spans)
    if found.days is not None:
        middle, low, high = (
            f"after {score.horizon_days} days" if each is None else f"day {each:.0f}"
            for each in found.days
        )
        yield f"half of all cases come by {middle}, nine in ten between {low} and {high}"
    if found.value is not None:
        low, high = (f"{each:,.2f}" for each in (found.value.low, found.value.high))
        yield (
            f"{found.value.expected:,.2f} {score.currency} expected within "
            f"{found.value.horizon_days} days; nine in ten times between {low} and {high}"
        )
    if found.categories:
        likely = (f"{each.category} {_percent(each.probability)}" for each in found.categories)
        yield f"if it comes, most likely {', '.join(likely)}"


def _percent(share: float | None) -> str:
    from serving.scoring.chance import percent

    return "?" if share is None else percent(share, space=" ")


def _score_everyone(
    session: Session,
    customers: tuple[str, ...],
    target: str,
    as_of: str | None,
    out: Path | None,
    engine: str,
) -> None:
    from serving.scoring.batch import score_everyone

    started = _now()
    with session.open() as keepwell, session.step("scoring") as progress:
        instant = _instant(as_of, keepwell.settings.zone)
        done = score_everyone(
            keepwell,
            keepwell.target(target),
            out=out,
            clock=_now,
            as_of=instant,
            customers=[keepwell.inside_id(each) for each in customers] or None,
            engine=engine,
            progress=progress,
        )
        kind = keepwell.kind
    payload: dict[str, Any] = {
        **done._asdict(),
        "home": kind,
        "seconds": round((_now() - started).total_seconds(), 3),
    }

    def view(screen: Console) -> None:
        pairs = []
        for name in ("scored", "refused", "insufficient_data", "unknown", "withdrew"):
            pairs.append((name.replace("_", " "), f"{payload[name]:,}"))
            if name == "refused":
                why = done.reasons.items()
                pairs += [(f"  {each.replace('_', ' ')}", f"{count:,}") for each, count in why]
        facts(screen, pairs)
        facts(screen, [("model", done.model_digest[:12]), ("out", out or "not written (--out)")])

    session.emit(payload, view)


@click.command("replay")
@click.argument("decision")
@click.pass_obj
def replay_command(session: Session, decision: str) -> int:
    """Recompute a past decision from the same event versions and the same model."""
    from serving.record.replay import replay

    with session.open() as keepwell:
        found = replay(keepwell, decision, now=_now())

    def view(out: Console) -> None:
        words = {
            "same": "[bold green]✓ the same, bit for bit[/]",
            "differs": "[bold red]✗ differs[/]",
            "cannot_say": "[bold yellow]? cannot say[/]",
        }
        out.print(words[found.outcome])
        for each in found.differences:
            out.print(f"  • {each}", highlight=False)

    session.emit(found._asdict(), view)
    return 0 if found.outcome == "same" else 1


@click.command("dossier")
@click.argument("decision")
@click.pass_obj
def dossier_command(session: Session, decision: str) -> None:
    """One printable page: notice agreed to, data, reasons, approver, replay."""
    from serving.record.dossier import write_dossier

    with session.open() as keepwell:
        html, json_file = write_dossier(keepwell, decision, now=_now())
    session.emit(
        {"html": html, "json": json_file},
        lambda out: facts(out, [("page", html), ("data", json_file)]),
    )
