"""Puts a back-test on record in MLflow: one run for the whole, a child run for every test."""

from collections.abc import Mapping

from governance.intervals import Interval
from governance.model.card import TestResult
from training.backtest import FIGURES, Backtest, Origin
from training.run_record import RunRecord
from training.tracking import Tracking


def log_backtest(tracking: Tracking, found: Backtest, *, command: str, commit: str) -> str:
    """Log every figure with its bounds; gives the id of the run. It holds no personal data."""
    parameters = {
        "target": found.target,
        "horizon_days": str(found.horizon_days),
        "method": found.said,
        "official_test": found.official_test,
        "includes_official": str(found.includes_official),
        "season": found.season,
        "command": command,
        "commit": commit,
    }
    metrics: dict[str, float] = {}
    for name, pooled in found.pooled.items():
        metrics |= _bounds(name, pooled.interval) | {f"{name}_spread": pooled.spread}
    for rule, figures in found.baselines.items():
        for name, pooled in figures.items():
            metrics |= _bounds(f"baseline_{rule}_{name}", pooled.interval)
    for rule, figures in found.differences.items():
        for name, pooled in figures.items():
            metrics |= _bounds(f"{name}_minus_{rule}", pooled.interval)
    whole = RunRecord(digest="", parameters=parameters, metrics=metrics, tags={})
    parts: Mapping[str, RunRecord] = {each.name: _part(each) for each in found.origins}
    return tracking.backtested(found.target, f"{found.target} back-test", whole, parts)


def _part(origin: Origin) -> RunRecord:
    metrics = _figures("test", origin.test)
    for rule, result in origin.baselines.items():
        metrics |= _figures(f"baseline_{rule}", result)
    metrics |= _bounds("base_rate", origin.season.test.rate)
    metrics |= _bounds("observed_minus_predicted", origin.season.gap)
    parameters = {"rows": str(origin.rows), "cutoffs": str(origin.cutoffs)}
    return RunRecord(digest="", parameters=parameters, metrics=metrics, tags={})


def _figures(prefix: str, result: TestResult) -> dict[str, float]:
    found = {f"{prefix}_n": float(result.n), f"{prefix}_positives": float(result.positives)}
    for name in FIGURES:
        found |= _bounds(f"{prefix}_{name}", result.interval(name))
    return found


def _bounds(name: str, found: Interval) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
