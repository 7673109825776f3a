"""A company's own feature functions: a small Python file beside its settings, held to its digest.

    # own_features.py
    def late_night_orders(customer):
        return sum(event.occurred_at.hour >= 22 for event in customer.events)

The function is given one customer's usable events and gives a number, or None where there is
nothing to say. It must depend on nothing else: no clock, no chance, no file.
"""

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions import FUNCTION, FeatureDefinition
from features.events import MICROS, MISSING, is_reserved
from features.history import Histories
from governance.errors import ConfigurationError, IntegrityBroken
from governance.instants import DAY_US, from_micros


class KnownEvent(NamedTuple):
    """One event as it was known at as_of; `occurred_at` is in UTC.

    `text` is there only for a feature whose purposes include `wellbeing_inference`. Lists in
    `properties` are tuples.
    """

    kind: str
    occurred_at: datetime
    days_before_as_of: float
    value: float | None
    properties: Mapping[str, Any]
    text: str | None


class CustomerRecord(NamedTuple):
    """What a function is given: a customer's usable events before `as_of`, oldest first.

    Only those of the feature's kinds, window and `where`; never rights, consents, interventions or
    the customer's id.
    """

    as_of: datetime
    events: tuple[KnownEvent, ...]


OwnFunction = Callable[[CustomerRecord], float | None]


def pin(definitions: Iterable[FeatureDefinition], directory: Path) -> tuple[FeatureDefinition, ...]:
    """Write the digest of each function's file, as it is now, into the definition.

    Raises `ConfigurationError` naming every file that is missing and every function not in it.
    """
    pinned, problems = [], []
    loaded: dict[str, ModuleType] = {}
    for each in definitions:
        if each.aggregate != "function":
            pinned.append(each)
            continue
        file, name, _ = _place(each)
        try:
            content = _read(directory, file)
            if file not in loaded:
                loaded[file] = _run(content, file)
            _named(loaded[file], name, file)
        except ConfigurationError as error:
            problems += [f"{each.name}: {problem}" for problem in error.problems]
            continue
        digest = hashlib.sha256(content).hexdigest()
        pinned.append(replace(each, function=f"{file}:{name}#{digest}"))
    if problems:
        raise ConfigurationError(problems, source="the own functions")
    return tuple(pinned)


def function_files(definitions: Iterable[FeatureDefinition]) -> frozenset[str]:
    """Name the files that hold the functions of some definitions, as paths within the home."""
    return frozenset(_place(each)[0] for each in definitions if each.aggregate == "function")


def load_functions(
    definitions: Iterable[FeatureDefinition], directory: Path | None
) -> Mapping[str, OwnFunction]:
    """Load the functions that some definitions name from the home's `directory`.

    Keys are the definitions' `function`. Nothing is run unless the file is, byte for byte, the one
    the definition was made with: raises `IntegrityBroken` otherwise, `ConfigurationError` for a
    file that cannot be loaded or is not there.
    """
    found: dict[str, OwnFunction] = {}
    modules: dict[str, ModuleType] = {}
    for each in definitions:
        if each.aggregate != "function" or each.function in found:
            continue
        file, name, digest = _place(each)
        if directory is None:
            raise ConfigurationError(
                [f"feature {each.name} is a function in {file}, and no directory was given"],
                source="the own functions",
            )
        content = _read(directory, file)
        if hashlib.sha256(content).hexdigest() != digest:
            raise IntegrityBroken(
                f"{file} is not the file feature {each.name} was made with",
                hint="train again, or bring the former file back",
            )
        if file not in modules:
            modules[file] = _run(content, file)
        found[each.function] = _named(modules[file], name, file)
    return found


def function_values(
    definition: FeatureDefinition,
    functions: Mapping[str, OwnFunction],
    histories: Histories,
    customers: range,
    cuts: Sequence[int],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Compute one own function for some neighbouring customers at instants `cuts` (µs): (m, t).

    `customers` are places in `histories`; `allowed` (m,) says who permits every purpose of the
    feature: nobody else's events are read, and theirs is NaN. None, NaN and infinity become the
    definition's `empty`. Raises `ConfigurationError` with feature, file and line, never data, when
    the function fails.
    """
    function = functions.get(definition.function)
    if function is None:
        raise ConfigurationError(
            [f"the function of feature {definition.name} was not loaded"],
            source="the own functions",
        )
    found = np.full((len(customers), len(cuts)), np.nan)
    for place in np.flatnonzero(allowed).tolist():
        own = _Events(definition, histories, customers[place])
        for k, as_of in enumerate(cuts):
            found[place, k] = _call(definition, function, own.known_at(as_of))
    return found


class _Events:
    """One customer's events for one feature, read once and seen from several instants."""

    def __init__(self, definition: FeatureDefinition, histories: Histories, index: int) -> None:
        rows = np.arange(histories.offsets[index], histories.offsets[index + 1])
        codes = [
            code
            for code, kind in enumerate(histories.kinds)
            if not is_reserved(kind) and (not definition.kinds or kind in definition.kinds)
        ]
        rows = rows[np.isin(histories.kind[rows], codes)]
        written = histories.pick("properties", rows)
        read: list[dict[str, Any]] = [{} if each is None else json.loads(each) for each in written]
        keep = np.array(
            [all(str(own.get(key)) == wanted for key, wanted in definition.where) for own in read],
            np.bool_,
        )
        rows = rows[keep]
        may_read = "wellbeing_inference" in definition.purposes
        self._window = definition.window_days
        self._occurred = histories.occurred_at[rows]
        self._known = histories.known_at[rows]
        self._superseded = histories.superseded_at[rows]
        self._kinds = [histories.kinds[code] for code in histories.kind[rows]]
        self._values = histories.value_micros[rows].tolist()
        self._texts = histories.pick("text", rows) if may_read else [None] * len(rows)
        self._properties = [_frozen(own) for own, kept in zip(read, keep, strict=True) if kept]

    def known_at(self, as_of: int) -> CustomerRecord:
        usable = (self._occurred < as_of) & (self._known < as_of) & (self._superseded >= as_of)
        if self._window is not None:
            usable &= self._occurred >= as_of - self._window * DAY_US
        return CustomerRecord(
            from_micros(as_of),
            tuple(self._event(row, as_of) for row in np.flatnonzero(usable).tolist()),
        )

    def _event(self, row: int, as_of: int) -> KnownEvent:
        occurred, micros = int(self._occurred[row]), self._values[row]
        return KnownEvent(
            self._kinds[row],
            from_micros(occurred),
            (as_of - occurred) / DAY_US,
            None if micros == MISSING else micros / MICROS,
            self._properties[row],
            self._texts[row],
        )


def _call(definition: FeatureDefinition, function: OwnFunction, record: CustomerRecord) -> float:
    try:
        answer = function(record)
    except Exception as error:  # noqa: BLE001 - whatever a company's function may raise
        where = _line(error, _place(definition)[0])
        raise ConfigurationError(
            [f"feature {definition.name}: {type(error).__name__} at {where}"],
            source="an own function",
            hint="correct the function and train again",
        ) from None
    if answer is None:
        return definition.empty
    if not isinstance(answer, bool | int | float | np.number):
        raise ConfigurationError(
            [f"feature {definition.name} gave a {type(answer).__name__}, not a number or None"],
            source="an own function",
        )
    try:
        number = float(answer)
    except OverflowError:
        return definition.empty
    return number if math.isfinite(number) else definition.empty


def _line(error: BaseException, file: str) -> str:
    """Where in the company's own file it went wrong."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{file} line {line}" if line else file


def _place(definition: FeatureDefinition) -> tuple[str, str, str | None]:
    found = FUNCTION.fullmatch(definition.function)
    assert found is not None  # a definition without it cannot be made
    return found["file"], found["name"], found["sha256"]


def _read(directory: Path, file: str) -> bytes:
    place = (directory / file).resolve()
    if not place.is_relative_to(directory.resolve()):
        raise ConfigurationError([f"{file} lies outside the home"], source="the own functions")
    try:
        return place.read_bytes()
    except OSError:
        raise ConfigurationError(
            [f"{file} cannot be read in {directory.name or 'the home'}/"],
            source="the own functions",
        ) from None


def _run(content: bytes, file: str) -> ModuleType:
    """Run exactly these bytes as a module of their own; nothing is cached on disk."""
    module = ModuleType(f"own_features_{hashlib.sha256(content).hexdigest()[:16]}")
    module.__file__ = file
    sys.modules[module.__name__] = module
    try:
        exec(compile(content, file, "exec"), module.__dict__)  # noqa: S102 - the company's own code
    except SyntaxError as error:
        del sys.modules[module.__name__]
        raise ConfigurationError(
            [f"{file} line {error.lineno}: {error.msg}"], source=file
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever a company's file may raise
        del sys.modules[module.__name__]
        problem = f"{type(error).__name__} at {_line(error, file)}"
        raise ConfigurationError([problem], source=file) from None
    return module


def _named(module: ModuleType, name: str, file: str) -> OwnFunction:
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigurationError([f"{file} has no function {name}"], source=file)
    found: OwnFunction = function
    return found


def _frozen(found: Any) -> Any:
    if isinstance(found, dict):
        return MappingProxyType({key: _frozen(value) for key, value in found.items()})
    return tuple(_frozen(each) for each in found) if isinstance(found, list) else found
