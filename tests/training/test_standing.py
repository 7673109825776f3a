"""What makes a model one to watch or to train again."""

from datetime import UTC, datetime, timedelta

from governance.intervals import Interval
from training.watch.drift import Drift, FeatureDrift, ScoreDrift, Season
from training.watch.performance import Treated, nothing_realised
from training.watch.reference import MonthFit
from training.watch.standing import Finding, Limits, age, drifted, realised, stand

SIGNED = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits(review_after_days=100)
STEADY = ScoreDrift("steady", Interval(0.01, 0.0, 0.02), Interval(0.0, -0.01, 0.01), 0.7)
SEEN = Season("seen", 0.0, 1, None)


def feature(name: str, weight: float, outcome: str, psi: float = 0.0) -> FeatureDrift:
    return FeatureDrift(name, weight, outcome, Interval(psi, psi, psi), None, None, 0.0)  # type: ignore[arg-type]


def drift(*features: FeatureDrift, scores: ScoreDrift = STEADY, season: Season = SEEN) -> Drift:
    weighted = sum(
        each.weight * each.psi.value
        for each in features
        if each.psi is not None and each.outcome != "steady"
    )
    return Drift(1000, features, scores, season, weighted)


def status_of_age(day: int) -> str:
    found = age(
        signed_at=SIGNED,
        expires_at=SIGNED + timedelta(days=365),
        now=SIGNED + timedelta(days=day),
        limits=LIMITS,
    )
    return stand(found).status


def test_a_model_ages_from_fine_through_watch_to_retrain() -> None:
    assert [status_of_age(day) for day in (69, 70, 99, 100)] == [
        "fine",
        "watch",
        "watch",
        "retrain",
    ]


def test_the_end_of_the_signature_counts_when_it_is_earlier() -> None:
    ends = SIGNED + timedelta(days=10)
    found = age(signed_at=SIGNED, expires_at=ends, now=ends, limits=LIMITS)
    assert found == [Finding("retrain", "past its review date, 2026-01-11")]


def test_steady_features_are_fine() -> None:
    assert stand(drifted(drift(feature("orders", 1.0, "steady")), LIMITS)) == ("fine", ())


def test_a_shifted_feature_that_moves_scores_a_little_is_watched() -> None:
    found = stand(drifted(drift(feature("orders", 0.1, "shifted", 0.5)), LIMITS))
    assert found == ("watch", ("orders has shifted since training",))


def test_a_shifted_feature_that_moves_no_score_is_not_worth_a_word() -> None:
    found = drift(feature("orders", 0.0, "shifted", 9.0))
    assert stand(drifted(found, LIMITS)).status == "fine"


def test_shifted_features_behind_the_scores_ask_for_retraining() -> None:
    found = stand(drifted(drift(feature("orders", 0.8, "shifted", 0.5)), LIMITS))
    assert found.status == "retrain"
    assert "weighted PSI 0.40 (orders)" in found.reasons[0]


def test_a_source_that_no_longer_arrives_asks_for_retraining() -> None:
    found = stand(drifted(drift(feature("orders", 0.1, "gone", 0.5)), LIMITS))
    assert found.status == "retrain"


def test_shifted_scores_ask_for_retraining() -> None:
    shifted = ScoreDrift("shifted", Interval(0.3, 0.2, 0.4), Interval(0.1, 0.08, 0.12), 0.0)
    found = stand(drifted(drift(scores=shifted), LIMITS))
    assert found == (
        "retrain",
        ("the scores have shifted since training: PSI 0.30, mean +0.100",),
    )


def test_a_season_never_seen_is_watched() -> None:
    found = stand(drifted(drift(season=Season("unseen", 0.8, 0, None)), LIMITS))
    assert found.status == "watch"
    assert found.reasons[0].startswith("80% of the days ahead")


def test_a_month_in_which_scores_were_off_before_is_watched() -> None:
    december = MonthFit(12, 500, 0.3, Interval(-0.4, -0.6, -0.2))
    found = stand(drifted(drift(season=Season("seen", 0.0, 1, december)), LIMITS))
    assert found == (
        "watch",
        (
            "at this time of year fewer outcomes came in training than the scores said: "
            "log-odds -0.400",
        ),
    )


def test_outcomes_below_the_promise_ask_for_retraining() -> None:
    came = nothing_realised("worse", "")._replace(
        auc=Interval(0.6, 0.55, 0.65),
        auc_change=Interval(-0.1, -0.15, -0.05),
        treated=Treated(0, None),
    )
    assert stand(realised(came)).status == "retrain"


def test_outcomes_that_are_not_there_yet_are_no_reason() -> None:
    assert realised(nothing_realised("cannot_say_yet", "3 of 30")) == []


def test_the_worst_decides_and_all_are_told() -> None:
    found = stand([Finding("watch", "season"), Finding("retrain", "age")])
    assert found == ("retrain", ("age", "season"))
