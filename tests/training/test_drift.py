"""What has changed since training is named, what has not is not."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from features.dataset import Dataset
from features.definitions import FeatureDefinition
from features.labels import Target
from governance.instants import from_micros, to_micros, to_text
from training.split import split_by_time
from training.watch.drift import Drift, compare, holm, psi, season_of
from training.watch.reference import (
    LEAST_IN_BIN,
    CutoffLevel,
    Reference,
    distribution_of,
    reference_of,
)

NAMES = ("days_since", "orders", "plan", "spend")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def people(n: int, seed: int) -> np.ndarray:
    """Draw n people with four features; one in ten has no plan on record."""
    rng = np.random.default_rng(seed)
    values = np.column_stack(
        [
            rng.exponential(40, n),
            rng.poisson(3, n).astype(np.float64),
            rng.integers(0, 3, n).astype(np.float64),
            rng.normal(50, 10, n),
        ]
    )
    values[rng.random(n) < 0.1, 2] = np.nan
    return values


def probability_of(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(values[:, 0] / 40 - values[:, 1] / 3))))


def rows_at(*instants: datetime, n: int = 2000, kind: str = "inactivity") -> Dataset:
    """Give n people at each instant, with outcomes by their very probabilities."""
    values = np.concatenate([people(n, seed) for seed in range(len(instants))])
    rng = np.random.default_rng(99)
    definitions = [
        FeatureDefinition(
            name=name,
            kinds=("order",),
            aggregate="category" if name == "plan" else "last",
            column="property:plan",
            categories=("a", "b", "c") if name == "plan" else (),
        )
        for name in NAMES
    ]
    size = len(values)
    return Dataset(
        target=Target("churn", kind=kind),
        names=NAMES,
        values=values,
        y=(rng.random(size) < probability_of(values)).astype(np.float64),
        customers=np.array([f"c{k % n}" for k in range(size)], np.object_),
        customer_index=np.arange(size) % n,
        as_of=np.repeat([to_micros(each) for each in instants], n).astype(np.int64),
        dropped=(),
        definitions=tuple(definitions),
        manifest_digest="",
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    rows = rows_at(datetime(2025, 9, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC))
    return reference_of(rows, probability_of(rows.values))


def against(reference: Reference, values: np.ndarray, **more: object) -> Drift:
    return compare(reference, values, probability_of(values), as_of=NOW, **more)  # type: ignore[arg-type]


def test_no_bin_holds_fewer_people_than_thirty() -> None:
    x = np.concatenate([np.zeros(500), np.arange(1.0, 40.0)])
    found = distribution_of(x)
    assert found.counts(x).min() >= LEAST_IN_BIN
    assert sum(found.shares) == pytest.approx(1)


def test_no_edge_is_a_value_that_someone_has() -> None:
    x = np.random.default_rng(0).normal(50, 10, 1000)
    assert not set(distribution_of(x).edges) & set(x.tolist())


def test_ten_people_are_one_bin() -> None:
    assert distribution_of(np.arange(10.0)).shares == (1.0,)


def test_psi_of_two_halves_by_hand() -> None:
    """50:50 then, 80:20 now: (.8 − .5) ln 1.6 + (.2 − .5) ln .4 = .416."""
    then = distribution_of(np.repeat([0.0, 1.0], 50_000))
    found = psi(then, np.repeat([0.0, 1.0], [80_000, 20_000]))
    assert found is not None
    assert found.value == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4), abs=1e-4)
    assert found.low < found.value < found.high


def test_psi_interval_holds_the_true_index_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(3)
    truth = 0.2 * np.log(0.7 / 0.5) - 0.2 * np.log(0.3 / 0.5)
    held = 0
    for _ in range(400):
        then = distribution_of((rng.random(1000) < 0.5).astype(np.float64))
        found = psi(then, (rng.random(500) < 0.3).astype(np.float64))
        assert found is not None
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 400 <= 0.97


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_one_drifting_feature_is_named_and_nothing_else(reference: Reference) -> None:
    now = people(1500, 7)
    now[:, 3] += 8
    found = against(reference, now)
    assert [each.feature for each in found.named("shifted", "moving", "gone")] == ["spend"]
    assert found.scores.outcome == "steady"


def test_a_feature_that_moves_no_score_adds_nothing(reference: Reference) -> None:
    now = people(1500, 7)
    now[:, 3] += 8
    light = against(reference, now, weights={"days_since": 1.0, "spend": 0.0})
    heavy = against(reference, now, weights={"days_since": 0.5, "spend": 0.5})
    assert light.weighted_psi == 0.0
    assert (heavy.weighted_psi or 0.0) > 0.2


def test_drift_of_what_moves_scores_moves_the_scores(reference: Reference) -> None:
    now = people(1500, 7)
    now[:, 0] += 60
    found = against(reference, now)
    assert found.scores.outcome == "shifted"
    assert found.scores.mean_shift is not None
    assert found.scores.mean_shift.low > 0.1


def test_a_jump_of_the_missing_share_is_a_shift(reference: Reference) -> None:
    now = people(1500, 7)
    now[np.random.default_rng(1).random(1500) < 0.4, 0] = np.nan
    found = against(reference, now)
    assert [each.feature for each in found.named("shifted")] == ["days_since"]
    assert found.features[0].missing is not None
    assert found.features[0].missing.value == pytest.approx(0.4, abs=0.05)


def test_a_feature_whose_source_stopped_is_gone(reference: Reference) -> None:
    now = people(500, 7)
    now[:, 1] = 0.0
    assert [each.feature for each in against(reference, now).named("gone")] == ["orders"]


def test_a_small_difference_of_very_many_people_is_not_named(reference: Reference) -> None:
    """A sixth of a standard deviation is beyond chance with so many, and of no weight."""
    now = people(200_000, 7)
    now[:, 3] += 1.5
    found = against(reference, now)
    assert found.features[3].p_value is not None
    assert found.features[3].p_value < 0.001
    assert found.named("shifted", "moving", "gone") == ()


def test_under_a_hundred_people_it_cannot_say(reference: Reference) -> None:
    found = against(reference, people(99, 7))
    assert {each.outcome for each in found.features} == {"cannot_say"}
    assert (found.scores.outcome, found.weighted_psi) == ("cannot_say", None)


@pytest.mark.parametrize("n", [100, 400])
def test_the_same_people_drawn_again_are_named_at_most_one_time_in_twenty(
    reference: Reference, n: int
) -> None:
    alarms = 0
    for seed in range(1000, 1300):
        found = against(reference, people(n, seed))
        alarms += bool(found.named("shifted", "moving", "gone")) or found.scores.outcome != "steady"
    assert alarms / 300 <= 0.05


def test_a_season_that_was_never_in_training_is_unseen(reference: Reference) -> None:
    """Training saw September to March; asked is June to August."""
    found = season_of(reference, NOW)
    assert (found.outcome, found.unseen_share, found.years) == ("unseen", 1.0, 0)


def test_the_same_season_a_year_later_is_seen(reference: Reference) -> None:
    found = season_of(reference, datetime(2026, 12, 1, tzinfo=UTC))
    assert (found.outcome, found.unseen_share) == ("seen", 0.0)
    assert found.usual is not None
    assert found.usual.shift.low <= 0 <= found.usual.shift.high


@pytest.mark.parametrize(
    ("first", "until", "asked", "outcome"),
    [
        ("1997-01-01", "1998-07-01", "1998-04-01", "seen"),  # cdnow: a whole year lies before
        ("1997-01-01", "1998-07-01", "1997-10-01", "unseen"),  # cdnow, before its first Christmas
        ("2010-12-01", "2011-12-10", "2011-09-10", "unseen"),  # online_retail, before Christmas
    ],
)
def test_the_first_christmas_of_a_company_is_unseen(
    reference: Reference, first: str, until: str, asked: str, outcome: str
) -> None:
    """The cut-offs are those that training lays over the dates of these data sets."""
    begins, ends, at = (
        datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first, until, asked)
    )
    split = split_by_time(
        to_micros(at), 90, first_event=to_micros(begins), observed_until=to_micros(ends)
    )
    cutoffs = tuple(
        CutoffLevel(to_text(from_micros(each)), 500, 0.5, 0.5) for each in split.training
    )
    assert season_of(replace(reference, cutoffs=cutoffs), at).outcome == outcome


def test_a_december_that_scores_did_not_foresee_is_told_with_its_shift() -> None:
    rows = rows_at(datetime(2025, 9, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC))
    flat = np.full(len(rows), rows.y[rows.as_of == rows.as_of.min()].mean())
    rows.y[(rows.as_of == rows.as_of.max()) & (np.arange(len(rows)) % 3 == 0)] = 0.0
    found = season_of(reference_of(rows, flat), datetime(2026, 12, 5, tzinfo=UTC))
    assert found.usual is not None
    assert found.usual.shift.high < 0


def test_a_snapshot_has_no_season() -> None:
    rows = rows_at(datetime(2025, 9, 1, tzinfo=UTC), kind="given")
    found = season_of(reference_of(rows, probability_of(rows.values)), NOW)
    assert found.outcome == "does_not_apply"


def test_a_rate_is_not_kept_where_an_outcome_is_rare() -> None:
    rows = rows_at(datetime(2025, 9, 1, tzinfo=UTC), n=50)
    rows.y[:] = 0.0
    rows.y[0] = 1.0
    assert reference_of(rows, probability_of(rows.values)).cutoffs[0].rate is None


def test_a_reference_reads_back_equal(reference: Reference) -> None:
    assert Reference.from_json(reference.to_json()) == reference
