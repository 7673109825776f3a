"""How often and how fast each route answers, and how the models do, for Prometheus to read.

Labelled by route and target, never by what was asked or of whom.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from serving.http.door import App, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
METERED = "keepwell.metered"
"""Marks in a scope a request that is counted here."""
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Meter:
    """Counts the requests of one worker process, for Prometheus to read from `/metrics`."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._slots: Counter[tuple[str, int]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        slot = next((k for k, edge in enumerate(BUCKETS) if seconds <= edge), len(BUCKETS))
        with self._lock:
            self._counts[method, route, status] += 1
            self._slots[route, slot] += 1
            self._seconds[route] += seconds  # type: ignore[assignment]

    def text(self) -> str:
        """Write what was counted in Prometheus's text form."""
        with self._lock:
            counts, slots, seconds = dict(self._counts), dict(self._slots), dict(self._seconds)
        lines = [
            "# HELP keepwell_requests_total Requests answered by this worker process.",
            "# TYPE keepwell_requests_total counter",
        ]
        lines += [
            f'keepwell_requests_total{{method="{method}",route="{route}",status="{status}"}} {n}'
            for (method, route, status), n in sorted(counts.items())
        ]
        lines += [
            "# HELP keepwell_request_seconds Time from a request's arrival to its answer.",
            "# TYPE keepwell_request_seconds histogram",
        ]
        for route in sorted(seconds):
            lines += _histogram(route, [slots.get((route, k), 0) for k in range(len(BUCKETS) + 1)])
            lines.append(f'keepwell_request_seconds_sum{{route="{route}"}} {seconds[route]:.6f}')
        return "\n".join(lines) + "\n"


class ModelGauge(NamedTuple):
    """What is told of one serving model: figures over people, by name; None where not known."""

    target: str
    figures: Mapping[str, float | None]


_MODEL_GAUGES = {
    "age_days": "Days since the serving model was signed.",
    "drift_features": "Features of the serving model that have shifted or stopped arriving.",
    "score_psi": "Population stability index of its scores against training.",
    "expected_auc": "AUC to be expected of the people scored now, without outcomes.",
    "realised_auc": "AUC of earlier scores whose outcome is known.",
    "status": "Where it stands: 0 fine, 1 watch, 2 retrain.",
}


def gauges_text(models: Sequence[ModelGauge]) -> str:
    """Write gauges of serving models in Prometheus's text form, `keepwell_model_…` by target."""
    lines = []
    for name, meaning in _MODEL_GAUGES.items():
        told = [(each.target, each.figures.get(name)) for each in models]
        known = [(target, value) for target, value in told if value is not None]
        if not known:
            continue
        lines += [f"# HELP keepwell_model_{name} {meaning}", f"# TYPE keepwell_model_{name} gauge"]
        lines += [
            f'keepwell_model_{name}{{target="{_escaped(target)}"}} {value:g}'
            for target, value in known
        ]
    return "".join(f"{line}\n" for line in lines)


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Metered:
    """Notes every request that passes to `app`, under the route that answered it."""

    def __init__(self, app: App, meter: Meter) -> None:
        self.app = app
        self.meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on and note how it went."""
        started, status = time.perf_counter(), 500
        scope[METERED] = True

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            route: Any = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.meter.note(method, route, status, time.perf_counter() - started)


def _histogram(route: str, slots: Sequence[int]) -> list[str]:
    total, lines = 0, []
    for edge, n in zip((*BUCKETS, "+Inf"), slots, strict=True):
        total += n
        lines.append(f'keepwell_request_seconds_bucket{{route="{route}",le="{edge}"}} {total}')
    lines.append(f'keepwell_request_seconds_count{{route="{route}"}} {total}')
    return lines
