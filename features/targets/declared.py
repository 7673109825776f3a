"""Targets as a company declares them: `[targets.NAME]` of its settings, with what need not be said.

[targets.churn]                       # a name of the product's own says what kind it is
[targets.wellbeing_decline_social]    # and which dimension
[targets.lost]
kind = "silence"
silence_days = 60
"""

from collections.abc import Mapping, Sequence
from typing import Any

from features.targets.target import ACCUMULATING_KINDS, KINDS, OutsideEvent, Target
from features.wellbeing.scheme import FIVE, Scheme
from governance.errors import ConfigurationError

HORIZONS: Mapping[str, tuple[int, ...]] = {
    "silence": (30, 60, 90),
    "contract": (30, 60, 90),
    "event": (30, 60, 90),
    "next_need": (7, 14, 30, 60, 90),
    "clv": (365,),
    "wellbeing_decline": (90,),
    "sentiment_shift": (90,),
}
"""Horizons in days of each kind where none are stated; 90 for all others."""

_ONE_DIMENSION = "wellbeing_decline_"


def declare(
    name: str,
    stated: Mapping[str, Any],
    *,
    scheme: Scheme = FIVE,
    outside: Sequence[OutsideEvent] = (),
) -> Target:
    """Make a target of what a company states about it; the rest has defaults.

    The kind follows from a name of the product's own (`clv`, `wellbeing_decline_social` …), and is
    `inactivity` for any other. With `horizon_days` alone the usual shorter horizons that fit are
    answered, too. Raises `ConfigurationError` with everything that is wrong.
    """
    found = {"kind": _kind_of(name), **stated}
    if found["kind"] == "wellbeing_decline" and name.startswith(_ONE_DIMENSION):
        found.setdefault("dimension", name.removeprefix(_ONE_DIMENSION))
    usual = HORIZONS.get(found["kind"], (90,))
    main = found.get("horizon_days")
    if "horizons" not in found:
        shorter = usual if found["kind"] in ACCUMULATING_KINDS else ()
        fitting = usual if main is None else (*(days for days in shorter if days < main), main)
        found["horizons"] = tuple(fitting)
    if main is None and found["horizons"]:
        found["horizon_days"] = found["horizons"][-1]
    return Target(name=name, scheme=scheme, outside=tuple(outside), **found)


def declare_all(
    stated: Mapping[str, Mapping[str, Any]],
    *,
    scheme: Scheme = FIVE,
    outside: Sequence[OutsideEvent] = (),
) -> tuple[dict[str, Target], list[str]]:
    """Make every target that can be made, and list every mistake under `targets.NAME`."""
    targets, mistakes = {}, []
    for name, found in stated.items():
        try:
            targets[name] = declare(name, found, scheme=scheme, outside=outside)
        except ConfigurationError as error:
            mistakes += [f"targets.{name}: {problem}" for problem in error.problems]
    return targets, mistakes


def _kind_of(name: str) -> str:
    if name.startswith(_ONE_DIMENSION):
        return "wellbeing_decline"
    return name if name in KINDS and name != "given" else "inactivity"
