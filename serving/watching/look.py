"""One look at one serving model: where it stands and why, as a record and as JSON."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.instants import to_text
from governance.intervals import Interval
from training.watch.drift import Drift
from training.watch.performance import Expected, Realised
from training.watch.standing import Standing


@dataclass(frozen=True)
class Look:
    """What one look at one model came to, as things were known at `as_of`.

    `drift` is None where the model cannot be read or keeps no reference, `expected` where there are
    too few people. `withdrew` counts those who changed their mind while the look was taken.
    """

    target: str
    model_digest: str
    as_of: datetime
    monitored_at: datetime
    standing: Standing
    people: int
    withdrew: int
    drift: Drift | None
    expected: Expected | None
    realised: Realised
    scores_since: datetime | None
    scores_until: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as `keepwell monitor --json` prints it and as it is kept.

        Of the features those are named that are not steady, those that weigh most first.
        """
        return _look_json(self)


def _look_json(look: Look) -> dict[str, Any]:
    realised = _plain(look.realised)
    realised["scores_since"] = None if look.scores_since is None else to_text(look.scores_since)
    realised["scores_until"] = None if look.scores_until is None else to_text(look.scores_until)
    return {
        "target": look.target,
        "model_digest": look.model_digest,
        "as_of": to_text(look.as_of),
        "monitored_at": to_text(look.monitored_at),
        "status": look.standing.status,
        "reasons": list(look.standing.reasons),
        "people": look.people,
        "withdrew": look.withdrew,
        "drift": None if look.drift is None else _drift_json(look.drift),
        "expected": None if look.expected is None else _plain(look.expected),
        "realised": realised,
    }


def _drift_json(drift: Drift) -> dict[str, Any]:
    told = drift.named("shifted", "moving", "gone", "cannot_say")
    say = "cannot_say" if drift.weighted_psi is None else "compared"
    return {
        "outcome": say,
        "people": drift.people,
        "compared": len(drift.features),
        "weighted_psi": drift.weighted_psi,
        "features": [] if say == "cannot_say" else [_plain(each) for each in told],
        "scores": _plain(drift.scores),
        "season": _plain(drift.season),
    }


def _plain(found: Any) -> Any:
    if isinstance(found, Interval):
        return found.to_json()
    if isinstance(found, tuple) and hasattr(found, "_asdict"):
        return {name: _plain(each) for name, each in found._asdict().items()}
    return found
