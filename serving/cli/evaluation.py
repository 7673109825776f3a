"""How good models are, on the command line: figures drawn, others' scores, past moments."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from serving.cli.console import Session, facts, table

if TYPE_CHECKING:
    from governance.intervals import Interval
    from governance.model.card import TestResult
    from governance.model.evaluation import CostCurve, Evaluation, Paired
    from serving.comparison import Comparison
    from training.backtest import Backtest
    from training.evaluation.pool import Pooled

_FIGURES = (
    ("auc", "AUC", 3),
    ("average_precision", "avg. precision", 3),
    ("log_loss", "log loss", 3),
    ("brier", "Brier", 3),
    ("ece", "ECE", 3),
    ("lift_at_10", "lift at 10 %", 2),
)
_MARKS = {
    "propose": "[bold green]✓ proposed[/]",
    "first": "[bold green]✓ the first of its target[/]",
    "keep_champion": "[bold yellow]≈ keep the champion[/]",
}


def draw_figures(out: Console, results: Mapping[str, "TestResult"], title: str) -> None:
    """Draw every figure with its 95 % interval, a line for each score."""
    drawn = table("95 % intervals", *(label for _, label, _ in _FIGURES), title=title)
    for name, test in results.items():
        drawn.add_row(
            name, *(_interval(test.interval(figure), digits) for figure, _, digits in _FIGURES)
        )
    out.print(drawn)


def draw_evaluation(out: Console, found: "Evaluation") -> None:
    """Draw what stands beside the plain figures: differences, returners, season, costs."""
    if found.paired:
        _draw_paired(out, {f"minus {name}": each for name, each in found.paired.items()})
    if found.other_outcome:
        drawn = table("for whom it does not come true", "AUC", "avg. precision", "lift at 10 %")
        for name, other in found.other_outcome.items():
            drawn.add_row(
                "this model" if name == "model" else name.replace("_", " "),
                _interval(other.auc, 3),
                _interval(other.average_precision, 3),
                _interval(other.lift_at_10, 2),
            )
        out.print()
        out.print(drawn)
    if found.season is not None and found.season.shifted:
        gap = found.season.gap
        out.print(
            f"\n  the season shifted: observed − predicted is {100 * gap.value:+.1f} points "
            f"[{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]; the probabilities are off by that",
            style="yellow", highlight=False, markup=False,
        )  # fmt: skip
    if found.costs is None:
        out.print("\n  net value: not computed, state [costs] in keepwell.toml", style="dim",
                  highlight=False, markup=False)  # fmt: skip
    else:
        _draw_costs(out, found.costs)


def draw_proposal(out: Console, found: "Evaluation") -> None:
    """Say whether the model is proposed in the place of the signed one."""
    if found.proposal is None:
        return
    out.print("\n" + _MARKS[found.proposal.outcome], highlight=False)
    out.print(f"    • {found.proposal.reason}", highlight=False, markup=False)


def _draw_costs(out: Console, found: "CostCurve") -> None:
    net = found.net
    out.print(
        f"\n  contacting the top {100 * found.share.value:.0f} % would have brought "
        f"{net.value:,.0f} {found.currency} [{net.low:,.0f}, {net.high:,.0f}]; everyone: "
        f"{found.everyone.value:,.0f} [{found.everyone.low:,.0f}, {found.everyone.high:,.0f}]; "
        "nobody: 0",
        highlight=False, markup=False,
    )  # fmt: skip
    if found.over_rule is not None:
        rule = found.over_rule
        out.print(
            f"  more than the recency rule at the same share: {rule.value:+,.0f} "
            f"[{rule.low:+,.0f}, {rule.high:+,.0f}]",
            highlight=False, markup=False,
        )  # fmt: skip


def _draw_paired(out: Console, differences: Mapping[str, "Paired"]) -> None:
    drawn = table("this model", "AUC", "log loss", "Brier")
    for name, each in differences.items():
        drawn.add_row(name.replace("_", " "), *(_signed(figure) for figure in each))
    out.print()
    out.print(drawn)


def _interval(found: "Interval", digits: int) -> str:
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def _signed(found: "Interval | Pooled") -> str:
    return f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


@click.command("evaluate")
@click.option(
    "--scores",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Parquet or CSV with customer_id, and probability or score.",
)
@click.option("--model", default="churn", show_default=True, help="Which of ours to compare with.")
@click.option(
    "--split",
    "split_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For given labels: the split file our model was trained with.",
)
@click.pass_obj
def evaluate_command(session: Session, scores: Path, model: str, split_file: Path | None) -> int:
    """Someone else's scores beside ours on the same people; exit code 1 if a leak is suspected."""
    from serving.comparison import compare

    with session.open() as keepwell, session.step("comparing") as progress:
        found = compare(
            keepwell,
            scores,
            model=model,
            split_file=split_file,
            now=datetime.now(UTC),
            progress=progress,
        )
    session.emit(found.to_json(), lambda out: _draw_comparison(out, found))
    return 1 if found.leak else 0


def _draw_comparison(out: Console, found: "Comparison") -> None:
    results = {"theirs": found.theirs, "ours": found.ours}
    drawn = table("95 % intervals", *(label for _, label, _ in _FIGURES))
    for name, each in results.items():
        drawn.add_row(
            name,
            *(
                _interval(each[figure], digits) if figure in each else "no probabilities"
                for figure, _, digits in _FIGURES
            ),
        )
    out.print(drawn)
    out.print()
    lines = table("theirs − ours", "difference")
    for figure, label, _ in _FIGURES:
        if figure in found.differences:
            lines.add_row(label, _signed(found.differences[figure]))
    out.print(lines)
    signs = table("sign of a leak", "", "what was found")
    for sign in found.signs:
        mark = {"suspicious": "[red]suspicious[/]", "fine": "[green]none[/]"}
        signs.add_row(sign.name, mark.get(sign.outcome, "[dim]cannot say[/]"), sign.text)
    out.print()
    out.print(signs)
    out.print(f"\n[bold]{found.verdict}[/]", highlight=False)
    out.print(
        f"  {found.n:,} customers at {found.as_of:%Y-%m-%d}; {found.unknown_ids:,} scored ids are "
        f"not among them, {found.not_scored:,} of ours are not scored",
        style="dim", highlight=False,
    )  # fmt: skip


@click.command("backtest")
@click.argument("target")
@click.option(
    "--origins", type=click.IntRange(1, 24), default=4, show_default=True,
    help="How many past moments, one horizon apart; folds where there is no history.",
)  # fmt: skip
@click.option("--horizon-days", type=click.IntRange(1, 730), help="The settings' default.")
@click.option("--trials", type=click.IntRange(1, 200), help="How many tree shapes to try.")
@click.option("--include-last", is_flag=True, help="Also read the official, latest test.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.pass_obj
def backtest_command(
    session: Session,
    target: str,
    origins: int,
    horizon_days: int | None,
    trials: int | None,
    include_last: bool,
    seed: int,
) -> None:
    """Train anew at several past moments, each tested one horizon later."""
    from serving.models import backtest_model

    started = time.perf_counter()
    with session.open() as keepwell, session.step(f"back-testing {target}") as progress:
        found, run_id = backtest_model(
            keepwell,
            keepwell.target(target, horizon_days=horizon_days),
            origins=origins,
            trials=trials,
            include_last=include_last,
            seed=seed,
            now=datetime.now(UTC),
            progress=progress,
        )
    seconds = time.perf_counter() - started
    session.emit(
        found.to_json(seconds=seconds, mlflow_run_id=run_id),
        lambda out: _draw_backtest(out, found, run_id, seconds),
    )


def _draw_backtest(out: Console, found: "Backtest", run_id: str, seconds: float) -> None:
    drawn = table("tested at", "people", "base rate", *(label for _, label, _ in _FIGURES))
    for each in found.origins:
        drawn.add_row(
            each.name,
            f"{each.test.n:,}",
            f"{each.season.test.rate.value:.3f}",
            *(_interval(each.test.interval(name), digits) for name, _, digits in _FIGURES),
        )
    drawn.add_section()
    rows = {"this model": found.pooled, **found.baselines}
    for name, figures in rows.items():
        drawn.add_row(
            name.replace("_", " "), "", "",
            *(_interval(figures[figure].interval, digits) for figure, _, digits in _FIGURES),
        )  # fmt: skip
    out.print(drawn)
    for name, differences in found.differences.items():
        told = ", ".join(
            f"{key.replace('_', ' ')} {_signed(each)}" for key, each in differences.items()
        )
        out.print(f"  minus {name.replace('_', ' ')}: {told}", highlight=False, markup=False)
    spread = found.pooled["auc"].spread
    out.print(f"\n  {found.said}", highlight=False, markup=False)
    out.print(f"  {found.season}", highlight=False, markup=False)
    for reason in found.skipped:
        out.print(f"  left out: {reason}", style="dim", highlight=False, markup=False)
    facts(
        out,
        [
            ("spread of the AUC", f"{spread:.3f}"),
            ("MLflow run", run_id),
            ("seconds", f"{seconds:.1f}"),
        ],
    )
