"""What one worker counts: requests by route, and what came of scores and events.

Labelled by route and outcome, never by what was asked or of whom. Names follow Prometheus: `_total`
counts, `_seconds` are seconds.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from serving.http.door import App, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
METERED = "keepwell.metered"
"""Marks in a scope a request that is counted here."""
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
COUNTED = {
    "keepwell_scores_total": ("status", "Customers asked about, by what could be said."),
    "keepwell_events_total": ("outcome", "Live events, by what became of them."),
    "keepwell_background_failures_total": ("task", "Background jobs that failed and try again."),
}
"""What is counted beside requests: the name of its label, and its meaning."""


class Counts(NamedTuple):
    """What a worker has counted since it started; plain enough to be kept as JSON.

    `requests`: method, route, status, n. `slots`: route, place in `BUCKETS`, n. `seconds`: route,
    sum. `outcomes`: name of `COUNTED`, label, n.
    """

    requests: Sequence[tuple[str, str, int, int]] = ()
    slots: Sequence[tuple[str, int, int]] = ()
    seconds: Sequence[tuple[str, float]] = ()
    outcomes: Sequence[tuple[str, str, int]] = ()


class Meter:
    """Counts for one worker process; `counts` may be asked at any time."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._slots: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, float] = {}
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        slot = next((k for k, edge in enumerate(BUCKETS) if seconds <= edge), len(BUCKETS))
        with self._lock:
            self._requests[method, route, status] += 1
            self._slots[route, slot] += 1
            self._seconds[route] = self._seconds.get(route, 0.0) + seconds

    def count(self, name: str, labels: Sequence[str]) -> None:
        """Count outcomes of one of `COUNTED`, one by one or many together."""
        with self._lock:
            for label in labels:
                self._outcomes[name, label] += 1

    def counts(self) -> Counts:
        """Say what was counted."""
        with self._lock:
            return Counts(
                [(*key, n) for key, n in self._requests.items()],
                [(*key, n) for key, n in self._slots.items()],
                list(self._seconds.items()),
                [(*key, n) for key, n in self._outcomes.items()],
            )


def total(several: Iterable[Counts]) -> Counts:
    """Add up what several workers have counted."""
    requests, slots, outcomes = Counter[Any](), Counter[Any](), Counter[Any]()
    seconds: dict[str, float] = {}
    for each in several:
        for method, route, status, n in each.requests:
            requests[method, route, status] += n
        for route, slot, n in each.slots:
            slots[route, slot] += n
        for name, label, n in each.outcomes:
            outcomes[name, label] += n
        for route, spent in each.seconds:
            seconds[route] = seconds.get(route, 0.0) + spent
    return Counts(
        [(*key, n) for key, n in sorted(requests.items())],
        [(*key, n) for key, n in sorted(slots.items())],
        sorted(seconds.items()),
        [(*key, n) for key, n in sorted(outcomes.items())],
    )


def counts_text(counts: Counts) -> str:
    """Write counts in Prometheus's text form."""
    lines = [
        "# HELP keepwell_requests_total Requests answered by all workers of this service.",
        "# TYPE keepwell_requests_total counter",
    ]
    lines += [
        f'keepwell_requests_total{{method="{method}",route="{route}",status="{status}"}} {n}'
        for method, route, status, n in counts.requests
    ]
    lines += [
        "# HELP keepwell_request_seconds Time from a request's arrival to its answer.",
        "# TYPE keepwell_request_seconds histogram",
    ]
    slots = {(route, slot): n for route, slot, n in counts.slots}
    for route, spent in counts.seconds:
        lines += _histogram(route, [slots.get((route, k), 0) for k in range(len(BUCKETS) + 1)])
        lines.append(f'keepwell_request_seconds_sum{{route="{route}"}} {spent:.6f}')
    for name, (label, meaning) in COUNTED.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
        lines += [
            f'{name}{{{label}="{value}"}} {n}' for of, value, n in counts.outcomes if of == name
        ]
    return "\n".join(lines) + "\n"


class ModelGauge(NamedTuple):
    """What is told of one serving model: figures over people, by name; None where not known."""

    target: str
    figures: Mapping[str, float | None]


_MODEL_GAUGES = {
    "age_days": "Days since the serving model was signed.",
    "damaged": "1 where the approved model does not load; the one before it serves on.",
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
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
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
