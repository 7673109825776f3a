"""Everything that was tried is written down and counted."""

import json
from pathlib import Path

import numpy as np

from governance.intervals import Interval
from governance.model.card import ReliabilityBin
from governance.model.evaluation import RateAt, Season
from training.blend import Plan, Tried
from training.evaluation_plots import (
    draw_calibrations,
    draw_ranking,
    draw_rates,
    draw_reliability,
)
from training.search import Trial
from training.search_log import LOSS, search_table, trials_of
from training.trees import CHECKPOINTS, SHAPES

TRIED = Tried(
    trials=(
        Trial(SHAPES[0], (0.6, 0.5, 0.55, 0.6, 0.7)),
        Trial(SHAPES[1], (0.6, 0.6, 0.6, 0.6, 0.6)),
    ),
    penalties={0.01: 0.52, 0.1: 0.51},
    blends={"trees 0.5, own past 0.5": 0.49},
    calibrations={"none": 0.5, "platt": 0.48},
)
PLAN = Plan(SHAPES[0], 50, 0.1, 0.5, calibration="platt")
HALF = Interval(0.5, 0.4, 0.6)


def test_every_configuration_is_in_the_table_and_counted() -> None:
    told = json.loads(search_table(TRIED, PLAN))
    assert told["configurations_tried"] == len(told["tried"]) == TRIED.configurations == 15
    assert told["chosen"]["calibration"] == "platt"


def test_the_children_together_count_what_the_parent_counts() -> None:
    children = trials_of(TRIED, PLAN).values()
    assert sum(each.metrics["configurations_tried"] for each in children) == TRIED.configurations


def test_a_shape_is_told_with_its_best_number_of_trees_and_its_losses_by_trees() -> None:
    first, second, *_ = trials_of(TRIED, PLAN).values()
    assert (first.parameters["trees"], first.metrics[f"best_{LOSS}"]) == ("50", 0.5)
    assert first.series[LOSS] == tuple(zip(CHECKPOINTS, (0.6, 0.5, 0.55, 0.6, 0.7), strict=True))
    assert (first.tags["chosen"], second.tags["chosen"]) == ("true", "false")


def test_names_of_blends_become_names_that_mlflow_takes() -> None:
    assert f"{LOSS}_trees_0.5_own_past_0.5" in trials_of(TRIED, PLAN)["blends"].metrics


def test_nothing_tried_leaves_no_children() -> None:
    assert trials_of(Tried(), PLAN) == {}


def test_how_well_a_model_does_is_drawn(tmp_path: Path) -> None:
    y = np.array([0.0, 1.0, 0.0, 1.0])
    draw_reliability(tmp_path / "a.png", [ReliabilityBin(20, 0.5, HALF)])
    draw_ranking(tmp_path / "b.png", y, {"this model": y, "recency": 1 - y})
    at = RateAt("2026-01-01T00:00:00Z", 40, HALF)
    draw_rates(tmp_path / "c.png", Season((at,), at, HALF, shifted=False))
    draw_calibrations(tmp_path / "d.png", TRIED.calibrations, "platt")
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 4
