"""Screening keeps what trees use and what completes its sentence; it reads training rows only."""

from dataclasses import replace

import numpy as np

from features.dataset import Dataset
from features.definitions import FeatureDefinition
from features.labels import Target
from tests.training.examples import outcome, rows
from training.screen import worth_keeping

NAMES = tuple(f"order_count_{10 * (j + 1)}d" for j in range(6))


def dataset(n: int = 1500) -> Dataset:
    table = rows(n)
    definitions = tuple(
        FeatureDefinition(name, ("order",), "count", window_days=10 * (j + 1))
        for j, name in enumerate(NAMES)
    )
    return Dataset(
        target=Target("churn"),
        names=NAMES,
        values=table,
        y=outcome(table),
        customers=np.array([f"c{i}" for i in range(n)], dtype=object),
        customer_index=np.arange(n),
        as_of=np.zeros(n, np.int64),
        dropped=(),
        definitions=definitions,
        manifest_digest="",
    )


def test_a_small_catalogue_is_kept_whole() -> None:
    assert worth_keeping(dataset(), seed=0).all()


def test_the_features_that_matter_are_kept() -> None:
    kept = worth_keeping(dataset(), seed=0, most=2)
    assert kept.tolist() == [True, True, False, False, False, False]


def test_what_completes_a_sentence_stays_with_it() -> None:
    data = dataset()
    first = replace(data.definitions[0], usual=NAMES[5])
    data = replace(data, definitions=(first, *data.definitions[1:]))
    assert worth_keeping(data, seed=0, most=2)[5]


def test_what_a_kept_feature_is_made_of_stays_with_it() -> None:
    data = dataset()
    made = FeatureDefinition(NAMES[0], (), "ratio", of=(NAMES[5], NAMES[4]))
    data = replace(data, definitions=(made, *data.definitions[1:]))
    assert worth_keeping(data, seed=0, most=2).tolist() == [True, True, False, False, True, True]
