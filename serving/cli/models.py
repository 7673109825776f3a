"""Training and signing models on the command line."""

import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from serving.cli.console import Session, facts, table
from serving.cli.evaluation import draw_evaluation, draw_figures, draw_proposal
from serving.cli.fairness import draw_fairness

if TYPE_CHECKING:
    from training.pipeline import TrainResult


@click.command("train")
@click.argument("target")
@click.option("--horizon-days", type=float, help="How far ahead to look; the settings' default.")
@click.option("--test-as-of", help="The instant to test at; the latest possible, if not said.")
@click.option("--trials", type=click.IntRange(1, 200), help="How many tree shapes to try.")
@click.option(
    "--split",
    "split_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For given labels: a file with customer_id and split (train or test).",
)
@click.option("--exclude", multiple=True, help="A feature to leave out; may be repeated.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--author", help="Who trains it, and may therefore not sign it. [this user]")
@click.option(
    "--mitigate",
    multiple=True,
    type=click.Choice(["threshold", "reweigh", "reduction"]),
    help="Try to narrow gaps between groups; may be repeated. Only reweigh is served, the others "
    "are told of in the report.",
)
@click.option(
    "--constraint",
    type=click.Choice(["equalized_odds", "demographic_parity", "true_positive_rate"]),
    help="With --mitigate: what is to come out alike.  [equalized_odds]",
)
@click.pass_obj
def train_command(
    session: Session,
    target: str,
    horizon_days: float | None,
    test_as_of: str | None,
    trials: int | None,
    split_file: Path | None,
    exclude: tuple[str, ...],
    seed: int,
    author: str | None,
    mitigate: tuple[str, ...],
    constraint: str | None,
) -> int:
    """Dataset, model, calibration, evaluation, MLflow, audit, gate; ends at a candidate."""
    from governance.errors import InvalidInput
    from governance.instants import parse_instant
    from serving.models import train_model
    from training.mitigation import CONSTRAINTS, Ask

    if constraint and not mitigate:
        raise InvalidInput("--constraint says what --mitigate is to even out, and is nothing alone")
    ask = Ask(mitigate, constraint or CONSTRAINTS[0]) if mitigate else None
    if horizon_days is not None and (horizon_days < 1 or horizon_days != int(horizon_days)):
        raise InvalidInput(f"horizon_days == {horizon_days:g}, must be whole days, >= 1")
    horizon = None if horizon_days is None else int(horizon_days)
    started = time.perf_counter()
    with session.open() as keepwell, session.step(f"training {target}") as progress:
        found = train_model(
            keepwell,
            keepwell.target(
                target, horizon_days=None if horizon_days is None else int(horizon_days)
            ),
            test_as_of=parse_instant(test_as_of, keepwell.settings.zone) if test_as_of else None,
            trials=trials,
            split_file=split_file,
            exclude=exclude,
            seed=seed,
            author=author,
            mitigate=ask,
            command=_command(
                target,
                seed=(seed,),
                horizon_days=(horizon,),
                test_as_of=(test_as_of,),
                trials=(trials,),
                split=(split_file.name if split_file else None,),
                exclude=exclude,
                mitigate=mitigate,
                constraint=(ask.constraint if ask else None,),
            ),
            now=datetime.now(UTC),
            progress=progress,
        )
    seconds = time.perf_counter() - started
    session.emit(found.to_json(seconds=seconds), lambda out: _draw_training(out, found, seconds))
    return 0 if found.verdict.outcome == "approved" else 1


def _command(target: str, **options: Sequence[object]) -> str:
    """Say what has to be typed for the same again; of a file its name, wherever it lay."""
    words = ["keepwell", "train", target]
    for name, values in options.items():
        for value in values:
            if value is not None:
                words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _draw_training(out: Console, found: "TrainResult", seconds: float) -> None:
    facts_of = found.facts
    drawn = table("left out at", "because", "rows", "customers", numbers=(2, 3))
    for each in facts_of.dropped:
        if each.rows:
            drawn.add_row(each.step, each.reason, f"{each.rows:,}", f"{each.customers:,}")
    out.print(drawn)
    out.print(
        f"\n[bold]{facts_of.rows:,}[/] rows of [bold]{facts_of.customers:,}[/] customers, "
        f"{len(facts_of.features)} features, {len(facts_of.cutoffs)} instants; {facts_of.split}\n",
        highlight=False,
    )
    draw_figures(
        out,
        {
            "this model": facts_of.test,
            **{f"within {days} days": each for days, each in facts_of.horizons.items()},
            **facts_of.baselines,
        },
        f"test of {facts_of.test.n:,} customers, {facts_of.test.positives:,} with the outcome",
    )
    draw_evaluation(out, facts_of.evaluation)
    out.print("\n  weighs most: " + ", ".join(i.text for i in facts_of.importance[:5]))
    draw_fairness(out, found.fairness)
    mark = {"approved": "[bold green]✓ gate approved[/]", "refused": "[bold red]✗ gate refused[/]"}
    draw_proposal(out, facts_of.evaluation)
    out.print("\n" + mark.get(found.verdict.outcome, "[bold yellow]? not enough evidence[/]"))
    for reason in (*found.verdict.reasons, *found.verdict.conditions):
        out.print(f"    • {reason}", highlight=False, markup=False)
    facts(
        out,
        [
            ("model", facts_of.model_digest),
            ("audit report", found.written.html),
            ("seconds", f"{seconds:.1f}"),
            ("next", f"keepwell review approve {facts_of.target} --key KEY --reason TEXT"),
        ],
    )


@click.group("review")
def review_command() -> None:
    """List, approve or reject models with an enrolled key."""


@review_command.command("list")
@click.pass_obj
def list_command(session: Session) -> None:
    """Every model that was submitted, newest first."""
    from governance.review.candidates import list_models
    from governance.review.reviews import reviews_of

    with session.open() as keepwell, keepwell.database.read() as conn:
        found = list_models(conn)
        newest = {
            each.model_digest: next(iter(reviews_of(conn, each.model_digest)), None)
            for each in found
        }

    def view(out: Console) -> None:
        drawn = table(
            "model", "target", "made", "gate", "AUC", "status", "by", "until", numbers=(4,)
        )
        for each in found:
            last = newest[each.model_digest]
            drawn.add_row(
                each.model_digest[:12],
                each.target,
                f"{each.created_at:%Y-%m-%d %H:%M}",
                each.verdict.outcome,
                f"{each.facts.test.auc.value:.3f}",
                each.status,
                "" if last is None else escape(last.reviewer),
                "" if last is None else f"{last.expires_at:%Y-%m-%d}",
            )
        out.print(drawn if found else "no model yet; train one with: keepwell train churn")

    session.emit(
        {
            "models": [
                {
                    "model_digest": each.model_digest,
                    "target": each.target,
                    "created_at": each.created_at,
                    "gate": each.verdict.to_json(),
                    "status": each.status,
                    "auc": each.facts.test.auc,
                    "review": newest[each.model_digest],
                }
                for each in found
            ]
        },
        view,
    )


def _review(
    session: Session,
    model: str,
    outcome: str,
    key: str | None,
    reason: str,
    *,
    conditions: tuple[str, ...] = (),
    expires_in_days: int = 365,
) -> None:
    from serving.signing_desk import review_model

    with session.open() as keepwell, session.step("signing"):
        record, review = review_model(
            keepwell,
            model,
            outcome="approve" if outcome == "approve" else "reject",
            key=key,
            reason=reason,
            now=datetime.now(UTC),
            conditions=conditions,
            valid_for=timedelta(days=expires_in_days),
        )

    def view(out: Console) -> None:
        mark = "[green]✓ approved[/]" if outcome == "approve" else "[red]✗ rejected[/]"
        who = escape(review.reviewer)
        who += " — nobody reviewed this model" if review.self_signed else ""
        out.print(f"{mark} {record.model_digest[:12]} by {who}", highlight=False)
        out.print(f"  {review.reason}", style="dim", highlight=False, markup=False)
        for each in review.conditions:
            out.print(f"  on condition: {each}", highlight=False, markup=False)

    session.emit(
        {
            "model_digest": record.model_digest,
            "outcome": record.status,
            "reviewer": review.reviewer,
            "review_id": review.review_id,
            "self_signed": review.self_signed,
            "expires_at": review.expires_at,
            "conditions": review.conditions,
        },
        view,
    )


@review_command.command("approve")
@click.argument("model")
@click.option("--key", envvar="KEEPWELL_SIGNING_KEY", help="A key with the scope audit:sign.")
@click.option("--reason", default="", help="Why; part of what is signed.")
@click.option("--condition", "conditions", multiple=True, help="Approve on this; may be repeated.")
@click.option(
    "--expires-in-days",
    type=click.IntRange(1, 730),
    default=365,
    show_default=True,
    help="How long the approval holds.",
)
@click.pass_obj
def approve_command(
    session: Session,
    model: str,
    key: str | None,
    reason: str,
    conditions: tuple[str, ...],
    expires_in_days: int,
) -> None:
    """Sign a model so that it may serve. The author cannot sign.

    A demo or evaluation home signs without a key, and says so wherever the model appears.
    """
    _review(
        session, model, "approve", key, reason,
        conditions=conditions, expires_in_days=expires_in_days,
    )  # fmt: skip


@review_command.command("reject")
@click.argument("model")
@click.option("--key", envvar="KEEPWELL_SIGNING_KEY", help="A key with the scope audit:sign.")
@click.option("--reason", required=True, help="Why; part of what is signed.")
@click.pass_obj
def reject_command(session: Session, model: str, key: str | None, reason: str) -> None:
    """Refuse a model, with the reason; it does not serve, or no longer."""
    _review(session, model, "reject", key, reason)
