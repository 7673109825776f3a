"""What a split lets through is seen in the rows themselves."""

import numpy as np
import pytest

from features.dataset import Dataset
from features.definitions import FeatureDefinition
from features.targets.target import Target
from tests.training.made_rows import made
from training.overlap import overlap_problems

GIVEN = Target("churn", kind="given")
AGE = FeatureDefinition("days_since_last_order", ("order",), "days_since_last")
TEST = made(["a", "b"], [200, 200])


def test_a_sound_split_has_no_problems() -> None:
    assert overlap_problems(made(["a", "a", "b"], [80, 110, 110]), TEST) == ()
    assert overlap_problems(made(["a"], [1], target=GIVEN), made(["b"], [1], target=GIVEN)) == ()


@pytest.mark.parametrize(
    ("train", "test", "problem"),
    [
        (made([], []), TEST, "one side of the split is empty"),
        (made(["a"], [130]), TEST, "training labels reach 20.0 days into the test period"),
        (made(["a", "a"], [80, 80]), TEST, "1 training rows repeat a customer and as_of"),
        (made(["a"], [80]), made(["b"] * 3, [200] * 3), "2 test rows repeat a customer and as_of"),
        (
            made(["a", "b"], [1, 1], target=GIVEN),
            made(["b"], [1.5], target=GIVEN),
            "1 customers are on both sides of the split",
        ),
        (
            made(["a", "b"], [80, 80], values=np.array([[3.0], [-0.5]]), definitions=[AGE]),
            TEST,
            "1 training rows are newer than their as_of: days_since_last_order is below 0",
        ),
    ],
)
def test_each_overlap_is_found(train: Dataset, test: Dataset, problem: str) -> None:
    assert overlap_problems(train, test) == (problem,)


def test_a_test_row_that_repeats_a_training_row_is_found() -> None:
    found = overlap_problems(made(["a"], [200]), TEST)
    assert found[0] == "1 rows are on both sides of the split"
