"""Whether a serving model may be relied on: fine, to be watched, to be trained again; and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from training.watch.drift import Drift, FeatureDrift
from training.watch.performance import Realised

Status = Literal["fine", "watch", "retrain"]
STATUSES: tuple[Status, ...] = ("fine", "watch", "retrain")
SOON = timedelta(days=30)
SEASONAL_SHIFT = 0.2
"""In log-odds: 5 points of probability where half have the outcome."""
_SHOWN = 3


@dataclass(frozen=True)
class Limits:
    """How far a model may move from what it was signed for; every one is a setting.

    `max_feature_psi` bounds the weighted PSI over features, and is where one feature counts as
    shifted; `max_score_psi` bounds that of the scores. `max_auc_loss` and `max_gap` (of observed
    from predicted shares) must be exceeded beyond chance. Features that carry less than
    `min_weight` of what moves scores are not worth a warning.
    """

    review_after_days: int = 365
    max_feature_psi: float = 0.2
    max_score_psi: float = 0.2
    max_auc_loss: float = 0.02
    max_gap: float = 0.05
    min_weight: float = 0.01


class Finding(NamedTuple):
    """One reason, in words, and the status it asks for."""

    status: Status
    text: str


class Standing(NamedTuple):
    """The worst of what was found; `reasons` lists everything that was, worst first."""

    status: Status
    reasons: tuple[str, ...]


def stand(findings: Sequence[Finding]) -> Standing:
    """Put findings together: the worst decides, all are told."""
    worst_first = sorted(findings, key=lambda found: -STATUSES.index(found.status))
    status: Status = worst_first[0].status if worst_first else "fine"
    return Standing(status, tuple(found.text for found in worst_first))


def age(
    *, signed_at: datetime, expires_at: datetime, now: datetime, limits: Limits
) -> list[Finding]:
    """Find a review that is past or near; the earlier of the signature's end and the settings'."""
    due = min(expires_at, signed_at + timedelta(days=limits.review_after_days))
    if now >= due:
        return [Finding("retrain", f"past its review date, {due:%Y-%m-%d}")]
    if now >= due - SOON:
        return [Finding("watch", f"its review is due on {due:%Y-%m-%d}")]
    return []


def drifted(drift: Drift, limits: Limits) -> list[Finding]:
    """Find what has changed in features, scores and season beyond the limits."""
    found = _features(drift, limits) + _scores(drift)
    if drift.season.outcome == "unseen" and drift.season.unseen_share is not None:
        share = f"{drift.season.unseen_share:.0%}"
        text = f"{share} of the days ahead lie in a part of the year that training never saw"
        found.append(Finding("watch", text))
    usual = drift.season.usual
    if usual is not None and usual.shift.excludes_zero and abs(usual.shift.value) >= SEASONAL_SHIFT:
        more = "more" if usual.shift.value > 0 else "fewer"
        text = f"at this time of year {more} outcomes came in training than the scores said"
        found.append(Finding("watch", f"{text}: log-odds {_signed(usual.shift.value)}"))
    return found


def realised(found: Realised) -> list[Finding]:
    """Find outcomes that fell short of what the test promised."""
    if found.verdict != "worse" or found.auc is None or found.auc_change is None:
        return []
    gap = "" if found.gap is None else f", observed minus predicted {_signed(found.gap.value)}"
    return [
        Finding(
            "retrain",
            f"outcomes fall short of the test: AUC {found.auc}, "
            f"{_signed(found.auc_change.value)} against the promise{gap}",
        )
    ]


def _features(drift: Drift, limits: Limits) -> list[Finding]:
    found = [
        Finding("retrain", f"{each.feature} says the same of everyone now: does its source arrive?")
        for each in drift.named("gone")
        if each.weight >= limits.min_weight
    ]
    shifted = [each for each in drift.named("shifted") if each.weight >= limits.min_weight]
    if drift.weighted_psi is not None and drift.weighted_psi >= limits.max_feature_psi:
        moved = drift.named("shifted", "gone", "moving")
        text = f"the features behind the scores have shifted: weighted PSI {drift.weighted_psi:.2f}"
        found.append(Finding("retrain", f"{text} ({_named(moved)})"))
    elif shifted:
        verb = "has" if len(shifted) == 1 else "have"
        found.append(Finding("watch", f"{_named(shifted)} {verb} shifted since training"))
    return found + [
        Finding("watch", f"{each.unseen:.0%} have a value of {each.feature} unknown to training")
        for each in shifted
        if each.unseen is not None and each.unseen > 0
    ]


def _scores(drift: Drift) -> list[Finding]:
    scores = drift.scores
    if scores.outcome not in ("moving", "shifted") or scores.psi is None:
        return []
    mean = "" if scores.mean_shift is None else f", mean {_signed(scores.mean_shift.value)}"
    word = "shifted" if scores.outcome == "shifted" else "begun to move"
    text = f"the scores have {word} since training: PSI {scores.psi.value:.2f}{mean}"
    return [Finding("retrain" if scores.outcome == "shifted" else "watch", text)]


def _named(features: Sequence[FeatureDrift]) -> str:
    names = ", ".join(each.feature for each in features[:_SHOWN])
    return names + (f" and {len(features) - _SHOWN} more" if len(features) > _SHOWN else "")


def _signed(number: float) -> str:
    return f"{number:+.3f}"
