"""What `/metrics` says of the models that serve: the last look at each, as numbers."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from governance.review.reviews import champion
from serving.bootstrap import Keepwell
from serving.http.metering import ModelGauge
from serving.scoring.staleness import newest
from training.watch.standing import STATUSES

_DAY = timedelta(days=1)


def model_gauges(
    keepwell: Keepwell, *, now: datetime, damaged: Collection[str] = ()
) -> list[ModelGauge]:
    """Read the last look at every serving model; one nobody looked at tells its age alone.

    `damaged`: digests of models that could not be loaded.
    """
    found = []
    with keepwell.database.read() as conn:
        for name in sorted(keepwell.targets):
            approval = champion(conn, name, now=now)
            if approval is None:
                continue
            figures: dict[str, float | None] = {"age_days": (now - approval.signed_at) / _DAY}
            figures["damaged"] = float(approval.model_digest in damaged)
            look = newest(conn, name, approval.model_digest)
            if look is not None:
                figures["status"] = float([*STATUSES].index(look.status))  # type: ignore[arg-type]
                figures |= _figures(look.result)
            found.append(ModelGauge(name, figures))
    return found


def _figures(result: Mapping[str, Any]) -> dict[str, float | None]:
    drift, expected, realised = (result.get(name) or {} for name in _PARTS)
    changed = [each for each in drift.get("features", ()) if each["outcome"] in _CHANGED]
    known = drift.get("weighted_psi") is not None
    return {
        "drift_features": float(len(changed)) if known else None,
        "score_psi": _value(drift.get("scores", {}).get("psi")),
        "expected_auc": _value(expected.get("auc")),
        "realised_auc": _value(realised.get("auc")),
    }


_PARTS = ("drift", "expected", "realised")
_CHANGED = ("shifted", "gone")


def _value(interval: Mapping[str, float] | None) -> float | None:
    return None if interval is None else interval["value"]
