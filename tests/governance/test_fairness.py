"""The fairness audit: published numbers, thin groups, planted bias."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)

from governance.errors import InvalidInput
from governance.fairness.assess import Limits, assess, not_assessed
from governance.fairness.cells import group_cell
from governance.fairness.gaps import differences
from governance.fairness.record import NOT_KNOWN, FairnessResult, GroupCell
from governance.intervals import newcombe, share_ratio

COMPAS = {  # n, predicted positive, FP, FN, TN, TP, FPR, FNR, precision
    "African-American": (3696, 2174, 805, 532, 990, 1369, 0.4485, 0.2799, 0.6297),
    "Caucasian": (2454, 854, 349, 461, 1139, 505, 0.2345, 0.4772, 0.5913),
    "Hispanic": (637, 190, 87, 129, 318, 103, 0.2148, 0.5560, 0.5421),
    "Other": (377, 79, 36, 90, 208, 43, 0.1475, 0.6767, 0.5443),
    "Asian": (32, 8, 2, 3, 21, 6, 0.0870, 0.3333, 0.7500),
    "Native American": (18, 12, 3, 1, 5, 9, 0.3750, 0.1000, 0.7500),
    "Female": (1395, 591, 288, 195, 609, 303, 0.3211, 0.3916, 0.5127),
    "Male": (5819, 2726, 994, 1021, 2072, 1732, 0.3242, 0.3709, 0.6354),
}


@pytest.fixture(scope="module")
def compas(data_dir: Callable[[str], Path]) -> FairnessResult:
    with (data_dir("compas_aequitas") / "compas_for_aequitas.csv").open() as file:
        rows = list(csv.DictReader(file))
    return assess(
        [int(row["label_value"]) for row in rows],
        [float(row["score"]) for row in rows],
        [float(row["score"]) > 0 for row in rows],
        {name: [row[name] for row in rows] for name in ("race", "sex", "age_cat")},
    )


def cell(result: FairnessResult, group: str) -> GroupCell:
    (found,) = (c for c in result.groups if c.group == group)
    return found


@pytest.mark.parametrize("group", COMPAS)
def test_the_published_compas_table_is_reproduced_exactly(
    compas: FairnessResult, group: str
) -> None:
    n, selected, fp, fn, tn, tp, fpr, fnr, ppv = COMPAS[group]
    c = cell(compas, group)
    assert c.positives is not None
    assert c.negatives is not None
    assert (c.n, c.selected, c.false_positives, c.true_positives) == (n, selected, fp, tp)
    assert (c.positives, c.negatives) == (fn + tp, tn + fp)
    rates = [rate.value for rate in (c.fpr, c.fnr, c.ppv) if rate is not None]
    assert rates == pytest.approx([fpr, fnr, ppv], abs=5.1e-5)


def test_the_published_disparities_are_reproduced(compas: FairnessResult) -> None:
    white, black = cell(compas, "Caucasian"), cell(compas, "African-American")
    counts = [
        (white.false_positives, white.negatives, black.false_positives, black.negatives),
        (white.selected, white.n, black.selected, black.n),
        (white.false_positives, white.selected, black.false_positives, black.selected),
    ]
    ratios = [share_ratio(*(c or 0 for c in four)) for four in counts]
    assert [r.value for r in ratios if r is not None] == pytest.approx(
        [0.522987, 0.591638, 1.103650], abs=1e-6
    )


def test_compas_fails_and_names_the_gap(compas: FairnessResult) -> None:
    assert compas.outcome == "fail"
    gaps = {(f.group, f.measure): f for f in compas.failures}
    assert gaps["Caucasian", "false positive rate"].reference == "African-American"


def test_a_group_of_18_is_shown_but_not_compared(compas: FairnessResult) -> None:
    assert cell(compas, "Native American").n == 18
    assert "Native American" not in {f.group for f in compas.findings}
    assert "Native American" not in {r.group for r in compas.impact_ratios}


def test_a_group_of_32_is_compared_only_where_its_denominators_allow(
    compas: FairnessResult,
) -> None:
    thin = {each.group: each.what for each in compas.thin}
    assert thin == {
        "Native American": "18 people, 30 are needed: not compared",
        "Asian": "32 people, but only 9 for whom it came true, 10 are needed: true positive rate "
        "not compared",
    }
    asian = {f.measure for f in compas.findings if f.group == "Asian"}
    assert asian == {"false positive rate", "calibration"}


def test_the_four_fifths_flag_stands_beside_its_interval(compas: FairnessResult) -> None:
    (ratio,) = (r for r in compas.impact_ratios if r.group == "Caucasian")
    assert ratio.reference == "African-American"
    assert ratio.below_four_fifths is True
    assert ratio.ratio is not None
    assert ratio.ratio.high < 0.8


def _people(n: int, seed: int = 3, *, over_flag: float = 0.0) -> dict[str, Any]:
    """Give calibrated scores for two groups; group b's are pushed up by `over_flag`."""
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(n) < 0.4, "b", "a")
    score = rng.beta(2, 5, n)
    truth = rng.random(n) < score
    told = np.clip(score + over_flag * (group == "b"), 0, 1)
    return {
        "y_true": truth,
        "score": told,
        "selected": told >= 0.4,
        "attributes": {"region": group.tolist()},
    }


def test_a_fair_model_passes() -> None:
    assert assess(**_people(6000)).outcome == "pass"


def test_a_planted_bias_fails_by_calibration_and_by_rate() -> None:
    result = assess(**_people(4000, over_flag=0.2))
    assert result.outcome == "fail"
    assert {(f.group, f.measure) for f in result.failures} == {
        ("b", "calibration"),
        ("b", "false positive rate"),
        ("b", "true positive rate"),
    }


def test_too_few_people_is_not_enough_evidence() -> None:
    assert assess(**_people(40)).outcome == "insufficient_evidence"


def test_a_pass_needs_a_comparison_that_can_be_told_from_its_limit() -> None:
    result = assess(**_people(200))
    assert {f.verdict for f in result.findings if f.measure != "calibration"} == {"cannot_say"}
    assert result.outcome == "insufficient_evidence"
    assert "no error rate by region can be told from its limit" in result.reason


def test_without_attributes_nothing_is_assessed_and_it_says_so() -> None:
    result = assess([0, 1], [0.1, 0.9], [False, True], {})
    assert (result.outcome, result.reason) == (
        "not_assessed",
        "there are no protected attributes to assess by",
    )
    assert not_assessed("no permission").reason == "no permission"


def test_where_a_rate_exists_it_is_the_one_fairlearn_gives() -> None:
    people = _people(900)
    frame = MetricFrame(
        metrics={
            "selection_rate": selection_rate,
            "tpr": true_positive_rate,
            "fpr": false_positive_rate,
            "fnr": false_negative_rate,
        },
        y_true=people["y_true"],
        y_pred=people["selected"],
        sensitive_features=people["attributes"]["region"],
    )
    result = assess(**people)
    for group, row in frame.by_group.iterrows():
        ours = cell(result, str(group))
        for measure, rate in row.items():
            found = getattr(ours, str(measure))
            assert found.value == pytest.approx(rate)


def test_a_rate_without_anyone_in_its_denominator_is_not_zero() -> None:
    result = assess([False] * 10, [0.1] * 10, [True] * 10, {"sex": ["f"] * 10})
    c = cell(result, "f")
    assert c.tpr is None
    assert c.fnr is None
    assert c.fpr is not None


def test_those_not_known_are_a_row_of_their_own_and_never_compared() -> None:
    values: list[str | None] = ["f"] * 40 + ["m"] * 40 + [None] * 60
    result = assess([True, False] * 70, [0.5] * 140, [True] * 140, {"sex": values})
    assert {c.group for c in result.groups} == {"f", "m"}
    (unknown,) = result.unknown
    assert (unknown.group, unknown.n, unknown.positives, unknown.selected) == (
        NOT_KNOWN, 60, 30, 60,
    )  # fmt: skip
    assert NOT_KNOWN not in {
        *(each.group for each in result.findings),
        *(each.group for each in result.differences),
        *(each.group for each in result.impact_ratios),
        *(each.group for each in result.calibration),
    }


def _groups_of_hand() -> FairnessResult:
    """100 people of a (30 selected) and 50 of b (25 selected); for half of each it came true."""
    group = ["a"] * 100 + ["b"] * 50
    selected = [k < 30 for k in range(100)] + [k < 25 for k in range(50)]
    truth = [k % 2 == 0 for k in range(150)]
    return assess(truth, [0.5] * 150, selected, {"region": group})


def test_a_difference_from_the_largest_is_newcombes() -> None:
    (b,) = (
        d for d in _groups_of_hand().differences
        if (d.group, d.measure) == ("b", "selection rate")
    )  # fmt: skip
    assert b.reference == "a"
    assert b.from_largest == newcombe(25, 50, 30, 100)


def test_a_difference_from_all_is_the_group_minus_the_whole() -> None:
    found = {
        d.group: d.from_all for d in _groups_of_hand().differences if d.measure == "selection rate"
    }
    assert found["a"] is not None
    assert found["b"] is not None
    assert found["a"].value == pytest.approx(30 / 100 - 55 / 150)
    assert found["b"].value == pytest.approx(25 / 50 - 55 / 150)
    others = newcombe(25, 50, 30, 100)
    assert others is not None
    assert found["b"].high == pytest.approx(others.high * (1 - 50 / 150))


def test_the_interval_of_a_difference_from_all_holds_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(8)
    people, rates = {"a": 300, "b": 200, "c": 100}, {"a": 0.2, "b": 0.3, "c": 0.4}
    truth, held = 0.4 - (300 * 0.2 + 200 * 0.3 + 100 * 0.4) / 600, 0
    for _ in range(1000):
        cells = [
            group_cell("region", name, n=n, positives=0, true_positives=0,
                       selected=int(rng.binomial(n, rates[name])))
            for name, n in people.items()
        ]  # fmt: skip
        found = next(
            d.from_all for d in differences(cells, cells)
            if (d.group, d.measure) == ("c", "selection rate")
        )  # fmt: skip
        held += found is not None and found.low <= truth <= found.high
    assert 930 <= held <= 970


def test_intersections_are_held_against_all_and_never_decide() -> None:
    rng = np.random.default_rng(2)
    n = 6000
    sex, age = rng.choice(["f", "m"], n), rng.choice(["old", "young"], n)
    hit = ((sex == "f") & (age == "old")) | ((sex == "m") & (age == "young"))
    truth = rng.random(n) < 0.5
    result = assess(
        truth, [0.5] * n, rng.random(n) < np.where(hit, 0.7, 0.2),
        {"sex": sex.tolist(), "age": age.tolist()},
        limits=Limits(max_rate_gap=0.15),
    )  # fmt: skip
    assert result.outcome == "pass"
    apart = {
        d.group: d.from_all
        for d in result.differences
        if d.attribute == "sex × age" and d.measure == "true positive rate"
    }
    assert apart["f and old"] is not None
    assert apart["f and old"].low > 0.15


def test_it_says_how_many_comparisons_would_fail_by_chance() -> None:
    chance = assess(**_people(2000)).by_chance
    assert chance.comparisons == 4
    assert chance.at_limit == pytest.approx(4 * 0.025)
    assert 0 < chance.alike < 0.001


def test_a_fair_model_fails_no_more_often_than_by_chance() -> None:
    results = [assess(**_people(400, seed)) for seed in range(300)]
    failed = sum(result.outcome == "fail" for result in results)
    expected = sum(result.by_chance.alike for result in results)
    assert failed <= expected + 3 * np.sqrt(expected) + 1


def test_calibration_in_a_group_is_told_beside_what_chance_makes() -> None:
    fair, tilted = assess(**_people(6000)), assess(**_people(6000, over_flag=0.2))
    for result, off in ((fair, False), (tilted, True)):
        (b,) = (c for c in result.calibration if c.group == "b")
        assert b.error is not None
        assert b.chance is not None
        assert (b.error > 3 * b.chance) is off
        bins = [each for each in result.bins if each.group == "b"]
        assert sum(each.n for each in bins) == b.n
        assert len(bins) == 5


def test_a_group_too_small_for_two_bins_has_none() -> None:
    truth = [k % 2 == 0 for k in range(150)]
    result = assess(truth, [0.5] * 150, truth, {"region": ["a"] * 100 + ["b"] * 50})
    assert {each.group for each in result.bins} == {"a"}
    assert [c.error for c in result.calibration if c.group == "b"] == [None]


def test_the_sweep_shows_error_rates_of_every_group() -> None:
    result = assess(**_people(3000))
    tprs = [p.tpr.value for p in result.sweep if p.group == "a" and p.tpr is not None]
    assert len(tprs) == 5
    assert tprs == sorted(tprs, reverse=True)
    assert all(p.fpr is not None for p in result.sweep)


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"a": 50, "b": 40, "c": 30}, set()),
        ({"a": 50, "b": 40, "c": 4}, {"b", "c"}),
        ({"a": 50, "b": 3, "c": 4}, {"b", "c"}),
        ({"a": 50, "b": 4}, {"a", "b"}),
    ],
)
def test_small_groups_and_what_would_give_them_away_are_hidden(
    sizes: dict[str, int], hidden: set[str]
) -> None:
    values = [group for group, n in sizes.items() for _ in range(n)]
    people = len(values)
    truth = [i % 2 == 0 for i in range(people)]
    result = assess(truth, [0.5] * people, truth, {"region": values})
    assert {c.group for c in result.groups if not c.shown} == hidden


def test_a_few_unknown_people_are_hidden_with_a_group() -> None:
    values: list[str | None] = ["f"] * 50 + ["m"] * 40 + [None] * 3
    truth = [i % 2 == 0 for i in range(93)]
    result = assess(truth, [0.5] * 93, truth, {"sex": values})
    assert [u.n for u in result.unknown] == [None]
    assert {c.group for c in result.groups if not c.shown} == {"m"}


def test_groups_of_two_attributes_that_differ_in_a_few_people_are_not_both_shown() -> None:
    region = ["north"] * 50 + ["south"] * 60
    speech = ["frisian"] * 52 + ["dutch"] * 58
    truth = [k % 2 == 0 for k in range(110)]
    result = assess(truth, [0.5] * 110, truth, {"region": region, "speech": speech})
    shown = {c.group for c in result.groups if c.shown}
    assert not {"north", "frisian"} <= shown
    assert not {"south", "dutch"} <= shown


def test_no_hidden_intersection_is_recovered_by_subtraction() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        n = 120
        sex = rng.choice(["f", "m"], n, p=[0.8, 0.2])
        age = rng.choice(["20", "40", "60"], n, p=[0.7, 0.2, 0.1])
        truth = rng.random(n) < 0.3
        result = assess(truth, [0.5] * n, truth, {"sex": sex.tolist(), "age": age.tolist()})
        grid = {c.group: c for c in result.intersections}
        for values, mine in (("fm", sex), (("20", "40", "60"), age)):
            for value in values:
                line = [
                    c
                    for name, c in grid.items()
                    if value in name.split(" and ") and c.attribute == "sex × age"
                ]
                hidden = [c for c in line if not c.shown]
                assert (
                    len(hidden) != 1 or len(line) == 1 or (mine == value).sum() < Limits().min_cell
                )


def test_entries_that_do_not_match_are_refused() -> None:
    with pytest.raises(InvalidInput, match="one entry per person"):
        assess([0, 1], [0.5], [True, False], {"sex": ["f", "m"]})


def test_the_json_twin_holds_plain_values(compas: FairnessResult) -> None:
    first = compas.to_json()["groups"][0]
    assert set(first["fpr"]) == {"value", "low", "high"}


def test_what_was_written_reads_back_as_the_same_result(compas: FairnessResult) -> None:
    assert FairnessResult.from_json(json.loads(json.dumps(compas.to_json()))) == compas


def test_a_result_that_was_not_assessed_reads_back() -> None:
    result = not_assessed("nobody permitted it")
    assert FairnessResult.from_json(result.to_json()) == result
