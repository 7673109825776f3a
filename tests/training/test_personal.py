"""What may be expected of a person: hand-worked numbers, laws, and truths planted and found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from governance.errors import InsufficientData, InvalidInput
from training.personal.baseline import (
    Ewm,
    PersonalMean,
    Reports,
    departures,
    mean_ahead,
    next_report,
)
from training.personal.decline import DeclineModel, DeclineRule
from training.personal.residual import fit_personal

Floats = NDArray[np.float64]

ANNA_AND_BEN = Reports.of(["anna", "ben", "anna", "anna"], [0, 0, 1, 3], [1.0, 5.0, 2.0, 3.0])[0]


def people(
    count: int, reports: int, *, between: float = 0.0, noise: float = 1.0, seed: int = 0
) -> tuple[Reports, Floats]:
    """Daily reports of `count` people whose own means differ by `between`, and those means."""
    random = np.random.default_rng(seed)
    means = random.normal(0.0, between, count)
    value = means[:, None] + random.normal(0.0, noise, (count, reports))
    person, day = np.mgrid[:count, :reports]
    return Reports.of(person.ravel(), day.ravel(), value.ravel())[0], means


def moody(count: int, reports: int, *, carry: float, seed: int = 0) -> Reports:
    """Give people without a level of their own, whose mood of today carries over to tomorrow."""
    random = np.random.default_rng(seed)
    value = np.zeros((count, reports))
    for day in range(1, reports):
        value[:, day] = carry * value[:, day - 1] + random.normal(size=count)
    person, day = np.mgrid[:count, :reports]
    return Reports.of(person.ravel(), day.ravel(), value.ravel())[0]


def test_reports_are_sorted_by_person_and_day() -> None:
    found, order = Reports.of([1, 0, 1], [5, 2, 3], [10.0, 20.0, 30.0])
    assert found.value.tolist() == [20.0, 30.0, 10.0]
    assert order.tolist() == [1, 2, 0]


def test_a_report_without_a_value_is_refused() -> None:
    with pytest.raises(InvalidInput, match="1 reports without a day or a value"):
        Reports.of([0, 0], [1, 2], [np.nan, 3.0])


def test_count_and_total_begin_anew_with_each_person() -> None:
    assert ANNA_AND_BEN.count().tolist() == [1, 2, 3, 1]
    assert ANNA_AND_BEN.total().tolist() == [1, 3, 6, 5]


def test_a_personal_mean_is_pulled_by_as_many_reports_as_its_strength() -> None:
    mean = PersonalMean(population=4.0, strength=2.0, noise=1.0, between=0.7)
    assert mean.expect(ANNA_AND_BEN) == pytest.approx([9 / 3, 11 / 4, 14 / 5, 13 / 3])


def test_the_strength_planted_is_found() -> None:
    reports, _ = people(2_000, 10, between=0.5, noise=1.0)
    found = PersonalMean.fit(reports)
    assert found.strength == pytest.approx(1.0 / 0.25, rel=0.15)
    assert found.noise == pytest.approx(1.0, rel=0.03)


def test_people_who_are_all_alike_are_told_the_common_mean() -> None:
    reports, _ = people(300, 10, between=0.0)
    expected = PersonalMean.fit(reports).expect(reports)
    assert np.std(expected) < 0.1 * np.std(reports.value)


def test_the_shrunken_mean_is_nearer_to_the_truth_than_the_own_mean() -> None:
    reports, means = people(400, 5, between=0.5)
    last = np.append(reports.begins[1:], len(reports)) - 1
    shrunken = PersonalMean.fit(reports).expect(reports)[last]
    own = (reports.total() / reports.count())[last]
    assert np.mean((shrunken - means) ** 2) < 0.7 * np.mean((own - means) ** 2)


def test_one_person_alone_has_nobody_in_common() -> None:
    with pytest.raises(InsufficientData, match="1 people with reports, at least 2"):
        PersonalMean.fit(Reports.of([0, 0], [1, 2], [1.0, 2.0])[0])


def test_an_exponentially_weighted_mean_by_hand() -> None:
    found = Ewm(0.5).expect(ANNA_AND_BEN)
    assert found == pytest.approx([1.0, (2 + 0.5) / 1.5, (3 + 1 + 0.25) / 1.75, 5.0])


def test_a_departure_says_little_after_one_report() -> None:
    found = departures(ANNA_AND_BEN, np.zeros(4), half_lives=(1.0,))
    assert found[0].tolist() == pytest.approx([1 / 3 * 1.0, 1.0])
    assert found[1].tolist() == pytest.approx([1.5 / 3.5 * (2.5 / 1.5), 2.0])


def test_the_next_report_and_the_mean_ahead_look_at_the_same_person_only() -> None:
    following, ahead = next_report(ANNA_AND_BEN), mean_ahead(ANNA_AND_BEN, days=3, fewest=2)
    assert np.array_equal(following.value, [2.0, 3.0, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(ahead.value, [2.5, np.nan, np.nan, np.nan], equal_nan=True)
    assert ahead.reports.tolist() == [2, 1, 0, 0]


def test_the_trailing_window_is_open_at_its_beginning() -> None:
    recent = ANNA_AND_BEN.trailing(3)
    assert recent.reports.tolist() == [1, 2, 2, 1]
    assert recent.mean[2] == 2.5


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 39), st.integers(0, 10**6))
def test_the_future_never_changes_an_expectation(known: int, seed: int) -> None:
    reports, _ = people(1, 40, between=1.0, seed=seed)
    before = reports.take(np.arange(40) < known)
    mean = PersonalMean(0.0, 3.0, 1.0, 0.6)
    assert np.array_equal(mean.expect(reports)[:known], mean.expect(before))
    assert np.array_equal(Ewm().expect(reports)[:known], Ewm().expect(before))
    ours, theirs = (departures(each, mean.expect(each))[:known] for each in (reports, before))
    assert np.array_equal(ours, theirs)


def test_steady_people_are_shipped_their_own_mean() -> None:
    reports, _ = people(60, 25, between=0.7, seed=3)
    found = fit_personal(reports, next_report(reports))
    assert found.shipped == "personal_mean"
    assert np.array_equal(found.expect(reports), found.mean.expect(reports))


def test_a_mood_that_carries_over_is_found() -> None:
    reports = moody(60, 25, carry=0.6)
    ahead = next_report(reports)
    found = fit_personal(reports, ahead)
    asked = np.isfinite(ahead.value)
    error = np.mean((found.expect(reports) - ahead.value)[asked] ** 2)
    assert found.shipped == "recent_days"
    assert error == pytest.approx(1.0, rel=0.08)  # nobody can foretell the day's own noise


def test_trees_ship_when_a_feature_tells_what_the_past_does_not() -> None:
    reports, _ = people(60, 25, between=0.5, noise=0.5, seed=5)
    told = np.random.default_rng(6).integers(0, 2, len(reports)).astype(np.float64)
    ahead = next_report(reports)
    ahead = ahead._replace(value=ahead.value + np.where(told > 0, 1.0, -1.0))
    found = fit_personal(reports, ahead, features=told[:, None])
    assert found.shipped == "trees"
    assert [each.kept for each in found.trials] == [False, True]


def test_the_same_reports_give_the_same_model() -> None:
    reports = moody(40, 20, carry=0.5)
    one, other = (fit_personal(reports, next_report(reports), seed=4) for _ in range(2))
    assert np.array_equal(one.expect(reports), other.expect(reports))
    assert one.trials == other.trials


def test_a_handful_of_people_gets_the_mean_without_a_trial() -> None:
    reports, _ = people(5, 20, between=1.0)
    found = fit_personal(reports, next_report(reports))
    assert (found.shipped, found.trials) == ("personal_mean", ())


def test_reports_that_nothing_follows_teach_nothing() -> None:
    reports, _ = people(5, 1)
    with pytest.raises(InsufficientData, match="nothing to learn from"):
        fit_personal(reports, next_report(reports))


def test_a_decline_is_a_mean_ahead_half_a_spread_below_the_recent_mean() -> None:
    reports, _ = Reports.of([0] * 6, range(6), [0.0, 2.0, 0.0, 2.0, 0.5, 0.5])
    rule = DeclineRule(fewest_recent=4, fewest_ahead=2)
    threshold = rule.threshold(reports)
    truth = rule.happened(threshold, mean_ahead(reports, days=7, fewest=2))
    assert threshold[3] == pytest.approx(1.0 - 0.5 * np.sqrt(4 / 3))  # .42, and .5 came
    assert truth[3] == 0.0


def test_too_few_reports_on_either_side_cannot_say() -> None:
    reports, _ = Reports.of([0] * 6, range(6), [0.0, 2.0, 0.0, 2.0, -1.0, -1.0])
    rule = DeclineRule(fewest_recent=4, fewest_ahead=2)
    truth = rule.happened(rule.threshold(reports), mean_ahead(reports, days=7, fewest=2))
    assert np.array_equal(np.isfinite(truth), [False, False, False, True, False, False])


def test_a_person_without_any_spread_cannot_decline_by_half_of_it() -> None:
    reports, _ = Reports.of([0] * 8, range(8), [1.0] * 8)
    assert np.isnan(DeclineRule().threshold(reports)).all()


def test_decline_probabilities_are_as_frequent_as_they_say() -> None:
    rule = DeclineRule()
    seen, _ = people(150, 40, between=0.5, seed=8)
    ahead = mean_ahead(seen, days=rule.ahead_days, fewest=rule.fewest_ahead)
    model = DeclineModel.fit(rule, fit_personal(seen, ahead), seen, ahead)
    new, _ = people(400, 40, between=0.5, seed=9)
    truth = rule.happened(
        rule.threshold(new), mean_ahead(new, days=rule.ahead_days, fewest=rule.fewest_ahead)
    )
    probability, asked = model.decline_probability(new), np.isfinite(truth)
    riskier = probability > np.median(probability[asked])
    for half in (asked & riskier, asked & ~riskier):
        assert np.mean(probability[half]) == pytest.approx(np.mean(truth[half]), abs=0.02)
    assert np.mean(truth[asked & riskier]) > 1.5 * np.mean(truth[asked & ~riskier])


def test_a_person_far_above_the_own_usual_is_likelier_to_decline() -> None:
    reports, _ = people(60, 30, between=0.5, seed=10)
    ahead = mean_ahead(reports, days=7, fewest=4)
    rule = DeclineRule()
    model = DeclineModel.fit(rule, fit_personal(reports, ahead), reports, ahead)
    usual = [0.0, 1.0, -1.0, 0.5, -0.5] * 12
    lucky, _ = Reports.of([0] * 60, range(60), usual[:40] + [value + 1.5 for value in usual[:20]])
    told = model.decline_probability(lucky)
    assert told[-1] > told[39] + 0.2
