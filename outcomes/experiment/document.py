"""The document of `keepwell experiment analyse --json`."""

from dataclasses import asdict
from typing import Any

from outcomes.experiment.analysis import Comparison, Experiment
from outcomes.experiment.segments import Segments
from outcomes.randomised.lift import Difference

METHODS = {
    "welch": "Welch's interval",
    "newcombe": "Newcombe's interval (method 10) for a share with few ones or zeros",
    "permutation": "studentised permutation interval, for a mean with a heavy tail",
    "cuped": "regression on what was known before, slopes per arm (CUPED; Lin 2013)",
    "always valid": "always-valid interval (normal mixture), holds at every look",
    "none": "no interval",
}


def to_document(found: Experiment) -> dict[str, Any]:
    """Give the answer with everything that made it, every figure at full precision."""
    asked = found.question
    outcomes: dict[str, Any] = {}
    for each in found.comparisons:
        outcomes.setdefault(each.outcome, {})[each.arm] = _comparison(each)
    return {
        "control": asked.control,
        "design": "randomised" if asked.randomised else "not randomised: association, not effect",
        "arms": {arm: asdict(size) for arm, size in found.arms.items()},
        "sample_ratio": None if found.sample_ratio is None else found.sample_ratio._asdict(),
        "balance": None
        if found.balance is None
        else found.balance._asdict() | {"outcome": found.balance.outcome},
        "outcomes": outcomes,
        "segments": _segments(found.segments),
        "interactions": [
            asdict(each) | {"differs": each.differs} for each in found.segments.interactions
        ],
        "hidden_segments": dict(found.segments.hidden),
        "withheld": found.withheld or None,
        "parameters": {
            "level": asked.level,
            "looked_at_while_running": asked.running,
            "planned_units": asked.planned_units if asked.running else None,
            "unit": asked.unit,
            "covariates": list(asked.covariates),
            "worthwhile": dict(asked.worthwhile),
            "comparisons_adjusted_by": "holm",
            "segments_adjusted_by": "benjamini_hochberg",
        },
        "warnings": list(found.warnings),
        "verdict": found.verdict,
    }


def _comparison(each: Comparison) -> dict[str, Any]:
    entry = _difference(each.plain) | {
        "p_holm": each.p_holm,
        "good_is": each.good_is,
        "verdict": each.judged.word,
        "reason": each.judged.reason,
        "worthwhile": each.judged.worthwhile,
    }
    if each.adjusted is not None:
        entry["adjusted"] = _difference(each.adjusted.found) | {
            "variance_reduction": each.adjusted.variance_reduction
        }
    return entry


def _segments(segments: Segments) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in segments.comparisons:
        place = found.setdefault(each.column, {}).setdefault(each.segment, {})
        place.setdefault(each.outcome, {})[each.arm] = _difference(each.plain) | {
            "p_adjusted": each.p_adjusted,
            "is_clear": each.is_clear,
        }
    return found


def _difference(found: Difference) -> dict[str, Any]:
    stated = found._asdict()
    stated["direction"] = stated.pop("verdict")
    return stated | {"method_in_words": METHODS[found.method]}
