"""Every figure of a model as a flat MLflow metric: `name`, `name_low`, `name_high`.

The bounds are those of the 95 % interval. What was not measured has no metric at all.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC

from governance.instants import parse_instant
from governance.intervals import Interval
from governance.model.card import ModelFacts, TestResult
from governance.model.evaluation import CostCurve, Evaluation, OtherOutcome, Season
from governance.model.forecasts import CategoryResult, ValueErrors, ValueResult

FIGURES = ("auc", "average_precision", "log_loss", "brier", "ece", "lift_at_10")

Points = tuple[tuple[int, float], ...]


def metrics_of(facts: ModelFacts) -> dict[str, float]:
    """Give the figures of the test, of each baseline and of everything else that was measured.

    `test_auc`; `horizon_30_auc`; `baseline_recency_auc`; paired differences `auc_minus_recency` and
    `log_loss_minus_champion`; `other_outcome_auc` of those for whom it did not come true;
    `season_gap`; `costs_net`; `value_mae`; `category_top_1`; `configurations_tried`.
    """
    found = _test("test", facts.test)
    for name, result in facts.baselines.items():
        found |= _test(f"baseline_{name}", result)
    for name, difference in facts.differences.items():
        found |= _bounds(f"auc_minus_{name}", difference)
    for days, result in facts.horizons.items():
        found |= _test(f"horizon_{days}", result)
    if facts.answered is not None:
        found |= _bounds("answered", facts.answered)
    found |= _evaluation(facts.evaluation)
    if facts.value is not None:
        found |= _value(facts.value)
    if facts.categories is not None:
        found |= _categories(facts.categories)
    found |= {f"people_{reason.replace(':', '_')}": n for reason, n in facts.permission.items()}
    return found | {
        "configurations_tried": float(facts.configurations),
        "rows_dropped": float(sum(each.rows for each in facts.dropped)),
        "rows_contaminated": float(facts.contaminated_rows),
    }


def series_of(facts: ModelFacts) -> dict[str, Points]:
    """Give what MLflow draws as lines: net value over the share contacted, rates over time.

    The step is a share in percent, or a date as YYYYMMDD.
    """
    found: dict[str, Points] = {}
    costs, season = facts.evaluation.costs, facts.evaluation.season
    if costs is not None:
        steps = [round(100 * each.share) for each in costs.curve]
        for bound in ("value", "low", "high"):
            name = "costs_net_by_share" + ("" if bound == "value" else f"_{bound}")
            values = [float(getattr(each.model, bound)) for each in costs.curve]
            found[name] = tuple(zip(steps, values, strict=True))
    if season is not None:
        for bound in ("value", "low", "high"):
            name = "rate_by_cutoff" + ("" if bound == "value" else f"_{bound}")
            found[name] = tuple(
                (_day(each.as_of), float(getattr(each.rate, bound)))
                for each in (*season.training, season.test)
            )
    return found


def _day(instant: str) -> int:
    return int(f"{parse_instant(instant, UTC):%Y%m%d}")


def _bounds(name: str, found: Interval | None) -> dict[str, float]:
    if found is None:
        return {}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _test(prefix: str, result: TestResult) -> dict[str, float]:
    found = {f"{prefix}_n": float(result.n), f"{prefix}_positives": float(result.positives)}
    for name in FIGURES:
        found |= _bounds(f"{prefix}_{name}", result.interval(name))
    return found


def _evaluation(found: Evaluation) -> dict[str, float]:
    metrics: dict[str, float] = {}
    paired = dict(found.paired)
    if found.champion is not None and found.champion.difference is not None:
        paired["champion"] = found.champion.difference
    for name, each in paired.items():
        for figure, difference in each._asdict().items():
            metrics |= _bounds(f"{figure}_minus_{name}", difference)
    for name, other in found.other_outcome.items():
        metrics |= _other("other_outcome" + ("" if name == "model" else f"_{name}"), other)
    if found.season is not None:
        metrics |= _season(found.season)
    if found.costs is not None:
        metrics |= _costs(found.costs)
    if found.proposal is not None:
        metrics["complexity"] = float(found.proposal.complexity)
    return metrics


def _other(prefix: str, found: OtherOutcome) -> dict[str, float]:
    metrics = {f"{prefix}_n": float(found.n)}
    for figure in ("auc", "average_precision", "lift_at_10"):
        metrics |= _bounds(f"{prefix}_{figure}", getattr(found, figure))
    return metrics


def _season(found: Season) -> dict[str, float]:
    metrics = _bounds("season_gap", found.gap) | _bounds("season_test_rate", found.test.rate)
    return metrics | {"season_shifted": float(found.shifted)}


def _costs(found: CostCurve) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for name in ("share", "net", "everyone", "over_everyone", "over_rule", "best_share"):
        metrics |= _bounds(f"costs_{name}", getattr(found, name))
    return metrics


def _value(found: ValueResult) -> dict[str, float]:
    metrics = {"value_n": float(found.n), "value_with_event": float(found.with_event)}
    metrics |= _bounds("value_mean", found.mean) | _bounds("value_coverage", found.coverage)
    metrics |= dict(_errors("value", found.ours))
    for name, each in found.baselines.items():
        metrics |= dict(_errors(f"value_baseline_{name}", each))
    differences = {"mae": found.mae_differences, "rmse": found.rmse_differences}
    return metrics | _differences("value", differences)


def _errors(prefix: str, found: ValueErrors) -> Iterator[tuple[str, float]]:
    for figure in ("mae", "rmse", "bias", "top_tenth", "gini"):
        yield from _bounds(f"{prefix}_{figure}", getattr(found, figure)).items()


def _categories(found: CategoryResult) -> dict[str, float]:
    metrics = {"category_n": float(found.n), "category_kinds": float(found.categories)}
    rules = {f"category_baseline_{name}": each for name, each in found.baselines.items()}
    for prefix, each in {"category": found.ours, **rules}.items():
        for figure in ("top_1", "top_3", "log_loss"):
            metrics |= _bounds(f"{prefix}_{figure}", getattr(each, figure))
    return metrics | _differences("category", {"log_loss": found.differences})


def _differences(prefix: str, found: Mapping[str, Mapping[str, Interval]]) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for figure, by_rule in found.items():
        for rule, difference in by_rule.items():
            metrics |= _bounds(f"{prefix}_{figure}_minus_{rule}", difference)
    return metrics
