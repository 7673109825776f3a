"""How near shorter horizons, amounts and categories came, on test customers."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from features.dataset import Dataset
from governance.errors import InsufficientData
from governance.model.card import ModelFacts, TestResult
from governance.model.forecasts import CategoryResult, ValueResult
from training.evaluation.evaluate import measure_on
from training.evaluation.resample import resamples_of
from training.extract import Extract
from training.forecasts.category import CategoryModel
from training.forecasts.category_fit import own_share_columns
from training.forecasts.category_quality import category_baselines, measure_category
from training.forecasts.value import ValueModel, combine
from training.forecasts.value_quality import fit_amount_rules, measure_value
from training.model import Vector
from training.target_model import TargetModel


def simple_amounts(data: Extract) -> Mapping[str, Vector]:
    """Give each simple rule's amounts (n,) of the test customers, while every feature is there."""
    train = data.train
    if train.value is None:
        return {}
    kind = train.target.event_kind
    rules = fit_amount_rules(train.values, train.value, train.definitions, kind)
    return {name: rule(data.test.values) for name, rule in rules.items()}


def with_forecasts(
    facts: ModelFacts,
    model: TargetModel,
    test: Dataset,
    probability: Vector,
    *,
    wide: Dataset,
    simple: Mapping[str, Vector],
) -> ModelFacts:
    """Add to the facts how near all else came that the target says beside its main risk.

    `test` has the model's features, `wide` the same rows with all; `probability` (n,) is the
    model's, `simple` the amounts of `simple_amounts`.
    """
    value, categories = None, None
    if model.value is not None and test.value is not None:
        value = _value(model.value, test, probability, simple, seed=facts.seed)
    if model.category is not None and test.category is not None:
        categories = _categories(model.category, test, wide)
    return replace(
        facts, value=value, categories=categories, horizons=_horizons(facts, model, test)
    )


def _horizons(facts: ModelFacts, model: TargetModel, test: Dataset) -> Mapping[int, TestResult]:
    """Figures of the horizons within which both outcomes occurred among the test customers."""
    if not model.steps:
        return {}
    drawn = resamples_of(test.customer_index, seed=facts.seed)
    told = model.horizons(test.values, model.risk.predict(test.values))
    outcomes = zip(told[:-1], test.nested.T, strict=True)
    return {
        each.horizon_days: measure_on(facts.test.as_of, y, each.probability, drawn)
        for each, y in outcomes
        if len(np.unique(y)) == 2
    }


def _value(
    model: ValueModel,
    test: Dataset,
    probability: Vector,
    simple: Mapping[str, Vector],
    *,
    seed: int,
) -> ValueResult:
    assert test.value is not None
    return measure_value(
        test.value,
        test.y == 1,
        combine(probability, model, test.values),
        simple,
        method=model.method,
        rng=np.random.default_rng(seed),
    )


def _categories(model: CategoryModel, test: Dataset, wide: Dataset) -> CategoryResult | None:
    target = test.target
    columns = own_share_columns(wide.definitions, target.event_kind, target.category)
    places = tuple(columns.get(name, -1) for name in model.names)
    assert test.category is not None
    came = test.category.copy()
    came[test.y != 1] = None
    try:
        return measure_category(
            model,
            came,
            model.predict(test.values),
            category_baselines(model, wide.values, places),
        )
    except InsufficientData:
        return None  # nobody of the test customers had a category: nothing to measure on
