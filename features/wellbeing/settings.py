"""A company's own way of looking at well-being, as its `keepwell.toml` states it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from features.events import is_reserved
from features.wellbeing.scheme import SCHEMES, SOURCES, Dimension, Scheme, Signal
from governance.errors import ConfigurationError


def parse_scheme(found: Mapping[str, Any], *, source: str = "[wellbeing]") -> Scheme:
    """Read a company's own scheme; every mistake is raised at once as `ConfigurationError`.

    ```toml
    [wellbeing]
    scheme = "five"                       # the one to start from: five or perma
    min_evidence = 0.15
    [wellbeing.weights]                   # of dimensions in the index; 0 leaves one out
    financial = 2
    [wellbeing.signals.physical.sleep_score]      # a changed signal keeps what is not stated
    weight = 0.5
    [wellbeing.signals.purposeful.volunteering]   # a new one states its source
    source = "count"
    kinds = ["volunteered"]
    low = 0
    high = 2
    [wellbeing.signals.housing.asked]             # a new dimension comes with its first signal
    source = "survey"
    instruments = ["housing_pulse"]
    ```
    """
    reader = _Reader()
    scheme = reader.scheme(found)
    if reader.problems:
        raise ConfigurationError(
            reader.problems,
            source=source,
            hint="docs/wellbeing.md shows every key",
        )
    return scheme


@dataclass
class _Reader:
    problems: list[str] = field(default_factory=list)

    def scheme(self, found: Mapping[str, Any]) -> Scheme:
        self.keys(found, {"scheme", "min_evidence", "weights", "signals"}, "")
        name = found.get("scheme", "five")
        if not isinstance(name, str) or name not in SCHEMES:
            self.problems.append(f"scheme is {name!r}, must be one of {', '.join(SCHEMES)}")
            name = "five"
        start = SCHEMES[name]
        least = self.number(found, "min_evidence", start.min_evidence, "", low=0.0, high=1.0)
        signals = self.table(found, "signals", "")
        names = list(dict.fromkeys((*start.names, *signals)))
        weights = self.table(found, "weights", "")
        self.keys(weights, set(names), "weights.")
        dimensions = []
        known = {dimension.name: dimension for dimension in start.dimensions}
        for each in names:
            old = known.get(each, Dimension(each, ()))
            weight = self.number(weights, each, old.weight, "weights.", low=0.0)
            stated = self.table(signals, each, "signals.")
            dimension = Dimension(each, self.signals(old, stated), weight)
            if not dimension.signals:
                self.problems.append(f"signals.{each}: a new dimension needs a signal")
            if weight > 0:
                dimensions.append(dimension)
        if not dimensions:
            self.problems.append("weights: every dimension has weight 0, one must count")
        changed = bool({"weights", "signals"} & set(found))
        return Scheme(f"{name}, changed" if changed else name, tuple(dimensions), least)

    def signals(self, old: Dimension, stated: Mapping[str, Any]) -> tuple[Signal, ...]:
        known = {signal.name: signal for signal in old.signals}
        found = dict(known)
        for name in stated:
            place = f"signals.{old.name}.{name}"
            made = self.signal(
                known.get(name), name, self.table(stated, name, f"signals.{old.name}."), place
            )
            if made is not None:
                found[name] = made
        return tuple(signal for signal in found.values() if signal.weight > 0)

    def signal(
        self, old: Signal | None, name: str, stated: Mapping[str, Any], place: str
    ) -> Signal | None:
        self.keys(stated, {*Signal.__dataclass_fields__} - {"name"}, f"{place}.")
        source = stated.get("source", None if old is None else old.source)
        if source not in SOURCES:
            self.problems.append(f"{place}.source is {source!r}, must be one of {_listed(SOURCES)}")
            return None
        start = Signal(name, source) if old is None else replace(old, source=source)
        made = replace(
            start,
            kinds=self.texts(stated, "kinds", start.kinds, place),
            instruments=self.texts(stated, "instruments", start.instruments, place),
            where=self.where(stated, start.where, place),
            low=self.number(stated, "low", start.low, f"{place}."),
            high=self.number(stated, "high", start.high, f"{place}."),
            weight=self.number(stated, "weight", start.weight, f"{place}.", low=0.0, high=1.0),
        )
        if made.low == made.high:
            self.problems.append(f"{place}: low and high are both {made.low:g}, must differ")
        if source in ("value", "count") and not made.kinds:
            self.problems.append(f"{place}.kinds must name at least one kind of event")
        for kind in made.kinds:
            if is_reserved(kind):
                self.problems.append(f"{place}.kinds: {kind} is Keepwell's own, never a signal")
        return made

    def where(
        self, stated: Mapping[str, Any], default: tuple[tuple[str, str], ...], place: str
    ) -> tuple[tuple[str, str], ...]:
        if "where" not in stated:
            return default
        found = self.table(stated, "where", f"{place}.")
        return tuple(sorted((str(name), str(value)) for name, value in found.items()))

    def texts(
        self, stated: Mapping[str, Any], name: str, default: tuple[str, ...], place: str
    ) -> tuple[str, ...]:
        found = stated.get(name, list(default))
        if not isinstance(found, list | tuple) or not all(isinstance(x, str) and x for x in found):
            self.problems.append(f"{place}.{name} must be a list of names")
            return default
        return tuple(found)

    def number(
        self,
        stated: Mapping[str, Any],
        name: str,
        default: float,
        place: str,
        *,
        low: float = -math.inf,
        high: float = math.inf,
    ) -> float:
        found = stated.get(name, default)
        if isinstance(found, bool) or not isinstance(found, int | float):
            self.problems.append(f"{place}{name} must be a number")
            return default
        if not low <= found <= high or not math.isfinite(found):
            limits = f">= {low:g}" if high == math.inf else f"within {low:g}-{high:g}"
            wanted = limits if low > -math.inf else "finite"
            self.problems.append(f"{place}{name} == {found}, must be {wanted}")
            return default
        return float(found)

    def table(self, stated: Mapping[str, Any], name: str, place: str) -> Mapping[str, Any]:
        found = stated.get(name, {})
        if not isinstance(found, Mapping):
            self.problems.append(f"{place}{name} must be a table")
            return {}
        return found

    def keys(self, stated: Mapping[str, Any], known: set[str], place: str) -> None:
        for name in sorted(set(stated) - known):
            self.problems.append(f"{place}{name} is unknown, known are {_listed(sorted(known))}")


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names)
