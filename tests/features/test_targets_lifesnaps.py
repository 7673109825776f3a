"""Real moods: a decline can be told from where a person stands to their own usual level."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.catalogue import catalogue
from features.dataset import Dataset, build_dataset
from features.targets.target import Target
from governance.instants import DAY_US, to_micros
from tests.features.lifesnaps import histories_of, moods
from tests.features.sample import permit
from training.baselines import fit_baselines
from training.evaluation.evaluate import auc

DECLINE = Target(
    *("decline", "wellbeing_decline", 7), dimension="emotional", amount=0.5, baseline_days=28
)
DAYS = 60


@pytest.fixture(scope="module")
def dataset(data_dir: Callable[[str], Path]) -> Dataset:
    file = data_dir("lifesnaps_daily") / "daily_fitbit_sema_df_unprocessed.csv"
    if not file.exists():
        pytest.skip("the LifeSnaps table is not there")
    histories = histories_of(moods(file))
    first = to_micros(datetime(2021, 5, 24, tzinfo=UTC))
    everyone = list(histories.customers)
    return build_dataset(
        histories,
        DECLINE,
        [first + day * DAY_US for day in range(DAYS)],
        catalogue(histories),
        permits={
            purpose: permit(purpose, everyone)
            for purpose in ("model_training", "wellbeing_inference")
        },
        observed_until=int(histories.occurred_at.max()),
    )


def test_who_falls_silent_is_counted_apart_from_who_was_never_heard(dataset: Dataset) -> None:
    counted = {each.step: each.rows for each in dataset.dropped if each.step != "permission"}
    assert len(dataset) + sum(counted.values()) == 63 * DAYS
    assert counted["answers"] > counted["reports"] > 0
    assert dataset.answered_share is not None
    assert 0.4 < dataset.answered_share.low < dataset.answered_share.high < 0.9


def test_the_personal_mean_foretells_declines_of_later_weeks(dataset: Dataset) -> None:
    middle = int(dataset.as_of.min()) + DAYS // 2 * DAY_US
    train = dataset.take(dataset.as_of <= middle - DECLINE.horizon_days * DAY_US)
    test = dataset.take(dataset.as_of > middle)
    rule = fit_baselines(train.values, train.y, train.definitions, DECLINE)["personal_mean"]
    assert auc(test.y, rule(test.values)).low > 0.6
